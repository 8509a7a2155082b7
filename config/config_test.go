// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

func update() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files")
	os.Exit(m.Run())
}

func TestEmptyFileIsDefault(t *testing.T) {
	c, err := Parse("nso.toml", "")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("an empty file is %+v", c)
	}
}

func TestValues(t *testing.T) {
	c, err := Parse("nso.toml", `
yang.path = ["/opt/yang"]
[listen.netconf-tcp]
enabled = true
address = ["127.0.0.1:2023", "[::ffff:127.0.0.2]:2023"]
[netconf.tcp]
trust = "claimed"
allow-root = true
[[access.grant]]
user = "relay"
as = ["*", "root"]
[limits]
message-size = "512KiB"
idle-timeout = "1h30m"
[ipc]
mode = "0600"
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Listen.NETCONFTCP.Address[1]; got != netip.MustParseAddrPort("127.0.0.2:2023") {
		t.Errorf("a mapped address is %v", got)
	}
	if c.Limits.MessageSize != 512<<10 || time.Duration(c.Limits.IdleTimeout) != 90*time.Minute || c.IPC.Mode != 0o600 {
		t.Errorf("values are %+v %+v", c.Limits, c.IPC)
	}
	p := c.Policy()
	if !p.Claimed || !p.AllowRoot || len(p.Grants) != 1 || p.Grants[0].User != "relay" {
		t.Errorf("the policy is %+v", p)
	}
}

// TestErrors: each bad file, and what is said about it.
func TestErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "[limits]\n\nsesions = 3\n", `nso.toml:3: cannot use the key "limits.sesions": there is no such key; the nearest is "limits.sessions"`},
		{"unknown table", "# x\n[limit]\nsessions = 3\nother = 1\n", `nso.toml:2: cannot use the key "limit": there is no such key; the nearest is "limits"`},
		{"unknown inside", "[listen.netconf-ssh]\nenabled = true\nadress = \":830\"\n", `nso.toml:3: cannot use the key "listen.netconf-ssh.adress": there is no such key; the nearest is "listen.netconf-ssh.address"`},
		{"unknown in a grant", "[[access.grant]]\nuser = \"a\"\nas = [\"b\"]\nfor = 1\n", `nso.toml:4: cannot use the key "access.grant.for": there is no such key; the nearest is "access.grant.user"`},
		{"another case", "[YANG]\npath = []\n", `nso.toml:1: cannot use the key "YANG": there is no such key; the nearest is "yang"`},
		{"odd key", "\"a,b\" = 1\n", `nso.toml: cannot use the key "a,b": there is no such key; the nearest is "yang"`},
		{"dotted", "limits.foo = 1\n", `nso.toml:1: cannot use the key "limits.foo"`},
		{"inline", "\nlimits = { sesions = 1 }\n", `nso.toml:2: cannot use the key "limits.sesions"`},
		{"syntax", "[limits]\nsessions =\n", "nso.toml:2: cannot use the value of limits.sessions: expected value"},
		{"twice", "[limits]\nsessions = 9\nsessions = 10\n", "nso.toml:3: cannot "},
		{"type", "[limits]\nsessions = \"many\"\n", `nso.toml:2: cannot use the value of limits.sessions: incompatible types`},
		{"no TOML", "\n%%\n", `nso.toml:2: cannot read this as TOML`},
		{"deep", "a = \"#[.\" # [\nb = \"\"\"\n[.\"\"\"\nc = " + strings.Repeat("[", 17) + "\n", `nso.toml:4: cannot read the configuration: more than 16`},
		{"size", "[limits]\nmessage-size = \"16 MB\"\n", `nso.toml:2: cannot use "16 MB" as a size; write a whole number and B, KiB, MiB, GiB or TiB, as in "16 MiB"`},
		{"size of no unit", "[limits]\nmessage-size = 16\n", `nso.toml:2: cannot use 16 as a size; write it with its unit`},
		{"size overflow", "[limits]\nmessage-size = \"99999999999 TiB\"\n", `nso.toml:2: cannot use "99999999999 TiB" as a size`},
		{"time", "[limits]\nidle-timeout = \"-3s\"\n", `nso.toml:2: cannot use "-3s" as a time span`},
		{"address", "[listen.netconf-tcp]\naddress = \"localhost:2023\"\n", `nso.toml:2: cannot use "localhost:2023" as an address`},
		{"no port", "[listen.netconf-tcp]\n\naddress = \"127.0.0.1:0\"\n", `nso.toml:3: cannot use listen.netconf-tcp.address: 127.0.0.1:0 has no port`},
		{"not loopback", "[listen.netconf-tcp]\naddress = \"0.0.0.0:2023\"\n", `nso.toml:2: cannot use listen.netconf-tcp.address: 0.0.0.0:2023 is not on the loopback interface, and this door is in clear; write 127.0.0.1:2023`},
		{"taken", "[listen.netconf-tcp]\nenabled = true\n[listen.ipc-tcp]\nenabled = true\naddress = \"127.0.0.1:2023\"\n", `nso.toml:5: cannot use listen.ipc-tcp.address: 127.0.0.1:2023 is the address of netconf-tcp`},
		{"no address", "[listen.cli-ssh]\nenabled = true\naddress = []\n", `nso.toml:3: cannot use listen.cli-ssh.address: the door is enabled and has no address`},
		{"mode", "[ipc]\nmode = \"0666\"\n", `nso.toml:2: cannot use ipc.mode: 0666 lets everybody connect`},
		{"mode text", "[ipc]\nmode = 660\n", `nso.toml:2: cannot use 660 as permissions`},
		{"relative", "[state]\ndir = \"state\"\n", `nso.toml:2: cannot use state.dir: "state" is not an absolute path`},
		{"long socket", "[ipc]\npath = \"/" + strings.Repeat("a", 107) + "\"\n", `nso.toml:2: cannot use ipc.path: it has 108 bytes`},
		{"trust", "[netconf.tcp]\ntrust = \"all\"\n", `nso.toml:2: cannot use netconf.tcp.trust: "all" is neither "kernel" nor "claimed"`},
		{"admin", "[access]\nadmins = [\"a b\"]\n", `nso.toml:2: cannot use access.admins: "a b" is no user's name`},
		{"method", "[login]\nmethods = [\"pam\", \"radius\"]\n", `nso.toml:2: cannot use login.methods: "radius" is none of local, pam, external`},
		{"method twice", "[login]\nmethods = [\"pam\", \"pam\"]\n", `nso.toml:2: cannot use login.methods: pam is there twice`},
		{"no way in", "[login]\nssh = []\n", `nso.toml:2: cannot use login.ssh: it has no way in`},
		{"way of nothing", "[login]\nssh = [\"publickey,\"]\n", `nso.toml:2: cannot use login.ssh: "" is none of`},
		{"format", "[login]\nexternal = \"xml\"\n", `nso.toml:2: cannot use login.external: "xml" is neither "json" nor "classic"`},
		{"banner", "[login]\nbanner = \"a\\u001b[2J\"\n", `nso.toml:2: cannot use login.banner: it has control characters`},
		{"second grant", "[[access.grant]]\nuser = \"a\"\nas = [\"b\"]\n\n[[ access.grant ]] # x\nuser = \"\"\nas = [\"b\"]\n", `nso.toml:5: cannot use access.grant.user: "" is no user's name`},
		{"grant of nothing", "[[access.grant]]\nuser = \"a\"\n", `nso.toml:1: cannot use access.grant.as: it names nobody`},
		{"sessions", "[limits]\nsessions = 4\n", `nso.toml:2: cannot use limits.sessions: 4 leaves none beside the 8`},
		{"sessions range", "[limits]\nconnections = 0\n", `nso.toml:2: cannot use limits.connections: 0 is not between 1 and 1048576`},
		{"level", "[log]\nlevel = \"loud\"\n", `nso.toml:2: cannot use log.level: "loud" is none of`},
		{"too large", strings.Repeat("#", maxFile+1), `nso.toml: cannot read the configuration: it has more than 64 KiB`},
		{"not UTF-8", "[log]\nlevel = \"\xff\"\n", `nso.toml:2: cannot use the value of log.level: invalid UTF-8`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("nso.toml", tc.text)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error is\n%s\nnot\n%s", err, tc.want)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%T is no *Error", err)
			}
		})
	}
}

func TestSeveralErrorsAtOnce(t *testing.T) {
	_, err := Parse("f", "[state]\ndir = \"x\"\n[log]\nlevel = \"x\"\n")
	if n := strings.Count(err.Error(), "\n"); n != 1 || !strings.Contains(err.Error(), "f:4: ") {
		t.Errorf("error is %v", err)
	}
}

func TestDeepNestingIsBounded(t *testing.T) {
	for _, text := range []string{
		"a = " + strings.Repeat("[", maxFile-10),
		strings.Repeat("a.", maxFile/2-10) + "a = 1",
		"a = " + strings.Repeat("{a=", maxFile/3-10),
	} {
		if _, err := Parse("f", text); err == nil {
			t.Errorf("%.10s... is accepted", text)
		} else if len(err.Error()) > 4*maxFile {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "nso.toml")
	if err := os.WriteFile(good, []byte("[limits]\nsessions = 77\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(good)
	if err != nil || c.Limits.Sessions != 77 {
		t.Fatalf("%+v, %v", c, err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{dir, fifo, filepath.Join(dir, "none"), "/dev/zero"} {
		if _, err := Load(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// TestPrintParses is the property: what is printed parses again to the same.
func TestPrintParses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		c := random(r)
		var b bytes.Buffer
		if err := c.Print(&b); err != nil {
			t.Fatal(err)
		}
		got, err := Parse("printed", b.String())
		if err != nil {
			t.Fatalf("%v\n%s", err, &b)
		}
		if !reflect.DeepEqual(got, c) {
			t.Fatalf("printed\n%s\nas %+v\nnot %+v", &b, got, c)
		}
	}
}

func random(r *rand.Rand) *Config {
	c := Default()
	text := func() string {
		letters := []rune(`abz09-_."\#='[]{}äλ` + "\t\n\x01\x7f")
		s := make([]rune, r.IntN(20))
		for i := range s {
			s[i] = letters[r.IntN(len(letters))]
		}
		return string(s)
	}
	name := func() string {
		return string(rune('a'+r.IntN(26))) + strings.Repeat("ä", r.IntN(3)) + `"\`[:r.IntN(3)]
	}
	for range r.IntN(4) {
		c.YANG.Path = append(c.YANG.Path, "/"+text())
	}
	c.State.Dir = "/" + text()
	c.IPC = IPC{Path: "/" + text(), Mode: Mode(0o600 + r.IntN(8)*8), Group: name()}
	port := uint16(0)
	for _, d := range []*Door{&c.Listen.NETCONFTCP, &c.Listen.NETCONFSSH, &c.Listen.CLISSH, &c.Listen.IPCTCP} {
		d.Enabled = r.IntN(2) == 0
		d.Address = Addresses{}
		for range 1 + r.IntN(3) {
			port++
			a := netip.AddrFrom4([4]byte{127, byte(r.IntN(256)), 0, 1})
			if r.IntN(2) == 0 {
				a = netip.IPv6Loopback()
			}
			d.Address = append(d.Address, netip.AddrPortFrom(a, port))
		}
	}
	c.NETCONF.Startup, c.NETCONF.Candidate = r.IntN(2) == 0, []Candidate{CandidateShared, CandidatePrivate}[r.IntN(2)]
	c.NETCONF.TCP = NETCONFTCP{Trust: []Trust{TrustKernel, TrustClaimed}[r.IntN(2)], AllowRoot: r.IntN(2) == 0}
	c.Login = Login{Methods: [][]string{{}, {"pam"}, {"external", "local"}}[r.IntN(3)], SSH: [][]string{{"publickey"}, {"publickey,password", "keyboard-interactive"}}[r.IntN(2)],
		External: []Format{FormatJSON, FormatClassic}[r.IntN(2)], Banner: []string{"", "no \"entry\"\n\tto \\ strangers\n"}[r.IntN(2)]}
	c.Access.Explain = r.IntN(2) == 0
	for range r.IntN(3) {
		c.Access.Admins = append(c.Access.Admins, name())
		c.Access.Grants = append(c.Access.Grants, Grant{User: name(), As: []string{name(), "*"}})
	}
	c.Limits = Limits{
		Sessions: 100 + r.IntN(1000), SessionsPerUser: 1 + r.IntN(99), SessionsReserved: r.IntN(99), Connections: 1 + r.IntN(1<<20),
		MessageSize: Size(64<<10 + r.Int64N(1<<30)), HelloTimeout: Duration(time.Second + time.Duration(r.Int64N(int64(time.Minute)))),
		IdleTimeout: Duration(r.IntN(2)) * Duration(time.Second*time.Duration(1+r.IntN(10000))), TransactionTimeout: Duration(time.Minute * time.Duration(1+r.IntN(600))),
	}
	c.Log.Level = []Level{"debug", "info", "warn", "error"}[r.IntN(4)]
	return c
}

// TestExample holds the example file of the packages against the struct.
func TestExample(t *testing.T) {
	var b bytes.Buffer
	if err := Example(&b); err != nil {
		t.Fatal(err)
	}
	golden := "nso.toml"
	if update() {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Error("nso.toml is not what the struct says: run go test ./config -update")
	}
	for _, text := range []string{b.String(), uncomment(b.String())} {
		c, err := Parse("nso.toml", text)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(c, Default()) {
			t.Errorf("the example is not the default but %+v", c)
		}
	}
}

// uncomment turns "#key = value" into "key = value", but for the grant, which has
// no default.
func uncomment(text string) string {
	lines := strings.Split(text, "\n")
	table := ""
	for i, l := range lines {
		if strings.HasPrefix(l, "#[[") || strings.HasPrefix(l, "[") {
			table = l
		}
		if strings.HasPrefix(l, "#") && strings.Contains(l, " = ") && l[1] != ' ' && !strings.HasPrefix(table, "#") {
			lines[i] = l[1:]
		}
	}
	return strings.Join(lines, "\n")
}

func TestEveryFieldIsDescribed(t *testing.T) {
	for _, f := range Describe() {
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s has no documentation in a sentence", f.Key)
		}
		if !f.Table && (f.Type == "" || f.Default == "") {
			t.Errorf("%s has no type or default: %+v", f.Key, f)
		}
	}
}

func FuzzParse(f *testing.F) {
	var b bytes.Buffer
	if err := Default().Print(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add("[[access.grant]]\nuser = \"a\"\nas = [\"*\"]\n[limits]\nmessage-size = \"1 GiB\"\n")
	f.Add("a.\"b c\".d = [{x=1},{y='''\n'''}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("f", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		var b bytes.Buffer
		if err := c.Print(&b); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("printed", b.String())
		if err != nil {
			t.Fatalf("%v in\n%s", err, &b)
		}
		if !reflect.DeepEqual(c, again) {
			t.Fatalf("%+v is printed as %+v", c, again)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var buf bytes.Buffer
	if err := Default().Print(&buf); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse("f", buf.String()); err != nil {
			b.Fatal(err)
		}
	}
}
