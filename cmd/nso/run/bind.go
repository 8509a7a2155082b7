// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/config"
)

// passed is a socket for nsod with its name, as FileDescriptorName= gives it.
type passed struct {
	name string
	file *os.File
}

// sockets are those of an instance, in the order they are passed.
type sockets []passed

func (s *sockets) add(name string, f *os.File) { *s = append(*s, passed{name, f}) }

func (s sockets) close() {
	for _, p := range s {
		_ = p.file.Close()
	}
}

// bind makes the sockets that the configuration names. Port 0 becomes, in c, the
// port that was free.
func bind(ctx context.Context, c *config.Config) (s sockets, err error) {
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	f, err := bindIPC(ctx, c.IPC.Path, fs.FileMode(c.IPC.Mode))
	if err != nil {
		return nil, err
	}
	s.add("ipc", f)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return s, fmt.Errorf("cannot open a socket to ask the kernel about TCP peers: %w", err)
	}
	s.add("inet-diag", os.NewFile(uintptr(fd), "inet-diag"))
	for _, d := range []struct {
		name, what string
		door       *config.Door
	}{
		{"netconf-tcp", "NETCONF", &c.Listen.NETCONFTCP}, {"netconf-ssh", "NETCONF over SSH", &c.Listen.NETCONFSSH},
		{"cli-ssh", "the CLI over SSH", &c.Listen.CLISSH},
	} {
		if !d.door.Enabled {
			continue
		}
		for i, a := range d.door.Address {
			f, bound, err := bindTCP(ctx, a)
			switch {
			case errors.Is(err, unix.EADDRINUSE):
				return s, fmt.Errorf("cannot open %s on %v: another program has that port; choose another with --%s, or 'none'", d.what, a, d.name)
			case errors.Is(err, unix.EACCES):
				return s, fmt.Errorf("cannot open %s on %v: ports below 1024 are root's; choose another with --%s", d.what, a, d.name)
			case err != nil:
				return s, fmt.Errorf("cannot open %s on %v: %w", d.what, a, err)
			}
			d.door.Address[i] = bound
			s.add(d.name, f)
		}
	}
	return s, nil
}

// bindTCP listens on an address. Port 0 becomes the port that was free.
func bindTCP(ctx context.Context, a netip.AddrPort) (*os.File, netip.AddrPort, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // Go's default; the kernel cannot tell whose its peers are
	network := "tcp4"
	if a.Addr().Is6() {
		network = "tcp6" // and no other, so that both families can have the port
	}
	l, err := lc.Listen(ctx, network, a.String())
	if err != nil {
		return nil, a, err
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	return f, l.Addr().(*net.TCPAddr).AddrPort(), err
}

// bindIPC binds the local socket. One that an earlier run left is replaced if
// nobody listens at it; a daemon that is just ending is waited for.
func bindIPC(ctx context.Context, path string, mode fs.FileMode) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSocket == 0 {
			return nil, fmt.Errorf("cannot bind %s: there is something that is no socket", path)
		}
		for deadline := time.Now().Add(5 * time.Second); ; {
			conn, err := net.Dial("unix", path)
			if err != nil {
				break
			}
			conn.Close()
			if time.Now().After(deadline) {
				return nil, fmt.Errorf("cannot bind %s: a daemon answers there; stop it first ('NSO_IPC_PATH=%s nso stop')", path, path)
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("cannot bind %s: %w", path, err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot bind %s: %w", path, err)
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, mode); err != nil {
		return nil, fmt.Errorf("cannot bind %s: %w", path, err)
	}
	return l.File()
}
