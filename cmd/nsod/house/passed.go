// SPDX-License-Identifier: Apache-2.0

package house

import (
	"net"
	"os"

	"golang.org/x/sys/unix"

	"nso.example/nso/ident"
)

// doorCommand is the door of connections that commands are given.
const doorCommand = "command"

// connect makes a connection for a command to speak with the daemon on: it is who had
// the command run, and may call what may says. It ends with hangUp, whoever holds the
// other end.
func (h *House) connect(actor ident.Actor, may func(method string, parameters []byte) error) (theirs *os.File, hangUp func(), err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	file := os.NewFile(uintptr(fds[0]), "command")
	ours, err := net.FileConn(file) // has a descriptor of its own
	file.Close()
	if err != nil {
		unix.Close(fds[1])
		return nil, nil, err
	}
	actor.Peer.PID, actor.Peer.PIDChecked = 0, false // it is none that is known
	go func() {
		// A command need not speak at once, nor at all: until it does it is no connection
		// that anybody waits for.
		first := make([]byte, 1)
		if n, err := ours.Read(first); n == 0 || err != nil {
			ours.Close()
			return
		}
		h.ipc.ServeConn(doorCommand, &inside{Conn: &begun{ours, first}, actor: actor, may: may})
	}()
	return os.NewFile(uintptr(fds[1]), "ipc"), func() { ours.Close() }, nil
}

// begun is a connection of which something has been read.
type begun struct {
	net.Conn
	read []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.read) > 0 {
		n := copy(p, b.read)
		b.read = b.read[n:]
		return n, nil
	}
	return b.Conn.Read(p)
}
