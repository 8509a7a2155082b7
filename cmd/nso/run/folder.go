// SPDX-License-Identifier: Apache-2.0

package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockName is a file that every folder of an instance has, and that no other
// folder has: it shows what the folder is.
const lockName = "nso-run.lock"

// prepare makes the folder of an instance, or takes an existing one, and gives it to
// the user. What is not plainly an instance's folder is refused: with root's rights
// a wrong --dir would give away a part of the system.
func prepare(dir string, uid, gid int) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("cannot use %s as the folder of an instance: "+format, append([]any{dir}, args...)...)
	}
	if err := place(dir); err != nil {
		return bad("%w", err)
	}
	if n := len(filepath.Join(dir, "notify")); n > 107 {
		return bad("the paths of its sockets would have %d bytes, and can have 107 (unix(7)); choose a shorter --dir", n)
	}
	root := os.Geteuid() == 0
	perm := fs.FileMode(0o700)
	if root {
		perm = 0o755 // of what leads to it
	}
	if err := os.MkdirAll(filepath.Dir(dir), perm); err != nil {
		return bad("%w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return bad("%w", err)
	}
	// From here on through a descriptor, so that what is looked at is what is given.
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR):
		return bad("it is a symbolic link or no folder")
	case err != nil:
		return bad("%w", err)
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	if root {
		if real, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); err != nil || real != dir {
			return bad("a symbolic link on the way leads to %s; name that", real)
		}
	}
	info, err := f.Stat()
	if err != nil {
		return bad("%w", err)
	}
	names, err := f.Readdirnames(1000)
	if err != nil && err != io.EOF {
		return bad("%w", err)
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	switch {
	case len(names) > 0 && (owner != uid || !slices.Contains(names, lockName)):
		return bad("it is not empty and no instance of uid %d; choose another --dir", uid)
	case owner != uid && owner != 0, owner != uid && !root:
		return bad("it belongs to uid %d and the instance to uid %d; choose another --dir", owner, uid)
	}
	if owner != uid {
		if err := f.Chown(uid, gid); err != nil {
			return bad("%w", err)
		}
	}
	if err := f.Chmod(0o700); err != nil {
		return bad("%w", err)
	}
	return nil
}

// place refuses the system's own folders.
func place(dir string) error {
	parts := strings.Split(strings.Trim(dir, "/"), "/")
	if len(parts) < 2 {
		return errors.New("it is a folder of the system")
	}
	switch parts[0] {
	case "etc", "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "boot", "dev", "proc", "sys":
		if parts[0] != "dev" || parts[1] != "shm" || len(parts) < 3 {
			return fmt.Errorf("it is in /%s, which is the system's", parts[0])
		}
	case "var":
		if len(parts) < 3 {
			return errors.New("it is a folder of the system")
		}
	}
	return nil
}

// lock takes the instance for this process, until it ends.
func lock(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		text, _ := io.ReadAll(io.LimitReader(f, 20))
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("cannot start: %s is in use by another 'nso run', process %s; stop that one, or choose another --dir", dir, strings.TrimSpace(string(text)))
		}
		return nil, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write %s: %w", path, err)
	}
	return f, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}
