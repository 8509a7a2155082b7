// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rows are the attacks that docs/attacks.md must tell of.
const rows = 77

// table returns the rows of the tables of a page whose heading begins with first.
func table(text, first string) (all [][]string) {
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			in = false
			continue
		}
		cells := strings.Split(strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", "|"))
		}
		switch {
		case cells[0] == first:
			in = true
		case in && strings.Trim(cells[0], "-") != "":
			all = append(all, cells)
		}
	}
	return all
}

// room is what a package's tests declare and how often each name is in them.
type room struct {
	functions map[string]bool // true for a method
	uses      map[string]int
}

// declared reads the tests of a package of the project.
func declared(dir string) (room, error) {
	r := room{make(map[string]bool), make(map[string]int)}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		return r, fmt.Errorf("there are no tests in %s", dir)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return r, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				r.functions[n.Name.Name] = n.Recv != nil
			case *ast.Ident:
				r.uses[n.Name]++
			}
			return true
		})
	}
	return r, nil
}

var isTest = regexp.MustCompile("^(Test|Fuzz)[A-Z]")

var named = regexp.MustCompile("^`([a-z0-9/-]+)` ([A-Za-z0-9]+(?: [A-Za-z0-9]+)*)$")

// proven checks the last cell of a row: for each package its name and a test, followed
// by the steps of it that see this row and by further tests; divided by semicolons. Or
// "open: why not".
func proven(cell string, rooms map[string]room) error {
	if why, ok := strings.CutPrefix(cell, "open: "); ok {
		if len(why) < 20 {
			return errors.New("it is open and does not say why")
		}
		return nil
	}
	var all []error
	for _, ref := range strings.Split(cell, ";") {
		m := named.FindStringSubmatch(strings.TrimSpace(ref))
		if m == nil {
			all = append(all, fmt.Errorf("%q names no test", ref))
			continue
		}
		r, ok := rooms[m[1]]
		if !ok {
			var err error
			if r, err = declared(filepath.Join("../..", m[1])); err != nil {
				all = append(all, err)
				continue
			}
			rooms[m[1]] = r
		}
		for i, name := range strings.Fields(m[2]) {
			method, there := r.functions[name]
			isTest := !method && isTest.MatchString(name)
			switch {
			case !there:
				all = append(all, fmt.Errorf("%s has no %s", m[1], name))
			case i == 0 && !isTest:
				all = append(all, fmt.Errorf("%s of %s is no test", name, m[1]))
			case !isTest && r.uses[name] < 2:
				all = append(all, fmt.Errorf("nothing calls %s of %s", name, m[1]))
			}
		}
	}
	return errors.Join(all...)
}

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAttacks: every attack is in the table once, with what stops it and with tests
// that exist, or with the reason why there is none.
func TestAttacks(t *testing.T) {
	rooms := make(map[string]room)
	var seen []int
	open := 0
	for _, cells := range table(page(t, "attacks.md"), "no") {
		n, err := strconv.Atoi(cells[0])
		if err != nil || len(cells) != 4 || cells[1] == "" || cells[2] == "" {
			t.Errorf("this is no row: %q", cells)
			continue
		}
		seen = append(seen, n)
		if err := proven(cells[3], rooms); err != nil {
			t.Errorf("attack %d: %v", n, err)
		}
		if strings.HasPrefix(cells[3], "open: ") {
			open++
		}
	}
	for n := 1; n <= rows; n++ {
		if !slices.Contains(seen, n) {
			t.Errorf("attack %d is missing", n)
		}
	}
	slices.Sort(seen)
	if len(slices.Compact(slices.Clone(seen))) != len(seen) || len(seen) > 0 && seen[len(seen)-1] > rows {
		t.Errorf("attacks are there twice, or are unknown: %v", seen)
	}
	t.Logf("%d attacks, %d of them open", len(seen), open)
}

// TestWeaknesses: so has every weakness of docs/weaknesses.md.
func TestWeaknesses(t *testing.T) {
	rooms := make(map[string]room)
	all := table(page(t, "weaknesses.md"), "weakness")
	if len(all) < 20 {
		t.Errorf("there are %d weaknesses", len(all))
	}
	for _, cells := range all {
		if len(cells) != 4 || cells[1] == "" || cells[2] == "" {
			t.Errorf("this is no row: %q", cells)
			continue
		}
		if err := proven(cells[3], rooms); err != nil {
			t.Errorf("%s: %v", cells[0], err)
		}
	}
}

// TestPagesCanFail: what is no proof is found.
func TestPagesCanFail(t *testing.T) {
	for cell, want := range map[string]string{
		"": "names no test", "open:": "names no test", "open: later": "does not say why", "TestAttacks": "names no test",
		"`test/nowhere` TestAttacks":                 "there are no tests in",
		"`test/attacks` TestNothing":                 "has no TestNothing",
		"`test/attacks` TestAttacks nothing":         "has no nothing",
		"`test/attacks` proven":                      "is no test",
		"`made/up` TestIt forgotten":                 "nothing calls forgotten",
		"`test/attacks` TestAttacks; `test/attacks`": "names no test",
	} {
		madeUp := room{map[string]bool{"TestIt": false, "forgotten": true}, map[string]int{"TestIt": 1, "forgotten": 1}}
		if err := proven(cell, map[string]room{"made/up": madeUp}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, not %q", cell, err, want)
		}
	}
	if err := proven("`test/attacks` TestAttacks proven table; open: ", map[string]room{}); err == nil {
		t.Error("open beside a test")
	}
	if err := proven("`test/attacks` TestAttacks proven table", make(map[string]room)); err != nil {
		t.Error(err)
	}
	if got := table("| no | a |\n|---|---|\n| 1 | x \\| y |\n\n| 2 | z |\n", "no"); len(got) != 1 || got[0][1] != "x | y" {
		t.Errorf("the table is %q", got)
	}
}
