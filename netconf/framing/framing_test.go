// SPDX-License-Identifier: Apache-2.0

package framing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// all reads every message, with reads of p bytes. switchAfter messages come in
// end-of-message framing, the others in chunks.
func all(r *Reader, switchAfter, p int) (messages []string, err error) {
	buf := make([]byte, p)
	for {
		if len(messages) == switchAfter {
			if err := r.Chunked(); err != nil {
				return messages, err
			}
		}
		if err := r.Next(); err != nil {
			return messages, err
		}
		var m strings.Builder
		for {
			n, err := r.Read(buf)
			m.Write(buf[:n])
			if err == io.EOF {
				break
			}
			if err != nil {
				return append(messages, m.String()+"..."), err
			}
		}
		messages = append(messages, m.String())
		if len(messages) > 1000 {
			return messages, errors.New("too many messages")
		}
	}
}

// splits gives sources of the same bytes that arrive in different pieces.
func splits(stream string) map[string]io.Reader {
	m := map[string]io.Reader{
		"at once":  strings.NewReader(stream),
		"bytes":    iotest.OneByteReader(strings.NewReader(stream)),
		"halves":   iotest.HalfReader(strings.NewReader(stream)),
		"with EOF": iotest.DataErrReader(strings.NewReader(stream)),
		"random":   &pieces{rest: stream, rnd: rand.New(rand.NewPCG(1, uint64(len(stream))))},
	}
	if len(stream) < 64 {
		for i := 1; i < len(stream); i++ {
			m[fmt.Sprint(i)] = io.MultiReader(strings.NewReader(stream[:i]), strings.NewReader(stream[i:]))
		}
	}
	return m
}

type pieces struct {
	rest string
	rnd  *rand.Rand
}

func (s *pieces) Read(p []byte) (int, error) {
	if s.rest == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.rnd.IntN(20))], s.rest) // 0 now and then
	s.rest = s.rest[n:]
	return n, nil
}

const onlyEnd, onlyChunks = -1, 0

func TestMessages(t *testing.T) {
	big := strings.Repeat("0123456789]]>]]", 10_000)
	for _, c := range []struct {
		name, stream string
		after        int
		want         []string
	}{
		{"none", "", onlyEnd, nil},
		{"one", "<a/>]]>]]>", onlyEnd, []string{"<a/>"}},
		{"blanks between", "<a/>]]>]]>\n\r\n <b/>]]>]]>\n", onlyEnd, []string{"<a/>", "<b/>"}},
		{"nearly the end", "]]>]]]>]]x]]>]>]]>]]>", onlyEnd, []string{"]]>]]]>]]x]]>]>"}},
		{"brackets before the end", "a]]]]>]]>", onlyEnd, []string{"a]]"}},
		{"empty message", "]]>]]>a]]>]]>", onlyEnd, []string{"", "a"}},
		{"large", big + "]]>]]>x]]>]]>", onlyEnd, []string{big, "x"}},
		{"chunk", "\n#4\n<a/>\n##\n", onlyChunks, []string{"<a/>"}},
		{"chunks", "\n#2\n<a\n#2\n/>\n##\n\n#1\n\n\n##\n", onlyChunks, []string{"<a/>", "\n"}},
		{"chunk that looks like one", "\n#10\n\n##\n\n#1\n]]\n##\n", onlyChunks, []string{"\n##\n\n#1\n]]"}},
		{"no blanks are lost", "\n#3\n \na\n##\n", onlyChunks, []string{" \na"}},
		{"large chunk", "\n#" + fmt.Sprint(len(big)) + "\n" + big + "\n#1\n!\n##\n\n#1\nx\n##\n", onlyChunks, []string{big + "!", "x"}},
		{"switch", "<hello/>]]>]]>\n#4\n<a/>\n##\n", 1, []string{"<hello/>", "<a/>"}},
	} {
		for way, src := range splits(c.stream) {
			for _, p := range []int{1, 7, 100, 100_000} {
				if p < 100 && len(c.stream) > 10_000 && way == "bytes" {
					continue
				}
				if s, ok := src.(*pieces); ok {
					src = &pieces{rest: c.stream, rnd: s.rnd}
				} else {
					src = splits(c.stream)[way]
				}
				got, err := all(NewReader(src, 0), c.after, p)
				if err != io.EOF || strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
					t.Errorf("%s, %s, %d: got %.200q, %v", c.name, way, p, got, err)
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		after        int
		limit        int64
		kind         ErrorKind
		offset       int64
	}{
		{"cut", "<a/>]]>]]", onlyEnd, 0, Cut, 9},
		{"cut in chunk", "\n#4\n<a/", onlyChunks, 0, Cut, 7},
		{"cut after chunk", "\n#4\n<a/>", onlyChunks, 0, Cut, 8},
		{"cut in header", "\n#4", onlyChunks, 0, Cut, 3},
		{"cut in end", "\n#1\na\n##", onlyChunks, 0, Cut, 8},
		{"no header", "<a/>]]>]]>", onlyChunks, 0, Malformed, 0},
		{"no hash", "\n4\n<a/>\n##\n", onlyChunks, 0, Malformed, 0},
		{"zero", "\n#0\n\n##\n", onlyChunks, 0, Malformed, 0},
		{"leading zero", "\n#04\n<a/>\n##\n", onlyChunks, 0, Malformed, 0},
		{"no size", "\n#\n<a/>\n##\n", onlyChunks, 0, Malformed, 0},
		{"sign", "\n#+4\n<a/>\n##\n", onlyChunks, 0, Malformed, 0},
		{"minus", "\n#-4\n<a/>\n##\n", onlyChunks, 0, Malformed, 0},
		{"hex", "\n#a\n<a/>\n##\n", onlyChunks, 0, Malformed, 0},
		{"blank", "\n#4 \n<a/>\n##\n", onlyChunks, 0, Malformed, 0},
		{"CR", "\n#4\r\n<a/>\n##\n", onlyChunks, 0, Malformed, 0},
		{"too large", "\n#4294967296\n<a/>", onlyChunks, 0, Malformed, 0},
		{"too many digits", "\n#11111111111\n<a/>", onlyChunks, 0, Malformed, 0},
		{"digits without end", "\n#" + strings.Repeat("1", 100_000), onlyChunks, 0, Malformed, 0},
		{"chunk too short", "\n#3\n<a/>\n##\n", onlyChunks, 0, Malformed, 7},
		{"chunk too long", "\n#5\n<a/>\n##\n", onlyChunks, 0, Malformed, 9},
		{"no chunk", "\n##\n", onlyChunks, 0, Malformed, 0},
		{"bad end", "\n#4\n<a/>\n##x", onlyChunks, 0, Malformed, 8},
		{"limit", strings.Repeat("a", 11) + "]]>]]>", onlyEnd, 10, TooBig, -1},
		{"no end in sight", strings.Repeat("a", 100_000), onlyEnd, 10_000, TooBig, -1},
		{"chunk beyond the limit", "\n#4294967295\n", onlyChunks, 1 << 20, TooBig, 0},
		{"chunks beyond the limit", "\n#6\n012345\n#5\n67890\n##\n", onlyChunks, 10, TooBig, 10},
	} {
		for way, src := range splits(c.stream) {
			r := NewReader(src, c.limit)
			_, err := all(r, c.after, 5)
			var e *Error
			if !errors.As(err, &e) || e.Kind != c.kind || c.offset >= 0 && e.Offset != c.offset {
				t.Errorf("%s, %s: got %v, %+v; want kind %d at %d", c.name, way, err, e, c.kind, c.offset)
				continue
			}
			if (e.Kind == Cut) != errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %v is cut or is not", c.name, err)
			}
			if len(r.buf) > 4*goodBuffer {
				t.Errorf("%s: the buffer has %d bytes", c.name, len(r.buf))
			}
			if again := r.Next(); again != err {
				t.Errorf("%s: the error does not stay: %v", c.name, again)
			}
		}
	}
	at := "at the limit]]>]]>"
	if got, err := all(NewReader(strings.NewReader(at), 12), onlyEnd, 5); err != io.EOF || len(got) != 1 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSourceError(t *testing.T) {
	broken := errors.New("broken")
	for _, stream := range []string{"", "<a/>", "<a/>]]>]]>", "<a/>]]>]]>b"} {
		r := NewReader(io.MultiReader(strings.NewReader(stream), iotest.ErrReader(broken)), 0)
		if _, err := all(r, onlyEnd, 10); err != broken {
			t.Errorf("%q: %v", stream, err)
		}
	}
	r := NewReader(iotest.ErrReader(nil), 0)
	if err := r.Next(); err != io.ErrNoProgress {
		t.Errorf("got %v", err)
	}
}

func TestSkip(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		stream string
		after  int
	}{
		{big + "]]>]]>" + big + "]]>]]>end]]>]]>", onlyEnd},
		{"\n#100000\n" + big + "\n##\n\n#100000\n" + big + "\n#100000\n" + big + "\n##\n\n#3\nend\n##\n", onlyChunks},
	} {
		for way, src := range splits(c.stream) {
			r := NewReader(src, 0)
			if c.after == onlyChunks {
				_ = r.Chunked()
			}
			if err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if err := r.Next(); err != nil { // passes over the first
				t.Fatal(err)
			}
			if _, err := r.Read(make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			if err := r.Skip(); err != nil {
				t.Fatal(err)
			}
			if n, err := r.Read(make([]byte, 10)); n != 0 || err != io.EOF {
				t.Fatalf("%s: %d, %v", way, n, err)
			}
			if err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(r); err != nil || string(b) != "end" {
				t.Errorf("%s: %q, %v", way, b, err)
			}
		}
	}
}

// counter counts writes.
type counter struct {
	bytes.Buffer
	n int
}

func (c *counter) Write(p []byte) (int, error) { c.n++; return c.Buffer.Write(p) }

func TestWriter(t *testing.T) {
	var c counter
	w := NewWriter(&c)
	send := func(pieces ...string) {
		t.Helper()
		for _, p := range pieces {
			if n, err := io.WriteString(w, p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
	}
	send("<hel", "", "lo/>")
	if err := w.Chunked(); err != nil {
		t.Fatal(err)
	}
	send("<a/>")
	if got := c.String(); got != "<hello/>]]>]]>\n#4\n<a/>\n##\n" || c.n != 2 {
		t.Errorf("got %q in %d writes", got, c.n)
	}
	big := strings.Repeat("0123456789]]>]]>\n##\n", 20_000)
	send(big)
	send("x")
	for _, n := range []int{fullBuffer - headerRoom - 1, fullBuffer - headerRoom, fullBuffer - headerRoom + 1} {
		send(big[:n])
	}
	got, err := all(NewReader(&c.Buffer, 0), 1, 1000)
	if err != io.EOF || len(got) != 7 || got[2] != big || got[3] != "x" || got[6] != big[:fullBuffer-headerRoom+1] {
		t.Errorf("%d messages, %v", len(got), err)
	}
	if cap(w.buf) > keptBuffer {
		t.Errorf("an idle writer keeps %d bytes", cap(w.buf))
	}
}

func TestWriterRefusals(t *testing.T) {
	pad := strings.Repeat("x", fullBuffer-3)
	for _, pieces := range [][]string{
		{"a]]>]]>b"}, {"a]]>", "]]>b"}, {"a]]>"}, {pad, "]]>]]>b"}, {pad + "]]>", "]]>"}, {pad + pad, "]]>"}, {},
	} {
		var c counter
		w := NewWriter(&c)
		var err error
		for _, p := range pieces {
			if _, e := io.WriteString(w, p); e != nil {
				err = e
			}
		}
		if e := w.End(); e != nil {
			err = e
		}
		if err == nil {
			t.Errorf("%.40q was written", pieces)
		}
		if strings.Contains(c.String(), endOfMessage) {
			t.Errorf("%.40q: the message was ended", pieces)
		}
		if _, e := w.Write([]byte("x")); e == nil {
			t.Errorf("%.40q: a write after the error", pieces)
		}
	}
	w := NewWriter(io.Discard)
	_, _ = w.Write([]byte("x"))
	if w.Chunked() == nil {
		t.Error("the framing was changed inside a message")
	}
	broken := errors.New("broken")
	w = NewWriter(failing{broken})
	_, _ = w.Write([]byte("x"))
	if err := w.End(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestMemory: a peer that announces much gets one buffer.
func TestMemory(t *testing.T) {
	r := NewReader(io.MultiReader(strings.NewReader("\n#4294967295\nabc")), 1<<40)
	_ = r.Chunked()
	if err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if len(r.buf) > goodBuffer {
		t.Errorf("the buffer has %d bytes", len(r.buf))
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{"<a/>]]>]]>\n<b/>]]>]]>", "<hello/>]]>]]>\n#4\n<a/>\n##\n", "\n#2\n<a\n#2\n/>\n##\n", "\n#4294967295\nx", "]]]]>]]>]]>]]>"} {
		f.Add([]byte(s), int8(1))
		f.Add([]byte(s), int8(0))
	}
	f.Fuzz(func(t *testing.T, stream []byte, after int8) {
		const limit = 4096
		want, wantErr := all(NewReader(bytes.NewReader(stream), limit), int(after), 100)
		total := 0
		for _, m := range want {
			if total += len(m); len(m) > limit+3 {
				t.Fatalf("a message has %d bytes", len(m))
			}
		}
		if total > len(stream)+3 {
			t.Fatalf("%d bytes came out of %d", total, len(stream))
		}
		for way, src := range splits(string(stream)) {
			got, err := all(NewReader(src, limit), int(after), 3)
			if strings.Join(got, "|") != strings.Join(want, "|") || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%s: got %q, %v; want %q, %v", way, got, err, want, wantErr)
			}
		}
	})
}

// FuzzWriter: what is written is read again, however it was cut into writes.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("<a/>"), []byte("<b/>]]>]]>\n##\n"), uint16(2))
	f.Add(bytes.Repeat([]byte("x]]>"), 50), []byte("]]>"), uint16(1000))
	f.Fuzz(func(t *testing.T, hello, body []byte, step uint16) {
		var b bytes.Buffer
		w := NewWriter(&b)
		send := func(m []byte) error {
			for len(m) > 0 {
				n := min(len(m), int(step)+1)
				if _, err := w.Write(m[:n]); err != nil {
					return err
				}
				m = m[n:]
			}
			return w.End()
		}
		err := send(hello)
		whole := bytes.Index(append(hello[:len(hello):len(hello)], endOfMessage...), []byte(endOfMessage)) == len(hello)
		if (err == nil) != (len(hello) > 0 && whole) {
			t.Fatalf("%q: %v", hello, err)
		}
		if err != nil || len(body) == 0 {
			return
		}
		if err := w.Chunked(); err != nil {
			t.Fatal(err)
		}
		if err := send(body); err != nil {
			t.Fatal(err)
		}
		hello = bytes.TrimLeft(hello, " \t\r\n")
		got, err := all(NewReader(&b, 0), 1, 1000)
		if err != io.EOF || len(got) != 2 || got[0] != string(hello) || got[1] != string(body) {
			t.Fatalf("got %q, %v", got, err)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	body := strings.Repeat("<value>0123456789</value>", 400_000)
	stream := func(chunked bool, chunk int) string {
		var s strings.Builder
		if !chunked {
			return body + endOfMessage
		}
		for rest := body; rest != ""; {
			n := min(chunk, len(rest))
			fmt.Fprintf(&s, "\n#%d\n%s", n, rest[:n])
			rest = rest[n:]
		}
		return s.String() + "\n##\n"
	}
	for _, c := range []struct {
		name   string
		chunk  int
		stream string
	}{
		{"end-of-message", 0, stream(false, 0)},
		{"chunks-64K", 64 << 10, stream(true, 64<<10)},
		{"chunks-4K", 4 << 10, stream(true, 4<<10)},
		{"chunks-100", 100, stream(true, 100)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			p := make([]byte, 64<<10)
			for b.Loop() {
				r := NewReader(strings.NewReader(c.stream), 0)
				r.chunked = c.chunk > 0
				if err := r.Next(); err != nil {
					b.Fatal(err)
				}
				for {
					if _, err := r.Read(p); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	piece := []byte(strings.Repeat("<value>0123456789</value>", 1300)) // 32 KiB, as xmlstream hands over
	for _, chunked := range []bool{false, true} {
		b.Run(fmt.Sprintf("chunked=%v", chunked), func(b *testing.B) {
			b.SetBytes(int64(len(piece)) * 100)
			b.ReportAllocs()
			for b.Loop() {
				w := NewWriter(io.Discard)
				w.chunked = chunked
				for range 100 {
					if _, err := w.Write(piece); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.End(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// once gives its bytes and an error together, and blames whoever reads again.
type once struct {
	text string
	err  error
	done bool
}

func (o *once) Read(p []byte) (int, error) {
	if o.done {
		return 0, errors.New("read after an error")
	}
	o.done = true
	return copy(p, o.text), o.err
}

func TestBytesAndError(t *testing.T) {
	broken := errors.New("broken")
	for _, p := range []int{10, 100_000} {
		if got, err := all(NewReader(&once{text: "a]]>]]>b", err: broken}, 0), onlyEnd, p); err != broken || strings.Join(got, "|") != "a|b..." {
			t.Errorf("got %q, %v", got, err)
		}
		src := io.MultiReader(strings.NewReader("\n#9\n"), &once{text: "abc", err: broken})
		if got, err := all(NewReader(src, 0), onlyChunks, p); err != broken || strings.Join(got, "|") != "abc..." {
			t.Errorf("got %q, %v", got, err)
		}
	}
}
