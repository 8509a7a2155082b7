// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watchAfter is how long a call runs before someone looks whether its client
// is still there. Most calls are over long before, and cost only a timer.
const watchAfter = 20 * time.Millisecond

// watcher reads ahead while a call takes long and cancels the context of the
// connection when the client goes away.
type watcher struct {
	c       *Conn
	mu      sync.Mutex
	active  bool // a call is running
	running bool // and lookAhead too: it owns the reader
	done    chan struct{}
	timer   *time.Timer
}

func (w *watcher) begin(now bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active = true
	switch {
	case now:
		w.start()
	case w.timer == nil:
		w.timer = time.AfterFunc(watchAfter, w.expired)
	default:
		w.timer.Reset(watchAfter)
	}
}

func (w *watcher) expired() {
	w.mu.Lock()
	defer w.mu.Unlock()
	// A late timer of a call that is over starts the next one's watch early.
	if w.active && !w.running {
		w.start()
	}
}

func (w *watcher) start() {
	w.running = true
	w.done = make(chan struct{})
	w.c.reader.hold = true
	w.c.nc.SetReadDeadline(time.Time{})
	go w.c.lookAhead(w.done)
}

// end gives the reader back to the connection's goroutine.
func (w *watcher) end() {
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
	}
	w.active = false
	running := w.running
	w.mu.Unlock()
	if !running {
		return
	}
	w.c.nc.SetReadDeadline(past()) // wakes lookAhead; no byte is lost
	<-w.done
	w.running = false
	w.c.reader.hold = false
	w.c.deadline = past()
}

// lookAhead reads what the client sends during a call, within the limits, and
// after that only waits for the connection to be hung up.
func (c *Conn) lookAhead(done chan struct{}) {
	defer close(done)
	r := c.reader
	for r.messages() < c.server.limits.Pipeline && r.Len() < smallBuffer && len(r.pending) < maxPending {
		err := r.Fill(smallBuffer)
		if err == nil {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return // the call is over
		}
		if err != io.EOF {
			c.cancel(ErrGone)
			return
		}
		// A client that has only shut its writing side still wants the reply;
		// on a Unix socket the two can be told apart.
		if _, ok := c.nc.(*net.UnixConn); !ok {
			c.cancel(ErrGone)
			return
		}
		break
	}
	if hungUp(c.nc) {
		c.cancel(ErrGone)
	}
}

// hungUp waits until the other end is closed altogether; false if the wait was
// ended.
func hungUp(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	// Every change of the socket wakes this; poll(2) says which it was.
	err = raw.Read(func(fd uintptr) bool {
		fds := []unix.PollFd{{Fd: int32(fd)}} // POLLHUP and POLLERR are always asked for
		n, err := unix.Poll(fds, 0)
		return err == nil && n > 0
	})
	return err == nil
}
