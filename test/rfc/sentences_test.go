// SPDX-License-Identifier: Apache-2.0

package rfc

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sentence is a row of docs/rfc/sentences.md.
type sentence struct{ level, says, state, test string }

// sentences reads the tables, by number.
func sentences(t *testing.T) map[string]sentence {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs/rfc/sentences.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]sentence)
	for i, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || !regexp.MustCompile(`^ \d{4}-`).MatchString(cells[1]) {
			if strings.Contains(line, "|") && !strings.HasPrefix(line, "| number ") && !strings.HasPrefix(line, "|---") {
				t.Errorf("line %d is no row: %s", i+1, line)
			}
			continue
		}
		for c := range cells {
			cells[c] = strings.TrimSpace(cells[c])
		}
		if _, twice := all[cells[1]]; twice {
			t.Errorf("line %d: %s comes twice", i+1, cells[1])
		}
		all[cells[1]] = sentence{cells[2], cells[3], cells[4], cells[5]}
	}
	return all
}

// checks are those of the program, as its source has them.
func checks(t *testing.T) map[string]sentence {
	t.Helper()
	all := make(map[string]sentence)
	row := regexp.MustCompile(`(?m)^\s*\{"(\d{4}-[^"]+)", (must|should|tag), .*?"((?:[^"\\]|\\.)*)", (?:func|withUsers|filtered|shown|file|broken|selected)\(`)
	files, _ := filepath.Glob(filepath.Join(root, "test/conformance/law_*.go"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found := row.FindAllStringSubmatch(string(text), -1)
		if n := len(regexp.MustCompile(`\{"\d{4}-`).FindAll(text, -1)); n != len(found) {
			t.Errorf("%s has %d checks, and %d can be read", f, n, len(found))
		}
		for _, m := range found {
			all[m[1]] = sentence{level: m[2], says: m[3]}
		}
	}
	return all
}

// TestSentences: each check of the program is a sentence of the list in the same words, each
// sentence has a state and a test that exists, and the index agrees.
func TestSentences(t *testing.T) {
	list, program, sections := sentences(t), checks(t), index(t)
	folder := folders(t)
	if len(list) < 350 || len(program) < 350 {
		t.Errorf("%d sentences, %d checks", len(list), len(program))
	}
	for id, c := range program {
		s, ok := list[id]
		switch {
		case !ok:
			t.Errorf("%s is not in docs/rfc/sentences.md: | %s | %s | %s | yes | test/conformance |", id, id, c.level, c.says)
		case s.level != c.level || s.says != c.says || s.test != "test/conformance":
			t.Errorf("%s is %q (%s, %s) in docs/rfc/sentences.md, and %q (%s) in test/conformance", id, s.says, s.level, s.test, c.says, c.level)
		}
	}
	partly := make(map[string]bool) // sections that are not done whole
	for id, s := range list {
		rfc, rest, _ := strings.Cut(id, "-")
		section, _, ok := strings.Cut(rest, "-")
		r, there := sections[rfc][section]
		asks := s.state == "yes" || s.state == "partly"
		switch {
		case !ok || s.says == "" || s.level != "must" && s.level != "should" && s.level != "tag":
			t.Errorf("%s: %+v", id, s)
		case !there:
			t.Errorf("%s is of a section that is not in docs/rfc/index.md", id)
		case !asks && s.state != "no" && s.state != "-":
			t.Errorf("%s is %q", id, s.state)
		case asks && s.test == "" || s.state == "no" && s.test != "":
			t.Errorf("%s is %s, and its test is %q", id, s.state, s.test)
		case s.test == "test/conformance":
			if _, ok := program[id]; !ok {
				t.Errorf("there is no check %s", id)
			}
		case s.test != "":
			if why := missing(s.test, folder); why != "" {
				t.Errorf("%s: %s", id, why)
			}
		}
		if s.state == "no" || s.state == "partly" {
			partly[rfc+"-"+section] = true
			if r.state == "yes" {
				t.Errorf("%s is %s, and its section is yes in docs/rfc/index.md", id, s.state)
			}
		}
		if asks && r.state == "no" {
			t.Errorf("%s is %s, and its section is no in docs/rfc/index.md", id, s.state)
		}
	}
	// What is partly has a sentence that says why, where there are sentences.
	of := make(map[string]bool)
	for id := range list {
		of[id[:strings.LastIndex(id, "-")]] = true
	}
	for rfc, all := range sections {
		for section, r := range all {
			if at := rfc + "-" + section; r.state == "partly" && of[at] && !partly[at] {
				t.Errorf("RFC %s, %s is partly in docs/rfc/index.md, and all its sentences are yes", rfc, section)
			}
		}
	}
}
