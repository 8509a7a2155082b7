// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"nso.example/nso/journald/event"
)

// listing is what a directory holds.
type listing struct {
	segs   []*segment // by first revision
	snaps  []uint64   // ascending
	spares []string
	tmp    []string
}

func list(fsys FS) (*listing, error) {
	names, err := fsys.List(ours)
	if err != nil {
		return nil, err
	}
	d := new(listing)
	for _, n := range names {
		if first, ok := parseName(n, segPrefix); ok {
			d.segs = append(d.segs, &segment{name: n, first: first})
		} else if rev, ok := parseName(n, snapPrefix); ok {
			d.snaps = append(d.snaps, rev)
		} else if strings.HasPrefix(n, sparePrefix) {
			d.spares = append(d.spares, n)
		} else if strings.HasPrefix(n, tmpPrefix) {
			d.tmp = append(d.tmp, n)
		}
	}
	slices.SortFunc(d.segs, func(a, b *segment) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	slices.Sort(d.snaps)
	return d, nil
}

// readHeaders fills in the segments and returns the identity of the log, the same
// in all.
func (d *listing) readHeaders(fsys FS) (id uint64, err error) {
	for i, s := range d.segs {
		f, err := fsys.Open(s.name, false)
		if err != nil {
			return 0, err
		}
		n, err := readSegmentHeader(f, s)
		f.Close()
		if err != nil {
			return 0, err
		}
		if i > 0 && n != id {
			return 0, corrupt(s.name, 40, "move it away", "it belongs to another journal than %s", d.segs[0].name)
		}
		id = n
	}
	return id, nil
}

// scanned is what the records of one segment came to.
type scanned struct {
	last  uint64 // revision of the last record
	end   int64  // behind it
	batch int64  // where the last batch begins
	ended bool   // the end mark was there
}

// scan reads the records of seg up to the first that is not valid.
func scan(f File, seg *segment) (scanned, error) {
	r := scanned{last: seg.first - 1, end: dataStart, batch: dataStart}
	c := cursor{file: f, salt: seg.salt, off: dataStart, limit: seg.size}
	index := ^uint32(0) - 1 // the first has place 0
	for {
		h, _, ok, err := c.next()
		if err != nil || !ok {
			return r, err
		}
		switch {
		case h.flagsBits == flagEnd && h.rev == r.last:
			r.ended = true
			return r, nil
		case h.flagsBits != 0:
			return r, corrupt(seg.name, r.end, remedyRestore, "record with unknown flags %#x", h.flagsBits)
		case h.rev != r.last+1:
			return r, corrupt(seg.name, r.end, remedyRestore, "revision %d follows revision %d", h.rev, r.last)
		case h.index == 0:
			r.batch = r.end
		case h.index != index+1:
			return r, corrupt(seg.name, r.end, remedyRestore, "revision %d has place %d in its batch, not %d", h.rev, h.index, index+1)
		}
		index = h.index
		seg.addMark(h.rev, r.end)
		r.last, r.end = h.rev, c.off
	}
}

// judgeTail looks at what lies behind the last valid record. It returns where that
// ends which could be taken for a record once others are written before it, or a
// CorruptError if a valid record proves that what was acknowledged is lost.
func judgeTail(f File, seg *segment, s scanned) (wipe int64, err error) {
	var salt [8]byte
	le.PutUint64(salt[:], seg.salt)
	budget := 2*seg.size + 64<<20 // of bytes to sum, against a file made to keep us busy
	buf := make([]byte, min(1<<20, seg.size-s.end))
	c := cursor{file: f, salt: seg.salt, limit: seg.size}
	wipe = s.end
	for base := s.end; base+8 <= seg.size; base += int64(len(buf) - 7) {
		buf = buf[:min(int64(len(buf)), seg.size-base)]
		if err := readFull(f, buf, base); err != nil {
			return 0, err
		}
		for from := 0; ; {
			i := bytes.Index(buf[from:], salt[:])
			if i < 0 {
				break
			}
			at := base + int64(from+i) - 8
			from += i + 1
			wipe = at + 16
			if at < s.end || at&7 != 0 {
				continue
			}
			c.off = at
			h, _, ok, err := c.next()
			if err != nil {
				return 0, err
			}
			if budget -= int64(h.length); budget < 0 {
				return 0, corrupt(seg.name, s.end, remedyRestore, "there is no telling what lies behind revision %d", s.last)
			}
			// A batch is written after the one before it is durable.
			if ok && (h.rev-uint64(h.index) > s.last+1 || h.flagsBits != 0 && h.rev > s.last) {
				return 0, corrupt(seg.name, s.end, remedyRestore,
					"revision %d is unreadable, while revision %d behind it at byte %d is whole", s.last+1, h.rev, at)
			}
		}
	}
	return wipe, nil
}

// recover brings the log to its last acknowledged revision.
func (l *Log) recover() error {
	// What the process before us renamed may not be durable yet (invariant 4).
	if err := l.fs.SyncDir(); err != nil {
		return err
	}
	d, err := list(l.fs)
	if err != nil {
		return err
	}
	for _, n := range d.tmp {
		if err := l.fs.Remove(n); err != nil {
			return err
		}
	}
	if err := l.recoverSpares(d.spares); err != nil {
		return err
	}
	if len(d.segs) == 0 {
		if n := len(d.snaps); n > 0 {
			return corrupt(snapName(d.snaps[n-1]), 0, "restore the seg- files from a backup", "there is no segment beside it")
		}
		l.id = newSalt()
		seg, err := l.newSegment(1, 0)
		if err == nil {
			l.segs, l.tail = []*segment{seg}, seg
		}
		return err
	}
	if l.id, err = d.readHeaders(l.fs); err != nil {
		return err
	}
	l.segs, l.tail = d.segs, d.segs[len(d.segs)-1]
	base, err := l.recoverSnapshots(d.snaps)
	if err != nil {
		return err
	}
	if err := l.recoverRecords(base); err != nil {
		return err
	}
	if n := len(d.snaps); n > 0 && d.snaps[n-1] > l.durable {
		return corrupt(l.tail.name, l.tail.end, remedyRestore,
			"the last record is of revision %d, but there is a snapshot of revision %d", l.durable, d.snaps[n-1])
	}
	l.log.Info("journal: opened", event.Key, event.DatabaseOpened, "dir", l.fs.Name(), "revision", l.durable, "snapshot", base)
	return nil
}

// recoverSpares keeps the spares of the size that is in use.
func (l *Log) recoverSpares(names []string) error {
	for _, n := range names {
		f, err := l.fs.Open(n, false)
		if err != nil {
			return err
		}
		size, err := f.Size()
		f.Close()
		if err != nil {
			return err
		}
		no, err := strconv.ParseUint(strings.TrimPrefix(n, sparePrefix), 10, 63)
		if err == nil && size == l.opt.SegmentSize && len(l.spares) < spareKeep {
			l.spares = append(l.spares, n)
			l.spareNo = max(l.spareNo, no)
		} else if err := l.fs.Remove(n); err != nil {
			return err
		}
	}
	return nil
}

// recoverSnapshots finds the newest valid snapshot that the segments go on from.
func (l *Log) recoverSnapshots(revs []uint64) (base uint64, err error) {
	first := l.segs[0].first
	var damage error
	for i := len(revs) - 1; i >= 0; i-- {
		rev := revs[i]
		id, size, err := checkSnapshot(l.fs, rev)
		if err == nil && id != l.id {
			err = corrupt(snapName(rev), 32, "move it away", "it belongs to another journal than %s", l.segs[0].name)
		}
		if errors.Is(err, ErrCorrupt) {
			l.log.Warn("journal: a snapshot is damaged, an older one is tried", event.Key, event.SnapshotDamaged, "dir", l.fs.Name(), "err", err)
			l.badSnaps = append(l.badSnaps, snapName(rev))
			damage = errors.Join(damage, err)
			continue
		}
		if err != nil {
			return 0, err
		}
		if rev+1 < first {
			break // told below
		}
		// Older ones are read only when asked for, and say then if they are damaged.
		l.snaps, l.snapBytes, base = slices.Clone(revs[:i+1]), size, rev
		return base, nil
	}
	if first > 1 {
		return 0, errors.Join(damage, corrupt(l.segs[0].name, 0, remedyRestore,
			"it begins with revision %d, and no whole snapshot reaches up to that", first))
	}
	return 0, nil
}

// recoverRecords reads the records behind base, cuts a torn tail and writes again
// what may not be durable.
func (l *Log) recoverRecords(base uint64) error {
	n := len(l.segs)
	from := sort.Search(n, func(i int) bool { return l.segs[i].first > base+1 }) - 1
	for i := from; i < n; i++ {
		seg := l.segs[i]
		last := i == n-1
		f, err := l.fs.Open(seg.name, last)
		if err != nil {
			return err
		}
		if last {
			seg.file, seg.refs = f, 1 // Open closes it on error
		}
		s, err := scan(f, seg)
		if !last {
			f.Close()
		}
		if err != nil {
			return err
		}
		if !last {
			if err := joint(seg, s, l.segs[i+1]); err != nil {
				return err
			}
			continue
		}
		if s.ended {
			return missing(s.last + 1)
		}
		if err := l.repair(seg, s); err != nil {
			return err
		}
		seg.end = s.end
		l.durable, l.assigned = s.last, s.last
	}
	return nil
}

// joint checks that next goes on where s ended.
func joint(seg *segment, s scanned, next *segment) error {
	if s.last+1 == next.first {
		return nil
	}
	return corrupt(seg.name, s.end, remedyRestore, "revision %d is unreadable, and %s goes on with revision %d", s.last+1, next.name, next.first)
}

func missing(first uint64) error {
	return corrupt(segName(first), 0, "restore the file from a backup", "it is missing, and the segment before it says that it was there")
}

// repair cuts the tail and makes the last batch durable.
func (l *Log) repair(seg *segment, s scanned) error {
	wipe, err := judgeTail(seg.file, seg, s)
	if err != nil {
		return err
	}
	if wipe > s.end {
		l.stats.TornBytes = wipe - s.end
		l.log.Warn("journal: cut what was written last and never acknowledged", event.Key, event.TornTail,
			"dir", l.fs.Name(), "file", seg.name, "offset", s.end, "bytes", wipe-s.end)
		if err := writeZeros(seg.file, s.end, min(paged(wipe), seg.size)); err != nil {
			return err
		}
	}
	buf := make([]byte, min(1<<20, s.end-s.batch))
	for off := s.batch; off < s.end; off += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), s.end-off)]
		if err := readFull(seg.file, buf, off); err != nil {
			return err
		}
		if _, err := seg.file.WriteAt(buf, off); err != nil {
			return fmt.Errorf("cannot write the last records again: %w", err)
		}
	}
	return seg.file.Datasync()
}
