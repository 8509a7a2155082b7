// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"fmt"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
)

// filled is a world with n entries and a session.
func filled(b *testing.B, n int) (*world, *peer.Conn) {
	w := newWorld(b, worldOptions{})
	top := w.schema.Root.Child("test", "top")
	entry := top.Child("", "entry")
	build := tree.NewBuilder(w.schema.Root)
	build.Open(top)
	for i := range n {
		build.Open(entry)
		build.Leaf(entry.Keys[0], fmt.Sprintf("entry-%06d", i))
		build.Leaf(entry.Child("", "value"), fmt.Sprint(i))
		if err := build.Close(); err != nil {
			b.Fatal(err)
		}
	}
	if err := build.Close(); err != nil {
		b.Fatal(err)
	}
	root, err := build.Done()
	if err != nil {
		b.Fatal(err)
	}
	now := w.db.Root()
	if _, err := w.db.Commit(b.Context(), now, tree.Merge(now, root), metaOfTests); err != nil {
		b.Fatal(err)
	}
	return w, w.open("admin")
}

// BenchmarkGet asks for one entry by its key: the whole way of a request, over a
// pair of sockets.
func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		w, c := filled(b, n)
		one := fmt.Sprintf("entry-%06d", n/2)
		for name, filter := range map[string]string{
			"subtree": `<filter><top xmlns="urn:test"><entry><name>` + one + `</name></entry></top></filter>`,
			"xpath":   `<filter type="xpath" xmlns:t="urn:test" select="/t:top/t:entry[t:name='` + one + `']"/>`,
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.Call(`<get>` + filter + `</get>`); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		w.mustOK(c, "<close-session/>")
	}
}

// BenchmarkFilter is the filter alone: read, and applied.
func BenchmarkFilter(b *testing.B) {
	const n = 100_000
	w, c := filled(b, n)
	m, err := w.mgmt.Login(actor("admin"), loginOfTests)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close("", false)
	root, err := m.Read(b.Context(), "running")
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range []struct{ name, text string }{
		{"subtree/key", `<filter><top xmlns="urn:test"><entry><name>entry-050000</name></entry></top></filter>`},
		{"subtree/value", `<filter><top xmlns="urn:test"><entry><value>50000</value></entry></top></filter>`},
		{"subtree/names", `<filter><top xmlns="urn:test"><entry><name/></entry></top></filter>`},
		{"subtree/all", `<filter><top xmlns="urn:test"><entry/></top></filter>`},
		{"xpath/key", `<filter type="xpath" xmlns:t="urn:test" select="/t:top/t:entry[t:name='entry-050000']"/>`},
		{"xpath/value", `<filter type="xpath" xmlns:t="urn:test" select="/t:top/t:entry[t:value=50000]"/>`},
		{"xpath/all", `<filter type="xpath" xmlns:t="urn:test" select="/t:top/t:entry"/>`},
	} {
		read := func() filter {
			r := xmlstream.NewBytes([]byte(f.text), xmlstream.Limits{})
			t, err := r.Next()
			if err != nil {
				b.Fatal(err)
			}
			q := &request{ss: &session{server: w.server, mgmt: m}, r: r, tok: t}
			var into filter
			if err := q.filter(&into)(); err != nil {
				b.Fatal(err)
			}
			return into
		}
		b.Run(f.name+"/read", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				read()
			}
		})
		b.Run(f.name+"/apply", func(b *testing.B) {
			b.ReportAllocs()
			filter := read()
			for b.Loop() {
				got, err := filter.apply(root, 0)
				if err != nil || got.Empty() {
					b.Fatal(err, got)
				}
			}
		})
	}
	w.mustOK(c, "<close-session/>")
}

// BenchmarkGetConfig reads everything.
func BenchmarkGetConfig(b *testing.B) {
	w, c := filled(b, 100_000)
	for b.Loop() {
		reply, err := c.Call(`<get-config><source><running/></source></get-config>`)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(reply)))
	}
	w.mustOK(c, "<close-session/>")
}

// BenchmarkEdit changes one entry of many; the journal is in memory.
func BenchmarkEdit(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, c := filled(b, n)
			one := fmt.Sprintf("entry-%06d", n/2)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				w.mustOK(c, fmt.Sprintf(`%s<top xmlns="urn:test"><entry><name>%s</name><value>%d</value></entry></top>%s`, config, one, i, endConfig))
			}
			w.mustOK(c, "<close-session/>")
		})
	}
}

// BenchmarkSession is a whole short session: hello, get, close.
func BenchmarkSession(b *testing.B) {
	w := newWorld(b, worldOptions{})
	for b.Loop() {
		c := w.open("admin")
		w.rpc(c, `<get-config><source><running/></source><filter><alone xmlns="urn:test"/></filter></get-config>`)
		w.mustOK(c, "<close-session/>")
		c.Close()
	}
}
