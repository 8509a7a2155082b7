// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// Any as the expected revision appends behind whatever is there.
const Any = ^uint64(0)

// batch is what one sync makes durable: the records that came while the sync
// before it was under way.
type batch struct {
	buf   []byte        // frames, as appendFrame makes them
	first uint64        // revision of the first
	count uint64        // records
	lead  chan struct{} // holds the token: whoever takes it writes the batch
	done  chan struct{} // closed when it is decided
	upTo  uint64        // the last revision that is durable; others failed with err
	err   error
}

// Ticket is an append under way.
type Ticket struct {
	l   *Log
	b   *batch
	rev uint64
}

// Revision is what the record gets if it succeeds.
func (t Ticket) Revision() uint64 { return t.rev }

// Append appends rec behind revision expected and returns its own when it is
// durable: that is the decision. It fails with ErrConflict if expected is not the
// last revision, ErrNoSpace, ErrTooLarge, ErrClosed, or ErrFailed, where the
// outcome is known only after the next Open.
//
// A context that is done before the record stands in line prevents it. After that
// Append waits for the outcome, for any other answer would be a guess.
func (l *Log) Append(ctx context.Context, expected uint64, rec Record) (rev uint64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cannot append to journal %s: %w", l.fs.Name(), err)
	}
	t, err := l.Enqueue(expected, rec)
	if err != nil {
		return 0, err
	}
	return t.Wait()
}

// Enqueue gives rec the revision behind expected, the last one enqueued, and puts
// it in line; the caller must then Wait, for it may be the one who writes. Records
// enqueued while a sync is under way share the next. If one fails, all enqueued
// behind it fail too. rec's memory is free again on return.
func (l *Log) Enqueue(expected uint64, rec Record) (Ticket, error) {
	if n := int64(len(rec.Meta)) + int64(len(rec.Payload)); n > l.opt.MaxRecord {
		return Ticket{}, fmt.Errorf("cannot append to journal %s: %w: %d bytes, at most %d", l.fs.Name(), ErrTooLarge, n, l.opt.MaxRecord)
	}
	if rec.Time.IsZero() {
		rec.Time = l.opt.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return Ticket{}, l.err
	}
	if expected != Any && expected != l.assigned {
		l.stats.Conflicts++
		return Ticket{}, fmt.Errorf("cannot append to journal %s behind revision %d: %w: the last is %d", l.fs.Name(), expected, ErrConflict, l.assigned)
	}
	b := l.pending
	if b == nil {
		b = &batch{buf: l.idle[:0], first: l.assigned + 1, lead: make(chan struct{}, 1), done: make(chan struct{})}
		l.pending, l.idle = b, nil
		if !l.leading {
			l.leading = true
			b.lead <- struct{}{}
		}
	}
	l.assigned++
	b.count++
	b.buf = appendFrame(b.buf, l.assigned, &rec)
	return Ticket{l, b, l.assigned}, nil
}

// Wait returns when the record is decided.
func (t Ticket) Wait() (rev uint64, err error) {
	select {
	case <-t.b.done:
	case <-t.b.lead:
		t.l.leadBatch(t.b)
		<-t.b.done
	}
	if t.rev <= t.b.upTo {
		return t.rev, nil
	}
	return 0, t.b.err
}

// leadBatch writes b, tells those who wait and hands the token on.
func (l *Log) leadBatch(b *batch) {
	l.flush.Lock()
	l.mu.Lock()
	if l.pending != b { // Close was faster and has told them
		l.mu.Unlock()
		l.flush.Unlock()
		return
	}
	l.pending = nil
	err := l.err
	l.mu.Unlock()
	if err == nil {
		err = l.write(b)
	}
	l.flush.Unlock()

	l.mu.Lock()
	b.upTo, b.err = l.durable, err
	close(b.done)
	if cap(b.buf) <= 1<<20 {
		l.idle = b.buf
	}
	if err != nil {
		// What was enqueued meanwhile stands on what is not there.
		l.dropPending(err)
	}
	if l.pending != nil {
		l.pending.lead <- struct{}{}
	} else {
		l.leading = false
	}
	l.mu.Unlock()
}

// dropPending fails the batch that waits. mu is held.
func (l *Log) dropPending(err error) {
	if b := l.pending; b != nil {
		l.pending = nil
		b.upTo, b.err = 0, err
		select {
		case <-b.lead: // it had the token, so nobody leads
			l.leading = false
		default:
		}
		close(b.done)
	}
	l.assigned = l.durable
}

// write makes the records of b durable, as many at a time as the segment takes.
// What it has made durable it publishes. flush is held.
func (l *Log) write(b *batch) error {
	next := b.first
	rest := b.buf
	for len(rest) > 0 {
		seg := l.tail
		n, count := stampBatch(rest, seg)
		if n == 0 {
			if err := l.roll(next, aligned(int64(frameLength(rest)))); err != nil {
				return err
			}
			continue
		}
		part := rest[:n]
		if n == len(rest) {
			// Fill the page, so that the kernel need not read it first.
			end := min(paged(seg.end+int64(n)), seg.size)
			for int64(len(part)) < end-seg.end {
				part = append(part, 0)
			}
			b.buf = part[:0:cap(part)]
		}
		if wrote, err := seg.file.WriteAt(part, seg.end); err != nil {
			if wrote == 0 && isNoSpace(err) { // a file system that copies on write
				return l.noSpace(err)
			}
			return l.poisoned(err)
		}
		if err := seg.file.Datasync(); err != nil {
			return l.poisoned(err)
		}
		l.mu.Lock()
		seg.addMark(next, seg.end)
		seg.end += int64(n)
		next += count
		l.durable = next - 1
		l.stats.Syncs++
		l.stats.Appends += count
		l.wake()
		l.mu.Unlock()
		rest = rest[n:]
	}
	return nil
}

// stampBatch readies as many of the frames as fit into seg.
func stampBatch(frames []byte, seg *segment) (n int, count uint64) {
	room := seg.room()
	for n < len(frames) {
		size := int(aligned(int64(frameLength(frames[n:]))))
		if int64(n+size) > room {
			break
		}
		stamp(frames[n:], seg.salt, uint32(count))
		n += size
		count++
	}
	return n, count
}

// roll goes on to a new segment whose first record is of revision first and takes
// need bytes. flush is held. An error that is not ErrNoSpace poisons the log.
func (l *Log) roll(first uint64, need int64) error {
	seg, err := l.newSegment(first, need)
	switch {
	case err == nil:
	case errors.Is(err, ErrFailed):
		return err
	case isNoSpace(err):
		return l.noSpace(err)
	default:
		return l.poisoned(err)
	}
	old := l.tail
	if old.first == first { // empty: the new one has taken its name
		l.mu.Lock()
		l.segs[len(l.segs)-1], l.tail = seg, seg
		l.release(old)
		l.mu.Unlock()
		l.prepareSpare()
		return nil
	}
	// Say in the old segment that another must follow, so that its loss is seen.
	_, err = old.file.WriteAt(appendEnd(nil, old.salt, first-1), old.end)
	if err == nil {
		err = old.file.Datasync()
	}
	if err != nil {
		seg.file.Close()
		return l.poisoned(err)
	}
	l.mu.Lock()
	l.segs, l.tail = append(l.segs, seg), seg
	l.release(old)
	l.mu.Unlock()
	l.prepareSpare()
	return nil
}

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// noSpace makes err an ErrNoSpace if that is what it says.
func noSpace(err error) error {
	if isNoSpace(err) && !errors.Is(err, ErrNoSpace) && !errors.Is(err, ErrFailed) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

func (l *Log) noSpace(err error) error {
	return fmt.Errorf("cannot append: %w on %s; free some or take a snapshot (%w)", ErrNoSpace, l.fs.Name(), err)
}
