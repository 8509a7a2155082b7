// SPDX-License-Identifier: Apache-2.0

package start

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"nso.example/nso/exec/program"
)

// group is the descriptor of a control group of the test's own.
func group(t *testing.T) (fd int, name string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make a control group: run make test as root")
	}
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		name = fmt.Sprintf("nso-start-%d", os.Getpid())
		dir := filepath.Join(mount, name)
		if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err != nil || os.Mkdir(dir, 0o755) != nil {
			continue
		}
		fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd); os.Remove(dir) })
		return fd, name
	}
	t.Skip("the system has no control groups of version 2")
	return -1, ""
}

// run starts a program and returns what it writes, and how it ends.
func run(t *testing.T, change func(*Spec), path string, argv ...string) (string, unix.WaitStatus, error) {
	t.Helper()
	fd, _ := group(t)
	p, err := program.Open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := Spec{Program: p, Argv: append([]string{path}, argv...), Env: []string{"A=b"}, Dir: "/", Umask: 0o022,
		Files: [3]int{int(null.Fd()), int(w.Fd()), int(w.Fd())}, IPC: -1, Cgroup: fd}
	if change != nil {
		change(&s)
	}
	process, failed := Start(s)
	w.Close()
	if failed != nil {
		return "", 0, failed
	}
	defer unix.Close(process.FD)
	var out strings.Builder
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		out.Write(b[:n])
		if err != nil {
			break
		}
	}
	var ws unix.WaitStatus
	if _, err := unix.Wait4(process.PID, &ws, 0, nil); err != nil {
		t.Fatal(err)
	}
	return out.String(), ws, nil
}

// TestWhatItHas: all that a program is given before its first instruction.
func TestWhatItHas(t *testing.T) {
	const script = `umask; ulimit -S -n; ulimit -H -n; nice; pwd; env; ls /proc/self/fd; cat /proc/self/status | sed -n '/^Sig[BI]/p'; cat /proc/self/cgroup; cut -d' ' -f5-6 /proc/$$/stat; echo $$`
	out, ws, err := run(t, func(s *Spec) {
		s.Umask, s.Nice, s.Dir = 0o027, 19, "/usr"
		s.Limits = []Limit{{unix.RLIMIT_NOFILE, 200, 100}}
	}, "/usr/bin/dash", "-c", script)
	if err != nil || ws.ExitStatus() != 0 {
		t.Fatal(out, ws, err)
	}
	got := strings.Split(out, "\n")
	want := []string{"0027", "100", "200", "19", "/usr", "PWD=/usr", "A=b", "0", "1", "2", "3", "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"}
	slices.Sort(want[5:7])
	slices.Sort(got[5:7])
	if !slices.Equal(got[:len(want)], want) {
		t.Errorf("it is\n%q, want\n%q", got, want)
	}
	if !strings.Contains(out, "/nso-start-") {
		t.Errorf("it is in no group of its own:\n%s", out)
	}
	if pid := got[len(got)-2]; got[len(got)-3] != pid+" "+pid { // its group and its session
		t.Errorf("it leads no session: %q", got)
	}
}

// TestSocket: descriptor 3 is the one that is passed, whatever numbers the others have.
func TestSocket(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	out, _, err := run(t, func(s *Spec) { s.IPC = fds[0] }, "/usr/bin/dash", "-c", "readlink /proc/self/fd/3; ls /proc/self/fd")
	if err != nil || !strings.HasPrefix(out, "socket:") || !strings.HasSuffix(out, "\n0\n1\n2\n3\n4\n") {
		t.Errorf("%q %v", out, err)
	}
}

// TestFailures: each step says what failed, and nothing is left.
func TestFailures(t *testing.T) {
	dir, err := os.MkdirTemp("/usr/local", "nso-start-")
	if err != nil {
		t.Skipf("needs a folder that only root can write: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	bad := filepath.Join(dir, "bad")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(bad, []byte("no program"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, step string
		errno      unix.Errno
		change     func(*Spec)
	}{
		{bad, "exec", unix.ENOEXEC, nil},
		{"/usr/bin/true", "directory", unix.ENOENT, func(s *Spec) { s.Dir = "/no/such" }},
		{"/usr/bin/true", "fork", unix.EBADF, func(s *Spec) { s.Files[1] = 9999 }},
		{"/usr/bin/true", "fork", unix.EBADF, func(s *Spec) { s.Cgroup = 9999 }},
		{"/usr/bin/true", "fork", unix.ENOTTY, func(s *Spec) { s.Terminal = true }},
		{"/usr/bin/true", "exec", unix.E2BIG, func(s *Spec) { s.Argv = append(s.Argv, strings.Repeat("x", 1<<20)) }},
		{"/usr/bin/true", "fork", unix.EINVAL, func(s *Spec) { s.Argv = append(s.Argv, "a\x00b") }},
	} {
		_, _, err := run(t, c.change, c.path)
		if err == nil || !errors.Is(err, c.errno) || !strings.Contains(err.Error(), map[bool]string{true: c.step, false: c.path}[c.step == "fork"]) {
			t.Errorf("%s %s: %v", c.path, c.step, err)
		}
	}
}

// TestShared: the child begins in this process's memory while the rest of it goes on. The
// collector moves stacks meanwhile, others take memory, and nothing of theirs is changed.
func TestShared(t *testing.T) {
	fd, _ := group(t)
	p, err := program.Open("/usr/bin/true", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	done := make(chan struct{})
	var busy, starts sync.WaitGroup
	busy.Go(func() {
		for n := byte(0); ; n++ {
			select {
			case <-done:
				return
			default:
			}
			b := bytes.Repeat([]byte{n}, 1<<16)
			runtime.GC()
			if bytes.Count(b, []byte{n}) != len(b) {
				t.Error("memory has changed")
			}
		}
	})
	for i := range 4 {
		starts.Go(func() {
			for range 25 {
				s := Spec{Program: p, Argv: []string{"true"}, Dir: "/", Umask: 0o022, IPC: -1, Cgroup: fd}
				if i == 0 {
					s.Cgroup = 9999
				}
				process, failed := Start(s)
				if i == 0 {
					if !errors.Is(failed, unix.EBADF) {
						t.Error(failed)
					}
					continue
				}
				if failed != nil {
					t.Error(failed)
					return
				}
				var ws unix.WaitStatus
				if _, err := unix.Wait4(process.PID, &ws, 0, nil); err != nil || ws.ExitStatus() != 0 {
					t.Error(ws, err)
				}
				_ = unix.Close(process.FD)
			}
		})
	}
	starts.Wait()
	close(done)
	busy.Wait()
}
