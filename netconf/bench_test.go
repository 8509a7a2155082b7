// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
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

// BenchmarkCommitWatched is a commit over NETCONF without, and with a hundred
// subscribers of its changes, each in a session of its own, turn by turn: pushing is not
// to slow it by more than 10 %. The journal is in memory: on a disk the part of the
// pushing is smaller.
func BenchmarkCommitWatched(b *testing.B) {
	const watchers, commits = 100, 2000
	w := newWorld(b, worldOptions{mgmt: mgmt.Options{MaxSessions: 500, MaxPerUser: 500}})
	c := w.open("admin")
	subscribers := make([]*peer.Conn, watchers)
	ids := make(chan string)
	for i := range subscribers {
		conn := w.connect("admin")
		subscribers[i] = peer.New(conn)
		if err := subscribers[i].Open(); err != nil {
			b.Fatal(err)
		}
		conn.SetDeadline(time.Time{})
		go func() { // reads what comes, and hands on the ids
			for {
				text, err := subscribers[i].Receive()
				if err != nil {
					return
				}
				if !bytes.Contains(text, []byte("rpc-reply")) {
					continue
				}
				id := idOf.FindSubmatch(text)
				if id == nil { // of a delete-subscription
					id = [][]byte{nil, nil}
				}
				ids <- string(id[1])
			}
		}()
	}
	ask := func(operation func(i int) string) []string {
		got := make([]string, watchers)
		for i, s := range subscribers {
			if err := s.Send(`<rpc message-id="1" xmlns="` + nsBase + `">` + operation(i) + `</rpc>`); err != nil {
				b.Fatal(err)
			}
			got[i] = <-ids
		}
		return got
	}
	var took [2][]time.Duration
	n := 0
	phase := func(which int) {
		for range commits {
			n++
			begin := time.Now()
			w.mustOK(c, setAlone(fmt.Sprint(n)))
			took[which] = append(took[which], time.Since(begin))
		}
	}
	for b.Loop() {
		phase(0)
		all := ask(func(int) string {
			return onChange(`<yp:datastore-subtree-filter><alone xmlns="urn:test"/></yp:datastore-subtree-filter><yp:on-change/>`)
		})
		phase(1)
		ask(func(i int) string { return rpcOnID("delete-subscription", all[i]) })
	}
	var mean [2]float64
	for i, name := range []string{"0", "100"} {
		for _, d := range took[i] {
			mean[i] += float64(d.Nanoseconds()) / float64(len(took[i]))
		}
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Nanoseconds()), "p50-ns/"+name)
		b.ReportMetric(mean[i], "mean-ns/"+name)
	}
	b.ReportMetric(mean[1]/mean[0], "mean-ratio")
	b.ReportMetric(float64(took[1][len(took[1])/2])/float64(took[0][len(took[0])/2]), "p50-ratio")
	w.mustOK(c, "<close-session/>")
}
