// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"

	"nso.example/nso/journald/event"
)

// A snapshot file, little endian: a header of 64 bytes (magic, crc32c of what
// follows, version, salt, revision, identity of the log, zeros), then blocks: crc32c,
// length, data. The checksum covers salt, number and length of the block too. The
// last block has the top bit of its length set and holds the number of data bytes.
const (
	snapMagic = "nsosnap\n"
	snapBlock = 64 << 10
	snapLast  = 1 << 31
)

func blockSum(salt, number uint64, length uint32, data []byte) uint32 {
	var b [20]byte
	le.PutUint64(b[:], salt)
	le.PutUint64(b[8:], number)
	le.PutUint32(b[16:], length)
	return crc32.Update(sum(b[:]), castagnoli(), data)
}

// snapWriter cuts what it is given into blocks.
type snapWriter struct {
	f      File
	off    int64
	salt   uint64
	number uint64
	total  uint64
	buf    []byte // header and data of the next block
	err    error
}

func newSnapWriter(f File, rev, id uint64) *snapWriter {
	w := &snapWriter{f: f, salt: newSalt(), buf: make([]byte, 8, 8+snapBlock)}
	b := make([]byte, headerBytes)
	copy(b, snapMagic)
	le.PutUint32(b[12:], formatVersion)
	le.PutUint64(b[16:], w.salt)
	le.PutUint64(b[24:], rev)
	le.PutUint64(b[32:], id)
	le.PutUint32(b[8:], sum(b[12:]))
	w.put(b)
	return w
}

func (w *snapWriter) put(b []byte) {
	if w.err == nil {
		_, w.err = w.f.WriteAt(b, w.off)
		w.off += int64(len(b))
	}
}

func (w *snapWriter) block(last uint32) {
	n := uint32(len(w.buf)-8) | last
	le.PutUint32(w.buf[4:], n)
	le.PutUint32(w.buf, blockSum(w.salt, w.number, n, w.buf[8:]))
	w.number++
	w.put(w.buf)
	w.buf = w.buf[:8]
}

func (w *snapWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		k := min(len(p), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, p[:k]...)
		w.total += uint64(k)
		n, p = n+k, p[k:]
		if len(w.buf) == cap(w.buf) {
			w.block(0)
		}
	}
	return n, w.err
}

// finish writes the last block and makes the file durable.
func (w *snapWriter) finish() error {
	if len(w.buf) > 8 {
		w.block(0)
	}
	w.buf = le.AppendUint64(w.buf, w.total)
	w.block(snapLast)
	if w.err == nil {
		w.err = w.f.Truncate(w.off)
	}
	if w.err == nil {
		w.err = w.f.Sync()
	}
	err := w.err
	w.err = errors.New("cannot write to a snapshot that is finished")
	return err
}

// Snapshot stores what write writes as the state at revision rev, which must be
// acknowledged. Appends go on meanwhile. When it is durable, snapshots and records
// that are no longer kept are recycled. For a revision that has a snapshot nothing
// is done.
func (l *Log) Snapshot(rev uint64, write func(io.Writer) error) error {
	l.snap.Lock()
	defer l.snap.Unlock()
	l.mu.Lock()
	err, durable, newest := l.err, l.durable, uint64(0)
	if n := len(l.snaps); n > 0 {
		newest = l.snaps[n-1]
	}
	l.mu.Unlock()
	switch {
	case err != nil:
	case rev > durable:
		err = fmt.Errorf("%w: the last is %d", ErrFuture, durable)
	case rev == 0:
		err = fmt.Errorf("%w: revision 0 is empty", ErrTrimmed)
	case rev == newest:
		return nil
	case rev < newest:
		err = fmt.Errorf("%w: the newest snapshot is of revision %d", ErrTrimmed, newest)
	default:
		err = l.writeSnapshot(rev, write)
	}
	if err != nil {
		return fmt.Errorf("cannot take a snapshot of revision %d of journal %s: %w", rev, l.fs.Name(), noSpace(err))
	}
	if err := l.trim(); err != nil {
		l.log.Warn("journal: cannot recycle what the snapshot covers", "dir", l.fs.Name(), "err", err)
	}
	if err := l.ensureReserve(); err != nil {
		l.log.Warn("journal: cannot reserve space for the next snapshot", event.Key, event.NoSpace, "dir", l.fs.Name(), "err", noSpace(err))
	}
	return nil
}

func (l *Log) writeSnapshot(rev uint64, write func(io.Writer) error) error {
	f, err := l.fs.Open(reserveName, true)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = l.fs.Create(reserveName)
	}
	if err != nil {
		return err
	}
	w := newSnapWriter(f, rev, l.id)
	if err = write(w); err == nil {
		err = w.finish()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = l.fs.Rename(reserveName, snapName(rev))
	}
	if err != nil {
		// A file that could not be synced is not used again.
		_ = l.fs.Remove(reserveName)
		if e := l.ensureReserve(); e != nil {
			l.log.Warn("journal: cannot reserve space for a snapshot", event.Key, event.NoSpace, "dir", l.fs.Name(), "err", noSpace(e))
		}
		return err
	}
	if err := l.fs.SyncDir(); err != nil {
		return l.poisoned(err)
	}
	l.mu.Lock()
	l.snaps = append(l.snaps, rev)
	l.badSnaps = slices.DeleteFunc(l.badSnaps, func(n string) bool { return n == snapName(rev) })
	l.snapBytes = w.off
	l.mu.Unlock()
	return nil
}

// snapReader reads a snapshot and passes on only what it has checked.
type snapReader struct {
	f      File
	name   string
	off    int64
	salt   uint64
	number uint64
	total  uint64
	head   [8]byte
	buf    []byte
	data   []byte // of the block, not yet passed on
	err    error
}

// openSnapshot opens the snapshot of rev and checks its header.
func openSnapshot(fsys FS, rev uint64) (r *snapReader, id uint64, err error) {
	name := snapName(rev)
	f, err := fsys.Open(name, false)
	if err != nil {
		return nil, 0, err
	}
	id, salt, err := readSnapHeader(f, name, rev)
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return &snapReader{f: f, name: name, off: headerBytes, salt: salt}, id, nil
}

func readSnapHeader(f File, name string, rev uint64) (id, salt uint64, err error) {
	size, err := f.Size()
	if err != nil {
		return 0, 0, err
	}
	b := make([]byte, headerBytes)
	if size < headerBytes {
		return 0, 0, corrupt(name, 0, remedySnapshot, "the file is cut to %d bytes", size)
	}
	if err := readFull(f, b, 0); err != nil {
		return 0, 0, err
	}
	if !bytes.Equal(b[:8], []byte(snapMagic)) || sum(b[12:]) != le.Uint32(b[8:]) {
		return 0, 0, corrupt(name, 0, remedySnapshot, "the header is not a snapshot's")
	}
	if v := le.Uint32(b[12:]); v != formatVersion {
		return 0, 0, corrupt(name, 12, remedyVersion, "it has format %d, known is %d", v, formatVersion)
	}
	if r := le.Uint64(b[24:]); r != rev {
		return 0, 0, corrupt(name, 24, remedySnapshot, "it is of revision %d and its name says %d", r, rev)
	}
	return le.Uint64(b[32:]), le.Uint64(b[16:]), nil
}

const remedySnapshot = "restore it from a backup, or move it away if an older snapshot and the segments since are there"

func (r *snapReader) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		if r.err == nil {
			r.err = r.block()
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

func (r *snapReader) block() error {
	size, err := r.f.Size()
	if err != nil {
		return err
	}
	if size-r.off < 8 {
		return corrupt(r.name, r.off, remedySnapshot, "the end is missing")
	}
	if err := readFull(r.f, r.head[:], r.off); err != nil {
		return err
	}
	length := le.Uint32(r.head[4:])
	n := int64(length &^ snapLast)
	if n > snapBlock || n > size-r.off-8 {
		return corrupt(r.name, r.off, remedySnapshot, "block %d has an impossible length", r.number)
	}
	if r.buf == nil {
		r.buf = make([]byte, min(snapBlock, size-r.off))
	}
	b := r.buf[:n]
	if n > 0 {
		if err := readFull(r.f, b, r.off+8); err != nil {
			return err
		}
	}
	if blockSum(r.salt, r.number, length, b) != le.Uint32(r.head[:]) {
		return corrupt(r.name, r.off, remedySnapshot, "the checksum of block %d is wrong", r.number)
	}
	r.off += 8 + n
	r.number++
	if length&snapLast == 0 {
		if n == 0 {
			return corrupt(r.name, r.off, remedySnapshot, "block %d is empty", r.number-1)
		}
		r.total += uint64(n)
		r.data = b
		return nil
	}
	if n != 8 || le.Uint64(b) != r.total || r.off != size {
		return corrupt(r.name, r.off, remedySnapshot, "its length is not what its last block says")
	}
	return io.EOF
}

func (r *snapReader) Close() error { return r.f.Close() }

// checkSnapshot reads the whole snapshot of rev.
func checkSnapshot(fsys FS, rev uint64) (id uint64, size int64, err error) {
	r, id, err := openSnapshot(fsys, rev)
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	for err == nil {
		err = r.block()
	}
	if err != io.EOF {
		return 0, 0, err
	}
	return id, r.off, nil
}

// SnapshotReader reads the newest snapshot, of the revision it returns. It fails
// with ErrNoSnapshot if there is none; the caller then starts with nothing.
func (l *Log) SnapshotReader() (rev uint64, r io.ReadCloser, err error) { return l.SnapshotAt(Any) }

// SnapshotAt reads the newest snapshot of revision at or an older one.
func (l *Log) SnapshotAt(at uint64) (rev uint64, r io.ReadCloser, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, nil, ErrClosed
	}
	for i := len(l.snaps) - 1; i >= 0; i-- {
		if rev = l.snaps[i]; rev <= at {
			// Opened under mu: trim takes it off the list before it is unlinked.
			s, _, err := openSnapshot(l.fs, rev)
			if err != nil {
				return 0, nil, fmt.Errorf("cannot read snapshot of journal %s: %w", l.fs.Name(), err)
			}
			return rev, s, nil
		}
	}
	return 0, nil, fmt.Errorf("cannot read snapshot of journal %s: %w", l.fs.Name(), ErrNoSnapshot)
}
