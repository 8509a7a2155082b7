// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"bytes"
	"fmt"
	"io"
)

const (
	// DefaultLimit bounds one message unless NewReader is told otherwise.
	DefaultLimit = 1 << 30

	// RFC 6242, 4.3: what ends a message of base:1.0.
	endOfMessage = "]]>]]>"

	// RFC 6242, 4.2: the largest chunk, and its number of digits.
	largestChunk = 4294967295
	mostDigits   = 10

	firstBuffer = 2 << 10
	goodBuffer  = 32 << 10
)

// Reader reads messages. Next goes to a message, and the Reader is then that
// message's io.Reader: it gives io.EOF at the end of the message. It begins with
// end-of-message framing; Chunked changes that. It is not for use by several
// goroutines.
type Reader struct {
	src      io.Reader
	limit    int64
	chunked  bool
	inside   bool  // in a message whose end has not been seen
	err      error // for ever
	late     error // came together with bytes
	buf      []byte
	pos, end int   // buf[pos:end] is read and not given out
	offset   int64 // of buf[pos] in the stream
	size     int64 // bytes of this message given out, and of its chunks announced
	chunk    int64 // bytes of this chunk to come
	clear    int   // end-of-message: so many bytes after pos are of the message
	found    bool  // ... and then it ends
}

// NewReader returns a reader of messages of at most limit bytes; 0 means
// DefaultLimit. The buffer is made when there is something to read.
func NewReader(src io.Reader, limit int64) *Reader {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Reader{src: src, limit: limit}
}

// Chunked changes to chunked framing, after both hellos said base:1.1 (RFC 6242,
// 4.1). What is left of the message now open is passed over. Bytes that came
// early are read in the new framing.
func (r *Reader) Chunked() error {
	if err := r.Skip(); err != nil {
		return err
	}
	r.chunked = true
	return nil
}

// Next passes over what is left of this message and waits for the first byte of
// another. At the end of the stream between messages it gives io.EOF.
func (r *Reader) Next() error {
	if err := r.Skip(); err != nil {
		return err
	}
	r.size, r.chunk = 0, 0
	if r.pos == r.end && len(r.buf) > firstBuffer {
		r.buf, r.pos, r.end = nil, 0, 0 // an idle session keeps little
	}
	if r.chunked {
		if err := r.need(1); err != nil {
			return err
		}
		r.inside = true
		return r.header()
	}
	// White space between messages is of no message: people and some clients end
	// a line after the end-of-message sequence.
	for {
		if err := r.need(1); err != nil {
			return err
		}
		if c := r.buf[r.pos]; c != '\n' && c != '\r' && c != ' ' && c != '\t' {
			break
		}
		r.take(1)
	}
	r.inside = true
	return nil
}

// Skip reads to the end of the message, if one is open.
func (r *Reader) Skip() error {
	for {
		if err := r.look(1); err != nil {
			if err == io.EOF && r.err == nil {
				return nil
			}
			return err
		}
		r.give(r.ready())
	}
}

// Read reads from the message. A large p is read into without a copy where the
// framing allows it.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, r.err
	}
	if err := r.look(len(p)); err != nil {
		return 0, err
	}
	if n := r.ready(); n > 0 {
		n = copy(p, r.buf[r.pos:r.pos+n])
		r.give(n)
		return n, nil
	}
	// In a chunk, with nothing in the buffer.
	n, err := r.read(p[:min(int64(len(p)), r.chunk)])
	r.chunk -= int64(n)
	r.offset += int64(n)
	return n, err
}

// look makes sure that there is something of the message to give out: in the
// buffer, or, if want is large, in the chunk alone. It gives io.EOF at the end of
// the message.
func (r *Reader) look(want int) error {
	switch {
	case r.err != nil:
		return r.err
	case !r.inside:
		return io.EOF
	case !r.chunked:
		return r.lookForEnd()
	}
	if r.chunk == 0 {
		if err := r.header(); err != nil {
			return err
		}
		if !r.inside {
			return io.EOF
		}
	}
	if r.pos == r.end && want < goodBuffer {
		return r.fill()
	}
	return nil
}

// ready is how many bytes of the message are in the buffer.
func (r *Reader) ready() int {
	if r.chunked {
		return int(min(int64(r.end-r.pos), r.chunk))
	}
	return r.clear
}

// give passes over n bytes that were ready.
func (r *Reader) give(n int) {
	r.take(n)
	if r.chunked {
		r.chunk -= int64(n)
	} else {
		r.clear -= n
		r.size += int64(n)
	}
}

func (r *Reader) take(n int) {
	r.pos += n
	r.offset += int64(n)
}

// lookForEnd finds bytes of a message of base:1.0, or its end (RFC 6242, 4.3).
func (r *Reader) lookForEnd() error {
	for r.clear == 0 {
		if r.found {
			r.take(len(endOfMessage))
			r.found, r.inside = false, false
			return io.EOF
		}
		b := r.buf[r.pos:r.end]
		if i := bytes.Index(b, []byte(endOfMessage)); i >= 0 {
			r.clear, r.found = i, true
		} else {
			r.clear = len(b) - begun(b)
		}
		if r.size+int64(r.clear) > r.limit {
			return r.fail(TooBig, "it is longer than %d bytes", r.limit)
		}
		if r.clear == 0 && !r.found {
			if err := r.fill(); err != nil {
				return err
			}
		}
	}
	return nil
}

// begun is how many bytes at the end of b may be the beginning of endOfMessage.
func begun(b []byte) int {
	for n := min(len(b), len(endOfMessage)-1); n > 0; n-- {
		if string(b[len(b)-n:]) == endOfMessage[:n] {
			return n
		}
	}
	return 0
}

// header reads what stands before a chunk, or the end of the chunks (RFC 6242,
// 4.2).
//
//	chunk = LF HASH chunk-size LF chunk-data
//	end-of-chunks = LF HASH HASH LF
func (r *Reader) header() error {
	// Each byte is judged when it is there: a peer that waits is told.
	for i, c := range []byte("\n#") {
		if err := r.need(i + 1); err != nil {
			return err
		}
		if r.buf[r.pos+i] != c {
			return r.fail(Malformed, `a chunk begins with "\n#", not %q`, r.buf[r.pos:r.pos+i+1])
		}
	}
	if err := r.need(3); err != nil {
		return err
	}
	if r.buf[r.pos+2] == '#' {
		if r.size == 0 {
			return r.fail(Malformed, "it has no chunk")
		}
		if err := r.need(4); err != nil {
			return err
		}
		if b := r.buf[r.pos:]; b[3] != '\n' {
			return r.fail(Malformed, `the end of a message is "\n##\n", not %q`, b[:4])
		}
		r.take(4)
		r.inside = false
		return nil
	}
	var size int64
	for i := 2; ; i++ {
		if err := r.need(i + 1); err != nil {
			return err
		}
		switch c := r.buf[r.pos+i]; {
		case c == '\n' && i > 2:
			if size > largestChunk {
				return r.fail(Malformed, "a chunk of %d bytes is larger than %d", size, int64(largestChunk))
			}
			if r.size += size; r.size > r.limit {
				return r.fail(TooBig, "it is longer than %d bytes", r.limit)
			}
			r.take(i + 1)
			r.chunk = size
			return nil
		case c < '0' || c > '9':
			return r.fail(Malformed, "%q is no digit of a chunk's size", c)
		case c == '0' && i == 2:
			return r.fail(Malformed, "a chunk's size begins with 0")
		case i-1 > mostDigits:
			return r.fail(Malformed, "a chunk's size has more than %d digits", mostDigits)
		default:
			size = size*10 + int64(c-'0')
		}
	}
}

// need makes sure of n bytes in the buffer.
func (r *Reader) need(n int) error {
	for r.end-r.pos < n {
		if err := r.fill(); err != nil {
			return err
		}
	}
	return r.err
}

// fill adds bytes to the buffer.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.err
	}
	switch {
	case r.end < len(r.buf) && r.pos < r.end:
	case r.end == len(r.buf) && len(r.buf) < goodBuffer && r.end > 0 || r.buf == nil:
		// The source fills the buffer: a larger one is of use.
		b := make([]byte, max(firstBuffer, min(4*len(r.buf), goodBuffer)))
		r.end = copy(b, r.buf[r.pos:r.end])
		r.buf, r.pos = b, 0
	default:
		r.end = copy(r.buf, r.buf[r.pos:r.end])
		r.pos = 0
	}
	n, err := r.read(r.buf[r.end:])
	r.end += n
	return err
}

// read gives bytes or an error of the source, not both.
func (r *Reader) read(p []byte) (int, error) {
	if r.late != nil {
		return 0, r.broken(r.late)
	}
	for range 100 {
		n, err := r.src.Read(p)
		if n > 0 {
			r.late = err
			return n, nil
		}
		if err != nil {
			return 0, r.broken(err)
		}
	}
	return 0, r.broken(io.ErrNoProgress)
}

// broken keeps an error of the source.
func (r *Reader) broken(err error) error {
	if err == io.EOF && (r.inside || r.pos < r.end) {
		err = &Error{Kind: Cut, Offset: r.offset + int64(r.end-r.pos), Message: "the stream ends inside it", cause: io.ErrUnexpectedEOF}
	}
	r.err = err
	return err
}

func (r *Reader) fail(kind ErrorKind, format string, args ...any) error {
	r.err = &Error{Kind: kind, Offset: r.offset, Message: fmt.Sprintf(format, args...)}
	return r.err
}
