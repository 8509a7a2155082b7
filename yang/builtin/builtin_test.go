// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// names is what the house counts on.
var names = []string{
	"iana-crypt-hash", "iana-if-type", "ietf-datastores", "ietf-factory-default", "ietf-inet-types", "ietf-interfaces", "ietf-ip",
	"ietf-netconf", "ietf-netconf-acm", "ietf-netconf-monitoring", "ietf-netconf-nmda",
	"ietf-netconf-notifications", "ietf-netconf-partial-lock", "ietf-netconf-with-defaults", "ietf-network-instance", "ietf-nmda-compare", "ietf-origin", "ietf-restconf",
	"ietf-subscribed-notifications", "ietf-system",
	"ietf-yang-library", "ietf-yang-metadata", "ietf-yang-patch", "ietf-yang-push", "ietf-yang-schema-mount",
	"ietf-yang-structure-ext", "ietf-yang-types",
	"nc-notifications", "notifications", "nso-access", "nso-commit", "nso-exec", "nso-subscriptions", "nso-transports",
}

func TestList(t *testing.T) {
	list := List()
	var have []string
	for _, s := range list {
		have = append(have, s.Name)
	}
	if !slices.Equal(have, names) {
		t.Errorf("modules are\n%v, want\n%v", have, names)
	}
	list[0].Text[0] = 'X'
	if List()[0].Text[0] == 'X' {
		t.Error("writing into a listed text changed the built-in module")
	}
}

func TestFS(t *testing.T) {
	var files []string
	for _, s := range List() {
		files = append(files, s.FileName())
		text, err := fs.ReadFile(FS(), s.FileName())
		if err != nil || !bytes.Equal(text, s.Text) {
			t.Errorf("%s in FS and in List differ (%v)", s.FileName(), err)
		}
	}
	if err := fstest.TestFS(FS(), files...); err != nil {
		t.Error(err)
	}
	entries, err := fs.ReadDir(FS(), ".")
	if err != nil || len(entries) != len(files) {
		t.Errorf("%d files in FS, %d modules in List (%v)", len(entries), len(files), err)
	}
}

// TestText holds each file to its name, to the form of the house, and the set
// to being closed.
func TestText(t *testing.T) {
	for _, s := range List() {
		t.Run(s.Name, func(t *testing.T) {
			if !bytes.HasPrefix(s.Text, []byte("// SPDX-License-Identifier: Apache-2.0\n")) {
				t.Error("first line is no SPDX comment")
			}
			m, err := readModule(string(s.Text))
			if err != nil {
				t.Fatal(err)
			}
			if m.keyword != "module" || m.arg != s.Name {
				t.Errorf("holds %s %s", m.keyword, m.arg)
			}
			newest := ""
			for _, sub := range m.subs {
				switch sub.keyword {
				case "revision":
					newest = max(newest, sub.arg)
				case "import":
					if _, known := slices.BinarySearch(names, sub.arg); !known {
						t.Errorf("imports %s, which is not here", sub.arg)
					}
				}
			}
			if newest != s.Revision {
				t.Errorf("newest revision in the text is %q, in the file name %q", newest, s.Revision)
			}
			for _, line := range m.lines(nil, "") {
				if strings.HasPrefix(s.Name, "nso-") {
					break // its prose is ours
				}
				for _, prose := range []string{"description \"", "reference \"", "organization \"", "contact \""} {
					if strings.HasPrefix(strings.TrimSpace(line), prose) {
						t.Errorf("carries prose: %.60s", line)
					}
				}
			}
		})
	}
}

// published is the folder of the published modules. It is given by
// NSO_YANG_DIR, else it lies beside the checkout; without either a stranger's
// checkout has nothing to compare with.
func published(t *testing.T) string {
	t.Helper()
	dir, given := os.LookupEnv("NSO_YANG_DIR")
	if !given {
		dir = filepath.Join("..", "..", "..", "shared", "yang")
	}
	dir, err := filepath.Abs(filepath.Join(dir, "ietf"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		if given {
			t.Fatalf("cannot read the published modules NSO_YANG_DIR names: %v", err)
		}
		t.Skipf("the published modules are not beside this checkout (%s); set NSO_YANG_DIR to a folder with ietf/*.yang", dir)
	}
	return dir
}

// standard are the modules that somebody else published; of RFC 5277 there are XML
// schemas alone.
func standard() []Source {
	return slices.DeleteFunc(List(), func(s Source) bool {
		return strings.HasPrefix(s.Name, "nso-") || s.Name == "notifications" || s.Name == "nc-notifications"
	})
}

// TestPublishedStatements compares every statement.
func TestPublishedStatements(t *testing.T) {
	dir := published(t)
	for _, s := range standard() {
		t.Run(s.Name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, s.Name+".yang"))
			if err != nil {
				t.Fatal(err)
			}
			diff, err := difference(string(s.Text), string(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff != "" {
				t.Errorf("not the published schema:\n%s", diff)
			}
		})
	}
}

// TestPublishedTree compares the schema trees yanglint draws.
func TestPublishedTree(t *testing.T) {
	dir := published(t)
	ours := unpack(t)
	for _, s := range standard() {
		t.Run(s.Name, func(t *testing.T) {
			have := tree(t, ours, filepath.Join(ours, s.FileName()))
			want := tree(t, dir, filepath.Join(dir, s.Name+".yang"))
			if have != want {
				t.Errorf("not the published tree; ours\n%s\npublished\n%s", have, want)
			}
		})
	}
}

// TestYanglint compiles each module with nothing but the others to import.
func TestYanglint(t *testing.T) {
	dir := unpack(t)
	for _, s := range List() {
		t.Run(s.Name, func(t *testing.T) { tree(t, dir, filepath.Join(dir, s.FileName())) })
	}
}

// unpack writes the built-in modules into a folder for yanglint.
func unpack(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, FS()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tree is what yanglint, an independent implementation, makes of a module.
//
// Debian's yanglint 2.1.30 falls over when it draws a module with an annotation
// (RFC 7952) in it. It adds annotations of its own to ietf-netconf and
// ietf-netconf-with-defaults, known by their names, so those are drawn under
// another name; ietf-origin, which has no nodes to draw, is compiled only.
func tree(t *testing.T, dir, file string) string {
	t.Helper()
	tool, err := exec.LookPath("yanglint")
	if err != nil {
		t.Fatal("cannot find yanglint: install the Debian package libyang2-tools")
	}
	// -D: look for imports in dir only, not in the working directory.
	args := []string{"-D", "-p", dir}
	name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".yang"), "@")
	switch name {
	case "ietf-origin":
	case "ietf-netconf", "ietf-netconf-with-defaults":
		file = renamed(t, file, name, name+"-drawn")
		fallthrough
	default:
		args = append(args, "-f", "tree")
	}
	cmd := exec.CommandContext(t.Context(), tool, append(args, file)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("yanglint refuses %s: %v\n%s", filepath.Base(file), err, errs.String())
	}
	if name != "ietf-origin" && !strings.HasPrefix(out.String(), "module: "+name) {
		t.Fatalf("yanglint drew nothing for %s\n%s%s", filepath.Base(file), out.String(), errs.String())
	}
	return out.String()
}

// renamed is a copy of a module under another name.
func renamed(t *testing.T, file, name, other string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(replaced(t, string(text), "module "+name+" {", "module "+other+" {"))
	file = filepath.Join(t.TempDir(), other+".yang")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDifference shows that the comparison sees what must not differ and
// passes over what may.
func TestDifference(t *testing.T) {
	const base = `module m { namespace "urn:m"; prefix m; revision 2020-01-01;
	  feature f; identity a; identity b { base a; }
	  typedef p { type string { length "1..9"; pattern 'a[0-9]+' + '\.b'; } }
	  container c { nacm:default-deny-all; presence "here"; must "x = 'y'" { error-message "no"; }
	    leaf x { if-feature f; type enumeration { enum q; enum r; } default q; }
	    leaf y { type union { type p; type int8; } status deprecated; } } }`
	same := []struct{ old, new string }{
		{`presence "here"`, `presence "otherwise worded"`},
		{`"1..9"`, `"1 .. 9"`},
		{`'a[0-9]+' + '\.b'`, `"a[0-9]+\\" /* half */ + '.b'`},
		{`identity a; identity b { base a; }`, `identity b { base a; } identity a { description "A; not {"; }`},
		{`"x = 'y'"`, "\"x\n     = 'y'\""},
		{`default q;`, `default "q"; reference 'RFC // 1';`},
		{`status deprecated; }`, "status deprecated; } // the end\n"},
		{`if-feature f; type enumeration { enum q; enum r; }`, `type enumeration { enum q; enum r; } if-feature f;`},
	}
	for _, c := range same {
		if d := mustDifference(t, base, replaced(t, base, c.old, c.new)); d != "" {
			t.Errorf("%s -> %s is the same schema, but seen as different:\n%s", c.old, c.new, d)
		}
	}
	other := []struct{ old, new string }{
		{`"urn:m"`, `"urn:n"`}, {`prefix m`, `prefix n`}, {`2020-01-01`, `2020-01-02`},
		{`feature f;`, ``}, {`{ base a; }`, `;`}, {`"1..9"`, `"1..8"`}, {`'\.b'`, `'.b'`}, {`'\.b'`, `"\\\\.b"`},
		{`nacm:default-deny-all;`, ``}, {`presence "here";`, ``}, {`x = 'y'`, `x != 'y'`},
		{`error-message "no"`, `error-message "yes"`}, {`if-feature f;`, ``}, {`enum q; enum r;`, `enum r; enum q;`},
		{`default q`, `default r`}, {`type p; type int8;`, `type int8; type p;`}, {`status deprecated`, `status obsolete`},
		{`leaf y {`, `leaf-list y {`}, {`leaf x {`, `leaf z { type p; } leaf x {`}, {`must "`, `when "`},
	}
	for _, c := range other {
		if d := mustDifference(t, base, replaced(t, base, c.old, c.new)); d == "" {
			t.Errorf("%s -> %s is another schema, but not seen", c.old, c.new)
		}
	}
	for _, broken := range []string{"", "module", "module m", "module m {", "module m { leaf x }", `module m { a "b; }`,
		`module m { a "b" + c; }`, "module m; }", "module m { /* ", "module m { { } }"} {
		if _, err := readModule(broken); err == nil {
			t.Errorf("%q is read without complaint", broken)
		}
	}
}

func replaced(t *testing.T, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in the text", old)
	}
	return strings.Replace(text, old, new, 1)
}

func mustDifference(t *testing.T, a, b string) string {
	t.Helper()
	d, err := difference(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
