// SPDX-License-Identifier: Apache-2.0

package run

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// nsod is a daemon that was started.
type nsod struct {
	process *os.Process
	ready   chan struct{} // closed at READY=1
	ended   chan struct{} // closed when it is gone
	state   *os.ProcessState
	notify  *net.UnixConn

	mu     sync.Mutex
	status string // its last STATUS=
}

// start executes nsod with the sockets, which stay open here. Its standard output
// and error go to log.
func start(dir string, s sockets, file *os.File, log io.Writer) (*nsod, error) {
	d := &nsod{ready: make(chan struct{}), ended: make(chan struct{})}
	path := filepath.Join(dir, "notify")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot bind %s: %w", path, err)
	}
	var err error
	if d.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		return nil, fmt.Errorf("cannot bind %s: %w", path, err)
	}
	if err := passCredentials(d.notify); err != nil {
		d.notify.Close()
		return nil, err
	}
	names := make([]string, len(s))
	files := make([]*os.File, len(s), len(s)+1)
	for i, p := range s {
		names[i], files[i] = p.name, p.file
	}
	cmd := &exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       []string{"nso", "run", trampolineFlag, strings.Join(names, ":"), "nsod", "--config", filepath.Join(dir, "nso.toml")},
		Dir:        "/",
		Env:        append(keep(os.Environ(), "HOME", "USER", "LOGNAME", "PATH", "LANG", "LC_*", "TZ", "GO*"), "NOTIFY_SOCKET="+path, parentVariable+"="+strconv.Itoa(os.Getpid())),
		Stdout:     log,
		Stderr:     log,
		ExtraFiles: append(files, file),
		// A group of its own: Ctrl-C on the terminal is ours, or the CLI's.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	started := make(chan error)
	go func() {
		// The signal at our death comes when the thread that started the process ends
		// (PR_SET_PDEATHSIG): this one is kept until the process has.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		d.process = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait() // what it says is in the state
			d.state = cmd.ProcessState
			close(d.ended)
		}
	}()
	if err := <-started; err != nil {
		d.notify.Close()
		return nil, fmt.Errorf("cannot start nsod: %w", err)
	}
	go d.listen()
	return d, nil
}

// passCredentials makes the kernel say who sends (SO_PASSCRED).
func passCredentials(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var opt error
	err = raw.Control(func(fd uintptr) { opt = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	return errors.Join(err, opt)
}

// listen hears the notifications of nsod, and of nobody else, until it is gone.
func (d *nsod) listen() {
	go func() {
		<-d.ended
		d.notify.Close()
	}()
	buf, oob := make([]byte, 4096), make([]byte, 256)
	ready := false
	for {
		n, m, _, _, err := d.notify.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		if sender(oob[:m]) != d.process.Pid {
			continue
		}
		for line := range strings.Lines(string(buf[:n])) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			switch {
			case key == "READY" && value == "1" && !ready:
				ready = true
				close(d.ready)
			case key == "STATUS":
				d.mu.Lock()
				d.status = value
				d.mu.Unlock()
			}
		}
	}
}

// sender reads the pid out of a message's credentials; 0: there are none. A
// descriptor that somebody sent along is closed.
func sender(oob []byte) int {
	pid := 0
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if cred, err := unix.ParseUnixCredentials(&m); err == nil {
			pid = int(cred.Pid)
		}
		if fds, err := unix.ParseUnixRights(&m); err == nil {
			for _, fd := range fds {
				_ = unix.Close(fd)
			}
		}
	}
	return pid
}

// said is nsod's last status in parentheses, or nothing.
func (d *nsod) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.status == "" {
		return ""
	}
	return fmt.Sprintf(" (it says: %.200q)", d.status)
}

// exitStatus mirrors how it ended, as a shell does: 128 and the signal for one that
// was killed.
func (d *nsod) exitStatus() int {
	if ws, ok := d.state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return d.state.ExitCode()
}
