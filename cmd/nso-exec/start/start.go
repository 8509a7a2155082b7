// SPDX-License-Identifier: Apache-2.0

// Package start starts the program of a command, by way of this binary itself: what a
// program must be given before its first instruction, and cannot be given by the process
// that forks (umask, resource limits, a nice value), the same binary gives itself and
// then becomes the program.
//
// It decides nothing: all is said in a Spec.
//
// Invariants:
//  1. The program has descriptors 0 to 2, 3 if it is given a socket, and no other.
//  2. Its environment is the one of the Spec; its signal mask is empty, and no signal is
//     ignored.
//  3. It is in its control group, session and folder before its first instruction.
//  4. An error before that is told as what it is, and no exit status.
//
// execve(2), setrlimit(2), credentials(7).
package start

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nso.example/nso/exec/program"
	"nso.example/nso/exec/wire"
)

// name is argv[0] of this binary when it is to become a program.
const name = "nso-exec-start"

// The descriptors that the binary has then.
const (
	ipcFD     = 3
	statusFD  = 4
	programFD = 5
)

// Limit is a resource limit, soft and hard.
type Limit struct {
	Resource int
	Value    uint64
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

// steps are what can fail, as told over the status pipe.
func steps() []string {
	return []string{"fork", "limits", "directory", "exec"}
}

// Start starts a program and returns when it is the program that runs.
func Start(s Spec) (Process, *wire.StartError) {
	var status [2]int
	if err := unix.Pipe2(status[:], unix.O_CLOEXEC); err != nil {
		return Process{}, fail("fork", err)
	}
	defer unix.Close(status[0])
	hole := ^uintptr(0)
	files := []uintptr{uintptr(s.Files[0]), uintptr(s.Files[1]), uintptr(s.Files[2]), hole, uintptr(status[1]), hole}
	if s.IPC >= 0 {
		files[ipcFD] = uintptr(s.IPC)
	}
	path := s.Program.Path
	if !s.Program.Script {
		files[programFD] = uintptr(s.Program.Fd())
		path = "/proc/self/fd/" + strconv.Itoa(programFD)
	}
	argv := append([]string{name, s.settings(), s.Dir, path}, s.Argv...)
	pidfd := -1
	pid, err := syscall.ForkExec("/proc/self/exe", argv, &syscall.ProcAttr{
		Env: s.Env, Files: files,
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: s.Terminal, Ctty: 0, PidFD: &pidfd, UseCgroupFD: true, CgroupFD: s.Cgroup},
	})
	_ = unix.Close(status[1])
	if err != nil {
		return Process{}, fail("fork", err)
	}
	if failed := read(status[0], s); failed != nil {
		var ws unix.WaitStatus
		_, _ = unix.Wait4(pid, &ws, 0, nil)
		_ = unix.Close(pidfd)
		return Process{}, failed
	}
	return Process{pid, pidfd}, nil
}

func fail(step string, err error) *wire.StartError {
	e := &wire.StartError{Step: step, Text: fmt.Sprintf("cannot start the command: %s: %v", step, err)}
	errors.As(err, &e.Errno)
	return e
}

// read reads what the binary says before it is the program: nothing, or what failed.
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
	case len(text) != 5 || int(text[0]) >= len(steps()):
		return fail("fork", errors.New("it does not say why"))
	}
	step, errno := steps()[text[0]], syscall.Errno(binary.BigEndian.Uint32(text[1:]))
	e := fail(step, errno)
	switch step {
	case "exec":
		e.Text = fmt.Sprintf("cannot start %s: %v", s.Program.Path, errno)
	case "directory":
		e.Text = fmt.Sprintf("cannot start %s: the folder %s: %v", s.Program.Path, s.Dir, errno)
	}
	return e
}

// settings are what is to be set, in one word of argv.
func (s Spec) settings() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d", s.Umask, s.Nice)
	for _, l := range s.Limits {
		fmt.Fprintf(&b, " %d %d", l.Resource, l.Value)
	}
	return b.String()
}
