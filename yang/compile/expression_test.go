// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/compile"
	"nso.example/nso/yang/xpath"
)

// TestExpressions: every when, must and path of the published modules makes
// sense to yang/xpath with the modules and contexts that we give it.
func TestExpressions(t *testing.T) {
	var src compile.Sources
	for _, d := range []string{"openconfig", "ietf"} {
		if err := src.AddDir(published(t, d)); err != nil {
			t.Fatal(err)
		}
	}
	s, _, err := compile.Compile(&src, compile.Options{All: true})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	try := func(n *yang.Node, x *yang.XPath) {
		count++
		if _, err := xpath.Compile(s, x); err != nil {
			t.Errorf("%s: %s: %v", n.Path(), x.Source, err)
		}
	}
	for _, n := range s.Nodes {
		for _, w := range n.Whens {
			try(n, w)
		}
		for _, m := range n.Musts {
			try(n, m.XPath)
		}
		if n.Type != nil && n.Type.Path != nil {
			try(n, n.Type.Path)
		}
	}
	if t.Logf("%d expressions", count); count < 4000 {
		t.Errorf("only %d expressions", count)
	}
}
