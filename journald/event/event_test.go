// SPDX-License-Identifier: Apache-2.0

package event

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write packaging/nso.catalog and the tables of docs/journal.md anew")

// tablesFrom begins the part of docs/journal.md that is made from the table.
const tablesFrom = "<!-- What follows is made from journald/event. -->\n\n"

func TestFilesAreUpToDate(t *testing.T) {
	const catalog, doc = "../../packaging/nso.catalog", "../../docs/journal.md"
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	written, _, found := strings.Cut(string(text), tablesFrom)
	if !found {
		t.Fatalf("%s has no line %q", doc, tablesFrom)
	}
	for path, want := range map[string]string{catalog: Catalog(), doc: written + tablesFrom + Tables()} {
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is not what journald/event makes (%v): go test ./journald/event -update", path, err)
		}
	}
}

func TestTable(t *testing.T) {
	fields := map[string]string{}
	for _, f := range Fields() {
		if !regexp.MustCompile(`^NSO_[A-Z0-9_]+$`).MatchString(f.Name) || len(f.Name) > maxName || f.Meaning == "" {
			t.Errorf("%+v is no field", f)
		}
		for key, name := range fields {
			if name == f.Name || key == f.Key {
				t.Errorf("%s is there twice", f.Name)
			}
		}
		fields[f.Key] = f.Name
	}
	seen := map[string]bool{}
	for _, e := range All() {
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(e.ID) || seen[e.ID] || seen[string(e.Name)] {
			t.Errorf("%s: its id is none, or it is there twice", e.Name)
		}
		seen[e.ID], seen[string(e.Name)] = true, true
		if e.Subject == "" || e.Explanation == "" || strings.Contains(e.Subject, "\n") {
			t.Errorf("%s says nothing", e.Name)
		}
		has := map[string]bool{}
		for _, key := range e.Fields {
			has[FieldName(key)] = true
			has[fields[key]] = true
		}
		for _, m := range regexp.MustCompile(`@([^@ ]+)@`).FindAllStringSubmatch(e.Explanation+e.Remedy, -1) {
			if !has[m[1]] {
				t.Errorf("%s speaks of %s, which its records do not have", e.Name, m[1])
			}
		}
	}
	for key, want := range map[string]string{"free space": "NSO_FREE_SPACE", "a.b": "NSO_A_B", "ä": "NSO__", strings.Repeat("x", 99): Prefix + strings.Repeat("X", 60)} {
		if got := FieldName(key); got != want {
			t.Errorf("%q becomes %q", key, got)
		}
	}
}

// TestEveryEventIsUsed looks for the names of the events in the rooms: an event
// that no room tells of must not be in the catalogue.
func TestEveryEventIsUsed(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "event" || len(path) > 5 && strings.HasPrefix(d.Name(), ".") || d.Name() == "test"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return nil // somebody else's, half written
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "event" {
					used[s.Sel.Name] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	table := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			names++
			if !used[n.Names[0].Name] {
				t.Errorf("no room uses event.%s", n.Names[0].Name)
			}
		case *ast.CompositeLit:
			if len(n.Elts) > 4 {
				if x, ok := n.Elts[0].(*ast.Ident); ok {
					table[x.Name] = true
				}
			}
		}
		return true
	})
	if names != len(table) || names != len(All()) {
		t.Errorf("%d names, %d in the table, %d in All", names, len(table), len(All()))
	}
}
