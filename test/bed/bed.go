// SPDX-License-Identifier: Apache-2.0

// Package bed boots real systems for the tests: a Debian release with systemd as
// PID 1, journald, D-Bus, polkit and PAM, in a namespace container over a cached
// root file system, with a disk of its own that is gone afterwards.
//
// It is for tests alone and needs root; without it a test is skipped and says so.
//
// Invariants:
//  1. The cached root file system is made whole or not at all, and never written.
//  2. A box that a test started has ended when the test has, also when the test is
//     killed.
package bed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Box is a booted system.
type Box struct {
	t      testing.TB
	name   string
	dir    string // work, upper and root of its disk
	leader int    // its PID 1, as seen here
	cmd    *exec.Cmd
	out    bytes.Buffer
	outMu  sync.Mutex
	reaper *exec.Cmd // ends the box when pipe is closed
	pipe   *os.File
}

// Boot starts a system of a Debian release, "bookworm" or "trixie", with more of its
// packages if a test needs some that the others do not.
func Boot(t testing.TB, suite string, packages ...string) *Box {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skipf("needs root to boot a %s system: run make test as root", suite)
	}
	for _, tool := range []string{"systemd-nspawn", "mmdebstrap", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("cannot boot a system: %s is missing; test/setup test installs it", tool)
		}
	}
	b := &Box{t: t, name: "nso-" + random(4)}
	lower := rootfs(t, suite)
	if len(packages) > 0 {
		lower = layer(t, lower, packages) + ":" + lower
	}
	b.disk(lower)
	t.Cleanup(b.end)
	b.guard()
	b.start()
	return b
}

// Further skips a test on a release beyond the first, where what is specific to a release
// is in another suite already: make test has twenty minutes.
func Further(t testing.TB, suite string) {
	t.Helper()
	if suite != "bookworm" && os.Getenv("NSO_RELEASES") != "all" {
		t.Skipf("on bookworm alone: NSO_RELEASES=all make test has %s too", suite)
	}
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// cacheDir is where root file systems are kept: in the user's cache, so that
// every checkout uses the same, else in the checkout.
func cacheDir(t testing.TB) string {
	t.Helper()
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "nso-bed")
	}
	return filepath.Join(sourceDir(t), "..", "..", ".cache", "bed")
}

// rootfs returns the cached root file system of the suite and makes it if it is
// not there.
func rootfs(t testing.TB, suite string) string {
	t.Helper()
	script := filepath.Join(sourceDir(t), "rootfs")
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	// Made anew when the script, and so the list of packages, changes.
	dir := filepath.Join(cacheDir(t), suite+"-"+checksum(text))
	once(t, "the root file system of "+suite, dir, script, suite, dir)
	return dir
}

// layer returns the cached folder with what packages add to a root file system.
func layer(t testing.TB, root string, packages []string) string {
	t.Helper()
	script := filepath.Join(sourceDir(t), "layer")
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	dir := root + "-" + checksum(append(text, strings.Join(packages, " ")...))
	once(t, "the layer of "+strings.Join(packages, " "), dir, script, append([]string{root, dir}, packages...)...)
	return dir
}

// once runs a command that makes dir, if that is not there. Tests of several Go
// packages run at once; one of them makes it.
func once(t testing.TB, what, dir, command string, args ...string) {
	t.Helper()
	if _, err := os.Stat(dir); err == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(dir + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		return
	}
	begin := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, command, args...).CombinedOutput(); err != nil {
		t.Fatalf("cannot make %s: %v\n%s", what, err, out)
	}
	t.Logf("made %s in %s", what, time.Since(begin).Round(time.Second))
}

func checksum(b []byte) string {
	var h uint64 = 14695981039346656037
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return strconv.FormatUint(h, 36)
}

// sourceDir is the folder of this package: the tests of a package run in it or
// in a sibling below test/.
func sourceDir(t testing.TB) string {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for d := wd; d != "/"; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return filepath.Join(d, "test", "bed")
		}
	}
	t.Fatal("cannot find the project's folder")
	return ""
}

// disk makes the box's own disk: the cached root file system under a memory one.
func (b *Box) disk(lower string) {
	b.t.Helper()
	dir, err := os.MkdirTemp("", b.name+"-")
	if err != nil {
		b.t.Fatal(err)
	}
	b.dir = dir
	b.must(syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"))
	for _, d := range []string{"upper", "work", "root"} {
		b.must(os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	b.must(syscall.Mount("overlay", filepath.Join(dir, "root"), "overlay", 0,
		fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, dir, dir)))
	// A word in machine-id instead of a number makes systemd-firstboot fail here.
	b.Write("/etc/machine-id", random(16)+"\n", 0o444)
	b.Write("/etc/hostname", b.name+"\n", 0o644)
	b.Write("/etc/hosts", "127.0.0.1 localhost "+b.name+"\n::1 localhost\n", 0o644)
}

func (b *Box) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", b.name, err)
	}
}

// groups are the control groups that the box starts in: one of its own in each
// hierarchy that systemd uses, since boxes started from one group share it.
func (b *Box) groups() (dirs []string) {
	for _, mount := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup"} {
		if _, err := os.Stat(filepath.Join(mount, "cgroup.procs")); err == nil {
			dirs = append(dirs, filepath.Join(mount, b.name))
		}
	}
	return dirs
}

// Reboot ends the system as a power cut does, and boots its disk again. Only the
// named units may have failed then.
func (b *Box) Reboot(failed ...string) {
	b.t.Helper()
	b.Run("sync")
	b.must(syscall.Kill(b.leader, syscall.SIGKILL))
	b.cmd.Wait()
	b.leader = 0
	for _, g := range b.groups() {
		removeGroup(g)
	}
	b.start(failed...)
}

func (b *Box) start(failed ...string) {
	b.t.Helper()
	script := ""
	for _, g := range b.groups() {
		b.must(os.MkdirAll(g, 0o755))
		script += "echo $$ > " + g + "/cgroup.procs || exit 1\n"
	}
	script += `exec systemd-nspawn --quiet --directory="$1" --boot --register=no --keep-unit --machine="$2" --hostname="$2" ` +
		`--private-network --link-journal=no --resolv-conf=off --timezone=off --console=pipe ` +
		`--capability=CAP_BPF,CAP_PERFMON,CAP_NET_ADMIN,CAP_IPC_LOCK --system-call-filter='bpf add_key keyctl request_key perf_event_open'`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", filepath.Join(b.dir, "root"), b.name)
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	b.must(err)
	cmd.Stderr = cmd.Stdout
	b.must(cmd.Start())
	b.cmd = cmd
	go func() {
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadBytes('\n')
			b.outMu.Lock()
			b.out.Write(line)
			b.outMu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	b.await(failed)
}

// await waits until the system has booted, with no other failures than those.
func (b *Box) await(failed []string) {
	b.t.Helper()
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		// nspawn's first child only sets the stage for the second, which is PID 1.
		b.leader = firstChild(b.cmd.Process.Pid)
		if b.leader != 0 {
			state, _ := b.Try("systemctl", "is-system-running")
			switch strings.TrimSpace(state) {
			case "running":
				return
			case "degraded":
				list, _ := b.Try("systemctl", "--failed", "--no-legend", "--plain")
				for line := range strings.Lines(list) {
					if unit, _, _ := strings.Cut(line, " "); !slices.Contains(failed, unit) {
						b.t.Fatalf("%s booted with failures:\n%s", b.name, list)
					}
				}
				return
			}
		}
		if time.Now().After(end) || b.cmd.ProcessState != nil {
			b.outMu.Lock()
			defer b.outMu.Unlock()
			b.t.Fatalf("cannot boot %s:\n%s", b.name, b.out.String())
		}
	}
}

// firstChild is the only child of a process, 0 if there is none yet.
func firstChild(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(fields[0])
	return n
}

// guard starts a process that ends the box if this one is killed: it waits for
// the end of a pipe that this process holds open.
func (b *Box) guard() {
	b.t.Helper()
	r, w, err := os.Pipe()
	b.must(err)
	script := `read -r _
		for _ in 1 2 3 4 5; do
			left=$(grep -l "/$1/" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3)
			[ -z "$left" ] && break
			kill -9 $left; sleep 0.2
		done
		umount -l "$2/root" "$2"; rmdir "$2"; shift 2
		for g; do find "$g" -depth -type d -exec rmdir {} ';'; done`
	b.reaper = exec.Command("/bin/sh", append([]string{"-c", script, "sh", b.name, b.dir}, b.groups()...)...)
	b.reaper.Stdin = r
	b.reaper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	b.must(b.reaper.Start())
	r.Close()
	b.pipe = w
}

// end kills the system and takes its disk away.
func (b *Box) end() {
	if b.cmd != nil {
		if b.leader != 0 {
			syscall.Kill(b.leader, syscall.SIGKILL)
		}
		done := make(chan struct{})
		go func() { b.cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
	}
	for _, m := range []string{filepath.Join(b.dir, "root"), b.dir} {
		for range 50 {
			if err := syscall.Unmount(m, 0); err == nil || !errors.Is(err, syscall.EBUSY) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		syscall.Unmount(m, syscall.MNT_DETACH)
	}
	os.RemoveAll(b.dir)
	if b.reaper != nil { // finds nothing to do any more
		b.pipe.Close()
		b.reaper.Wait()
	}
	// A group whose last process has just been killed is busy for a moment.
	for _, g := range b.groups() {
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			removeGroup(g)
			if _, err := os.Stat(g); err != nil {
				break
			}
			if time.Now().After(end) {
				b.t.Logf("%s: %s is left", b.name, g)
				break
			}
		}
	}
}

func removeGroup(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeGroup(filepath.Join(dir, e.Name()))
		}
	}
	syscall.Rmdir(dir)
}

// Step has what fails in f count as a failure of t, a part of the box's own test.
func (b *Box) Step(t testing.TB, f func()) {
	outer := b.t
	b.t = t
	defer func() { b.t = outer }()
	f()
}

// Path is where a path of the box's disk is here.
func (b *Box) Path(path string) string { return filepath.Join(b.dir, "root", path) }

// Write puts a file on the box's disk.
func (b *Box) Write(path, text string, mode os.FileMode) {
	b.t.Helper()
	b.must(os.MkdirAll(filepath.Dir(b.Path(path)), 0o755))
	b.must(os.WriteFile(b.Path(path), []byte(text), mode))
	b.must(os.Chmod(b.Path(path), mode))
}

// Copy puts a file of this machine on the box's disk.
func (b *Box) Copy(from, to string, mode os.FileMode) {
	b.t.Helper()
	text, err := os.ReadFile(from)
	b.must(err)
	b.Write(to, string(text), mode)
}

// Command is a command in the box, as root, in no unit.
func (b *Box) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	args = append([]string{"-t", strconv.Itoa(b.leader), "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root", name}, args...)
	return exec.CommandContext(ctx, "nsenter", args...)
}

// Try runs a command and returns its output, standard error included.
func (b *Box) Try(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	out, err := b.Command(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// Run is Try of a command that must succeed.
func (b *Box) Run(name string, args ...string) string {
	b.t.Helper()
	out, err := b.Try(name, args...)
	if err != nil {
		b.t.Fatalf("%s: %s %s: %v\n%s", b.name, name, strings.Join(args, " "), err, out)
	}
	return out
}

// As runs a command as a user of the box that must succeed.
func (b *Box) As(user, name string, args ...string) string {
	b.t.Helper()
	return b.Run("setpriv", append([]string{"--reuid", user, "--regid", user, "--init-groups", "--", name}, args...)...)
}
