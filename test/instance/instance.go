// SPDX-License-Identifier: Apache-2.0

// Package instance starts a real nso instance for a test or the benchmark, as
// `nso run` does for everybody: the binaries in $NSO_BIN (or bin/), a folder and
// a port of its own.
package instance

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
	"sync"
	"syscall"
	"testing"
	"time"

	"nso.example/nso/test/peer"
)

// Instance is a running `nso run` with its daemon.
type Instance struct {
	Dir     string // its folder
	Address string // NETCONF over TCP
	args    []string
	cmd     *exec.Cmd
	done    chan struct{}
	log     *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Root is the project's folder.
func Root() (string, error) {
	d, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; d != "/"; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d, nil
		}
	}
	return "", errors.New("cannot find the project's folder: run this in the checkout")
}

// Bin is where a binary of the project is.
func Bin(name string) (string, error) {
	dir := os.Getenv("NSO_BIN")
	if dir == "" {
		root, err := Root()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "bin")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("cannot find %s: run make build first: %w", name, err)
	}
	return path, nil
}

// Folder makes a folder for instances, in $NSO_TEST_DIR or else /var/tmp, which is
// on a disk. Unlike t.TempDir it can be reached by the user that an instance
// becomes when root starts it. The models of the tests are in it, below models.
// The caller removes it.
func Folder() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	on := os.Getenv("NSO_TEST_DIR")
	if on == "" {
		on = "/var/tmp"
	}
	dir, err := os.MkdirTemp(on, "nso-test-")
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "models"), 0o755)); err != nil {
		return "", err
	}
	models, err := filepath.Glob(filepath.Join(root, "test", "models", "*.yang"))
	if err != nil {
		return "", err
	}
	for _, m := range models {
		text, err := os.ReadFile(m)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, "models", filepath.Base(m)), text, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// ForTest is Folder for a test.
func ForTest(t testing.TB) string {
	t.Helper()
	dir, err := Folder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// FreeAddress is a loopback address that nobody listens on now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// New prepares an instance in dir; extra are further arguments of nso run.
func New(dir string, extra ...string) (*Instance, error) {
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	return &Instance{Dir: dir, Address: address,
		args: append([]string{"run", "--dir", dir, "--netconf-tcp", address}, extra...)}, nil
}

// Start starts it and waits until NETCONF answers.
func (i *Instance) Start() error {
	nso, err := Bin("nso")
	if err != nil {
		return err
	}
	i.log = &syncBuffer{}
	i.cmd = exec.Command(nso, i.args...)
	i.cmd.Stdout, i.cmd.Stderr = i.log, i.log
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := i.cmd.Start(); err != nil {
		return err
	}
	i.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { cmd.Wait(); close(done) }(i.cmd, i.done)
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if c, err := i.Dial(); err == nil {
			return c.Close()
		} else if time.Now().After(end) {
			i.Kill()
			return fmt.Errorf("no session within 60 s: %w\n%s", err, i.Log())
		}
		select {
		case <-i.done:
			return fmt.Errorf("nso run ended: %s\n%s", i.cmd.ProcessState, i.Log())
		default:
		}
	}
}

// Authorize lists a key, in the form of authorized_keys, for a user of the instance in
// dir that has a door over SSH.
func Authorize(dir, user string, key []byte) error {
	folder := filepath.Join(dir, "keys.d")
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	file := filepath.Join(folder, user)
	if err := os.WriteFile(file, key, 0o600); err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("nobody says whose the folder of the keys is")
	}
	return os.Chown(file, int(st.Uid), int(st.Gid))
}

// Dial opens a NETCONF session as whoever runs this.
func (i *Instance) Dial(bases ...string) (*peer.Conn, error) {
	return peer.DialTCP(i.Address, bases...)
}

// Log is what nso run and the daemon printed.
func (i *Instance) Log() string { return i.log.String() }

// Daemon is the pid of nsod.
func (i *Instance) Daemon() (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if name, _, _ := strings.Cut(string(line), "\x00"); filepath.Base(name) != "nsod" {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(i.cmd.Process.Pid) { // its parent
			return pid, nil
		}
	}
	return 0, errors.New("cannot find the daemon's process")
}

// Resident is the daemon's resident memory in bytes.
func (i *Instance) Resident() (int64, error) {
	pid, err := i.Daemon()
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, io.ErrUnexpectedEOF
}

// Kill ends everything with SIGKILL, the daemon first.
func (i *Instance) Kill() {
	if i.cmd != nil {
		if pid, err := i.Daemon(); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		syscall.Kill(-i.cmd.Process.Pid, syscall.SIGKILL)
		<-i.done
	}
}

// Stop ends it as a terminal would and returns an error if it did not end well.
func (i *Instance) Stop() error {
	i.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-i.done:
	case <-time.After(20 * time.Second):
		i.Kill()
		return errors.New("nso run did not end within 20 s of SIGTERM")
	}
	if !i.cmd.ProcessState.Success() {
		return fmt.Errorf("nso run ended with %s\n%s", i.cmd.ProcessState, i.Log())
	}
	return nil
}
