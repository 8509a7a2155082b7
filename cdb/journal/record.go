// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// Record is one decision. The journal reads none of it but the revision.
type Record struct {
	// Revision is given by Append.
	Revision uint64
	// Time is when it was decided; Append sets it if it is zero. Clocks jump: it
	// may go backwards from one record to the next.
	Time time.Time
	// Kind is the caller's.
	Kind uint32
	// Meta is what can be read without looking at the payload: who, how, why.
	Meta []byte
	// Payload is what was decided.
	Payload []byte
}

// Clone returns a record that shares no memory with r.
func (r Record) Clone() Record {
	r.Meta, r.Payload = bytes.Clone(r.Meta), bytes.Clone(r.Payload)
	return r
}

const (
	frameHeader = 48
	// frameMax is the largest record of the format, header included.
	frameMax = 1 << 30
	// page is the unit that padding fills, so that the kernel need not read what
	// is written only in part.
	page = 4096

	flagEnd = 1 // nothing follows in this segment
)

var le = binary.LittleEndian

// castagnoli is made once by the standard library, which returns the same table
// for each call.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

// aligned rounds up to where the next record begins.
func aligned(n int64) int64 { return (n + 7) &^ 7 }

// paged rounds up to a whole page.
func paged(n int64) int64 { return (n + page - 1) &^ (page - 1) }

// frame is the header of a record as it lies on disk.
type frame struct {
	crc, length     uint32
	salt, rev       uint64
	nanos           int64
	index, meta     uint32
	kind, flagsBits uint32
}

// appendFrame adds a record to buf, without what stamp sets.
func appendFrame(buf []byte, rev uint64, r *Record) []byte {
	length := frameHeader + len(r.Meta) + len(r.Payload)
	buf = le.AppendUint32(buf, 0)
	buf = le.AppendUint32(buf, uint32(length))
	buf = le.AppendUint64(buf, 0)
	buf = le.AppendUint64(buf, rev)
	buf = le.AppendUint64(buf, uint64(r.Time.UnixNano()))
	buf = le.AppendUint32(buf, 0)
	buf = le.AppendUint32(buf, uint32(len(r.Meta)))
	buf = le.AppendUint32(buf, r.Kind)
	buf = le.AppendUint32(buf, 0)
	buf = append(buf, r.Meta...)
	buf = append(buf, r.Payload...)
	for len(buf)&7 != 0 {
		buf = append(buf, 0)
	}
	return buf
}

// appendEnd adds the mark that a segment ends behind rev.
func appendEnd(buf []byte, salt, rev uint64) []byte {
	at := len(buf)
	buf = appendFrame(buf, rev, &Record{Time: time.Unix(0, 0)})
	le.PutUint32(buf[at+44:], flagEnd)
	stamp(buf[at:], salt, 0)
	return buf
}

// frameLength reads the length of the record that b begins with.
func frameLength(b []byte) int { return int(le.Uint32(b[4:])) }

// stamp sets what is known only when the record goes to its segment.
func stamp(b []byte, salt uint64, index uint32) {
	le.PutUint64(b[8:], salt)
	le.PutUint32(b[32:], index)
	le.PutUint32(b, sum(b[4:frameLength(b)]))
}

// readFrame reads a header and says whether it can be one of this segment with at
// most room bytes left.
func readFrame(b []byte, salt uint64, room int64) (frame, bool) {
	f := frame{
		crc: le.Uint32(b), length: le.Uint32(b[4:]),
		salt: le.Uint64(b[8:]), rev: le.Uint64(b[16:]),
		nanos: int64(le.Uint64(b[24:])),
		index: le.Uint32(b[32:]), meta: le.Uint32(b[36:]),
		kind: le.Uint32(b[40:]), flagsBits: le.Uint32(b[44:]),
	}
	ok := f.salt == salt && f.length >= frameHeader && f.length <= frameMax &&
		int64(f.length) <= room && f.meta <= f.length-frameHeader
	return f, ok
}

// check compares the checksum of the whole record.
func (f *frame) check(b []byte) bool {
	return sum(b[4:f.length]) == f.crc
}

// record gives the record that lies in b, which it shares.
func (f *frame) record(b []byte) Record {
	r := Record{Revision: f.rev, Time: time.Unix(0, f.nanos), Kind: f.kind}
	m := frameHeader + int(f.meta)
	if f.meta > 0 {
		r.Meta = b[frameHeader:m:m]
	}
	if int(f.length) > m {
		r.Payload = b[m:f.length:f.length]
	}
	return r
}
