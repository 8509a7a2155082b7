// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

const module = "nso.example/nso"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath   string
	Name, Dir    string
	GoFiles      []string
	CgoFiles     []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	Deps         []string
	Standard     bool
}

func (p pkg) rel() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

func list(t *testing.T, args ...string) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Name,Dir,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports,Deps,Standard"}, args...)...)
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot list the packages: %v", err)
	}
	all := make(map[string]pkg)
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// floors reads floors.txt: package or "prefix/..." to floor number.
func floors(t *testing.T) map[string]int {
	t.Helper()
	f, err := os.Open("floors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := make(map[string]int)
	floor := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line, _, _ := strings.Cut(sc.Text(), "#")
		names := strings.Fields(line)
		if len(names) == 0 {
			continue
		}
		floor++
		for _, n := range names {
			if _, twice := m[n]; twice {
				t.Errorf("floors.txt names %s twice", n)
			}
			m[n] = floor
		}
	}
	return m
}

// free are folders that hold tests and their tools, no rooms of the house.
func free(rel string) bool {
	return rel == "test" || strings.HasPrefix(rel, "test/") || rel == "internal/archtest" ||
		strings.HasSuffix(rel, "test") // yang/yangtest, tree/treetest: used by tests alone, see TestTestPackages
}

func TestImportsGoDownwards(t *testing.T) {
	fl := floors(t)
	all := list(t, "./...")
	seen := make(map[string]bool)
	for _, p := range all {
		if free(p.rel()) {
			continue
		}
		from, ok := fl[p.rel()]
		if !ok {
			t.Errorf("%s has no floor: add it to internal/archtest/floors.txt", p.rel())
			continue
		}
		seen[p.rel()] = true
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, module+"/") {
				continue
			}
			rel := strings.TrimPrefix(imp, module+"/")
			to, ok := fl[rel]
			switch {
			case !ok:
				t.Errorf("%s imports %s, which has no floor (a test package?)", p.rel(), rel)
			case to >= from:
				t.Errorf("%s (floor %d) imports %s (floor %d): imports go strictly downwards", p.rel(), from, rel, to)
			}
		}
	}
	for name := range fl {
		if !seen[name] {
			t.Errorf("floors.txt names %s, which does not exist", name)
		}
	}
}

// doorless are the rooms whose only way to data is mgmt.Session.
func TestReceptionRoomsUseMgmtOnly(t *testing.T) {
	behind := map[string]string{
		"cdb": "the database is reached through mgmt.Session, which carries the identity",
		"txn": "transactions are begun by mgmt.Session", "nacm": "access control is asked inside mgmt",
		"cdb/journal": "only cdb writes the journal",
	}
	for _, p := range list(t, "./...") {
		rel := p.rel()
		if free(rel) || rel != "netconf" && rel != "cli" && !strings.HasPrefix(rel, "netconf/") && !strings.HasPrefix(rel, "ipc/") {
			continue
		}
		for _, imp := range p.Imports {
			if why, bad := behind[strings.TrimPrefix(imp, module+"/")]; bad {
				t.Errorf("%s imports %s: %s", rel, imp, why)
			}
		}
	}
}

// forbidden names what must not be in the closure of a command, and why.
var forbidden = []struct{ command, dependency, why string }{
	{"cmd/nsod", "os/exec", "the daemon starts no program"},
	{"cmd/nsod", "net/http", "the daemon speaks no HTTP"},
	{"cmd/nsod", "github.com/godbus/dbus/v5", "the daemon never touches D-Bus; it imports os/exec too"},
	{"cmd/nsod", "runtime/cgo", "the daemon is pure Go"},
	{"cmd/nsod", "os/user", "names come from systemd's user database or the files, through ident"},
	{"cmd/nso-listen", "os/exec", "the listener starts no program"},
	{"cmd/nso-generator", "os/exec", "a generator runs at boot as root and starts no program"},
	{"cmd/nso-netconf-subsystem", "os/exec", "the subsystem starts no program"},
}

func TestForbiddenDependencies(t *testing.T) {
	t.Setenv("CGO_ENABLED", "0") // as the commands are built
	all := list(t, "-deps", "./cmd/...")
	for _, f := range forbidden {
		p, ok := all[module+"/"+f.command]
		if !ok {
			t.Errorf("%s does not exist: mend the table", f.command)
			continue
		}
		for _, d := range p.Deps {
			if d == f.dependency {
				t.Errorf("%s depends on %s: %s", f.command, d, f.why)
			}
		}
	}
	// Only nso-pam and nso-nss use cgo; only nso-exec and nso start programs.
	for _, p := range all {
		if p.Standard || !strings.HasPrefix(p.ImportPath, module+"/") {
			continue
		}
		if len(p.CgoFiles) > 0 && p.rel() != "cmd/nso-pam" && p.rel() != "cmd/nso-nss" {
			t.Errorf("%s uses cgo", p.rel())
		}
		for _, imp := range p.Imports {
			if imp == "os/exec" && p.rel() != "cmd/nso-exec" && p.rel() != "cmd/nso" && p.rel() != "cmd/nso/run" && p.rel() != "cmd/nso-mediate/sudo" {
				t.Errorf("%s imports os/exec: only nso-exec, nso run and the mediator's way by sudo start programs", p.rel())
			}
			if strings.Contains(imp, "godbus/dbus") && p.rel() != "cmd/nso-mediate/polkit" && p.rel() != "cmd/nso" && !strings.HasPrefix(p.rel(), "cmd/nso/") {
				t.Errorf("%s imports D-Bus: only nso-mediate and the nso tool speak it", p.rel())
			}
		}
	}
}

// TestSizes holds the budgets: 600 lines a file without a reason, 1,000 never,
// 300 for a main, 1,800 for mgmt.
func TestSizes(t *testing.T) {
	mgmt := 0
	for _, p := range list(t, "./...") {
		main := 0
		for _, f := range append(append([]string{}, p.GoFiles...), p.CgoFiles...) {
			text, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			n := strings.Count(string(text), "\n")
			name := p.rel() + "/" + f
			if n > 1000 {
				t.Errorf("%s has %d lines; over 1,000 is too many for any file", name, n)
			} else if n > 600 && !strings.Contains(string(text), "// Over 600 lines:") {
				t.Errorf("%s has %d lines; over 600 it needs a line \"// Over 600 lines: why\"", name, n)
			}
			main += n
			if p.rel() == "mgmt" {
				mgmt += n
			}
		}
		if strings.HasPrefix(p.rel(), "cmd/") && p.Name == "main" && main > 300 && p.rel() != "cmd/nso" {
			t.Errorf("%s has %d lines; a main is a table of contents of at most 300", p.rel(), main)
		}
	}
	if mgmt > 1800 {
		t.Errorf("mgmt has %d lines; its budget is 1,800: redesign it", mgmt)
	}
}

// TestPackages asks every room for one package comment and the licence on every
// file, and forbids names that say nothing, init functions and mutable globals.
func TestPackages(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, bad := range []string{"util", "utils", "common", "base", "types", "manager", "helpers", "misc", "pkg"} {
			if p.Name == bad {
				t.Errorf("%s: %q names no noun", p.rel(), bad)
			}
		}
		comments := 0
		files := append(append(append(append([]string{}, p.GoFiles...), p.CgoFiles...), p.TestGoFiles...), p.XTestGoFiles...)
		for _, f := range files {
			path := filepath.Join(p.Dir, f)
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := os.ReadFile(path)
			if !strings.HasPrefix(string(text), "// SPDX-License-Identifier: Apache-2.0\n") {
				t.Errorf("%s/%s: the first line must name the licence", p.rel(), f)
			}
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			if file.Doc != nil {
				comments++
			}
			for _, d := range file.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s/%s: no init functions", p.rel(), f)
				}
			}
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 && comments != 1 {
			t.Errorf("%s has %d package comments; it needs one", p.rel(), comments)
		}
	}
}

// TestTestPackages: a package whose name ends in "test" serves tests alone.
func TestTestPackages(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, imp := range p.Imports {
			rel := strings.TrimPrefix(imp, module+"/")
			if rel != imp && free(rel) && !free(p.rel()) {
				t.Errorf("%s imports %s outside its tests", p.rel(), rel)
			}
		}
	}
}

// TestNoMachinePaths: the project says nothing about the machine it was built on.
func TestNoMachinePaths(t *testing.T) {
	bad := []string{"/wo" + "rk/main", "/wo" + "rk/shared", "proxy.golang" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org"}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); n == ".git" || n == "bin" || n == "dist" || n == ".cache" {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 || strings.HasSuffix(path, ".sum") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, b := range bad {
			if strings.Contains(string(text), b) {
				t.Errorf("%s contains %q", path, b)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDependencies holds the list of modules in go.mod against docs/dependencies.md,
// so that a new dependency is a visible decision with a reason.
func TestDependencies(t *testing.T) {
	doc, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, m := range strings.Fields(string(out)) {
		used[m] = true
	}
	delete(used, module)
	var missing []string
	for m := range used {
		if !strings.Contains(string(doc), m) {
			missing = append(missing, m)
		}
	}
	sort.Strings(missing)
	if len(missing) > 0 {
		t.Errorf("docs/dependencies.md gives no reason for: %s", strings.Join(missing, ", "))
	}
}
