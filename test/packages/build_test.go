// SPDX-License-Identifier: Apache-2.0

package packages

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"nso.example/nso/test/bed"
)

// names are the packages that there are.
var names = []string{"nso", "nso-pam", "nso-exec", "nso-polkit", "nso-sudo"}

// made is the result of one "make packages" for all tests.
var made struct {
	once   sync.Once
	source string // the copy of the project that they were made in
	dir    string // where they are
	kept   bool   // somebody else's
	err    error
	opened map[string]map[string]entry // what contents has read, by name
}

func TestMain(m *testing.M) {
	status := m.Run()
	if made.source != "" && !made.kept {
		os.RemoveAll(filepath.Dir(made.source))
	}
	os.Exit(status)
}

// root is the project's folder.
func root() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return dir
}

// built makes the packages, once, and returns the folder that they are in.
func built(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("building all packages is long")
	}
	if out, err := exec.Command("sh", "-c", `printf '#include <security/pam_appl.h>' | gcc -E - >/dev/null`).CombinedOutput(); err != nil {
		t.Skipf("gcc and libpam0g-dev are needed to build the packages: test/setup test installs them (%s)", bytes.TrimSpace(out))
	}
	made.once.Do(func() {
		if dir := os.Getenv("NSO_PACKAGES"); dir != "" { // a folder of the project where they have been made
			made.source, made.dir, made.kept = dir, filepath.Join(dir, "dist"), true
			return
		}
		if os.Getenv("NSO_BIN") == filepath.Join(root(), "bin") { // "make test" has built them of these sources
			made.source, made.dir, made.kept = root(), bed.Packages(t, ""), true
			return
		}
		dir, err := os.MkdirTemp("", "nso-packages-")
		if err != nil {
			made.err = err
			return
		}
		made.source = filepath.Join(dir, "one")
		made.dir = filepath.Join(made.source, "dist")
		if made.err = copyProject(root(), made.source); made.err == nil {
			made.err = makePackages(made.source, "umask 022")
		}
	})
	if made.err != nil {
		t.Fatal(made.err)
	}
	return made.dir
}

// copyProject copies what a clone would have, and what is not committed yet.
func copyProject(from, to string) error {
	list := exec.Command("sh", "-c", `git ls-files -z --cached --others --exclude-standard 2>/dev/null || find . \( -name .git -o -name .cache -o -path ./bin -o -path ./dist \) -prune -o -type f -print0`)
	list.Dir = from
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("cannot list the project's files: %w", err)
	}
	for _, name := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		path := filepath.Join(from, name)
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		} else if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(dst, text, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}

// makePackages runs "make packages" in a copy of the project.
func makePackages(dir, before string) error {
	cmd := exec.Command("sh", "-c", before+"; exec make -s packages")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make packages: %w\n%s", err, out)
	}
	return nil
}

// find returns the file of a package: kind is "deb" or "rpm".
func find(t *testing.T, name, kind string) string {
	t.Helper()
	pattern := name + "_[0-9]*." + kind
	if kind == "rpm" {
		pattern = name + "-[0-9]*." + kind
	}
	found, err := filepath.Glob(filepath.Join(built(t), pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("there is no one %s: %v %v", pattern, found, err)
	}
	return found[0]
}

// TestMade: one deb and one rpm of each package, of the version in VERSION, and
// nothing else.
func TestMade(t *testing.T) {
	dir := built(t)
	text, err := os.ReadFile("../../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimSpace(string(text))
	for _, name := range names {
		for _, kind := range []string{"deb", "rpm"} {
			if file := filepath.Base(find(t, name, kind)); !strings.Contains(file, version) {
				t.Errorf("%s is not of version %s", file, version)
			}
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2*len(names) {
		t.Errorf("%d packages, want %d: %v", len(files), 2*len(names), files)
	}
	log, err := os.ReadFile("../../packaging/changelog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "semver: "+version+"-") {
		t.Errorf("packaging/changelog.yaml says nothing of %s", version)
	}
}

// TestReproducible makes the packages again in another folder, with other
// permissions, another time zone and another language: the same bytes.
func TestReproducible(t *testing.T) {
	dir := built(t)
	again := filepath.Join(t.TempDir(), "a longer name of a folder")
	if err := copyProject(made.source, again); err != nil {
		t.Fatal(err)
	}
	if err := makePackages(again, "umask 077; export TZ=Asia/Tokyo LANG=de_DE.UTF-8"); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		one, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.ReadFile(filepath.Join(again, "dist", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, two) {
			t.Errorf("%s has other bytes the second time (or bin/ is not of these sources: make build)", f.Name())
			differs(t, made.source, again)
		}
	}
}

// differs says which programs of two builds differ.
func differs(t *testing.T, a, b string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(a, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		one, _ := os.ReadFile(filepath.Join(a, "bin", f.Name()))
		two, _ := os.ReadFile(filepath.Join(b, "bin", f.Name()))
		if !bytes.Equal(one, two) {
			t.Logf("bin/%s differs", f.Name())
		}
	}
}

// entry is one file of a package.
type entry struct {
	header tar.Header
	data   []byte
}

// contents reads what a deb holds, by path ("/usr/bin/nso").
func contents(t *testing.T, name string) map[string]entry {
	t.Helper()
	if all, ok := made.opened[name]; ok {
		return all
	}
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("dpkg-deb is not here to open a deb")
	}
	out, err := exec.Command("dpkg-deb", "--fsys-tarfile", find(t, name, "deb")).Output()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]entry)
	for r := tar.NewReader(bytes.NewReader(out)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			if made.opened == nil {
				made.opened = make(map[string]map[string]entry)
			}
			made.opened[name] = all
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(strings.TrimPrefix(h.Name, "."), "/")] = entry{*h, data}
	}
}
