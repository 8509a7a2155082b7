// SPDX-License-Identifier: Apache-2.0

package bed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// packed is what packaging/build makes packages of.
var packed = [...]string{"bin", "packaging", "units/files", "docs/man", "config/nso.toml", "cmd/nso", "go.mod", "LICENSE", "NOTICE", "VERSION"}

// keep is how long packages that nobody asks for are kept.
const keep = 6 * time.Hour

// Packages returns the folder with the packages of what is in bin/, in a version of
// their own, or in that of the file VERSION if it is "". They are made once for all
// tests, also those of other Go packages: making them takes longer than a boot. The
// folder is not to be written to.
func Packages(t testing.TB, version string) string {
	t.Helper()
	root := filepath.Join(sourceDir(t), "..", "..")
	if _, err := os.Stat(filepath.Join(root, "bin", "nsod")); err != nil {
		t.Fatal("cannot make packages: run make build first")
	}
	if version == "" {
		text, err := os.ReadFile(filepath.Join(root, "VERSION"))
		if err != nil {
			t.Fatal(err)
		}
		version = strings.TrimSpace(string(text))
	}
	if err := os.MkdirAll(cacheDir(t), 0o755); err != nil {
		t.Fatal(err)
	}
	sum, err := sumOf(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cacheDir(t), "packages-"+sum+"-"+version)
	now := time.Now()
	if os.Chtimes(dir, now, now) == nil { // it is made whole or not at all
		return dir
	}
	lock, err := os.Create(dir + ".lock") // one of the tests makes it
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if os.Chtimes(dir, now, now) == nil {
		return dir
	}
	old, _ := filepath.Glob(filepath.Join(cacheDir(t), "packages-*"))
	for _, o := range old {
		if info, err := os.Stat(o); err == nil && now.Sub(info.ModTime()) > keep {
			os.RemoveAll(o)
		}
	}
	made := dir + ".part"
	cmd := exec.Command(filepath.Join(root, "packaging", "build"), made)
	cmd.Env = append(os.Environ(), "VERSION="+version)
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(made)
		t.Fatalf("cannot make the packages: %v\n%s", err, out)
	}
	if err := os.Rename(made, dir); err != nil {
		t.Fatal(err)
	}
	t.Logf("made the packages of version %s in %s", version, time.Since(now).Round(time.Second))
	return dir
}

// sumOf is the checksum of everything that packages are made of.
func sumOf(root string) (string, error) {
	h := sha256.New()
	for _, name := range packed {
		err := filepath.WalkDir(filepath.Join(root, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "%s %o %d\n", strings.TrimPrefix(path, root), info.Mode(), info.Size())
			_, err = io.Copy(h, f)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("cannot tell what packages are made of: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:10]), nil
}
