// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"nso.example/nso/client"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

var update = flag.Bool("update", false, "rewrite the dialogues in testdata")

// compiled is the schema that all tests share.
var compiled struct {
	once   sync.Once
	schema *yang.Schema
}

func schema(t testing.TB) *yang.Schema {
	compiled.once.Do(func() { compiled.schema = ipctest.Schema(t) })
	return compiled.schema
}

func ours(s *mgmt.Server) []varlink.Interface { return []varlink.Interface{New(s)} }

func TestTable(t *testing.T) {
	i := New(nil)
	if err := i.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestDialogues(t *testing.T) { ipctest.Dialogues(t, schema(t), *update, ours) }

// world is a server with one who commits.
type world struct {
	*ipctest.Bench
	t  testing.TB
	ss *mgmt.Session
}

func start(t testing.TB) *world {
	return with(t, ipctest.StartWith(t, mgmt.Options{Schema: schema(t), MaxPerUser: 64}, varlink.Limits{}, ours))
}

func with(t testing.TB, b *ipctest.Bench) *world {
	ss, err := b.Mgmt.Login(ipctest.Actor("admin"), mgmt.Login{Transport: "maapi"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ss.Close("the test ends", false) })
	return &world{b, t, ss}
}

// try commits lines: "path = value", or "path" to delete it.
func (w *world) try(lines ...string) (uint64, error) {
	w.t.Helper()
	x, err := w.ss.Begin(context.Background(), mgmt.Running)
	if err != nil {
		return 0, err
	}
	defer x.Abort()
	ed := tree.NewEditor(x.Root())
	for _, line := range lines {
		path, value, set := strings.Cut(line, " = ")
		p, err := tree.ParsePath(schema(w.t), path)
		if err == nil && set {
			err = ed.Set(p, value)
		} else if _, there := x.Root().Find(p); err == nil && there {
			err = ed.Delete(p)
		}
		if err != nil {
			w.t.Fatal(line, err)
		}
	}
	if err := x.Apply(&tree.Edit{Schema: schema(w.t).Root, Op: tree.OpReplace, Tree: ed.Root()}); err != nil {
		w.t.Fatal(err)
	}
	return x.Commit(context.Background(), mgmt.Label{})
}

func (w *world) commit(lines ...string) uint64 {
	w.t.Helper()
	rev, err := w.try(lines...)
	if err != nil {
		w.t.Fatal(err)
	}
	return rev
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

// pull reads notices one by one.
func (w *world) pull(seq iter.Seq2[*client.Notice, error]) (next func() *client.Notice, stop func()) {
	read, stop := iter.Pull2(seq)
	w.t.Cleanup(stop)
	return func() *client.Notice {
		w.t.Helper()
		n, err, ok := read()
		if err != nil || !ok {
			w.t.Fatal(err, ok)
		}
		return n
	}, stop
}

func show(n *client.Notice) string {
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	out := []string{fmt.Sprintf("%s %d-%d", n.Phase, n.From, n.Revision)}
	for _, e := range n.Edits {
		line := fmt.Sprintf("%s %s %s>%s", e.Kind, e.Path, text(e.Old), text(e.New))
		if e.After != nil {
			line += " after " + *e.After
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func (w *world) want(n *client.Notice, want ...string) {
	w.t.Helper()
	if got := show(n); got != strings.Join(want, "\n") {
		w.t.Errorf("got %s\nwant %s", got, strings.Join(want, "\n"))
	}
}

// settled waits until n clients are there, besides the one who commits.
func (w *world) settled(n int) { w.t.Helper(); w.Sessions(n + 1) }

// TestWatch: all there is, each change, and after a reconnect all that has changed since,
// each once.
func TestWatch(t *testing.T) {
	w := start(t)
	w.commit("/net:top/port[name='a']/number = 1", "/net:top/rule[proto='x'][number='1']/action = go", "/net:top/rule[proto='y'][number='1']/action = stop")
	next, stop := w.pull(w.Dial("admin").Watch(w.ctx(), client.Subscription{Paths: []string{"/net:top"}, Replay: true}))
	w.want(next(), "replay 0-2", "created /net:top ->-", "created /net:top/port[name='a'] ->-", "created /net:top/port[name='a']/number ->1",
		"created /net:top/rule[proto='x'][number='1'] ->- after ", "created /net:top/rule[proto='x'][number='1']/action ->go",
		"created /net:top/rule[proto='y'][number='1'] ->- after /net:top/rule[proto='x'][number='1']", "created /net:top/rule[proto='y'][number='1']/action ->stop")
	w.commit("/net:top/port[name='a']/number = 2", "/net:top/name = n", "/net:top/dns[.='1'] = 1", "/net:top/dns[.='2'] = 2")
	w.want(next(), "change 2-3", "created /net:top/name ->n", "created /net:top/dns[.='1'] ->1 after ",
		"created /net:top/dns[.='2'] ->2 after /net:top/dns[.='1']", "modified /net:top/port[name='a']/number 1>2")
	stop()
	w.settled(0)
	w.commit("/net:top/name = m")
	w.commit("/net:top/name")
	w.commit("/net:top/port[name='a']")
	c := w.Dial("admin")
	next, _ = w.pull(c.Watch(w.ctx(), client.Subscription{Paths: []string{"/net:top"}, Since: 3}))
	w.want(next(), "change 3-6", "deleted /net:top/name n>-", "deleted /net:top/port[name='a'] ->-", "deleted /net:top/port[name='a']/number 2>-")
	for _, err := range w.Dial("admin").Watch(w.ctx(), client.Subscription{Since: 99}) {
		if !errors.Is(err, client.ErrStartAnew) {
			t.Error(err)
		}
	}
}

// TestPaths: a subscriber is told of what he named and of nothing else.
func TestPaths(t *testing.T) {
	w := start(t)
	one, _ := w.pull(w.Dial("admin").Watch(w.ctx(), client.Subscription{Paths: []string{"/net:top/port[name='a']/number", "/net:top/speed"}, Replay: true}))
	w.want(one(), "replay 0-1")
	w.commit("/net:top/name = n")
	w.commit("/net:top/port[name='b']/number = 1")
	w.commit("/net:top/port[name='a']/number = 1")
	w.want(one(), "change 3-4", "created /net:top/port[name='a']/number ->1")
	w.commit("/net:top/port[name='a']", "/net:top/port[name='b']")
	w.want(one(), "change 4-5", "deleted /net:top/port[name='a']/number 1>-")
}

// TestRights: what may not be read is not told.
func TestRights(t *testing.T) {
	w := start(t)
	next, _ := w.pull(w.Dial("reader").Watch(w.ctx(), client.Subscription{Replay: true}))
	if n := next(); n.Phase != "replay" || len(n.Edits) != 0 {
		t.Error(show(n))
	}
	w.commit("/ietf-netconf-acm:nacm/groups/group[name='x'] = ")
	w.commit("/net:top/name = n", "/ietf-netconf-acm:nacm/groups/group[name='x']")
	n := next()
	if len(n.Edits) == 0 || strings.Contains(show(n), "nacm") || !strings.Contains(show(n), "/net:top/name ->n") {
		t.Error(show(n))
	}
	// Who may not read what a commit changes is not asked about it.
	go func() {
		for n, err := range w.Dial("reader").Subscribe(w.ctx(), client.Subscription{Name: "r", TwoPhase: true}) {
			if err != nil {
				return
			}
			n.Refuse("never", "")
		}
	}()
	w.settled(2)
	w.joined(1)
	w.commit("/ietf-netconf-acm:nacm/groups/group[name='y'] = ")
	if _, err := w.try("/net:top/name = o"); err == nil {
		t.Error("nobody refuses")
	}
}

// joined waits until n take part in commits, besides the feed.
func (w *world) joined(n int) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if got := len(w.Mgmt.Members()); got == n+1 {
			return
		} else if time.Now().After(end) {
			w.t.Fatalf("%d take part, want %d", got-1, n)
		}
	}
}

// TestTwoPhase: asked, told of the end, and a refusal reaches the one who commits.
func TestTwoPhase(t *testing.T) {
	w := start(t)
	told := make(chan string, 10)
	go func() {
		for n, err := range w.Dial("admin").Subscribe(w.ctx(), client.Subscription{Name: "dns server", Paths: []string{"/net:top/name"}, TwoPhase: true}) {
			if err != nil {
				return
			}
			for _, e := range n.Edits {
				if e.New != nil && *e.New == "bad" {
					n.Refuse("cannot serve bad", e.Path)
				}
			}
			told <- show(n)
		}
	}()
	w.joined(1)
	_, err := w.try("/net:top/name = bad")
	if err == nil || !strings.Contains(err.Error(), "cannot serve bad (refused by dns server of admin)") || !strings.Contains(fmt.Sprintf("%+v", err), "/net:top/name") {
		t.Errorf("%+v", err)
	}
	w.commit("/net:top/speed = slow")
	w.commit("/net:top/name = good")
	for _, want := range []string{"prepare 1-1\ncreated /net:top ->-\ncreated /net:top/name ->bad", "prepare 2-2\ncreated /net:top/name ->good", "commit 2-3"} {
		if got := <-told; got != want && got != strings.Replace(want, "created /net:top ->-\n", "", 1) {
			t.Errorf("told %s, want %s", got, want)
		}
	}
	// One who comes after him refuses: he is told.
	go func() {
		for n, err := range w.Dial("admin").Subscribe(w.ctx(), client.Subscription{Name: "last", Priority: 9, TwoPhase: true}) {
			if err != nil {
				return
			}
			n.Refuse("no", "")
		}
	}()
	w.joined(2)
	if _, err := w.try("/net:top/name = other"); err == nil {
		t.Error("nobody refuses")
	}
	for _, want := range []string{"prepare 3-3\nmodified /net:top/name good>other", "abort 3-3"} {
		if got := <-told; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	}
}

// TestSync: the committer waits until it is done, and who does not answer is expelled, is
// named, and may come back without having missed anything.
func TestSync(t *testing.T) {
	w := start(t)
	c := w.Dial("admin")
	ctx := w.ctx()
	must := func(method string, in, out any) {
		t.Helper()
		if err := c.Call(ctx, name+"."+method, in, out); err != nil {
			t.Fatal(method, err)
		}
	}
	must("Subscribe", map[string]any{"name": "s", "paths": []string{"/net:top"}, "sync": true, "deadline": 300}, nil)
	var got struct{ Notice client.Notice }
	done := make(chan uint64, 1)
	go func() { done <- w.commit("/net:top/name = a") }()
	must("Next", nil, &got)
	if n := got.Notice; n.Phase != "commit" || !n.Answer || n.Revision != 2 {
		t.Error(show(&n))
	}
	if err := c.Call(ctx, name+".Next", nil, nil); err == nil || !strings.Contains(err.Error(), "Done or Refuse") {
		t.Error(err)
	}
	if err := c.Call(ctx, name+".Refuse", map[string]any{"message": "too late"}, nil); !errors.Is(err, client.ErrNotAsked) {
		t.Error(err)
	}
	must("Done", nil, nil)
	<-done
	w.commit("/net:top/name = b") // which nobody answers
	if log := w.Log(); !strings.Contains(log, "s of admin did not end its commit within 300ms") {
		t.Error(log)
	}
	if err := c.Call(ctx, name+".Next", nil, nil); !errors.Is(err, client.ErrExpelled) || !strings.Contains(err.Error(), "300ms") {
		t.Error(err)
	}
	must("Subscribe", map[string]any{"name": "s", "paths": []string{"/net:top"}, "sync": true, "since": 2}, nil)
	must("Next", nil, &got)
	w.want(&got.Notice, "change 2-3", "modified /net:top/name a>b")
}

// TestLate: in prepare, silence is a refusal that names him.
func TestLate(t *testing.T) {
	w := start(t)
	if err := w.Dial("admin").Call(w.ctx(), name+".Subscribe", map[string]any{"name": "s", "paths": []string{}, "twoPhase": true, "deadline": 50}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.try("/net:top/name = a"); err == nil || !strings.Contains(err.Error(), "s of admin did not answer within 50ms") {
		t.Error(err)
	}
	w.commit("/net:top/name = a")
}

// model is what somebody knows who does what he is told.
type model map[string]string

func (m model) apply(n *client.Notice) {
	for _, e := range n.Edits {
		switch {
		case e.Kind == "deleted":
			delete(m, e.Path)
		case e.Kind != "moved" && e.New != nil:
			m[e.Path] = *e.New
		case e.Kind == "created":
			m[e.Path] = ""
		}
	}
}

// TestModel: whatever is committed, however slowly he reads, and whenever he comes back,
// a subscriber knows in the end what there is; revisions follow each other.
func TestModel(t *testing.T) {
	w := start(t)
	r := rand.New(rand.NewPCG(1, 2))
	random := func() {
		name := string(rune('a' + r.IntN(6)))
		switch r.IntN(5) {
		case 0:
			w.try("/net:top/port[name='" + name + "']")
		case 1:
			w.try("/net:top/port[name='"+name+"']/number = 1", "/net:top/port[name='"+name+"']/trunk/native = "+fmt.Sprint(r.IntN(9)))
		case 2:
			w.try("/net:top/dns[.='" + name + "'] = " + name)
		case 3:
			w.try("/net:top/dns[.='" + name + "']")
		default:
			w.try("/net:top/port[name='"+name+"']/number = "+fmt.Sprint(r.IntN(3)), "/net:top/name = "+fmt.Sprint(r.IntN(3)))
		}
	}
	knows, rev := model{}, int64(0)
	for range 12 {
		c := w.Dial("admin")
		s := client.Subscription{Paths: []string{"/net:top"}, Since: rev, Replay: rev == 0}
		next, stop := w.pull(c.Watch(w.ctx(), s))
		for range r.IntN(2 * keepCommits) {
			random()
		}
		w.commit("/net:top/mtu = " + fmt.Sprint(1000+w.Mgmt.Status().Revision))
		last := int64(w.Mgmt.Status().Revision)
		for rev != last {
			n := next()
			if n.From < rev && n.Phase != "replay" || n.Revision < n.From {
				t.Fatalf("at %d told of %d-%d", rev, n.From, n.Revision)
			}
			knows.apply(n)
			if !n.More {
				rev = n.Revision
			}
		}
		stop()
		now := model{}
		next, stop = w.pull(w.Dial("admin").Watch(w.ctx(), client.Subscription{Paths: []string{"/net:top"}, Replay: true}))
		for more := true; more; {
			n := next()
			now.apply(n)
			more = n.More
		}
		stop()
		if !maps.Equal(knows, now) {
			t.Fatalf("knows %v\nis %v", knows, now)
		}
		w.settled(0)
		random()
	}
}

// TestSlow: one who does not read costs a version, and is told the net.
func TestSlow(t *testing.T) {
	w := start(t)
	c := w.Dial("admin")
	if err := c.Call(w.ctx(), name+".Subscribe", map[string]any{"name": "s", "paths": []string{"/net:top/name"}}, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * keepCommits {
		w.commit("/net:top/name = " + fmt.Sprint(i))
	}
	var got struct{ Notice client.Notice }
	for range 2 {
		if err := c.Call(w.ctx(), name+".Next", nil, &got); err != nil {
			t.Fatal(err)
		}
		if got.Notice.Revision == int64(3*keepCommits+1) {
			return
		}
	}
	t.Error(show(&got.Notice))
}

// TestPages: a large change comes in parts.
func TestPages(t *testing.T) {
	w := start(t)
	next, _ := w.pull(w.Dial("admin").Watch(w.ctx(), client.Subscription{Paths: []string{"/net:top/port"}, Replay: true}))
	next()
	var lines []string
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("/net:top/port[name='%d']/number = 1", i))
	}
	w.commit(lines...)
	seen, pages := 0, 0
	for more := true; more; pages++ {
		n := next()
		seen, more = seen+len(n.Edits), n.More
	}
	if seen != 2000 || pages < 4 {
		t.Errorf("%d edits in %d parts", seen, pages)
	}
}

// TestDropped: whatever step of a commit a client leaves at, the commit goes on, and
// nothing of the client is left.
func TestDropped(t *testing.T) {
	w := start(t)
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("cannot count descriptors: there is no /proc; mount it")
		}
		return len(all)
	}
	settle := func() (int, int) { return runtime.NumGoroutine(), descriptors() }
	w.commit("/net:top/name = warm")
	routines, files := settle()
	for round := range 3 {
		for step := range 7 {
			c := w.Dial("admin")
			call := func(method string, in any) {
				if err := c.Call(w.ctx(), name+"."+method, in, nil); err != nil {
					t.Fatal(step, method, err)
				}
			}
			call("Subscribe", map[string]any{"name": "s", "paths": []string{"/net:top/name"}, "twoPhase": true, "replay": step%2 == 0})
			committed := make(chan error, 1)
			go func() {
				_, err := w.try("/net:top/name = " + fmt.Sprintf("%d.%d", round, step))
				committed <- err
			}()
			if step%2 == 0 && step > 0 {
				call("Next", nil) // the replay
			}
			if step > 1 {
				call("Next", nil) // prepare
			}
			if step > 3 {
				call("Done", nil)
				call("Next", nil) // commit
			}
			if step == 6 {
				call("Done", nil)
			}
			if step == 5 { // a call under way
				go c.Call(w.ctx(), name+".Subtree", map[string]any{"path": "/"}, nil)
			}
			c.Close()
			err := <-committed
			// Before step 2 he may have left before he was asked.
			if refused := err != nil; step >= 2 && refused != (step < 4) {
				t.Errorf("step %d: %v", step, err)
			}
			w.settled(0)
		}
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		r, f := settle()
		if r <= routines && f <= files {
			break
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines of %d, %d descriptors of %d\n%s", r, routines, f, files, stacks[:runtime.Stack(stacks, true)])
		}
	}
	if names := w.Mgmt.Members(); len(names) != 1 {
		t.Error(names)
	}
}

// TestClient is what docs/ipc.md shows.
func TestClient(t *testing.T) {
	w := start(t)
	w.commit("/net:top/port[name='a']/number = 1", "/net:top/port[name='b']/number = 2", "/net:top/name = é")
	c, ctx := w.Dial("admin"), w.ctx()
	at, rev, err := c.Snapshot(ctx, client.At{})
	if err != nil || rev != 2 {
		t.Fatal(rev, err)
	}
	w.commit("/net:top/port[name='b']")
	var names []string
	for e, err := range c.Entries(ctx, "/net:top/port", at) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Keys[0]+string(e.Data))
	}
	if got := strings.Join(names, " "); got != `a{"net:name":"a","net:number":1} b{"net:name":"b","net:number":2}` {
		t.Error(got)
	}
	if n, err := c.Count(ctx, "/net:top/port", client.At{}); n != 1 || err != nil {
		t.Error(n, err)
	}
	if n, err := c.Count(ctx, "/net:top/port", client.At{Revision: 2}); n != 2 || err != nil {
		t.Error(n, err)
	}
	if v, ok, err := c.Get(ctx, "/net:top/name", client.At{}); v != "é" || !ok || err != nil {
		t.Error(v, ok, err)
	}
	if _, ok, err := c.Get(ctx, "/net:top/speed", client.At{Datastore: "operational"}); ok || err != nil {
		t.Error(ok, err)
	}
	if ok, err := c.Exists(ctx, "/net:top/port[name='b']", client.At{}); ok || err != nil {
		t.Error(ok, err)
	}
	var text strings.Builder
	if err := c.Subtree(ctx, "/net:top/name", client.At{}, &text); text.String() != `{"net:top":{"name":"é"}}` || err != nil {
		t.Error(text.String(), err)
	}
	if err := c.Release(ctx, at); err != nil {
		t.Error(err)
	}
	var refused *client.Error
	if _, _, err := c.Get(ctx, "/net:top/name", at); !errors.As(err, &refused) || refused.Name != name+".NoSuchSnapshot" {
		t.Error(err)
	}
}
