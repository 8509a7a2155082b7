// SPDX-License-Identifier: Apache-2.0

package journald

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"nso.example/nso/journald/event"
)

// record is what the journal understands of a datagram.
type record map[string][]string

func (r record) get(name string) string {
	if len(r[name]) != 1 {
		return fmt.Sprintf("%d values", len(r[name]))
	}
	return r[name][0]
}

// parse reads the native protocol, as strictly as can be.
func parse(data []byte) (record, error) {
	r := make(record)
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			return nil, errors.New("no newline at the end")
		}
		name, value, line := bytes.Cut(data[:end], []byte("="))
		data = data[end+1:]
		if !line {
			if len(data) < 8 {
				return nil, errors.New("no length")
			}
			n := binary.LittleEndian.Uint64(data)
			if data = data[8:]; uint64(len(data)) <= n || data[n] != '\n' {
				return nil, errors.New("a wrong length")
			}
			value, data = data[:n], data[n+1:]
		}
		if len(name) == 0 || len(name) > 64 || name[0] == '_' || bytes.ContainsFunc(name, func(r rune) bool {
			return r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
		}) {
			return nil, fmt.Errorf("the name %q is none", name)
		}
		r[string(name)] = append(r[string(name)], string(value))
	}
	return r, nil
}

// sink is a journal.
type sink struct {
	t    testing.TB
	path string
	conn *net.UnixConn
	buf  []byte
}

func newSink(t testing.TB) *sink {
	s := &sink{t: t, path: filepath.Join(t.TempDir(), "s")}
	s.listen()
	return s
}

func (s *sink) listen() {
	s.t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.conn = conn
	s.t.Cleanup(func() { conn.Close() })
}

// next is the next record; one in a file is read as the journal does.
func (s *sink) next() record {
	s.t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if s.buf == nil {
		s.buf = make([]byte, 1<<20)
	}
	buf, oob := s.buf, make([]byte, 64)
	n, o, _, _, err := s.conn.ReadMsgUnix(buf, oob)
	if err != nil {
		s.t.Fatal(err)
	}
	data := buf[:n]
	if o > 0 {
		msgs, err := unix.ParseSocketControlMessage(oob[:o])
		if err != nil {
			s.t.Fatal(err)
		}
		fds, err := unix.ParseUnixRights(&msgs[0])
		if err != nil || len(fds) != 1 || n != 0 {
			s.t.Fatalf("%d descriptors with %d bytes: %v", len(fds), n, err)
		}
		f := os.NewFile(uintptr(fds[0]), "memfd")
		defer f.Close()
		seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
		if want := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE; err != nil || seals != want {
			s.t.Errorf("the file has the seals %#x, %v", seals, err)
		}
		if data, err = io.ReadAll(io.NewSectionReader(f, 0, 8<<20)); err != nil {
			s.t.Fatal(err)
		}
	}
	r, err := parse(data)
	if err != nil {
		s.t.Fatalf("%v: %q", err, data)
	}
	return r
}

func open(t testing.TB, s *sink) *Log {
	t.Helper()
	l, err := openNative("nsod", s.path, slog.LevelDebug)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

type spoiled struct{}

func (spoiled) Error() string { panic("spoiled") }

func TestRecord(t *testing.T) {
	s := newSink(t)
	l := open(t, s)
	l.With("usid", uint32(7), "door", "ipc").Warn("commit refused", event.Key, event.Denied, "user", "ann",
		"path", []string{"/a", "/b"}, "change", []string{"created /a", "deleted /b"}, "dur", 1500*time.Microsecond,
		slog.Group("disk", "free space", 12), "err", errors.New("two words"), "bad", spoiled{}, "audit", true, "none", nil)
	r := s.next()
	for name, want := range map[string]string{
		"MESSAGE_ID": "be5506b6b8a80fcd6b5b65c1b6fe6e95", "NSO_EVENT": "access-denied", "PRIORITY": "4", "SYSLOG_IDENTIFIER": "nsod",
		"NSO_SESSION": "7", "NSO_DOOR": "ipc", "NSO_USER": "ann", "NSO_DURATION_USEC": "1500", "NSO_DISK_FREE_SPACE": "12",
		"NSO_ERROR": "two words", "NSO_BAD": "panic: spoiled", "NSO_AUDIT": "1",
		"MESSAGE": `commit refused usid=7 door=ipc user=ann change="created /a" change="deleted /b" "disk.free space"=12 err="two words" bad="panic: spoiled"`,
	} {
		if r.get(name) != want {
			t.Errorf("%s is %q, want %q", name, r.get(name), want)
		}
	}
	if !slices.Equal(r["NSO_PATH"], []string{"/a", "/b"}) || len(r["NSO_CHANGE"]) != 2 || len(r["NSO_NONE"]) != 0 {
		t.Errorf("the lists are %q %q", r["NSO_PATH"], r["NSO_CHANGE"])
	}
}

func TestLevels(t *testing.T) {
	s := newSink(t)
	level := new(slog.LevelVar)
	l, err := openNative("nsod", s.path, level)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Debug("left out")
	l.Info("info")
	level.Set(slog.LevelDebug)
	l.Debug("debug")
	l.Log(t.Context(), slog.LevelInfo+2, "notice")
	l.Error("error")
	for _, want := range []string{"6 info", "7 debug", "5 notice", "3 error"} {
		if r := s.next(); r.get("PRIORITY")+" "+r.get("MESSAGE") != want {
			t.Errorf("the record is %q, want %q", r, want)
		}
	}
}

// TestInjection writes what users can choose: it stays in its field.
func TestInjection(t *testing.T) {
	s := newSink(t)
	l := open(t, s)
	for _, evil := range []string{"a\nMESSAGE=", "a\nMESSAGE=b\nPRIORITY=0\n_UID=0", "\n", "a\x00b", "\x1b[31mred", "\u202egnirts", "\xff\xfe",
		"a\n\x00\x00\x00\x00\x00\x00\x00\x00", "x\r\ny", `"quoted" user=root`} {
		l.Info("login", "user", evil)
		r := s.next()
		if len(r) != 4 || r.get("NSO_USER") != evil || r.get("PRIORITY") != "6" {
			t.Errorf("%q becomes %q", evil, r)
		}
		printable(t, r.get("MESSAGE"))
		if m := r.get("MESSAGE"); m != "login user="+strconv.Quote(evil) {
			t.Errorf("%q can be taken for something else: %s", evil, m)
		}
		// A message, and a key, that come from outside all the same.
		l.Info(evil, evil, "v")
		printable(t, s.next().get("MESSAGE"))
		var b bytes.Buffer
		text(&b, slog.LevelInfo, false).Info(evil, "user", evil)
		printable(t, strings.TrimSuffix(b.String(), "\n"))
	}
}

func printable(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(text) {
		t.Errorf("this is not printable: %q", text)
	}
}

func TestLargeRecords(t *testing.T) {
	s := newSink(t)
	l := open(t, s)
	long := strings.Repeat("ä", maxValue)
	got := make(chan record, 1)
	var args []any
	for i := range 20 {
		args = append(args, fmt.Sprint("k", i), long)
	}
	go func() { got <- s.next() }()
	l.Info(strings.Repeat("ö", maxMessage), args...)
	r := <-got
	size := 0
	for name, values := range r {
		for _, v := range values {
			size += len(v)
			if len(v) > maxValue+64 || !utf8.ValidString(v) {
				t.Errorf("%s has %d bytes", name, len(v))
			}
		}
	}
	if size > maxRecord || size < maxRecord/2 || !strings.HasSuffix(r.get("NSO_K0"), fmt.Sprintf("(cut: %d bytes more)", maxValue)) {
		t.Errorf("the record has %d bytes", size)
	}
	if m := r.get("MESSAGE"); len(m) > maxMessage+8 || !strings.HasSuffix(m, " ...") {
		t.Errorf("MESSAGE has %d bytes", len(m))
	}
}

// TestStopped has a journal that reads nothing: nobody waits, and it is said later
// how much was lost.
func TestStopped(t *testing.T) {
	s := newSink(t)
	l := open(t, s)
	const n = 3 * maxBacklogCount
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range n / 4 {
				l.Info("record", "worker", worker, "i", i)
			}
		})
	}
	all.Wait() // returns: nothing blocks
	seen, delayed, lost := 0, 0, ""
	last := map[string]int{}
	for lost == "" {
		r := s.next()
		if r.get("NSO_EVENT") == string(event.RecordsLost) {
			lost = r.get("NSO_LOST")
			continue
		}
		seen++
		if len(r["NSO_TIME"]) == 1 {
			delayed++
		}
		var i int
		fmt.Sscan(r.get("NSO_I"), &i)
		if before, ok := last[r.get("NSO_WORKER")]; ok && i <= before {
			t.Fatalf("record %d came after %d", i, before)
		}
		last[r.get("NSO_WORKER")] = i
	}
	if seen+atoi(lost) != n || seen < maxBacklogCount || delayed != maxBacklogCount {
		t.Errorf("%d records came, %d of them late, and %s are said to be lost, of %d", seen, delayed, lost, n)
	}
	l.Info("after")
	if r := s.next(); r.get("MESSAGE") != "after" || len(r["NSO_TIME"]) != 0 {
		t.Errorf("afterwards comes %q", r)
	}
}

func atoi(text string) (n int) {
	fmt.Sscan(text, &n)
	return n
}

// TestRestarted has a journal that goes and comes back.
func TestRestarted(t *testing.T) {
	s := newSink(t)
	l := open(t, s)
	l.Info("one")
	s.next()
	s.conn.Close()
	os.Remove(s.path)
	l.Info("two")
	s.listen()
	l.Info("three")
	for _, want := range []string{"two", "three"} {
		if r := s.next(); r.get("MESSAGE") != want {
			t.Errorf("%q came, want %s", r, want)
		}
	}
}

func TestClose(t *testing.T) {
	s := newSink(t)
	l := open(t, s)
	for range 2000 {
		l.Info("record")
	}
	go l.Close() // gives what is left
	for range 2000 {
		s.next()
	}
	if _, err := openNative("nsod", filepath.Join(t.TempDir(), "none"), slog.LevelInfo); err == nil {
		t.Error("a journal that is not there was opened")
	}
	var b bytes.Buffer
	o := Open("nsod", &b, slog.LevelInfo)
	o.Info("text", event.Key, event.Ready)
	if o.Close(); o.Native() || !strings.Contains(b.String(), "time=") || !strings.Contains(b.String(), "msg=text event=ready") {
		t.Errorf("without a journal it says %q", b.String())
	}
}

// TestRealJournal writes to the journal that standard error is, for test/boot.
func TestRealJournal(t *testing.T) {
	if os.Getenv("NSO_TEST_JOURNAL") == "" {
		t.Skip("test/boot runs this on a booted system")
	}
	l := Open("nsod", os.Stderr, slog.LevelInfo)
	defer l.Close()
	if !l.Native() {
		t.Fatal("standard error is not the journal")
	}
	l.Info("login", event.Key, event.Login, "user", "a\nMESSAGE=evil\nPRIORITY=0")
	args := []any{"op", "large"}
	for i := range 6 {
		args = append(args, fmt.Sprint("k", i), strings.Repeat("x", maxValue))
	}
	l.Info("large", args...)
}

// FuzzRecord writes anything: the journal reads the fields that were meant, and no other.
func FuzzRecord(f *testing.F) {
	f.Add("login", "user", "ann", "door", "ipc")
	f.Add("a\nMESSAGE=b", "MESSAGE", "a\nMESSAGE=", "", "\n")
	f.Add("=", "=", "=", "event", "commit")
	f.Fuzz(func(t *testing.T, msg, k1, v1, k2, v2 string) {
		var got []byte
		h := newHandler(nil, "nsod", slog.LevelDebug)
		sc := &scratch{}
		h.attr(sc, "", slog.String(k1, v1))
		h.attr(sc, "g.", slog.String(k2, v2))
		got = append(sc.fields, "MESSAGE="...)
		got = append(append(got, cut(append(appendText(nil, msg), sc.text...), maxMessage)...), '\n')
		r, err := parse(got)
		if err != nil {
			t.Fatalf("%v: %q", err, got)
		}
		for name := range r {
			if name != "MESSAGE" && name != "MESSAGE_ID" && !strings.HasPrefix(name, event.Prefix) {
				t.Errorf("a field %s was made", name)
			}
		}
		printable(t, r.get("MESSAGE"))
	})
}

func BenchmarkRecord(b *testing.B) {
	s := newSink(b)
	go func() {
		buf := make([]byte, 1<<16)
		for {
			if _, err := s.conn.Read(buf); err != nil {
				return
			}
		}
	}()
	l := open(b, s)
	for name, log := range map[string]*slog.Logger{"journal": l.Logger, "text": text(io.Discard, slog.LevelInfo, false).Logger} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				log.Info("commit", event.Key, event.Commit, "usid", uint32(7), "user", "ann", "door", "netconf-tcp", "source", "127.0.0.1:40000",
					"txid", uint64(12), "change", []string{"modified /ietf-system:system/hostname"}, "dur", time.Millisecond)
			}
		})
	}
}
