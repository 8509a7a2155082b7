// SPDX-License-Identifier: Apache-2.0

package xmlstream

import "unicode/utf8"

// Tags are parsed in one pass when they are in the buffer. One that is not is
// first brought there whole, by a scan that does not begin again with each read,
// and parsed once more.

// startTag reads the start tag at the byte at after the mark.
func (r *Reader) startTag(at int) (*Token, error) {
	n, err := r.parseStart(at)
	if n == 0 && err == nil {
		whole, limit := r.wholeTag(at)
		if limit != nil {
			return nil, limit
		}
		if r.err == nil {
			n, err = r.parseStart(at)
		}
		if n == 0 && err == nil {
			if err = r.cut("a tag"); whole {
				err = r.fail(Syntax, at, "a start tag is not well-formed")
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if n-at > r.limits.Tag {
		return nil, r.fail(Limit, at, "a tag is longer than %d bytes", r.limits.Tag)
	}
	r.pos = r.mark + n
	return &r.tok, nil
}

// wholeTag brings the tag at the byte at into the buffer, or at least what is
// wrong with it. It returns false if the source ends before.
func (r *Reader) wholeTag(at int) (bool, error) {
	var quote byte
	for i := at + 1; ; {
		b := r.buf[r.mark:]
		for ; i < len(b); i++ {
			switch c := b[i]; {
			case c == '<', c == '>' && quote == 0:
				return true, nil
			case c == quote:
				quote = 0
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			}
		}
		if i-at > r.limits.Tag {
			return false, r.fail(Limit, at, "a tag is longer than %d bytes", r.limits.Tag)
		}
		if !r.fill() {
			return false, nil
		}
	}
}

// parseStart parses a start tag and returns where it ends, or 0 if it is not in
// the buffer whole.
func (r *Reader) parseStart(at int) (int, error) {
	b := r.buf[r.mark:]
	i := at + 1
	q := r.lastName.next // lists repeat themselves
	if q == nil || !q.at(b, i) {
		for i < len(b) && class[b[i]]&nameByte != 0 {
			i++
		}
		if i == len(b) {
			return 0, nil
		}
		var err error
		if q, err = r.qname(at+1, i); err != nil {
			return 0, err
		}
	}
	i = at + 1 + len(q.raw)
	if q.prefix == "xmlns" {
		return 0, r.fail(Syntax, at, "the prefix xmlns cannot be that of an element")
	}
	if len(r.open) >= r.limits.Depth {
		return 0, r.fail(Limit, at, "elements are nested deeper than %d", r.limits.Depth)
	}
	outer, scope := len(r.bound), r.scope
	t := &r.tok
	t.Attrs = t.Attrs[:0]
	if b[i] == '>' {
		i++
	} else {
		var err error
		if i, err = r.attributes(b, i, outer); err != nil || i == 0 {
			r.bound = r.bound[:outer]
			return 0, err
		}
		r.selfClosed = b[i-2] == '/'
		if len(r.bound) > outer {
			r.lastScope++
			r.scope = r.lastScope
		}
	}
	space, err := r.resolve(q, at)
	if err != nil {
		return 0, err
	}
	if len(t.Attrs) > 0 {
		if err := r.resolveAttrs(at); err != nil {
			return 0, err
		}
	}
	r.rooted = true
	r.lastName.next = q
	r.lastName = q
	r.open = append(r.open, frame{q: q, space: space, bound: outer, scope: scope})
	t.Kind = Start
	t.Name.Space, t.Name.Local, t.Prefix = space, q.local, q.prefix
	t.Text = nil
	return i, nil
}

// attributes parses what follows the name of an element, from the byte i of b on,
// and returns where the tag ends; 0 if that is not in the buffer.
func (r *Reader) attributes(b []byte, i, outer int) (int, error) {
	for {
		spaced := i
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if i == len(b) {
			return 0, nil
		}
		switch b[i] {
		case '>':
			return i + 1, nil
		case '/':
			if i+1 == len(b) {
				return 0, nil
			}
			if b[i+1] != '>' {
				return 0, r.fail(Syntax, i, "a slash inside a tag")
			}
			return i + 2, nil
		}
		name := i
		for i < len(b) && class[b[i]]&nameByte != 0 {
			i++
		}
		if i == len(b) {
			return 0, nil
		}
		if i == name {
			return 0, r.fail(Syntax, i, "%s cannot begin the name of an attribute", shown(b[i:i+1]))
		}
		if spaced == name {
			return 0, r.fail(Syntax, i, "white space is missing before an attribute")
		}
		q, err := r.qname(name, i)
		if err != nil {
			return 0, err
		}
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if i == len(b) {
			return 0, nil
		}
		if b[i] != '=' {
			return 0, r.fail(Syntax, i, "the attribute %s has no value", shown([]byte(q.raw)))
		}
		for i++; i < len(b) && isSpace(b[i]); i++ {
		}
		if i == len(b) {
			return 0, nil
		}
		if b[i] != '"' && b[i] != '\'' {
			return 0, r.fail(Syntax, i, "the value of %s is not in quotes", shown([]byte(q.raw)))
		}
		value, end, err := r.value(b, i)
		if err != nil || end == 0 {
			return 0, err
		}
		i = end
		if q.xmlns {
			if err := r.declare(q, value, outer, name); err != nil {
				return 0, err
			}
			continue
		}
		t := &r.tok
		if len(t.Attrs) >= r.limits.Attrs {
			return 0, r.fail(Limit, name, "an element has more than %d attributes", r.limits.Attrs)
		}
		t.Attrs = append(t.Attrs, Attr{Name: Name{Local: q.local}, Prefix: q.prefix, Value: value})
	}
}

// value reads the quoted value at the byte i of b and returns where it ends.
func (r *Reader) value(b []byte, i int) (value []byte, end int, err error) {
	quote := b[i]
	from := i + 1
	plain := from // b[plain:i] is as yet in no other place
	start := len(r.scratch)
	high := false
	for i = from; i < len(b); i++ {
		c := b[i]
		if class[c]&valueStop == 0 {
			continue
		}
		switch {
		case c == quote:
			if i-from > r.limits.AttrValue {
				return nil, 0, r.fail(Limit, from, "the value of an attribute is longer than %d bytes", r.limits.AttrValue)
			}
			if high {
				if at, what := badChar(b[from:i]); at >= 0 {
					return nil, 0, r.fail(Encoding, from+at, "%s in the value of an attribute", what)
				}
			}
			if plain == from {
				return b[from:i:i], i + 1, nil
			}
			r.scratch = append(r.scratch, b[plain:i]...)
			return r.scratch[start:len(r.scratch):len(r.scratch)], i + 1, nil
		case c == '"', c == '\'':
		case c >= 0x80:
			high = true
		case c == '<':
			// XML 1.0, 3.1: no < in attribute values.
			return nil, 0, r.fail(Syntax, i, "< in the value of an attribute")
		case c == '&':
			n, char, err := r.reference(b[i:], i)
			if err != nil || n == 0 {
				return nil, 0, err
			}
			r.scratch = utf8.AppendRune(append(r.scratch, b[plain:i]...), char)
			plain = i + n
			i = plain - 1
		case isSpace(c):
			// XML 1.0, 3.3.3: white space is a blank; and 2.11: CR LF is one line end.
			if c == '\r' && i+1 == len(b) {
				return nil, 0, nil
			}
			r.scratch = append(append(r.scratch, b[plain:i]...), ' ')
			if c == '\r' && b[i+1] == '\n' {
				i++
			}
			plain = i + 1
		default:
			return nil, 0, r.fail(Encoding, i, "a control character in the value of an attribute")
		}
	}
	return nil, 0, nil
}

// resolveAttrs gives prefixed attributes their namespaces and refuses duplicates.
func (r *Reader) resolveAttrs(at int) error {
	attrs := r.tok.Attrs
	for i := range attrs {
		a := &attrs[i]
		if a.Prefix != "" {
			uri, ok := r.Lookup(a.Prefix)
			if !ok {
				return r.fail(Syntax, at, "the prefix %s is not declared", shown([]byte(a.Prefix)))
			}
			a.Name.Space = uri
		}
		for j := range attrs[:i] {
			// Namespaces in XML, 6.3: unique by expanded name.
			if attrs[j].Name == a.Name {
				return r.fail(Syntax, at, "the attribute %s is given twice", shown([]byte(a.Name.Local)))
			}
		}
	}
	return nil
}

// endTag reads the end tag at the byte at after the mark.
func (r *Reader) endTag(at int) (*Token, error) {
	q := r.open[len(r.open)-1].q
	b := r.buf[r.mark:]
	i := at + 2
	n := i + len(q.raw)
	if n >= len(b) || string(b[i:n]) != q.raw || b[n] != '>' {
		if whole, err := r.wholeTag(at); err != nil {
			return nil, err
		} else if !whole {
			return nil, r.cut("a tag")
		}
		b = r.buf[r.mark:]
		for n = i; n < len(b) && class[b[n]]&nameByte != 0; {
			n++
		}
		if string(b[i:n]) != q.raw {
			if at, what := badChar(b[i:n]); at >= 0 {
				return nil, r.fail(Encoding, i+at, "%s in a name", what)
			}
			return nil, r.fail(Syntax, at, "the end tag %s does not belong to <%s>", shown(b[i:n]), shownName(q.raw))
		}
		for n < len(b) && isSpace(b[n]) {
			n++
		}
		if n == len(b) || b[n] != '>' {
			return nil, r.fail(Syntax, n, "an end tag does not end in >")
		}
		if n+1-at > r.limits.Tag {
			return nil, r.fail(Limit, at, "a tag is longer than %d bytes", r.limits.Tag)
		}
	}
	r.pos = r.mark + n + 1
	return r.close(), nil
}

func shownName(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
