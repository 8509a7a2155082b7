// SPDX-License-Identifier: Apache-2.0

// Package tape is a log of records in files of bounded size: what is new is appended,
// and the oldest file goes when there are too many.
//
// It does not know what the records say, and nobody waits for it: a record is on the
// disk within a second or so.
//
// Invariants:
//  1. A record is read whole or not at all: it carries a checksum. A tail that a power
//     cut tore is cut off when the tape is opened.
//  2. Numbers of records grow by one, over restarts too.
//  3. What was lost is known: Times says since when nothing is missing. A file that
//     cannot be read goes, with all that is older; one that cannot be written begins the
//     tape anew.
//  4. The size on the disk is bounded: keep files of segmentSize and one record.
//
// A segment is NUMBER.events: a header (magic, the time the tape was made, the latest
// time of the records that are gone, a checksum) and records (length of the data and
// checksum of the rest, 4 bytes each; number and time in nanoseconds, 8 bytes each;
// data). Numbers are little-endian.
package tape

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	magic       = "nsoevt1\n"
	headerSize  = len(magic) + 8 + 8 + 4
	frameSize   = 4 + 4 + 8 + 8
	segmentSize = 4 << 20
	keep        = 4 // segments
	syncEvery   = time.Second
	suffix      = ".events"
)

// MaxRecord is how many bytes the data of a record may have.
const MaxRecord = 1 << 20

// Record is one entry.
type Record struct {
	Number uint64
	Time   time.Time
	Data   []byte
}

// Tape is an open log. One goroutine writes; readers are others.
type Tape struct {
	dir      *os.Root
	segments []uint64 // oldest first
	file     *os.File // the last of them
	size     int64
	next     uint64
	latest   time.Time // of all records so far
	created  time.Time
	aged     time.Time
	synced   time.Time
	buf      []byte
}

// Open opens the tape in a folder, which is made if it is not there.
func Open(dir string) (*Tape, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("cannot keep events: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot keep events: %w", err)
	}
	t := &Tape{dir: root, next: 1, synced: time.Now()}
	if err := t.load(); err != nil {
		root.Close()
		return nil, fmt.Errorf("cannot keep events: %w", err)
	}
	return t, nil
}

func name(n uint64) string { return fmt.Sprintf("%020d%s", n, suffix) }

// load finds the segments and the end of the last.
func (t *Tape) load() error {
	entries, err := fs.ReadDir(t.dir.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, ok := strings.CutSuffix(e.Name(), suffix)
		if n, err := strconv.ParseUint(text, 10, 64); ok && err == nil && e.Type().IsRegular() {
			t.segments = append(t.segments, n)
		}
	}
	slices.Sort(t.segments)
	if n := len(t.segments); n > 0 { // one that was being begun when the power went
		if st, err := t.dir.Stat(name(t.segments[n-1])); err == nil && st.Size() < int64(headerSize) {
			if err := t.dir.Remove(name(t.segments[n-1])); err != nil {
				return err
			}
			t.segments = t.segments[:n-1]
		}
	}
	sound := 0 // segments from here on are whole
	for i, n := range t.segments {
		end, whole, err := t.scan(n, i == sound)
		last := i == len(t.segments)-1
		switch {
		case err == nil && last:
			return t.resume(sound, end)
		case err != nil || !whole:
			sound = i + 1
		}
	}
	return t.anew() // nothing that could be gone on with
}

// scan reads a segment: how far it is good, and whether that is all of it. first says
// that it is the oldest that counts: what its header says does.
func (t *Tape) scan(n uint64, first bool) (end int64, whole bool, err error) {
	f, err := t.dir.Open(name(n))
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	created, aged, err := readHeader(r)
	if err != nil {
		return 0, false, err
	}
	if first {
		t.created, t.aged = created, aged
	}
	end = int64(headerSize)
	for {
		rec, err := readRecord(r)
		if err != nil {
			return end, errors.Is(err, io.EOF), nil
		}
		end += int64(frameSize + len(rec.Data))
		t.saw(rec)
	}
}

func (t *Tape) saw(rec Record) {
	t.next = max(t.next, rec.Number+1)
	if rec.Time.After(t.latest) {
		t.latest = rec.Time
	}
}

// resume goes on after what is good of the last segment, and drops those before the
// first one from which on nothing is missing.
func (t *Tape) resume(sound int, end int64) error {
	for _, n := range t.segments[:sound] {
		if err := t.dir.Remove(name(n)); err != nil {
			return err
		}
	}
	t.segments = t.segments[sound:]
	n := t.segments[len(t.segments)-1]
	f, err := t.dir.OpenFile(name(n), os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(end); err != nil {
		f.Close()
		return err
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		f.Close()
		return err
	}
	t.file, t.size = f, end
	return nil
}

// anew gives up all there is and begins a tape without a past.
func (t *Tape) anew() error {
	for _, n := range t.segments {
		if err := t.dir.Remove(name(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	t.segments = nil
	t.created, t.aged = time.Now(), time.Time{}
	return t.begin()
}

// begin begins the next segment, and drops what is too old.
func (t *Tape) begin() error {
	n := uint64(1)
	if len(t.segments) > 0 {
		n = t.segments[len(t.segments)-1] + 1
	}
	for len(t.segments) >= keep {
		// RFC 8639, 4: replay-log-aged-time. The last record of what goes is no later
		// than what the next segment says of it.
		if _, aged, err := t.header(t.segments[1]); err == nil {
			t.aged = aged
		} else {
			t.aged = t.latest
		}
		if err := t.dir.Remove(name(t.segments[0])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		t.segments = t.segments[1:]
	}
	f, err := t.dir.OpenFile(name(n), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	b := append(make([]byte, 0, headerSize), magic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(nano(t.created)))
	b = binary.LittleEndian.AppendUint64(b, uint64(nano(t.latest)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if t.file != nil {
		t.file.Sync()
		t.file.Close()
	}
	t.file, t.size = f, int64(len(b))
	t.segments = append(t.segments, n)
	return nil
}

func (t *Tape) header(n uint64) (created, before time.Time, err error) {
	f, err := t.dir.Open(name(n))
	if err != nil {
		return created, before, err
	}
	defer f.Close()
	return readHeader(f)
}

func nano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n))
}

var errDamaged = errors.New("it is damaged")

func readHeader(r io.Reader) (created, before time.Time, err error) {
	var b [headerSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return created, before, err
	}
	sum := binary.LittleEndian.Uint32(b[headerSize-4:])
	if string(b[:len(magic)]) != magic || sum != crc32.Checksum(b[:headerSize-4], crc32.MakeTable(crc32.Castagnoli)) {
		return created, before, errDamaged
	}
	rest := b[len(magic):]
	return moment(binary.LittleEndian.Uint64(rest)), moment(binary.LittleEndian.Uint64(rest[8:])), nil
}

// readRecord reads the next record; io.EOF says that there is none.
func readRecord(r io.Reader) (rec Record, err error) {
	var b [frameSize]byte
	if n, err := io.ReadFull(r, b[:]); err != nil {
		if n == 0 && errors.Is(err, io.EOF) {
			return rec, io.EOF
		}
		return rec, errDamaged
	}
	size := binary.LittleEndian.Uint32(b[:])
	if size > MaxRecord {
		return rec, errDamaged
	}
	rec.Data = make([]byte, size)
	if _, err := io.ReadFull(r, rec.Data); err != nil {
		return rec, errDamaged
	}
	if checksum(b[8:], rec.Data) != binary.LittleEndian.Uint32(b[4:]) {
		return rec, errDamaged
	}
	rec.Number = binary.LittleEndian.Uint64(b[8:])
	rec.Time = time.Unix(0, int64(binary.LittleEndian.Uint64(b[16:])))
	return rec, nil
}

func checksum(head, data []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(head, table), table, data)
}

// Append adds records and gives them their numbers. After an error the tape has begun
// anew, if it could.
func (t *Tape) Append(records []Record) error {
	err := t.append(records)
	if err != nil {
		err = errors.Join(err, t.anew())
	}
	return err
}

func (t *Tape) append(records []Record) error {
	t.buf = t.buf[:0]
	for i := range records {
		rec := &records[i]
		rec.Number = t.next
		t.saw(*rec)
		if len(rec.Data) > MaxRecord {
			return fmt.Errorf("cannot keep an event of %d bytes", len(rec.Data))
		}
		at := len(t.buf)
		t.buf = binary.LittleEndian.AppendUint32(t.buf, uint32(len(rec.Data)))
		t.buf = binary.LittleEndian.AppendUint32(t.buf, 0)
		t.buf = binary.LittleEndian.AppendUint64(t.buf, rec.Number)
		t.buf = binary.LittleEndian.AppendUint64(t.buf, uint64(rec.Time.UnixNano()))
		binary.LittleEndian.PutUint32(t.buf[at+4:], checksum(t.buf[at+8:], rec.Data))
		t.buf = append(t.buf, rec.Data...)
		if t.size+int64(len(t.buf)) >= segmentSize {
			if err := t.flush(); err != nil {
				return err
			}
			if err := t.begin(); err != nil {
				return err
			}
		}
	}
	return t.flush()
}

func (t *Tape) flush() error {
	if t.file == nil {
		return os.ErrClosed
	}
	n, err := t.file.Write(t.buf)
	t.size += int64(n)
	t.buf = t.buf[:0]
	if cap(t.buf) > 1<<20 {
		t.buf = nil
	}
	if now := time.Now(); err == nil && now.Sub(t.synced) >= syncEvery {
		t.synced = now
		err = t.file.Sync()
	}
	return err
}

// Times says since when nothing is missing: when the tape was made, and the latest
// time of the records that are gone; zero if none is.
func (t *Tape) Times() (created, aged time.Time) { return t.created, t.aged }

// Next is the number that the next record will have.
func (t *Tape) Next() uint64 { return t.next }

// Close ends it.
func (t *Tape) Close() error {
	var err error
	if t.file != nil {
		err = errors.Join(t.file.Sync(), t.file.Close())
	}
	return errors.Join(err, t.dir.Close())
}

// Reader reads what there is, oldest first.
type Reader struct {
	dir      *os.Root
	segments []uint64
	file     *os.File
	r        *bufio.Reader
	before   uint64
}

// Reader reads the records with a number below before. It is to be closed.
func (t *Tape) Reader(before uint64) *Reader {
	return &Reader{dir: t.dir, segments: slices.Clone(t.segments), before: before}
}

// Next is the next record; false at the end.
func (r *Reader) Next() (Record, bool) {
	for {
		if r.file == nil {
			if len(r.segments) == 0 {
				return Record{}, false
			}
			f, err := r.dir.Open(name(r.segments[0]))
			r.segments = r.segments[1:]
			if err != nil {
				continue // it has gone meanwhile
			}
			r.file, r.r = f, bufio.NewReaderSize(f, 16<<10)
			if _, _, err := readHeader(r.r); err != nil {
				r.closeFile()
				continue
			}
		}
		rec, err := readRecord(r.r)
		switch {
		case err != nil:
			r.closeFile()
		case rec.Number >= r.before:
			r.Close()
			return Record{}, false
		default:
			return rec, true
		}
	}
}

func (r *Reader) closeFile() {
	if r.file != nil {
		r.file.Close()
		r.file, r.r = nil, nil
	}
}

// Close ends the reading.
func (r *Reader) Close() {
	r.closeFile()
	r.segments = nil
}
