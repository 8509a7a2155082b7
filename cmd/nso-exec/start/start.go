// SPDX-License-Identifier: Apache-2.0

// Package start starts the program of a command.
//
// What a program must be given before its first instruction (a control group, a
// controlling terminal, umask, resource limits, a nice value, a filter) package syscall
// has no place for in part, so that there is a fork of its own here. It decides nothing:
// all is said in a Spec.
//
// Invariants:
//  1. The program has descriptors 0 to 2, 3 if it is given a socket, and no other: all
//     of this process are closed on exec.
//  2. Its environment is the one of the Spec; its signal mask is empty, and no signal is
//     ignored.
//  3. It is in its control group, session and folder before its first instruction.
//  4. An error before that is told as what it is, and no exit status.
//  5. Between fork and exec there are raw system calls alone, none of which waits for
//     anybody; the child shares this process's memory then (CLONE_VM, CLONE_VFORK).
//
// execve(2), clone(2), setrlimit(2), credentials(7).
package start

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"nso.example/nso/exec/program"
	"nso.example/nso/exec/wire"
)

// The steps that can fail, by their place in steps.
const (
	stepFork = iota
	stepLimits
	stepDirectory
	stepExec
)

func steps() []string { return []string{"fork", "limits", "directory", "exec"} }

// firstFree is the least descriptor that the child's are kept at before they have their
// places.
const firstFree = 10

// Limit is a resource limit: Value is the hard one, and the soft one, too, unless that
// is to be less.
type Limit struct {
	Resource int
	Value    uint64
	Soft     uint64 // 0 for the same
}

// Spec is all of a command.
type Spec struct {
	Program  *program.File
	Argv     []string
	Env      []string
	Dir      string
	Umask    uint32
	Nice     int
	Limits   []Limit
	Files    [3]int // descriptors of standard input, output and error
	IPC      int    // -1 for none
	Terminal bool   // Files[0] is one, and becomes the controlling one
	Cgroup   int    // the descriptor of its control group
}

// Process is a program that runs. It is not reaped here.
type Process struct{ PID, FD int }

// Start starts a program and returns when it is the program that runs.
func Start(s Spec) (Process, *wire.StartError) {
	// Here, where a file system that does not answer holds nobody else up.
	dir, err := unix.Open(s.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Process{}, s.failed("directory", err)
	}
	defer unix.Close(dir)
	c, free, err := s.child(dir)
	defer free()
	if err != nil {
		return Process{}, fail("fork", err)
	}
	runtime.LockOSThread() // whose signals are blocked meanwhile
	syscall.ForkLock.Lock()
	pid, errno := fork(c)
	syscall.ForkLock.Unlock()
	runtime.UnlockOSThread()
	runtime.KeepAlive(c)
	if errno != 0 {
		return Process{}, fail("fork", errno)
	}
	if c.failed[1] != 0 {
		var ws unix.WaitStatus
		for {
			if _, err := unix.Wait4(int(pid), &ws, 0, nil); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		_ = unix.Close(int(c.pidfd))
		return Process{}, s.failed(steps()[c.failed[0]], syscall.Errno(c.failed[1]))
	}
	return Process{int(pid), int(c.pidfd)}, nil
}

// child makes ready what the child needs. free is to be called in any case.
func (s Spec) child(dir int) (c *child, free func(), err error) {
	var taken []int
	free = func() {
		for _, fd := range taken {
			_ = unix.Close(fd)
		}
	}
	// Away from the places that they are to take.
	move := func(fd int) (uintptr, error) {
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFree)
		if err == nil {
			taken = append(taken, n)
		}
		return uintptr(n), err
	}
	c = &child{terminal: s.Terminal, umask: uintptr(s.Umask), count: 3, all: 1<<64 - 1, filter: withoutNamespaces()}
	for i, fd := range s.Files {
		if c.fds[i], err = move(fd); err != nil {
			return nil, free, err
		}
	}
	if s.IPC >= 0 {
		c.count = 4
		if c.fds[3], err = move(s.IPC); err != nil {
			return nil, free, err
		}
	}
	if c.dir, err = move(dir); err != nil {
		return nil, free, err
	}
	path := s.Program.Path
	if !s.Program.Script {
		fd, err := move(s.Program.Fd())
		if err != nil {
			return nil, free, err
		}
		path = "/proc/self/fd/" + strconv.Itoa(int(fd))
	}
	// The system call tells 20 less the value. A unit that is nicer already stays so.
	if now, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil && s.Nice > 20-now {
		c.nice = uintptr(s.Nice)
	}
	for _, l := range s.Limits {
		var now unix.Rlimit
		if err := unix.Getrlimit(l.Resource, &now); err != nil {
			return nil, free, err
		}
		now.Max = min(now.Max, l.Value) // one that is lower already stays
		if now.Cur = now.Max; l.Soft > 0 {
			now.Cur = min(now.Max, l.Soft)
		}
		c.limits = append(c.limits, setLimit{uintptr(l.Resource), now})
	}
	argv, err := syscall.SlicePtrFromStrings(s.Argv)
	if err != nil {
		return nil, free, err
	}
	envv, err := syscall.SlicePtrFromStrings(s.Env)
	if err != nil {
		return nil, free, err
	}
	c.argv, c.envv = &argv[0], &envv[0]
	if c.path, err = syscall.BytePtrFromString(path); err != nil {
		return nil, free, err
	}
	c.clone = cloneArgs{
		flags: unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_PIDFD | unix.CLONE_INTO_CGROUP, exitSignal: uint64(unix.SIGCHLD),
		pidFD: uint64(uintptr(unsafe.Pointer(&c.pidfd))), cgroup: uint64(s.Cgroup),
	}
	return c, free, nil
}

func fail(step string, err error) *wire.StartError {
	e := &wire.StartError{Step: step, Text: fmt.Sprintf("cannot start the command: %s: %v", step, err)}
	errors.As(err, &e.Errno)
	return e
}

// failed is an error of a step that the user knows by a name.
func (s Spec) failed(step string, errno error) *wire.StartError {
	e := fail(step, errno)
	switch step {
	case "exec":
		e.Text = fmt.Sprintf("cannot start %s: %v", s.Program.Path, errno)
	case "directory":
		e.Text = fmt.Sprintf("cannot start %s: the folder %s: %v", s.Program.Path, s.Dir, errno)
	}
	return e
}
