// SPDX-License-Identifier: Apache-2.0

// Command probe runs in the place of a program inside its unit, and tries what an
// attacker who has taken that program over would try. The sandbox is what the
// probe could not do.
//
// Each try is one line on standard output: the name, and "done" or the error.
// A try that would harm the machine if it were done is made in a form that is
// refused by the check for the right and does nothing otherwise.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// try is one thing to try. The error is nil if it could be done.
type try struct {
	name string
	do   func() error
}

func main() {
	runtime.LockOSThread()
	out := bufio.NewWriter(os.Stdout)
	for _, t := range tries() {
		result := "done"
		if err := t.do(); err != nil {
			result = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Fprintf(out, "probe %s: %s\n", t.name, result)
	}
	fmt.Fprintln(out, "probe end: done")
	out.Flush()
}

func tries() []try {
	all := []try{}
	all = append(all, files()...)
	all = append(all, network()...)
	all = append(all, kernel()...)
	all = append(all, identity()...)
	all = append(all, memory()...)
	return append(all, others()...)
}

func read(name string) try {
	return try{"read " + name, func() error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if st, err := f.Stat(); err == nil && st.IsDir() {
			_, err = f.Readdirnames(1)
			if err == io.EOF {
				return fmt.Errorf("it is empty")
			}
			return err
		}
		_, err = f.Read(make([]byte, 1))
		if err == io.EOF {
			return nil
		}
		return err
	}}
}

func write(dir string) try {
	return try{"write " + dir, func() error {
		name := filepath.Join(dir, "nso-probe")
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			return err
		}
		return os.Remove(name)
	}}
}

// open opens for writing and writes nothing.
func open(name string) try {
	return try{"open " + name, func() error {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}}
}

func files() []try {
	return []try{
		read("/etc/shadow"), read("/root"), read("/home"), read("/etc/nso/nso.toml"), read("/etc/passwd"),
		read("/proc/kallsyms"), read("/proc/cmdline"), read("/dev/mem"), read("/dev/kmsg"), read("/dev/null"),
		write("/"), write("/etc"), write("/etc/nso"), write("/usr/bin"), write("/var"), write("/run"), write("/run/nso"),
		write("/run/systemd/system"), write("/home"), write("/root"), write("/var/tmp"), write("/dev/shm"), write("/dev"),
		write("/sys/fs/cgroup"), write("/proc/self"),
		write(state()),
		open("/proc/sys/kernel/hostname"), open("/proc/sys/kernel/core_pattern"), open("/proc/sysrq-trigger"),
		open("/sys/kernel/uevent_helper"), open("/sys/power/state"),
		{"setuid file", func() error {
			name := filepath.Join(state(), "probe-setuid")
			if err := os.WriteFile(name, nil, 0o700); err != nil {
				return err
			}
			defer os.Remove(name)
			return syscall.Chmod(name, 0o4755)
		}},
		{"device node", func() error {
			name := filepath.Join(state(), "probe-node")
			defer os.Remove(name)
			return unix.Mknod(name, unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0)))
		}},
		execute(state()), execute("/tmp"),
	}
}

func execute(dir string) try {
	return try{"execute in " + dir, func() error {
		name := filepath.Join(dir, "probe-exec")
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o700); err != nil {
			return err
		}
		defer os.Remove(name)
		return exec.Command(name).Run()
	}}
}

// state is where the unit may write, or the private /tmp where it has no such
// folder.
func state() string {
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		return dir
	}
	return "/tmp"
}

func socket(name string, domain, kind, protocol int) try {
	return try{"socket " + name, func() error {
		fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}}
}

func connect(path string) try {
	return try{"connect " + path, func() error {
		var d net.Dialer
		d.Timeout = 2 * time.Second
		c, err := d.Dial("unix", path)
		if err != nil {
			return err
		}
		return c.Close()
	}}
}

func network() []try {
	return []try{
		socket("inet", unix.AF_INET, unix.SOCK_STREAM, 0), socket("inet6", unix.AF_INET6, unix.SOCK_DGRAM, 0),
		socket("packet", unix.AF_PACKET, unix.SOCK_RAW, 0), socket("netlink", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE),
		socket("vsock", unix.AF_VSOCK, unix.SOCK_STREAM, 0), socket("unix", unix.AF_UNIX, unix.SOCK_STREAM, 0),
		{"interfaces", func() error {
			// Its own namespace has the loopback interface alone.
			all, err := os.ReadFile("/proc/self/net/dev")
			if err != nil {
				return err
			}
			if n := strings.Count(string(all), ":"); n > 1 {
				return nil
			}
			return fmt.Errorf("there is no interface but lo")
		}},
		connect("/run/nso/ipc"), connect("/run/systemd/journal/stdout"), connect("/run/systemd/private"),
		connect("/run/dbus/system_bus_socket"), connect("/run/systemd/userdb/io.systemd.NameServiceSwitch"),
	}
}

func kernel() []try {
	null := unsafe.Pointer(nil)
	call := func(name string, number uintptr, a ...uintptr) try {
		return try{name, func() error {
			var arg [6]uintptr
			copy(arg[:], a)
			if _, _, errno := unix.RawSyscall6(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]); errno != 0 {
				return errno
			}
			return nil
		}}
	}
	return []try{
		{"mount", func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") }},
		{"unshare user", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{"unshare mount", func() error { return unix.Unshare(unix.CLONE_NEWNS) }},
		{"chroot", func() error { return unix.Chroot("/tmp") }},
		{"hostname", func() error {
			n, err := os.Hostname()
			if err != nil {
				return err
			}
			return unix.Sethostname([]byte(n))
		}},
		{"clock", func() error {
			var t unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_REALTIME, &t); err != nil {
				return err
			}
			_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, uintptr(unsafe.Pointer(&t)), 0)
			return orNil(errno)
		}},
		call("reboot", unix.SYS_REBOOT, 1, 2, 3), // wrong magic: EINVAL for whoever may
		call("module", unix.SYS_INIT_MODULE, uintptr(null), 0, uintptr(null)),
		call("bpf", unix.SYS_BPF, 0, uintptr(null), 0),
		call("perf", unix.SYS_PERF_EVENT_OPEN, uintptr(null), 0, 0, 0, 0),
		call("keyctl", unix.SYS_KEYCTL, 0, ^uintptr(2), 1), // KEYCTL_GET_KEYRING_ID of the session
		call("kernel log", unix.SYS_SYSLOG, 10, 0, 0),
		call("swap", unix.SYS_SWAPON, uintptr(null), 0),
		call("io_uring", unix.SYS_IO_URING_SETUP, 0, uintptr(null)),
		call("userfaultfd", unix.SYS_USERFAULTFD, 0),
		call("obsolete", unix.SYS_USTAT, 0, uintptr(null)),
		{"personality", func() error {
			if _, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, 0x0008, 0, 0); errno != 0 {
				return errno
			}
			return nil
		}},
		{"real time", func() error {
			var p struct{ priority int32 }
			p.priority = 1
			_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, 1, uintptr(unsafe.Pointer(&p)))
			return orNil(errno)
		}},
	}
}

func orNil(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func identity() []try {
	id := func(name string, number uintptr) try {
		return try{name, func() error {
			_, _, errno := unix.RawSyscall(number, 0, 0, 0)
			return orNil(errno)
		}}
	}
	status := func(key string) string {
		text, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return err.Error()
		}
		for line := range strings.Lines(string(text)) {
			if k, v, _ := strings.Cut(line, ":"); k == key {
				return strings.TrimSpace(v)
			}
		}
		return "missing"
	}
	capability := func(set string) try {
		return try{"capability " + set, func() error {
			if v := status(set); strings.Trim(v, "0") == "" {
				return fmt.Errorf("there is none")
			}
			return nil
		}}
	}
	return []try{
		id("become root", unix.SYS_SETUID), id("group root", unix.SYS_SETGID),
		capability("CapPrm"), capability("CapEff"), capability("CapInh"), capability("CapAmb"), capability("CapBnd"),
		{"new privileges", func() error {
			if status("NoNewPrivs") == "1" {
				return fmt.Errorf("they are off")
			}
			return nil
		}},
		{"no filter", func() error {
			if status("Seccomp") == "2" {
				return fmt.Errorf("there is one")
			}
			return nil
		}},
		{"core dump", func() error {
			var l unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
				return err
			}
			if l.Max == 0 {
				return fmt.Errorf("the limit is 0")
			}
			return nil
		}},
		{"run a program", func() error { return exec.Command("/usr/bin/id").Run() }},
		{"run sudo", func() error { return exec.Command("/usr/bin/sudo", "-n", "true").Run() }},
	}
}

func memory() []try {
	return []try{
		{"write and execute", func() error {
			m, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
			if err != nil {
				return err
			}
			return unix.Munmap(m)
		}},
		{"execute written", func() error {
			m, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
			if err != nil {
				return err
			}
			defer unix.Munmap(m)
			return unix.Mprotect(m, unix.PROT_READ|unix.PROT_EXEC)
		}},
	}
}

func others() []try {
	return []try{
		{"signal PID 1", func() error { return unix.Kill(1, 0) }},
		{"trace PID 1", func() error { return unix.PtraceAttach(1) }},
		{"environment of PID 1", func() error { return read("/proc/1/environ").do() }},
		{"shared memory of others", func() error { // the test makes a segment first
			var info struct {
				used int32
				_    [7]uint64 // struct shm_info of shmctl(2)
			}
			const shmInfo = 14 // SHM_INFO
			if _, _, errno := unix.RawSyscall(unix.SYS_SHMCTL, 0, shmInfo, uintptr(unsafe.Pointer(&info))); errno != 0 {
				return errno
			}
			if info.used == 0 {
				return fmt.Errorf("there is none")
			}
			return nil
		}},
	}
}
