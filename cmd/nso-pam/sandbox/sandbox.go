// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"nso.example/nso/helper"
)

// The folder of pam_faillock, and the file that may name another.
const (
	faillockDir  = "/run/faillock"
	faillockConf = "/etc/security/faillock.conf"
)

// Probe tries everything.
func Probe() []helper.Probe {
	var probes []helper.Probe
	add := func(name string, ok bool, format string, args ...any) {
		probes = append(probes, helper.Probe{Name: name, OK: ok, Found: fmt.Sprintf(format, args...)})
	}
	status := procStatus()
	capabilities(status, add)
	add("privileges", status["NoNewPrivs"] == "1", "no_new_privs is %s", status["NoNewPrivs"])
	add("filter", status["Seccomp"] == "2", "system calls are filtered: %t", status["Seccomp"] == "2")
	memory(add)
	shadow(add)
	faillock(add)
	run(add)
	files(add)
	home(add)
	network(add)
	devices(add)
	processes(add)
	return probes
}

type adder func(name string, ok bool, format string, args ...any)

// allowed says that a drop-in opens something.
func allowed(what string) bool { return os.Getenv("NSO_PAM_"+what) == "yes" }

// procStatus are the lines of /proc/self/status.
func procStatus() map[string]string {
	lines := make(map[string]string)
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return lines
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if key, value, ok := strings.Cut(sc.Text(), ":"); ok {
			lines[key] = strings.TrimSpace(value)
		}
	}
	return lines
}

func capabilities(status map[string]string, add adder) {
	want := uint64(1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_AUDIT_WRITE)
	ambient := uint64(0)
	if os.Getuid() != 0 {
		want = 1 << unix.CAP_DAC_READ_SEARCH
		ambient = want
	}
	if allowed("HOME") {
		want |= 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	}
	for _, c := range []struct {
		set  string
		want uint64
	}{{"CapBnd", want}, {"CapPrm", want}, {"CapEff", want}, {"CapAmb", ambient}} {
		n, err := strconv.ParseUint(status[c.set], 16, 64)
		add(c.set, err == nil && n&^c.want == 0, "%s; %016x is meant", status[c.set], c.want)
	}
}

func memory(add adder) {
	var core unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_CORE, &core)
	add("core", err == nil && core.Max == 0, "a core may have %d bytes", core.Max)
	mapped, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		_ = unix.Munmap(mapped)
	}
	add("code", err != nil, "memory that is written and executed: %s", said(err))
	// Nothing of our own memory: what matters is whether the call is let through.
	_, _, errno := unix.Syscall6(unix.SYS_PROCESS_VM_READV, uintptr(os.Getpid()), 0, 0, 0, 0, 0)
	add("siblings", errno != 0, "memory of other processes: %s", said(errnoError(errno)))
	_, _, errno = unix.Syscall(unix.SYS_PTRACE, unix.PTRACE_PEEKDATA, uintptr(os.Getpid()), uintptr(unsafe.Pointer(nil)))
	add("tracing", errno == unix.EPERM, "ptrace: %s", said(errnoError(errno)))
	// In a process of several threads the kernel says EINVAL, a filter EPERM.
	err = unix.Unshare(unix.CLONE_NEWUSER)
	add("namespaces", errors.Is(err, unix.EPERM), "a user namespace: %s", said(err))
}

func errnoError(e unix.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

func said(err error) string {
	if err == nil {
		return "possible"
	}
	return err.Error()
}

// shadow: what pam_unix checks passwords against can be opened, and is not an empty
// file in its place.
func shadow(add adder) {
	f, err := os.Open("/etc/shadow")
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && info.Size() == 0 {
			err = errors.New("it is empty")
		}
		f.Close()
	}
	add("shadow", err == nil, "/etc/shadow: %s", said(err))
}

// faillock does what pam_faillock does for a user who fails: makes the file, leaves it
// readable and writable to its group, and opens it once more. Without that no account
// ever locks, and nothing else tells.
func faillock(add adder) {
	dir := faillockFolder()
	path := filepath.Join(dir, "nso-self-test.tmp") // no name that a user can have logs in
	err := func() error {
		_ = os.Remove(path)
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return err
		}
		defer os.Remove(path)
		_ = unix.Fchown(fd, 65534, -1)
		_ = unix.Fchmod(fd, 0o660)
		_, err = unix.Write(fd, []byte("tally"))
		unix.Close(fd)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("it cannot be opened again: %w", err)
		}
		defer f.Close()
		back := make([]byte, 16)
		if n, _ := f.Read(back); string(back[:n]) != "tally" {
			return errors.New("it does not hold what was written")
		}
		return nil
	}()
	add("faillock", err == nil, "a tally in %s: %s", dir, said(err))
}

func faillockFolder() string {
	if dir := os.Getenv("NSO_PAM_FAILLOCK"); dir != "" {
		return dir
	}
	f, err := os.Open(faillockConf)
	if err != nil {
		return faillockDir
	}
	defer f.Close()
	dir := faillockDir
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if key, value, ok := strings.Cut(sc.Text(), "="); ok && strings.TrimSpace(key) == "dir" {
			dir = strings.TrimSpace(value)
		}
	}
	return dir
}

// run: of /run only what is on the list is there. Uid 0 is believed by whatever else
// listens in it: the service manager, the bus, container engines.
func run(add adder) {
	var more []string
	look := func(dir string, list ...string) {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			more = append(more, err.Error())
		}
		for _, e := range entries {
			if !slices.Contains(list, e.Name()) {
				more = append(more, filepath.Join(dir, e.Name()))
			}
		}
	}
	look("/run", "faillock", "systemd", "nscd", "account", "credentials")
	look("/run/systemd", "journal", "userdb", "incoming", "propagate")
	found := strings.Join(more, " ")
	if found == "" {
		found = "what is meant and nothing else"
	}
	add("run", len(more) == 0, "/run has %s", found)
	for _, path := range []string{"/run/systemd/private", "/run/dbus/system_bus_socket", "/run/nso/ipc", "/run/docker.sock", "/var/lib/lxd/unix.socket"} {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
		}
		add("socket", err != nil, "%s: %s", path, said(err))
	}
}

// files: nothing can be written but what the tally takes. An existing file is opened,
// not changed; a folder is asked with access(2), which knows read-only mounts.
func files(add adder) {
	for _, dir := range []string{"/", "/etc", "/usr", "/var", "/var/lib", "/var/log", "/boot", "/root", "/sys", "/proc/sys"} {
		err := unix.Access(dir, unix.W_OK)
		add("read-only", err != nil, "writing in %s: %s", dir, said(err))
	}
	// Uid 0 owns this one, and needs no capability for it.
	fd, err := unix.Open("/etc/passwd", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	add("read-only", err != nil, "writing /etc/passwd: %s", said(err))
}

func home(add adder) {
	if allowed("HOME") {
		return
	}
	entries, err := os.ReadDir("/home")
	add("home", len(entries) == 0, "/home: %s", count(len(entries), err))
}

func count(n int, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d entries", n)
}

func network(add adder) {
	for _, f := range []struct {
		name    string
		family  int
		kind    int
		allowed bool
	}{
		{"IPv4", unix.AF_INET, unix.SOCK_DGRAM, allowed("NETWORK")}, {"IPv6", unix.AF_INET6, unix.SOCK_DGRAM, allowed("NETWORK")},
		{"packets", unix.AF_PACKET, unix.SOCK_RAW, false}, {"netlink", unix.AF_NETLINK, unix.SOCK_RAW, allowed("AUDIT")},
	} {
		fd, err := unix.Socket(f.family, f.kind|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		if !f.allowed {
			add("network", err != nil, "%s: %s", f.name, said(err))
		}
	}
	if allowed("NETWORK") {
		return
	}
	text, err := os.ReadFile("/proc/self/net/dev")
	lines := 0
	for l := range strings.Lines(string(text)) {
		if strings.Contains(l, ":") && !strings.HasPrefix(strings.TrimSpace(l), "lo:") {
			lines++
		}
	}
	add("network", lines == 0, "interfaces: %s", count(lines, err))
}

func devices(add adder) {
	if allowed("DEVICES") {
		return
	}
	for _, path := range []string{"/dev/kmsg", "/dev/mem", "/dev/vda", "/dev/sda", "/dev/hidraw0"} {
		_, err := os.Stat(path)
		add("devices", err != nil, "%s: %s", path, said(err))
	}
}

// processes: those of others are not to be seen, and where that is not to be had (the
// group root sees all of /proc), what is in them is not to be read.
func processes(add adder) {
	path := "/proc/1/status"
	if os.Getgid() == 0 {
		path = "/proc/1/environ"
	}
	_, err := os.ReadFile(path)
	add("processes", err != nil, "%s: %s", path, said(err))
}
