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
//  5. Between fork and exec there are raw system calls alone.
//
// execve(2), clone(2), setrlimit(2), credentials(7).
package start

import (
	"encoding/binary"
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
	c, free, err := s.child()
	defer free()
	if err != nil {
		return Process{}, fail("fork", err)
	}
	var status [2]int
	if err := unix.Pipe2(status[:], unix.O_CLOEXEC); err != nil {
		return Process{}, fail("fork", err)
	}
	defer unix.Close(status[0])
	theirs, err := unix.FcntlInt(uintptr(status[1]), unix.F_DUPFD_CLOEXEC, firstFree)
	_ = unix.Close(status[1])
	if err != nil {
		return Process{}, fail("fork", err)
	}
	c.status = uintptr(theirs)
	runtime.LockOSThread() // whose signals are blocked meanwhile
	syscall.ForkLock.Lock()
	pid, errno := fork(c)
	syscall.ForkLock.Unlock()
	runtime.UnlockOSThread()
	runtime.KeepAlive(c)
	_ = unix.Close(theirs)
	if errno != 0 {
		return Process{}, fail("fork", errno)
	}
	if failed := read(status[0], s); failed != nil {
		var ws unix.WaitStatus
		for {
			if _, err := unix.Wait4(int(pid), &ws, 0, nil); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		_ = unix.Close(int(c.pidfd))
		return Process{}, failed
	}
	return Process{int(pid), int(c.pidfd)}, nil
}

// child makes ready what the child needs. free is to be called in any case.
func (s Spec) child() (c *child, free func(), err error) {
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
	if c.dir, err = syscall.BytePtrFromString(s.Dir); err != nil {
		return nil, free, err
	}
	if c.path, err = syscall.BytePtrFromString(path); err != nil {
		return nil, free, err
	}
	c.clone = cloneArgs{
		flags: unix.CLONE_PIDFD | unix.CLONE_INTO_CGROUP, exitSignal: uint64(unix.SIGCHLD),
		pidFD: uint64(uintptr(unsafe.Pointer(&c.pidfd))), cgroup: uint64(s.Cgroup),
	}
	return c, free, nil
}

func fail(step string, err error) *wire.StartError {
	e := &wire.StartError{Step: step, Text: fmt.Sprintf("cannot start the command: %s: %v", step, err)}
	errors.As(err, &e.Errno)
	return e
}

// read reads what the child says before it is the program: nothing, or what failed.
func read(fd int, s Spec) *wire.StartError {
	var text []byte
	var err error
	for n, b := 0, make([]byte, 16); len(text) < len(b); text = append(text, b[:n]...) {
		if n, err = unix.Read(fd, b); errors.Is(err, unix.EINTR) {
			n, err = 0, nil
			continue
		}
		if n <= 0 || err != nil {
			break
		}
	}
	switch {
	case err != nil:
		return fail("fork", err)
	case len(text) == 0:
		return nil
	case len(text) != 8 || int(binary.NativeEndian.Uint32(text)) >= len(steps()):
		return fail("fork", errors.New("it does not say why"))
	}
	step, errno := steps()[binary.NativeEndian.Uint32(text)], syscall.Errno(binary.NativeEndian.Uint32(text[4:]))
	e := fail(step, errno)
	switch step {
	case "exec":
		e.Text = fmt.Sprintf("cannot start %s: %v", s.Program.Path, errno)
	case "directory":
		e.Text = fmt.Sprintf("cannot start %s: the folder %s: %v", s.Program.Path, s.Dir, errno)
	}
	return e
}
