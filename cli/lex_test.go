// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"nso.example/nso/tree/textenc"
)

// What the daemon and the CLI quote is one word, and reads back as it was; and
// both quote alike.
func TestQuote(t *testing.T) {
	alphabet := []string{"a", "B", "0", "é", "世", " ", "\t", "\n", "\r", `"`, `\`, "|", "#", "[", "]", "{", "}", ";", "?",
		"'", "\x00", "\x1b", "\x7f", "\u009b", "\u202e", "\u2028", "\u00a0", "\xff", "\xc3", "\uFFFD", "\U0010ffff", ":", "/", "-"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteString(alphabet[r.IntN(len(alphabet))])
		}
		value := b.String()
		q := quote(value)
		if other := textenc.Quote(value); other != q {
			t.Fatalf("%q: the CLI writes %s, the daemon %s", value, q, other)
		}
		words, err := split("x "+q+" y", false)
		if err != nil || len(words) != 3 || words[1].text != value {
			t.Fatalf("%q is written %s and read %+v, %v", value, q, words, err)
		}
		if strings.ContainsAny(q, "\x00\x1b\x7f\n\r\u009b") || !utf8.ValidString(q) {
			t.Fatalf("%q is written with control characters: %q", value, q)
		}
	}
}

func TestPathWords(t *testing.T) {
	for path, want := range map[string]string{
		"/a:b/c":                         "b c",
		"/a:b/l[k='v w'][m=\"x'y\"]/d:e": `b l "v w" x'y e`,
		"/a:b/ll[.='/x]']":               `b ll "/x]"`,
		"/a:b/s[3]/t":                    "b s 3 t",
		"/a:b[":                          "/a:b[",
		"junk":                           "junk",
		"/a\x1b:b":                       "b",
		"j\x1b":                          `j\u{1b}`,
	} {
		if got := pathWords(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestLineTooLong(t *testing.T) {
	sh := New(newTable(), io.Discard)
	err := sh.Execute(t.Context(), strings.Repeat("x", maxLine+1))
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("got %v", err)
	}
	err = sh.Script(t.Context(), strings.NewReader("# one\n"+strings.Repeat("x", maxLine+1)))
	if err == nil || !strings.HasPrefix(err.Error(), "line 2: cannot read this line") {
		t.Errorf("got %.200v", err)
	}
}

// Any line gets an answer, and what is refused changes nothing: after any line,
// the same line's beginning can still be completed.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		"configure", "set interfaces interface eth0 mtu 1500", "set int int \"lo 0\" tag [ a b ]",
		"show interfaces | match eth | count", "insert rules rule tcp 22 before udp 53", `set flag "\u{e9}\x41`,
		"commit comment x label y", "edit interfaces interface eth0", "show | | |", "delete rules server [",
		"load merge xml /dev/null/x", "run show ses", "\x1b[31m", "\xff", "up 99999999999999999999",
	} {
		f.Add(seed, len(seed)/2)
	}
	f.Fuzz(func(t *testing.T, line string, pos int) {
		if strings.Contains(line, "load") || len(line) > 4096 { // opens files
			return
		}
		ctx := context.Background()
		for _, first := range []string{"show", "configure"} {
			var out strings.Builder
			sh := New(newTable(), &out)
			sh.RefuseFiles("none here")
			if err := sh.Execute(ctx, first); err != nil {
				t.Fatal(err)
			}
			at := min(max(pos, 0), len(line))
			if c, err := sh.Complete(ctx, line[:at]); err == nil {
				if c.Start < 0 || c.Start > at {
					t.Fatalf("completion begins at %d of %d", c.Start, at)
				}
				c.insertion()
				c.help(80)
			}
			err := sh.Execute(ctx, line)
			if err == nil {
				continue
			}
			if text := err.Error(); strings.ContainsAny(text, "\x1b\x00\x7f") {
				t.Fatalf("an error with control characters: %q", text)
			}
			if l, ok := err.(*lineError); ok {
				if l.start < 0 || l.start > len(line) || l.end <= l.start {
					t.Fatalf("error at %d to %d of %d: %v", l.start, l.end, len(line), err)
				}
				l.caret(line, 5)
			}
		}
	})
}

// No error sends what was typed to the terminal as it is.
func TestErrorsArePrintable(t *testing.T) {
	sh := New(newTable(), io.Discard)
	for _, line := range []string{
		`show | match "\x1b["`, "configure", `load merge xml "/\x1b[31m"`, `set "\x1b[31m" x`, `set flag "\x1b"`, `commit "\x1b"`,
	} {
		if err := sh.Execute(t.Context(), line); err != nil && strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %q", line, err)
		}
	}
}
