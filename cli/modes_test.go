// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"
)

// TestModes: what a program leaves of its terminal is taken back, and what it has put
// back itself is not touched.
func TestModes(t *testing.T) {
	const letters = "\x1b(B\x0f\x1b[m"
	for _, tc := range []struct{ name, out, undo string }{
		{"nothing", "", ""},
		{"plain text", "a line\r\nand 8 bits \xff\x9b?1049h", ""},
		{"colours", "\x1b[31mred\x1b[m", letters},
		{"the other screen", "\x1b[?1049h\x1b[2J~", "\x1b[?1049l" + letters},
		{"the other screen, left", "\x1b[?1049h\x1b[2J~\x1b[?1049l", letters},
		{"the cursor", "\x1b[?25l", "\x1b[?25h" + letters},
		{"the cursor, shown again", "\x1b[?25l\x1b[?25h", letters},
		{"several at once", "\x1b[?1;1049;25l\x1b[?1;1000;1006h", "\x1b[?1000l\x1b[?1006l\x1b[?1l\x1b[?25h" + letters},
		{"no wrapping", "\x1b[?7l", "\x1b[?7h" + letters},
		{"codes of the keypad", "\x1b=", "\x1b>" + letters},
		{"codes of the keypad, given back", "\x1b=\x1b>", letters},
		{"margins", "\x1b[3;20r", "\x1b7\x1b[r\x1b8" + letters},
		{"margins, given back", "\x1b[3;20r\x1b[r", letters},
		{"modes restored, which is no margin", "\x1b[?7r", letters},
		{"inserting", "\x1b[4h", "\x1b[4l" + letters},
		{"other keys", "\x1b[>4;2m", "\x1b[>4m" + letters},
		{"other keys, given back", "\x1b[>4;2m\x1b[>4;m\x1b[>4m", letters},
		{"what is unknown", "\x1b[?9999h\x1b[?x;-3h\x1b[?99999999999999999999h", letters},
		{"a title with what looks like a sequence", "\x1b]0;[?25l\a", letters},
		{"a title that ends with ST", "\x1b]0;x\x1b\\\x1b[?25l", "\x1b[?25h" + letters},
		{"the middle of a sequence", "\x1b[?10", "\x18" + letters},
		{"the middle of a title", "\x1b]0;half", "\x1b\\" + letters},
		{"a reset", "\x1b[?1049h\x1b[?25l\x1b[4h\x1bc", letters},
		{"a soft reset", "\x1b[?1049h\x1b[?25l\x1b[4h\x1b[!p", "\x1b[?1049l" + letters},
		{"a sequence without end", "\x1b[" + strings.Repeat("1", 5000) + "h", letters},
		{"line drawing", "\x1b(0lqk", letters},
	} {
		var whole, bytewise modes
		whole.watch([]byte(tc.out))
		for _, c := range []byte(tc.out) {
			bytewise.watch([]byte{c})
		}
		if got := whole.undo(); got != tc.undo {
			t.Errorf("%s: %q, not %q", tc.name, got, tc.undo)
		}
		if got := bytewise.undo(); got != tc.undo {
			t.Errorf("%s, byte by byte: %q, not %q", tc.name, got, tc.undo)
		}
		// What takes back leaves nothing to be taken back.
		whole.watch([]byte(tc.undo))
		if got := whole.undo(); got != "" && got != letters {
			t.Errorf("%s, undone: %q", tc.name, got)
		}
	}
}

// FuzzModes: no output makes more to take back than there are modes.
func FuzzModes(f *testing.F) {
	f.Add([]byte("\x1b[?1049h\x1b[?25l\x1b[4h\x1b=\x1b[3;4r"))
	f.Add([]byte("\x1b]0;title\a\x1b(0\x1b[!p\x1bc"))
	f.Fuzz(func(t *testing.T, out []byte) {
		var m modes
		m.watch(out)
		undo := m.undo()
		if len(undo) > 256 || len(m.params) > maxParams || len(m.private) > len(private) {
			t.Errorf("%d bytes to undo, %d of parameters, %d modes", len(undo), len(m.params), len(m.private))
		}
		m.watch([]byte(undo))
		again := m.undo()
		var once modes
		once.watch([]byte(again))
		if len(again) > 0 && (once.private != nil || once.keypad || once.margins) {
			t.Errorf("after %q there is %q to undo", undo, again)
		}
	})
}
