// SPDX-License-Identifier: Apache-2.0

package xmlstream

import "fmt"

// ErrorKind sorts what can be wrong with a document.
type ErrorKind uint8

const (
	// Syntax: not well-formed, or not namespace-well-formed (malformed-message).
	Syntax ErrorKind = iota + 1
	// Limit: well-formed so far, but more than Limits allows (too-big).
	Limit
	// Encoding: not UTF-8, or a character that XML forbids (malformed-message).
	Encoding
	// IO: the source failed; Unwrap gives its error.
	IO
	// Content: well-formed, but an element where Text expected characters only.
	// The reader goes on: the element is its current token.
	Content
)

func (k ErrorKind) String() string {
	switch k {
	case Syntax:
		return "syntax"
	case Limit:
		return "limit"
	case Encoding:
		return "encoding"
	case IO:
		return "io"
	case Content:
		return "content"
	}
	return "unknown"
}

// Position is a place in a document. Line and Column begin at 1; Column counts
// characters. Offset counts bytes from 0.
type Position struct {
	Line, Column int
	Offset       int64
}

// Error says what is wrong and where.
type Error struct {
	Kind ErrorKind
	Position
	Message string // safe to show; holds no text of the document longer than a name
	cause   error
}

func (e *Error) Error() string {
	if e.Kind == IO {
		return fmt.Sprintf("cannot read XML after byte %d: %v", e.Offset, e.cause)
	}
	return fmt.Sprintf("cannot read XML at line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Unwrap gives the error of the source, if it was that.
func (e *Error) Unwrap() error { return e.cause }

// fail makes the error for the byte i after the mark and ends the reader.
func (r *Reader) fail(kind ErrorKind, i int, format string, args ...any) error {
	r.err = &Error{Kind: kind, Position: r.position(r.mark + i), Message: fmt.Sprintf(format, args...)}
	return r.err
}

// cut is the error for input that ends at the byte after the buffer.
func (r *Reader) cut(inside string) error {
	if r.err != nil {
		return r.err // the source failed, or the document is too big
	}
	return r.fail(Syntax, len(r.buf)-r.mark, "the document ends inside %s", inside)
}

// shown bounds and quotes text of the document for a message.
func shown(b []byte) string {
	const most = 64
	if len(b) > most {
		return fmt.Sprintf("%q...", b[:most])
	}
	return fmt.Sprintf("%q", b)
}
