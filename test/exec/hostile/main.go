// SPDX-License-Identifier: Apache-2.0

// Command hostile does what a command that means ill does, for the tests.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Println("argc", len(os.Args))
		return
	}
	switch arg := os.Args[2:]; os.Args[1] {
	case "tiocsti": // pushes a line into the terminal's input
		for _, c := range []byte("echo injected\n") {
			if _, _, e := unix.Syscall(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(&c))); e != 0 {
				fmt.Println("tiocsti:", e)
				return
			}
		}
		fmt.Println("tiocsti: pushed")
	case "tty":
		f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		fmt.Println("tty:", err)
		_ = f.Close()
	case "orphan": // leaves one behind that ignores everything
		orphan(arg[0])
	case "orphaned":
		signal.Ignore(syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
		time.Sleep(10 * time.Minute)
	case "ignore":
		signal.Ignore(syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
		fmt.Println("ready")
		time.Sleep(10 * time.Minute)
	case "escape": // leaves its control group, for the helper's and for one of its own
		escape()
	case "eat": // so many MiB
		n, _ := strconv.Atoi(arg[0])
		fmt.Println("eating")
		kept := make([][]byte, n)
		for i := range kept {
			kept[i] = bytes.Repeat([]byte{1}, 1<<20)
		}
		fmt.Println("eaten", len(kept))
	case "bomb":
		bomb(arg[0], arg[1])
	case "exit":
		n, _ := strconv.Atoi(arg[0])
		os.Exit(n)
	case "signal":
		n, _ := strconv.Atoi(arg[0])
		_ = unix.Kill(os.Getpid(), unix.Signal(n))
		time.Sleep(time.Second)
	case "print": // so many bytes
		n, _ := strconv.Atoi(arg[0])
		b := make([]byte, 64<<10)
		for i := range b {
			b[i] = "0123456789abcdef"[i%16]
		}
		for n > 0 {
			w, err := os.Stdout.Write(b[:min(n, len(b))])
			if err != nil {
				os.Exit(1)
			}
			n -= w
		}
	case "bytes": // each there is
		b := make([]byte, 256)
		for i := range b {
			b[i] = byte(i)
		}
		_, _ = os.Stdout.Write(b)
	case "winsize":
		winsize()
	case "limits":
		for name, r := range map[string]int{"nofile": unix.RLIMIT_NOFILE, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "fsize": unix.RLIMIT_FSIZE} {
			var l unix.Rlimit
			_ = unix.Getrlimit(r, &l) // the runtime has raised the soft one of open files
			fmt.Println(name, l.Cur, l.Max)
		}
	case "argv":
		for i, a := range os.Args {
			fmt.Printf("%d %q\n", i, a)
		}
	case "ipc": // writes to the socket that it was given
		fd, err := strconv.Atoi(os.Getenv("NSO_IPC_FD"))
		if err == nil {
			_, err = os.NewFile(uintptr(fd), "ipc").WriteString("hello from the command")
		}
		fmt.Println("ipc:", err)
	case "sandbox":
		sandbox()
	case "spy": // what of the helper can be seen
		spy()
	case "connect":
		for _, path := range arg {
			c, err := net.Dial("unix", path)
			if err == nil {
				c.Close()
			}
			fmt.Println(path, err)
		}
	case "stop-helper":
		fmt.Println(unix.Kill(helpers()[0], unix.SIGSTOP))
		time.Sleep(time.Minute)
	case "freeze-helper":
		fmt.Println(os.WriteFile(filepath.Dir(own())+"/helper/cgroup.freeze", []byte("1"), 0))
		time.Sleep(time.Minute)
	case "kill-helper":
		fmt.Println("killing")
		for _, pid := range helpers() {
			fmt.Println(pid, unix.Kill(pid, unix.SIGKILL))
		}
		time.Sleep(10 * time.Second)
	}
}

func orphan(mark string) {
	for range 2 {
		pid, err := syscall.ForkExec("/proc/self/exe", []string{mark, "orphaned"}, &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}})
		fmt.Println("left", pid > 0, err)
	}
}

// own is the control group of this process.
func own() string {
	text, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		if rel, ok := strings.CutPrefix(line, "0::"); ok {
			return "/sys/fs/cgroup" + strings.TrimSpace(rel)
		}
	}
	return ""
}

func escape() {
	unit := filepath.Dir(own())
	_ = os.Mkdir(unit+"/mine", 0o755)
	for _, to := range []string{unit + "/helper", unit + "/mine", unit} {
		pid, err := syscall.ForkExec("/proc/self/exe", []string{"escaped", "orphaned"}, &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}})
		if err == nil {
			err = os.WriteFile(to+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0)
		}
		fmt.Println(filepath.Base(to), err)
	}
}

// bomb starts children that start children, all of which ignore what would end them. It
// stops by itself: not every machine that this is tried on has limits.
func bomb(mark, depth string) {
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP)
	n, _ := strconv.Atoi(depth)
	if n > 0 {
		for range 3 {
			_, _ = syscall.ForkExec("/proc/self/exe", []string{mark, "bomb", mark, strconv.Itoa(n - 1)}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		}
	}
	time.Sleep(10 * time.Minute)
}

func winsize() {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGWINCH)
	for {
		w, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("size %d %d\n", w.Row, w.Col)
		if w.Row == 1 {
			return
		}
		<-c
	}
}

// helpers are the processes of the unit that are no commands: what is the same user's
// and not dumpable cannot be seen in /proc.
func helpers() (pids []int) {
	text, _ := os.ReadFile(filepath.Dir(own()) + "/helper/cgroup.procs")
	for _, f := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(f); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func spy() {
	for _, pid := range helpers()[:1] {
		dir := "/proc/" + strconv.Itoa(pid)
		_, err := os.ReadFile(dir + "/environ")
		fmt.Println("environ", err != nil)
		_, err = os.ReadDir(dir + "/fd")
		fmt.Println("fd", err != nil)
		_, err = os.OpenFile(dir+"/mem", os.O_RDWR, 0)
		fmt.Println("mem", err != nil)
		fmt.Println("ptrace", unix.PtraceAttach(pid) != nil)
	}
}

// sandbox tries what the unit takes from a command.
func sandbox() {
	say := func(name string, closed bool) { fmt.Println(name, closed) }
	say("user-namespace", unix.Unshare(unix.CLONE_NEWUSER) != nil)
	_, err := syscall.ForkExec("/proc/self/exe", []string{"x", "exit", "0"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}})
	say("clone-user", err != nil)
	_, _, errno := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
	say("clone3", errno == unix.ENOSYS)
	say("mount", unix.Mount("none", "/tmp", "tmpfs", 0, "") != nil)
	_, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	say("packet", err != nil)
	_, err = net.Dial("unix", "/run/systemd/private")
	say("service-manager", err != nil)
	_, err = os.ReadFile("/etc/shadow")
	say("shadow", err != nil)
	_, err = os.ReadDir("/etc/nso")
	say("configuration", err != nil)
	say("write-usr", os.WriteFile("/usr/x", nil, 0o644) != nil)
	say("write-rules", os.WriteFile("/run/nso/rules/x.toml", nil, 0o644) != nil)
	say("write-kernel", os.WriteFile("/proc/sys/kernel/hostname", []byte("x"), 0o644) != nil)
	say("sockets-of-others", func() bool { _, err := os.ReadDir("/run/nso/exec"); return err != nil }())
	say("suid", os.WriteFile("/tmp/suid", nil, 0o644) == nil && os.Chmod("/tmp/suid", 0o4755|os.ModeSetuid) != nil)
	_ = os.Remove("/tmp/suid")
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); name {
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
			say(name, strings.Trim(value, "0") == "")
		case "NoNewPrivs":
			say(name, value == "1")
		case "Seccomp":
			say(name, value == "2")
		}
	}
	// What the strict profile takes, too.
	_, err = net.Dial("tcp", "127.0.0.1:22")
	fmt.Println("network", err != nil)
	entries, err := os.ReadDir("/home")
	fmt.Println("home", err != nil || len(entries) == 0)
	fmt.Println("write-open", os.WriteFile("/srv/open/x", nil, 0o644) != nil)
}
