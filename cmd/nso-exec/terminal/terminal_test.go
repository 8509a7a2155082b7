// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTerminal(t *testing.T) {
	term, slave, err := Open(7, 300)
	if err != nil {
		t.Fatal(err)
	}
	defer term.Close()
	size := func() [2]uint16 {
		w, err := unix.IoctlGetWinsize(slave, unix.TIOCGWINSZ)
		if err != nil {
			t.Fatal(err)
		}
		return [2]uint16{w.Row, w.Col}
	}
	if size() != [2]uint16{7, 300} {
		t.Error(size())
	}
	if err := term.Resize(65535, 1); err != nil || size() != [2]uint16{65535, 1} {
		t.Error(err, size())
	}
	// What is written is echoed, and read on the other side.
	if _, err := term.Write([]byte("line\n")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	if n, err := unix.Read(slave, b); err != nil || !bytes.Equal(b[:n], []byte("line\n")) {
		t.Errorf("%q %v", b[:max(n, 0)], err)
	}
	if n, err := term.Read(b); err != nil || !bytes.Equal(b[:n], []byte("line\r\n")) {
		t.Errorf("%q %v", b[:n], err)
	}
	// Nobody is in the foreground.
	if err := term.Signal(unix.SIGTERM); err == nil {
		t.Error("a signal went to nobody")
	}
	if group, err := term.Foreground(); err == nil {
		t.Errorf("%d is in the foreground", group)
	}
	if err := term.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err) // the poller has it
	}
	// The end of the other side is the end, after what was written.
	if _, err := unix.Write(slave, []byte("last")); err != nil {
		t.Fatal(err)
	}
	unix.Close(slave)
	if n, err := term.Read(b); err != nil || string(b[:n]) != "last" {
		t.Errorf("%q %v", b[:n], err)
	}
	if n, err := term.Read(b); err == nil {
		t.Errorf("%d bytes after the end", n)
	}
}
