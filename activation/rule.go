// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Kind is what a socket must be.
type Kind int

// The kinds of sockets.
const (
	UnixStream Kind = iota // listening at a path
	LoopbackTCP
	TCP      // listening anywhere
	SockDiag // netlink, NETLINK_SOCK_DIAG
)

// Rule is what a descriptor of one name must be.
type Rule struct {
	Kind     Kind
	Optional bool // the daemon starts without it

	// Of UnixStream:
	Path   string      // where it must be bound
	Mode   fs.FileMode // the bits that its permissions may have at most
	Owners []uint32    // who may own the path beside root
}

// Rules are the descriptors that are expected, by name.
type Rules map[string]Rule

// Unit names the socket unit that passes a name.
func Unit(name string) string {
	switch name {
	case "ipc":
		return "nso.socket"
	case "inet-diag":
		return "nso-diag.socket"
	}
	return fmt.Sprintf("nso-listen@%.64s.socket", name)
}

func (r Rule) inspect(fd int) error {
	option := func(opt int) (int, error) {
		n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, opt)
		if errors.Is(err, unix.ENOTSOCK) {
			err = errors.New("it is no socket")
		}
		return n, err
	}
	domain, err := option(unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	kind, err := option(unix.SO_TYPE)
	if err != nil {
		return err
	}
	protocol, err := option(unix.SO_PROTOCOL)
	if err != nil {
		return err
	}
	if r.Kind == SockDiag {
		switch {
		case domain != unix.AF_NETLINK:
			return errors.New("it is no netlink socket")
		case protocol != unix.NETLINK_SOCK_DIAG:
			return fmt.Errorf("its netlink protocol is %d, not inet-diag", protocol)
		case kind != unix.SOCK_RAW && kind != unix.SOCK_DGRAM:
			return fmt.Errorf("its type is %d", kind)
		}
		return nil
	}
	if kind != unix.SOCK_STREAM {
		return errors.New("it is no stream socket")
	}
	if listening, err := option(unix.SO_ACCEPTCONN); err != nil {
		return err
	} else if listening == 0 {
		return errors.New("it does not listen (is Accept=yes set?)")
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	if r.Kind == UnixStream {
		sa, ok := name.(*unix.SockaddrUnix)
		if !ok || domain != unix.AF_UNIX {
			return errors.New("it is no Unix socket")
		}
		return r.inspectPath(sa.Name)
	}
	if protocol != unix.IPPROTO_TCP {
		return errors.New("its protocol is not TCP")
	}
	var addr netip.AddrPort
	switch sa := name.(type) {
	case *unix.SockaddrInet4:
		addr = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		addr = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port))
	default:
		return errors.New("it is no TCP socket")
	}
	if r.Kind == LoopbackTCP && !addr.Addr().IsLoopback() {
		return fmt.Errorf("%v is not on the loopback interface, and this door is in clear", addr)
	}
	return nil
}

// inspectPath looks at the file that clients go through.
func (r Rule) inspectPath(path string) error {
	if path != r.Path {
		return fmt.Errorf("it is bound to %q and not to %q, the ipc.path of nso.toml", path, r.Path)
	}
	mode, owner, err := stat(path)
	switch {
	case err != nil:
		return err
	case mode&fs.ModeSocket == 0:
		return fmt.Errorf("%s is no socket", path)
	case mode.Perm()&^r.Mode != 0:
		return fmt.Errorf("the permissions of %s are %04o, more than %04o", path, mode.Perm(), r.Mode)
	case owner != 0 && !slices.Contains(r.Owners, owner):
		return fmt.Errorf("%s belongs to uid %d", path, owner)
	}
	// Whoever can write the folder can put another socket in its place.
	dir := filepath.Dir(path)
	mode, owner, err = stat(dir)
	switch {
	case err != nil:
		return err
	case owner != 0 && !slices.Contains(r.Owners, owner):
		return fmt.Errorf("the folder %s belongs to uid %d, who could put another socket there", dir, owner)
	case mode.Perm()&0o022 != 0 && mode&fs.ModeSticky == 0:
		return fmt.Errorf("the folder %s can be written by others (%04o), who could put another socket there", dir, mode.Perm())
	}
	return nil
}

func stat(path string) (fs.FileMode, uint32, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.New("its owner is not known")
	}
	return info.Mode(), st.Uid, nil
}
