// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const text = "[rule.NAME]\nprogram = \"/x\"\nrun-as = \"caller\"\n"

func TestRead(t *testing.T) {
	dir := t.TempDir()
	f := &Folder{Path: dir, Owner: uint32(os.Getuid())}
	put := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	rule := func(name string) string { return strings.ReplaceAll(text, "NAME", name) }
	expect := func(rules string, errs ...string) {
		t.Helper()
		s := f.Read()
		var names []string
		for _, r := range s.Sorted() {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != rules || len(s.Errs) != len(errs) {
			t.Errorf("the rules are %q, want %q; errors: %v", got, rules, s.Errs)
			return
		}
		for i, e := range errs {
			if !strings.Contains(s.Errs[i].Error(), e) {
				t.Errorf("%v, want %q", s.Errs[i], e)
			}
		}
	}
	expect("")
	put("a.toml", rule("a"), 0o644)
	put("b.toml", rule("b"), 0o644)
	put("b.toml~", "nonsense", 0o644)
	put(".c.toml", "nonsense", 0o644)
	expect("a b")
	put("b.toml", rule("b")+"x = 1", 0o644)
	expect("a", "b.toml:4: cannot use the key")
	put("b.toml", rule("c"), 0o644) // as long as before
	expect("a c")
	put("b.toml", rule("a"), 0o644)
	expect("", "neither counts")
	put("c.toml", rule("a"), 0o644)
	expect("", "neither counts", "neither counts")
	if err := os.Remove(filepath.Join(dir, "c.toml")); err != nil {
		t.Fatal(err)
	}
	put("b.toml", rule("b"), 0o664)
	expect("a", "others than root may write it (0664)")
	put("b.toml", rule("b"), 0o644)
	if err := os.Symlink("b.toml", filepath.Join(dir, "c.toml")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "d.toml"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "e.toml"), 0o755); err != nil {
		t.Fatal(err)
	}
	expect("a b", "c.toml: it is a link", "d.toml: it is no file", "e.toml: it is no file")
	if err := os.Chmod(dir, 0o775); err != nil {
		t.Fatal(err)
	}
	expect("", "others than root may write it")
	f.Owner++
	expect("", "it belongs to uid")
	f.Path = filepath.Join(dir, "none")
	if s := f.Read(); len(s.Errs) != 1 || !Missing(s.Errs[0]) {
		t.Error(s.Errs)
	}
}
