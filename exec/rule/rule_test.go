// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the dialogues")

// TestDialogues: files of rules and what is said of them, in testdata/*.txtar: the
// comment says what it is about, "rules" is the text, "said" the errors or a line for
// each rule.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			for i := range a.Files {
				switch f := &a.Files[i]; f.Name {
				case "rules":
					rules, err := Parse("x.toml", string(f.Data))
					if err != nil {
						fmt.Fprintln(&out, err)
					}
					for _, r := range rules {
						fmt.Fprintf(&out, "%d %s: %s %q as %s in %s, %v\n", r.Line, r.Name, r.Program, r.Arguments, r.RunAs, r.Directory, r.Deadline)
					}
				case "said":
					if *update {
						f.Data = []byte(out.String())
					} else if got := out.String(); got != string(f.Data) {
						t.Errorf("it says\n%s\nand not\n%s", got, f.Data)
					}
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

const full = `
[rule.all]
description = "d"
help = """a
b"""
confirm = "really?"
program = "/usr/bin/x"
arguments = ["-a", "{one}", "--two={two}", "{flag}", "{rest}", "--", "{last}"]
run-as = "caller"
users = ["ann"]
groups = ["ops"]
terminal = true
directory = "home"
environment = {A = "b", PATH = "/opt/bin"}
pass = ["TZ"]
umask = "0027"
alone = true
deadline = "90s"
limits = {cpu = 1, memory = "2M", processes = 3, files = 4, file-size = 5, core = "unlimited", nice = 6}

[rule.all.argument.one]
type = "integer"
default = 5
[rule.all.argument.two]
type = "choice"
values = ["x", "-y"]
optional = true
[rule.all.argument.flag]
type = "flag"
text = "-v"
[rule.all.argument.rest]
type = "prefix"
many = 2
optional = true
[rule.all.argument.last]
secret = true
pattern = "[a-z-]+|42"
`

func parse(t *testing.T, text string) *Rule {
	t.Helper()
	rules, err := Parse("x.toml", text)
	if err != nil || len(rules) != 1 {
		t.Fatal(rules, err)
	}
	return rules[0]
}

func TestWhole(t *testing.T) {
	r := parse(t, full)
	if r.Umask != 0o027 || r.Deadline != 90*time.Second || !r.Alone || !r.Terminal || *r.Limits.Memory != 2<<20 || *r.Limits.Core != unlimited || r.Limits.Nice != 6 {
		t.Errorf("%+v", r)
	}
	argv, shown, err := r.Argv(map[string][]string{"last": {"-rf"}, "two": {"-y"}, "flag": {"true"}, "rest": {"192.0.2.0/24", "2001:db8::/32"}})
	want := []string{"/usr/bin/x", "-a", "5", "--two=-y", "-v", "192.0.2.0/24", "2001:db8::/32", "--", "-rf"}
	if err != nil || !slices.Equal(argv, want) {
		t.Errorf("%q %v", argv, err)
	}
	if shown[len(shown)-1] != hidden || !slices.Equal(shown[:8], want[:8]) {
		t.Errorf("%q", shown)
	}
	argv, _, err = r.Argv(map[string][]string{"last": {"42"}})
	if want := []string{"/usr/bin/x", "-a", "5", "--", "42"}; err != nil || !slices.Equal(argv, want) {
		t.Errorf("%q %v", argv, err)
	}
}

// TestSecretsInErrors: what is wrong with a secret is said without it.
func TestSecretsInErrors(t *testing.T) {
	_, _, err := parse(t, full).Argv(map[string][]string{"last": {"PASSWORD"}})
	if err == nil || strings.Contains(err.Error(), "PASSWORD") {
		t.Error(err)
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		argument  string
		good, bad []string
	}{
		{"", []string{"a", "a b", "ä", "$(id)", strings.Repeat("x", 255)}, []string{"", "a\nb", "a\tb", "a\x00b", "a\x1b[1m", "\xff", "a\u202eb", strings.Repeat("x", 256)}},
		{"type = \"text\"", []string{"", "a\nb", "\x1b", strings.Repeat("x", 4096)}, []string{"a\x00b", "\xff", strings.Repeat("x", 4097)}},
		{"type = \"text\"\nmin = 2\nmax = 3", []string{"ab", "abc"}, []string{"a", "abcd"}},
		{"type = \"integer\"\nmin = -2\nmax = 30", []string{"-2", "0", "30"}, []string{"", "-3", "31", "+1", "01", "0x1", "1.0", " 1", "99999999999999999999", "-0"}},
		{"type = \"choice\"\nvalues = [\"a\", \"b\"]", []string{"a", "b"}, []string{"", "c", "A", "a "}},
		{"type = \"address\"", []string{"192.0.2.1", "::1"}, []string{"", "192.0.2.256", "fe80::1%eth0", "192.0.2.1/24", "host"}},
		{"type = \"prefix\"", []string{"192.0.2.0/24", "::/0"}, []string{"192.0.2.0", "192.0.2.0/33"}},
		{"type = \"host\"", []string{"a", "a.example", "a.example.", "192.0.2.1", "::1", "_x.y"}, []string{"", "-a", "a-", "a..b", "a b", "a/b", "a;b", ".", strings.Repeat("a", 64), "fe80::1%x"}},
		{"type = \"path\"", []string{"/", "/a/b", "/a b"}, []string{"", "a", "/a/../b", "//a", "/a/", "/a\n"}},
		{"type = \"path\"\npattern = \"/srv/.*\"", []string{"/srv/x"}, []string{"/etc/x", "/x/srv/y"}},
		{"pattern = \"a|b\"", []string{"a", "b"}, []string{"ab", "xa", "bx", "a\nb"}},
	} {
		r := parse(t, "[rule.r]\nprogram = \"/x\"\nrun-as = \"caller\"\narguments = [\"--\", \"{v}\"]\n[rule.r.argument.v]\n"+c.argument)
		for _, v := range c.good {
			if argv, _, err := r.Argv(map[string][]string{"v": {v}}); err != nil || argv[2] != v {
				t.Errorf("%q: %q %v", c.argument, v, err)
			}
		}
		for _, v := range c.bad {
			if argv, _, err := r.Argv(map[string][]string{"v": {v}}); err == nil {
				t.Errorf("%q: %q is taken: %q", c.argument, v, argv)
			}
		}
	}
}

// TestOptions: nobody makes an option of a value.
func TestOptions(t *testing.T) {
	for element, ok := range map[string]bool{`"{v}"`: false, `"--", "{v}"`: true, `"--v={v}"`: true, `"-", "{v}"`: false, `"{v}", "--"`: false, `"{v}x"`: false} {
		r := parse(t, "[rule.r]\nprogram = \"/x\"\nrun-as = \"caller\"\narguments = ["+element+"]\n[rule.r.argument.v]")
		if _, _, err := r.Argv(map[string][]string{"v": {"-rf"}}); (err == nil) != ok {
			t.Errorf("%s: %v", element, err)
		}
	}
}

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		rule, user string
		groups     []string
		want       bool
	}{
		{"", "ann", []string{"ops"}, false},
		{`users = ["ann"]`, "ann", nil, true},
		{`users = ["ann"]`, "an", nil, false},
		{`users = ["ann"]`, "", nil, false},
		{`groups = ["ops"]`, "ann", []string{"a", "ops"}, true},
		{`groups = ["ops"]`, "ops", nil, false},
		{`users = ["*"]`, "eve", nil, true},
		{`users = ["*"]`, "", nil, false},
	} {
		r := parse(t, "[rule.r]\nprogram = \"/x\"\nrun-as = \"caller\"\n"+c.rule)
		if got, why := r.Allows(c.user, c.groups); got != c.want || why == "" {
			t.Errorf("%s: %s %v: %t, %s", c.rule, c.user, c.groups, got, why)
		}
	}
}

func TestEnviron(t *testing.T) {
	r := parse(t, full)
	who := Asker{User: "ann", Groups: []string{"a", "b"}, Session: "7", IPCFD: "3"}
	got, err := r.Environ(Account{Name: "bob", Home: "/home/bob"}, who, map[string]string{"TZ": "UTC", "TERM": "xterm"})
	want := []string{"A=b", "HOME=/home/bob", "LANG=C.UTF-8", "LOGNAME=bob", "NSO_GROUPS=a,b", "NSO_IPC_FD=3", "NSO_SESSION=7", "NSO_USER=ann", "PATH=/opt/bin", "SHELL=/bin/sh", "TERM=xterm", "TZ=UTC", "USER=bob"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v", got, err)
	}
	for name, value := range map[string]string{"A": "x", "LANG": "C", "LD_PRELOAD": "x", "TZ": "/etc/x", "TERM": "../x", "": "x", "NSO_USER": "root"} {
		if _, err := r.Environ(Account{Name: "bob"}, who, map[string]string{name: value}); err == nil {
			t.Errorf("%s=%s is taken", name, value)
		}
	}
	who.Address = "a\nb"
	if _, err := r.Environ(Account{}, who, nil); err == nil {
		t.Error("a line break is taken")
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{"ann": true, "_x": true, "a.b-c_1": true, "": false, "0": false, "1000": false, "-1": false, "4294967295": false, "1a": false, "Ann": false, "a b": false,
		"a@b": false, "a/b": false, "..": false, `a\x2d`: false, strings.Repeat("a", 32): false, "ä": false} {
		if ValidUser(name) != ok {
			t.Errorf("ValidUser(%q) is %t", name, !ok)
		}
	}
}

// FuzzParse: no text makes it panic, an error has a file, and what is taken can be
// asked.
func FuzzParse(f *testing.F) {
	f.Add(full)
	f.Add("[rule.a]\nprogram = \"/x\"\nrun-as = \"root\"")
	f.Add("rule = {a = {program = \"/x\", run-as = \"caller\", arguments = [\"{b}\"], argument = {b = {}}}}")
	f.Add("[rule.a]\nprogram = '''x\n'''\n#[rule.b]")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := Parse("x.toml", text)
		if err != nil {
			var e *Error
			if len(rules) > 0 || !errors.As(err, &e) || e.File != "x.toml" {
				t.Fatalf("%v %v", rules, err)
			}
			return
		}
		for _, r := range rules {
			if !ValidName(r.Name) || !strings.HasPrefix(r.Program, "/") || r.Deadline <= 0 {
				t.Fatalf("%+v", r)
			}
			values := make(map[string][]string)
			for n, a := range r.Argument {
				values[n] = []string{"1"}
				if a.Type == Choice {
					values[n] = a.Values[:1]
				}
			}
			if argv, shown, err := r.Argv(values); err == nil && (argv[0] != r.Program || len(argv) != len(shown)) {
				t.Fatalf("%q %q", argv, shown)
			}
		}
	})
}

// FuzzValue: a value fills the place that it is for, whatever it is.
func FuzzValue(f *testing.F) {
	for _, v := range []string{"a", "-rf", "a\nb", "\x00", "{v}", "$(id)", "--"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		for _, kind := range types() {
			if kind == string(Flag) || kind == string(Choice) {
				continue
			}
			r := parse(t, "[rule.r]\nprogram = \"/x\"\nrun-as = \"caller\"\narguments = [\"a\", \"{v}\", \"b\"]\n[rule.r.argument.v]\ntype = \""+kind+"\"")
			argv, _, err := r.Argv(map[string][]string{"v": {v}})
			if err != nil {
				continue
			}
			if len(argv) != 4 || argv[2] != v || strings.Contains(v, "\x00") || strings.HasPrefix(v, "-") && kind != string(Integer) {
				t.Fatalf("%s: %q gives %q", kind, v, argv)
			}
		}
	})
}
