// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxGroups is how many supplementary groups a process can have (NGROUPS_MAX).
const maxGroups = 65536

// FromUnix asks the kernel who connected. It is called before a byte is read.
// door is the name of the listener.
func FromUnix(conn *net.UnixConn, door string) (Peer, error) {
	return fromUnix(conn, door, peerPIDFD)
}

// fromUnix is FromUnix with the way to a pidfd: ENOPROTOOPT means that the kernel
// has none for peers.
func fromUnix(conn *net.UnixConn, door string, peerPIDFD func(fd int) (int, error)) (Peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Peer{}, refuse("%w", err)
	}
	var p Peer
	var askErr error
	if err := raw.Control(func(fd uintptr) { p, askErr = askUnix(int(fd), door, peerPIDFD) }); err != nil {
		return Peer{}, refuse("%w", err)
	}
	return p, askErr
}

func askUnix(fd int, door string, peerPIDFD func(fd int) (int, error)) (Peer, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Peer{}, refuse("no credentials of the peer: %w", err)
	}
	if err := checkUID(cred.Uid); err != nil {
		return Peer{}, err
	}
	if cred.Pid <= 0 {
		return Peer{}, refuse("the peer's process is not visible here")
	}
	groups, err := peerGroups(fd)
	if err != nil {
		return Peer{}, refuse("no groups of the peer: %w", err)
	}
	p := Peer{
		UID: cred.Uid, GID: cred.Gid, Groups: groups,
		PID: cred.Pid, LoginUID: NoLogin, Door: door, Source: "pid " + strconv.Itoa(int(cred.Pid)),
	}
	pidfd, err := peerPIDFD(fd)
	own := errors.Is(err, unix.ENOPROTOOPT) // a kernel before 6.5: open one by number
	if own {
		pidfd, err = unix.PidfdOpen(int(cred.Pid), 0)
	}
	if err != nil {
		return Peer{}, refuse("process %d is gone: %w", cred.Pid, err)
	}
	defer unix.Close(pidfd)
	proc := "/proc/" + strconv.Itoa(int(cred.Pid))
	if own {
		// The number can be another process by now. If that is one of the same
		// user, only the log is wrong; any other is refused.
		if err := runsAs(proc+"/status", cred.Uid); err != nil {
			return Peer{}, refuse("process %d is another one by now: %w", cred.Pid, err)
		}
	} else if pid, err := pidOf(pidfd); err != nil || pid != int(cred.Pid) {
		return Peer{}, refuse("process %d is gone", cred.Pid)
	}
	p.LoginUID = loginUID(proc + "/loginuid")
	// What was read of /proc was of this process only if it is alive still.
	if exited(pidfd) {
		return Peer{}, refuse("process %d is gone", cred.Pid)
	}
	p.PIDChecked = !own
	return p, nil
}

// peerPIDFD is SO_PEERPIDFD (Linux 6.5).
func peerPIDFD(fd int) (int, error) {
	return unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
}

// peerGroups is SO_PEERGROUPS: the supplementary groups at the time of the connect.
func peerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno != unix.ERANGE || int(size) <= len(groups)*4 || size > maxGroups*4:
			return nil, errno
		}
		groups = make([]uint32, size/4)
	}
}

// exited reports whether the process of a pidfd has ended, reaped or not.
func exited(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return err != nil || n != 0
	}
}

// pidOf reads the number of the process of a pidfd; -1 when it has been reaped.
func pidOf(pidfd int) (int, error) {
	return field("/proc/self/fdinfo/"+strconv.Itoa(pidfd), "Pid:", 0)
}

// runsAs says with an error that a process has nothing of uid.
func runsAs(status string, uid uint32) error {
	for i := range 4 { // real, effective, saved, file system
		if n, err := field(status, "Uid:", i); err != nil {
			return err
		} else if n == int(uid) {
			return nil
		}
	}
	return fmt.Errorf("it does not run as uid %d", uid)
}

// field reads the i-th number after a name in a file of /proc.
func field(path, name string, i int) (int, error) {
	text, err := readSmall(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			if words := bytes.Fields(rest); i < len(words) {
				return strconv.Atoi(string(words[i]))
			}
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}

// loginUID reads who logged in. Unset is what services have, and so is a kernel
// without audit; neither is a reason to refuse.
func loginUID(path string) uint32 {
	text, err := readSmall(path)
	if err != nil {
		return NoLogin
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 32)
	if err != nil {
		return NoLogin
	}
	return uint32(n)
}

// readSmall reads a file of /proc, 4 KiB of it at most: what is looked for is near its beginning.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, 4<<10)
	n, err := f.Read(buf)
	if n == 0 && err != nil {
		return nil, err
	}
	return buf[:n], nil
}
