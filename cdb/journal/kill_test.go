// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestMain makes the test binary its own child in TestKill.
func TestMain(m *testing.M) {
	if dir := os.Getenv("JOURNAL_KILL_DIR"); dir != "" {
		fmt.Fprintln(os.Stderr, victim(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const killWriters = 6

func killOptions() Options {
	return Options{SegmentSize: 64 << 10, SnapshotKeep: 2, KeepBytes: 128 << 10}
}

// tally is the state that records build: how often each writer wrote.
type tally [killWriters]uint32

func (s *tally) apply(r Record) error {
	if len(r.Meta) != 5 || r.Meta[0] >= killWriters {
		return fmt.Errorf("revision %d: meta %x", r.Revision, r.Meta)
	}
	w, n := r.Meta[0], binary.BigEndian.Uint32(r.Meta[1:])
	if n != s[w]+1 {
		return fmt.Errorf("revision %d: writer %d wrote its %d. record after its %d.", r.Revision, w, n, s[w])
	}
	s[w] = n
	if string(r.Payload) != killPayload(w, n) {
		return fmt.Errorf("revision %d is half there", r.Revision)
	}
	return nil
}

func killPayload(w byte, n uint32) string {
	size := int(n*2654435761>>20) % 600
	if n%97 == 0 {
		size = 30000
	}
	if n%397 == 0 {
		size = 100000 // more than a segment
	}
	return text(uint64(w)<<32|uint64(n), size)
}

// snapshot reads the newest snapshot, if there is one.
func (s *tally) snapshot(l *Log) (rev uint64, err error) {
	rev, r, err := l.SnapshotReader()
	if errors.Is(err, ErrNoSnapshot) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return rev, binary.Read(r, binary.BigEndian, s)
}

// load is what a process does when it starts.
func (s *tally) load(l *Log) error {
	if _, err := s.snapshot(l); err != nil {
		return err
	}
	return l.Replay(s.apply)
}

// victim appends from several goroutines, takes snapshots, and says on standard
// output what was acknowledged, until it is killed.
func victim(dir string) error {
	l, err := Open(dir, killOptions())
	if err != nil {
		return err
	}
	var start tally
	if err := start.load(l); err != nil {
		return err
	}
	failed := make(chan error)
	for w := range byte(killWriters) {
		go func() {
			for n := start[w] + 1; ; n++ {
				var meta [5]byte
				meta[0] = w
				binary.BigEndian.PutUint32(meta[1:], n)
				rev, err := l.Append(context.Background(), Any, Record{Meta: meta[:], Payload: []byte(killPayload(w, n))})
				if err != nil {
					failed <- err
					return
				}
				var line [13]byte
				line[0] = w
				binary.BigEndian.PutUint32(line[1:], n)
				binary.BigEndian.PutUint64(line[5:], rev)
				os.Stdout.Write(line[:]) // one write, below PIPE_BUF: whole or not at all
			}
		}()
	}
	go func() {
		var state tally
		rev, err := state.snapshot(l)
		if err != nil {
			failed <- err
			return
		}
		for r, err := range l.Follow(context.Background(), rev+1) {
			if err == nil {
				err = state.apply(r)
			}
			if err == nil && r.Revision%40 == 0 {
				err = l.Snapshot(r.Revision, func(w io.Writer) error { return binary.Write(w, binary.BigEndian, &state) })
			}
			if err != nil && !errors.Is(err, ErrTrimmed) {
				failed <- err
				return
			}
		}
	}()
	return <-failed
}

// TestKill kills a process under load 200 times in all, in four directories, each
// time at another moment, and looks for what it had acknowledged.
func TestKill(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const lanes, rounds = 4, 50
	base := [lanes]string{t.TempDir()}
	for lane := 1; lane < lanes; lane++ {
		// A kill loses nothing that the kernel has, so that most lanes may as well
		// be where a sync is quick and more happens between two kills.
		if base[lane] = base[0]; shm(t) != "" {
			base[lane] = shm(t)
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var acks, torn, snaps int
	for lane := range lanes {
		wg.Go(func() {
			dir := filepath.Join(base[lane], fmt.Sprint(lane))
			rng := rand.New(rand.NewPCG(uint64(lane), 9))
			acked := make(map[uint64][2]uint32) // revision: writer, its count
			var lastAck uint64
			for round := range rounds {
				if err := killOnce(exe, dir, time.Duration(rng.IntN(12000))*time.Microsecond, func(w byte, n uint32, rev uint64) {
					acked[rev] = [2]uint32{uint32(w), n}
					lastAck = max(lastAck, rev)
				}); err != nil {
					t.Error(err)
					return
				}
				s, err := checkKilled(dir, acked, lastAck)
				if err != nil {
					t.Errorf("lane %d, round %d: %v", lane, round, err)
					return
				}
				mu.Lock()
				if s.TornBytes > 0 {
					torn++
				}
				if s.SnapshotRevision > 0 {
					snaps++
				}
				mu.Unlock()
			}
			mu.Lock()
			acks += len(acked)
			mu.Unlock()
		})
	}
	wg.Wait()
	t.Logf("%d kills, %d acknowledged, %d torn tails, %d starts from a snapshot", lanes*rounds, acks, torn, snaps)
	if acks < lanes*rounds {
		t.Errorf("only %d appends were acknowledged", acks)
	}
}

// shm makes a directory on the memory file system, or returns "".
func shm(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "journal")
	if err != nil {
		return ""
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// killOnce starts a victim, waits for its first word and d more, kills it, and
// passes on all it said.
func killOnce(exe, dir string, d time.Duration, ack func(byte, uint32, uint64)) error {
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "JOURNAL_KILL_DIR="+dir, "GORACE=atexit_sleep_ms=0")
	var complaint limited
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r := bufio.NewReader(out)
	_, first := r.Peek(1)
	hit := time.AfterFunc(d, func() { _ = cmd.Process.Kill() })
	defer hit.Stop()
	var line [13]byte
	for {
		if _, err := io.ReadFull(r, line[:]); err != nil {
			break
		}
		ack(line[0], binary.BigEndian.Uint32(line[1:]), binary.BigEndian.Uint64(line[5:]))
	}
	_ = cmd.Wait() // it was killed
	if first != nil || len(complaint) > 0 {
		return fmt.Errorf("the child ended by itself: %s", complaint)
	}
	return nil
}

// limited keeps the first words of a child.
type limited []byte

func (b *limited) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), 4096-len(*b))]...)
	return len(p), nil
}

func checkKilled(dir string, acked map[uint64][2]uint32, last uint64) (Stats, error) {
	rep, err := Verify(dir, Options{})
	if err == nil {
		err = rep.Err()
	}
	if err != nil {
		return Stats{}, err
	}
	l, err := Open(dir, killOptions())
	if err != nil {
		return Stats{}, err
	}
	defer l.Close()
	var state tally
	if err := state.load(l); err != nil {
		return Stats{}, err
	}
	s := l.Stats()
	if s.Revision < last {
		return s, fmt.Errorf("revision %d was acknowledged, the last is %d", last, s.Revision)
	}
	for _, a := range acked {
		if state[a[0]] < a[1] {
			return s, fmt.Errorf("record %d of writer %d was acknowledged, the last is %d", a[1], a[0], state[a[0]])
		}
	}
	for r, err := range l.Records(s.FirstRevision, Any) {
		if err != nil {
			return s, err
		}
		w, n := r.Meta[0], binary.BigEndian.Uint32(r.Meta[1:])
		if a, ok := acked[r.Revision]; ok && (a[0] != uint32(w) || a[1] != n) {
			return s, fmt.Errorf("revision %d is another than acknowledged", r.Revision)
		}
		if string(r.Payload) != killPayload(w, n) {
			return s, fmt.Errorf("revision %d is half there", r.Revision)
		}
	}
	return s, nil
}
