// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"cmp"
	"io"
	"sync"
)

// Distant is a terminal at the other end of a connection. It reads ahead, so that a
// Ctrl-C is seen while a command runs.
type Distant struct {
	rw         io.ReadWriter
	kind       string
	size       func() (columns, rows int)
	resized    <-chan struct{}
	interrupts chan struct{}

	mu      sync.Mutex
	changed *sync.Cond
	signals bool
	typed   []byte
	err     error // of reading, behind what was typed
	closed  bool
}

// maxTyped is how much is read ahead, bytes: what is more stays on its way, and a
// Ctrl-C behind it.
const maxTyped = 64 << 10

// NewDistant makes a terminal of a connection, which is read until its end, or Close.
func NewDistant(rw io.ReadWriter, kind string, size func() (columns, rows int), resized <-chan struct{}) *Distant {
	d := &Distant{rw: rw, kind: kind, size: size, resized: resized, interrupts: make(chan struct{}, 1)}
	d.changed = sync.NewCond(&d.mu)
	go d.listen()
	return d
}

func (d *Distant) listen() {
	buf := make([]byte, 512)
	for {
		n, err := d.rw.Read(buf)
		d.mu.Lock()
		for len(d.typed) >= maxTyped && !d.closed {
			d.changed.Wait()
		}
		if d.closed && err == nil {
			err = io.EOF
		}
		d.take(buf[:n])
		d.err = err
		d.changed.Broadcast()
		d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take takes what was typed; under mu. An interrupt forgets what stands before it, as
// it does on a local terminal.
func (d *Distant) take(b []byte) {
	if i := bytes.LastIndexByte(b, ctrlC); d.signals && i >= 0 {
		d.typed, b = d.typed[:0], b[i+1:]
		d.Interrupt()
	}
	d.typed = append(d.typed, b...)
}

const ctrlC = 3

// Close has nothing more be read.
func (d *Distant) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	d.changed.Broadcast()
	return nil
}

// Interrupt is an interrupt that came on another way.
func (d *Distant) Interrupt() {
	select {
	case d.interrupts <- struct{}{}:
	default:
	}
}

// Read reads what is typed.
func (d *Distant) Read(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.typed) == 0 {
		if d.err != nil || d.closed {
			return 0, cmp.Or(d.err, io.EOF)
		}
		d.changed.Wait()
	}
	n := copy(b, d.typed)
	if d.typed = d.typed[n:]; len(d.typed) == 0 {
		d.typed = nil
	}
	d.changed.Broadcast()
	return n, nil
}

// Write shows.
func (d *Distant) Write(b []byte) (int, error) { return d.rw.Write(b) }

// Kind is its name in terminfo(5).
func (d *Distant) Kind() string { return d.kind }

// Size is how many columns and rows there are; 0: not known.
func (d *Distant) Size() (columns, rows int) { return d.size() }

// Resized tells of a new size.
func (d *Distant) Resized() <-chan struct{} { return d.resized }

// Interrupts tells of interrupts.
func (d *Distant) Interrupts() <-chan struct{} { return d.interrupts }

// Signals says whether Ctrl-C is an interrupt, or a key.
func (d *Distant) Signals(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signals = on
	if on { // what was typed ahead of the command may have one
		b := d.typed
		d.typed = nil
		d.take(b)
	}
}
