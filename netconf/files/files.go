// SPDX-License-Identifier: Apache-2.0

// Package files is the store behind the capability :url (RFC 6241, 8.8): configurations
// that users have put aside under a name.
//
// It reads no configuration and knows no session. No file of the system can be named.
//
// Invariants:
//  1. A name is one component of letters, digits and ".-_", and each user has a folder of
//     his own: nobody sees what another has put aside.
//  2. The kernel resolves beneath the folder and follows no link (openat2).
//  3. A file is whole: it is written beside, synced, and renamed.
//  4. Entries are bounded in number and size.
//
// RFC 6241 (8.8).
package files

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"nso.example/nso/mgmterr"
)

const (
	entries  = 32       // of a user
	size     = 16 << 20 // of an entry, bytes
	nameSize = 64
	scheme   = "file:///"
)

// Store is a folder of entries by user.
type Store struct{ dir *os.File }

// Open opens the store in a folder, which is made if it is not there.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d, err := os.Open(dir)
	return &Store{d}, err
}

// Close closes it.
func (s *Store) Close() error { return s.dir.Close() }

// Name is the entry that a url names.
func Name(url string) (string, error) {
	name, ok := strings.CutPrefix(url, scheme)
	if !ok || name == "" || len(name) > nameSize || name[0] == '.' || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" {
		return "", mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.80q as a url: it is file:///NAME, with a name of at most %d letters, digits and .-_", url, nameSize).
			OfType(mgmterr.Protocol).WithInfo("bad-element", "url")
	}
	return name, nil
}

// at opens what is beneath a folder.
func at(dir *os.File, name string, flags int, mode uint32) (*os.File, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC | unix.O_NOFOLLOW), Mode: uint64(mode),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV}
	fd, err := unix.Openat2(int(dir.Fd()), name, &how)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// folder is that of a user; his name may be anything.
func (s *Store) folder(user string, make bool) (*os.File, error) {
	sum := sha256.Sum256([]byte(user))
	name := hex.EncodeToString(sum[:16])
	if make {
		if err := unix.Mkdirat(int(s.dir.Fd()), name, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, err
		}
	}
	return at(s.dir, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
}

func missing(name string) error {
	return mgmterr.New(mgmterr.DataMissing, "", "cannot find file:///%s among what you have put aside", name).OfType(mgmterr.Protocol)
}

// Read opens an entry of a user.
func (s *Store) Read(user, name string) (io.ReadCloser, error) {
	dir, err := s.folder(user, false)
	if err == nil {
		defer dir.Close()
		var f *os.File
		if f, err = at(dir, name, unix.O_RDONLY, 0); err == nil {
			return f, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(name)
	}
	return nil, err
}

// limited refuses to write more than an entry may have.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, mgmterr.New(mgmterr.TooBig, "", "cannot put this aside: an entry has at most %d MiB", size>>20)
	}
	return l.w.Write(p)
}

// Write makes an entry of what fill writes, in place of one of that name.
func (s *Store) Write(user, name string, fill func(io.Writer) error) (err error) {
	dir, err := s.folder(user, true)
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(entries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	fresh := true
	for _, n := range names {
		fresh = fresh && n != name
	}
	if fresh && len(names) >= entries {
		return mgmterr.New(mgmterr.ResourceDenied, "", "cannot put this aside: you have %d entries; remove one with delete-config", entries)
	}
	const beside = ".new"
	_ = unix.Unlinkat(int(dir.Fd()), beside, 0) // of a crash
	f, err := at(dir, beside, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = unix.Unlinkat(int(dir.Fd()), beside, 0) // the first error is the one to tell
		}
	}()
	err = fill(&limited{f, size})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = unix.Renameat(int(dir.Fd()), beside, int(dir.Fd()), name); err != nil {
		return err
	}
	return dir.Sync()
}

// Clear removes every entry of every user.
func (s *Store) Clear() error {
	again, err := at(s.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer again.Close()
	folders, err := again.Readdirnames(-1)
	for _, name := range folders {
		dir, e := at(s.dir, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		entries, e := dir.Readdirnames(-1)
		for _, entry := range entries {
			e = errors.Join(e, unix.Unlinkat(int(dir.Fd()), entry, 0))
		}
		err = errors.Join(err, e, dir.Sync(), dir.Close(), unix.Unlinkat(int(s.dir.Fd()), name, unix.AT_REMOVEDIR))
	}
	return errors.Join(err, s.dir.Sync())
}

// Delete removes an entry of a user.
func (s *Store) Delete(user, name string) error {
	dir, err := s.folder(user, false)
	if err == nil {
		defer dir.Close()
		if err = unix.Unlinkat(int(dir.Fd()), name, 0); err == nil {
			return dir.Sync()
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOENT) {
		return missing(name)
	}
	return err
}
