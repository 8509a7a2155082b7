// SPDX-License-Identifier: Apache-2.0

package start

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidFD uint64
	_            [2]uint64 // child_tid, parent_tid
	exitSignal   uint64
	_            [5]uint64 // stack, stack_size, tls, set_tid, set_tid_size
	cgroup       uint64
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
	terminal bool
	umask    uintptr
	nice     uintptr
	limits   []setLimit
	dir      uintptr         // the descriptor of the folder
	filter   *unix.SockFprog // nil for none
	path     *byte
	argv     **byte
	envv     **byte
	failed   [2]uint32 // by the child: the step, and the errno, 0 for none
	all      uint64    // a mask of all signals
	none     uint64
	action   sigaction
}

// fork makes the child, which becomes the program or says in c.failed what kept it from
// that. It returns when either is so.
//
// Signals are blocked meanwhile: in the child until they have their default, so that no
// handler of the runtime runs in it.
//
//go:noinline
//go:norace
//go:nocheckptr
func fork(c *child) (pid uintptr, errno syscall.Errno) {
	var old uint64
	if _, _, errno = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&c.all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0); errno != 0 {
		return 0, errno
	}
	pid, errno = become(c)
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	return pid, errno
}

// become is what parent and child both begin with. It has a frame of its own, where the
// child spoils nothing that the parent wants: they share memory until the program is
// there, since a copy of the page tables of a Go process, and the faults after it, cost
// more than all the rest. As in package syscall, the other threads go on, this one waits,
// and there are only raw system calls in the child.
//
//go:noinline
//go:norace
//go:nocheckptr
func become(c *child) (uintptr, syscall.Errno) {
	var (
		r, signal uintptr
		i         int
		errno     syscall.Errno
	)
	r = clone3(&c.clone, unsafe.Sizeof(c.clone))
	if r > ^uintptr(4095) { // -4095 to -1
		return 0, syscall.Errno(-r)
	}
	if r != 0 {
		return r, 0
	}

	for signal = 1; signal <= 64; signal++ { // fails for SIGKILL and SIGSTOP
		_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, signal, uintptr(unsafe.Pointer(&c.action)), 0, 8, 0, 0)
	}
	c.failed[0] = stepDirectory
	if _, _, errno = syscall.RawSyscall(unix.SYS_FCHDIR, c.dir, 0, 0); errno != 0 {
		goto failed
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
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	}
}
