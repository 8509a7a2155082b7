// SPDX-License-Identifier: Apache-2.0

package journald

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"nso.example/nso/journald/event"
)

// The largest sizes, in bytes. A record over the size of a datagram goes to the
// journal in a file of memory.
const (
	maxValue   = 64 << 10
	maxMessage = 2 << 10
	maxRecord  = 512 << 10
	maxValues  = 64 // of one attribute that is a list
)

// handler writes records in the native protocol. It is immutable; With makes
// another one.
type handler struct {
	out    *socket
	level  slog.Leveler
	ids    map[event.Name]string
	fields map[string]event.Field
	pool   *sync.Pool

	head   []byte // fields of every record, those of WithAttrs included
	tail   []byte // the same attributes in MESSAGE
	prefix string // of the groups that are open
}

// scratch is what a record is made in.
type scratch struct{ fields, text []byte }

func newHandler(out *socket, program string, level slog.Leveler) *handler {
	h := &handler{out: out, level: level, ids: make(map[event.Name]string), fields: make(map[string]event.Field),
		pool: &sync.Pool{New: func() any { return new(scratch) }}}
	for _, e := range event.All() {
		h.ids[e.Name] = e.ID
	}
	for _, f := range event.Fields() {
		h.fields[f.Key] = f
	}
	h.head = appendField(nil, "SYSLOG_IDENTIFIER", program)
	return h
}

// Enabled is of slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// WithAttrs is of slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	s := &scratch{slices.Clone(h.head), slices.Clone(h.tail)}
	for _, a := range attrs {
		h.attr(s, h.prefix, a)
	}
	with := *h
	with.head, with.tail = s.fields, s.text
	return &with
}

// WithGroup is of slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	with := *h
	if name != "" {
		with.prefix += name + "."
	}
	return &with
}

// Handle is of slog.Handler. It does not fail: what is lost is counted.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	s := h.pool.Get().(*scratch)
	s.fields = append(s.fields[:0], h.head...)
	s.text = appendText(s.text[:0], r.Message)
	s.text = append(s.text, h.tail...)
	s.fields = append(append(append(s.fields, "PRIORITY="...), priority(r.Level)), '\n')
	r.Attrs(func(a slog.Attr) bool {
		h.attr(s, h.prefix, a)
		return true
	})
	s.text = cut(s.text, maxMessage)
	s.fields = append(append(append(s.fields, "MESSAGE="...), s.text...), '\n')
	h.out.write(s.fields, r.Time)
	if cap(s.fields) <= maxValue {
		h.pool.Put(s)
	}
	return nil
}

// priority is that of syslog(3).
func priority(l slog.Level) byte {
	switch {
	case l >= slog.LevelError:
		return '3'
	case l >= slog.LevelWarn:
		return '4'
	case l > slog.LevelInfo:
		return '5'
	case l >= slog.LevelInfo:
		return '6'
	}
	return '7'
}

// attr adds an attribute to the fields and, unless it is a quiet one, to MESSAGE.
func (h *handler) attr(s *scratch, prefix string, a slog.Attr) {
	v := resolve(a.Value)
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, in := range v.Group() {
			h.attr(s, prefix, in)
		}
		return
	}
	if a.Key == "" {
		return
	}
	key := prefix + a.Key
	f, fixed := h.fields[key]
	if !fixed {
		f.Name = event.FieldName(key)
	}
	if list, ok := v.Any().([]string); ok && v.Kind() == slog.KindAny {
		h.list(s, key, f, list)
		return
	}
	var value string
	switch {
	case key == event.Key:
		value = str(v)
		if id, ok := h.ids[event.Name(value)]; ok {
			s.fields = appendField(s.fields, "MESSAGE_ID", id)
		}
	case v.Kind() == slog.KindDuration && fixed:
		s.add(f.Name, strconv.FormatInt(v.Duration().Microseconds(), 10))
		if !f.Quiet {
			s.say(key, str(v))
		}
		return
	case key == event.Audit:
		value = "1"
	default:
		value = str(v)
	}
	s.add(f.Name, value)
	if !f.Quiet && value != "" {
		s.say(key, value)
	}
}

// sayMax is how much of a list is in MESSAGE.
const sayMax = 4

func (h *handler) list(s *scratch, key string, f event.Field, list []string) {
	for i, v := range list {
		if i == maxValues {
			break
		}
		s.add(f.Name, v)
		if !f.Quiet && i < sayMax {
			s.say(key, v)
		}
	}
	if !f.Quiet && len(list) > sayMax {
		s.text = append(s.text, " ..."...)
	}
}

// add writes a field, if there is room for it.
func (s *scratch) add(name, value string) {
	if value != "" && len(s.fields)+len(value) < maxRecord-maxValue {
		s.fields = appendField(s.fields, name, value)
	}
}

// say adds to MESSAGE.
func (s *scratch) say(key, value string) {
	if len(s.text) > maxMessage {
		return
	}
	s.text = appendWord(append(s.text, ' '), key)
	s.text = appendWord(append(s.text, '='), value)
}

// appendWord is appendText of what must not be taken for more than one.
func appendWord(b []byte, text string) []byte {
	if text == "" || strings.ContainsAny(text, " =\"") {
		return strconv.AppendQuote(b, text[:min(len(text), maxMessage)])
	}
	return appendText(b, text)
}

// appendText writes a text as it is if all of it is printable, else in quotes.
func appendText(b []byte, text string) []byte {
	text = text[:min(len(text), maxMessage)]
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return strconv.AppendQuote(b, text)
		}
	}
	return append(b, text...)
}

// cut shortens a text to a size, between two characters.
func cut(b []byte, size int) []byte {
	if len(b) <= size {
		return b
	}
	for size > 0 && !utf8.RuneStart(b[size]) {
		size--
	}
	return append(b[:size], " ..."...)
}

// appendField writes a field: as a line, or if the value has a newline with its
// length before it.
func appendField(b []byte, name, value string) []byte {
	more := len(value) - maxValue
	if more > 0 {
		end := maxValue
		for !utf8.RuneStart(value[end]) && end > maxValue-utf8.UTFMax {
			end--
		}
		value = value[:end] + " (cut: " + strconv.Itoa(more) + " bytes more)"
	}
	b = append(b, name...)
	if strings.IndexByte(value, '\n') < 0 {
		return append(append(append(b, '='), value...), '\n')
	}
	b = append(b, '\n')
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	return append(append(b, value...), '\n')
}

// resolve is slog.Value.Resolve with a panic as the value.
func resolve(v slog.Value) (out slog.Value) {
	if v.Kind() != slog.KindLogValuer {
		return v
	}
	defer func() {
		if p := recover(); p != nil {
			out = slog.StringValue(fmt.Sprintf("panic: %v", p))
		}
	}()
	return v.Resolve()
}

// str is a value as text.
func str(v slog.Value) (text string) {
	switch v.Kind() {
	case slog.KindString:
		return v.String()
	case slog.KindTime:
		return v.Time().UTC().Format(time.RFC3339Nano)
	case slog.KindAny:
		defer func() {
			if p := recover(); p != nil {
				text = fmt.Sprintf("panic: %v", p)
			}
		}()
		switch x := v.Any().(type) {
		case event.Name:
			return string(x)
		case error:
			return x.Error()
		case fmt.Stringer:
			return x.String()
		case []byte:
			return string(x)
		case nil:
			return ""
		}
		return fmt.Sprintf("%+v", v.Any())
	}
	return v.String()
}
