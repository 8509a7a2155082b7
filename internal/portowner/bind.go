// SPDX-License-Identifier: Apache-2.0

package portowner

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// bindable tries it. Only "address in use" counts against it: who may not bind a
// port below 1024 learns nothing.
func bindable(a netip.AddrPort) bool {
	domain := unix.AF_INET6
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if a.Addr().Is4() {
		domain, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	return !errors.Is(unix.Bind(fd, sa), unix.EADDRINUSE)
}
