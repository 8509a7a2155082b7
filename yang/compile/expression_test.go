// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"testing"

	"nso.example/nso/yang/compile"
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
	for _, n := range s.Nodes {
		count += expressions(t, s, n)
	}
	if t.Logf("%d expressions", count); count < 4000 {
		t.Errorf("only %d expressions", count)
	}
}
