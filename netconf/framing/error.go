// SPDX-License-Identifier: Apache-2.0

package framing

import "fmt"

// ErrorKind sorts what can be wrong with a stream of messages.
type ErrorKind uint8

const (
	// Malformed: the bytes are not framed as they must be.
	Malformed ErrorKind = iota + 1
	// TooBig: a message is longer than the reader's limit.
	TooBig
	// Cut: the stream ended inside a message. It is io.ErrUnexpectedEOF too.
	Cut
)

// Error ends a session: whatever its kind, the connection must be closed. Errors
// of the connection itself are not of this type; they pass as they are.
type Error struct {
	Kind    ErrorKind
	Offset  int64 // bytes of the stream before it
	Message string
	cause   error
}

func (e *Error) Error() string {
	return fmt.Sprintf("cannot read the NETCONF message at byte %d of the session: %s", e.Offset, e.Message)
}

// Unwrap gives io.ErrUnexpectedEOF for a stream that was cut.
func (e *Error) Unwrap() error { return e.cause }
