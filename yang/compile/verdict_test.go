// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
)

// verdict is one case of testdata/verdicts.txt.
type verdict struct {
	name, want, oracle string
	texts              []string
}

func verdicts(t testing.TB) []verdict {
	t.Helper()
	text, err := os.ReadFile("testdata/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []verdict
	for _, block := range strings.Split(string(text), "\n== ")[1:] {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		v := verdict{name: lines[0]}
		var rest []string
		for _, l := range lines[1:] {
			switch key, arg, _ := strings.Cut(l, ": "); key {
			case "ok":
			case "error":
				v.want = arg
			case "oracle":
				v.oracle = arg
			default:
				rest = append(rest, l)
			}
		}
		body := strings.Join(rest, "\n")
		if !strings.HasPrefix(body, "module ") {
			body = "module m { yang-version 1.1; namespace \"urn:m\"; prefix m;\n" + body + "\n}"
		}
		v.texts = strings.Split(body, "\n--\n")
		out = append(out, v)
	}
	return out
}

var moduleName = regexp.MustCompile(`^(?:sub)?module (\S+)`)

// write puts the texts into a directory of their own, with those of the built-in
// modules that the first imports.
func (v verdict) write(t testing.TB) (dir, first string) {
	t.Helper()
	dir = t.TempDir()
	files, err := fs.ReadDir(builtin.FS(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		module, _, _ := strings.Cut(f.Name(), "@")
		if !strings.Contains(v.texts[0], "import "+module+" ") {
			continue
		}
		text, err := fs.ReadFile(builtin.FS(), f.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name()), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	texts := v.texts
	if strings.Contains(texts[0], "import ietf-restconf ") {
		texts = append(slices.Clone(texts), `module ietf-restconf { yang-version 1.1; namespace "urn:ietf:params:xml:ns:yang:ietf-restconf"; prefix rc;
			revision 2017-01-26; extension yang-data { argument name { yin-element true; } } }`)
	}
	for i, text := range texts {
		name := moduleName.FindStringSubmatch(text)[1]
		if i == 0 {
			first = name
		}
		if err := os.WriteFile(filepath.Join(dir, name+".yang"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, first
}

func compileDir(dir, name string, strict bool) (*yang.Schema, []compile.Warning, error) {
	var src compile.Sources
	if err := src.AddDir(dir); err != nil {
		return nil, nil, err
	}
	return compile.Compile(&src, compile.Options{Implement: []string{name}, Strict: strict})
}

// place is what every error begins with.
var place = regexp.MustCompile(`(?m)^\S+\.yang:[0-9]+:[0-9]+: cannot .* \(in (sub)?module \w+`)

func TestVerdicts(t *testing.T) {
	for _, v := range verdicts(t) {
		t.Run(v.name, func(t *testing.T) {
			dir, name := v.write(t)
			s, _, err := compileDir(dir, name, false)
			switch {
			case v.want == "" && err != nil:
				t.Error(err)
			case v.want == "":
				checkSchema(t, s)
			case err == nil:
				t.Errorf("no error where %q was expected", v.want)
			case !strings.Contains(err.Error(), v.want):
				t.Errorf("got %q, want %q", err, v.want)
			case !place.MatchString(err.Error()):
				t.Errorf("%q does not say where", err)
			}
		})
	}
}

// TestOracleVerdicts: yanglint judges alike, and where both accept, sees the
// same schema.
func TestOracleVerdicts(t *testing.T) {
	for _, v := range verdicts(t) {
		t.Run(v.name, func(t *testing.T) {
			dir, name := v.write(t)
			_, ok, stderr := yanglint(t, "-D", "-p", dir, filepath.Join(dir, name+".yang"))
			same := ok == (v.want == "")
			switch {
			case same && v.oracle != "":
				t.Errorf("the oracle agrees; no need to say %q", v.oracle)
			case !same && v.oracle == "":
				t.Errorf("we say %q; the oracle accepts: %v\n%s", v.want, ok, stderr)
			case ok && v.want == "":
				compare(t, []string{dir}, compile.Options{Implement: []string{name}})
			}
		})
	}
}
