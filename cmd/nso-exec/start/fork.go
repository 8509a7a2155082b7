// SPDX-License-Identifier: Apache-2.0

package start

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidFD, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// sigaction is the kernel's struct of rt_sigaction(2): all zero is the default.
type sigaction struct{ words [4]uint64 }

// setLimit is a limit as prlimit(2) takes it.
type setLimit struct {
	resource uintptr
	limit    unix.Rlimit
}

// child is all that the child needs, made before there is one: it may take no memory
// and call nothing of the runtime.
type child struct {
	clone    cloneArgs
	pidfd    int32
	fds      [4]uintptr // what becomes descriptors 0 to 3
	count    uintptr    // how many of them
	status   uintptr    // where to say what failed
	terminal bool
	umask    uintptr
	nice     uintptr
	limits   []setLimit
	dir      *byte
	filter   *unix.SockFprog // nil for none
	path     *byte
	argv     **byte
	envv     **byte
	failed   [2]uint32 // the step, and the errno
	all      uint64    // a mask of all signals
	none     uint64
	action   sigaction
}

// fork makes the child, which becomes the program or says what failed. The parent gets
// its pid.
//
// As in package syscall, the child runs on a copy of this thread alone. Signals are
// blocked until they have their default, so that no handler of the runtime runs in it;
// there are only raw system calls after clone3.
//
//go:noinline
//go:norace
//go:nocheckptr
func fork(c *child) (uintptr, syscall.Errno) {
	var (
		r, signal uintptr
		i         int
		errno     syscall.Errno
		old       uint64
	)
	if _, _, errno = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&c.all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0); errno != 0 {
		return 0, errno
	}
	r, _, errno = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&c.clone)), unsafe.Sizeof(c.clone), 0)
	if errno != 0 || r != 0 {
		_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
		return r, errno
	}

	for signal = 1; signal <= 64; signal++ { // fails for SIGKILL and SIGSTOP
		_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, signal, uintptr(unsafe.Pointer(&c.action)), 0, 8, 0, 0)
	}
	c.failed[0] = stepFork
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0); errno != 0 {
		goto failed
	}
	for i = 0; uintptr(i) < c.count; i++ {
		if c.fds[i] == ^uintptr(0) {
			continue
		}
		if _, _, errno = syscall.RawSyscall(unix.SYS_DUP3, c.fds[i], uintptr(i), 0); errno != 0 {
			goto failed
		}
	}
	// What this process has inherited is not closed by itself; Linux before 5.11 leaves it.
	_, _, _ = syscall.RawSyscall(unix.SYS_CLOSE_RANGE, c.count, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
	if c.terminal {
		if _, _, errno = syscall.RawSyscall(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0); errno != 0 {
			goto failed
		}
	}
	c.failed[0] = stepLimits
	_, _, _ = syscall.RawSyscall(unix.SYS_UMASK, c.umask, 0, 0)
	if c.nice != 0 {
		if _, _, errno = syscall.RawSyscall(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, c.nice); errno != 0 {
			goto failed
		}
	}
	for i = range c.limits {
		if _, _, errno = syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, c.limits[i].resource, uintptr(unsafe.Pointer(&c.limits[i].limit)), 0, 0, 0); errno != 0 {
			goto failed
		}
	}
	c.failed[0] = stepDirectory
	if _, _, errno = syscall.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(c.dir)), 0, 0); errno != 0 {
		goto failed
	}
	c.failed[0] = stepExec
	if c.filter != nil {
		if _, _, errno = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(c.filter))); errno != 0 {
			goto failed
		}
	}
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&c.none)), 0, 8, 0, 0)
	_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(c.path)), uintptr(unsafe.Pointer(c.argv)), uintptr(unsafe.Pointer(c.envv)))
failed:
	c.failed[1] = uint32(errno)
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, c.status, uintptr(unsafe.Pointer(&c.failed)), unsafe.Sizeof(c.failed))
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	}
}
