// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

const (
	firstBuffer = 4 << 10  // what an idle connection holds
	smallBuffer = 64 << 10 // larger buffers are accounted for and given back
	maxPending  = 4        // descriptor sets waiting for their message
)

// ErrTooLarge is returned by Reader.Next for a message over the limit.
var ErrTooLarge = errors.New("message too large")

var errNoMemory = errors.New("no memory for a larger message")

// Reader takes NUL-terminated messages, and the descriptors that came with
// them, from a stream. It is for one goroutine at a time.
type Reader struct {
	conn   net.Conn
	unix   *net.UnixConn // when descriptors are taken
	oob    []byte
	maxFDs int

	buf     []byte // buf[r:w] is unread
	r, w    int
	nul     int   // buf[r:nul] holds no NUL
	base    int64 // offset in the stream of buf[0]
	hold    bool  // a message that was taken is in use: do not move bytes
	pending []descriptors
	taken   []int // descriptors of the message that was taken last

	// grow is asked before a buffer of more than smallBuffer bytes is made;
	// free says that one was let go.
	grow func(n int) bool
	free func(n int)
}

// descriptors came with the message that starts at this offset of the stream.
type descriptors struct {
	start    int64
	fds      []int
	overflow bool
}

// NewReader returns a Reader. maxDescriptors is how many descriptors a message
// may carry; with 0 the kernel throws away what is sent.
func NewReader(conn net.Conn, maxDescriptors int) *Reader {
	r := &Reader{conn: conn}
	r.acceptDescriptors(maxDescriptors)
	return r
}

func (r *Reader) acceptDescriptors(n int) {
	if u, ok := r.conn.(*net.UnixConn); ok && n > 0 {
		r.unix, r.maxFDs = u, n
		r.oob = make([]byte, unix.CmsgSpace(4*n))
	}
}

// Len is the number of bytes that were read and not taken.
func (r *Reader) Len() int { return r.w - r.r }

// Buffered returns the bytes that were read and not taken.
func (r *Reader) Buffered() []byte { return r.buf[r.r:r.w] }

// Take returns the next message without its NUL, if all of it was read. The
// bytes are valid until the next call of Fill or Next.
func (r *Reader) Take() ([]byte, bool) {
	r.nul = max(r.nul, r.r)
	i := bytes.IndexByte(r.buf[r.nul:r.w], 0)
	if i < 0 {
		r.nul = r.w
		return nil, false
	}
	end := r.nul + i
	msg := r.buf[r.r:end:end]
	start := r.base + int64(r.r)
	r.r = end + 1
	r.nul = r.r
	r.dropTaken()
	for len(r.pending) > 0 && r.pending[0].start <= start {
		p := r.pending[0]
		r.pending = r.pending[1:]
		if p.start < start { // its message was taken in pieces: cannot be
			closeAll(p.fds)
			continue
		}
		r.taken = p.fds
		if p.overflow {
			r.taken = append(r.taken, -1)
		}
	}
	if len(r.pending) == 0 {
		r.pending = nil
	}
	return msg, true
}

// messages counts the whole messages that wait.
func (r *Reader) messages() int { return bytes.Count(r.Buffered(), []byte{0}) }

// Descriptors returns the descriptors that came with the last message; whoever
// calls it owns them. overflow says that there were more than allowed.
func (r *Reader) Descriptors() (fds []int, overflow bool) {
	fds, r.taken = r.taken, nil
	if n := len(fds); n > 0 && fds[n-1] < 0 {
		return fds[:n-1], true
	}
	return fds, false
}

func (r *Reader) dropTaken() {
	closeAll(r.taken)
	r.taken = nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// Close closes the descriptors that nobody took and gives the buffer back. It
// does not close the connection.
func (r *Reader) Close() {
	r.dropTaken()
	for _, p := range r.pending {
		closeAll(p.fds)
	}
	r.pending = nil
	r.release()
	r.buf, r.r, r.w, r.nul = nil, 0, 0, 0
}

func (r *Reader) release() {
	if cap(r.buf) > smallBuffer && r.free != nil {
		r.free(cap(r.buf))
	}
}

// room makes place for more bytes, so that the buffer can hold limit bytes and
// a NUL.
func (r *Reader) room(limit int) error {
	if r.r == r.w && !r.hold {
		if cap(r.buf) > smallBuffer {
			r.release()
			r.buf = nil
		}
		r.base += int64(r.r)
		r.r, r.w, r.nul = 0, 0, 0
	}
	if r.w < len(r.buf) {
		return nil
	}
	n := r.Len()
	if !r.hold && r.r > 0 && n <= len(r.buf)/2 {
		copy(r.buf, r.buf[r.r:r.w])
		r.shift(n)
		return nil
	}
	size := max(firstBuffer, min(2*len(r.buf), max(limit+1, smallBuffer)))
	if n >= size {
		size = n + firstBuffer
	}
	if r.hold {
		size = max(firstBuffer, n+n/2)
	}
	if size > smallBuffer && r.grow != nil && !r.grow(size) {
		return errNoMemory
	}
	next := make([]byte, size)
	copy(next, r.buf[r.r:r.w])
	r.release()
	r.buf = next
	r.shift(n)
	return nil
}

// shift accounts for the n unread bytes having moved to the front.
func (r *Reader) shift(n int) {
	r.base += int64(r.r)
	r.nul = max(r.nul-r.r, 0)
	r.r, r.w = 0, n
}

// Fill reads once. The buffer grows to hold at most limit bytes and a NUL.
func (r *Reader) Fill(limit int) error {
	if err := r.room(limit); err != nil {
		return err
	}
	from := r.w
	if r.unix == nil {
		n, err := r.conn.Read(r.buf[r.w:])
		r.w += max(n, 0)
		if n > 0 {
			return nil
		}
		return err
	}
	n, oobn, flags, _, err := r.unix.ReadMsgUnix(r.buf[r.w:], r.oob)
	n = max(n, 0)
	r.w += n
	if oobn > 0 || flags&unix.MSG_CTRUNC != 0 {
		r.receive(from, r.oob[:max(oobn, 0)], flags&unix.MSG_CTRUNC != 0)
	}
	if n > 0 {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) { // which ReadMsgUnix wraps
		err = io.EOF
	}
	return err
}

// receive finds the message that the descriptors in oob belong to. The kernel
// ends a read with the segment that carried descriptors, so they belong to the
// last message that began in this read; when none did, nobody can want them.
func (r *Reader) receive(from int, oob []byte, truncated bool) {
	var fds []int
	if cmsgs, err := unix.ParseSocketControlMessage(oob); err == nil {
		for i := range cmsgs {
			if got, err := unix.ParseUnixRights(&cmsgs[i]); err == nil {
				fds = append(fds, got...)
			}
		}
	}
	if len(fds) == 0 && !truncated {
		return
	}
	start := -1
	if from == r.r {
		start = from // nothing was waiting: a message begins here
	}
	lo := max(from-1, r.r) // a NUL at from-1 ended the message before
	if i := bytes.LastIndexByte(r.buf[lo:max(r.w-1, lo)], 0); i >= 0 {
		start = lo + i + 1
	}
	overflow := truncated || len(fds) > r.maxFDs
	if start < 0 || overflow || len(r.pending) >= maxPending {
		closeAll(fds)
		fds = nil
		if start < 0 {
			return
		}
	}
	r.pending = append(r.pending, descriptors{r.base + int64(start), fds, overflow || fds == nil})
}

// Next blocks for the next message of at most limit bytes. The bytes are valid
// until the next call.
func (r *Reader) Next(limit int) ([]byte, error) {
	for {
		if msg, ok := r.Take(); ok {
			if len(msg) > limit {
				return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
			}
			return msg, nil
		}
		if r.Len() > limit {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
		}
		if err := r.Fill(limit); err != nil {
			if err == io.EOF && r.Len() > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}
