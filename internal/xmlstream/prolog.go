// SPDX-License-Identifier: Apache-2.0

package xmlstream

import "bytes"

// outside reads what stands before and after the root element.
func (r *Reader) outside() (*Token, error) {
	if !r.begun {
		if err := r.begin(); err != nil {
			return nil, err
		}
	}
	for {
		for r.mark < len(r.buf) && isSpace(r.buf[r.mark]) {
			r.mark++
		}
		r.pos = r.mark
		if r.mark == len(r.buf) {
			if r.fill() {
				continue
			}
			if r.err != nil {
				return nil, r.err
			}
			if !r.rooted {
				return nil, r.fail(Syntax, 0, "the document has no element")
			}
			r.tok.Kind, r.tok.Text, r.tok.Attrs = EOF, nil, r.tok.Attrs[:0]
			return &r.tok, nil
		}
		if r.buf[r.mark] != '<' {
			if at, what := badChar(r.buf[r.mark : r.mark+1]); at >= 0 && r.buf[r.mark] < ' ' {
				return nil, r.fail(Encoding, at, "%s outside the root element", what)
			}
			return nil, r.fail(Syntax, 0, "text outside the root element")
		}
		if !r.need(2) {
			return nil, r.cut("a tag")
		}
		var err error
		switch r.buf[r.mark+1] {
		case '!':
			err = r.bang()
		case '?':
			err = r.instruction()
		case '/':
			err = r.fail(Syntax, 0, "an end tag without a start tag")
		default:
			if r.rooted {
				err = r.fail(Syntax, 0, "a second root element")
				break
			}
			return r.startTag(0)
		}
		if err != nil {
			return nil, err
		}
	}
}

// begin reads the byte order mark and the XML declaration, if they are there.
func (r *Reader) begin() error {
	r.begun = true
	if !r.need(2) {
		return r.err
	}
	switch b := r.buf[r.mark:]; {
	case b[0] == 0xfe && b[1] == 0xff, b[0] == 0xff && b[1] == 0xfe, b[0] == 0, b[1] == 0:
		// RFC 6241, 3: all messages are UTF-8.
		return r.fail(Encoding, 0, "the document is not UTF-8 (UTF-16 or UTF-32 by its first bytes)")
	case b[0] == 0xef:
		if r.need(3) && bytes.HasPrefix(r.buf[r.mark:], []byte("\xef\xbb\xbf")) {
			r.mark += 3
		}
	}
	if r.need(6) && bytes.HasPrefix(r.buf[r.mark:], []byte("<?xml")) && isSpace(r.buf[r.mark+5]) {
		return r.declaration()
	}
	return r.err
}

// declaration reads the XML declaration (XML 1.0, 2.8 [23]).
func (r *Reader) declaration() error {
	end, err := r.find("?>", 5, "the XML declaration")
	if err != nil {
		return err
	}
	b := r.buf[r.mark+5 : r.mark+end]
	at := 0 // which of the three may come next
	for len(b) > 0 {
		trimmed := bytes.TrimLeft(b, " \t\r\n")
		if len(trimmed) == 0 {
			break
		}
		name, rest, ok := bytes.Cut(trimmed, []byte{'='})
		name, rest = bytes.TrimRight(name, " \t\r\n"), bytes.TrimLeft(rest, " \t\r\n")
		if !ok || len(trimmed) == len(b) || len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			return r.fail(Syntax, 0, "the XML declaration is not well-formed")
		}
		value, after, ok := bytes.Cut(rest[1:], rest[:1])
		if !ok {
			return r.fail(Syntax, 0, "the XML declaration is not well-formed")
		}
		b = after
		switch {
		case string(name) == "version" && at == 0:
			if at = 1; string(value) != "1.0" {
				return r.fail(Syntax, 0, "XML version %s is not read, only 1.0", shown(value))
			}
		case string(name) == "encoding" && at == 1:
			if at = 2; !bytes.EqualFold(value, []byte("utf-8")) {
				return r.fail(Encoding, 0, "the encoding %s is not read, only UTF-8", shown(value))
			}
		case string(name) == "standalone" && (at == 1 || at == 2):
			if at = 3; string(value) != "yes" && string(value) != "no" {
				return r.fail(Syntax, 0, "standalone is neither yes nor no")
			}
		default:
			return r.fail(Syntax, 0, "%s is not in its place in the XML declaration", shown(name))
		}
	}
	if at == 0 {
		return r.fail(Syntax, 0, "the XML declaration has no version")
	}
	r.mark += end + 2
	r.pos = r.mark
	return nil
}
