// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Writer writes messages: Write as often as need be, then End. It begins with
// end-of-message framing; Chunked changes that. A message that fits its buffer is
// one Write of the destination. After an error it writes nothing more.
type Writer struct {
	dst     io.Writer
	chunked bool
	inside  bool // something of this message has been written
	err     error
	buf     []byte // chunked: begins with room for a header
}

const (
	// fullBuffer is the size of the chunks of a long message.
	fullBuffer = 64 << 10
	// keptBuffer is what an idle session keeps.
	keptBuffer = 4 << 10
	// headerRoom holds the header of the largest chunk.
	headerRoom = len("\n#4294967295\n")
)

// NewWriter returns a writer to dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Chunked changes to chunked framing, between messages.
func (w *Writer) Chunked() error {
	if w.inside {
		return w.fail(errors.New("the framing changes inside it"))
	}
	w.chunked = true
	return w.err
}

// Write adds p to the message.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil || len(p) == 0 {
		return 0, w.err
	}
	w.inside = true
	for rest := p; len(rest) > 0; {
		w.room()
		n := min(len(rest), fullBuffer-len(w.buf))
		w.buf = append(w.buf, rest[:n]...)
		rest = rest[n:]
		if len(w.buf) == fullBuffer {
			if err := w.flush(); err != nil {
				return len(p) - len(rest), err
			}
		}
	}
	return len(p), nil
}

// room leaves room for a header at the beginning of the buffer.
func (w *Writer) room() {
	if w.chunked && len(w.buf) == 0 {
		w.buf = append(w.buf, make([]byte, headerRoom)...)
	}
}

// End ends the message and hands it over.
func (w *Writer) End() error {
	if w.err != nil {
		return w.err
	}
	if !w.inside {
		return w.fail(errors.New("it is empty")) // RFC 6242, 4.2: at least one chunk
	}
	w.inside = false
	if w.chunked {
		from := 0
		if len(w.buf) > 0 {
			from = w.header()
		}
		w.buf = append(w.buf, "\n##\n"...)
		w.put(w.buf[from:])
	} else {
		// The sequence may begin in the message and end in the one that we add.
		n := len(w.buf)
		w.buf = append(w.buf, endOfMessage...)
		if bytes.Index(w.buf, []byte(endOfMessage)) < n {
			return w.fail(errInside)
		}
		w.put(w.buf)
	}
	w.buf = w.buf[:0]
	if cap(w.buf) > keptBuffer {
		w.buf = nil
	}
	return w.err
}

// errInside is a constant: RFC 6242, 4.3 has no way to send it.
var errInside = errors.New(`it contains "]]>]]>", which ends a message of base:1.0`)

// flush hands over a full buffer.
func (w *Writer) flush() error {
	if w.chunked {
		w.put(w.buf[w.header():])
		w.buf = w.buf[:0]
		return w.err
	}
	if bytes.Contains(w.buf, []byte(endOfMessage)) {
		return w.fail(errInside)
	}
	// What may be the beginning of the sequence waits for what follows.
	n := len(w.buf) - begun(w.buf)
	w.put(w.buf[:n])
	w.buf = append(w.buf[:0], w.buf[n:]...)
	return w.err
}

// header writes the header of the chunk in the buffer and says where it begins.
func (w *Writer) header() int {
	var b [headerRoom]byte
	h := strconv.AppendInt(append(b[:0], "\n#"...), int64(len(w.buf)-headerRoom), 10)
	h = append(h, '\n')
	from := headerRoom - len(h)
	copy(w.buf[from:], h)
	return from
}

func (w *Writer) put(b []byte) {
	if n, err := w.dst.Write(b); err != nil {
		_ = w.fail(err)
	} else if n < len(b) {
		_ = w.fail(io.ErrShortWrite)
	}
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = fmt.Errorf("cannot write the NETCONF message: %w", err)
	}
	return w.err
}
