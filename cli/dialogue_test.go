// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite testdata with what is said now")

// converse runs the lines of a dialogue and returns it with the answers. A line
// that ends in ? asks for help, one that ends in <tab> is completed.
func converse(ctx context.Context, sh *Shell, out *strings.Builder, lines string, after func(*strings.Builder)) string {
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		if b := sh.Banner(); b != "" {
			fmt.Fprintln(out, b)
		}
		fmt.Fprintln(out, strings.TrimRight(sh.Prompt()+line, " "))
		var err error
		typed, help := strings.CutSuffix(line, "?")
		if t, tab := strings.CutSuffix(line, "<tab>"); tab || help {
			if tab {
				typed = t
			}
			var c Completion
			if c, err = sh.Complete(ctx, typed); err == nil {
				if text, _, changed := c.insertion(); tab && changed {
					fmt.Fprintf(out, "%s%s_\n", sh.Prompt()+typed[:c.Start], text)
				} else {
					out.WriteString(c.help(100))
				}
			}
			line = typed
		} else {
			err = sh.Execute(ctx, line)
		}
		var l *lineError
		if errors.As(err, &l) {
			fmt.Fprintln(out, l.caret(line, len(sh.Prompt())))
		}
		if err != nil {
			fmt.Fprintln(out, err)
		}
		after(out)
		if sh.Done() {
			fmt.Fprintln(out, "(left)")
			break
		}
	}
	return out.String()
}

// dialogues runs every part "NAME.in" of the files and compares with "NAME.out".
func dialogues(t *testing.T, glob string, run func(t *testing.T, name, lines string) string) {
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues in %s: %v", glob, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var files []txtar.File
			want := make(map[string]string)
			for _, f := range ar.Files {
				if name, ok := strings.CutSuffix(f.Name, ".out"); ok {
					want[name] = string(f.Data)
				}
			}
			for _, f := range ar.Files {
				name, ok := strings.CutSuffix(f.Name, ".in")
				if !ok {
					continue
				}
				got := run(t, name, string(f.Data))
				files = append(files, f, txtar.File{Name: name + ".out", Data: []byte(got)})
				if !*update && got != want[name] {
					t.Errorf("%s: got\n%s\nwant\n%s", name, got, want[name])
				}
			}
			if *update {
				ar.Files = files
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestWords holds dialogues with a daemon that is a table: what words come to,
// and what help they get. Lines with -> are what the daemon was asked.
func TestWords(t *testing.T) {
	dialogues(t, "testdata/words/*.txtar", func(t *testing.T, _, lines string) string {
		f := newTable()
		var out strings.Builder
		sh := New(f, &out)
		told := 0
		return converse(t.Context(), sh, &out, lines, func(out *strings.Builder) {
			for ; told < len(f.log); told++ {
				fmt.Fprintln(out, "   -> "+f.log[told])
			}
		})
	})
}
