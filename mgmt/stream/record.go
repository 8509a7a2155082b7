// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/binary"
	"log/slog"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt/tape"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
)

// recordSize bounds what is read of one record.
const recordSize = 2 * tape.MaxRecord

// Keep keeps the events on a tape in a folder, so that they can be replayed after a
// restart (RFC 5277, 3.3). It is called before there are any. Without it, or where the
// tape fails, they are kept in memory alone, and Log says so.
func (s *Stream) Keep(dir string, log *slog.Logger) error {
	t, err := tape.Open(dir)
	if err != nil {
		return err
	}
	s.settle()
	s.work.Lock()
	defer s.work.Unlock()
	s.tape, s.log = t, log
	s.record(s.kept) // what the start itself has done
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created, s.aged = t.Times()
	return nil
}

// Close ends the tape.
func (s *Stream) Close() error {
	s.settle()
	s.work.Lock()
	defer s.work.Unlock()
	t := s.tape
	s.tape = nil
	if t == nil {
		return nil
	}
	return t.Close()
}

// record writes events to the tape. s.work is held.
func (s *Stream) record(events []*Event) {
	if s.tape == nil || len(events) == 0 {
		return
	}
	records := make([]tape.Record, 0, len(events))
	for _, e := range events {
		data, err := s.encode(e)
		if err == nil && len(data) > tape.MaxRecord { // names of nodes beyond measure
			e.Edits = tops(e.Edits)
			data, err = s.encode(e)
		}
		if err != nil {
			s.log.Error("internal error: cannot keep an event", "err", err)
			continue
		}
		records = append(records, tape.Record{Time: e.Time, Data: data})
	}
	err := s.tape.Append(records)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created, s.aged = s.tape.Times()
	if err != nil {
		s.log.Warn("events were lost: those from before cannot be replayed", "op", "events", "err", err)
		return
	}
	if len(records) == len(events) {
		for i, e := range events {
			e.number = records[i].Number
		}
	}
}

// encode is how an event lies on the tape: the number of edits, for each its operation
// and target, each text with its length before it, and the body as XML.
func (s *Stream) encode(e *Event) ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(len(e.Edits)))
	text := func(v string) {
		b = binary.AppendUvarint(b, uint64(len(v)))
		b = append(b, v...)
	}
	for _, d := range e.Edits {
		text(d.Operation)
		text(d.Target.String())
	}
	s.line.Reset(nil)
	if err := xmlenc.Encode(s.line, e.Body, xmlenc.Options{Modules: s.schema.Module}); err != nil {
		return nil, err
	}
	return append(b, s.line.Bytes()...), nil
}

// decode is the event of a record; nil if the schema has no such event any more.
func (s *Stream) decode(r tape.Record) *Event {
	e := &Event{Time: r.Time, number: r.Number}
	rest := r.Data
	number := func() (n uint64) {
		n, size := binary.Uvarint(rest)
		if size <= 0 {
			rest = nil
			return 0
		}
		rest = rest[size:]
		return n
	}
	text := func() (v string) {
		n := min(number(), uint64(len(rest)))
		v, rest = string(rest[:n]), rest[n:]
		return v
	}
	for n := number(); n > 0 && len(rest) > 0; n-- {
		op, target := text(), text()
		if p, err := tree.ParsePath(s.schema, target); err == nil {
			e.Edits = append(e.Edits, Edit{p, op})
		}
	}
	root, err := xmlenc.DecodeTree(xmlstream.NewBytes(rest, xmlstream.Limits{Size: recordSize}), s.events, xmlenc.DecodeOptions{})
	if err != nil {
		return nil
	}
	for c := range root.Children() {
		e.Kind = s.kind(c.Schema)
	}
	if e.Body = root; e.Kind == nil {
		return nil
	}
	return e
}

// historyLocked is what the tape has and memory has not; nil if nothing. s.work is held.
func (s *Stream) historyLocked() *tape.Reader {
	if s.tape == nil {
		return nil
	}
	before := s.tape.Next()
	for _, e := range s.kept {
		if e.number > 0 {
			before = e.number
			break
		}
	}
	return s.tape.Reader(before)
}

// nextOfHistory is the next event of a replay from the tape; nil at its end.
func (s *Stream) nextOfHistory(sub *Subscription) *Event {
	for {
		r, ok := sub.history.Next()
		if !ok {
			sub.history.Close()
			sub.history = nil
			return nil
		}
		if r.Time.Before(sub.from) {
			continue
		}
		if e := s.decode(r); e != nil {
			return e
		}
	}
}
