// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// take puts the process into a group of its own until the end of the test, as the
// service manager does.
func take(t *testing.T) *Tree {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make control groups: run make test as root")
	}
	mount, err := mounted()
	if err != nil {
		t.Skip(err)
	}
	before, err := groupOf("self")
	if err != nil {
		t.Fatal(err)
	}
	unit := fmt.Sprintf("nso-cgroup-%d.service", os.Getpid())
	dir := filepath.Join(mount, unit)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("cannot make control groups here: %v", err)
	}
	self := strconv.Itoa(os.Getpid())
	t.Cleanup(func() {
		if err := write(filepath.Join(mount, before), "cgroup.procs", self); err != nil {
			t.Error(err)
		}
		remove(dir)
	})
	if err := write(dir, "cgroup.procs", self); err != nil {
		t.Fatal(err)
	}
	if _, err := Take("another.service"); err == nil || !strings.Contains(err.Error(), "not in that of another.service") {
		t.Errorf("the group of another unit is served: %v", err)
	}
	tree, err := Take(unit)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// sleep starts a process that ignores what it can, in a group.
func sleep(t *testing.T, dir string) int {
	t.Helper()
	pid, err := syscall.ForkExec("/usr/bin/sh", []string{"sh", "-c", "trap '' TERM HUP INT; sleep 600 & sleep 600"}, &syscall.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	})
	if err := write(dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
		t.Fatal(err)
	}
	return pid
}

// ended reports whether a process has, by a signal.
func ended(t *testing.T, pid int) bool {
	t.Helper()
	for range 200 {
		var ws syscall.WaitStatus
		if got, _ := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil); got == pid {
			return ws.Signaled() && ws.Signal() == syscall.SIGKILL
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

func TestTree(t *testing.T) {
	tree := take(t)
	g, without, err := tree.New(Limits{Memory: 1 << 20, Processes: 5})
	if err != nil {
		t.Fatal(err)
	}
	if len(without)+len(tree.can) != 2 { // what there is no controller for is said
		t.Errorf("%q cannot be limited, and there are %q", without, tree.can)
	}
	if g.Populated() || !g.Empty(time.Second) {
		t.Error("a new group has processes")
	}
	pid := sleep(t, g.path)
	// A command may make groups, too.
	if err := os.Mkdir(filepath.Join(g.path, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	if !g.Populated() || g.Empty(50*time.Millisecond) {
		t.Error("the group is empty")
	}
	g.Signal(syscall.SIGTERM, 0)
	if g.Empty(100 * time.Millisecond) {
		t.Error("what ignores a signal has ended by it")
	}
	g.Signal(syscall.SIGKILL, 1<<22)
	if g.Empty(100 * time.Millisecond) {
		t.Error("a signal for another group of processes has come here")
	}
	if n := tree.Sweep(); n != 0 {
		t.Errorf("%d were killed that are where they should be", n)
	}
	if err := g.Kill(); err != nil || !ended(t, pid) || !g.Empty(5*time.Second) {
		t.Error("it was not killed", err)
	}
	g.Close()
	if _, err := os.Stat(g.path); err == nil {
		t.Error("the group is left")
	}
}

// TestSweep: who leaves for where no command is gets nowhere.
func TestSweep(t *testing.T) {
	tree := take(t)
	g, _, err := tree.New(Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	stays := sleep(t, g.path)
	mine := filepath.Join(tree.path, "mine", "deeper")
	if err := os.MkdirAll(mine, 0o755); err != nil {
		t.Fatal(err)
	}
	left := []int{sleep(t, filepath.Join(tree.path, own)), sleep(t, mine)}
	if tree.Sweep() == 0 {
		t.Error("nothing was found")
	}
	for _, pid := range left {
		if !ended(t, pid) {
			t.Errorf("%d lives", pid)
		}
	}
	if err := syscall.Kill(stays, 0); err != nil {
		t.Error("a command was killed that had not left")
	}
	if _, err := os.Stat(filepath.Dir(mine)); err == nil {
		t.Error("its group is left")
	}
}
