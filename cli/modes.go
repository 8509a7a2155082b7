// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// modes follows what a program does to a terminal, and knows how to take back what it
// has left on: one that is killed cannot. The sequences are those of ECMA-48 and of
// xterm, which everything that calls itself a terminal today understands.
type modes struct {
	state   modeState
	params  []byte       // of the control sequence that is being read
	private map[int]bool // DEC private modes that were set or reset, and how
	escaped bool         // there was any sequence
	keypad  bool         // sends application codes
	margins bool         // scrolling is limited to some lines
	insert  bool
	other   bool // modified keys are sent in another way
}

type modeState uint8

const (
	inPlain modeState = iota
	inEscape
	inControl
	inCharset // one letter more
	inText    // of a title and the like, up to BEL or ST
)

// maxParams is more than a sequence has that is known here, bytes.
const maxParams = 64

// watch reads what a program writes.
func (m *modes) watch(b []byte) {
	for len(b) > 0 {
		if m.state == inPlain {
			i := bytes.IndexByte(b, '\x1b')
			if i < 0 {
				return
			}
			b = b[i:]
		}
		m.next(b[0])
		b = b[1:]
	}
}

func (m *modes) next(c byte) {
	switch {
	case c == '\x1b':
		m.state, m.escaped = inEscape, true
	case m.state == inControl:
		switch {
		case c >= 0x40 && c <= 0x7e:
			m.done(c)
			m.state = inPlain
		case len(m.params) < maxParams:
			m.params = append(m.params, c)
		}
	case m.state == inText:
		if c == '\a' {
			m.state = inPlain
		}
	case m.state == inEscape:
		m.state = inPlain
		switch c {
		case '[':
			m.state, m.params = inControl, m.params[:0]
		case ']', 'P', '^', '_', 'X':
			m.state = inText
		case '(', ')', '*', '+', '#', '%', ' ':
			m.state = inCharset
		case '=', '>':
			m.keypad = c == '='
		case 'c': // everything is as it was when the terminal was turned on
			*m = modes{escaped: true}
		}
	default:
		m.state = inPlain
	}
}

// done takes a control sequence.
func (m *modes) done(final byte) {
	p := string(m.params)
	switch on := final == 'h'; {
	case (on || final == 'l') && strings.HasPrefix(p, "?"):
		for part := range strings.SplitSeq(p[1:], ";") {
			n, err := strconv.Atoi(part)
			if err != nil || !slices.Contains(private, n) {
				continue
			}
			if m.private == nil {
				m.private = make(map[int]bool)
			}
			m.private[n] = on
		}
	case (on || final == 'l') && p == "4":
		m.insert = on
	case final == 'r' && !strings.HasPrefix(p, "?"):
		m.margins = strings.Trim(p, ";") != ""
	case final == 'm' && strings.HasPrefix(p, ">4"):
		m.other = strings.HasPrefix(p, ">4;") && p != ">4;0"
	case final == 'p' && p == "!":
		alternate := m.private[1049] || m.private[1047] || m.private[47]
		*m = modes{escaped: true}
		if alternate { // a soft reset leaves that
			m.private = map[int]bool{1049: true}
		}
	}
}

// The private modes that are taken back, in that order: synchronized output, mouse, focus
// and paste; then the other screen; then the cursor and how it moves.
var private = []int{2026, 9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 2004, 1, 5, 6, 66, 1049, 1047, 47, 7, 25}

// undo is what brings the terminal back.
func (m *modes) undo() string {
	if !m.escaped {
		return ""
	}
	var b strings.Builder
	switch m.state {
	case inControl, inCharset, inEscape:
		b.WriteByte('\x18') // CAN: it is no sequence
	case inText:
		b.WriteString("\x1b\\")
	}
	if m.margins { // which moves the cursor
		b.WriteString("\x1b7\x1b[r\x1b8")
	}
	for _, n := range private {
		was, known := m.private[n]
		standard := n == 7 || n == 25 // on, unless told otherwise
		if known && was != standard {
			b.WriteString("\x1b[?" + strconv.Itoa(n) + map[bool]string{true: "h", false: "l"}[standard])
		}
	}
	for _, s := range []struct {
		on   bool
		text string
	}{{m.insert, "\x1b[4l"}, {m.keypad, "\x1b>"}, {m.other, "\x1b[>4m"}} {
		if s.on {
			b.WriteString(s.text)
		}
	}
	b.WriteString("\x1b(B\x0f\x1b[m") // letters, in the ordinary way
	return b.String()
}
