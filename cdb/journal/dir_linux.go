// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// dir is a directory of the operating system. Everything in it is reached through
// its descriptor and never through a symbolic link.
type dir struct {
	path string
	f    *os.File
	mu   sync.Mutex
	lock *os.File
}

// openDir opens path, which it makes (mode 0700) if make is set and it is absent.
func openDir(path string, create bool) (*dir, error) {
	if create {
		switch err := os.Mkdir(path, 0o700); {
		case err == nil:
			if err := syncPath(filepath.Dir(path)); err != nil {
				return nil, err
			}
		case !errors.Is(err, fs.ErrExist):
			return nil, err
		}
	}
	fd, err := retry(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return nil, fmt.Errorf("%s is not a directory (symbolic links are not followed)", path)
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	d := &dir{path: path, f: os.NewFile(uintptr(fd), path)}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		d.f.Close()
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&0o022 != 0 {
		d.f.Close()
		return nil, fmt.Errorf("others may write to %s (mode %04o); run chmod go-w on it", path, st.Mode&0o7777)
	}
	if uid := os.Geteuid(); int(st.Uid) != uid {
		d.f.Close()
		return nil, fmt.Errorf("%s belongs to uid %d and this process runs as uid %d; give the directory to the user that runs it", path, st.Uid, uid)
	}
	return d, nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (d *dir) Name() string { return d.path }

func (d *dir) Lock() error {
	f, err := d.openat("lock", unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return err
	}
	_, err = retry(func() (int, error) { return 0, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if err != nil {
		pid := make([]byte, 20)
		n, _ := f.ReadAt(pid, 0)
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			for _, c := range pid[:n] {
				if c < '0' || c > '9' {
					n = 0
				}
			}
			who := ""
			if n > 0 {
				who = " by process " + string(pid[:n])
			}
			return fmt.Errorf("%w: %s is open already%s; stop that process first", ErrLocked, d.path, who)
		}
		return &fs.PathError{Op: "flock", Path: d.path, Err: err}
	}
	// Only told to whoever comes second: a failure to write it does no harm.
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d", os.Getpid())
	}
	d.mu.Lock()
	d.lock = f
	d.mu.Unlock()
	return nil
}

func (d *dir) List(keep func(string) bool) ([]string, error) {
	f, err := d.openat(".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	for {
		some, err := f.Readdirnames(256) // a few at a time: a foreign directory may be huge
		for _, n := range some {
			if keep(n) {
				names = append(names, n)
			}
		}
		if err == io.EOF {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (d *dir) openat(name string, flags int) (*os.File, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(int(d.f.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
	})
	if err != nil {
		if errors.Is(err, unix.ELOOP) {
			return nil, fmt.Errorf("%s/%s is a symbolic link, which is not followed; remove it", d.path, name)
		}
		return nil, &fs.PathError{Op: "open", Path: d.path + "/" + name, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, &fs.PathError{Op: "stat", Path: d.path + "/" + name, Err: err}
	}
	if t := st.Mode & unix.S_IFMT; t != unix.S_IFREG && t != unix.S_IFDIR {
		unix.Close(fd)
		return nil, fmt.Errorf("%s/%s is not a regular file; remove it", d.path, name)
	}
	return os.NewFile(uintptr(fd), d.path+"/"+name), nil
}

func (d *dir) Open(name string, write bool) (File, error) {
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	f, err := d.openat(name, flags)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d *dir) Create(name string) (File, error) {
	f, err := d.openat(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d *dir) Rename(from, to string) error {
	fd := int(d.f.Fd())
	if err := unix.Renameat(fd, from, fd, to); err != nil {
		return &os.LinkError{Op: "rename", Old: d.path + "/" + from, New: to, Err: err}
	}
	return nil
}

func (d *dir) Remove(name string) error {
	if err := unix.Unlinkat(int(d.f.Fd()), name, 0); err != nil {
		return &fs.PathError{Op: "remove", Path: d.path + "/" + name, Err: err}
	}
	return nil
}

func (d *dir) SyncDir() error { return d.f.Sync() }

func (d *dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lock != nil {
		// Not left to the close: a process being forked has a copy until it execs.
		_, _ = retry(func() (int, error) { return 0, unix.Flock(int(d.lock.Fd()), unix.LOCK_UN) })
		d.lock.Close()
		d.lock = nil
	}
	return d.f.Close()
}

// diskFile is a regular file. Reads and writes at an offset are os.File's.
type diskFile struct{ *os.File }

func (f diskFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !st.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a regular file; remove it", f.Name())
	}
	return st.Size(), nil
}

func (f diskFile) Allocate(size int64) error {
	_, err := retry(func() (int, error) { return 0, unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		return f.Truncate(size) // the zeros that are written next take the space
	}
	if err != nil {
		return &fs.PathError{Op: "fallocate", Path: f.Name(), Err: err}
	}
	return nil
}

func (f diskFile) Datasync() error {
	_, err := retry(func() (int, error) { return 0, unix.Fdatasync(int(f.Fd())) })
	if err != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

// retry repeats what a signal interrupted before it began.
func retry(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != unix.EINTR {
			return n, err
		}
	}
}
