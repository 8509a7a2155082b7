// SPDX-License-Identifier: Apache-2.0

// Package cgroup gives each command a control group of its own, below that of the unit,
// and ends what is in it.
//
// It knows nothing of rules or of who asks.
//
// Invariants:
//  1. Nothing is served unless the process is in the group of its own unit: elsewhere
//     nobody would end what is left behind (pam_systemd moves a service away).
//  2. The processes that were there first, this one and the service manager's for PAM,
//     are in helper/; a command is in a group of its own from its first instruction on.
//  3. Killing a group reaches all that is in it, whatever it ignores and however often
//     it has forked (cgroup.kill).
//  4. Processes of the same user can move between the groups of the unit, and make
//     some: Sweep ends those that are where no command is.
//
// Documentation/admin-guide/cgroup-v2.rst of Linux; Delegate= in
// systemd.resource-control(5).
package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// own is the group of the processes that serve.
const own = "helper"

// Tree is the group of the unit.
type Tree struct {
	path  string
	first map[int]bool // the processes that may be in helper/
	can   []string     // the controllers that groups have

	mu     sync.Mutex
	next   int
	groups map[string]bool // of commands
}

// Limits are those of one group; 0 is none.
type Limits struct{ Memory, Processes uint64 }

// Group is the group of one command.
type Group struct {
	tree *Tree
	name string
	path string
	dir  *os.File
}

// Take makes the group of the unit ready, which must be the process's.
func Take(unit string) (*Tree, error) {
	mount, err := mounted()
	if err != nil {
		return nil, err
	}
	rel, err := groupOf("self")
	if err != nil {
		return nil, err
	}
	if filepath.Base(rel) != unit {
		return nil, fmt.Errorf("cannot serve: the process is in the control group %s and not in that of %s, where nobody would end its commands; take pam_systemd out of /etc/pam.d/nso-exec", rel, unit)
	}
	t := &Tree{path: filepath.Join(mount, rel), first: make(map[int]bool), groups: make(map[string]bool)}
	return t, t.prepare()
}

func (t *Tree) prepare() error {
	fail := func(err error) error {
		return fmt.Errorf("cannot serve: the control group of the unit is not ours: %w; it takes Delegate=yes", err)
	}
	dir := filepath.Join(t.path, own)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	pids, err := processes(t.path)
	if err != nil {
		return fail(err)
	}
	for _, pid := range pids {
		if err := write(dir, "cgroup.procs", strconv.Itoa(pid)); err != nil && !errors.Is(err, unix.ESRCH) {
			return fail(err)
		}
		t.first[pid] = true
	}
	if !t.first[os.Getpid()] {
		return fail(errors.New("this process is not in it"))
	}
	// What the system does not have is said for each command that would need it.
	text, err := os.ReadFile(filepath.Join(t.path, "cgroup.controllers"))
	if err != nil {
		return fail(err)
	}
	for _, c := range []string{"memory", "pids"} {
		if slices.Contains(strings.Fields(string(text)), c) && write(t.path, "cgroup.subtree_control", "+"+c) == nil {
			t.can = append(t.can, c)
		}
	}
	return nil
}

// mounted is where the hierarchy of version 2 is.
func mounted() (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("cannot serve: %w", err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		before, after, _ := strings.Cut(s.Text(), " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			return fields[4], nil
		}
	}
	return "", errors.New("cannot serve: the system has no control groups of version 2, by which commands are ended")
}

// groupOf is the group of a process in the hierarchy of version 2.
func groupOf(pid string) (string, error) {
	text, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		return "", fmt.Errorf("cannot tell the control group: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rel, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSpace(rel), nil
		}
	}
	return "", errors.New("cannot tell the control group: there is none of version 2")
}

func write(dir, name, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func processes(dir string) ([]int, error) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, f := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// New makes a group for a command, and says which limits it cannot have.
func (t *Tree) New(l Limits) (*Group, []string, error) {
	t.mu.Lock()
	t.next++
	name := "command-" + strconv.Itoa(t.next)
	t.groups[name] = true
	t.mu.Unlock()
	g := &Group{tree: t, name: name, path: filepath.Join(t.path, name)}
	err := os.Mkdir(g.path, 0o755)
	if errors.Is(err, fs.ErrExist) { // left by a predecessor of this process, or made by a command
		remove(g.path)
		err = os.Mkdir(g.path, 0o755)
	}
	if err == nil {
		g.dir, err = os.Open(g.path)
	}
	if err != nil {
		t.forget(name)
		return nil, nil, fmt.Errorf("cannot make a control group: %w", err)
	}
	var without []string
	for _, c := range []struct {
		limit            uint64
		controller, file string
		name             string
	}{{l.Memory, "memory", "memory.max", "memory"}, {l.Processes, "pids", "pids.max", "processes"}} {
		if c.limit == 0 || c.limit > 1<<62 {
			continue
		}
		if !slices.Contains(t.can, c.controller) || write(g.path, c.file, strconv.FormatUint(c.limit, 10)) != nil {
			without = append(without, c.name)
		}
	}
	if slices.Contains(t.can, "memory") {
		_ = write(g.path, "memory.oom.group", "1") // one that is too big is ended whole
	}
	return g, without, nil
}

func (t *Tree) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.groups, name)
}

// FD is the descriptor that a process is started into.
func (g *Group) FD() int { return int(g.dir.Fd()) }

// Signal sends a signal to each process that is in the group now, and to those that
// are in groups below: of a group of processes (setpgid(2)), or of all if that is 0.
func (g *Group) Signal(s unix.Signal, of int) {
	_ = filepath.WalkDir(g.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		pids, _ := processes(path)
		for _, pid := range pids {
			end(pid, s, g.name, of)
		}
		return nil
	})
}

// end sends a signal to a process if it is still the one that is meant: the number may
// have gone to another since it was read.
func end(pid int, s unix.Signal, group string, of int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	rel, err := groupOf(strconv.Itoa(pid))
	if err != nil || !strings.Contains(rel+"/", "/"+group+"/") {
		return
	}
	if leader, err := unix.Getpgid(pid); of != 0 && (err != nil || leader != of) {
		return
	}
	_ = unix.PidfdSendSignal(fd, s, nil, 0)
}

// Kill ends all that is in the group.
func (g *Group) Kill() error { return write(g.path, "cgroup.kill", "1") }

// Populated reports whether a process is in the group, or in one below.
func (g *Group) Populated() bool {
	text, err := os.ReadFile(filepath.Join(g.path, "cgroup.events"))
	return err == nil && strings.Contains(string(text), "populated 1")
}

// Empty waits until nothing is in the group any more, and reports whether it is so.
func (g *Group) Empty(within time.Duration) bool {
	pause := 50 * time.Microsecond
	for end := time.Now().Add(within); g.Populated(); time.Sleep(pause) {
		if time.Now().After(end) {
			return false
		}
		pause = min(2*pause, 20*time.Millisecond)
	}
	return true
}

// Close takes the group away. What is still in it is killed.
func (g *Group) Close() {
	_ = g.dir.Close()
	remove(g.path)
	g.tree.forget(g.name)
}

// remove takes a group away with those below it.
func remove(path string) {
	if unix.Rmdir(path) == nil {
		return
	}
	_ = write(path, "cgroup.kill", "1")
	for range 20 {
		var dirs []string
		_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, p)
			}
			return nil
		})
		for _, d := range slices.Backward(dirs) {
			_ = unix.Rmdir(d)
		}
		if _, err := os.Lstat(path); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Sweep ends what has moved to where no command is, and returns how much that was.
func (t *Tree) Sweep() int {
	found := 0
	for _, dir := range []string{t.path, filepath.Join(t.path, own)} {
		pids, _ := processes(dir)
		for _, pid := range pids {
			if !t.first[pid] {
				found++
				end(pid, unix.SIGKILL, filepath.Base(t.path), 0)
			}
		}
	}
	entries, _ := os.ReadDir(t.path)
	for _, e := range entries {
		if !e.IsDir() || e.Name() == own {
			continue
		}
		t.mu.Lock()
		ours := t.groups[e.Name()]
		t.mu.Unlock()
		if !ours {
			found++
			remove(filepath.Join(t.path, e.Name()))
		}
	}
	below, _ := os.ReadDir(filepath.Join(t.path, own))
	for _, e := range below {
		if e.IsDir() {
			found++
			remove(filepath.Join(t.path, own, e.Name()))
		}
	}
	return found
}
