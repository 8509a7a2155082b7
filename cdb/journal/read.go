// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"context"
	"fmt"
	"iter"
	"sort"
)

// acquire returns a cursor near rev, the revision it stands at, and the last one
// of its segment. The segment stays open until release.
func (l *Log) acquire(rev uint64) (seg *segment, c cursor, at, last uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		err = ErrClosed
	case rev > l.durable:
		err = fmt.Errorf("%w: the last is %d", ErrFuture, l.durable)
	case rev < l.segs[0].first:
		err = fmt.Errorf("%w: the oldest is %d", ErrTrimmed, l.segs[0].first)
	}
	if err != nil {
		return
	}
	i := sort.Search(len(l.segs), func(i int) bool { return l.segs[i].first > rev }) - 1
	seg, last = l.segs[i], l.durable
	if i+1 < len(l.segs) {
		last = l.segs[i+1].first - 1
	}
	if seg.refs == 0 {
		// Opened under mu: trim takes it off the list before it is recycled.
		if seg.file, err = l.fs.Open(seg.name, false); err != nil {
			return
		}
	}
	seg.refs++
	m := seg.near(rev)
	return seg, cursor{file: seg.file, salt: seg.salt, off: m.off, limit: seg.end}, m.rev, last, nil
}

// release gives back a segment. mu is held.
func (l *Log) release(seg *segment) {
	if seg.refs--; seg.refs == 0 {
		seg.file.Close()
		seg.file = nil
	}
}

// readSegment yields records from on, as far as its segment goes, and returns the
// revision to go on with.
func (l *Log) readSegment(from, to uint64, chunk int, yield func(Record) bool) (next uint64, more bool, err error) {
	seg, c, at, last, err := l.acquire(from)
	if err != nil {
		return from, false, err
	}
	c.chunk = chunk
	marked := c.off
	defer func() {
		l.mu.Lock()
		l.release(seg)
		l.mu.Unlock()
	}()
	for ; at <= min(last, to); at++ {
		begin := c.off
		h, b, ok, err := c.next()
		if err != nil {
			return at, false, err
		}
		if !ok || h.rev != at || h.flagsBits != 0 {
			return at, false, corrupt(seg.name, begin, remedyRestore, "revision %d is unreadable", at)
		}
		if begin >= marked+markEvery {
			marked = begin
			l.mu.Lock()
			seg.addMark(at, begin)
			l.mu.Unlock()
		}
		if at >= from && !yield(h.record(b)) {
			return at + 1, false, nil
		}
	}
	return at, true, nil
}

// read yields the records from and to, both included.
func (l *Log) read(from, to uint64, yield func(Record) bool) error {
	for more := true; more && from <= to; {
		var err error
		if from, more, err = l.readSegment(from, to, 0, yield); err != nil {
			return fmt.Errorf("cannot read revision %d of journal %s: %w", from, l.fs.Name(), err)
		}
	}
	return nil
}

// Read returns the record of a revision.
func (l *Log) Read(rev uint64) (Record, error) {
	var r Record
	_, _, err := l.readSegment(rev, rev, markEvery, func(x Record) bool {
		r = x // the buffer is not used again
		return false
	})
	if err != nil {
		return Record{}, fmt.Errorf("cannot read revision %d of journal %s: %w", rev, l.fs.Name(), err)
	}
	return r, nil
}

// Records yields the records of the revisions from to to, both included, that are
// acknowledged now; an error ends it. A record's memory is lent for the time of
// the yield: Clone it to keep it.
func (l *Log) Records(from, to uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := l.read(max(from, 1), min(to, l.Revision()), func(r Record) bool { return yield(r, nil) })
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// Replay calls fn for each record behind the newest snapshot, in order, until it
// fails. A record's memory is lent for the time of the call.
func (l *Log) Replay(fn func(Record) error) error {
	l.mu.Lock()
	from, to := uint64(1), l.durable
	if n := len(l.snaps); n > 0 {
		from = l.snaps[n-1] + 1
	}
	l.mu.Unlock()
	var failed error
	err := l.read(from, to, func(r Record) bool {
		failed = fn(r)
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// Follow yields the records from revision from on, those there are and those to
// come, each when it is acknowledged, until ctx is done or the log is closed; the
// last thing it yields is that error. A record's memory is lent for the time of the
// yield. One that is so slow that records are recycled before it has read them
// gets ErrTrimmed; nobody waits for it.
func (l *Log) Follow(ctx context.Context, from uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		from := max(from, 1)
		going := true
		for {
			l.mu.Lock()
			to, closed := l.durable, l.closed
			if from > to && !closed && l.changed == nil {
				l.changed = make(chan struct{})
			}
			changed := l.changed
			l.mu.Unlock()
			err := ctx.Err()
			if err == nil && closed {
				err = ErrClosed
			}
			if err == nil && from <= to {
				err = l.read(from, to, func(r Record) bool {
					from = r.Revision + 1
					going = yield(r, nil) && ctx.Err() == nil
					return going
				})
				if err == nil && !going && ctx.Err() == nil {
					return
				}
				if err == nil {
					err = ctx.Err()
				}
				if err == nil {
					continue
				}
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}
