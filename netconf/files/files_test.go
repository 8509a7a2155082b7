// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
)

func tag(err error) mgmterr.Tag {
	if l := mgmterr.Of(err); len(l) > 0 {
		return l[0].Tag
	}
	return ""
}

func TestName(t *testing.T) {
	for url, want := range map[string]string{"file:///a.xml": "a.xml", "file:///A_b-1": "A_b-1",
		"file:///": "", "file:///a/b": "", "file:///../x": "", "file:///.hidden": "", "file://host/a": "", "http://x/a": "", "a": "",
		"file:////etc/passwd": "", "file:///a%2fb": "", "file:///a b": "", "file:///" + strings.Repeat("a", 65): ""} {
		if got, err := Name(url); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	read := func(user, name string) string {
		f, err := s.Read(user, name)
		if err != nil {
			return string(tag(err))
		}
		defer f.Close()
		b, _ := io.ReadAll(f)
		return string(b)
	}
	if err := s.Write("ann", "a", text("one")); err != nil {
		t.Fatal(err)
	}
	if err := s.Write("ann", "a", text("two")); err != nil || read("ann", "a") != "two" {
		t.Errorf("%v, %q", err, read("ann", "a"))
	}
	// Nobody sees what is another's, whatever he is called.
	for _, user := range []string{"bob", "", "../ann", "ann\x00"} {
		if got := read(user, "a"); got != string(mgmterr.DataMissing) {
			t.Errorf("%q reads %q", user, got)
		}
		if err := s.Delete(user, "a"); tag(err) != mgmterr.DataMissing {
			t.Errorf("%q deletes: %v", user, err)
		}
	}
	// What cannot be written leaves what was.
	broken := errors.New("broken")
	if err := s.Write("ann", "a", func(w io.Writer) error { io.WriteString(w, "half"); return broken }); !errors.Is(err, broken) || read("ann", "a") != "two" {
		t.Errorf("%v, %q", err, read("ann", "a"))
	}
	big := make([]byte, size+1)
	if err := s.Write("ann", "a", func(w io.Writer) error { _, err := w.Write(big); return err }); tag(err) != mgmterr.TooBig || read("ann", "a") != "two" {
		t.Error(err)
	}
	for i := 1; i < entries; i++ {
		if err := s.Write("ann", fmt.Sprint(i), text("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Write("ann", "more", text("x")); tag(err) != mgmterr.ResourceDenied {
		t.Error(err)
	}
	if err := s.Write("ann", "1", text("y")); err != nil || read("ann", "1") != "y" {
		t.Error(err)
	}
	if err := s.Delete("ann", "1"); err != nil || read("ann", "1") != string(mgmterr.DataMissing) {
		t.Error(err)
	}
	// A link, however it came there, leads nowhere.
	folders, _ := os.ReadDir(dir)
	for _, f := range folders {
		os.Symlink("/etc/passwd", filepath.Join(dir, f.Name(), "link"))
	}
	if f, err := s.Read("ann", "link"); err == nil {
		f.Close()
		t.Error("a link was followed")
	}
}
