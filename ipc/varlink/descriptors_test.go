// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// descriptorsOf counts what this process holds open on one file, which only
// this test knows: others may open and close theirs at the same time.
func descriptorsOf(t *testing.T, path string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == path {
			n++
		}
	}
	return n
}

type sender struct {
	*peer
	file *os.File
	path string
}

func (b *bench) sender() *sender {
	path := b.t.TempDir() + "/passed"
	f, err := os.Create(path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { f.Close() })
	return &sender{b.dial(), f, path}
}

func (s *sender) sendWith(n int, text string) error {
	fds := make([]int, n)
	for i := range fds {
		fds[i] = int(s.file.Fd())
	}
	k, _, err := s.conn.WriteMsgUnix([]byte(text), unix.UnixRights(fds...), nil)
	if err == nil && k < len(text) {
		_, err = io.WriteString(s.conn, text[k:])
	}
	runtime.KeepAlive(s.file)
	return err
}

// onlyOwn waits until the sender's own descriptor is the only one left.
func (s *sender) onlyOwn() {
	s.t.Helper()
	t, ok := s.t.(*testing.T)
	if !ok {
		return
	}
	for range 1000 {
		if descriptorsOf(t, s.path) == 1 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%d descriptors are open, one is ours", descriptorsOf(t, s.path))
}

const (
	give0 = `{"method":"org.example.test.Give","parameters":{"want":0}}` + "\x00"
	give1 = `{"method":"org.example.test.Give","parameters":{"want":1}}` + "\x00"
	pingX = `{"method":"org.example.test.Ping","parameters":{"text":"x"}}` + "\x00"
)

func TestDescriptorsReachTheirMethod(t *testing.T) {
	b := start(t, nil).calm()
	s := b.sender()
	s.sendWith(2, give1)
	s.want(s.read(), `"got":2`)
	files := receive(t, b.files)
	if len(files) != 2 {
		t.Fatal(files)
	}
	flags, err := unix.FcntlInt(files[0].Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Error("not close-on-exec", err)
	}
	if _, err := files[1].WriteString("through"); err != nil {
		t.Error(err)
	}
	for _, f := range files {
		f.Close()
	}
	if text, _ := os.ReadFile(s.path); string(text) != "through" {
		t.Errorf("%q", text)
	}
	s.onlyOwn()
	// Without any, and not taken by the handler.
	io.WriteString(s.conn, give0)
	s.want(s.read(), `"got":0`)
	s.sendWith(1, give0)
	s.want(s.read(), `"got":1`)
	s.onlyOwn()
	// They belong to the message that they came with, whatever is around it.
	s.conn.Write([]byte(pingX + give0[:20]))
	s.conn.Write([]byte(give0[20:]))
	s.sendWith(2, give0)
	io.WriteString(s.conn, give0)
	for _, want := range []string{`"x"`, `"got":0`, `"got":2`, `"got":0`} {
		s.want(s.read(), want)
	}
	// With a long message, which comes in many pieces.
	s.sendWith(1, `{"parameters":{"want":0 `+strings.Repeat(" ", 500_000)+`},"method":"org.example.test.Give"}`+"\x00")
	s.want(s.read(), `"got":1`)
	s.onlyOwn()
}

// Behind a call that takes long, the watcher reads: the sets stay apart.
func TestDescriptorsReadAhead(t *testing.T) {
	b := start(t, nil).calm()
	s := b.sender()
	s.send(`{"method":"org.example.test.Wait"}`)
	receive(t, b.entered)
	time.Sleep(2 * watchAfter)
	for i := range 12 {
		if i%3 == 2 {
			io.WriteString(s.conn, pingX)
		} else {
			s.sendWith(i%3, give0)
		}
	}
	time.Sleep(2 * watchAfter)
	b.release <- struct{}{}
	s.want(s.read(), "{}")
	for i := range 12 {
		want := fmt.Sprintf(`"got":%d`, i%3)
		if i%3 == 2 {
			want = `"x"`
		}
		s.want(s.read(), want)
	}
	s.onlyOwn()
}

func TestDescriptorFloods(t *testing.T) {
	b := start(t, nil).calm()
	s := b.sender()
	// To a method that takes none.
	for range 50 {
		s.sendWith(100, pingX)
		s.want(s.read(), `"x"`)
	}
	s.onlyOwn()
	// More than a method takes.
	for _, n := range []int{3, 4, 253} {
		s.sendWith(n, give1)
		s.want(s.read(), "org.nso.Protocol.BadDescriptors")
	}
	s.onlyOwn()
	// With each byte of a message: only those of the first can be meant.
	for _, c := range give0 {
		s.sendWith(1, string(c))
	}
	s.want(s.read(), `"got":1`)
	s.onlyOwn()
	// With things that are no calls, and messages that never end.
	s.sendWith(2, "no json\x00")
	s.want(s.read(), "Malformed")
	s.want(s.read(), "closed")
	s.onlyOwn()
	for range 20 {
		s = b.sender()
		s.sendWith(2, `{"method":`)
		s.sendWith(2, `"x`)
		s.conn.Close()
	}
	s.onlyOwn()
	// While a call runs and nobody reads them.
	s = b.sender()
	s.send(`{"method":"org.example.test.Hang"}`)
	receive(t, b.entered)
	s.conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	for s.sendWith(2, give0) == nil {
	}
	s.conn.Close()
	receive(t, b.gone)
	s.onlyOwn()
	// By a peer that may not: the kernel throws them away.
	b.deny.Store(true)
	s = b.sender()
	s.sendWith(2, give1)
	s.want(s.read(), "PermissionDenied")
	s.onlyOwn()
}
