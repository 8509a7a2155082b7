// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// site is a program of a site: it gets what was said to it and says something.
func site(t *testing.T, format Format, answer func(line string) string) (*External, *string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nso-site")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "external")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var heard string
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			text, _ := io.ReadAll(c) // to the end, as many do
			heard = string(text)
			_, _ = io.WriteString(c, answer(heard))
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		os.RemoveAll(dir)
	})
	return &External{Socket: socket, Format: format, Queue: NewQueue(ExternalLimits())}, &heard
}

func TestExternalSays(t *testing.T) {
	for _, c := range []struct {
		format  Format
		says    string
		want    Accepted
		refused string // "no answer", "refusal", "abort"
	}{
		{Classic, "accept admin oper 1004 1004 /tmp\n", Accepted{Groups: []string{"admin", "oper"}, UID: 1004, HasUID: true}, ""},
		{Classic, "accept admin,oper 1004 1004 12,13 14 /tmp\n", Accepted{Groups: []string{"admin", "oper"}, UID: 1004, HasUID: true}, ""},
		{Classic, "accept 9000 20 'homes/a b'\n", Accepted{UID: 9000, HasUID: true}, ""},
		{Classic, "accept_info g 1 1 / hello there\n", Accepted{Groups: []string{"g"}, UID: 1, HasUID: true, Said: "hello there"}, ""},
		{Classic, "accept_warning g 1 1 / \x1b[2Jbeware\n", Accepted{Groups: []string{"g"}, UID: 1, HasUID: true, Said: "[2Jbeware"}, ""},
		{Classic, "reject wrong password\n", Accepted{}, "refusal"},
		{Classic, "reject\n", Accepted{}, "refusal"},
		{Classic, "abort it is enough\n", Accepted{}, "abort"},
		{Classic, "", Accepted{}, "no answer"},
		{Classic, "accept admin 1004 1004 /tmp", Accepted{}, "no answer"}, // half a line
		{Classic, "accept admin 1004 1004 /tmp\nreject\n", Accepted{}, "no answer"},
		{Classic, "\naccept admin 1004 1004 /tmp\n", Accepted{}, "no answer"},
		{Classic, "accept\n", Accepted{}, "no answer"},
		{Classic, "accept admin 1004 /tmp\n", Accepted{}, "no answer"},
		{Classic, "accept admin 1004 1004\n", Accepted{}, "no answer"},
		{Classic, "accept admin 1004 1004 /tmp more\n", Accepted{}, "no answer"},
		{Classic, "accept admin 0 0 /root\n", Accepted{}, "no answer"},
		{Classic, "accept admin 65534 1 /\n", Accepted{}, "no answer"},
		{Classic, "accept admin 4294967295 1 /\n", Accepted{}, "no answer"},
		{Classic, "accept admin 4294967296 1 /\n", Accepted{}, "no answer"},
		{Classic, "accept admin ,1 1 /\n", Accepted{}, "no answer"},
		{Classic, "accept 'a b' 1 1 /\n", Accepted{}, "no answer"},
		{Classic, "accept \"admin 1 1 /\n", Accepted{}, "no answer"},
		{Classic, "accepted admin 1 1 /\n", Accepted{}, "no answer"},
		{Classic, "challenge 1 Code:\n", Accepted{}, "no answer"},
		{Classic, "accept " + strings.Repeat("g ", maxExternal) + "1 1 /\n", Accepted{}, "no answer"},
		{JSON, `{"ok":true,"groups":["admin","oper"],"uid":1004,"gid":1004,"gids":[12],"home":"/tmp"}` + "\n", Accepted{Groups: []string{"admin", "oper"}, UID: 1004, HasUID: true}, ""},
		{JSON, `{"ok":true}`, Accepted{}, ""},
		{JSON, `{"ok":false,"reason":"wrong"}`, Accepted{}, "refusal"},
		{JSON, `{"ok":false}`, Accepted{}, "refusal"},
		{JSON, `{"ok":false,"uid":5}`, Accepted{}, "no answer"},
		{JSON, `{"ok":true,"reason":"well"}`, Accepted{}, "no answer"},
		{JSON, `{"ok":true,"uid":0}`, Accepted{}, "no answer"},
		{JSON, `{"ok":true,"uid":-1}`, Accepted{}, "no answer"},
		{JSON, `{"ok":true,"groups":["a b"]}`, Accepted{}, "no answer"},
		{JSON, `{"ok":true,"groups":[""]}`, Accepted{}, "no answer"},
		{JSON, `{"ok":true,"admin":true}`, Accepted{}, "no answer"},
		{JSON, `{"ok":true}{"ok":false}`, Accepted{}, "no answer"},
		{JSON, `{"groups":["admin"]}`, Accepted{}, "no answer"},
		{JSON, `accept admin 1 1 /`, Accepted{}, "no answer"},
		{JSON, `null`, Accepted{}, "no answer"},
	} {
		e, _ := site(t, c.format, func(string) string { return c.says })
		got, err := e.Ask(t.Context(), Question{User: "ann", Password: []byte("x"), Method: CLI})
		var r *Refusal
		kind := ""
		switch {
		case errors.As(err, &r):
			kind = "refusal"
		case errors.Is(err, ErrAbort):
			kind = "abort"
		case errors.Is(err, ErrNoAnswer):
			kind = "no answer"
		case err != nil:
			kind = err.Error()
		}
		if kind != c.refused || err == nil && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%.60q: %+v, %v", c.says, got, err)
		}
	}
}

func TestExternalHears(t *testing.T) {
	from := netip.MustParseAddr("::ffff:192.0.2.7")
	e, heard := site(t, Classic, func(string) string { return "reject\n" })
	for _, c := range []struct{ user, password, want string }{
		{"ann", "geh eim", "[ann;geh eim;]\n"},
		{"ann@example.com", "ä\"'$`", "[ann@example.com;ä\"'$`;]\n"},
		{"ann", "a;b", ""}, {"ann", "a]", ""}, {"ann", "[a", ""}, {"ann", "a\nb", ""}, {"ann", "a\x00b", ""}, {"ann", "\x7f", ""},
		{"ann;root", "x", ""}, {"../ann", "x", ""}, {"", "x", ""}, {"ann", strings.Repeat("x", 512), ""},
	} {
		*heard = ""
		if _, err := e.Ask(t.Context(), Question{User: c.user, Password: []byte(c.password), Source: from, Method: CLI}); err == nil {
			t.Errorf("%q is in", c.user)
		}
		if *heard != c.want {
			t.Errorf("%q and %.20q: %q", c.user, c.password, *heard)
		}
	}
	e, heard = site(t, JSON, func(string) string { return `{"ok":false}` })
	for _, password := range []string{"a;b]\n\t\"\\\x01\x7f</script>ä€", "", " "} {
		if _, err := e.Ask(t.Context(), Question{User: `DOM\ann`, Password: []byte(password), Source: from, Method: NETCONF}); err == nil {
			t.Error("it is in")
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(*heard), &got); err != nil {
			t.Fatalf("%q: %v", *heard, err)
		}
		want := map[string]any{"v": 1.0, "user": `DOM\ann`, "password": password, "source": "192.0.2.7", "method": "netconf"}
		if !reflect.DeepEqual(got, want) || strings.Count(*heard, "\n") != 1 {
			t.Errorf("%q", *heard)
		}
	}
	*heard = ""
	if _, err := e.Ask(t.Context(), Question{User: "ann", Password: []byte("\xff"), Method: CLI}); err == nil || *heard != "" {
		t.Errorf("what is no UTF-8 was sent: %q", *heard)
	}
}

func TestExternalIsNotThere(t *testing.T) {
	e := &External{Socket: filepath.Join(t.TempDir(), "none"), Format: JSON}
	if _, err := e.Ask(t.Context(), Question{User: "ann", Password: []byte("x"), Method: CLI}); !errors.Is(err, ErrNoAnswer) || !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	stuck, _ := site(t, JSON, func(string) string { return `{"ok":true}` })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := stuck.Ask(ctx, Question{User: "ann", Password: []byte("x"), Method: CLI}); err == nil {
		t.Error("who has gone is in")
	}
}

func TestUserKeys(t *testing.T) {
	dir, err := os.MkdirTemp("", "nso-keys")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	k := &UserKeys{Sockets: filepath.Join(dir, "s"), Texts: filepath.Join(dir, "t")}
	if k.Any() {
		t.Error("there are sockets where there is nothing")
	}
	for _, d := range []string{k.Sockets, k.Texts} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if k.Any() {
		t.Error("there are sockets in an empty folder")
	}
	listen := func(user string, run func()) (started *int) {
		l, err := net.Listen("unix", filepath.Join(k.Sockets, user))
		if err != nil {
			t.Fatal(err)
		}
		started = new(int)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				*started++
				run()
				c.Close()
			}
		}()
		t.Cleanup(func() { l.Close(); <-done })
		return started
	}
	write := func(user, text string) func() {
		return func() { _ = os.WriteFile(filepath.Join(k.Texts, user), []byte(text), 0o644) }
	}
	started := listen("ann", write("ann", "a key"))
	listen("big", write("big", strings.Repeat("a line\n", MaxKeysText/7+2)+"x"))
	if err := os.WriteFile(filepath.Join(k.Texts, "old"), []byte("a key of yesterday"), 0o644); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	_ = os.Chtimes(filepath.Join(k.Texts, "old"), yesterday, yesterday)
	listen("old", func() {})
	listen("none", func() {})
	listen("link", func() { _ = os.Symlink("/etc/passwd", filepath.Join(k.Texts, "link")) })
	if err := os.WriteFile(filepath.Join(k.Sockets, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if !k.Any() {
		t.Error("there are no sockets")
	}
	for user, want := range map[string]string{"ann": "", "big": "", "old": "did not run", "none": "no such file", "link": "symbolic links", "file": "is no socket",
		"bob": "no such file", "../t/ann": "a user name has", "": "without a user name"} {
		text, err := k.Read(t.Context(), user)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", user, err)
		}
		if user == "big" && (len(text) > MaxKeysText || len(text) < MaxKeysText-7 || text[len(text)-1] != '\n') {
			t.Errorf("%d bytes are read", len(text))
		}
	}
	for range 5 {
		if text, err := k.Read(t.Context(), "ann"); err != nil || string(text) != "a key" {
			t.Errorf("%q, %v", text, err)
		}
	}
	if *started != 1 {
		t.Errorf("%d processes were started at once", *started)
	}
	if _, err := k.Read(t.Context(), "bob"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("who has no socket: %v", err)
	}
}

// FuzzExternal: whatever a program says, nobody is let in with uid 0 or that of nobody, or
// with a group that is no group, and a refusal is one.
func FuzzExternal(f *testing.F) {
	for _, says := range []string{"accept admin oper 1004 1004 /tmp\n", "accept 'a' 1 1 /\n", "reject no\n", "abort no\n", "accept_info g 1,2 3 /h text\n",
		`{"ok":true,"groups":["admin"],"uid":1004,"gid":1004,"gids":[12],"home":"/tmp"}`, `{"ok":false,"reason":"wrong"}`} {
		f.Add([]byte(says))
	}
	f.Fuzz(func(t *testing.T, says []byte) {
		for _, format := range []Format{JSON, Classic} {
			a, err := (&External{Format: format}).parse(says)
			if err != nil {
				continue
			}
			if a.HasUID && (a.UID == 0 || a.UID == 65534 || a.UID == ^uint32(0)) {
				t.Errorf("%q lets in uid %d", says, a.UID)
			}
			for _, g := range a.Groups {
				if g == "" || strings.ContainsAny(g, " \t\n,:\x00") {
					t.Errorf("%q lets in the group %q", says, g)
				}
			}
			if format == Classic && !strings.HasPrefix(strings.TrimSpace(string(says)), "accept") {
				t.Errorf("%q lets somebody in", says)
			}
		}
	})
}
