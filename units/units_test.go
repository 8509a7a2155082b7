// SPDX-License-Identifier: Apache-2.0

package units

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"nso.example/nso/config"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files")
	os.Exit(m.Run())
}

func update() bool { return flag.Lookup("update").Value.String() == "true" }

// TestGolden: each testdata/*.txtar is a nso.toml and what is made of it.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, p := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(p), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(p)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Files) == 0 || a.Files[0].Name != "nso.toml" {
				t.Fatalf("%s does not begin with nso.toml", p)
			}
			got := &txtar.Archive{Comment: a.Comment, Files: a.Files[:1:1]}
			c, err := config.Parse("nso.toml", string(a.Files[0].Data))
			if err != nil {
				t.Fatal(err)
			}
			files, err := Generate(c)
			if err != nil {
				got.Files = append(got.Files, txtar.File{Name: "error", Data: []byte(err.Error() + "\n")})
			}
			for _, f := range files {
				text := f.Content
				if f.Link != "" {
					text = "-> " + f.Link + "\n"
				}
				got.Files = append(got.Files, txtar.File{Name: f.Path, Data: []byte(text)})
			}
			if update() {
				if err := os.WriteFile(p, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if want := string(txtar.Format(a)); string(txtar.Format(got)) != want {
				t.Errorf("made:\n%s\nwanted:\n%s", txtar.Format(got), want)
			}
		})
	}
}

// TestDefault: the shipped units are those of the default configuration.
func TestDefault(t *testing.T) {
	files, err := Generate(config.Default())
	if err != nil || len(files) != 0 {
		t.Errorf("the default configuration adds %v, %v", files, err)
	}
	def := config.Default()
	has(t, Socket, "ListenStream="+def.IPC.Path, "SocketGroup="+def.IPC.Group, "SocketMode="+def.IPC.Mode.String(), "FileDescriptorName=ipc")
	has(t, Service, "StateDirectory="+filepath.Base(def.State.Dir), "LimitNOFILE=16384", "User=nso", "PrivateNetwork=yes", "ProtectProc=default")
	if Descriptors(def) != leastDescriptors {
		t.Errorf("the default configuration takes %d descriptors", Descriptors(def))
	}
	if n := len(Static()); n < 16 {
		t.Errorf("%d units are shipped", n)
	}
	if strings.Contains(static(t, "nso-listen@.socket"), "\nListenStream") {
		t.Error("the template listens: a door that is not configured must not exist")
	}
	for _, f := range Static() {
		for _, never := range []string{"PrivateUsers=", "RuntimeDirectory=", "CAP_NET_BIND_SERVICE", "FileDescriptorStoreMax="} {
			if never == "PrivateUsers=" && (f.Path == "nso-external@.service" || f.Path == "nso-keys@.service") {
				continue // they look at no peer
			}
			if regexp.MustCompile(`(?m)^[^#\n]*` + never).MatchString(f.Content) {
				t.Errorf("%s has %s", f.Path, never)
			}
		}
		if strings.HasSuffix(f.Path, ".socket") && !strings.Contains(f.Content, "\nTriggerLimitIntervalSec=0\n") {
			t.Errorf("%s can be closed by clients: TriggerLimitIntervalSec=0 is missing", f.Path)
		}
	}
	// The same sandbox for all that run as nso.
	want := sandbox(static(t, Service))
	if len(want) < 30 {
		t.Fatalf("the sandbox of %s is %q", Service, want)
	}
	for _, name := range []string{"nso-listen@.service", Check} {
		if got := sandbox(static(t, name)); !slices.Equal(got, want) {
			t.Errorf("the sandbox of %s is\n%s\nthat of %s is\n%s", name, strings.Join(got, "\n"), Service, strings.Join(want, "\n"))
		}
	}
}

func static(t *testing.T, name string) string {
	t.Helper()
	for _, f := range Static() {
		if f.Path == name {
			return f.Content
		}
	}
	t.Fatalf("%s is not shipped", name)
	return ""
}

func has(t *testing.T, unit string, lines ...string) {
	t.Helper()
	text := static(t, unit)
	for _, l := range lines {
		if !strings.Contains(text, "\n"+l+"\n") {
			t.Errorf("%s has no line %s", unit, l)
		}
	}
}

// sandbox is what a unit has from its first line about capabilities on.
func sandbox(text string) (lines []string) {
	_, text, _ = strings.Cut(text, "\nCapabilityBoundingSet=\n")
	for l := range strings.Lines(text) {
		directive, _, _ := strings.Cut(l, "=")
		switch {
		case strings.HasPrefix(l, "#"):
		case directive == "NoExecPaths", directive == "ExecPaths": // what each runs is its own
			lines = append(lines, directive)
		default:
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	return lines
}

func TestClosed(t *testing.T) {
	var paths []string
	for _, f := range Closed() {
		paths = append(paths, f.Path)
		if strings.Contains(f.Content, "Listen") {
			t.Errorf("%s opens something:\n%s", f.Path, f.Content)
		}
	}
	want := []string{"nso.socket.d/50-nso.conf", "nso.socket.wants/nso-check.service", "nso.socket.wants/nso-mend.path"}
	if !slices.Equal(paths, want) {
		t.Errorf("closed is %q, wanted %q", paths, want)
	}
}

// TestNotParsed: what the parser refuses is refused here too.
func TestNotParsed(t *testing.T) {
	for name, change := range map[string]func(*config.Config){
		"address":  func(c *config.Config) { c.Listen.NETCONFTCP.Address[0] = netip.MustParseAddrPort("192.0.2.1:2023") },
		"port":     func(c *config.Config) { c.Listen.NETCONFTCP.Address[0] = netip.AddrPort{} },
		"path":     func(c *config.Config) { c.IPC.Path = "/run/nso/a\nExecStart=/bin/sh" },
		"group":    func(c *config.Config) { c.IPC.Group = "a\nSocketUser=eve" },
		"mode":     func(c *config.Config) { c.IPC.Mode = 0o666 },
		"relative": func(c *config.Config) { c.State.Dir = "var/lib/nso" },
	} {
		c := config.Default()
		c.Listen.NETCONFTCP.Enabled = true
		change(c)
		if files, err := Generate(c); err == nil || files != nil {
			t.Errorf("%s: made %v, %v", name, files, err)
		}
	}
}

// allowed is all that Generate may write: path, section and directive.
func allowed() map[string]*regexp.Regexp {
	const word = `[A-Za-z0-9_/.:+@-]+`
	return map[string]*regexp.Regexp{
		"nso.socket.d/50-nso.conf":             regexp.MustCompile(`^\[Socket\]\nListenStream=\nListenStream=/` + word + `\nSocketGroup=[A-Za-z0-9_.@][A-Za-z0-9_.@-]*\nSocketMode=0[0-7]{2}0\n$`),
		"nso-listen@NAME.socket.d/50-nso.conf": regexp.MustCompile(`^\[Socket\]\nListenStream=\n(ListenStream=([0-9.]+|\[[0-9a-f:.]+\]):[0-9]{1,5}\n)+$`),
		"nso.service.d/50-nso.conf":            regexp.MustCompile(`^\[Service\]\n(LimitNOFILE=[0-9]+\n)?(ReadWritePaths=-/` + word + `\nNoExecPaths=-/` + word + `\n)?(BindReadOnlyPaths=-/run/` + word + `\n)?$`),
		"nso-listen@.service.d/50-nso.conf":    regexp.MustCompile(`^\[Service\]\n(SupplementaryGroups=[A-Za-z0-9_.@][A-Za-z0-9_.@-]*\n)?(Environment=NSO_IPC_PATH=/` + word + `\n)?(BindReadOnlyPaths=-/run/` + word + `\n)?$`),
	}
}

// verify checks that files hold only what they may, for a configuration.
func verify(t *testing.T, c *config.Config, files []File) {
	t.Helper()
	doors := make(map[string]config.Door)
	for _, d := range c.Listen.Doors() {
		if d.Enabled {
			doors[d.Name] = d.Door
		}
	}
	door := regexp.MustCompile(`^nso-listen@([a-z-]+)\.socket`)
	last := ""
	for _, f := range files {
		if f.Path <= last {
			t.Errorf("%s comes after %s", f.Path, last)
		}
		last = f.Path
		if name, ok := strings.CutPrefix(f.Path, "nso.socket.wants/"); ok {
			m := door.FindStringSubmatch(name)
			if m == nil || DoorSocket(m[1]) != name || f.Link != "/usr/lib/systemd/system/nso-listen@.socket" || f.Content != "" {
				t.Errorf("a link %+v", f)
			}
			continue
		}
		key := f.Path
		if m := door.FindStringSubmatch(f.Path); m != nil {
			key = strings.Replace(key, "@"+m[1], "@NAME", 1)
			d, ok := doors[m[1]]
			if !ok {
				t.Errorf("%s opens a door that is not enabled", f.Path)
			}
			delete(doors, m[1])
			// The addresses are those of the configuration and no others.
			var got config.Addresses
			for l := range strings.Lines(f.Content) {
				if text, ok := strings.CutPrefix(strings.TrimSpace(l), "ListenStream="); ok && text != "" {
					a, err := netip.ParseAddrPort(text)
					if err != nil {
						t.Errorf("%s: %v", f.Path, err)
					}
					got = append(got, a)
				}
			}
			if !reflect.DeepEqual(got, d.Address) {
				t.Errorf("%s listens at %v, not at %v", f.Path, got, d.Address)
			}
		}
		comment, text, _ := strings.Cut(f.Content, "\n")
		if re := allowed()[key]; f.Link != "" || re == nil || !strings.HasPrefix(comment, "#") || !re.MatchString(text) {
			t.Errorf("%s may not hold\n%s", f.Path, f.Content)
		}
	}
	for name := range doors {
		t.Errorf("the door %s is enabled and has no unit", name)
	}
}

// FuzzGenerate: whatever nso.toml says, what is made of it parses and holds only
// what it may.
func FuzzGenerate(f *testing.F) {
	f.Add("[listen.netconf-tcp]\nenabled = true\naddress = [\"127.0.0.1:830\", \"[::1]:830\"]\n")
	f.Add("[ipc]\npath = \"/run/nso/x\\nListenStream=/etc/x\"\ngroup = \"%n\"\nmode = \"0600\"\n")
	f.Add("[ipc]\npath = \"/run/other/ipc\"\ngroup = \"\"\n[state]\ndir = \"/srv/nso\"\n[limits]\nconnections = 100000\n")
	f.Add("[listen]\ncli-ssh = {enabled = true, address = \"[::ffff:1.2.3.4%eth0]:22\"}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Parse("nso.toml", text)
		if err != nil {
			return
		}
		files, err := Generate(c)
		if err != nil {
			return
		}
		verify(t, c, files)
		if again, _ := Generate(c); !reflect.DeepEqual(again, files) {
			t.Error("not the same twice")
		}
	})
}

// FuzzGenerateValues is the same for values that no parser has seen.
func FuzzGenerateValues(f *testing.F) {
	f.Add("/run/nso/ipc", "nso-users", "/var/lib/nso", uint32(0o660), 2048, []byte{127, 0, 0, 1}, uint16(2023))
	f.Add("/srv/a b", "a\nb", "/x/%n", uint32(0o600), -1, []byte("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"), uint16(22))
	f.Add("/run/x\\", "-", "/srv/\"", uint32(0o1777), 1, []byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, ipc, group, dir string, mode uint32, connections int, ip []byte, port uint16) {
		c := config.Default()
		c.IPC = config.IPC{Path: ipc, Group: group, Mode: config.Mode(mode)}
		c.State.Dir = dir
		c.Limits.Connections = connections
		addr, _ := netip.AddrFromSlice(ip)
		c.Listen.CLISSH = config.Door{Enabled: true, Address: config.Addresses{netip.AddrPortFrom(addr, port)}}
		files, err := Generate(c)
		if err != nil {
			return
		}
		verify(t, c, files)
	})
}
