// SPDX-License-Identifier: Apache-2.0

package treeprint

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

var update = flag.Bool("update", false, "rewrite testdata from what is drawn")

// Each testdata file holds modules and the diagrams of some of them: NAME.tree,
// NAME.groupings (with groupings) and NAME.depth (one level).
func TestTree(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, f := range a.Files {
				if strings.HasSuffix(f.Name, ".yang") {
					texts = append(texts, string(f.Data))
				}
			}
			s := yangtest.Schema(t, texts...)
			changed := false
			for i, f := range a.Files {
				name, kind, _ := strings.Cut(f.Name, ".")
				opt := map[string]Options{"tree": {}, "groupings": {Groupings: true}, "depth": {Depth: 1}}[kind]
				if kind == "yang" {
					continue
				}
				got := []byte(Module(s, s.Module(name), opt))
				if bytes.Equal(got, f.Data) {
					continue
				}
				changed = true
				a.Files[i].Data = got
				if !*update {
					t.Errorf("%s: got\n%s\nwant\n%s", f.Name, got, f.Data)
				}
			}
			if changed && *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Every schema node of a module is drawn once (invariant 2).
func TestAllNodes(t *testing.T) {
	s := yangtest.Schema(t, "ietf-ip", "ietf-system", "ietf-netconf", "ietf-netconf-nmda", "ietf-netconf-acm")
	drawn, want := 0, 0
	for _, m := range s.Modules {
		if m.Implemented {
			drawn += strings.Count(Module(s, m, Options{}), "--")
		}
	}
	for _, n := range s.Nodes {
		empty := (n.Kind == yang.KindInput || n.Kind == yang.KindOutput) && len(n.Children) == 0
		foreign := n.Parent != nil && n.Module != n.Parent.Module && n.Parent.Kind != yang.KindRoot
		for a := n.Parent; a != nil && a.Parent != nil; a = a.Parent { // drawn with the augment and with its target
			foreign = foreign || a.Module != a.Parent.Module && a.Parent.Kind != yang.KindRoot
		}
		switch {
		case n.Kind == yang.KindRoot || empty:
		case foreign:
			want += 2
		default:
			want++
		}
	}
	if drawn != want {
		t.Errorf("%d nodes are drawn, the schema has %d", drawn, want)
	}
}

func BenchmarkTree(b *testing.B) {
	s := yangtest.Schema(b, "ietf-ip", "ietf-system", "ietf-netconf-acm")
	for b.Loop() {
		Module(s, s.Module("ietf-system"), Options{})
	}
}
