// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/helper"
	"nso.example/nso/ident"
	"nso.example/nso/tree"
	"nso.example/nso/users"
	"nso.example/nso/yang/yangtest"
)

// world is everybody who can be asked about a login.
type world struct {
	t    testing.TB
	opts Options
	key  ssh.Signer

	mu       sync.Mutex
	asked    []string // of whom
	attempts []Attempt
}

func (w *world) note(who string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, who)
}

// listen serves each connection to a socket of its own.
func listen(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nso-auth") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
		os.RemoveAll(dir)
	})
	return path
}

// ofData is the hash of "of data".
const ofData = "$6$rounds=1000$saltsaltsalt$YFZxk8VPZ00fup5Lse7BCh/P64cmsG5zkg.zDQDNCaz2UpI5IpCcsI72WexhpaAOyIi1GMZiHDsVbHCu6FHA90"

// newWorld has users in the data, a PAM that knows pamela with "of pam", and a program
// that knows exa with "of site".
func newWorld(t testing.TB, backends ...Backend) *world {
	w := &world{t: t, key: signer(t)}
	s := yangtest.Schema(t, "ietf-system", "iana-crypt-hash")
	ed := tree.NewEditor(tree.New(s.Root))
	set := func(path, value string) {
		p, err := tree.ParsePath(s, "/ietf-system:system/authentication/user"+path)
		if err == nil {
			err = ed.Set(p, value)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ann", "root", "daemon", "pamela", "locked"} {
		set("[name='"+name+"']/password", ofData)
	}
	set("[name='keyed']", "")
	for _, name := range []string{"keyed", "root", "daemon", "expired"} {
		set("[name='"+name+"']/authorized-key[name='k']/algorithm", w.key.PublicKey().Type())
		set("[name='"+name+"']/authorized-key[name='k']/key-data", base64.StdEncoding.EncodeToString(w.key.PublicKey().Marshal()))
	}
	all := users.Compile(users.Data(s, ed.Root()))
	pam := listen(t, func(c net.Conn) {
		served := helper.Serve(c)
		r, err := served.Request()
		if err != nil {
			return
		}
		w.note("pam " + r.User)
		account := helper.Verdict{User: r.User, UID: 4711, GID: 4711, Groups: []helper.Group{{GID: 4711, Name: "staff"}}}
		if r.User == "daemon" {
			account.UID = 1
		}
		if r.Account {
			if r.User == "expired" {
				_ = served.Refuse(&helper.Refusal{Class: helper.AccountExpired, Reason: "it is over"})
			}
			_ = served.Allow(account)
			return
		}
		password, err := served.Ask("Password: ", false)
		if err != nil {
			return
		}
		w.note("pam heard " + string(password))
		right := string(password) == "of pam" // it is overwritten by the next one
		if r.User == "twice" {
			code, err := served.Ask("Code: ", false)
			if err != nil || string(code) != "4711" {
				_ = served.Refuse(&helper.Refusal{Class: helper.Auth, Reason: "wrong code"})
				return
			}
		}
		if !right || r.User == "unknown" {
			_ = served.Refuse(&helper.Refusal{Class: helper.Auth, Reason: "wrong"})
			return
		}
		_ = served.Allow(account)
	})
	external := listen(t, func(c net.Conn) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		w.note("external heard " + strings.TrimSpace(line))
		switch strings.TrimSpace(line) {
		case "[exa;of site;]":
			_, _ = io.WriteString(c, "accept site,crew 9000 9000 /\n")
		case "[daemon;of site;]":
			_, _ = io.WriteString(c, "accept crew 1 1 /\n")
		case "[daemon;another uid;]":
			_, _ = io.WriteString(c, "accept crew 2 2 /\n")
		case "[exa;uid 0;]":
			_, _ = io.WriteString(c, "accept crew 0 0 /\n")
		case "[exa;warned;]":
			_, _ = io.WriteString(c, "accept_warning crew 9000 9000 / be careful\n")
		case "[pamela;abort;]", "[ann;abort;]":
			_, _ = io.WriteString(c, "abort it is enough\n")
		case "[exa;dead;]":
		default:
			_, _ = io.WriteString(c, "reject no\n")
		}
	})
	w.opts = Options{Keys: folder(t), Users: func() *users.Users { return all }, Resolver: ident.NewResolver(),
		PAM: &helper.PAM{Socket: pam}, External: &helper.External{Socket: external, Format: helper.Classic},
		Backends: backends, Method: helper.NETCONF,
		Tried: func(a Attempt) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.attempts = append(w.attempts, a)
		}}
	return w
}

// outcome is what one connection came to.
type outcome struct {
	actor ident.Actor
	in    bool
	err   error // what the client sees
	why   error // what the log sees
	shown string
}

// come tries to log in over a connection of its own.
func (w *world) come(user string, shown *strings.Builder, methods ...ssh.AuthMethod) outcome {
	w.t.Helper()
	w.mu.Lock()
	w.asked, w.attempts = nil, nil
	w.mu.Unlock()
	a, err := New(w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	login := a.Begin(ctx, "netconf-ssh", netip.MustParseAddrPort("192.0.2.7:4000"))
	config := &ssh.ServerConfig{MaxAuthTries: 6}
	config.AddHostKey(signer(w.t))
	login.Configure(config)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if c, _, _, err := ssh.NewServerConn(far, config); err == nil {
			c.Close()
		}
		far.Close()
	}()
	c, _, _, err := ssh.NewClientConn(near, "", &ssh.ClientConfig{User: user, Auth: methods, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		BannerCallback: func(text string) error { fmt.Fprintf(shown, "banner %s", text); return nil }})
	if err == nil {
		c.Close()
	}
	near.Close()
	<-served
	o := outcome{err: err, why: login.Reason()}
	o.actor, o.in = login.Actor()
	if shown != nil {
		o.shown = shown.String()
	}
	return o
}

// typing answers the questions of keyboard-interactive, and notes what is shown.
func typing(shown *strings.Builder, answers ...string) ssh.AuthMethod {
	return ssh.KeyboardInteractive(func(_, instruction string, questions []string, echos []bool) ([]string, error) {
		if instruction != "" {
			fmt.Fprintf(shown, "says %s|", instruction)
		}
		var out []string
		for i, q := range questions {
			fmt.Fprintf(shown, "asks %s %v|", q, echos[i])
			if len(answers) == 0 {
				return nil, errors.New("nothing more to say")
			}
			out, answers = append(out, answers[0]), answers[1:]
		}
		return out, nil
	})
}

func TestBackends(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("not root: the keys of root are not tried")
	}
	for _, c := range []struct {
		backends       string
		user, password string
		by             string // "": nobody
		uid            uint32
		groups         string
		asked          string
	}{
		{"local pam external", "ann", "of data", "local", ident.NoUID, "", ""},
		{"local pam external", "pamela", "of data", "local", ident.NoUID, "", ""},
		{"local pam external", "pamela", "of pam", "pam", 4711, "staff", "pam pamela,pam heard of pam"},
		{"pam local", "pamela", "of data", "local", ident.NoUID, "", "pam pamela,pam heard of data"},
		{"local pam external", "exa", "of site", "external", ident.NoUID, "site,crew", "pam exa,pam heard of site,external heard [exa;of site;]"},
		{"external pam", "exa", "of pam", "pam", 4711, "staff", "external heard [exa;of pam;],pam exa,pam heard of pam"},
		{"external pam", "exa", "dead", "", 0, "", "external heard [exa;dead;],pam exa,pam heard dead"},
		{"external pam", "exa", "of;site", "", 0, "", "pam exa,pam heard of;site"},
		{"external pam", "pamela", "abort", "", 0, "", "external heard [pamela;abort;]"},
		{"external", "exa", "uid 0", "", 0, "", "external heard [exa;uid 0;]"},
		// The account of that name must be one that may be used, and the uid its own.
		{"external", "daemon", "of site", "external", 1, "crew", "external heard [daemon;of site;],pam daemon"},
		{"external", "daemon", "another uid", "", 0, "", "external heard [daemon;another uid;]"},
		{"local", "daemon", "of data", "local", ident.NoUID, "", "pam daemon"},
		// What is typed for root reaches nobody.
		{"local external pam", "root", "of data", "", 0, "", "external: refused,pam root"},
		{"local pam external", "nobody-here", "of data", "", 0, "", "pam nobody-here,pam heard of data,external heard [nobody-here;of data;]"},
	} {
		var backends []Backend
		for b := range strings.FieldsSeq(c.backends) {
			backends = append(backends, Backend(b))
		}
		w := newWorld(t, backends...)
		o := w.come(c.user, new(strings.Builder), ssh.Password(c.password))
		what := fmt.Sprintf("%s: %s with %q", c.backends, c.user, c.password)
		if o.in != (c.by != "") || o.in != (o.err == nil) {
			t.Errorf("%s: %v, %v", what, o.err, o.why)
			continue
		}
		if o.in && (o.actor.Peer.UID != c.uid || strings.Join(o.actor.Groups, ",") != c.groups || o.actor.User != c.user) {
			t.Errorf("%s: is %+v", what, o.actor)
		}
		if last := w.attempts[len(w.attempts)-1]; len(w.attempts) != 1 || last.By != c.by || (last.Err == nil) != o.in || last.User != c.user || last.Method != Password {
			t.Errorf("%s: the audit has %+v", what, w.attempts)
		}
		asked := strings.Join(w.asked, ",")
		if c.user == "root" {
			if strings.Contains(asked, c.password) {
				t.Errorf("%s: somebody heard it: %s", what, asked)
			}
		} else if asked != c.asked {
			t.Errorf("%s: asked were %s", what, asked)
		}
		if o.why != nil && c.password != "uid 0" && strings.Contains(o.why.Error(), c.password) {
			t.Errorf("%s: the password is in the log: %v", what, o.why)
		}
	}
}

// TestUnknownIsRefused: a nso-pam that is there and does not answer lets nobody in; one
// that is not there has no say.
func TestUnknownIsRefused(t *testing.T) {
	mute := listen(t, func(net.Conn) {})
	for _, c := range []struct {
		name, pam, backends, user, password string
		in                                  bool
	}{
		{"mute, then external", mute, "pam external", "exa", "of site", false},
		{"mute, then local", mute, "pam local", "ann", "of data", false},
		{"mute, local before", mute, "local pam", "ann", "of data", true},
		{"mute, local before, an account of the system", mute, "local pam", "daemon", "of data", false},
		{"gone, then external", "/nowhere/nso-pam", "pam external", "exa", "of site", true},
		{"gone, then local", "/nowhere/nso-pam", "pam local", "daemon", "of data", true},
		{"gone, alone", "/nowhere/nso-pam", "pam", "pamela", "of pam", false},
	} {
		var backends []Backend
		for b := range strings.FieldsSeq(c.backends) {
			backends = append(backends, Backend(b))
		}
		w := newWorld(t, backends...)
		w.opts.PAM = &helper.PAM{Socket: c.pam}
		if o := w.come(c.user, new(strings.Builder), ssh.Password(c.password)); o.in != c.in {
			t.Errorf("%s: %v, %v", c.name, o.err, o.why)
		}
	}
}

// TestRounds: keyboard-interactive asks once for the password that all are shown, and
// then what PAM wants beyond it.
func TestRounds(t *testing.T) {
	for _, c := range []struct {
		backends, user string
		answers        []string
		by, shown      string
	}{
		{"local pam external", "ann", []string{"of data"}, "local", "asks Password:  false|"},
		{"local pam external", "exa", []string{"of site"}, "external", "asks Password:  false|"},
		{"pam local", "ann", []string{"of data"}, "local", "asks Password:  false|"},
		{"local pam", "twice", []string{"of pam", "4711"}, "pam", "asks Password:  false|asks Code:  false|"},
		{"local pam", "twice", []string{"of pam", "0815"}, "", "asks Password:  false|asks Code:  false|"},
		{"pam", "twice", []string{"of pam", "4711"}, "pam", "asks Password:  false|asks Code:  false|"},
		{"external local", "exa", []string{"warned"}, "external", "asks Password:  false|says be careful|"},
		{"local pam", "twice", nil, "", "asks Password:  false|"},
		{"local pam", "../ann", []string{"x"}, "", "asks Password:  false|"},
	} {
		var backends []Backend
		for b := range strings.FieldsSeq(c.backends) {
			backends = append(backends, Backend(b))
		}
		w := newWorld(t, backends...)
		var shown strings.Builder
		o := w.come(c.user, &shown, typing(&shown, c.answers...))
		if o.in != (c.by != "") || o.shown != c.shown {
			t.Errorf("%s: %s with %q: %v, shown %q, asked %q", c.backends, c.user, c.answers, o.why, o.shown, w.asked)
		}
		if last := w.attempts[len(w.attempts)-1]; last.By != c.by {
			t.Errorf("%s: %s: the audit has %+v", c.backends, c.user, w.attempts)
		}
	}
}

// TestAlike: from outside no failure is told from another, and as many are asked for each.
func TestAlike(t *testing.T) {
	type view struct{ shown, err, asked string }
	views := make(map[string]view)
	for _, typed := range []bool{true, false} {
		for _, c := range []struct{ name, user string }{
			{"no such user", "unknown"}, {"wrong password", "pamela"}, {"locked", "locked"}, {"no password", "keyed"},
			{"of the data", "ann"}, {"external down", "exa"},
		} {
			w := newWorld(t, Local, PAM, External)
			if c.name == "external down" {
				w.opts.External = &helper.External{Socket: "/nowhere/external", Format: helper.JSON}
			}
			var shown strings.Builder
			method := ssh.Password("guess")
			if typed {
				method = typing(&shown, "guess")
			}
			o := w.come(c.user, &shown, method)
			if o.in || o.err == nil || o.why == nil {
				t.Fatalf("%s is in", c.name)
			}
			var asked []string
			for _, a := range w.asked {
				asked = append(asked, strings.ReplaceAll(a, c.user, "USER"))
			}
			v := view{o.shown, o.err.Error(), strings.Join(asked, ",")}
			if c.name == "external down" {
				v.asked += ",external heard [USER;guess;]"
			}
			views[c.name] = v
			if v != views["no such user"] {
				t.Errorf("%s, typed %v: %+v; an unknown user: %+v", c.name, typed, v, views["no such user"])
			}
		}
	}
}

func TestKeyFiles(t *testing.T) {
	other := signer(t)
	for _, c := range []struct {
		name, user string
		where      keyFile
		uid        uint32
		file       bool // in keys.d
		key        ssh.Signer
	}{
		{"in the data", "keyed", inData, ident.NoUID, false, nil},
		{"in the data and an account", "daemon", inData, ident.NoUID, false, nil},
		{"in both", "daemon", inKeysD, 1, true, nil},
		{"in keys.d", "pamela", inKeysD, 4711, true, nil},
		{"in the data, account expired", "expired", inData, ident.NoUID, false, nil}, // no such account here
		{"root's in the data", "root", "", 0, false, nil},
		{"another", "keyed", "", 0, false, other},
		{"nobody's", "ann", "", 0, false, nil},
	} {
		w := newWorld(t, Local, PAM)
		if c.file {
			w.opts.Keys.write(t, c.user, line(w.key))
		}
		key := w.key
		if c.key != nil {
			key = c.key
		}
		o := w.come(c.user, new(strings.Builder), ssh.PublicKeys(key))
		if o.in != (c.where != "") || o.in && o.actor.Peer.UID != c.uid {
			t.Errorf("%s: %v, %v, %+v", c.name, o.err, o.why, o.actor)
		}
		if o.in && (len(w.attempts) != 1 || w.attempts[0].By != string(c.where)) {
			t.Errorf("%s: the audit has %+v", c.name, w.attempts)
		}
	}
}

// TestFactors: of two factors the one that says less decides who the user is.
func TestFactors(t *testing.T) {
	for _, c := range []struct {
		name, chain, user, password string
		file                        bool
		uid                         uint32
		in                          bool
	}{
		{"key of the system, password of PAM", "publickey,password", "daemon", "of pam", true, 1, true},
		{"key of the data, password of PAM", "publickey,password", "daemon", "of pam", false, ident.NoUID, true},
		{"key of the system, password of the data", "publickey,password", "daemon", "of data", true, ident.NoUID, true},
		{"a password alone", "publickey,password", "ann", "of data", false, 0, false},
		{"a key alone", "publickey,keyboard-interactive", "keyed", "", false, 0, false},
	} {
		w := newWorld(t, Local, PAM)
		var err error
		if w.opts.Chains, err = ParseChains([]string{c.chain}); err != nil {
			t.Fatal(err)
		}
		if c.file {
			w.opts.Keys.write(t, c.user, line(w.key))
		}
		methods := []ssh.AuthMethod{ssh.PublicKeys(w.key)}
		if c.password != "" {
			methods = append(methods, ssh.Password(c.password))
		}
		o := w.come(c.user, new(strings.Builder), methods...)
		if o.in != c.in || o.in && o.actor.Peer.UID != c.uid {
			t.Errorf("%s: %v, %+v", c.name, o.why, o.actor)
		}
	}
	for _, bad := range []string{"", "publickey,", "hostbased", "password,password"} {
		if _, err := ParseChains([]string{bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	for _, o := range []Options{{Backends: []Backend{Local}}, {Backends: []Backend{"radius"}, Chains: []Chain{{Password}}}, {Backends: []Backend{External}}} {
		if _, err := New(o); err == nil && o.Backends[0] != "radius" {
			t.Errorf("%v is accepted", o.Backends)
		}
	}
}

// TestOwnKeys: a file of a user's own counts where root has made him a socket, and one
// process reads it in a connection.
func TestOwnKeys(t *testing.T) {
	w := newWorld(t, Local, PAM)
	texts, err := os.MkdirTemp("", "nso-keys")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(texts)
	text := "# mine\n" + line(w.key) + "\n"
	socket := listen(t, func(net.Conn) {
		w.note("read")
		_ = os.WriteFile(filepath.Join(texts, "s"), []byte(text), 0o644)
	})
	w.opts.UserKeys = &helper.UserKeys{Sockets: filepath.Dir(socket), Texts: texts} // that of a user called s
	if o := w.come("s", new(strings.Builder), ssh.PublicKeys(signer(t), signer(t), w.key)); !o.in || o.actor.Peer.UID != 4711 || w.attempts[0].By != string(inHome) {
		t.Errorf("%v, %+v", o.why, o.actor)
	}
	if n := len(slices.DeleteFunc(w.asked, func(s string) bool { return s != "read" })); n != 1 {
		t.Errorf("%d processes were started", n)
	}
	if o := w.come("pamela", new(strings.Builder), ssh.PublicKeys(w.key)); o.in || slices.Contains(w.asked, "read") {
		t.Errorf("who has no socket is in, or a process was started: %v", w.asked)
	}
	w.opts.UserKeys = &helper.UserKeys{Sockets: filepath.Dir(socket), Texts: texts}
	text = "command=\"/bin/sh\" " + line(w.key)
	if o := w.come("s", new(strings.Builder), ssh.PublicKeys(w.key)); o.in || !strings.Contains(o.why.Error(), "not understood") {
		t.Errorf("a line that is not understood: %v", o.why)
	}
}

// TestBeat: what takes PAM longer for a name that it knows does not show.
func TestBeat(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		slow, pam bool
		took      []time.Duration
		answered  time.Duration
	}{
		{false, false, []time.Duration{0, 5 * ms, 24 * ms}, 25 * ms},
		{false, false, []time.Duration{26 * ms, 49 * ms}, 50 * ms},
		{true, false, []time.Duration{0, 40 * ms, 180 * ms}, 500 * ms},
		{false, true, []time.Duration{1 * ms, 60 * ms, 200 * ms}, 250 * ms},                         // without a delay
		{false, true, []time.Duration{1010 * ms, 1900 * ms, 2500 * ms, 3300 * ms}, 4 * time.Second}, // with that of pam_unix
	} {
		for _, took := range c.took {
			l := &Login{slow: c.slow, pam: c.pam}
			if got := took + l.onBeat(took); got != c.answered || l.slow || l.pam {
				t.Errorf("what took %v is answered after %v", took, got)
			}
		}
	}
}
