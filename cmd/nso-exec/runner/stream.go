// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/exec/wire"
)

// queue is input that was sent and not taken yet. It holds what there is credit for.
type queue struct {
	mu     sync.Mutex
	change *sync.Cond
	data   []byte
	ended  bool // no more comes
	gone   bool // nobody takes any
}

func newQueue() *queue {
	q := &queue{}
	q.change = sync.NewCond(&q.mu)
	return q
}

// put adds input, and reports whether there was credit for it.
func (q *queue) put(b []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.data)+len(b) > wire.Credit || q.ended {
		return false
	}
	q.data = append(q.data, b...)
	q.change.Broadcast()
	return true
}

// close says that no more comes, or at once that nobody takes any.
func (q *queue) close(gone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended, q.gone = true, q.gone || gone
	q.change.Broadcast()
}

// take waits for input. It is false at the end.
func (q *queue) take(b []byte) (int, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.data) == 0 && !q.ended {
		q.change.Wait()
	}
	if q.gone || len(q.data) == 0 {
		return 0, false
	}
	n := copy(b, q.data)
	if q.data = q.data[n:]; len(q.data) == 0 {
		q.data = nil
	}
	return n, true
}

// listen does what the daemon sends, until the connection ends.
func (c *command) listen(in *queue) {
	defer in.close(false)
	for {
		f, err := c.served.Next()
		if err == nil {
			err = c.obey(f, in)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				c.log.Warn("the connection has ended", "err", err)
			}
			c.mu.Lock()
			over := c.reaped
			c.mu.Unlock()
			if !over {
				c.end(wire.HangUp)
			}
			_ = c.served.Expire(time.Now()) // what is being written is for nobody
			return
		}
	}
}

var errOrder = errors.New("the daemon sent what is not expected here")

func (c *command) obey(f wire.Frame, in *queue) error {
	switch f.Kind {
	case wire.Input:
		if c.input == nil || !in.put(f.Data) {
			return errOrder
		}
	case wire.EndOfInput:
		if c.terminal == nil { // of a terminal it is a character, as its user types it
			in.close(false)
		}
	case wire.WindowSize:
		if c.terminal == nil {
			return errOrder
		}
		_ = c.terminal.Resize(f.Window().Rows, f.Window().Columns)
	case wire.SendSignal:
		s := f.Signal()
		if s == 0 {
			return errOrder
		}
		c.signal(s)
	}
	return nil
}

// feed gives the command its input, and the daemon its credit.
func (c *command) feed(in *queue) {
	if c.input == nil {
		return
	}
	if c.served.Credit(wire.Credit) != nil {
		return
	}
	b, broken := make([]byte, 16<<10), false
	for {
		n, ok := in.take(b)
		if !ok {
			break
		}
		if !broken {
			_, err := c.input.Write(b[:n])
			broken = err != nil // it reads no more; the rest is for nobody
		}
		if c.served.Credit(n) != nil {
			break
		}
	}
	if c.terminal == nil {
		_ = c.input.Close()
	}
}

// relay gives the daemon what the command writes, as fast as it takes it. Most commands
// write little: memory for more is taken when a read has filled what there was.
func (c *command) relay(o output) {
	buffer := make([]byte, wire.HeaderSize+4<<10)
	gone := false
	for {
		n, err := o.file.Read(buffer[wire.HeaderSize:])
		if n > 0 {
			c.bytes.Add(uint64(n))
			if !gone && c.served.Output(o.kind, buffer[:wire.HeaderSize+n]) != nil {
				gone = true // it goes on reading, so that the command can end
			}
		}
		if err != nil {
			return // the end; EIO of a terminal
		}
		if n == len(buffer)-wire.HeaderSize && n < wire.MaxOutput {
			large := c.unit.buffer()
			defer c.unit.buffers.Put(large)
			buffer = *large
		}
	}
}

// drain waits for the end of the output. Where somebody outside of the command holds
// its end open, that is when nothing more comes.
func (c *command) drain(streams *sync.WaitGroup) {
	over := make(chan struct{})
	go func() { streams.Wait(); close(over) }()
	for last := c.bytes.Load(); ; {
		select {
		case <-over:
			return
		case <-time.After(stillTime):
		}
		waiting := 0
		for _, o := range c.outputs {
			waiting += pending(o.file)
		}
		now := c.bytes.Load()
		if waiting == 0 && now == last {
			for _, o := range c.outputs {
				_ = o.file.SetReadDeadline(time.Now())
			}
		}
		last = now
	}
}

// pending is how many bytes can be read of a pipe or terminal.
func pending(f *os.File) (n int) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}
