// SPDX-License-Identifier: Apache-2.0

// Package terminal makes pseudo-terminals.
//
// A terminal is always a new one, so that what a command pushes into it (TIOCSTI) or
// changes of it is nobody else's. It is opened as the user whom the command runs as, so
// that its slave is that user's without anybody's help (devpts). pty(7).
package terminal

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Terminal is the master's side.
type Terminal struct{ *os.File }

// Open makes a terminal of a size. The slave is to be closed when it was given to the
// command.
func Open(rows, columns uint16) (t *Terminal, slave int, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("cannot make a terminal: %w", err)
	}
	slave, err = prepare(fd, rows, columns)
	if err != nil {
		_ = unix.Close(fd)
		return nil, -1, fmt.Errorf("cannot make a terminal: %w", err)
	}
	return &Terminal{os.NewFile(uintptr(fd), "/dev/ptmx")}, slave, nil
}

func prepare(fd int, rows, columns uint16) (int, error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return -1, err
	}
	// Before there is anybody to see it.
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		return -1, err
	}
	// By the master, and not by a path (Linux 4.13).
	slave, err := peer(fd)
	if err != nil {
		return -1, err
	}
	mode, err := unix.IoctlGetTermios(slave, unix.TCGETS)
	if err == nil {
		mode.Iflag |= unix.IUTF8 // erasing takes a character, and no byte of it
		err = unix.IoctlSetTermios(slave, unix.TCSETS, mode)
	}
	if err != nil {
		_ = unix.Close(slave)
		return -1, err
	}
	return slave, nil
}

// peer opens the slave of a master: TIOCGPTPEER takes flags and returns a descriptor.
func peer(fd int) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// Resize sets the size; what is in the foreground is told by SIGWINCH.
func (t *Terminal) Resize(rows, columns uint16) error {
	return t.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	})
}

// Signal sends INT, QUIT or TSTP to what is in the foreground. The kernel sends no
// others by a terminal: an error.
func (t *Terminal) Signal(s unix.Signal) error {
	return t.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCSIG, int(s)) })
}

// Foreground is the number of the group of processes in the foreground. When that has
// ended, it can be the number of another one.
func (t *Terminal) Foreground() (group int, err error) {
	err = t.control(func(fd int) (err error) {
		group, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		return err
	})
	if err == nil && group <= 1 {
		err = errors.New("nothing is in the foreground")
	}
	return group, err
}

// Waiting is how many bytes can be read.
func (t *Terminal) Waiting() (n int) {
	_ = t.control(func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, unix.TIOCINQ)
		return err
	})
	return n
}

// control does something with the descriptor, which stays one of the poller.
func (t *Terminal) control(do func(fd int) error) error {
	c, err := t.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := c.Control(func(fd uintptr) { result = do(int(fd)) }); err != nil {
		return err
	}
	return result
}
