// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Who cannot be told for certain is refused: a test for each unknown. The others are
// TestUnixOther (a uid without an account), TestUnixNobody, TestCheckUID, TestUnixGone,
// TestUnixPassedOn, TestTCPRoot, TestTCPClosed and TestTCPLeaves.

// starter is another uid without an account.
const starter = 4243

// otherPeer are the roles of this program that take more than a connection.
func otherPeer(role string) {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	switch role {
	case "setuid": // a program of the starter's, set-uid to stranger
		check(syscall.Setresgid(starter, stranger, stranger))
		check(syscall.Setresuid(starter, stranger, stranger))
		conn := mustDial()
		fmt.Fprint(conn, "x")
		io.Copy(io.Discard, os.Stdin)
	case "renamed": // a process whose name looks like the end of a field, and a field
		check(os.WriteFile("/proc/self/comm", []byte(os.Args[3]), 0))
		conn := mustDial()
		fmt.Fprint(conn, "x")
		io.Copy(io.Discard, os.Stdin)
	case "accept": // the daemon's side, in a user namespace of its own
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: os.Args[2], Net: "unix"})
		check(err)
		check(os.Chmod(os.Args[2], 0o666))
		fmt.Println("ready")
		conn, err := l.AcceptUnix()
		check(err)
		_, err = FromUnix(conn, "ipc")
		fmt.Println(err)
	case "recycle": // the daemon's side, in a pid namespace of its own
		check(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		check(unix.Mount("proc", "/proc", "proc", 0, ""))
		check(recycle(os.Args[2]))
	}
	os.Exit(0)
}

// self runs this program in a role.
func self(role string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = []string{"IDENT_PEER=" + role, "GORACE=atexit_sleep_ms=0", "IDENT_TIMES=1"}
	cmd.Dir = "/"
	return cmd
}

// start starts a command that waits for the end of its input.
func start(t *testing.T, cmd *exec.Cmd) (stdout io.Reader, stop func()) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) {
		t.Skipf("cannot have a namespace here (%v): run it as root, outside of a container that forbids it", err)
	} else if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, &stderr)
		}
	}
	return out, stop
}

// TestUnixSetuid: of a set-uid program the effective uid counts, as for a file that it
// opens: whoever started it is not asked.
func TestUnixSetuid(t *testing.T) {
	needRoot(t)
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			l := listenUnix(t)
			_, stop := start(t, self("setuid", "unix", l.Addr().String(), ""))
			defer stop()
			conn := acceptUnix(t, l)
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			p, err := fromUnix(conn, "ipc", way)
			if err != nil || p.UID != stranger || p.GID != stranger {
				t.Errorf("peer is %+v, %v", p, err)
			}
		})
	}
}

// TestUnixRenamed: what a process calls itself is nowhere taken for what it is.
func TestUnixRenamed(t *testing.T) {
	for _, comm := range []string{") S 1 0 0", "x\nUid:\t0\t0\t0", "a) R (b", "Uid:\t0"} {
		for name, way := range ways() {
			t.Run(name+" "+strconv.Quote(comm), func(t *testing.T) {
				l := listenUnix(t)
				cmd := self("renamed", "unix", l.Addr().String(), comm)
				uid := os.Geteuid()
				if root() {
					uid = stranger
					exe, err := os.Executable()
					if err != nil {
						t.Fatal(err)
					}
					f, err := os.Open(exe)
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
					cmd.Path, cmd.ExtraFiles = "/proc/self/fd/3", []*os.File{f}
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
				}
				_, stop := start(t, cmd)
				defer stop()
				conn := acceptUnix(t, l)
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				p, err := fromUnix(conn, "ipc", way)
				if err != nil || p.UID != uint32(uid) {
					t.Errorf("peer is %+v, %v", p, err)
				}
				if status := "/proc/" + strconv.Itoa(int(p.PID)) + "/status"; uid != 0 && runsAs(status, 0) == nil {
					t.Errorf("the name %q is read as a uid", comm)
				}
			})
		}
	}
}

// TestUnixUserNamespace: root of a user namespace is the user who made it, and a daemon
// in a namespace that does not map its peers knows none of them.
func TestUnixUserNamespace(t *testing.T) {
	if !root() {
		t.Skip("needs root, to map another user: sudo make test")
	}
	t.Run("the peer is in one", func(t *testing.T) {
		l := listenUnix(t)
		cmd := self("dial", "unix", l.Addr().String(), "x")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: stranger, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: stranger, Size: 1}},
			Credential:  &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true},
		}
		_, stop := start(t, cmd)
		defer stop()
		conn := acceptUnix(t, l)
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		p, err := FromUnix(conn, "ipc")
		if err != nil || p.UID != stranger {
			t.Errorf("peer is %+v, %v", p, err)
		}
	})
	t.Run("the daemon is in one", func(t *testing.T) {
		dir, err := os.MkdirTemp("", "ident")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := errors.Join(os.Chmod(dir, 0o777)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "s")
		cmd := self("accept", "unix", path)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
		}
		out, stop := start(t, cmd)
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		peer(t, "dial", stranger, nil, "unix", path, "x")
		said, err := io.ReadAll(out)
		if err != nil || !strings.Contains(string(said), "65534") {
			t.Errorf("it said %q, %v", said, err)
		}
		stop()
	})
}

// TestUnixRecycledForCertain: the peer is gone and its number is another user's process
// by the time that the daemon asks.
func TestUnixRecycledForCertain(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	cmd := self("recycle", "unix", filepath.Join(dir, "s"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	out, stop := start(t, cmd)
	defer stop()
	said, err := io.ReadAll(out)
	if err != nil || string(said) != "refused refused\n" {
		t.Errorf("it said %q, %v", said, err)
	}
}

// recycle has a peer come and go, lets another user's process have its number, and asks
// who the peer is.
func recycle(path string) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	if err := self("leave", "unix", path, "x").Run(); err != nil {
		return err
	}
	conn, err := l.AcceptUnix()
	if err != nil {
		return err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	_ = raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil {
		return err
	}
	for range 100 { // a thread of ours may take the number
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(int(cred.Pid)-1)), 0); err != nil {
			return err
		}
		other := exec.Command("/bin/sleep", "60")
		other.Dir, other.Env = "/", []string{}
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
		if err := other.Start(); err != nil {
			return err
		}
		if other.Process.Pid != int(cred.Pid) {
			_ = other.Process.Kill()
			_ = other.Wait()
			continue
		}
		said := make([]string, 0, 2)
		for _, way := range []func(int) (int, error){peerPIDFD, noPIDFD} {
			p, err := fromUnix(conn, "ipc", way)
			if errors.Is(err, ErrRefused) {
				said = append(said, "refused")
			} else {
				said = append(said, fmt.Sprintf("%+v %v", p, err))
			}
		}
		_ = other.Process.Kill()
		_ = other.Wait()
		fmt.Println(strings.Join(said, " "))
		return nil
	}
	return fmt.Errorf("the number %d was not given again", cred.Pid)
}
