// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func writeFiles(t *testing.T, passwd, group string) files {
	t.Helper()
	dir := t.TempDir()
	f := files{filepath.Join(dir, "passwd"), filepath.Join(dir, "group")}
	if err := errors.Join(os.WriteFile(f.passwd, []byte(passwd), 0o600), os.WriteFile(f.group, []byte(group), 0o600)); err != nil {
		t.Fatal(err)
	}
	return f
}

const (
	somePasswd = `root:x:0:0:root:/root:/bin/bash
# comment:x:9:9::/:
+::::::
bad line
bob:x:1000:1000:Bob,,,:/home/bob:/bin/sh
again:x:1000:1:Second of a uid:/:/bin/sh
big:x:4294967295:0::/:
neg:x:-1:0::/:
oct:x:0x10:0::/:
evil name:x:666:666::/:
nogroup:x:1001:77::/:
`
	someGroup = `root:x:0:
bob:x:1000:
adm:x:4:alice,bob
bobby:x:5:bobb,xbob
ops:x:6:bob
`
)

func TestFiles(t *testing.T) {
	r := newResolver(userdb{path: filepath.Join(t.TempDir(), "none")}, writeFiles(t, somePasswd, someGroup), time.Now)
	ctx := t.Context()
	a, err := r.ByUID(ctx, 1000)
	if err != nil || a.Name != "bob" || a.GID != 1000 || a.Home != "/home/bob" || !slices.Equal(a.Groups, []string{"bob", "adm", "ops"}) {
		t.Errorf("uid 1000 is %+v, %v", a, err)
	}
	if a, err := r.ByName(ctx, "nogroup"); err != nil || len(a.Groups) != 0 || a.UID != 1001 {
		t.Errorf("nogroup is %+v, %v", a, err)
	}
	for _, name := range []string{"alice", "bad line", "big", "neg", "oct", "", "comment", "+", "a:b", strings.Repeat("a", 300)} {
		if a, err := r.ByName(ctx, name); !errors.Is(err, ErrNoAccount) {
			t.Errorf("%q is %+v, %v", name, a, err)
		}
	}
	if a, err := r.ByUID(ctx, 666); err == nil {
		t.Errorf("a name with a blank is %+v", a)
	}
	if a, err := r.ByUID(ctx, 4242); !errors.Is(err, ErrNoAccount) {
		t.Errorf("4242 is %+v, %v", a, err)
	}
	if n, err := r.GroupNames(ctx, []uint32{4, 99999, 0, 4}); err != nil || !slices.Equal(n, []string{"adm", "root"}) {
		t.Errorf("names are %v, %v", n, err)
	}
}

func TestFilesTooLong(t *testing.T) {
	f := writeFiles(t, "x:x:1:1::/"+strings.Repeat("a", maxAccountLine+1)+":\n"+somePasswd, someGroup)
	if a, err := f.byName(t.Context(), "bob"); err == nil {
		t.Errorf("a line without end is read: %+v", a)
	}
	if _, err := (files{"/dev/zero", "/dev/zero"}).byUID(t.Context(), 1); err == nil {
		t.Error("a device is read")
	}
}

// TestFilesAgreeWithSystem: every account of this system, by uid and by name.
func TestFilesAgreeWithSystem(t *testing.T) {
	r := NewResolver()
	f, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); n++ {
		name, _, _ := strings.Cut(sc.Text(), ":")
		a, err := r.ByName(t.Context(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if b, err := r.ByUID(t.Context(), a.UID); err != nil || b.UID != a.UID {
			t.Errorf("uid %d: %+v, %v", a.UID, b, err)
		}
	}
	if n == 0 {
		t.Error("there are no accounts")
	}
}

// TestUserDatabase compares the real user database with the files, where it runs.
func TestUserDatabase(t *testing.T) {
	db := userdb{UserDatabase, multiplexer}
	if _, err := db.byUID(t.Context(), 0); errors.Is(err, errNoDatabase) {
		t.Skip("systemd-userdbd does not run here: the tests of booted systems have it")
	}
	for _, uid := range []uint32{1, 2, 3, 13, 33} {
		want, err1 := files{"/etc/passwd", "/etc/group"}.byUID(t.Context(), uid)
		got, err2 := db.byUID(t.Context(), uid)
		if err1 != nil || err2 != nil {
			if !errors.Is(err1, ErrNoAccount) || !errors.Is(err2, ErrNoAccount) {
				t.Errorf("uid %d: files %v, database %v", uid, err1, err2)
			}
			continue
		}
		slices.Sort(want.Groups)
		slices.Sort(got.Groups)
		if got.Name != want.Name || got.GID != want.GID || !slices.Equal(got.Groups, want.Groups) {
			t.Errorf("uid %d is %+v, in the files %+v", uid, got, want)
		}
	}
	if a, err := db.byUID(t.Context(), 4242); !errors.Is(err, ErrNoAccount) {
		t.Errorf("4242 is %+v, %v", a, err)
	}
}

// TestNameService: where systemd's user database does not run, nso-nss is asked for
// what the files do not have, never for root, and never instead of a database that
// runs.
func TestNameService(t *testing.T) {
	nss, asked := says(t, map[string]string{"GetUserRecord": strings.ReplaceAll(carol, "1000", "7000"), "GetGroupRecord": staff, "GetMemberships": inOps})
	r := newResolver(userdb{path: "/nonexistent"}, writeFiles(t, somePasswd, someGroup), time.Now)
	r.nss = nss
	if a, err := r.ByUID(t.Context(), 7000); err != nil || a.Name != "carol" || !slices.Equal(a.Groups, []string{"staff", "ops", "adm"}) {
		t.Errorf("7000 is %+v, %v", a, err)
	}
	if a, err := r.ByName(t.Context(), "carol"); err != nil || a.UID != 7000 {
		t.Errorf("carol is %+v, %v", a, err)
	}
	if names, err := r.GroupNames(t.Context(), []uint32{50}); err != nil || len(names) != 1 {
		t.Errorf("group 50 is %q, %v", names, err)
	}
	n := asked.Load()
	for _, uid := range []uint32{0, 1000} { // in the files
		if a, err := r.ByUID(t.Context(), uid); err != nil || a.Name == "carol" {
			t.Errorf("%d is %+v, %v", uid, a, err)
		}
	}
	if asked.Load() != n {
		t.Error("the name service is asked for what the files have")
	}
	r.nss = userdb{path: "/nonexistent"}
	if _, err := r.ByUID(t.Context(), 7001); !errors.Is(err, ErrNoAccount) {
		t.Errorf("without a name service: %v", err)
	}
	nobody, _ := says(t, map[string]string{"GetUserRecord": notFound, "GetGroupRecord": notFound, "GetMemberships": notFound})
	r = newResolver(nobody, files{}, time.Now)
	r.nss = nss
	if a, err := r.ByUID(t.Context(), 7000); !errors.Is(err, ErrNoAccount) {
		t.Errorf("a database that runs is overruled: %+v, %v", a, err)
	}
}

// says is a user database that answers each request with what the table has for
// the method, "" for silence.
func says(t *testing.T, answers map[string]string) (userdb, *atomic.Int64) {
	t.Helper()
	l := listenUnix(t)
	var asked atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			go func() {
				defer c.Close()
				request, err := bufio.NewReader(c).ReadString(0)
				if err != nil {
					return
				}
				for method, answer := range answers {
					if strings.Contains(request, `"io.systemd.UserDatabase.`+method+`"`) {
						if answer == "" {
							_, _ = bufio.NewReader(c).ReadByte()
							return
						}
						fmt.Fprint(c, answer)
					}
				}
			}()
		}
	}()
	return userdb{l.Addr().(*net.UnixAddr).Name, multiplexer}, &asked
}

const (
	carol      = `{"parameters":{"record":{"userName":"carol","uid":1000,"gid":50,"homeDirectory":"/h","memberOf":["x"]},"incomplete":false}}` + "\x00"
	staff      = `{"parameters":{"record":{"groupName":"staff","gid":50}}}` + "\x00"
	inOps      = `{"parameters":{"userName":"carol","groupName":"ops"},"continues":true}` + "\x00" + `{"parameters":{"userName":"carol","groupName":"adm"}}` + "\x00"
	notFound   = `{"error":"io.systemd.UserDatabase.NoRecordFound","parameters":{}}` + "\x00"
	notService = `{"error":"io.systemd.UserDatabase.ServiceNotAvailable"}` + "\x00"
)

func TestUserDatabaseAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, user, group, members string
		want                       string // "" for the account of carol
		groups                     []string
	}{
		{"all", carol, staff, inOps, "", []string{"staff", "ops", "adm"}},
		{"no group", carol, notFound, notFound, "", nil},
		{"nobody", notFound, staff, inOps, "no such account", nil},
		{"not available", notService, staff, inOps, "ServiceNotAvailable", nil},
		{"another uid", strings.Replace(carol, "1000", "1001", 1), staff, inOps, "answered for uid 1001", nil},
		{"no uid", strings.Replace(carol, `"uid":1000,`, "", 1), staff, inOps, "no uid or gid", nil},
		{"negative uid", strings.Replace(carol, "1000", "-1", 1), staff, inOps, "cannot read the answer", nil},
		{"another group", carol, strings.Replace(staff, "50", "51", 1), inOps, "another group", nil},
		{"group fails", carol, notService, inOps, "ServiceNotAvailable", nil},
		{"members fail", carol, staff, notService, "ServiceNotAvailable", nil},
		{"not of this user", carol, staff, strings.ReplaceAll(inOps, "carol", "dave"), "", []string{"staff"}},
		{"no JSON", "hello\x00", staff, inOps, "cannot read the answer", nil},
		{"no NUL", `{"parameters":{}}`, staff, inOps, "", nil},
		{"bad name", strings.Replace(carol, "carol", "a b", 1), staff, inOps, "characters that no name can have", nil},
		{"large", `"` + strings.Repeat("a", userdbMessage) + "\x00", staff, inOps, "more than", nil},
		{"silence", "", staff, inOps, "i/o timeout", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			db, _ := says(t, map[string]string{"GetUserRecord": tc.user, "GetGroupRecord": tc.group, "GetMemberships": tc.members})
			ctx := t.Context()
			if tc.name == "silence" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			// bob has that uid in the files: they must not answer for a database that fails.
			r := newResolver(db, writeFiles(t, somePasswd, someGroup), time.Now)
			a, err := r.ByUID(ctx, 1000)
			if tc.name == "no NUL" {
				if err == nil {
					t.Errorf("half a message is read as %+v", a)
				}
				return
			}
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("account %+v, error %v, not %q", a, err, tc.want)
				}
				return
			}
			if err != nil || a.Name != "carol" || a.Home != "/h" || !slices.Equal(a.Groups, tc.groups) {
				t.Errorf("account is %+v, %v", a, err)
			}
			if root, err := r.ByUID(ctx, 0); err != nil || root.Name != "root" {
				t.Errorf("root is %+v, %v", root, err)
			}
		})
	}
}

func TestCache(t *testing.T) {
	db, asked := says(t, map[string]string{"GetUserRecord": carol, "GetGroupRecord": staff, "GetMemberships": inOps})
	now := time.Unix(1e9, 0)
	r := newResolver(db, files{}, func() time.Time { return now })
	get := func() int64 {
		if _, err := r.ByUID(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		return asked.Load()
	}
	first := get()
	now = now.Add(cacheTime - 1)
	if get() != first {
		t.Error("an answer is not kept for a minute")
	}
	now = now.Add(1)
	if get() == first {
		t.Error("an answer is kept for more than a minute")
	}
	for i := range uint32(cacheSize) {
		r.groups[1<<20+i] = cached[string]{"x", now.Add(cacheTime)}
	}
	if _, err := r.GroupNames(t.Context(), []uint32{50}); err != nil || len(r.groups) > cacheSize {
		t.Fatalf("the cache has %d entries; %v", len(r.groups), err)
	}
}

func TestActorOfUnixPeerHasItsGroups(t *testing.T) {
	r := newResolver(userdb{path: "/nonexistent"}, writeFiles(t, somePasswd, someGroup), time.Now)
	// bob connected without his group adm, but with bobby.
	a, err := r.Actor(t.Context(), Peer{UID: 1000, GID: 1000, Groups: []uint32{5, 99}, PID: 7, Source: "pid 7", Door: "ipc"})
	if err != nil || a.User != "bob" || !slices.Equal(a.Groups, []string{"bob", "bobby"}) || a.Source() != "pid 7" || a.Door() != "ipc" {
		t.Errorf("actor is %+v, %v", a, err)
	}
	a, err = r.Actor(t.Context(), Peer{UID: 1000, Source: "127.0.0.1:1"})
	if err != nil || a.Peer.GID != 1000 || !slices.Equal(a.Groups, []string{"bob", "adm", "ops"}) {
		t.Errorf("actor over TCP is %+v, %v", a, err)
	}
}

func TestAs(t *testing.T) {
	r := newResolver(userdb{path: "/nonexistent"}, writeFiles(t, somePasswd+"nobody:x:65534:65534::/:\n", someGroup), time.Now)
	bob, err := r.Actor(t.Context(), Peer{UID: 1000})
	if err != nil {
		t.Fatal(err)
	}
	grants := Policy{Grants: []Grant{{User: "bob", As: []string{"*"}}, {User: "root", As: []string{"bob"}}}}
	for _, tc := range []struct {
		user   string
		policy Policy
		ok     bool
	}{
		{"bob", Policy{}, true}, {"nogroup", Policy{}, false}, {"nogroup", grants, true},
		{"root", grants, false}, {"nobody", grants, false}, {"unknown", grants, false},
		{"root", Policy{Grants: []Grant{{User: "bob", As: []string{"root"}}}}, true},
	} {
		a, err := r.As(t.Context(), bob, tc.user, tc.policy)
		if tc.ok != (err == nil) || tc.ok && (a.User != tc.user || a.Own != "bob" || a.Peer.UID != 1000) {
			t.Errorf("as %s: %+v, %v", tc.user, a, err)
		}
		if err == nil && tc.user != "bob" {
			if b, err := r.As(t.Context(), a, "bob", Policy{Grants: []Grant{{User: tc.user, As: []string{"*"}}}}); err == nil {
				t.Errorf("a grant is passed on: %+v", b)
			}
		}
	}
}

// TestResolverAsksOnce: a crowd of one user is one question.
func TestResolverAsksOnce(t *testing.T) {
	s := &slowSource{ask: make(chan struct{})}
	r := newResolver(s, s, time.Now)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if a, err := r.ByUID(t.Context(), 1000); err != nil || a.Name != "bob" {
				t.Error(a, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.ask <- struct{}{} // one is asking
	wg.Go(func() {
		if _, err := r.ByUID(ctx, 1000); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	cancel() // who waits need not wait for ever
	s.ask <- struct{}{}
	wg.Wait()
	if n := s.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

type slowSource struct {
	source
	ask   chan struct{}
	asked atomic.Int64
}

func (s *slowSource) byUID(context.Context, uint32) (Account, error) {
	s.asked.Add(1)
	<-s.ask
	<-s.ask
	return Account{Name: "bob", UID: 1000}, nil
}
