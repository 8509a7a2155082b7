// SPDX-License-Identifier: Apache-2.0

// Package folder reads the rules from where root has put them.
//
// It writes nothing, and follows no link.
//
// Invariants:
//  1. A folder or a file that does not belong to root, or that its group or others may
//     write, gives no rule, and says so.
//  2. A file with an error gives no rule; the other files still do. A name that is in
//     two files is in neither.
//  3. What is given is one whole: either what was there before a change, or what is
//     there after it.
//  4. A file is looked at through the descriptor that it is read from.
package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/exec/rule"
)

// Where the rules are; and where a unit sees them, whose user may not go through
// /etc/nso.
const (
	Commands = "/etc/nso/exec.d"
	AsRoot   = "/etc/nso/exec-root.d"
	InUnit   = "/run/nso/rules"
)

// maxFiles bounds a folder.
const maxFiles = 1000

// Set is what was read. It is not changed any more.
type Set struct {
	Rules map[string]*rule.Rule
	Errs  []error // what could not be used, in order of the files
}

// Sorted are the rules in order of their names.
func (s *Set) Sorted() []*rule.Rule {
	return slices.SortedFunc(maps.Values(s.Rules), func(a, b *rule.Rule) int { return strings.Compare(a.Name, b.Name) })
}

// Folder is a folder of rules, which is read again when something in it is another
// than before.
type Folder struct {
	Path  string
	Owner uint32 // root; who runs a test
	mu    sync.Mutex
	files map[string]*parsed
	set   *Set
}

// parsed is a file as it was read.
type parsed struct {
	mark  mark
	rules []*rule.Rule
	err   error
}

// mark changes when a file does.
type mark struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
	mode, uid    uint32
}

func markOf(st *unix.Stat_t) mark {
	return mark{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim, st.Mode, st.Uid}
}

// Read returns the rules as they are now.
func (f *Folder) Read() *Set {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, names, err := f.list()
	if err != nil {
		f.files, f.set = nil, &Set{Errs: []error{err}}
		return f.set
	}
	defer unix.Close(dir)
	files, changed := make(map[string]*parsed, len(names)), f.set == nil || len(names) != len(f.files)
	for _, n := range names {
		files[n] = f.files[n]
		var st unix.Stat_t
		err := unix.Fstatat(dir, n, &st, unix.AT_SYMLINK_NOFOLLOW)
		if files[n] == nil || err != nil || files[n].mark != markOf(&st) {
			files[n], changed = f.read(dir, n), true
		}
	}
	if f.files = files; changed {
		f.set = join(names, files)
	}
	return f.set
}

// list opens the folder and names the files of rules in it.
func (f *Folder) list() (int, []string, error) {
	fd, err := unix.Open(f.Path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("cannot read the rules: %s: %w", f.Path, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		err = f.trusted(f.Path, &st)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, nil, err
	}
	again, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) // a place to read from of its own
	if err != nil {
		_ = unix.Close(fd)
		return -1, nil, fmt.Errorf("cannot read the rules: %s: %w", f.Path, err)
	}
	d := os.NewFile(uintptr(again), f.Path)
	defer d.Close()
	entries, err := d.Readdirnames(10 * maxFiles)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = unix.Close(fd)
		return -1, nil, fmt.Errorf("cannot read the rules: %s: %w", f.Path, err)
	}
	var names []string
	for _, n := range entries {
		if strings.HasSuffix(n, ".toml") && !strings.HasPrefix(n, ".") {
			names = append(names, n)
		}
	}
	if len(names) > maxFiles {
		_ = unix.Close(fd)
		return -1, nil, fmt.Errorf("cannot read the rules: %s has more than %d files", f.Path, maxFiles)
	}
	slices.Sort(names)
	return fd, names, nil
}

// trusted refuses what another than root could write.
func (f *Folder) trusted(path string, st *unix.Stat_t) error {
	if st.Uid != f.Owner {
		return fmt.Errorf("cannot use %s: it belongs to uid %d, who could write rules; use: chown root:root %s", path, st.Uid, path)
	}
	if st.Mode&0o022 != 0 {
		return fmt.Errorf("cannot use %s: others than root may write it (%04o); use: chmod go-w %s", path, st.Mode&0o7777, path)
	}
	return nil
}

func (f *Folder) read(dir int, name string) *parsed {
	path := f.Path + "/" + name
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.ELOOP) {
			return &parsed{err: fmt.Errorf("cannot use %s: it is a link; put the file itself here", path)}
		}
		return &parsed{err: fmt.Errorf("cannot read the rules: %s: %w", path, err)}
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &parsed{err: fmt.Errorf("cannot read the rules: %s: %w", path, err)}
	}
	p := &parsed{mark: markOf(&st)}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		p.err = fmt.Errorf("cannot use %s: it is no file", path)
		return p
	}
	if p.err = f.trusted(path, &st); p.err != nil {
		return p
	}
	text, err := io.ReadAll(io.LimitReader(file, rule.MaxFile+1))
	if err != nil {
		return &parsed{err: fmt.Errorf("cannot read the rules: %w", err)}
	}
	var after unix.Stat_t
	if err := unix.Fstat(fd, &after); err != nil || markOf(&after) != p.mark { // written meanwhile: read again next time
		return &parsed{err: fmt.Errorf("cannot use %s: somebody is writing it", path)}
	}
	p.rules, p.err = rule.Parse(path, string(text))
	if time.Since(time.Unix(st.Ctim.Unix())) < time.Second {
		p.mark = mark{} // a change within the kernel's tick would look the same
	}
	return p
}

// join makes one set of the files.
func join(names []string, files map[string]*parsed) *Set {
	s := &Set{Rules: make(map[string]*rule.Rule)}
	first := make(map[string]*rule.Rule)
	for _, n := range names {
		if err := files[n].err; err != nil {
			s.Errs = append(s.Errs, err)
		}
		for _, r := range files[n].rules {
			if other := first[r.Name]; other != nil {
				s.Errs = append(s.Errs, &rule.Error{File: r.File, Line: r.Line,
					Text: fmt.Sprintf("cannot use the rule %s: %s:%d has one of that name; neither counts", r.Name, other.File, other.Line)})
				delete(s.Rules, r.Name)
				continue
			}
			first[r.Name] = r
			s.Rules[r.Name] = r
		}
	}
	return s
}

// Missing reports whether an error says that there is no such folder.
func Missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
