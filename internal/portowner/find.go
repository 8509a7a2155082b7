// SPDX-License-Identifier: Apache-2.0

package portowner

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Owner is who listens where one would like to.
type Owner struct {
	Wanted    netip.AddrPort // what cannot be bound
	Bound     netip.AddrPort // where the owner listens
	UID       uint32
	Processes []Process // that have the socket, by pid; none if the caller may not see them
	inode     string
}

// Process has a socket.
type Process struct {
	PID     int
	Program string // the name of its file, printable
}

// String is `sshd (pid 12)`, or `a program of uid 1000` for who may see no more.
func (o Owner) String() string {
	if len(o.Processes) == 0 {
		return fmt.Sprintf("a program of uid %d", o.UID)
	}
	// systemd passes sockets on and keeps them: who works with it is told, too.
	var texts []string
	for _, p := range o.Processes {
		if len(texts) == 3 {
			texts = append(texts, fmt.Sprintf("%d more", len(o.Processes)-3))
			break
		}
		texts = append(texts, fmt.Sprintf("%s (pid %d)", p.Program, p.PID))
	}
	return strings.Join(texts, ", ")
}

// Find returns who keeps addresses from being bound, in order of the addresses.
func Find(addresses ...netip.AddrPort) ([]Owner, error) {
	return find("/proc", bindable, addresses)
}

func find(proc string, bindable func(netip.AddrPort) bool, addresses []netip.AddrPort) ([]Owner, error) {
	var all []Owner
	for _, name := range []string{"tcp", "tcp6"} {
		l, err := listeners(filepath.Join(proc, "net", name))
		if err != nil && !(name == "tcp6" && errors.Is(err, fs.ErrNotExist)) { // no IPv6
			return nil, fmt.Errorf("cannot see who listens: %w", err)
		}
		all = append(all, l...)
	}
	var found []Owner
	inodes := make(map[string][]Process)
	for _, a := range addresses {
		for _, l := range all {
			if l.blocks(a, bindable) {
				l.Wanted = a
				inodes["socket:["+l.inode+"]"] = nil
				found = append(found, l)
			}
		}
	}
	if len(found) > 0 {
		holders(proc, inodes)
	}
	for i := range found {
		found[i].Processes = inodes["socket:["+found[i].inode+"]"]
	}
	return found, nil
}

// blocks reports whether a listener keeps an address from being bound with
// SO_REUSEADDR and IPV6_V6ONLY, as systemd does.
func (o Owner) blocks(a netip.AddrPort, bindable func(netip.AddrPort) bool) bool {
	has, wants := o.Bound.Addr(), a.Addr().Unmap()
	switch {
	case o.Bound.Port() != a.Port():
		return false
	case has.Is4In6() && wants.Is4(): // one IPv4 address by way of an IPv6 socket
		has = has.Unmap()
		return has == wants || has.IsUnspecified() || wants.IsUnspecified()
	case has.Is4() == wants.Is4():
		return has == wants || has.IsUnspecified() || wants.IsUnspecified()
	case has.Is6() && has.IsUnspecified():
		// [::] may be IPv4's, too; /proc does not say.
		return !bindable(a)
	}
	return false
}

// listeners reads the listening sockets of a table.
func listeners(path string) ([]Owner, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []Owner
	for s := bufio.NewScanner(f); s.Scan(); {
		field := strings.Fields(s.Text())
		const local, state, uid, inode, listen = 1, 3, 7, 9, "0A"
		if len(field) <= inode || field[state] != listen {
			continue
		}
		bound, ok := address(field[local])
		id, err := strconv.ParseUint(field[uid], 10, 32)
		if !ok || err != nil {
			continue
		}
		all = append(all, Owner{Bound: bound, UID: uint32(id), inode: field[inode]})
	}
	return all, nil
}

// address reads "0100007F:033E": words in the machine's order, and the port.
func address(text string) (netip.AddrPort, bool) {
	words, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(words)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for w := raw; len(w) > 0; w = w[4:] {
		binary.NativeEndian.PutUint32(w, binary.BigEndian.Uint32(w))
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr, uint16(n)), true
}

// holders looks for the processes that have sockets, given as "socket:[INODE]".
func holders(proc string, sockets map[string][]Process) {
	dirs, err := os.ReadDir(proc)
	if err != nil {
		return
	}
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join(proc, d.Name())
		open, err := os.ReadDir(filepath.Join(dir, "fd")) // not the caller's: no error of ours
		if err != nil {
			continue
		}
		for _, fd := range open {
			target, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
			if err != nil {
				continue
			}
			had, wanted := sockets[target]
			if !wanted || len(had) > 0 && had[len(had)-1].PID == pid {
				continue
			}
			sockets[target] = append(had, Process{PID: pid, Program: program(dir)})
		}
	}
	for s := range sockets {
		slices.SortFunc(sockets[s], func(a, b Process) int { return a.PID - b.PID })
	}
}

// program is the name of a process's file, else what it calls itself.
func program(dir string) string {
	name := ""
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		name = strings.TrimSuffix(filepath.Base(exe), " (deleted)")
	} else if comm, err := os.ReadFile(filepath.Join(dir, "comm")); err == nil {
		name = strings.TrimSuffix(string(comm), "\n")
	}
	clean := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
	if clean == "" {
		return "a program"
	}
	return clean[:min(len(clean), 64)]
}
