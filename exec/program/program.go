// SPDX-License-Identifier: Apache-2.0

// Package program opens the program of a rule, and refuses one that somebody else than
// root, or than whom it runs as, could change.
//
// It starts nothing.
//
// Invariants:
//  1. No part of the path is a link: who could write a folder of it could point it
//     elsewhere. Each folder, and the file, belongs to root or to whom it runs as, and
//     neither its group nor others may write it.
//  2. What is checked is what is held open: the file is looked at through the
//     descriptor that is executed, and a folder through the one that the next part is
//     looked up in. (Part by part, without following a link, is what openat2(2) does with
//     RESOLVE_NO_SYMLINKS; that call is not there where RestrictSUIDSGID= is.)
//  3. A script is executed by its path, since its interpreter opens it again by that:
//     the folders are what protects it (execve(2)).
package program

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// File is an open program.
type File struct {
	Path   string
	Script bool // it begins with #!
	fd     int  // O_PATH
}

// Error says what is wrong with a program. Errno is that of the system, 0 where the
// program is refused although it is there.
type Error struct {
	Path  string
	Errno unix.Errno
	Text  string
}

func (e *Error) Error() string { return fmt.Sprintf("cannot use %s: %s", e.Path, e.Text) }

// Unwrap gives the error of the system call.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// Open opens and checks a program that is to run as uid. The path is absolute and
// clean.
func Open(path string, uid uint32) (*File, error) {
	fd, err := walk(path, uid)
	if err != nil {
		return nil, err
	}
	f := &File{Path: path, fd: fd}
	head, err := f.head()
	if err != nil {
		f.Close()
		return nil, err
	}
	if f.Script = bytes.HasPrefix(head, []byte("#!")); f.Script {
		if err := interpreter(path, head, uid); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// Fd is the descriptor that is executed.
func (f *File) Fd() int { return f.fd }

// Close closes the descriptor.
func (f *File) Close() error { return unix.Close(f.fd) }

// walk goes from the root folder to the file, part by part.
func walk(path string, uid uint32) (int, error) {
	fail := func(errno unix.Errno, format string, args ...any) (int, error) {
		return -1, &Error{path, errno, fmt.Sprintf(format, args...)}
	}
	dir, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(errno(err), "%v", err)
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range parts {
		seen := "/" + strings.Join(parts[:i], "/")
		if why := changeable(dir, uid, unix.S_IFDIR); why != "" {
			_ = unix.Close(dir)
			return fail(0, "the folder %s %s", seen, why)
		}
		flags := unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
		if i < len(parts)-1 {
			flags |= unix.O_DIRECTORY
		}
		next, err := unix.Openat(dir, parts[i], flags, 0)
		if err != nil {
			to := link(dir, parts[i])
			_ = unix.Close(dir)
			here := strings.TrimSuffix(seen, "/") + "/" + parts[i]
			if to != "" {
				return fail(errno(err), "%s is a link to %s; write the path without links", here, to)
			}
			return fail(errno(err), "%s: %v", here, err)
		}
		_ = unix.Close(dir)
		dir = next
	}
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK { // O_PATH|O_NOFOLLOW opens a link itself
		_ = unix.Close(dir)
		return fail(unix.ELOOP, "it is a link; write the path without links")
	}
	if why := changeable(dir, uid, unix.S_IFREG); why != "" {
		_ = unix.Close(dir)
		return fail(0, "it %s", why)
	}
	if st.Mode&0o111 == 0 {
		_ = unix.Close(dir)
		return fail(unix.EACCES, "it may be executed by nobody")
	}
	return dir, nil
}

func errno(err error) unix.Errno {
	var e unix.Errno
	errors.As(err, &e)
	return e
}

func link(dir int, name string) string {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// changeable says who could change a file or folder, "" if only root and uid can.
func changeable(fd int, uid uint32, kind uint32) string {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Sprintf("cannot be looked at: %v", err)
	}
	switch {
	case st.Mode&unix.S_IFMT != kind && kind == unix.S_IFREG:
		return "is no regular file"
	case st.Mode&unix.S_IFMT != kind:
		return "is no folder"
	case st.Uid != 0 && st.Uid != uid:
		return fmt.Sprintf("belongs to uid %d, who could change it; it must belong to root", st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Sprintf("may be written by others (%04o); use: chmod go-w", st.Mode&0o7777)
	}
	return ""
}

// maxHead is BINPRM_BUF_SIZE, what the kernel looks at of a program.
const maxHead = 256

// head reads the beginning of the file; nothing where it may be executed and not read.
func (f *File) head() ([]byte, error) {
	r, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.fd), os.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) {
		return nil, nil // no script: nobody could interpret it
	}
	if err != nil {
		return nil, &Error{f.Path, errno(err), err.Error()}
	}
	defer r.Close()
	b := make([]byte, maxHead)
	n, err := io.ReadFull(r, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &Error{f.Path, errno(err), err.Error()}
	}
	return b[:n], nil
}

// interpreter looks at the program that a script names. Links are followed here: /bin
// and what is in it are links, of root's.
func interpreter(script string, head []byte, uid uint32) error {
	line, _, _ := strings.Cut(string(head[2:]), "\n")
	fields := strings.Fields(line)
	if len(fields) == 0 || !strings.HasPrefix(fields[0], "/") {
		return &Error{script, unix.ENOEXEC, "its first line names no interpreter by an absolute path"}
	}
	fd, err := unix.Open(fields[0], unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &Error{script, errno(err), fmt.Sprintf("its interpreter %s: %v", fields[0], err)}
	}
	defer unix.Close(fd)
	if why := changeable(fd, uid, unix.S_IFREG); why != "" {
		return &Error{script, 0, fmt.Sprintf("its interpreter %s %s", fields[0], why)}
	}
	return nil
}
