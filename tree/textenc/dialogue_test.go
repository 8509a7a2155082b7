// SPDX-License-Identifier: Apache-2.0

package textenc_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"nso.example/nso/tree"
	"nso.example/nso/tree/textenc"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
)

var update = flag.Bool("update", false, "rewrite testdata with what is printed now")

// edit makes the edits of lines "VERB PATH [= VALUE]".
func edit(t *testing.T, s *yang.Schema, root *tree.Node, lines string) *tree.Node {
	t.Helper()
	ed := tree.NewEditor(root)
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		if line == "" {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		text, value, _ := strings.Cut(rest, " = ")
		p, err := tree.ParsePath(s, text)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch verb {
		case "set":
			value = strings.NewReplacer(`\n`, "\n", `\e`, "\x1b").Replace(value)
			if k := p.Schema().Kind; k == yang.KindAnydata {
				err = ed.SetAny(p, tree.Any{Format: tree.XML, Text: value})
			} else {
				if k == yang.KindLeafList && !p[len(p)-1].HasKey {
					p[len(p)-1].HasKey, p[len(p)-1].Value = true, value
				}
				err = ed.Set(p, value)
			}
		case "delete":
			err = ed.Delete(p)
		case "first":
			err = ed.Move(p, tree.Insert{Where: tree.First})
		default:
			t.Fatalf("unknown verb in %s", line)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return ed.Root()
}

// TestDialogues prints the trees of testdata: "a" makes the first tree, "b" the
// second from it; "curly" and "set" print the second, "curly PATH" a part of it.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	s := treetest.All()
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a := tree.New(s.Root)
			b := a
			for i, f := range ar.Files {
				var out bytes.Buffer
				name, path, _ := strings.Cut(f.Name, " ")
				p := tree.Path{}
				if path != "" {
					if p, err = tree.ParsePath(s, path); err != nil {
						t.Fatal(err)
					}
				}
				switch name {
				case "a":
					a = edit(t, s, a, string(f.Data))
					b = a
					continue
				case "b":
					b = edit(t, s, a, string(f.Data))
					continue
				case "curly":
					err = textenc.Curly(&out, b, p)
				case "set":
					err = textenc.Set(&out, b, p)
				case "compare":
					err = textenc.DiffCurly(&out, a, b)
				case "commands":
					err = textenc.DiffSet(&out, a, b)
				default:
					t.Fatalf("unknown part %q", name)
				}
				if err != nil {
					t.Fatal(err)
				}
				if *update {
					ar.Files[i].Data = out.Bytes()
				} else if got := out.String(); got != string(f.Data) {
					t.Errorf("%s: got\n%s\nwant\n%s", f.Name, got, f.Data)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A name that siblings share carries its module, and only that.
func TestSharedNames(t *testing.T) {
	m, other := treetest.Module("m"), treetest.Module("other")
	root := &yang.Node{Kind: yang.KindRoot, Index: -1, Config: true}
	c := treetest.Builder{Module: m, At: root}.Container("c", false)
	x := treetest.Builder{Module: m, At: c}.Leaf("x", yang.String)
	y := treetest.Builder{Module: other, At: c}.Leaf("x", yang.String)
	z := treetest.Builder{Module: other, At: c}.Leaf("z", yang.String)
	s := treetest.Seal(root, m, other)
	ed := tree.NewEditor(tree.New(s.Root))
	for _, leaf := range []*yang.Node{x, y, z} {
		if err := ed.Set(tree.Path{{Schema: c}, {Schema: leaf}}, "1"); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := textenc.Set(&out, ed.Root(), nil); err != nil {
		t.Fatal(err)
	}
	if want := "set c m:x 1\nset c other:x 1\nset c z 1\n"; out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

type failing struct{ writes int }

func (f *failing) Write([]byte) (int, error) { f.writes++; return 0, errors.New("full") }

// The first error of the writer ends the work and is returned.
func TestWriterFails(t *testing.T) {
	s := treetest.Flat()
	root := flat(t, s, 20000)
	for name, print := range map[string]func(*failing) error{
		"curly":   func(f *failing) error { return textenc.Curly(f, root, nil) },
		"set":     func(f *failing) error { return textenc.Set(f, root, nil) },
		"compare": func(f *failing) error { return textenc.DiffCurly(f, tree.New(s.Root), root) },
	} {
		f := &failing{}
		if err := print(f); err == nil || err.Error() != "full" {
			t.Errorf("%s: got error %v", name, err)
		}
		if f.writes != 1 {
			t.Errorf("%s: %d writes after the first failed", name, f.writes-1)
		}
	}
}

func flat(t testing.TB, s *yang.Schema, n int) *tree.Node {
	top := s.Root.Child("", "top")
	entry := top.Child("", "entry")
	name, value := entry.Child("", "name"), entry.Child("", "value")
	b := tree.NewBuilder(s.Root)
	b.Open(top)
	for i := range n {
		b.Open(entry)
		if err := errors.Join(b.Leaf(name, fmt.Sprintf("name-%06d", i)), b.Leaf(value, fmt.Sprintf("value %d", i)), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	root, err := b.Done()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

type discard struct{ n int64 }

func (d *discard) Write(b []byte) (int, error) { d.n += int64(len(b)); return len(b), nil }

func BenchmarkCurly100k(b *testing.B) {
	root := flat(b, treetest.Flat(), 100_000)
	b.ReportAllocs()
	for b.Loop() {
		d := &discard{}
		if err := textenc.Curly(d, root, nil); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(d.n)
	}
}

func BenchmarkSet100k(b *testing.B) {
	root := flat(b, treetest.Flat(), 100_000)
	b.ReportAllocs()
	for b.Loop() {
		d := &discard{}
		if err := textenc.Set(d, root, nil); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(d.n)
	}
}
