// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRealDiskFull fills a file system of 1 MiB that only one thread of this test
// can name; the log reaches it through its descriptor.
func TestRealDiskFull(t *testing.T) {
	at := t.TempDir()
	type opened struct {
		d      *dir
		filler *os.File
		err    error
	}
	ch := make(chan opened)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends, and the mount with it
		var o opened
		defer func() { ch <- o }()
		if o.err = unix.Unshare(unix.CLONE_NEWNS); o.err != nil {
			return
		}
		if o.err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); o.err != nil {
			return
		}
		if o.err = unix.Mount("tmpfs", at, "tmpfs", 0, "size=1m,mode=700"); o.err != nil {
			return
		}
		if o.d, o.err = openDir(filepath.Join(at, "j"), true); o.err == nil {
			o.filler, o.err = os.Create(filepath.Join(at, "filler"))
		}
	}()
	o := <-ch
	if errors.Is(o.err, unix.EPERM) {
		t.Skip("not run: a mount of its own needs root")
	}
	if o.err != nil {
		t.Fatal(o.err)
	}
	defer o.filler.Close()
	if _, err := o.filler.Write(make([]byte, 400<<10)); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, "", Options{FS: o.d, SegmentSize: 128 << 10})
	fill := func(most uint64) (err error) {
		for i := uint64(0); err == nil && i < most; i++ {
			_, err = l.Append(context.Background(), l.Revision(), Record{Payload: make([]byte, 10000)})
		}
		return err
	}
	for range 2 {
		if err := fill(1000); !errors.Is(err, ErrNoSpace) || !strings.HasPrefix(err.Error(), "cannot append: no space left on "+at) {
			t.Fatal(err)
		}
	}
	had := l.Revision()
	if had < 20 || l.Stats().Failed != nil {
		t.Errorf("%+v", l.Stats())
	}
	if err := o.filler.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if err := fill(15); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range l.Records(1, Any) {
		if err != nil || len(r.Payload) != 10000 {
			t.Fatal(err)
		}
		n++
	}
	if n != int(had)+15 {
		t.Errorf("%d records, had %d", n, had)
	}
	mustClose(t, l)
}
