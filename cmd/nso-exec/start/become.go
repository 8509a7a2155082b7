// SPDX-License-Identifier: Apache-2.0

package start

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Asked reports whether this process was started to become a program.
func Asked(argv []string) bool { return len(argv) > 4 && argv[0] == name }

// Become becomes the program that argv says. It returns never.
func Become(argv []string) {
	runtime.LockOSThread() // a nice value and a filter of system calls are a thread's
	step, err := become(argv)
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = syscall.EINVAL
	}
	b := binary.BigEndian.AppendUint32([]byte{byte(step)}, uint32(errno))
	_, _ = unix.Write(statusFD, b)
	os.Exit(127)
}

// become returns the step that failed, an index of steps.
func become(argv []string) (int, error) {
	// All but 0 to 3 are closed by the exec, whatever they are.
	if err := unix.CloseRange(ipcFD+1, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		for _, fd := range []int{statusFD, programFD} { // before Linux 5.11
			unix.CloseOnExec(fd)
		}
	}
	var n []uint64
	for f := range strings.FieldsSeq(argv[1]) {
		v, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 1, syscall.EINVAL
		}
		n = append(n, v)
	}
	if len(n) < 2 || len(n)%2 != 0 {
		return 1, syscall.EINVAL
	}
	unix.Umask(int(n[0]))
	// The system call tells 20 less the value. A unit that is nicer already stays so.
	if now, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err != nil || n[1] > uint64(max(20-now, 0)) {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, int(n[1])); err != nil {
			return 1, err
		}
	}
	for i := 2; i < len(n); i += 2 {
		if err := limit(int(n[i]), n[i+1]); err != nil {
			return 1, err
		}
	}
	if err := unix.Chdir(argv[2]); err != nil {
		return 2, err
	}
	if err := withoutNamespaces(); err != nil {
		return 3, err
	}
	return 3, syscall.Exec(argv[3], argv[4:], os.Environ())
}

// limit lowers a limit, hard and soft; one that is lower already stays.
func limit(resource int, value uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(resource, &l); err != nil {
		return err
	}
	l.Max = min(l.Max, value)
	l.Cur = min(value, l.Max)
	// Of package syscall, which does not put the old limit of open files back then.
	return syscall.Setrlimit(resource, &l)
}
