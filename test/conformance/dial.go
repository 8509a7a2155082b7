// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/test/peer"
)

// dialer is how a server is reached.
type dialer func() (net.Conn, error)

func dialUnix(path string) dialer {
	return func() (net.Conn, error) { return net.DialTimeout("unix", path, 10*time.Second) }
}

func dialTCP(address string) dialer {
	return func() (net.Conn, error) {
		c, err := net.DialTimeout("tcp", address, 10*time.Second)
		if err == nil {
			c.SetWriteDeadline(time.Now().Add(10 * time.Second))
			_, err = io.WriteString(c, peer.Header(c))
		}
		return c, err
	}
}

// dialSSH reaches [USER@]HOST[:PORT] by the program ssh, which asks nobody anything.
func dialSSH(where string) dialer {
	args := []string{"-o", "BatchMode=yes", "-s", where, "netconf"}
	if host, port, ok := strings.Cut(where, ":"); ok {
		args = []string{"-o", "BatchMode=yes", "-p", port, "-s", host, "netconf"}
	}
	return dialProgram("ssh", args...)
}

// process is a program that speaks NETCONF on a socket that is its standard input and
// output: a socket has deadlines, and pipes have not everywhere.
type process struct {
	net.Conn
	cmd *exec.Cmd
}

func dialProgram(name string, args ...string) dialer {
	return func() (net.Conn, error) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
		defer ours.Close()
		defer theirs.Close()
		conn, err := net.FileConn(ours)
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(name, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, os.Stderr
		if err := cmd.Start(); err != nil {
			conn.Close()
			return nil, fmt.Errorf("cannot start %s: %w", name, err)
		}
		return &process{conn, cmd}, nil
	}
}

func (p *process) Close() error {
	p.Conn.Close()
	timer := time.AfterFunc(2*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.cmd.Wait()
}

// bounded is a connection that no deadline outlives the check's.
type bounded struct {
	net.Conn
	end time.Time
}

func (b bounded) cap(t time.Time) time.Time {
	if t.After(b.end) {
		return b.end
	}
	return t
}

func (b bounded) SetDeadline(t time.Time) error      { return b.Conn.SetDeadline(b.cap(t)) }
func (b bounded) SetReadDeadline(t time.Time) error  { return b.Conn.SetReadDeadline(b.cap(t)) }
func (b bounded) SetWriteDeadline(t time.Time) error { return b.Conn.SetWriteDeadline(b.cap(t)) }
