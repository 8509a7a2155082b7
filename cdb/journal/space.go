// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"io/fs"

	"nso.example/nso/journald/event"
)

// spareKeep is how many ready segments are kept when old ones are recycled; one
// is made ahead if there is none.
const spareKeep = 2

// newSegment turns a spare, made now if there is none, into the segment that
// begins with revision first and has room for need bytes. Callers hold flush, or
// are Open. Until the rename nothing of it counts, so a full disk is no harm.
func (l *Log) newSegment(first uint64, need int64) (*segment, error) {
	l.alloc.Lock()
	defer l.alloc.Unlock()
	seg := &segment{name: segName(first), first: first, salt: newSalt(), size: l.opt.SegmentSize, end: dataStart}
	if n := dataStart + need + endReserve; n > seg.size {
		seg.size = paged(n)
	}
	var spare string
	if seg.size == l.opt.SegmentSize {
		spare = l.takeSpare()
	}
	if spare == "" {
		var err error
		if spare, err = l.makeSpare(seg.size); err != nil {
			return nil, err
		}
	}
	f, err := l.fs.Open(spare, true)
	if err != nil {
		return nil, err
	}
	if _, err = f.WriteAt(encodeSegmentHeader(seg, l.id), 0); err == nil {
		err = f.Datasync()
	}
	if err == nil {
		err = l.fs.Rename(spare, seg.name)
	}
	if err != nil {
		f.Close()
		if seg.size == l.opt.SegmentSize {
			l.putSpare(spare)
		}
		return nil, err
	}
	if err := l.fs.SyncDir(); err != nil {
		f.Close()
		return nil, l.poisoned(err) // also if it says that the disk is full
	}
	seg.file, seg.refs = f, 1
	return seg, nil
}

// takeSpare returns the name of a spare, or "". alloc is held.
func (l *Log) takeSpare() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.spares)
	if n == 0 {
		return ""
	}
	name := l.spares[n-1]
	l.spares = l.spares[:n-1]
	return name
}

func (l *Log) putSpare(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spares = append(l.spares, name)
}

// spareName draws the next name. alloc is held.
func (l *Log) spareName() string {
	l.spareNo++
	return fmt.Sprintf("%s%d", sparePrefix, l.spareNo)
}

// makeSpare makes a file of zeros that take space on the disk, so that a write to
// it needs none, and its fdatasync no metadata. alloc is held.
func (l *Log) makeSpare(size int64) (name string, err error) {
	if err := l.fs.Remove(tmpSpare); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	f, err := l.fs.Create(tmpSpare)
	if err != nil {
		return "", err
	}
	defer func() {
		if f != nil {
			f.Close()
		}
		if err != nil {
			_ = l.fs.Remove(tmpSpare) // the first error is the one to tell
		}
	}()
	if err := f.Allocate(size); err != nil {
		return "", err
	}
	if err := writeZeros(f, 0, size); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	err = f.Close()
	if f = nil; err != nil {
		return "", err
	}
	name = l.spareName()
	if err := l.fs.Rename(tmpSpare, name); err != nil {
		return "", err
	}
	if err := l.fs.SyncDir(); err != nil {
		return "", l.poisoned(err)
	}
	return name, nil
}

func writeZeros(f File, from, to int64) error {
	zeros := make([]byte, min(to-from, 1<<20))
	for off := from; off < to; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-off)], off); err != nil {
			return err
		}
	}
	return nil
}

// prepareSpare sees to it that the next roll finds a spare. A full disk is told
// now, and again to the append that needs the space.
func (l *Log) prepareSpare() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.spares) > 0 {
		return
	}
	prepare := func() {
		l.alloc.Lock()
		defer l.alloc.Unlock()
		l.mu.Lock()
		enough := l.closed || l.err != nil || len(l.spares) > 0
		l.mu.Unlock()
		if enough {
			return
		}
		name, err := l.makeSpare(l.opt.SegmentSize)
		if err != nil {
			l.log.Warn("journal: cannot prepare the next segment", event.Key, event.NoSpace, "dir", l.fs.Name(), "err", noSpace(err))
			return
		}
		l.putSpare(name)
	}
	if l.opt.inline {
		l.mu.Unlock()
		prepare()
		l.mu.Lock()
		return
	}
	l.work.Go(prepare)
}

// trim removes the snapshots beyond those to keep, and recycles the segments that
// neither a kept snapshot nor the history needs, oldest first and each durably
// before the next, so that no power cut leaves a gap. snap is held.
func (l *Log) trim() error {
	l.mu.Lock()
	var gone []string
	for len(l.snaps) > l.opt.SnapshotKeep {
		gone = append(gone, snapName(l.snaps[0]))
		l.snaps = l.snaps[1:]
	}
	gone = append(gone, l.badSnaps...)
	l.badSnaps = nil
	l.mu.Unlock()
	for _, name := range gone {
		if err := l.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for {
		seg, used := l.takeOldest()
		if seg == nil {
			return nil
		}
		moved, err := l.recycle(seg, used)
		if !moved {
			l.mu.Lock()
			l.segs = append([]*segment{seg}, l.segs...)
			l.mu.Unlock()
		}
		if err != nil {
			return err
		}
	}
}

// takeOldest takes the oldest segment out of the log if it need not be kept, and
// says whether readers have it open.
func (l *Log) takeOldest() (seg *segment, used bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.snaps) == 0 {
		return nil, false
	}
	floor := l.snaps[0]
	var size int64
	var past uint64 // revision behind the history
	for i := 0; i+1 < len(l.segs) && l.segs[i+1].first-1 <= floor; i++ {
		size += l.segs[i].size
		past = l.segs[i+1].first
	}
	if past == 0 || size <= l.opt.KeepBytes &&
		(l.opt.KeepRecords == 0 || past-l.segs[1].first < l.opt.KeepRecords) {
		return nil, false
	}
	seg = l.segs[0]
	l.segs = l.segs[1:]
	return seg, seg.refs > 0
}

// recycle makes a spare of seg, or removes it, and says whether its name is gone.
// A reader that has it open keeps what it reads: then the file is only unlinked.
func (l *Log) recycle(seg *segment, used bool) (moved bool, err error) {
	l.alloc.Lock()
	defer l.alloc.Unlock()
	l.mu.Lock()
	enough := len(l.spares) >= spareKeep
	l.mu.Unlock()
	var spare string
	if used || enough || seg.size != l.opt.SegmentSize {
		err = l.fs.Remove(seg.name)
	} else {
		spare = l.spareName()
		err = l.fs.Rename(seg.name, spare)
	}
	if err != nil {
		return false, err
	}
	if err := l.fs.SyncDir(); err != nil {
		return true, l.poisoned(err)
	}
	if spare != "" {
		l.putSpare(spare)
	}
	return true, nil
}

// ensureReserve keeps a file with space for the next snapshot, so that a full disk
// does not prevent the one thing that frees space. snap is held, or it is Open.
func (l *Log) ensureReserve() error {
	want := paged(max(l.opt.SegmentSize/16, l.snapBytes+l.snapBytes/4))
	f, err := l.fs.Open(reserveName, true)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = l.fs.Create(reserveName)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err == nil && size < want {
		err = f.Allocate(want)
	}
	return err
}
