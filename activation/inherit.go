// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstFD is SD_LISTEN_FDS_START.
const firstFD = 3

// maxFDs is how many descriptors are taken: several addresses for each door.
const maxFDs = 256

// Process is what Inherit reads and changes of the process: the environment.
type Process struct {
	PID    int
	Getenv func(string) string
	Unset  func(string) error
}

// Self is this process.
func Self() Process { return Process{os.Getpid(), os.Getenv, os.Unsetenv} }

// Inherited is what the service manager passed, inspected. Each descriptor belongs
// to whoever takes it; Close closes the rest.
type Inherited struct {
	listeners map[string][]net.Listener
	files     map[string][]*os.File
}

// Inherit takes the descriptors that were passed to the process and inspects each
// against the rule of its name. On an error all of them are closed.
func Inherit(p Process, rules Rules) (*Inherited, error) {
	fds, names, err := passed(p, firstFD)
	if err != nil {
		return nil, err
	}
	return take(fds, names, rules)
}

// passed reads LISTEN_*, and removes it.
func passed(p Process, first int) ([]int, []string, error) {
	env := make(map[string]string)
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		env[name] = p.Getenv(name)
		if err := p.Unset(name); err != nil {
			return nil, nil, fmt.Errorf("cannot remove %s from the environment: %w", name, err)
		}
	}
	if env["LISTEN_PID"] == "" && env["LISTEN_FDS"] == "" {
		return nil, nil, errors.New("cannot start: no sockets were passed; start nso.socket, or use 'nso run'")
	}
	if env["LISTEN_PID"] != strconv.Itoa(p.PID) {
		return nil, nil, fmt.Errorf("cannot start: the sockets were passed to process %q and this is %d; start nso.socket, or use 'nso run'", env["LISTEN_PID"], p.PID)
	}
	n, err := strconv.Atoi(env["LISTEN_FDS"])
	if err != nil || n < 1 || n > maxFDs {
		return nil, nil, fmt.Errorf("cannot start: LISTEN_FDS is %q, not a number from 1 to %d", env["LISTEN_FDS"], maxFDs)
	}
	fds := make([]int, n)
	for i := range fds {
		fds[i] = first + i
		// They come without it (sd_listen_fds(3)). One that is not open is found here.
		if flags, err := unix.FcntlInt(uintptr(fds[i]), unix.F_GETFD, 0); err != nil {
			return nil, nil, fmt.Errorf("cannot start: descriptor %d of %d that LISTEN_FDS announces is not open", fds[i], n)
		} else if _, err := unix.FcntlInt(uintptr(fds[i]), unix.F_SETFD, flags|unix.FD_CLOEXEC); err != nil {
			return nil, nil, fmt.Errorf("cannot start: %w", err)
		}
	}
	names := strings.Split(env["LISTEN_FDNAMES"], ":")
	if len(names) != n {
		closeAll(fds)
		return nil, nil, fmt.Errorf("cannot start: %d sockets and %d names were passed (LISTEN_FDNAMES is %q); give each socket unit its FileDescriptorName=", n, len(names), env["LISTEN_FDNAMES"])
	}
	return fds, names, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// take makes listeners and files of descriptors, or closes them all.
func take(fds []int, names []string, rules Rules) (*Inherited, error) {
	in := &Inherited{listeners: make(map[string][]net.Listener), files: make(map[string][]*os.File)}
	var errs []error
	for i, fd := range fds {
		rule, ok := rules[names[i]]
		if !ok {
			errs = append(errs, fmt.Errorf("cannot use the socket %q: the configuration names no such door; stop %s, or enable it in nso.toml", names[i], Unit(names[i])))
			continue
		}
		if err := rule.inspect(fd); err != nil {
			errs = append(errs, fmt.Errorf("cannot use the socket %q: %w; mend %s", names[i], err, Unit(names[i])))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if !rules[name].Optional && !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("cannot start without the socket %q: start %s", name, Unit(name)))
		}
		if n := count(names, name); rules[name].Kind == SockDiag && n > 1 {
			errs = append(errs, fmt.Errorf("cannot use %d sockets %q: one is enough; mend %s", n, name, Unit(name)))
		}
	}
	if len(errs) > 0 {
		closeAll(fds)
		return nil, errors.Join(errs...)
	}
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), names[i])
		if rules[names[i]].Kind == SockDiag {
			in.files[names[i]] = append(in.files[names[i]], f)
			continue
		}
		l, err := listener(f)
		if err != nil {
			closeAll(fds[i+1:])
			in.Close()
			return nil, fmt.Errorf("cannot use the socket %q: %w", names[i], err)
		}
		in.listeners[names[i]] = append(in.listeners[names[i]], l)
	}
	return in, nil
}

func count(names []string, name string) int {
	n := 0
	for _, s := range names {
		if s == name {
			n++
		}
	}
	return n
}

// listener makes a net.Listener of a file, which it closes: net works with a
// duplicate. The path of a Unix socket stays when the listener is closed.
func listener(f *os.File) (net.Listener, error) {
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l, nil
}

// InspectListener makes a listener of a descriptor that was handed over later, over
// a Unix socket. It takes the file over, error or not. name must have a rule.
func InspectListener(rules Rules, name string, f *os.File) (net.Listener, error) {
	rule, ok := rules[name]
	if !ok || rule.Kind == SockDiag {
		f.Close()
		return nil, fmt.Errorf("cannot use the listener %.64q: the configuration names no such door; stop %s, or enable it in nso.toml", name, Unit(name))
	}
	unix.CloseOnExec(int(f.Fd()))
	if err := rule.inspect(int(f.Fd())); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot use the listener %q: %w; mend %s", name, err, Unit(name))
	}
	l, err := listener(f)
	if err != nil {
		return nil, fmt.Errorf("cannot use the listener %q: %w", name, err)
	}
	return l, nil
}

// Files takes the descriptors that were passed to the process, uninspected, with
// their names: for who hands them on.
func Files(p Process) ([]*os.File, []string, error) {
	fds, names, err := passed(p, firstFD)
	if err != nil {
		return nil, nil, err
	}
	files := make([]*os.File, len(fds))
	for i, fd := range fds {
		files[i] = os.NewFile(uintptr(fd), names[i])
	}
	return files, names, nil
}

// Names lists what was passed, sorted.
func (in *Inherited) Names() []string {
	names := slices.Collect(maps.Keys(in.listeners))
	names = slices.AppendSeq(names, maps.Keys(in.files))
	slices.Sort(names)
	return names
}

// Listeners gives away the listeners of a name, in the order they were passed.
func (in *Inherited) Listeners(name string) []net.Listener {
	l := in.listeners[name]
	delete(in.listeners, name)
	return l
}

// File gives away the socket of a name that is no listener, nil if there is none.
func (in *Inherited) File(name string) *os.File {
	f := in.files[name]
	delete(in.files, name)
	if len(f) == 0 {
		return nil
	}
	return f[0]
}

// Close closes what nobody has taken.
func (in *Inherited) Close() {
	for _, ls := range in.listeners {
		for _, l := range ls {
			_ = l.Close()
		}
	}
	for _, fs := range in.files {
		for _, f := range fs {
			_ = f.Close()
		}
	}
	clear(in.listeners)
	clear(in.files)
}
