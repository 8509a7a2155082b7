// SPDX-License-Identifier: Apache-2.0

package program

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpen(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, whose the folders above are: run make test as root")
	}
	// The folder of tests is in one that everybody may write.
	dir, err := os.MkdirTemp("/usr/local", "nso-program-")
	if err != nil {
		t.Skipf("needs a folder that only root can write: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := put("good", "\x7fELF", 0o755)
	if err := errors.Join(os.Symlink("good", filepath.Join(dir, "link")), os.Mkdir(filepath.Join(dir, "open"), 0o755),
		os.Symlink("open", filepath.Join(dir, "folder-link")), os.Mkdir(filepath.Join(dir, "theirs"), 0o755)); err != nil {
		t.Fatal(err)
	}
	put("open/x", "\x7fELF", 0o755)
	put("theirs/x", "\x7fELF", 0o755)
	if err := errors.Join(os.Chmod(filepath.Join(dir, "open"), os.ModeSticky|0o777), os.Chown(filepath.Join(dir, "theirs"), 7, 7),
		os.Chown(put("mine", "\x7fELF", 0o755), 42, 42), os.Chown(put("another's", "\x7fELF", 0o755), 43, 43)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, words string
		errno       unix.Errno
	}{
		{good, "", 0},
		{filepath.Join(dir, "mine"), "", 0},
		{filepath.Join(dir, "link"), "is a link", unix.ELOOP},
		{filepath.Join(dir, "folder-link", "x"), "is a link to open", 0},
		{filepath.Join(dir, "open", "x"), "may be written by others (1777)", 0},
		{filepath.Join(dir, "theirs", "x"), "belongs to uid 7", 0},
		{filepath.Join(dir, "another's"), "belongs to uid 43", 0},
		{filepath.Join(dir, "none"), "no such file", unix.ENOENT},
		{filepath.Join(good, "x"), "not a directory", unix.ENOTDIR},
		{dir, "is no regular file", 0},
		{put("group", "\x7fELF", 0o775), "may be written by others", 0},
		{put("data", "\x7fELF", 0o644), "executed by nobody", unix.EACCES},
		{put("script", "#! /bin/sh -e\n", 0o755), "", 0},
		{put("relative", "#!sh\n", 0o755), "no interpreter by an absolute path", unix.ENOEXEC},
		{put("empty", "#!\n", 0o755), "no interpreter", unix.ENOEXEC},
		{put("missing", "#!/no/such\n", 0o755), "interpreter /no/such", unix.ENOENT},
		{put("odd", "#!"+put("loose", "\x7fELF", 0o777)+"\n", 0o755), "interpreter", 0},
	} {
		f, err := Open(c.path, 42)
		if c.words == "" {
			if err != nil || f.Script != strings.HasSuffix(c.path, "script") {
				t.Errorf("%s: %v", c.path, err)
				continue
			}
			f.Close()
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.words) || c.errno != 0 && !errors.Is(err, c.errno) {
			t.Errorf("%s: %v, want %q and %v", c.path, err, c.words, c.errno)
		}
	}
}
