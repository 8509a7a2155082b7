// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPages: long output is shown by pages, back and forth, and searched; short output and
// what is told not to is shown at once.
func TestPages(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "line %03d;\n", i)
	}
	p := openPTY(t, t.Context(), 80, func(sh *Shell) { sh.agent.(*table).text = text.String() })
	p.expect("nso> ")
	for _, step := range [][2]string{
		{"show interfaces\r", "line 022;\r\n--More-- (0%)"}, // 23 of 24 rows
		{" ", "line 023;\r\nline 024"},
		{"", "line 045;\r\n--More-- (29%)"},
		{"\r", "line 046;\r\n--More--"},
		{"/07", "/07"},
		{"0\r", "line 070;\r\nline 071"},
		{"", "line 092;\r\n--More--"},
		{"b", "line 047;\r\n"},
		{"", "line 069;\r\n--More--"},
		{"/nothing\r", "not found: nothing"},
		{"?", "space next"},
		{"q", "nso> "},
		{"show interfaces\r", "--More--"},
		{"\x03", "nso> "}, // which ends the pages, and not the session
		{"show interfaces\r", "--More--"},
		{"G", "line 099;\r\n"},
		{"", "nso> "},
		{"show interfaces | no-more\r", "line 022;\r\nline 023;\r\n"},
		{"", "line 099;\r\nnso> "},
		{"show interfaces | count\r", "Count: 100 lines\r\nnso> "},
	} {
		if step[0] != "" {
			p.keys(step[0])
		}
		p.expect(step[1])
	}
	p.keys("exit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestPagesBounded: what nobody reads is kept up to a limit, and that it was is said.
func TestPagesBounded(t *testing.T) {
	d := NewDistant(quiet{}, "", func() (int, int) { return 80, 4 }, nil)
	defer d.Close()
	p := &pages{t: newTTY(New(newTable(), nil), d)}
	line := []byte(strings.Repeat("x", 70) + "\n")
	for range 2 * maxPages / len(line) {
		if n, err := p.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(p.rest) > maxPages || !p.cut {
		t.Errorf("%d bytes are kept, cut: %v", len(p.rest), p.cut)
	}
}

// quiet is a terminal on which nobody types.
type quiet struct{}

func (quiet) Read([]byte) (int, error)    { select {} }
func (quiet) Write(b []byte) (int, error) { return len(b), nil }

// TestHistory: what was typed is there in the next session too, but for lines with a value
// that is secret, and lines that were not understood; Ctrl-R finds it.
func TestHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "nso", "history")
	with := func(sh *Shell) {
		sh.KeepHistory(file)
		f := sh.agent.(*table)
		f.nodes["/sys:system"] = append(f.nodes["/sys:system"],
			Schema{Name: "password", Module: "sys", Kind: "leaf", Config: true, Type: "string", Secret: secretHashed},
			Schema{Name: "key", Module: "sys", Kind: "leaf", Config: true, Type: "string", Secret: "hidden"})
	}
	p := openPTY(t, t.Context(), 100, with)
	p.expect("nso> ")
	for _, line := range []string{"configure", "set sys:system host-name first", "set sys:system password Geheim1", "set sys:system pasword Geheim2",
		"set sys:system host-name second"} {
		p.keys(line + "\r")
		p.expect("nso# ")
	}
	p.keys("set sys:system password\r")
	p.expect("password: ")
	p.keys("Geheim3\r")
	p.expect("password once more: ")
	p.keys("Geheim3\r")
	p.expect("nso# ")
	p.keys("set sys:system key\r")
	p.expect("key: ")
	p.keys("Geheim4\r")
	p.expect("key once more: ")
	p.keys("Geheim5\r")
	p.expect("typed in two ways")
	p.expect("nso# ")
	p.keys("rollback\rexit\rexit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if log := strings.Join(p.table.log, "\n"); !strings.Contains(log, `Set /sys:system/password = "$0$Geheim3"`) || strings.Contains(log, "Geheim4") {
		t.Errorf("the daemon was asked %s", log)
	}
	if seen := p.shown(); strings.Contains(seen, "Geheim3") || strings.Contains(seen, "Geheim4") {
		t.Errorf("what is hidden was shown: %q", seen)
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(kept), "Geheim") || !strings.Contains(string(kept), "host-name first\n") {
		t.Errorf("kept %q", kept)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	p = openPTY(t, t.Context(), 100, with)
	p.expect("nso> ")
	p.keys("configure\r")
	p.expect("nso# ")
	p.keys("\x12host")
	p.expect(`(search "host") set sys:system host-name second`)
	p.keys("\x12")
	p.expect(`set sys:system host-name first`)
	p.keys("\r")
	p.expect("nso# ")
	p.keys("\x12nowhere")
	p.expect(`(search "nowhere") `)
	p.keys("\x03")
	p.keys("rollback\r")
	p.expect("nso# ")
	p.keys("exit\rexit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if log := strings.Join(p.table.log, "\n"); !strings.Contains(log, `Set /sys:system/host-name = "first"`) {
		t.Errorf("the daemon was asked %s", log)
	}
}

// shown is all that was shown.
func (p *pty) shown() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.String()
}

// TestHistoryFile: what is no file of the user's is left alone, and one that has grown is
// made short.
func TestHistoryFile(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "other"), link); err != nil {
		t.Fatal(err)
	}
	var h history
	h.load(link)
	h.keep("show")
	if _, err := os.Stat(filepath.Join(dir, "other")); err == nil {
		t.Error("written through a link")
	}
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, []byte(strings.Repeat("show interfaces\nshow \x1b[31m\nexit\n", 60_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	h = history{}
	h.load(long)
	info, err := os.Stat(long)
	if err != nil || info.Size() > 16<<10 || len(h.lines) != maxHistory || strings.Contains(strings.Join(h.lines, ""), "\x1b") {
		t.Errorf("%d lines, %v, %v", len(h.lines), info, err)
	}
}

// TestLongLine: a line that the editor would cut is refused whole.
func TestLongLine(t *testing.T) {
	p := openPTY(t, t.Context(), 80)
	p.expect("nso> ")
	p.keys("configure\r")
	p.expect("nso# ")
	typed := make(chan error, 1) // more than a terminal keeps: it is read meanwhile
	go func() {
		_, err := io.WriteString(p.master, "\x1b[200~set sys:system host-name "+strings.Repeat("y", 5000)+"\r\x1b[201~")
		typed <- err
	}()
	p.expect("cannot read this line")
	if err := <-typed; err != nil {
		t.Fatal(err)
	}
	p.expect("nso# ")
	p.keys("exit\rexit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if log := strings.Join(p.table.log, "\n"); strings.Contains(log, "yyy") {
		t.Error("a line that was cut was run")
	}
}
