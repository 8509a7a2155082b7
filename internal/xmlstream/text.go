// SPDX-License-Identifier: Apache-2.0

package xmlstream

import (
	"bytes"
	"unicode/utf8"
)

// run scans plain text from the byte at after the mark to the next <, & or CR and
// returns its place. It has looked at every character of it.
func (r *Reader) run(at int) (end int, err error) {
	high := false
	b := r.buf[r.mark:]
	i := at
	for {
		for i+8 <= len(b) && stops(b[i:i+8:i+8], textStop) == 0 {
			i += 8
		}
		for i < len(b) && class[b[i]]&textStop == 0 {
			i++
		}
		if i == len(b) {
			if i-at > r.limits.Text {
				return 0, r.longText(at)
			}
			if !r.fill() {
				return 0, r.cut("an element")
			}
			b = r.buf[r.mark:]
			continue
		}
		switch c := b[i]; {
		case c == '<', c == '&', c == '\r':
			if i-at > r.limits.Text {
				return 0, r.longText(at)
			}
			if high {
				if bad, what := badChar(b[at:i]); bad >= 0 {
					return 0, r.fail(Encoding, at+bad, "%s in text", what)
				}
			}
			return i, nil
		case c >= 0x80:
			high = true
		case c == '>':
			// XML 1.0, 2.4: ]]> is not character data.
			if i-at >= 2 && b[i-1] == ']' && b[i-2] == ']' {
				return 0, r.fail(Syntax, i-2, "]]> in text")
			}
		default:
			return 0, r.fail(Encoding, i, "a control character in text")
		}
		i++
	}
}

func (r *Reader) longText(at int) error {
	return r.fail(Limit, at, "a text is longer than %d bytes", r.limits.Text)
}

// text reads character data, and with it comments, processing instructions and
// CDATA; if there is no character among them, the tag that follows.
func (r *Reader) text() (*Token, error) {
	n, err := r.run(0)
	if err != nil {
		return nil, err
	}
	if r.buf[r.mark+n] == '<' {
		if !r.need(n + 2) {
			return nil, r.cut("an element")
		}
		if c := r.buf[r.mark+n+1]; c != '!' && c != '?' {
			if n == 0 {
				return r.tag()
			}
			r.pos = r.mark + n
			return r.textToken(r.buf[r.mark:r.pos:r.pos]), nil
		}
	}
	return r.mixedText(n)
}

// tag reads the tag at the mark.
func (r *Reader) tag() (*Token, error) {
	if r.buf[r.mark+1] == '/' {
		return r.endTag(0)
	}
	return r.startTag(0)
}

func (r *Reader) textToken(b []byte) *Token {
	t := &r.tok
	t.Kind = Text
	t.Text = b
	t.White = b[0] <= ' ' && blank(b)
	t.Attrs = t.Attrs[:0]
	return t
}

// mixedText collects in scratch the text that begins with n plain bytes and is
// interrupted there.
func (r *Reader) mixedText(n int) (*Token, error) {
	for {
		r.scratch = append(r.scratch, r.buf[r.mark:r.mark+n]...)
		r.mark += n
		var err error
		switch r.buf[r.mark] {
		case '\r':
			// XML 1.0, 2.11: CR LF, and CR alone, are LF.
			r.scratch = append(r.scratch, '\n')
			if !r.need(2) {
				return nil, r.cut("an element")
			}
			r.mark++
			if r.buf[r.mark] == '\n' {
				r.mark++
			}
		case '&':
			err = r.textReference()
		case '<':
			if !r.need(2) {
				return nil, r.cut("an element")
			}
			switch r.buf[r.mark+1] {
			case '!':
				err = r.bang()
			case '?':
				err = r.instruction()
			default:
				r.pos = r.mark
				if len(r.scratch) == 0 {
					return r.tag()
				}
				return r.textToken(r.scratch), nil
			}
		}
		if err != nil {
			return nil, err
		}
		if n, err = r.run(0); err != nil {
			return nil, err
		}
		if len(r.scratch)+n > r.limits.Text {
			return nil, r.longText(0)
		}
	}
}

// textReference reads the reference at the mark into scratch.
func (r *Reader) textReference() error {
	for {
		n, char, err := r.reference(r.buf[r.mark:], 0)
		if err != nil {
			return err
		}
		if n > 0 {
			r.scratch = utf8.AppendRune(r.scratch, char)
			r.mark += n
			return nil
		}
		if !r.fill() {
			return r.cut("a reference")
		}
	}
}

// longestReference is generous: a character reference may have leading zeros.
const longestReference = 32

// reference reads the reference that b begins with, at the byte at after the
// mark. It returns how long it is, 0 if it is not in b whole.
func (r *Reader) reference(b []byte, at int) (n int, char rune, err error) {
	end := 1
	for end < len(b) && (class[b[end]]&nameByte != 0 || b[end] == '#') && end < longestReference {
		end++
	}
	if end == len(b) {
		return 0, 0, nil
	}
	if b[end] != ';' {
		return 0, 0, r.fail(Syntax, at, "a reference has no end; write &amp; for &")
	}
	name := b[1:end]
	switch string(name) { // XML 1.0, 4.6
	case "lt":
		return end + 1, '<', nil
	case "gt":
		return end + 1, '>', nil
	case "amp":
		return end + 1, '&', nil
	case "apos":
		return end + 1, '\'', nil
	case "quot":
		return end + 1, '"', nil
	}
	if len(name) == 0 || name[0] != '#' {
		return 0, 0, r.fail(Syntax, at, "the entity %s is unknown: only the five of XML are read", shown(name))
	}
	digits, radix := name[1:], rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		digits, radix = digits[1:], 16
	}
	if len(digits) == 0 {
		return 0, 0, r.fail(Syntax, at, "a character reference has no number")
	}
	var code rune
	for _, c := range digits {
		d := rune(99)
		switch {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case c >= 'a' && c <= 'f':
			d = rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = rune(c-'A') + 10
		}
		if d >= radix {
			return 0, 0, r.fail(Syntax, at, "%s is not a character reference", shown(name))
		}
		if code = code*radix + d; code > utf8.MaxRune {
			code = utf8.MaxRune + 1
			break
		}
	}
	// XML 1.0, 4.1: a reference is to a legal character.
	if !isChar(code) {
		return 0, 0, r.fail(Encoding, at, "the reference %s is to a character that XML forbids", shown(name))
	}
	return end + 1, code, nil
}

// bang reads the comment or the CDATA section at the mark; CDATA goes to scratch.
func (r *Reader) bang() error {
	const comment, cdata = "<!--", "<![CDATA["
	for n := 3; ; n++ {
		whole := r.need(n)
		switch b := r.buf[r.mark:]; {
		case bytes.HasPrefix(b, []byte(comment)):
			return r.comment()
		case bytes.HasPrefix(b, []byte(cdata)):
			if len(r.open) == 0 {
				return r.fail(Syntax, 0, "text outside the root element")
			}
			return r.cdata()
		case !whole:
			return r.cut("an element")
		case b[2] == 'D':
			return r.fail(Syntax, 0, "a document type declaration (DTD) is not accepted")
		case !bytes.HasPrefix([]byte(comment), b[:n]) && !bytes.HasPrefix([]byte(cdata), b[:n]):
			return r.fail(Syntax, 0, "<! begins neither a comment nor CDATA")
		}
	}
}

// comment passes over the comment at the mark.
func (r *Reader) comment() error {
	end, err := r.find("--", 4, "a comment")
	if err != nil {
		return err
	}
	if !r.need(end + 3) {
		return r.cut("a comment")
	}
	// XML 1.0, 2.5: -- is not within comments.
	if r.buf[r.mark+end+2] != '>' {
		return r.fail(Syntax, end, "-- inside a comment")
	}
	if at, what := badChar(r.buf[r.mark+4 : r.mark+end]); at >= 0 {
		return r.fail(Encoding, 4+at, "%s in a comment", what)
	}
	r.mark += end + 3
	return nil
}

// cdata takes the section at the mark into scratch.
func (r *Reader) cdata() error {
	const head = 9
	end, err := r.find("]]>", head, "CDATA")
	if err != nil {
		return err
	}
	b := r.buf[r.mark+head : r.mark+end]
	if at, what := badChar(b); at >= 0 {
		return r.fail(Encoding, head+at, "%s in CDATA", what)
	}
	for {
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			break
		}
		r.scratch = append(append(r.scratch, b[:i]...), '\n')
		if b = b[i+1:]; len(b) > 0 && b[0] == '\n' {
			b = b[1:]
		}
	}
	r.scratch = append(r.scratch, b...)
	r.mark += end + 3
	return nil
}

// instruction passes over the processing instruction at the mark.
func (r *Reader) instruction() error {
	end, err := r.find("?>", 2, "a processing instruction")
	if err != nil {
		return err
	}
	b := r.buf[r.mark+2 : r.mark+end]
	n := 0
	for n < len(b) && class[b[n]]&nameByte != 0 {
		n++
	}
	if at, what := badChar(b); at >= 0 {
		return r.fail(Encoding, 2+at, "%s in a processing instruction", what)
	}
	switch target := string(b[:n]); {
	case !isNCName(target), n < len(b) && !isSpace(b[n]):
		return r.fail(Syntax, 0, "a processing instruction has no target")
	case len(target) > r.limits.Name:
		return r.fail(Limit, 0, "a name is longer than %d bytes", r.limits.Name)
	case bytes.EqualFold(b[:n], []byte("xml")):
		return r.fail(Syntax, 0, "the XML declaration is not at the beginning")
	}
	r.mark += end + 2
	return nil
}
