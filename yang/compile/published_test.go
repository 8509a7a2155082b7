// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
)

// dir holds published modules.
func dir(testing.TB) string {
	if d := os.Getenv("NSO_YANG_DIR"); d != "" {
		return d
	}
	return "../../../shared/yang"
}

// checkSchema checks the invariants of package yang.
func checkSchema(t testing.TB, s *yang.Schema) {
	t.Helper()
	if s.Root == nil || s.Root.Kind != yang.KindRoot || s.Root.Module != nil || s.Root.Parent != nil {
		t.Fatal("the root is wrong")
	}
	for i, n := range s.Nodes {
		path := lazyPath{n}
		if n.ID != i {
			t.Errorf("%s has ID %d at place %d", path, n.ID, i)
		}
		data := n.Parent
		for data != nil && (data.Kind == yang.KindChoice || data.Kind == yang.KindCase) {
			data = data.Parent
		}
		switch {
		case n.DataParent != data:
			t.Errorf("%s has the wrong data parent", path)
		case n.IsData() && (n.Index < 0 || n.Index >= len(data.DataChildren) || data.DataChildren[n.Index] != n):
			t.Errorf("%s has the wrong index %d", path, n.Index)
		case !n.IsData() && n.Index != -1:
			t.Errorf("%s has an index", path)
		case n.IsData() && data.Child(n.Module.Name, n.Name) != n:
			t.Errorf("%s is not found by name", path)
		case n.IsData() && data.ChildNS(n.Module.Namespace, n.Name) != n:
			t.Errorf("%s is not found by namespace", path)
		case n.Module == nil && n != s.Root:
			t.Errorf("%s has no module", path)
		case (n.Kind == yang.KindLeaf || n.Kind == yang.KindLeafList) != (n.Type != nil):
			t.Errorf("%s: type %v", path, n.Type)
		case n.Kind == yang.KindList && n.Config && len(n.Keys) == 0 && !inStructure(n):
			t.Errorf("%s has no keys", path)
		}
		for i, k := range n.Keys {
			if !k.IsKey || n.DataChildren[i] != k {
				t.Errorf("%s: key %s is not in its place", path, k.Name)
			}
		}
		for _, w := range n.Whens {
			if w.Context == nil || w.Module == nil || w.Default == nil {
				t.Errorf("%s: when without context", path)
			}
		}
		for _, m := range n.Musts {
			if m.XPath.Context != n || m.XPath.Module == nil || m.XPath.Default != n.Module {
				t.Errorf("%s: must without context", path)
			}
		}
		checkType(t, n, n.Type)
	}
}

// lazyPath is the path of a node, made when it is printed.
type lazyPath struct{ n *yang.Node }

func (p lazyPath) String() string { return p.n.Path() }

func inStructure(n *yang.Node) bool {
	for n.Parent != nil {
		n = n.Parent
	}
	return n.Kind == yang.KindStructure
}

func checkType(t testing.TB, n *yang.Node, typ *yang.Type) {
	if typ == nil {
		return
	}
	if typ.Base == yang.Leafref && (typ.Target == nil || typ.Target.Type == nil || typ.Path.Context != n) {
		t.Errorf("%s: leafref without target", n.Path())
	}
	for _, m := range typ.Union {
		checkType(t, n, m)
	}
}

func TestBuiltin(t *testing.T) {
	var src compile.Sources
	if err := src.AddFS(builtin.FS()); err != nil {
		t.Fatal(err)
	}
	s, warnings, err := compile.Compile(&src, compile.Options{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Error(w.Error())
	}
	checkSchema(t, s)
}

// TestPublished: all IETF and all OpenConfig modules together.
func TestPublished(t *testing.T) {
	var src compile.Sources
	for _, d := range []string{"openconfig", "ietf"} {
		if err := src.AddDir(published(t, d)); err != nil {
			t.Fatal(err)
		}
	}
	s, warnings, err := compile.Compile(&src, compile.Options{All: true})
	if err != nil {
		t.Fatal(err)
	}
	checkSchema(t, s)
	kinds := map[yang.Kind]int{}
	implied := 0
	for _, n := range s.Nodes {
		kinds[n.Kind]++
		if (n.Kind == yang.KindInput || n.Kind == yang.KindOutput) && len(n.Children) == 0 {
			implied++
		}
	}
	t.Logf("%d modules, %d nodes (of them %d empty inputs and outputs, %d in structures' roots), %d warnings", len(s.Modules), len(s.Nodes),
		implied, kinds[yang.KindStructure], len(warnings))
	if len(s.Nodes) < 39000 {
		t.Errorf("only %d nodes", len(s.Nodes))
	}
	countAlike(t, s)
}

// countAlike compares with the number of schema nodes that libyang is said to
// count in the same folders. It leaves out the root, which is no statement; what
// is in structures, which are no part of the schema tree (RFC 8791, 2); and the
// 14 nodes of ietf-yang-schema-mount, which it has built in and does not take
// for a module of the folder.
func countAlike(t *testing.T, s *yang.Schema) {
	readme, err := os.ReadFile(filepath.Join(dir(t), "README.md"))
	if err != nil {
		t.Skipf("cannot compare the count with libyang's: %v", err)
	}
	m := regexp.MustCompile(`to ([0-9,]+) schema nodes`).FindSubmatch(readme)
	if m == nil {
		t.Skip("cannot compare the count with libyang's: the folder does not say it")
	}
	want := strings.ReplaceAll(string(m[1]), ",", "")
	count := 0
	for _, n := range s.Nodes {
		if n != s.Root && !inStructure(n) && n.Kind != yang.KindStructure && n.Module.Name != "ietf-yang-schema-mount" {
			count++
		}
	}
	if fmt.Sprint(count) != want {
		t.Errorf("%d nodes, libyang counts %s", count, want)
	}
}
