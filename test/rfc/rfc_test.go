// SPDX-License-Identifier: Apache-2.0

package rfc

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// row is a section in the index.
type row struct {
	state, test string
	line        int
}

// index reads the tables: RFC, section.
func index(t *testing.T) map[string]map[string]row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/rfc/index.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]map[string]row)
	rfc := ""
	for i, line := range strings.Split(string(text), "\n") {
		if n, ok := strings.CutPrefix(line, "## RFC "); ok {
			rfc = n
			all[rfc] = make(map[string]row)
			continue
		}
		cells := strings.Split(line, "|")
		if rfc == "" || len(cells) != 6 || strings.HasPrefix(line, "|---") || strings.Contains(line, "| section |") {
			continue
		}
		section := strings.TrimSpace(cells[1])
		if _, twice := all[rfc][section]; twice {
			t.Errorf("line %d: RFC %s, %s comes twice", i+1, rfc, section)
		}
		all[rfc][section] = row{strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4]), i + 1}
	}
	return all
}

// folders gives the Go source of a folder.
func folders(t *testing.T) func(dir string) string {
	texts := make(map[string]string)
	return func(dir string) string {
		if _, ok := texts[dir]; !ok {
			files, _ := filepath.Glob(filepath.Join(root, dir, "*.go"))
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				texts[dir] += string(b)
			}
		}
		return texts[dir]
	}
}

// TestIndex: each section has a state, and the test that it names exists.
func TestIndex(t *testing.T) {
	all := index(t)
	if len(all) < 6 {
		t.Errorf("only %d RFCs", len(all))
	}
	folder := folders(t)
	for rfc, sections := range all {
		for section, r := range sections {
			asks := r.state == "yes" || r.state == "partly"
			switch {
			case !asks && r.state != "no" && r.state != "-":
				t.Errorf("line %d: RFC %s, %s is %q", r.line, rfc, section, r.state)
			case asks != (r.test != ""):
				t.Errorf("line %d: RFC %s, %s is %s, and its test is %q", r.line, rfc, section, r.state, r.test)
			case asks:
				if why := missing(r.test, folder); why != "" {
					t.Errorf("line %d: %s", r.line, why)
				}
			}
		}
	}
}

// missing says why a test is not there.
func missing(test string, folder func(string) string) string {
	dir, name, ok := strings.Cut(test, " ")
	if !ok {
		return test + " is no folder and test"
	}
	if !strings.HasPrefix(name, "Test") { // of test/conformance
		if !regexp.MustCompile(`\{"` + regexp.QuoteMeta(name) + `[-."]`).MatchString(folder(dir)) {
			return "there is no check " + name + " in " + dir
		}
		return ""
	}
	name, part, _ := strings.Cut(name, "/")
	if !strings.Contains(folder(dir), "func "+name+"(t *testing.T)") {
		return "there is no " + name + " in " + dir
	}
	if part != "" {
		if _, err := os.Stat(filepath.Join(root, dir, "testdata", part+".txtar")); err != nil {
			return err.Error()
		}
	}
	return ""
}

// TestCitations: what the code cites of the RFCs in the index is a section there.
func TestCitations(t *testing.T) {
	all := index(t)
	const section = `(?:Appendix )?(?:\d+(?:\.\d+)*|[A-C]\b)`
	cite := regexp.MustCompile(`RFC (\d{4}), (` + section + `(?:(?:, | and | to )` + section + `)*)`)
	one := regexp.MustCompile(section)
	found := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // somebody else's file that comes and goes
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		for _, m := range cite.FindAllStringSubmatch(string(text), -1) {
			sections := all[m[1]]
			if sections == nil {
				continue
			}
			for _, s := range one.FindAllString(m[2], -1) {
				found++
				if _, ok := sections[strings.TrimPrefix(s, "Appendix ")]; !ok {
					t.Errorf("%s cites RFC %s, %s, which is not in docs/rfc/index.md", path, m[1], s)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 100 {
		t.Errorf("only %d citations", found)
	}
}

// TestMissing: the checker sees what is not there.
func TestMissing(t *testing.T) {
	folder := func(string) string { return "func TestA(t *testing.T)\n{\"6241-7.1-01\", must" }
	for test, there := range map[string]bool{"netconf TestA": true, "netconf TestB": false, "netconf TestA/none": false, "x 6241-7.1": true, "x 6241-7.1-01": true, "x 6241-7.1-0": false, "x 6241-7": true, "x 6241-8": false, "nothing": false} {
		if why := missing(test, folder); (why == "") != there {
			t.Errorf("%s: %q", test, why)
		}
	}
}
