// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// pages shows what a command prints page by page. The first page is shown as it comes;
// what follows is kept, so that the daemon never waits for a reader, and is shown when
// the command has ended.
type pages struct {
	t    *tty
	rest []byte // not shown yet
	used int    // rows of the screen
	full bool   // the first page is shown
	cut  bool   // there was more than is kept
}

// maxPages is how much is kept, bytes.
const maxPages = 16 << 20

// paged has what is printed go by pages, until the function that it returns has shown the
// last of them. Who has typed ahead reads no pages.
func (t *tty) paged() (show func(context.Context) error) {
	if _, rows := t.at.Size(); rows < 3 || len(t.typed) > 0 {
		return nil
	}
	p := &pages{t: t}
	t.pages = p
	return func(ctx context.Context) error {
		t.pages = nil
		return p.show(ctx)
	}
}

func (p *pages) Write(b []byte) (int, error) {
	if n := maxPages - len(p.rest); len(b) > n {
		p.rest, p.cut = append(p.rest, b[:n]...), true
	} else {
		p.rest = append(p.rest, b...)
	}
	for !p.full {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 {
			break
		}
		if n := p.rows(p.rest[:i]); p.used+n > p.height() && p.used > 0 {
			p.full = true
		} else {
			if err := p.print(p.rest[:i+1]); err != nil {
				return 0, err
			}
			p.used, p.rest = p.used+n, p.rest[i+1:]
		}
	}
	return len(b), nil
}

// height is how many rows a page has: one is left for the prompt.
func (p *pages) height() int {
	_, rows := p.t.at.Size()
	return max(rows-1, 1)
}

// rows is how many rows a line takes.
func (p *pages) rows(line []byte) int {
	return max(1, (utf8.RuneCount(line)+int(p.t.columns())-1)/int(p.t.columns()))
}

func (p *pages) print(b []byte) error {
	p.t.column = b[len(b)-1] != '\n'
	_, err := p.t.at.Write(bytes.ReplaceAll(b, []byte{'\n'}, []byte{'\r', '\n'}))
	return err
}

const pagesHelp = "space next, b back, enter one line, /PATTERN search, n again, g begin, G end, q quit"

// show shows what is left, as the keys say.
func (p *pages) show(ctx context.Context) error {
	if len(p.rest) == 0 {
		return nil
	}
	if !p.full {
		return p.print(p.rest)
	}
	p.t.at.Signals(false) // Ctrl-C is a key
	defer p.t.at.Signals(true)
	lines := bytes.SplitAfter(bytes.TrimSuffix(p.rest, []byte{'\n'}), []byte{'\n'})
	if p.cut {
		lines = append(lines[:len(lines)-1], fmt.Appendf(nil, "... more than %d MB are not kept: use | save, | match or | no-more", maxPages>>20))
	}
	var begin, next int // of the page that is shown: its first line, and the one behind it
	page := func(from, rows int) error {
		for begin, next = from, from; next < len(lines); next++ {
			if rows -= p.rows(lines[next]); rows < 0 && next > from {
				break
			}
			if err := p.print(lines[next]); err != nil {
				return err
			}
		}
		return nil
	}
	var pattern, note string
	for next < len(lines) {
		key, err := p.ask(ctx, fmt.Sprintf("--More-- (%d%%) %s", next*100/len(lines), note))
		if err != nil {
			return err
		}
		note = ""
		switch key {
		case "q", "Q", "\x03", "\x04":
			return nil
		case " ", "f", "\x1b[6~":
			err = page(next, p.height())
		case "\r", "\n", "j", "\x1b[B", "\x1bOB":
			err = page(next, 1)
		case "b", "\x1b[5~":
			err = page(p.before(lines, begin), p.height())
		case "g", "\x1b[H":
			err = page(0, p.height())
		case "G", "\x1b[F":
			err = page(p.before(lines, len(lines)), p.height())
		case "/", "n":
			if key == "/" {
				if pattern, err = p.pattern(ctx); err != nil {
					return err
				}
			}
			if at, why := found(lines[next:], pattern); at < 0 {
				note = why
			} else {
				err = page(next+at, p.height())
			}
		default:
			note = pagesHelp
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// before is where the page begins that ends before a line.
func (p *pages) before(lines [][]byte, end int) int {
	rows := p.height()
	for end > 0 {
		if rows -= p.rows(lines[end-1]); rows < 0 {
			break
		}
		end--
	}
	return end
}

// found is the first of lines with the pattern, or why there is none.
func found(lines [][]byte, text string) (int, string) {
	if text == "" {
		return -1, "no pattern yet: /PATTERN"
	}
	re, err := pattern(text)
	if err != nil {
		return -1, "not a pattern: " + printable(text)
	}
	for i, l := range lines {
		if re.Match(l) {
			return i, ""
		}
	}
	return -1, "not found: " + printable(text)
}

// ask shows a prompt until a key is there, and takes it away.
func (p *pages) ask(ctx context.Context, prompt string) (string, error) {
	prompt = clip(prompt, int(p.t.columns())-1)
	if _, err := io.WriteString(p.t.at, prompt); err != nil {
		return "", err
	}
	key, err := p.t.nextKey(ctx)
	_, _ = io.WriteString(p.t.at, "\r"+strings.Repeat(" ", utf8.RuneCountInString(prompt))+"\r")
	return key, err
}

// pattern reads one, "" if it is given up.
func (p *pages) pattern(ctx context.Context) (string, error) {
	text := ""
	for {
		key, err := p.ask(ctx, "/"+printable(text))
		switch {
		case err != nil:
			return "", err
		case key == "\r" || key == "\n":
			return text, nil
		case key == "\x7f" || key == "\b":
			if text == "" {
				return "", nil
			}
			_, n := utf8.DecodeLastRuneInString(text)
			text = text[:len(text)-n]
		case key < " " || key[0] == '\x1b':
			return "", nil
		case len(text) < maxPattern:
			text += key
		}
	}
}

// maxPattern bounds what is searched for, bytes.
const maxPattern = 200

// nextKey is what one key sends: a character, or an escape sequence.
func (t *tty) nextKey(ctx context.Context) (string, error) {
	read := make(chan error, 1)
	go func() { read <- t.more() }()
	select {
	case err := <-read:
		if err != nil {
			return "", err
		}
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	n := 1
	switch c := t.typed[0]; {
	case c == '\x1b':
		// A sequence comes in one piece; what comes alone is the key itself.
		if len(t.typed) > 1 && (t.typed[1] == '[' || t.typed[1] == 'O') {
			n = 2
			for n < len(t.typed) && (t.typed[n] < 0x40 || t.typed[n] > 0x7e) {
				n++
			}
			n = min(n+1, len(t.typed))
		}
	case c >= utf8.RuneSelf:
		_, n = utf8.DecodeRune(t.typed)
	}
	key := string(t.typed[:n])
	t.typed = t.typed[n:]
	return key, nil
}

// search finds a line of the history with what is typed, newest first. What it returns is
// typed in its place.
func (t *tty) search(ctx context.Context, text string) ([]byte, error) {
	t.searching = false
	prompt := t.sh.Prompt()
	defer t.redraw(prompt)
	for skip := 0; ; {
		line, ok := t.history.find(text, skip)
		if !ok && skip > 0 {
			skip--
			line, _ = t.history.find(text, skip)
		}
		t.redraw(clip("(search \""+printable(text)+"\") "+printable(line), int(t.columns())-1))
		key, err := t.nextKey(ctx)
		switch {
		case err != nil:
			return nil, err
		case key == "\x12":
			skip++
		case key == "\x7f" || key == "\b":
			_, n := utf8.DecodeLastRuneInString(text)
			text, skip = text[:len(text)-n], 0
		case key == "\x03" || key == "\a":
			return nil, nil
		case key == "\r" || key == "\n":
			return []byte(pasted(line) + "\r"), nil
		case key < " " || key[0] == '\x1b':
			return []byte(pasted(line)), nil
		case len(text) < maxPattern:
			text, skip = text+key, 0
		}
	}
}

// pasted has the editor take a text as it is.
func pasted(line string) string {
	if line == "" {
		return ""
	}
	return "\x1b[200~" + line + "\x1b[201~"
}

func (t *tty) redraw(prompt string) {
	t.editor.SetPrompt(prompt)
	// On a terminal that is gone the next read tells.
	_, _ = t.editor.Write(nil)
}

// errLong is of lines that the editor cuts.
var errLong = errors.New("cannot read this line: it has more characters than can be edited; put it in a file, or send it through a pipe")
