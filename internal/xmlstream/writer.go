// SPDX-License-Identifier: Apache-2.0

package xmlstream

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Writer writes one document, or a piece of one. With a destination it hands
// over its buffer in big pieces; without one it gathers everything for Bytes.
// Names and prefixes are the caller's: they come from a schema or a Reader and
// are not looked at. It is not for use by several goroutines.
type Writer struct {
	dst     io.Writer
	buf     []byte
	err     error
	indent  string
	open    []element
	bound   []binding // prefixes in scope
	space   string    // the default namespace in scope
	tag     bool      // a start tag lacks its >
	lost    int       // characters replaced
	flushed bool
}

// element is one element that is open in the output.
type element struct {
	local string
	outer string // the default namespace outside it
	bound int    // prefixes in scope outside it
	kids  bool   // it has elements (for indentation)
	text  bool   // it has text: no indentation
}

const flushAt = 32 << 10

// NewWriter returns a writer to dst, which may be nil.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Reset begins another document. The buffer is kept unless it is very large.
func (w *Writer) Reset(dst io.Writer) {
	buf := w.buf[:0]
	if cap(buf) > keptBuffer {
		buf = nil
	}
	*w = Writer{dst: dst, buf: buf, indent: w.indent, open: w.open[:0], bound: w.bound[:0]}
}

// Indent asks for each element on a line of its own, each level set off by s.
func (w *Writer) Indent(s string) { w.indent = s }

// Bytes is what has been written and not been flushed. It is valid until the
// next call.
func (w *Writer) Bytes() []byte { return w.buf }

// Err is the first error, of the destination or of the order of calls.
func (w *Writer) Err() error { return w.err }

// Replaced counts the characters that XML cannot carry, written as U+FFFD.
func (w *Writer) Replaced() int { return w.lost }

// Flush hands everything to the destination. A start tag that may still get
// attributes is left open.
func (w *Writer) Flush() error {
	if w.dst != nil && w.err == nil && len(w.buf) > 0 {
		w.flushed = true
		if _, err := w.dst.Write(w.buf); err != nil {
			w.err = fmt.Errorf("cannot write XML: %w", err)
		}
	}
	if w.dst != nil {
		w.buf = w.buf[:0]
	}
	return w.err
}

func (w *Writer) full() {
	if len(w.buf) >= flushAt && w.dst != nil {
		_ = w.Flush() // the error stays in w.err
	}
}

func (w *Writer) misuse(text string) {
	if w.err == nil {
		w.err = errors.New("cannot write XML: " + text)
	}
}

// Declaration writes the XML declaration. It comes first.
func (w *Writer) Declaration() {
	w.buf = append(w.buf, `<?xml version="1.0" encoding="UTF-8"?>`...)
	if w.indent != "" {
		w.buf = append(w.buf, '\n')
	}
}

// Start opens an element in the namespace ns, "" for none. The default namespace
// is declared where it changes.
func (w *Writer) Start(ns, local string) {
	w.startTag(ns, local)
	w.tag = true
	w.open = append(w.open, element{local: local, outer: w.space, bound: len(w.bound)})
	w.space = ns
	w.full()
}

// startTag writes a start tag without its >.
func (w *Writer) startTag(ns, local string) {
	if w.tag {
		w.buf = append(w.buf, '>')
		w.tag = false
	}
	if w.indent != "" {
		w.line(true)
	}
	w.buf = append(append(w.buf, '<'), local...)
	if ns != w.space {
		w.buf = append(w.buf, ` xmlns="`...)
		w.buf = appendEscaped(w.buf, ns, writeAttr, &w.lost)
		w.buf = append(w.buf, '"')
	}
}

// line begins a line for an element, or for the end tag of one that has some.
func (w *Writer) line(element bool) {
	n := len(w.open)
	if n > 0 {
		f := &w.open[n-1]
		if f.text || !element && !f.kids {
			return
		}
		f.kids = true
	}
	if !element {
		n--
	}
	if len(w.buf) > 0 && w.buf[len(w.buf)-1] != '\n' || len(w.buf) == 0 && w.flushed {
		w.buf = append(w.buf, '\n')
	}
	for range n {
		w.buf = append(w.buf, w.indent...)
	}
}

// Attr gives the element just opened an attribute without a namespace.
func (w *Writer) Attr(local, value string) {
	if !w.tag {
		w.misuse("an attribute outside a start tag")
		return
	}
	w.buf = append(append(w.buf, ' '), local...)
	w.buf = append(w.buf, '=', '"')
	w.buf = appendEscaped(w.buf, value, writeAttr, &w.lost)
	w.buf = append(w.buf, '"')
}

// AttrNS gives the element just opened an attribute in the namespace ns. The
// prefix is declared if need be; if this element binds it to another namespace,
// a prefix that is free is used in its stead.
func (w *Writer) AttrNS(prefix, ns, local, value string) {
	if !w.tag {
		w.misuse("an attribute outside a start tag")
		return
	}
	if ns == "" {
		w.Attr(local, value)
		return
	}
	if ns == XMLNamespace {
		prefix = "xml"
	}
	own := w.open[len(w.open)-1].bound
	for n := 0; prefix == "" || !w.free(prefix, ns, own); n++ {
		prefix = fmt.Sprintf("ns%d", n)
	}
	w.Namespace(prefix, ns)
	w.Attr(prefix+":"+local, value)
}

// free says whether prefix can mean ns on the element just opened.
func (w *Writer) free(prefix, ns string, own int) bool {
	if prefix == "xmlns" || (prefix == "xml") != (ns == XMLNamespace) {
		return false
	}
	for _, b := range w.bound[own:] {
		if b.prefix == prefix {
			return b.uri == ns
		}
	}
	return true
}

// Namespace binds a prefix on the element just opened, for names or for values
// in its text. One that is so bound already is not declared again.
func (w *Writer) Namespace(prefix, ns string) {
	if !w.tag {
		w.misuse("a namespace declaration outside a start tag")
		return
	}
	own := w.open[len(w.open)-1].bound
	if prefix == "" || ns == "" || !w.free(prefix, ns, own) {
		w.misuse("the prefix " + prefix + " cannot be bound to " + ns)
		return
	}
	if prefix == "xml" {
		return
	}
	known := false
	for i := len(w.bound) - 1; i >= 0; i-- {
		if b := w.bound[i]; b.prefix == prefix {
			if known = b.uri == ns; known && i >= own {
				return
			}
			break
		}
	}
	w.bound = append(w.bound, binding{prefix, ns}) // even if known: this element uses it now
	if known {
		return
	}
	w.buf = append(append(w.buf, ` xmlns:`...), prefix...)
	w.buf = append(w.buf, '=', '"')
	w.buf = appendEscaped(w.buf, ns, writeAttr, &w.lost)
	w.buf = append(w.buf, '"')
}

// Text writes characters.
func (w *Writer) Text(s string) {
	if s == "" {
		return
	}
	w.beginText()
	w.buf = appendEscaped(w.buf, s, writeText, &w.lost)
	w.full()
}

// TextBytes writes characters.
func (w *Writer) TextBytes(b []byte) {
	if len(b) == 0 {
		return
	}
	w.beginText()
	w.buf = appendEscaped(w.buf, b, writeText, &w.lost)
	w.full()
}

func (w *Writer) beginText() {
	if w.tag {
		w.buf = append(w.buf, '>')
		w.tag = false
	}
	if len(w.open) == 0 {
		w.misuse("text outside an element")
		return
	}
	w.open[len(w.open)-1].text = true
}

// Raw writes an element that is XML already, such as Reader.Raw gives. It is
// well-formed and declares its own default namespace, be it none.
func (w *Writer) Raw(b []byte) {
	if w.tag {
		w.buf = append(w.buf, '>')
		w.tag = false
	}
	if w.indent != "" {
		w.line(true)
	}
	w.buf = append(w.buf, b...)
	w.full()
}

// End closes the innermost element.
func (w *Writer) End() {
	n := len(w.open) - 1
	if n < 0 {
		w.misuse("an end without a start")
		return
	}
	f := &w.open[n]
	if w.tag {
		w.buf = append(w.buf, '/', '>')
		w.tag = false
	} else {
		if w.indent != "" {
			w.line(false)
		}
		w.buf = append(append(w.buf, '<', '/'), f.local...)
		w.buf = append(w.buf, '>')
	}
	w.space, w.bound, w.open = f.outer, w.bound[:f.bound], w.open[:n]
	w.full()
}

// Leaf writes an element with text and nothing else.
func (w *Writer) Leaf(ns, local, text string) {
	w.startTag(ns, local)
	if text == "" {
		w.buf = append(w.buf, '/', '>')
	} else {
		w.buf = append(w.buf, '>')
		w.buf = appendEscaped(w.buf, text, writeText, &w.lost)
		w.buf = append(append(w.buf, '<', '/'), local...)
		w.buf = append(w.buf, '>')
	}
	w.full()
}

// appendEscaped appends s for text (stop writeText) or for an attribute value in
// double quotes (stop writeAttr). It counts in lost what XML cannot carry.
func appendEscaped[T string | []byte](dst []byte, s T, stop uint8, lost *int) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		for i+8 < len(s) && stops(s[i:i+8], stop) == 0 {
			i += 8
		}
		c := s[i]
		if class[c]&stop == 0 {
			continue
		}
		var as string
		n := 1
		switch {
		case c >= 0x80:
			r, size := decode(s[i:])
			if (r != utf8.RuneError || size > 1) && isChar(r) {
				i += size - 1
				continue
			}
			as, n = "\uFFFD", size
		case c == '<':
			as = "&lt;"
		case c == '&':
			as = "&amp;"
		case c == '>':
			as = "&gt;"
		case c == '"':
			as = "&quot;"
		case c == '\r': // XML 1.0, 2.11 would make it LF
			as = "&#13;"
		case c == '\n': // XML 1.0, 3.3.3 would make it a blank
			as = "&#10;"
		case c == '\t':
			as = "&#9;"
		default:
			as = "\uFFFD"
		}
		if as == "\uFFFD" && lost != nil {
			*lost++
		}
		dst = append(append(dst, s[from:i]...), as...)
		from = i + n
		i += n - 1
	}
	return append(dst, s[from:]...)
}

func decode[T string | []byte](s T) (rune, int) {
	if len(s) > utf8.UTFMax {
		s = s[:utf8.UTFMax]
	}
	return utf8.DecodeRuneInString(string(s))
}
