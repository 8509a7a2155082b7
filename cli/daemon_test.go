// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/ipc/control"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/maapi"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/yang"
	"nso.example/nso/yang/load"
)

// start is a daemon without doors.
func start(t testing.TB, schema *yang.Schema) *ipctest.Bench {
	return ipctest.Start(t, schema, func(s *mgmt.Server) []varlink.Interface {
		return []varlink.Interface{maapi.New(s, nil), control.New(s, control.Steering{
			Version: "1", Doors: func() []control.Door { return []control.Door{{Name: "ipc", Address: "/run/nso/ipc", Connections: 1}} },
			Resident: func() int64 { return 1e6 }, Panics: func() uint64 { return 0 },
			Reload: func(context.Context) ([]string, []string, error) { return nil, nil, nil }, Stop: func() {},
		})}
	})
}

// login is a shell of a user on the daemon.
func login(t testing.TB, b *ipctest.Bench, user string, out *strings.Builder) *Shell {
	t.Helper()
	agent, err := Open(t.Context(), b.Dial(user), Who{})
	if err != nil {
		t.Fatal(err)
	}
	return New(agent, out)
}

// TestDaemon holds dialogues with the rooms of the daemon. The parts of one file
// are operators on the same daemon, one after the other: the part's name less
// digits is the user.
func TestDaemon(t *testing.T) {
	t.Setenv("TZ", "UTC")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.json": `{"net:top":{"name":"json","port":[{"name":"p1","number":1}]}}`,
		"a.xml":  `<config><top xmlns="urn:net"><name>xml</name></top></config>`,
		"bad":    `{"net:top":`,
		"lines":  "# a comment\n\nset top name lines mtu 1400\r\ndelete top port three\n",
		"wrong":  "set top name wrong\nset top nothing 1\n",
		"late":   "set top name late\nset top mtu 1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	schema := ipctest.Schema(t)
	benches := make(map[string]*ipctest.Bench)
	dialogues(t, "testdata/daemon/*.txtar", func(t *testing.T, name, lines string) string {
		b := benches[t.Name()]
		if b == nil {
			b = start(t, schema)
			benches[t.Name()] = b
		}
		var out strings.Builder
		sh := login(t, b, strings.TrimRight(name, "0123456789"), &out)
		got := converse(t.Context(), sh, &out, strings.ReplaceAll(lines, "DIR", dir), func(*strings.Builder) {})
		return strings.ReplaceAll(got, dir, "DIR")
	})
}

// TestModels holds dialogues with the models that the daemon begins with, the
// README's first one among them.
func TestModels(t *testing.T) {
	schema, _, err := load.Schema(nil)
	if err != nil {
		t.Fatal(err)
	}
	dialogues(t, "testdata/models/*.txtar", func(t *testing.T, name, lines string) string {
		var out strings.Builder
		sh := login(t, start(t, schema), "admin", &out)
		return converse(t.Context(), sh, &out, lines, func(*strings.Builder) {})
	})
}

// What a script is told when it goes wrong, and that nothing of it stays.
func TestScript(t *testing.T) {
	b := start(t, ipctest.Schema(t))
	for _, c := range []struct{ script, out, err string }{
		{"show sessions | count\n", "Count: 2 lines\n", ""},
		{"# setup\nconfigure\nset top mtu 9000\ncommit\nexit\nshow configuration top\n", "commit complete: revision 2\nmtu 9000;\n", ""},
		{"configure\nload set terminal\nset top mtu 9001\nset top name x\n.\nshow top name\nrollback\nexit\n", "name x;\n", ""},
		{"configure\nload set terminal\nset top mtu 9002\nset top nothing\n", "", "line 2: line 2: cannot find"},
		{"configure\r\nset top mtu 10\r\nset top name x\r\n", "", "line 2: top mtu: cannot"},
		{"configure\nset top bogus 1\n", "", "line 2: cannot find \"bogus\" in top: expected one of name, mtu, speed, passive, dns, port, rule\n  set top bogus 1\n          ^^^^^"},
		{"configure\nset top mtu 1000\n", "", "end of input: changes were not committed"},
		{"configure\nset top mtu 1000\nexit\nshow\n", "", "line 3: cannot leave configuration mode"},
		{"configure\nset top mtu 1000\nset top mtu 9000\nexit\n", "", ""},
		{"exit\nbogus\n", "", ""},
		{"show top", "mtu 9000;\n", ""},
	} {
		var out strings.Builder
		sh := login(t, b, "admin", &out)
		err := sh.Script(t.Context(), strings.NewReader(c.script))
		sh.agent.(*Remote).Client.Close()
		b.Sessions(0)
		switch {
		case (err == nil) != (c.err == ""), err != nil && !strings.HasPrefix(err.Error(), c.err):
			t.Errorf("%q: got error %v, want %q", c.script, err, c.err)
		case out.String() != c.out:
			t.Errorf("%q: got %q, want %q", c.script, out.String(), c.out)
		}
	}
}

// A session that the daemon ends is told, in words.
func TestKicked(t *testing.T) {
	b := start(t, ipctest.Schema(t))
	var out strings.Builder
	sh := login(t, b, "admin", &out)
	if err := sh.Execute(t.Context(), "configure"); err != nil {
		t.Fatal(err)
	}
	if err := b.Mgmt.Kick(b.Mgmt.List()[0].ID, "kicked"); err != nil {
		t.Fatal(err)
	}
	b.Sessions(0)
	err := sh.Execute(t.Context(), "set top mtu 1000")
	if err == nil || !broken(err) {
		t.Errorf("got %v", err)
	}
}

// A screen that fails ends a long text, and the session lives on.
func TestWriterFails(t *testing.T) {
	b := start(t, ipctest.Schema(t))
	var out strings.Builder
	sh := login(t, b, "admin", &out)
	script := "configure\n"
	for i := range 700 {
		script += fmt.Sprintf("set top port \"port number %d %s\" number 1\n", i, strings.Repeat("x", 1000))
	}
	if err := sh.Script(t.Context(), strings.NewReader(script+"commit\n")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	sh.out = failing{full}
	if err := sh.Execute(t.Context(), "show top"); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	sh.out = &out
	out.Reset()
	if err := sh.Execute(t.Context(), "show top | count"); err != nil || out.String() != "Count: 2100 lines\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Lines of "display set" make the same data again, and the lines of a difference
// make the second data of the first, order included.
func TestSetLinesLoadAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	names := []string{"a", "b", "c c", `d"`, "e|f", "é", "#g"}
	line := func() string {
		n := func() string { return quote(names[r.IntN(len(names))]) }
		switch r.IntN(12) {
		case 0:
			return "set top name " + n()
		case 1:
			return fmt.Sprintf("set top mtu %d", 1000+r.IntN(3))
		case 2:
			return "set top passive"
		case 3, 4:
			return "set top dns " + n()
		case 5:
			return "set top port " + n() + fmt.Sprintf(" number %d", r.IntN(9))
		case 6, 7:
			return fmt.Sprintf("set top rule %s %d action %s", n(), r.IntN(2), n())
		case 8:
			return fmt.Sprintf("insert top rule %s %d first", n(), r.IntN(2))
		case 9:
			return "insert top dns " + n() + " after " + n()
		case 10:
			return fmt.Sprintf("delete top rule %s %d", n(), r.IntN(2))
		}
		return []string{"delete top dns", "delete top dns " + n(), "delete top passive", "delete top port " + n(), "delete top mtu"}[r.IntN(5)]
	}
	schema := ipctest.Schema(t)
	for round := range 4 {
		b1, b2 := start(t, schema), start(t, schema)
		var out1, out2 strings.Builder
		one, two := login(t, b1, "admin", &out1), login(t, b2, "admin", &out2)
		get := func(sh *Shell, out *strings.Builder, command string) string {
			t.Helper()
			out.Reset()
			if err := sh.Execute(t.Context(), command); err != nil {
				t.Fatalf("%s: %v", command, err)
			}
			return out.String()
		}
		load := func(text string) {
			t.Helper()
			for l := range strings.Lines(text) {
				if err := two.Execute(t.Context(), strings.TrimSuffix(l, "\n")); err != nil {
					t.Fatalf("round %d: %s: %v, in\n%s", round, l, err, text)
				}
			}
		}
		random := func(n int) {
			for range n {
				l := line()
				var f Failures // what is not there cannot be deleted or moved
				if err := one.Execute(t.Context(), l); err != nil && !errors.As(err, &f) {
					t.Fatalf("%s: %v", l, err)
				}
			}
		}
		get(one, &out1, "configure")
		get(two, &out2, "configure")
		random(40)
		load(get(one, &out1, "show top | display set"))
		if a, b := get(one, &out1, "show top"), get(two, &out2, "show top"); a != b {
			t.Fatalf("round %d: set lines made\n%s of\n%s", round, b, a)
		}
		get(one, &out1, "commit")
		get(two, &out2, "commit")
		random(30)
		diff := get(one, &out1, "compare | display set")
		load(diff)
		if a, b := get(one, &out1, "show top"), get(two, &out2, "show top"); a != b {
			t.Fatalf("round %d: the lines\n%smade\n%s, want\n%s", round, diff, b, a)
		}
	}
}

func BenchmarkSetLines10k(b *testing.B) {
	bench := start(b, ipctest.Schema(b))
	var script bytes.Buffer
	script.WriteString("configure\n")
	for i := range 10_000 {
		fmt.Fprintf(&script, "set top port p%d number %d\n", i, i%200)
	}
	script.WriteString("rollback\nexit\n")
	for b.Loop() {
		var out strings.Builder
		if err := login(b, bench, "admin", &out).Script(context.Background(), bytes.NewReader(script.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTab100k(b *testing.B) {
	bench := start(b, ipctest.Schema(b))
	var text, out strings.Builder
	text.WriteString(`<config><top xmlns="urn:net">`)
	for i := range 100_000 {
		fmt.Fprintf(&text, `<port><name>p%06d</name><number>1</number></port>`, i)
	}
	text.WriteString("</top></config>")
	sh := login(b, bench, "admin", &out)
	ctx := context.Background()
	if err := sh.Execute(ctx, "configure"); err != nil {
		b.Fatal(err)
	}
	if err := sh.agent.Load(ctx, sh.th, "xml", "merge", text.String()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := sh.Complete(ctx, "set top port p09999")
		if err != nil || len(c.Candidates) != 11 {
			b.Fatal(len(c.Candidates), err)
		}
	}
}
