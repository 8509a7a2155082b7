// SPDX-License-Identifier: Apache-2.0

package packages

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nso.example/nso/config"
)

var update = flag.Bool("update", false, "write what is compared with")

// golden compares text with testdata/name, or writes it.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s is not as it is now; if that is meant, go test -update. Now it is:\n%s", path, text)
	}
}

// modes are those that a file of a package may have that are not 0755 for folders
// and programs, and 0644 for what is read.
var modes = map[string]int64{
	"/etc/nso": 0o750, "/etc/nso/yang": 0o750, "/etc/nso/nso.toml": 0o640, // the daemon's to read
	"/etc/sudoers.d/nso": 0o440, // as sudo wants it
}

// TestDeb walks every deb: all is root's, nothing is setuid, setgid, sticky, a
// device or writable for others, nothing has a capability; and what is in it is what
// has been looked at.
func TestDeb(t *testing.T) {
	for _, name := range names {
		var list []string
		for path, e := range contents(t, name) {
			h := e.header
			mode := h.Mode & 0o7777
			switch {
			case h.Uid != 0 || h.Gid != 0:
				t.Errorf("%s: %s belongs to %d:%d", name, path, h.Uid, h.Gid)
			case h.Typeflag == tar.TypeSymlink:
				list = append(list, fmt.Sprintf("%s -> %s", path, h.Linkname))
				continue
			case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
				t.Errorf("%s: %s is of type %q", name, path, h.Typeflag)
			case mode&0o7022 != 0:
				t.Errorf("%s: %s has mode %o", name, path, mode)
			}
			for key := range h.PAXRecords { // file capabilities, access lists
				if strings.HasPrefix(key, "SCHILY.xattr.") {
					t.Errorf("%s: %s has the attribute %s", name, path, key)
				}
			}
			want := int64(0o644)
			if special, ok := modes[path]; ok {
				want = special
			} else if h.Typeflag == tar.TypeDir || slices.Contains([]string{"/usr/bin", "/usr/sbin", "/usr/libexec/nso", "/usr/lib/systemd/system-generators"}, filepath.Dir(path)) {
				want = 0o755
			}
			if mode != want {
				t.Errorf("%s: %s has mode %04o, want %04o", name, path, mode, want)
			}
			if h.Typeflag == tar.TypeReg {
				list = append(list, path)
			} else if strings.Contains(path, "nso") {
				list = append(list, path+"/")
			}
		}
		slices.Sort(list)
		golden(t, "testdata/"+name+".list", strings.Join(list, "\n")+"\n")
	}
}

// TestRpm: the same of every rpm, which holds the same files but where the family has
// another place for them.
func TestRpm(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("rpm is not here to open an rpm: test/setup test installs it as root")
	}
	elsewhere := strings.NewReplacer("/usr/share/zsh/site-functions/", "/usr/share/zsh/vendor-completions/")
	for _, name := range names {
		out, err := exec.Command("rpm", "-qp", "--qf", `[%{FILEMODES:octal} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILECAPS}|%{FILENAMES}\n]`, find(t, name, "rpm")).Output()
		if err != nil {
			t.Fatal(err)
		}
		deb := contents(t, name)
		seen := make(map[string]bool)
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			head, path, _ := strings.Cut(line, "|")
			f := strings.Fields(head)
			mode, err := strconv.ParseInt(f[0], 8, 64)
			if err != nil || len(f) < 3 {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			group := "root"
			if strings.HasPrefix(path, "/etc/nso") && !strings.HasPrefix(path, "/etc/nso/exec") {
				group = "nso" // the daemon's to read
			}
			if f[1] != "root" || f[2] != group {
				t.Errorf("%s: %s belongs to %s:%s", name, path, f[1], f[2])
			}
			if len(f) > 3 && f[3] != "(none)" {
				t.Errorf("%s: %s has the capabilities %q", name, path, f[3])
			}
			if strings.HasPrefix(path, "/usr/share/licenses/") {
				continue
			}
			path = elsewhere.Replace(path)
			seen[path] = true
			e, ok := deb[path]
			if !ok {
				t.Errorf("%s: %s is in the rpm only", name, path)
			} else if e.header.Typeflag != tar.TypeSymlink && e.header.Mode&0o7777 != mode&0o7777 {
				t.Errorf("%s: %s has mode %o in the rpm, %o in the deb", name, path, mode, e.header.Mode)
			}
		}
		for path, e := range deb {
			if e.header.Typeflag != tar.TypeDir && !seen[path] && !strings.HasPrefix(path, "/usr/share/doc/") && !strings.HasPrefix(path, "/usr/share/lintian/") &&
				!strings.HasPrefix(path, "/usr/share/debianutils/") { // of Debian alone; the rpm's scripts do the same
				t.Errorf("%s: %s is in the deb only", name, path)
			}
		}
	}
}

// TestPrograms: the programs are stripped and link nothing, but those of nso-pam, which
// link no newer C library than the package asks for.
func TestPrograms(t *testing.T) {
	for _, name := range names {
		for path, e := range contents(t, name) {
			if !bytes.HasPrefix(e.data, []byte(elf.ELFMAG)) {
				continue
			}
			f, err := elf.NewFile(bytes.NewReader(e.data))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range f.Sections {
				if s.Name == ".symtab" || strings.HasPrefix(s.Name, ".debug") || strings.HasPrefix(s.Name, ".zdebug") {
					t.Errorf("%s is not stripped: it has %s", path, s.Name)
				}
			}
			libraries, err := f.ImportedLibraries()
			if err != nil {
				t.Fatal(err)
			}
			if name != "nso-pam" {
				if len(libraries) > 0 {
					t.Errorf("%s links %v", path, libraries)
				}
				continue
			}
			if f.Type != elf.ET_DYN {
				t.Errorf("%s is at a fixed address", path)
			}
			for _, l := range libraries {
				if l != "libc.so.6" && l != "libpam.so.0" {
					t.Errorf("%s links %s, which the package does not ask for", path, l)
				}
			}
			symbols, err := f.DynamicSymbols()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range symbols {
				if v, ok := strings.CutPrefix(s.Version, "GLIBC_2."); ok {
					minor, _, _ := strings.Cut(v, ".")
					if n, err := strconv.Atoi(minor); err != nil || n > 34 {
						t.Errorf("%s needs %s of %s; the package asks for 2.34", path, s.Name, s.Version)
					}
				}
			}
		}
	}
}

// TestShippedConfiguration: nso.toml as installed is the defaults, and the folder of
// the site's YANG modules, which is in the package.
func TestShippedConfiguration(t *testing.T) {
	files := contents(t, "nso")
	got, err := config.Parse("nso.toml", string(files["/etc/nso/nso.toml"].data))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.YANG.Path = []string{"/etc/nso/yang"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("nso.toml is %+v, want %+v", got, want)
	}
	if _, ok := files["/etc/nso/yang"]; !ok {
		t.Error("/etc/nso/yang is not in the package")
	}
}

// unitsIn are the texts of the units of a package by name.
func unitsIn(t *testing.T, name string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for path, e := range contents(t, name) {
		if filepath.Dir(path) == "/usr/lib/systemd/system" && e.header.Typeflag == tar.TypeReg {
			found[filepath.Base(path)] = string(e.data)
		}
	}
	return found
}

// TestUnits: every unit of units/files is in exactly one package; nso by itself has
// no unit that runs as root but nso-apply.service; what can be enabled has a preset.
func TestUnits(t *testing.T) {
	in := make(map[string]string)
	for _, name := range names {
		presets := ""
		for path, e := range contents(t, name) {
			if strings.HasPrefix(path, "/usr/lib/systemd/system-preset/") {
				presets += string(e.data)
			}
		}
		for unit, text := range unitsIn(t, name) {
			if name == "nso-sudo" { // the same names as nso-polkit, of which one is there
				if unit == "nso-mediate.service" {
					unit = "nso-mediate-sudo.service"
				} else if unit == "nso-mediate.socket" && in[unit] == "nso-polkit" {
					continue
				}
			}
			if other, twice := in[unit]; twice {
				t.Errorf("%s is in %s and %s", unit, other, name)
			}
			in[unit] = name
			if strings.HasSuffix(unit, ".service") && name == "nso" && unit != "nso-apply.service" && !strings.Contains(text, "\nUser=nso\n") && !strings.Contains(text, "\nUser=%i\n") {
				t.Errorf("%s of package nso runs as root", unit)
			}
			if strings.Contains(text, "\n[Install]\n") != strings.Contains(presets, "able "+unit+"\n") {
				t.Errorf("%s has a preset or an [Install] section, and not the other", unit)
			}
		}
	}
	files, err := os.ReadDir(filepath.Join(made.source, "units", "files"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if in[f.Name()] == "" {
			t.Errorf("units/files/%s is in no package", f.Name())
		}
	}
	for unit := range in {
		if !slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() == unit }) {
			t.Errorf("%s is in a package, and not in units/files", unit)
		}
	}
	// What a unit starts is in a package.
	var all []string
	for _, name := range names {
		for path := range contents(t, name) {
			all = append(all, path)
		}
	}
	all = append(all, "/usr/bin/head", "-/usr/local/libexec/nso/login-external") // the system's, and the site's
	for _, name := range names {
		for unit, text := range unitsIn(t, name) {
			for _, line := range strings.Split(text, "\n") {
				if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
					if program, _, _ := strings.Cut(command, " "); !slices.Contains(all, program) {
						t.Errorf("%s starts %s, which is in no package", unit, program)
					}
				}
			}
		}
	}
}
