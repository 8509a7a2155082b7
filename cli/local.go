// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Local is the terminal that this process runs on. It is raw; while Ctrl-C is an
// interrupt it is one for other processes too, and what is typed ahead is kept.
type Local struct {
	in, out     *os.File
	saved       *term.State
	sizes, ints chan os.Signal
	done        chan struct{}
	resized     chan struct{}
	interrupts  chan struct{}
}

// OpenLocal takes over a terminal until Close.
func OpenLocal(in, out *os.File) (*Local, error) {
	saved, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("cannot use this terminal: %w", err)
	}
	l := &Local{in: in, out: out, saved: saved, sizes: make(chan os.Signal, 1), ints: make(chan os.Signal, 2), done: make(chan struct{}),
		resized: make(chan struct{}, 1), interrupts: make(chan struct{}, 1)}
	signal.Notify(l.sizes, unix.SIGWINCH)
	go l.follow()
	return l, nil
}

// Close leaves the terminal as it was.
func (l *Local) Close() error {
	signal.Stop(l.sizes)
	signal.Stop(l.ints)
	close(l.done)
	return term.Restore(int(l.in.Fd()), l.saved)
}

func (l *Local) follow() {
	for {
		told := l.resized
		select {
		case <-l.sizes:
		case <-l.ints:
			told = l.interrupts
		case <-l.done:
			return
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}

// Read reads what is typed.
func (l *Local) Read(b []byte) (int, error) { return l.in.Read(b) }

// Write shows.
func (l *Local) Write(b []byte) (int, error) { return l.out.Write(b) }

// Kind is what the environment says.
func (l *Local) Kind() string { return os.Getenv("TERM") }

// Size is how many columns and rows there are.
func (l *Local) Size() (columns, rows int) {
	w, h, err := term.GetSize(int(l.out.Fd()))
	if err != nil {
		return 0, 0
	}
	return w, h
}

// Resized tells of a new size.
func (l *Local) Resized() <-chan struct{} { return l.resized }

// Interrupts tells of interrupts.
func (l *Local) Interrupts() <-chan struct{} { return l.interrupts }

// Signals turns on or off that Ctrl-C is an interrupt.
func (l *Local) Signals(on bool) {
	fd := int(l.in.Fd())
	m, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return
	}
	if on {
		signal.Notify(l.ints, unix.SIGINT)
		m.Lflag |= unix.ISIG
		m.Cc[unix.VSUSP], m.Cc[unix.VQUIT] = 0, 0
	} else {
		m.Lflag &^= unix.ISIG
	}
	// On a terminal that is gone the next read tells.
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, m)
	if !on {
		signal.Stop(l.ints)
	}
}
