// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"nso.example/nso/units"
)

// write puts files into dir, which systemd made and emptied. It follows no link and
// replaces nothing: what is there already is an error. A unit whose drop-in could
// not be written gets no link, so that it does not start without.
func write(dir string, files []units.File) error {
	root, err := openFolder(unix.AT_FDCWD, dir)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	var errs []error
	failed := make(map[string]bool)
	for _, links := range []bool{false, true} {
		for _, f := range files {
			folder, name := path.Split(f.Path)
			if (f.Link != "") != links || links && failed[name+".d"] {
				continue
			}
			if err := writeOne(root, folder, name, f); err != nil {
				failed[path.Clean(folder)] = true
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func writeOne(root int, folder, name string, f units.File) error {
	folder = path.Clean(folder)
	if err := unix.Mkdirat(root, folder, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return &os.PathError{Op: "cannot make the folder", Path: folder, Err: err}
	}
	dir, err := openFolder(root, folder)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if f.Link != "" {
		if err := unix.Symlinkat(f.Link, dir, name); err != nil {
			return &os.PathError{Op: "cannot make the link", Path: f.Path, Err: err}
		}
		return nil
	}
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return &os.PathError{Op: "cannot write", Path: f.Path, Err: err}
	}
	w := os.NewFile(uintptr(fd), f.Path)
	_, err = w.WriteString(f.Content)
	if err = errors.Join(err, w.Close()); err != nil {
		// Half a drop-in says something else.
		return errors.Join(err, unix.Unlinkat(dir, name, 0))
	}
	return nil
}

// openFolder opens a folder that is no link.
func openFolder(at int, name string) (int, error) {
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "cannot open the folder", Path: name, Err: err}
	}
	return fd, nil
}

// kernelLog writes to the kernel's log, from where the journal has it: there is no
// journal yet when a system starts. Without one it is standard error.
func kernelLog(err error) {
	out := os.Stderr
	prefix := "nso-generator: "
	// O_NONBLOCK: in a container it can be a pipe that nobody reads.
	if fd, openErr := unix.Open("/dev/kmsg", unix.O_WRONLY|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); openErr == nil {
		out = os.NewFile(uintptr(fd), "/dev/kmsg")
		defer out.Close()
		prefix = fmt.Sprintf("<27>nso-generator[%d]: ", os.Getpid()) // daemon.err, syslog(3)
	}
	for _, line := range logLines(err.Error()) {
		_, _ = out.WriteString(prefix + line + "\n") // a line is one write and one record
	}
}

// logLines are the lines of a text, few, short and printable.
func logLines(text string) []string {
	const most, longest = 20, 700
	lines := strings.Split(text, "\n")
	if len(lines) > most {
		lines = append(lines[:most], "and more")
	}
	for i, l := range lines {
		l = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return '?'
			}
			return r
		}, l[:min(len(l), longest)])
		lines[i] = l
	}
	return lines
}
