// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// input is a document for the oracle.
type input struct {
	text string
	json bool
}

func (i input) ext() string {
	if i.json {
		return "json"
	}
	return "xml"
}

// verdict is what the oracle says of a document.
type verdict struct {
	ok      bool
	out     string // of XML that is valid, JSON with all defaults; of JSON, XML without
	why     string // what it said, if it is not
	crashed bool
}

// yanglint judges documents, each in its own file, by one process with those
// modules, which are files of one or more folders.
func yanglint(t *testing.T, dirs, modules []string, documents []input) []verdict {
	t.Helper()
	program, err := exec.LookPath("yanglint")
	if err != nil {
		t.Skip("cannot compare with yanglint: install the package libyang2-tools")
	}
	work := t.TempDir()
	out := make([]verdict, len(documents))
	for from := 0; from < len(documents); {
		n := judge(t, program, work, dirs, modules, documents, out, from)
		if n == from {
			t.Fatalf("yanglint does not read document %d:\n%s", from, documents[from].text)
		}
		from = n
	}
	return out
}

var complaints = regexp.MustCompile(`(libyang\[0\]|YANGLINT\[E\]): .*`)

var reasons = regexp.MustCompile(`(?s)(.*?)YANGLINT\[E\]: [^\n]*?/(\d+)\.(?:xml|json)[^\n]*\n`)

// judge lets one process judge documents from that number on, and returns the
// number of the first that it did not come to.
func judge(t *testing.T, program, work string, dirs, modules []string, documents []input, out []verdict, from int) int {
	var in strings.Builder
	for _, d := range dirs {
		abs, err := filepath.Abs(d)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&in, "searchpath %s\n", abs)
	}
	for _, m := range modules {
		fmt.Fprintf(&in, "add %s\n", m)
	}
	// What it says before it misses this file is about the modules.
	fmt.Fprintf(&in, "data -t config -f json %s\n", filepath.Join(work, "sentinel.xml"))
	name := func(i int, ext string) string { return filepath.Join(work, fmt.Sprintf("%d.%s", i, ext)) }
	for i := from; i < len(documents); i++ {
		d := documents[i]
		if err := os.WriteFile(name(i, d.ext()), []byte(d.text), 0o600); err != nil {
			t.Fatal(err)
		}
		how := "-f json -d all"
		if d.json {
			how = "-f xml"
		}
		fmt.Fprintf(&in, "data -t config %s -o %s %s\n", how, name(i, "out"), name(i, d.ext()))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), "HOME="+work) // its history
	cmd.Stdin = strings.NewReader(in.String())
	var errs strings.Builder
	cmd.Stderr = &errs
	runErr := cmd.Run()
	about, said, found := strings.Cut(errs.String(), "sentinel.xml")
	if !found || strings.Contains(about, "libyang[0]") {
		t.Fatalf("yanglint refuses a module: %v\n%s", runErr, strings.Join(complaints.FindAllString(about, 10), "\n"))
	}
	_, said, _ = strings.Cut(said, "\n")
	next := len(documents)
	for i := from; i < len(documents); i++ {
		text, err := os.ReadFile(name(i, "out"))
		if err != nil {
			if runErr == nil {
				t.Fatalf("yanglint wrote nothing for document %d: %.2000s", i, said)
			}
			out[max(i-1, from)].crashed = true // the one that it had begun
			next = max(i, from+1)
			break
		}
		out[i] = verdict{ok: len(text) > 0, out: string(text)}
	}
	for _, m := range reasons.FindAllStringSubmatch(said, -1) {
		var i int
		if _, err := fmt.Sscan(m[2], &i); err == nil && i < len(out) {
			out[i].why = strings.TrimSpace(m[1])
		}
	}
	for i := from; i < next; i++ { // XML of nothing but empty containers is empty
		out[i].ok = out[i].ok || documents[i].json && out[i].why == "" && !out[i].crashed
	}
	if last := len(documents) - 1; next > last {
		out[last].crashed = out[last].crashed || runErr != nil && !out[last].ok && out[last].why == ""
	}
	return next
}
