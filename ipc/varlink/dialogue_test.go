// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the dialogues in testdata")

// TestDialogues holds the conversations in testdata: each file of an archive
// is one connection, "> " is sent and "< " is answered.
func TestDialogues(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for i := range archive.Files {
				f := &archive.Files[i]
				b := start(t, nil)
				got := talk(b, string(f.Data))
				if *update {
					f.Data = []byte(got)
				} else if got != string(f.Data) {
					t.Errorf("%s:\n got:\n%s\nwant:\n%s", f.Name, got, f.Data)
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func talk(b *bench, script string) string {
	p := b.dial()
	var out strings.Builder
	for line := range strings.Lines(script) {
		sent, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "> ")
		if !ok {
			continue
		}
		out.WriteString("> " + sent + "\n")
		p.send(sent)
		if strings.Contains(sent, `"oneway":true`) {
			continue
		}
		for {
			answer := p.read()
			out.WriteString("< " + answer + "\n")
			if !strings.Contains(answer, `"continues":true`) {
				break
			}
		}
		if strings.HasSuffix(out.String(), "< closed\n") {
			break
		}
	}
	return out.String()
}
