// SPDX-License-Identifier: Apache-2.0

package run

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// trampolineFlag is the first argument of the process that becomes nsod. LISTEN_PID
// must be the daemon's own pid, which nobody knows before it exists.
const trampolineFlag = "--become-nsod"

// trampoline executes nsod. args are the names of the descriptors from 3 on, joined
// by colons, and nsod's command line; behind the last name's descriptor is nsod
// itself. It returns only with an error.
func trampoline(args []string) error {
	if len(args) < 2 {
		return errors.New("cannot start nsod: this is for 'nso run' itself")
	}
	n := strings.Count(args[0], ":") + 1
	nsod := 3 + n
	env := append(os.Environ(),
		"LISTEN_PID="+strconv.Itoa(os.Getpid()), "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_FDNAMES="+args[0])
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 {
		return errors.New("cannot start nsod as root")
	}
	if err := dropThread(); err != nil {
		return fmt.Errorf("cannot start nsod: %w", err)
	}
	// nsod does not outlive nso run. If that has gone already, the signal will not come.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
		return fmt.Errorf("cannot start nsod: %w", err)
	}
	if want := os.Getenv(parentVariable); want != strconv.Itoa(os.Getppid()) {
		return fmt.Errorf("cannot start nsod: process %s that asked for it has ended", want)
	}
	// No descriptor beyond the sockets is passed on, as under systemd. nsod's own is
	// still open when the kernel reads the program from it.
	if err := unix.CloseRange(uint(nsod), ^uint(0)>>32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("cannot start nsod: %w", err)
	}
	for i := range env {
		if strings.HasPrefix(env[i], parentVariable+"=") {
			env = append(env[:i], env[i+1:]...)
			break
		}
	}
	err := syscall.Exec(plainPath("/proc/self/fd/"+strconv.Itoa(nsod)), args[1:], env)
	return fmt.Errorf("cannot start nsod: %w", err)
}

// parentVariable carries the pid of nso run to the trampoline.
const parentVariable = "NSO_RUN_PID"
