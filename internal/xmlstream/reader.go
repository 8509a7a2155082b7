// SPDX-License-Identifier: Apache-2.0

package xmlstream

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// Kind is the kind of a token.
type Kind uint8

const (
	EOF   Kind = iota // the document is over: root closed, source at its end
	Start             // a start tag; an empty element is a Start and an End
	End               // an end tag
	Text              // all character data between two tags
)

// Token is one event. It belongs to the Reader and is valid until the next
// call; the strings in it stay valid.
type Token struct {
	Kind   Kind
	White  bool   // Text: nothing but white space
	Name   Name   // Start, End
	Prefix string // Start, End: the prefix as written
	Attrs  []Attr // Start: the attributes, namespace declarations apart
	Text   []byte // Text
}

// Attr is one attribute. Without a prefix it has no namespace.
type Attr struct {
	Name   Name
	Prefix string
	Value  []byte
}

// Attr gives the value of the attribute with this name.
func (t *Token) Attr(space, local string) (value []byte, ok bool) {
	for i := range t.Attrs {
		if a := &t.Attrs[i]; a.Name.Local == local && a.Name.Space == space {
			return a.Value, true
		}
	}
	return nil, false
}

// frame is one open element.
type frame struct {
	q     *qname
	space string
	bound int    // declarations in scope outside it
	scope uint64 // r.scope outside it
}

// Reader is a pull parser. Make one with NewReader or NewBytes; reuse it with
// Reset or ResetBytes, which keep its buffer and its interned names. It is not
// for use by several goroutines.
type Reader struct {
	limits Limits

	src  io.Reader // nil: the document is in buf
	buf  []byte
	own  []byte // the buffer to read into, kept while a caller's bytes are read
	mark int    // buf[mark:] stays where it is, relative to the mark, through fill
	pos  int    // the next byte to look at

	base      int64 // where buf[0] is in the document
	line, col int   // where buf[0] is, from 0
	eof       bool
	srcErr    error // came together with bytes

	err     error
	tok     Token
	scratch []byte // text and values that differ from their form in the document

	open       []frame
	selfClosed bool // the last Start was an empty element: its End is due
	pop        bool // the last token was an End: its declarations are to go
	begun      bool // the declaration may not come any more
	rooted     bool // the root has been seen

	bound     []binding
	scope     uint64 // names the set of declarations in scope
	lastScope uint64

	table    interned
	lastName *qname
	first    qname // before the first start tag

	capturing bool
	captured  []byte
	capFrom   int // buf[capFrom:pos] is to be captured still
}

const (
	firstBuffer = 4 << 10
	goodBuffer  = 64 << 10 // grown to when the source fills smaller ones
	keptBuffer  = 1 << 20  // larger ones are let go by Reset
)

// NewReader returns a reader of one document from src, to its end.
func NewReader(src io.Reader, limits Limits) *Reader {
	r := &Reader{limits: limits.orDefault()}
	r.Reset(src)
	return r
}

// NewBytes returns a reader of one document in memory. It does not copy data
// and does not write to it; data must stay as it is while it is read.
func NewBytes(data []byte, limits Limits) *Reader {
	r := &Reader{limits: limits.orDefault()}
	r.ResetBytes(data)
	return r
}

// Reset begins another document.
func (r *Reader) Reset(src io.Reader) {
	r.reset()
	r.src, r.buf, r.eof = src, r.own[:0], false
}

// ResetBytes begins another document in memory.
func (r *Reader) ResetBytes(data []byte) {
	r.reset()
	r.src, r.buf, r.eof = nil, data, true
	if int64(len(data)) > r.limits.Size {
		r.err = r.tooBig()
	}
}

func (r *Reader) reset() {
	if r.src != nil {
		r.own = r.buf[:0]
	}
	if cap(r.own) > keptBuffer {
		r.own = nil
	}
	if cap(r.scratch) > keptBuffer {
		r.scratch = nil
	}
	r.mark, r.pos, r.base, r.line, r.col = 0, 0, 0, 0, 0
	r.err, r.srcErr = nil, nil
	r.selfClosed, r.pop, r.begun, r.rooted = false, false, false, false
	r.tok = Token{Attrs: r.tok.Attrs[:0]}
	r.open, r.bound = r.open[:0], r.bound[:0]
	r.lastScope++
	r.scope = r.lastScope
	r.lastName = &r.first
	r.capturing, r.captured = false, nil
}

// Depth is the number of open elements: 1 after the Start of the root.
func (r *Reader) Depth() int { return len(r.open) }

// Position is where the last token ends.
func (r *Reader) Position() Position { return r.position(r.pos) }

// Begin is where the last token begins, and after Text where the text does.
func (r *Reader) Begin() Position { return r.position(r.mark) }

func (r *Reader) position(i int) Position {
	p := Position{Line: r.line, Column: r.col, Offset: r.base + int64(i)}
	p.Line, p.Column = advance(p.Line, p.Column, r.buf[:i])
	p.Line++
	p.Column++
	return p
}

// advance moves a line and a column over b.
func advance(line, col int, b []byte) (int, int) {
	if n := bytes.Count(b, []byte{'\n'}); n > 0 {
		line, col = line+n, 0
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	return line, col + utf8.RuneCount(b)
}

// fill adds bytes of the source to the buffer. It returns false at the end and
// on an error, which it leaves in r.err. Only offsets from the mark survive it.
func (r *Reader) fill() bool {
	if r.eof || r.err != nil {
		return false
	}
	if r.srcErr != nil {
		r.ioError(r.srcErr)
		return false
	}
	if len(r.buf) == cap(r.buf) || r.mark == len(r.buf) {
		r.capture()
		r.line, r.col = advance(r.line, r.col, r.buf[:r.mark])
		r.base += int64(r.mark)
		n := len(r.buf) - r.mark
		to := r.buf[:0]
		if size := cap(r.buf); n == size || n > size/2 || size < goodBuffer && r.base > int64(size) {
			to = make([]byte, 0, max(firstBuffer, 2*size))
		}
		to = append(to, r.buf[r.mark:]...)
		r.pos -= r.mark
		r.capFrom = 0
		r.buf, r.mark = to, 0
	}
	for range 100 {
		n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		if r.base+int64(len(r.buf)) > r.limits.Size {
			r.err = r.tooBig()
			return false
		}
		switch {
		case err == io.EOF: // as it is: an error that wraps EOF is one
			r.eof = true
			return n > 0
		case err != nil && n > 0:
			r.srcErr = err
			return true
		case err != nil:
			r.ioError(err)
			return false
		case n > 0:
			return true
		}
	}
	r.ioError(io.ErrNoProgress)
	return false
}

func (r *Reader) ioError(err error) {
	r.err = &Error{Kind: IO, Position: r.position(len(r.buf)), Message: "the source failed", cause: err}
}

func (r *Reader) tooBig() error {
	return r.fail(Limit, 0, "the document is larger than %d bytes", r.limits.Size)
}

// need makes sure of n bytes after the mark.
func (r *Reader) need(n int) bool {
	for len(r.buf)-r.mark < n {
		if !r.fill() {
			return false
		}
	}
	return true
}

// find looks for sep from the byte from after the mark on and gives its place
// relative to the mark. What it passes over counts against Limits.Text.
func (r *Reader) find(sep string, from int, what string) (int, error) {
	for at := from; ; {
		b := r.buf[r.mark:]
		if at < len(b) {
			i := bytes.Index(b[at:], []byte(sep))
			n := at + i
			if i < 0 {
				n = max(at, len(b)-len(sep)+1)
				at = n
			}
			if n-from > r.limits.Text {
				return 0, r.fail(Limit, 0, "%s is longer than %d bytes", what, r.limits.Text)
			}
			if i >= 0 {
				return n, nil
			}
		}
		if !r.fill() {
			return 0, r.cut(what)
		}
	}
}

// Next reads the next token. After EOF, and after an error, it gives the same
// again. The token is valid until the next call.
func (r *Reader) Next() (*Token, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.mark = r.pos
	if r.pop {
		r.leave()
	}
	if r.selfClosed {
		r.selfClosed = false
		return r.close(), nil
	}
	r.scratch = r.scratch[:0]
	if len(r.open) == 0 {
		return r.outside()
	}
	if b := r.buf[r.mark:]; len(b) > 1 && b[0] == '<' {
		if c := b[1]; c == '/' {
			return r.endTag(0)
		} else if c != '!' && c != '?' {
			return r.startTag(0)
		}
	}
	return r.text()
}

// close makes the token of the end of the innermost element.
func (r *Reader) close() *Token {
	f := &r.open[len(r.open)-1]
	t := &r.tok
	t.Kind = End
	t.Name.Space, t.Name.Local, t.Prefix = f.space, f.q.local, f.q.prefix
	t.Attrs = t.Attrs[:0]
	t.Text = nil
	r.pop = true
	r.open = r.open[:len(r.open)-1]
	return t
}

// leave takes the declarations of the element just ended out of scope.
func (r *Reader) leave() {
	r.pop = false
	f := r.open[:len(r.open)+1][len(r.open)]
	r.bound = r.bound[:f.bound]
	r.scope = f.scope
}

// Skip reads to the end of the element whose Start was the last token, or, after
// any other token, of the element that is open.
func (r *Reader) Skip() error {
	for depth := len(r.open); len(r.open) >= depth; {
		t, err := r.Next()
		if err != nil {
			return err
		}
		if t.Kind == EOF {
			return nil
		}
	}
	return nil
}

// Text reads the characters of the element whose Start was the last token, and
// its End. An element among them is an Error of kind Content: the reader then
// stands at that element's Start. The bytes are valid until the next call.
func (r *Reader) Text() ([]byte, error) {
	if r.tok.Kind != Start {
		return nil, errors.New("cannot read the text of an element: the last token is no start tag")
	}
	t, err := r.Next()
	if err != nil {
		return nil, err
	}
	switch t.Kind {
	case End:
		return nil, nil
	case Start:
		return nil, r.inText()
	}
	// The end tag is read with the mark at the text, so that the text stays.
	text, n := t.Text, 0
	if len(r.scratch) == 0 {
		n = len(text)
	}
	at := r.pos - r.mark
	if !r.need(at + 2) {
		return nil, r.cut("an element")
	}
	if b := r.buf[r.mark+at:]; b[1] != '/' {
		if _, err = r.startTag(at); err != nil {
			return nil, err
		}
		r.mark += at
		return nil, r.inText()
	}
	if _, err = r.endTag(at); err != nil {
		return nil, err
	}
	if n > 0 {
		text = r.buf[r.mark : r.mark+n]
	}
	return text, nil
}

func (r *Reader) inText() error {
	return &Error{Kind: Content, Position: r.position(r.pos),
		Message: "the element <" + r.open[len(r.open)-1].q.raw + "> stands where only text is expected"}
}

// Raw returns the element whose Start was the last token, to its end tag, as it
// stands in the document, and reads past it. Declarations from outside that the
// element uses, or may use in its text, are added to its start tag, and so is the
// default namespace, be it none: the result is a document of its own and means
// the same inside any other. It is appended to dst; Limits.Text bounds it.
func (r *Reader) Raw(dst []byte) ([]byte, error) {
	if r.tok.Kind != Start {
		return dst, errors.New("cannot read an element as it stands: the last token is no start tag")
	}
	f := r.open[len(r.open)-1]
	outer := append([]binding{{}}, r.bound[:f.bound]...) // in the beginning there is no default
	inner := append([]binding(nil), r.bound[f.bound:]...)
	r.capturing, r.captured, r.capFrom = true, nil, r.mark
	from := r.base + int64(r.mark)
	var err error
	for depth := len(r.open); err == nil && len(r.open) >= depth; {
		if _, err = r.Next(); err == nil && r.base+int64(r.pos)-from > int64(r.limits.Text) {
			err = r.fail(Limit, 0, "an element to be taken as it stands is longer than %d bytes", r.limits.Text)
		}
	}
	r.mark = r.pos
	r.capture()
	r.capturing = false
	raw := r.captured
	r.captured = nil
	if err != nil {
		return dst, err
	}
	head := 1 + len(f.q.raw)
	dst = append(dst, raw[:head]...)
	for i := len(outer) - 1; i >= 0; i-- {
		b := outer[i]
		if has(inner, b.prefix) {
			continue
		}
		inner = append(inner, b) // hides those farther out
		if b.prefix != "" && !mentions(raw, b.prefix) {
			continue
		}
		dst = append(dst, " xmlns"...)
		if b.prefix != "" {
			dst = append(append(dst, ':'), b.prefix...)
		}
		dst = append(dst, '=', '"')
		dst = appendEscaped(dst, b.uri, writeAttr, nil)
		dst = append(dst, '"')
	}
	return append(dst, raw[head:]...), nil
}

func has(list []binding, prefix string) bool {
	for _, b := range list {
		if b.prefix == prefix {
			return true
		}
	}
	return false
}

// mentions says whether raw may use the prefix, in names or in values. A colon
// may be written as a character reference.
func mentions(raw []byte, prefix string) bool {
	return bytes.Contains(raw, []byte(prefix+":")) || bytes.Contains(raw, []byte("&#"))
}

// capture saves what fill is about to drop, or the rest.
func (r *Reader) capture() {
	if r.capturing {
		r.captured = append(r.captured, r.buf[r.capFrom:r.mark]...)
		r.capFrom = r.mark
	}
}
