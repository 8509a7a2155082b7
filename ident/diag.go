// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Diag asks the kernel about TCP sockets over an inherited socket of the protocol
// NETLINK_SOCK_DIAG. It may be used by many goroutines.
type Diag struct {
	mu   sync.Mutex
	file *os.File
	seq  uint32
	buf  []byte
}

// NewDiag takes the socket over.
func NewDiag(f *os.File) *Diag {
	// The socket may have been used before, by us or by who holds it: an old
	// answer must not fit a new question.
	return &Diag{file: f, seq: rand.Uint32(), buf: make([]byte, 4096)}
}

// Close closes the socket.
func (d *Diag) Close() error { return d.file.Close() }

// States of a TCP socket, of which only the first is an answer for us.
const tcpEstablished = 1

// owner is what the kernel knows of a socket.
type owner struct {
	local, remote netip.AddrPort
	state         uint8
	uid, inode    uint32
	cookie        uint64 // no other socket has it, before or after
}

// The messages of sock_diag(7), little or big endian as the machine is.
const (
	sockDiagByFamily = 20
	headerLen        = 16                      // struct nlmsghdr
	requestLen       = headerLen + 56          // ... and struct inet_diag_req_v2
	replyLen         = headerLen + 4 + 48 + 20 // ... and struct inet_diag_msg
)

// request asks for the TCP socket with these addresses, as seen from its end.
func request(local, remote netip.AddrPort, seq uint32) []byte {
	b := make([]byte, requestLen)
	ne := binary.NativeEndian
	ne.PutUint32(b[0:], requestLen)
	ne.PutUint16(b[4:], sockDiagByFamily)
	ne.PutUint16(b[6:], unix.NLM_F_REQUEST)
	ne.PutUint32(b[8:], seq)
	b[16] = unix.AF_INET
	if local.Addr().Is6() {
		b[16] = unix.AF_INET6
	}
	b[17] = unix.IPPROTO_TCP
	ne.PutUint32(b[20:], ^uint32(0)) // any state: another one than ESTABLISHED is an answer too
	id := b[24:]                     // struct inet_diag_sockid
	binary.BigEndian.PutUint16(id[0:], local.Port())
	binary.BigEndian.PutUint16(id[2:], remote.Port())
	copy(id[4:], local.Addr().AsSlice())
	copy(id[20:], remote.Addr().AsSlice())
	ne.PutUint32(id[40:], ^uint32(0)) // INET_DIAG_NOCOOKIE: the one there is
	ne.PutUint32(id[44:], ^uint32(0))
	return b
}

// errOther is a message that is no answer to our question.
var errOther = errors.New("another message")

// reply reads an answer to the request seq.
func reply(b []byte, seq uint32) (owner, error) {
	ne := binary.NativeEndian
	if len(b) < headerLen {
		return owner{}, errOther
	}
	size := ne.Uint32(b[0:])
	if size < headerLen || uint64(size) > uint64(len(b)) || ne.Uint32(b[8:]) != seq {
		return owner{}, errOther
	}
	b = b[:size]
	switch ne.Uint16(b[4:]) {
	case unix.NLMSG_ERROR:
		if len(b) < headerLen+4 {
			return owner{}, errOther
		}
		errno := -int32(ne.Uint32(b[headerLen:]))
		if errno <= 0 {
			return owner{}, errors.New("the kernel gave no answer")
		}
		return owner{}, unix.Errno(errno)
	case sockDiagByFamily:
	default:
		return owner{}, errOther
	}
	if len(b) < replyLen {
		return owner{}, errors.New("the kernel's answer is too short")
	}
	m := b[headerLen:] // struct inet_diag_msg
	id := m[4:]
	o := owner{
		state:  m[1],
		cookie: uint64(ne.Uint32(id[44:]))<<32 | uint64(ne.Uint32(id[40:])),
		uid:    ne.Uint32(m[64:]),
		inode:  ne.Uint32(m[68:]),
	}
	address := func(b []byte) (netip.Addr, bool) {
		switch m[0] {
		case unix.AF_INET:
			return netip.AddrFrom4([4]byte(b[:4])), true
		case unix.AF_INET6:
			return netip.AddrFrom16([16]byte(b[:16])).Unmap(), true
		}
		return netip.Addr{}, false
	}
	src, ok1 := address(id[4:])
	dst, ok2 := address(id[20:])
	if !ok1 || !ok2 {
		return owner{}, errors.New("the kernel's answer is of an unknown family")
	}
	o.local = netip.AddrPortFrom(src, binary.BigEndian.Uint16(id[0:]))
	o.remote = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(id[2:]))
	return o, nil
}

// diagTimeout is how long the kernel may take. It answers while it takes the
// question, so this is never reached.
const diagTimeout = time.Second

// ask returns what the kernel knows of the socket whose own address is local. Both
// addresses are unmapped. Only an answer of the kernel counts that is about this
// very connection, established, and held open by a process.
func (d *Diag) ask(local, remote netip.AddrPort) (owner, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seq++
	raw, err := d.file.SyscallConn()
	if err != nil {
		return owner{}, err
	}
	var o owner
	if cerr := raw.Control(func(fd uintptr) { o, err = d.exchange(int(fd), local, remote) }); cerr != nil {
		return owner{}, cerr
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		return owner{}, errors.New("the connection is gone")
	case err != nil:
		return owner{}, err
	case o.local != local || o.remote != remote:
		return owner{}, fmt.Errorf("the kernel answered for %v to %v", o.local, o.remote)
	case o.state != tcpEstablished || o.inode == 0:
		// Closed by its owner, for whom the kernel now says uid 0.
		return owner{}, errors.New("the peer has closed the connection")
	}
	return o, nil
}

func (d *Diag) exchange(fd int, local, remote netip.AddrPort) (owner, error) {
	if err := unix.Sendto(fd, request(local, remote, d.seq), unix.MSG_DONTWAIT, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return owner{}, fmt.Errorf("cannot ask the kernel: %w", err)
	}
	deadline := time.Now().Add(diagTimeout)
	for range 256 { // old answers at most fill a receive buffer
		n, from, err := unix.Recvfrom(fd, d.buf, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			wait := time.Until(deadline)
			if wait <= 0 {
				return owner{}, errors.New("the kernel does not answer")
			}
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(wait.Milliseconds())+1)
			continue
		case err == unix.ENOBUFS: // an answer was lost, before ours
			continue
		case err != nil:
			return owner{}, fmt.Errorf("cannot read the kernel's answer: %w", err)
		}
		if sa, ok := from.(*unix.SockaddrNetlink); !ok || sa.Pid != 0 {
			continue // not the kernel
		}
		if o, err := reply(d.buf[:n], d.seq); err != errOther {
			return o, err
		}
	}
	return owner{}, errors.New("the kernel does not answer among many messages")
}
