// SPDX-License-Identifier: Apache-2.0

// Package hidden tests that what a user may not read never reaches him: the same is
// said to him over two databases that differ in hidden data alone.
package hidden

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/cli"
	"nso.example/nso/client"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/control"
	"nso.example/nso/ipc/maapi"
	ipcpeer "nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/nacm"
	"nso.example/nso/netconf"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module h {
  yang-version 1.1; namespace "urn:h"; prefix h;
  import ietf-netconf-acm { prefix nacm; }
  container top {
    leaf note { type string; default "none"; }
    list item {
      key k;
      leaf k { type string; }
      leaf v { type int32; }
      leaf pw { type string; }
      leaf-list tag { type string; }
      container in { leaf x { type string; } container deep { leaf y { type string; } } }
      list sub { key "a b"; leaf a { type string; } leaf b { type string; } leaf c { type string; } }
    }
    list job { key id; ordered-by user; leaf id { type string; } leaf what { type string; } }
    leaf-list word { type string; }
    leaf-list step { type string; ordered-by user; }
    choice way { case one { leaf one { type string; } } case two { leaf two { type string; } } }
    container flag { presence "x"; leaf z { type string; } }
    container vault { nacm:default-deny-all; leaf code { type string; } list e { key n; leaf n { type string; } } }
    list row { config false; leaf n { type uint8; } leaf pw { type string; } }
    container seen { config false; leaf up { type string; } leaf down { type string; } }
  }
  container other { leaf a { type string; } }
}`

var compiled struct {
	once   sync.Once
	schema *yang.Schema
}

func schema(t testing.TB) *yang.Schema {
	compiled.once.Do(func() {
		compiled.schema = yangtest.Schema(t, "ietf-netconf", "ietf-netconf-acm", "ietf-netconf-monitoring", "ietf-yang-library",
			"ietf-datastores", "ietf-netconf-with-defaults", "ietf-netconf-nmda", "ietf-origin", "ietf-netconf-notifications", "nc-notifications", "notifications", "nso-access", "nso-transports", model)
	})
	return compiled.schema
}

// set makes settings of "path = value" lines.
func set(t testing.TB, n *tree.Node, lines ...string) *tree.Node {
	t.Helper()
	s := schema(t)
	ed := tree.NewEditor(n)
	for _, line := range lines {
		path, value, _ := strings.Cut(line, " = ")
		p, err := tree.ParsePath(s, path)
		if err == nil {
			if last := &p[len(p)-1]; last.Schema.Kind == yang.KindLeafList {
				last.Value, last.HasKey = value, true
			}
			err = ed.Set(p, value)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return ed.Root()
}

// daemon is one of the two.
type daemon struct {
	t       testing.TB
	mgmt    *mgmt.Server
	netconf *netconf.Server
	ipc     *varlink.Server
	ctx     context.Context
	wait    sync.WaitGroup
}

func start(t testing.TB, config, state []string) *daemon {
	t.Helper()
	s := schema(t)
	d := &daemon{t: t, ctx: t.Context()}
	log := slog.New(slog.DiscardHandler)
	db, err := cdb.Open("", cdb.Options{Schema: s, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) {
			n, err := nacm.Factory(s, []string{"root"})
			if err != nil {
				return nil, err
			}
			return set(t, n, config...), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	if d.mgmt, err = mgmt.New(mgmt.Options{Schema: s, DB: db, Log: log}); err != nil {
		t.Fatal(err)
	}
	shown := set(t, tree.New(s.Root), state...)
	d.mgmt.AddState(s.Root.Child("h", "top"), func() *tree.Node { return shown })
	d.netconf = netconf.New(d.mgmt, netconf.Options{Log: log})
	d.ipc, err = varlink.NewServer(varlink.Config{Vendor: "nso", Product: "nso", Version: "1", URL: "urn:nso", Log: log,
		Interfaces: []varlink.Interface{maapi.New(d.mgmt, nil), control.New(d.mgmt, control.Steering{Explain: control.Explaining{
			Denials: func() bool { return true }, Sessions: func() (int, int) { return 1, 1 },
			Account: func(context.Context, string) (*control.Account, error) { return nil, nil },
			Ways:    func(context.Context, string, bool) []control.Way { return nil }}})},
		Identify: ipcpeer.Identifier(d.mgmt, func(context.Context, *varlink.Conn) (ident.Actor, error) { return ann(), nil })})
	if err != nil {
		t.Fatal(err)
	}
	d.mgmt.ExplainDenials(true) // even then
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = d.mgmt.Shutdown(ctx, "the test ends")
		_ = d.ipc.Shutdown(ctx)
		d.wait.Wait()
		if n := d.netconf.Panics() + d.ipc.Panics(); n > 0 {
			t.Errorf("%d panics", n)
		}
		db.Close()
	})
	return d
}

func ann() ident.Actor {
	return ident.Actor{User: "ann", Own: "ann", Peer: ident.Peer{UID: 1000, PID: 7, Source: "pid 7", Door: "ipc"}}
}

func rootActor() ident.Actor { return ident.Actor{User: "root", Own: "root", Peer: ident.Peer{PID: 8}} }

// remove is an edit that deletes one node.
func remove(t testing.TB, path string) *tree.Edit {
	t.Helper()
	p, err := tree.ParsePath(schema(t), path)
	if err != nil {
		t.Fatal(err)
	}
	root := &tree.Edit{Schema: schema(t).Root, Op: tree.OpNone}
	at := root
	for _, st := range p {
		at.Children = []tree.Edit{{Schema: st.Schema, Key: st.Key, Op: tree.OpNone}}
		at = &at.Children[0]
	}
	at.Op = tree.OpDelete
	return root
}

func pair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	t.Cleanup(func() { ends[0].Close() })
	return ends[0], ends[1]
}

// session is a NETCONF session of ann.
func (d *daemon) session() *peer.Conn {
	d.t.Helper()
	a, b := pair(d.t)
	d.wait.Add(1)
	go func() {
		defer d.wait.Done()
		d.netconf.Serve(d.ctx, b, netconf.Peer{Actor: ann(), Transport: "netconf-local"}, time.Now())
	}()
	a.SetDeadline(time.Now().Add(60 * time.Second))
	c := peer.New(a)
	if err := c.Open(); err != nil {
		d.t.Fatal(err)
	}
	return c
}

// dial is a connection of ann to the local socket.
func (d *daemon) dial() *client.Client {
	d.t.Helper()
	a, b := pair(d.t)
	go d.ipc.ServeConn("ipc", b)
	return client.New(a)
}

// shell is ann at the command line.
func (d *daemon) shell(out *strings.Builder) *cli.Shell {
	d.t.Helper()
	agent, err := cli.Open(d.ctx, d.dial(), cli.Who{})
	if err != nil {
		d.t.Fatal(err)
	}
	return cli.New(agent, out)
}

// policy is what ann may do: everything with some nodes, nothing with the others.
type policy struct {
	name   string
	acm    []string
	common []string // data of both, that ann reads
	hidden []string // data of the second alone
	// state likewise
	state, hiddenState []string
}

const acm = "/ietf-netconf-acm:nacm/"

func rules(lines ...string) []string {
	sets := []string{acm + "groups/group[name='g']/user-name = ann", acm + "rule-list[name='L']/group = g"}
	for i, line := range lines {
		rule := fmt.Sprintf("%srule-list[name='L']/rule[name='r%02d']/", acm, i)
		for _, leaf := range strings.Split(line, " ; ") {
			sets = append(sets, rule+leaf)
		}
	}
	return sets
}

func policies() []policy {
	const all = "access-operations = exec ; action = permit"
	item := func(k string) []string {
		at := "/h:top/item[k='" + k + "']/"
		return []string{at + "v = 1", at + "tag = t1", at + "in/x = x", at + "in/deep/y = y", at + "sub[a='1'][b='2']/c = c"}
	}
	common := append(item("mine"), "/h:top/job[id='j1']/what = a", "/h:top/job[id='j9']/what = b", "/h:top/word = seen", "/h:top/step = s1", "/h:top/step = s9")
	state := []string{"/h:top/seen/up = yes"}
	return []policy{
		{
			name: "islands in what is denied by default",
			acm: rules(all, "path = /h:top/item[k='mine'] ; action = permit", "path = /h:top/item[k='new'] ; action = permit", "path = /h:top/job[id='j1'] ; action = permit",
				"path = /h:top/job[id='j9'] ; action = permit", "path = /h:top/word[.='seen'] ; action = permit", "path = /h:top/step[.='s1'] ; action = permit",
				"path = /h:top/step[.='s9'] ; action = permit", "path = /h:top/seen/up ; action = permit",
				"path = /h:top/item/in/x ; action = deny", "path = /h:top/item ; access-operations = read ; action = deny", "path = /h:top/job ; access-operations = read ; action = deny",
				"path = /h:top/word ; access-operations = read ; action = deny", "path = /h:top/step ; access-operations = read ; action = deny",
				"path = /h:top/vault ; action = deny", "path = /h:top/seen ; access-operations = read ; action = permit", "path = /h:top ; access-operations = read ; action = permit"),
			common: common, state: state,
			hidden: append(item("secret"), "/h:top/job[id='j5']/what = hush", "/h:top/word = hush", "/h:top/step = s5", "/h:other/a = hush", "/h:top/vault/code = hush", "/h:top/vault/e[n='1']"),
		},
		{
			name: "some things are denied",
			acm: rules(all, "path = /h:top/item[k='secret'] ; action = deny", "path = /h:top/item/pw ; action = deny", "path = /h:top/item/in/deep ; action = deny",
				"path = /h:top/item/sub[a='9'] ; action = deny", "path = /h:top/job[id='j5'] ; action = deny", "path = /h:top/word[.='hush'] ; action = deny",
				"path = /h:top/step[.='s5'] ; action = deny", "path = /h:top/two ; action = deny", "path = /h:top/flag ; action = deny", "path = /h:other ; action = deny",
				"path = /h:top/row/pw ; action = deny", "path = /h:top/seen/down ; action = deny", "path = /h:top ; action = permit"),
			common: append(item("mine")[:3], "/h:top/job[id='j1']/what = a", "/h:top/job[id='j9']/what = b", "/h:top/word = seen", "/h:top/step = s1", "/h:top/step = s9"),
			state:  state, hiddenState: []string{"/h:top/seen/down = hush"},
			hidden: append(item("secret"), "/h:top/item[k='secret']/pw = hush", "/h:top/job[id='j5']/what = hush", "/h:top/word = hush", "/h:top/step = s5",
				"/h:other/a = hush", "/h:top/two = hush", "/h:top/flag/z = hush"),
		},
		{
			name:   "what is marked default-deny-all",
			acm:    append(rules(all, "path = /h:top/item ; action = permit", "path = /h:top/job ; action = permit"), acm+"read-default = permit"),
			common: common, state: state,
			hidden: []string{"/h:top/vault/code = hush", "/h:top/vault/e[n='1']", "/h:top/vault/e[n='2']"},
		},
		{
			name: "a part of each entry is denied",
			acm: rules(all, "path = /h:top/item/pw ; action = deny", "path = /h:top/item/sub[b='x'] ; action = deny", "path = /h:top/item/tag[.='hush'] ; action = deny",
				"path = /h:top ; access-operations = read create update ; action = permit"),
			common: common, state: state,
			hidden: []string{"/h:top/item[k='mine']/pw = hush", "/h:top/item[k='mine']/sub[a='2'][b='x']/c = hush", "/h:top/item[k='mine']/tag = hush"},
		},
	}
}
