// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nso.example/nso/journald/event"
)

// Options of a log. The zero value is good.
type Options struct {
	// FS is where the log lives instead of a directory of the operating system:
	// NewMemory, for tests and for a database that need not last.
	FS FS
	// SegmentSize in bytes; 16 MiB. A larger record has a segment of its own.
	SegmentSize int64
	// SnapshotKeep is how many snapshots are kept; 2. The records since the oldest
	// of them are always kept.
	SnapshotKeep int
	// KeepBytes is how many bytes of older segments are kept as history; 64 MiB.
	// Negative means none.
	KeepBytes int64
	// KeepRecords, if above 0, is how many records to keep as history at most,
	// rounded up to whole segments.
	KeepRecords uint64
	// MaxRecord is the largest record that Append takes, in bytes; 256 MiB.
	MaxRecord int64
	// Logger; none by default.
	Logger *slog.Logger
	// Now is the clock for records that have no time.
	Now func() time.Time
	// VerifyOnClose makes Close check the whole directory as Verify does.
	VerifyOnClose bool

	// inline prepares spare segments in the call and not beside it, so that a test
	// sees the same steps each time.
	inline bool
}

func (o Options) withDefaults() Options {
	def := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&o.SegmentSize, 16<<20)
	def(&o.KeepBytes, 64<<20)
	def(&o.MaxRecord, 256<<20)
	if o.SnapshotKeep <= 0 {
		o.SnapshotKeep = 2
	}
	o.SegmentSize = paged(max(o.SegmentSize, 2*page))
	o.MaxRecord = min(o.MaxRecord, frameMax-frameHeader)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Log is an open log. Its methods may be called concurrently.
type Log struct {
	opt Options
	fs  FS
	log *slog.Logger
	id  uint64 // identity of the log, in every file

	snap  sync.Mutex // one snapshot at a time
	flush sync.Mutex // held by whoever writes a batch
	tail  *segment   // the one that is written, last of segs; changed under flush
	alloc sync.Mutex // over the making, taking and recycling of spares

	mu        sync.Mutex
	err       error  // why nothing is appended any more
	assigned  uint64 // last revision given to an append
	durable   uint64 // last revision acknowledged
	pending   *batch // what the next leader writes
	leading   bool   // somebody has the token to lead, or it lies in pending
	idle      []byte // a buffer for the next batch
	segs      []*segment
	snaps     []uint64 // revisions, oldest first
	badSnaps  []string // damaged, removed with the next snapshot
	spares    []string
	spareNo   uint64
	changed   chan struct{} // closed at the next change of durable or err; nil if nobody waits
	snapBytes int64         // size of the newest snapshot
	stats     Stats

	work   sync.WaitGroup // preparation of spares
	closed bool           // under mu
}

// Stats are figures for status displays.
type Stats struct {
	Revision         uint64 // last acknowledged
	FirstRevision    uint64 // oldest record that can be read; above Revision if none
	SnapshotRevision uint64 // 0 if there is none
	SnapshotBytes    int64
	Segments         int
	SegmentBytes     int64
	Spares           int
	Appends          uint64 // acknowledged since Open
	Syncs            uint64 // of batches since Open
	Conflicts        uint64
	Failed           error // why nothing is appended any more, or nil
	TornBytes        int64 // cut by recovery at Open
}

// Open opens the log in dir, which it makes if it is absent, and recovers it. The
// name dir is not used if Options.FS is given.
func Open(dir string, o Options) (*Log, error) {
	o = o.withDefaults()
	fsys := o.FS
	if fsys == nil {
		d, err := openDir(dir, true)
		if err != nil {
			return nil, fmt.Errorf("cannot open journal %s: %w", dir, err)
		}
		fsys = d
	}
	if err := lockOrClose(fsys, o.FS == nil); err != nil {
		return nil, fmt.Errorf("cannot open journal %s: %w", fsys.Name(), err)
	}
	l := &Log{opt: o, fs: fsys, log: o.Logger}
	if err := l.recover(); err != nil {
		for _, s := range l.segs {
			if s.file != nil {
				s.file.Close()
			}
		}
		fsys.Close()
		return nil, fmt.Errorf("cannot open journal %s: %w", fsys.Name(), noSpace(err))
	}
	if err := l.ensureReserve(); err != nil {
		l.log.Warn("journal: cannot reserve space for a snapshot", event.Key, event.NoSpace, "dir", fsys.Name(), "err", err)
	}
	l.prepareSpare()
	return l, nil
}

// lockOrClose takes the lock. If somebody else has it, an FS that is the caller's
// stays as it is: it may be the same object.
func lockOrClose(fsys FS, own bool) error {
	err := fsys.Lock()
	if err != nil && own {
		fsys.Close()
	}
	return err
}

// Revision is the last one acknowledged; 0 in an empty log.
func (l *Log) Revision() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable
}

// Stats returns the figures of now.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Revision, s.FirstRevision = l.durable, l.segs[0].first
	if n := len(l.snaps); n > 0 {
		s.SnapshotRevision, s.SnapshotBytes = l.snaps[n-1], l.snapBytes
	}
	s.Segments, s.Spares, s.Failed = len(l.segs), len(l.spares), l.err
	for _, g := range l.segs {
		s.SegmentBytes += g.size
	}
	return s
}

// Oldest is the first revision whose state can be made of what is kept: that of the
// oldest snapshot, or 1 if no record was ever recycled.
func (l *Log) Oldest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.segs[0].first; first == 1 || len(l.snaps) == 0 {
		return first
	}
	return l.snaps[0]
}

// poison stops all appends with the first cause. mu is held.
func (l *Log) poison(cause error) error {
	if l.err == nil {
		l.err = fmt.Errorf("cannot append to journal %s: %w: %w; the disk is not trusted any more: see to it and restart",
			l.fs.Name(), ErrFailed, cause)
		l.log.Error("journal: no more commits: a write or sync failed", event.Key, event.DiskFailed, "dir", l.fs.Name(), "err", cause)
		l.wake()
	}
	return l.err
}

func (l *Log) poisoned(cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.poison(cause)
}

// wake tells followers to look again. mu is held.
func (l *Log) wake() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// Close ends the log. An append that is being written is finished first; one that
// waits its turn fails with ErrClosed.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.closed = true
	failed := l.err
	if l.err == nil {
		l.err = fmt.Errorf("cannot append to journal %s: %w", l.fs.Name(), ErrClosed)
	}
	l.dropPending(l.err)
	l.wake()
	l.mu.Unlock()

	l.snap.Lock() // ends what is under way
	defer l.snap.Unlock()
	l.flush.Lock()
	defer l.flush.Unlock()
	l.work.Wait()
	l.mu.Lock()
	l.release(l.tail) // the log's own
	l.mu.Unlock()
	var err error
	if l.opt.VerifyOnClose && failed == nil {
		var r *Report
		if r, err = verify(l.fs); err == nil {
			err = r.Err()
		}
	}
	return errors.Join(err, l.fs.Close())
}

// newSalt draws what tells one use of a file from another.
func newSalt() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] |= 1              // never the zero that a fresh file is full of
	return le.Uint64(b[:])
}
