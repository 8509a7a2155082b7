// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

const (
	segmentMagic  = "nsojrnl\n"
	formatVersion = 1
	headerBytes   = 64   // of the segment header, the first bytes of its first page
	dataStart     = page // where records begin
	endReserve    = frameHeader

	lockName    = "lock"
	reserveName = "reserve"
	tmpSpare    = "tmp-spare"
	segPrefix   = "seg-"
	sparePrefix = "spare-"
	snapPrefix  = "snap-"
	tmpPrefix   = "tmp-"

	// markEvery is the distance of the marks that Read starts from.
	markEvery = 64 << 10
)

func segName(first uint64) string { return fmt.Sprintf("%s%016x", segPrefix, first) }
func snapName(rev uint64) string  { return fmt.Sprintf("%s%016x", snapPrefix, rev) }

// parseName reads the number in the names that segName and snapName make.
func parseName(name, prefix string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok || len(digits) != 16 || strings.ToLower(digits) != digits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// ours says which names in the directory are the journal's.
func ours(name string) bool {
	if _, ok := parseName(name, segPrefix); ok {
		return true
	}
	if _, ok := parseName(name, snapPrefix); ok {
		return true
	}
	return name == reserveName || strings.HasPrefix(name, sparePrefix) || strings.HasPrefix(name, tmpPrefix)
}

// segment is one file of records. All but name, first, salt and size are guarded
// by Log.mu.
type segment struct {
	name  string
	first uint64 // revision of its first record
	salt  uint64
	size  int64
	end   int64 // behind its last durable record; in an older segment its size
	file  File  // open while refs > 0
	refs  int
	marks []mark
}

// mark is a place at which a record begins.
type mark struct {
	rev uint64
	off int64
}

// header of a segment: magic, crc32c of what follows, version, salt, first, size,
// identity of the log, zeros.
func encodeSegmentHeader(s *segment, id uint64) []byte {
	b := make([]byte, page)
	copy(b, segmentMagic)
	le.PutUint32(b[12:], formatVersion)
	le.PutUint64(b[16:], s.salt)
	le.PutUint64(b[24:], s.first)
	le.PutUint64(b[32:], uint64(s.size))
	le.PutUint64(b[40:], id)
	le.PutUint32(b[8:], sum(b[12:headerBytes]))
	return b
}

// readSegmentHeader fills in s, of which name and first come from the file name,
// and returns the identity of the log.
func readSegmentHeader(f File, s *segment) (id uint64, err error) {
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	b := make([]byte, headerBytes)
	if size < dataStart {
		return 0, corrupt(s.name, 0, remedyRestore, "the file is cut to %d bytes", size)
	}
	if err := readFull(f, b, 0); err != nil {
		return 0, err
	}
	if string(b[:8]) != segmentMagic || sum(b[12:]) != le.Uint32(b[8:]) {
		return 0, corrupt(s.name, 0, remedyRestore, "the header is not a segment's")
	}
	if v := le.Uint32(b[12:]); v != formatVersion {
		return 0, corrupt(s.name, 12, remedyVersion, "it has format %d, known is %d", v, formatVersion)
	}
	s.salt, s.size, id = le.Uint64(b[16:]), int64(le.Uint64(b[32:])), le.Uint64(b[40:])
	s.end = s.size
	if first := le.Uint64(b[24:]); first != s.first || first == 0 {
		return 0, corrupt(s.name, 24, remedyRestore, "it begins with revision %d and its name says %d", first, s.first)
	}
	if s.size != size {
		return 0, corrupt(s.name, 32, remedyRestore, "it has %d bytes and its header says %d", size, s.size)
	}
	return id, nil
}

func readFull(f File, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	return fmt.Errorf("cannot read %d bytes at %d: %w", len(b), off, err)
}

// room is how many bytes of records fit behind end.
func (s *segment) room() int64 { return s.size - endReserve - s.end }

// addMark remembers where rev begins, if the last mark is far enough away.
func (s *segment) addMark(rev uint64, off int64) {
	if n := len(s.marks); n > 0 && (off < s.marks[n-1].off+markEvery || rev <= s.marks[n-1].rev) {
		return
	}
	s.marks = append(s.marks, mark{rev, off})
}

// near returns the last mark at or before rev.
func (s *segment) near(rev uint64) mark {
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].rev > rev })
	if i == 0 {
		return mark{s.first, dataStart}
	}
	return s.marks[i-1]
}

// cursor reads the records of a segment one after the other. It holds one buffer,
// which grows only for a record that lies wholly in the file.
type cursor struct {
	file  File
	salt  uint64
	off   int64 // of the next record
	limit int64
	buf   []byte
	base  int64 // file offset of buf[0]
	chunk int   // bytes to read at a time; 0 means cursorBuffer
}

const cursorBuffer = 256 << 10

// peek returns n bytes at off, which must not pass the limit.
func (c *cursor) peek(n int) ([]byte, error) {
	if at := c.off - c.base; at >= 0 && at+int64(n) <= int64(len(c.buf)) {
		return c.buf[at : at+int64(n)], nil
	}
	chunk := c.chunk
	if chunk == 0 {
		chunk = cursorBuffer
	}
	want := min(int64(max(n, chunk)), c.limit-c.off)
	if int64(cap(c.buf)) < want {
		c.buf = make([]byte, want)
	}
	c.buf = c.buf[:want]
	c.base = c.off
	if err := readFull(c.file, c.buf, c.off); err != nil {
		c.buf = c.buf[:0]
		return nil, err
	}
	return c.buf[:n], nil
}

// next returns the record at off and goes behind it. The record's memory is lent
// until the next call. ok is false if what lies there is not a valid record; off
// then stays.
func (c *cursor) next() (f frame, b []byte, ok bool, err error) {
	room := c.limit - c.off
	if room < frameHeader {
		return f, nil, false, nil
	}
	if b, err = c.peek(frameHeader); err != nil {
		return f, nil, false, err
	}
	if f, ok = readFrame(b, c.salt, room); !ok {
		return frame{}, nil, false, nil
	}
	if b, err = c.peek(int(f.length)); err != nil {
		return f, nil, false, err
	}
	if !f.check(b) {
		return f, nil, false, nil
	}
	c.off += aligned(int64(f.length))
	return f, b, true, nil
}
