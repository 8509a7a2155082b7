// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the dialogues")

// TestData runs the dialogues of testdata/data: files, and a file "commands"
// whose lines that begin with $ are commands and whose others are what they say:
// output, lines with "! " for the error output, and the exit status if not 0.
func TestData(t *testing.T) {
	files, err := filepath.Glob("testdata/data/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			full, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			a, err := txtar.ParseFile(full)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			for i := range a.Files {
				f := &a.Files[i]
				if f.Name != "commands" {
					if err := os.WriteFile(f.Name, f.Data, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			said := &a.Files[len(a.Files)-1].Data
			got := talk(t, string(*said))
			if got == string(*said) {
				return
			}
			if !*update {
				t.Errorf("got\n%s\nwant\n%s", got, *said)
				return
			}
			*said = []byte(got)
			if err := os.WriteFile(full, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func talk(t *testing.T, commands string) string {
	var b strings.Builder
	for line := range strings.Lines(commands) {
		if strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
		if !strings.HasPrefix(line, "$ nso ") {
			continue
		}
		b.WriteString(line)
		args := words(strings.TrimSpace(strings.TrimPrefix(line, "$ nso ")))
		got := try(t, args...)
		if b.WriteString(got.out); got.out != "" && !strings.HasSuffix(got.out, "\n") {
			b.WriteString("\n")
		}
		for e := range strings.Lines(got.err) {
			b.WriteString("! " + e)
		}
		if got.status != 0 {
			b.WriteString("exit status " + strconv.Itoa(got.status) + "\n")
		}
	}
	return b.String()
}

// words splits a line at blanks that are not in single quotes.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

// What is valid is silent, and JSON says so.
func TestDataValid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(file, []byte("\n {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := try(t, "data", "validate", file); got != (tried{}) {
		t.Errorf("%+v", got)
	}
	got := try(t, "data", "validate", "--json", file)
	var v struct {
		Valid  bool
		Errors []any
	}
	if err := json.Unmarshal([]byte(got.out), &v); err != nil || !v.Valid || v.Errors == nil || len(v.Errors) > 0 {
		t.Errorf("%+v: %v", got, err)
	}
}
