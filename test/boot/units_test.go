// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/bed"
	"nso.example/nso/test/instance"
	"nso.example/nso/units"
)

const unitsConf = `[yang]
path = ["/etc/nso/yang"]
[access]
admins = ["root", "ann"]
[listen.netconf-tcp]
enabled = true
address = "127.0.0.1:2023"
`

// shipped boots a release and puts in it what the package nso would, with the real
// units and nothing started.
func shipped(t *testing.T, suite string) *system {
	t.Helper()
	s := &system{bed.Boot(t, suite), t}
	for name, to := range map[string]string{
		"nsod": "/usr/sbin/nsod", "nso": "/usr/bin/nso", "nso-listen": "/usr/libexec/nso/nso-listen",
		"nso-generator": "/usr/lib/systemd/system-generators/nso-generator",
	} {
		path, err := instance.Bin(name)
		if err != nil {
			t.Fatal(err)
		}
		s.Copy(path, to, 0o755)
	}
	s.Copy("../../packaging/nso-apply", "/usr/libexec/nso/nso-apply", 0o755)
	for _, f := range units.Static() {
		s.Write("/usr/lib/systemd/system/"+f.Path, f.Content, 0o644)
	}
	s.Copy("../../packaging/sysusers.conf", "/usr/lib/sysusers.d/nso.conf", 0o644)
	s.Copy("../../packaging/tmpfiles.conf", "/usr/lib/tmpfiles.d/nso.conf", 0o644)
	s.Copy(ncpeer(t), "/usr/bin/ncpeer", 0o755)
	s.Write("/etc/nso/nso.toml", unitsConf, 0o640)
	s.Run("systemd-sysusers")
	s.Run("systemd-tmpfiles", "--create", "nso.conf")
	for _, user := range []string{"ann", "bob", "eve"} {
		s.Run("useradd", "--create-home", "--user-group", user)
	}
	s.Run("usermod", "-aG", "nso-users", "ann")
	s.Run("usermod", "-aG", "nso-users", "bob")
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "enable", "nso.socket")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "short", "--no-pager", "-n", "120", "-u", "nso*")
			t.Logf("the journal:\n%s", log)
		}
	})
	return s
}

// TestUnits is the life of an installed daemon whose sockets come from nso.toml.
func TestUnits(t *testing.T) {
	suites(t, func(t *testing.T, suite string) {
		s := shipped(t, suite)
		for _, step := range []struct {
			name string
			run  func()
		}{
			{"start", s.unitsStart},
			{"secrets", s.unitsSecrets},
			{"edits do nothing", s.unitsEdit},
			{"reload moves a door", s.unitsMove},
			{"a broken edit", s.unitsBroken},
			{"a clash", s.unitsClash},
			{"who may", s.unitsWhoMay},
			{"the local socket", s.unitsSocket},
			{"a start that fails", s.unitsHeld},
			{"broken at the start", s.unitsClosed},
		} {
			if !t.Run(step.name, func(t *testing.T) {
				outer := s.t
				s.t = t
				defer func() { s.t = outer }()
				step.run()
			}) {
				break
			}
		}
	})
}

// configure writes nso.toml as an editor does.
func (s *system) configure(text string) { s.Write("/etc/nso/nso.toml", text, 0o640) }

func moved(address string) string {
	return strings.ReplaceAll(unitsConf, `"127.0.0.1:2023"`, address)
}

// serves reports whether NETCONF answers ann at an address.
func (s *system) serves(address string) bool {
	out, err := s.as("ann", "ncpeer", "-address", address, get)
	return err == nil && strings.Contains(out, "<data")
}

func (s *system) servesOnly(address string, not ...string) {
	s.t.Helper()
	if !s.serves(address) {
		out, _ := s.as("ann", "ncpeer", "-address", address, get)
		s.t.Errorf("nobody serves at %s: %s", address, out)
	}
	for _, a := range not {
		if out, err := s.as("ann", "ncpeer", "-address", a, get); !strings.Contains(out, "connection refused") {
			s.t.Errorf("somebody is at %s: %v, %s", a, err, out)
		}
	}
}

func (s *system) unitsStart() {
	if got := s.active("nso.service"); got != "inactive" {
		s.t.Errorf("nso.service is %s before anything", got)
	}
	s.open()
	for unit, want := range map[string]string{"nso.socket": "active", "nso-diag.socket": "active", "nso-listen@netconf-tcp.socket": "active", "nso.service": "inactive"} {
		if got := s.active(unit); got != want {
			s.t.Errorf("%s is %s", unit, got)
		}
	}
	s.holds(s.Run("stat", "-c", "%U:%G %a", "/run/nso/ipc", "/run/nso", "/run/nso/applied.toml"), "root:nso-users 660", "root:root 755", "root:nso 640")
	s.want("ann", []string{"nso", "whoami"}, "ann")
	s.want("ann", []string{"nso", "status"})
	s.servesOnly("127.0.0.1:2023")
	for _, unit := range []string{"nso.service", "nso-listen@netconf-tcp.service", "nso-check.service"} {
		if out, err := s.Try("systemd-analyze", "security", "--no-pager", "--threshold=5", unit); err != nil {
			s.t.Errorf("%s is exposed by more than 0.5: %v\n%s", unit, err, out)
		}
	}
	if out := s.Run("systemctl", "--failed", "--no-legend"); strings.Contains(out, "nso") {
		s.t.Errorf("failed: %s", out)
	}
}

// unitsSecrets: what is in /etc/nso reaches the daemon and nobody else; what is not
// there is blank.
func (s *system) unitsSecrets() {
	s.Run("mkdir", "-p", "/etc/nso/ssh")
	s.Write("/etc/nso/ssh/ssh_host_ed25519_key", "a key\n", 0o600)
	s.Run("systemctl", "restart", "nso.service")
	inside := "/proc/" + s.main() + "/root/run/"
	s.holds(s.Run("cat", inside+"credentials/nso.service/ssh_host_ed25519_key"), "a key\n")
	if out := s.Run("cat", inside+"credentials/nso.service/ipc-secret", inside+"credentials/nso.service/ssh_host_rsa_key"); strings.TrimSpace(out) != "" {
		s.t.Errorf("absent secrets are %q", out)
	}
	// And of /run there is only what is spoken with.
	if out := s.Run("ls", inside, inside+"systemd"); strings.Contains(out, "dbus") || strings.Contains(out, "private") {
		s.t.Errorf("the daemon sees %s", out)
	}
	s.servesOnly("127.0.0.1:2023")
}

func (s *system) unitsEdit() {
	s.configure(moved(`"127.0.0.1:2033"`))
	s.Run("systemctl", "daemon-reload")
	s.servesOnly("127.0.0.1:2023", "127.0.0.1:2033")
	s.Run("systemctl", "kill", "-s", "KILL", "nso.service")
	s.until("the daemon is back", func() bool { return s.serves("127.0.0.1:2023") })
	s.servesOnly("127.0.0.1:2023", "127.0.0.1:2033")
	out, err := s.Try("nso", "units", "--diff")
	if err == nil {
		s.t.Error("nso units --diff sees nothing")
	}
	s.holds(out, "-ListenStream=127.0.0.1:2023\n+ListenStream=127.0.0.1:2033\n")
}

func (s *system) unitsMove() {
	pid := s.main()
	begin := time.Now()
	out := s.Run("nso", "reload")
	s.t.Logf("nso reload took %v:\n%s", time.Since(begin).Round(time.Millisecond), out)
	s.holds(out, "the door netconf-tcp moves from 127.0.0.1:2023 to 127.0.0.1:2033", "nso.toml is in force")
	s.servesOnly("127.0.0.1:2033", "127.0.0.1:2023")
	if got := s.main(); got != pid || got == "0" {
		s.t.Errorf("the daemon was %s and is %s", pid, got)
	}
	s.holds(s.Run("nso", "reload"), "nothing has changed")
	s.servesOnly("127.0.0.1:2033")
	if out, err := s.Try("nso", "units", "--diff"); err != nil {
		s.t.Errorf("after a reload the units differ: %v\n%s", err, out)
	}

	// Below 1024, on both protocols, and a door that closes and opens.
	s.configure(moved(`["127.0.0.1:830", "[::1]:830"]`))
	s.Run("nso", "reload")
	s.servesOnly("127.0.0.1:830", "127.0.0.1:2033")
	s.servesOnly("[::1]:830")
	s.configure(strings.Replace(unitsConf, "enabled = true", "enabled = false", 1))
	s.holds(s.Run("nso", "reload"), "the door netconf-tcp closes")
	s.want("ann", []string{"nso", "status"})
	if out, err := s.as("ann", "ncpeer", "-address", "127.0.0.1:830", get); err == nil {
		s.t.Errorf("a closed door answers: %s", out)
	}
	s.configure(unitsConf)
	s.Run("nso", "reload")
	s.servesOnly("127.0.0.1:2023", "127.0.0.1:830")
	if got := s.main(); got != pid {
		s.t.Errorf("the daemon was %s and is %s", pid, got)
	}
}

func (s *system) unitsBroken() {
	for text, want := range map[string]string{
		unitsConf + "[limits]\nsesions = 3\n":                                      `cannot use the key "limits.sesions"`,
		unitsConf + "[ipc]\npath = \"/tmp/ipc\"\n":                                 "cannot use ipc.path under systemd",
		strings.Replace(moved(`"127.0.0.1:2044"`), "/etc/nso/yang", "/nowhere", 1): "cannot read the module directory: open /nowhere",
	} {
		s.configure(text)
		out, err := s.Try("nso", "reload")
		if err == nil {
			s.t.Errorf("a broken file is in force: %s", out)
		}
		s.holds(out, want)
		s.Run("systemctl", "daemon-reload")
		s.servesOnly("127.0.0.1:2023", "127.0.0.1:2044")
	}
	// As somebody who goes round nso reload.
	s.configure(unitsConf + "[limits]\nsesions = 3\n")
	if out, err := s.Try("systemctl", "start", "nso-apply.service"); err == nil {
		s.t.Errorf("nso-apply.service takes a broken file: %s", out)
	}
	s.Run("systemctl", "kill", "-s", "KILL", "nso.service")
	s.until("the daemon is back", func() bool { return s.serves("127.0.0.1:2023") })
	// A file that others may write.
	s.Write("/etc/nso/nso.toml", unitsConf, 0o666)
	out, err := s.Try("nso", "reload")
	if err == nil {
		s.t.Error("a file that everybody can write is in force")
	}
	s.holds(out, "chmod 0640")
	s.configure(unitsConf)
}

func (s *system) unitsClash() {
	wait := s.background("bob", "python3", "-c", "import socket, time\ns=socket.socket(); s.bind(('127.0.0.1', 2055)); s.listen(); time.sleep(60)")
	defer func() {
		s.Run("pkill", "-u", "bob", "python3")
		wait()
	}()
	s.until("bob listens", func() bool {
		out, _ := s.Try("ss", "-Hltn", "sport = 2055")
		return out != ""
	})
	s.configure(moved(`["127.0.0.1:2033", "127.0.0.1:2055"]`))
	out, err := s.Try("nso", "reload")
	if err == nil {
		s.t.Error("a port that is taken is in force")
	}
	s.holds(out, "cannot open the door netconf-tcp at 127.0.0.1:2055: python3", "(pid ", "change listen.netconf-tcp.address")
	s.servesOnly("127.0.0.1:2023", "127.0.0.1:2033")
	// Past nso reload, the sockets that could not move are where they were.
	if out, err := s.Try("systemctl", "start", "nso-apply.service"); err == nil {
		s.t.Errorf("nso-apply.service: %s", out)
	}
	s.holds(s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "-u", "nso-apply.service"), "what was in force before is again", "Address already in use")
	s.servesOnly("127.0.0.1:2023", "127.0.0.1:2033")
	s.holds(s.Run("cat", "/run/nso/applied.toml"), "127.0.0.1:2023")
	s.configure(unitsConf)
	s.Run("nso", "reload")
	s.servesOnly("127.0.0.1:2023")
}

// unitsWhoMay: without root, the service manager decides.
func (s *system) unitsWhoMay() {
	s.refused("bob", []string{"nso", "reload"}, "the service manager does not let you start nso-apply.service", "sudo nso reload")
	s.refused("eve", []string{"nso", "reload"}, "sudo nso reload")
	// Allowed to start the unit, ann needs not even read the file; and with a broken
	// one, all that she is told is where to look.
	const rules = "/etc/polkit-1/rules.d/10-ann.rules"
	s.Write(rules, `polkit.addRule(function(action, subject) {
	if (action.id == "org.freedesktop.systemd1.manage-units" && action.lookup("unit") == "nso-apply.service" &&
		action.lookup("verb") == "start" && subject.user == "ann") {
		return polkit.Result.YES;
	}
});
`, 0o644)
	s.Run("systemctl", "restart", "polkit.service")
	s.want("ann", []string{"nso", "reload"}, "what changes cannot be shown", "nso.toml is in force")
	s.configure(unitsConf + "[limits]\nsesions = 3\n")
	s.refused("ann", []string{"nso", "reload"}, "cannot use nso.toml: nso-check.service has failed", "systemctl status nso-check.service")
	s.configure(unitsConf)
	s.Run("rm", rules)
	s.servesOnly("127.0.0.1:2023")
}

func (s *system) unitsSocket() {
	s.Run("groupadd", "netops")
	s.Run("usermod", "-aG", "netops", "ann")
	s.configure(unitsConf + "[ipc]\npath = \"/run/netops/nso.sock\"\ngroup = \"netops\"\n")
	s.holds(s.Run("nso", "reload"), `ipc.group: "nso-users" -> "netops"`, "its sessions end")
	s.holds(s.Run("stat", "-c", "%U:%G %a", "/run/netops/nso.sock"), "root:netops 660")
	if out, err := s.Try("test", "-e", "/run/nso/ipc"); err == nil {
		s.t.Errorf("the old socket is left: %s", out)
	}
	s.want("ann", []string{"env", "NSO_IPC_PATH=/run/netops/nso.sock", "nso", "whoami"}, "ann")
	s.refused("bob", []string{"env", "NSO_IPC_PATH=/run/netops/nso.sock", "nso", "whoami"}, "permission denied")
	s.servesOnly("127.0.0.1:2023")
	s.configure(unitsConf + "[ipc]\nmode = \"0620\"\n")
	if out, err := s.Try("nso", "reload"); err == nil {
		s.t.Errorf("a mode that keeps nso-listen out: %s", out)
	}
	s.configure(unitsConf)
	s.Run("nso", "reload")
	s.holds(s.Run("stat", "-c", "%U:%G %a", "/run/nso/ipc"), "root:nso-users 660")
	s.want("bob", []string{"nso", "whoami"}, "bob")
	s.servesOnly("127.0.0.1:2023")
}

// unitsClosed: the state after a boot with a broken file.
func (s *system) unitsClosed() {
	s.Run("systemctl", "stop", "nso.socket")
	if got := s.active("nso.service"); got == "active" {
		s.t.Error("without its socket the daemon runs on")
	}
	s.Run("rm", "/run/nso/applied.toml")
	s.configure(unitsConf + "[limits]\nsesions = 3\n")
	s.Run("systemctl", "daemon-reload")
	s.Run("systemd-tmpfiles", "--create", "nso.conf")
	if out, err := s.Try("systemctl", "start", "nso.socket"); err == nil {
		s.t.Errorf("nso.socket starts without a configuration: %s", out)
	}
	for _, unit := range []string{"nso.socket", "nso-listen@netconf-tcp.socket", "nso.service"} {
		if got := s.active(unit); got == "active" {
			s.t.Errorf("%s is active", unit)
		}
	}
	s.until("the journal says why", func() bool {
		return strings.Contains(s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "-u", "nso-check.service", "-n", "20"), `cannot use the key "limits.sesions"`)
	})
	s.holds(s.Run("systemctl", "is-active", "nso-mend.path"), "active")
	// Mended, but not yet well; and then well.
	s.configure(unitsConf + "[limits]\nsessions = 0\n")
	time.Sleep(time.Second)
	s.configure(unitsConf)
	s.until("the doors are open", func() bool { return s.active("nso-listen@netconf-tcp.socket") == "active" })
	s.servesOnly("127.0.0.1:2023")
	s.want("ann", []string{"nso", "whoami"}, "ann")
	s.until("nobody waits any more", func() bool { return s.active("nso-mend.path") == "inactive" })
	s.configure(moved(`"127.0.0.1:2033"`))
	time.Sleep(time.Second)
	s.servesOnly("127.0.0.1:2023", "127.0.0.1:2033")
}

// unitsHeld: a daemon that cannot start, with clients at every door a hundred times
// a second, does not keep the service manager busy, closes no door for good, and
// what is mended alone brings it back.
func (s *system) unitsHeld() {
	s.Run("mv", "/etc/nso/yang", "/etc/nso/models")
	s.Run("systemctl", "kill", "-s", "KILL", "nso.service")
	wait := s.background("ann", "timeout", "10", "python3", "-c", `import socket, time
while True:
    for family, where in (socket.AF_INET, ("127.0.0.1", 2023)), (socket.AF_UNIX, "/run/nso/ipc"):
        c = socket.socket(family); c.setblocking(False)
        try: c.connect(where)
        except BlockingIOError: pass
        c.close()
    time.sleep(0.01)`)
	starts := func() int {
		n, err := strconv.Atoi(strings.TrimSpace(s.Run("systemctl", "show", "--value", "-p", "NRestarts", "nso.service")))
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	busy := func() int { // of PID 1, in ticks of a hundredth of a second
		field := strings.Fields(s.Run("cat", "/proc/1/stat"))
		user, _ := strconv.Atoi(field[13])
		system, _ := strconv.Atoi(field[14])
		return user + system
	}
	time.Sleep(time.Second)
	began, before := busy(), starts()
	said := wait()
	n, ticks := starts()-before, busy()-began
	s.t.Logf("in 9 s of failing, %d starts, and PID 1 worked %d0 ms", n, ticks)
	if ticks > 45 { // 5 %
		s.t.Errorf("PID 1 worked %d0 ms in 9 s", ticks)
	}
	if n > 5 {
		s.t.Errorf("%d starts in 9 s: nothing holds them\n%s", n, said)
	}
	for _, unit := range []string{"nso.socket", "nso-listen@netconf-tcp.socket"} {
		if got := s.active(unit); got != "active" {
			s.t.Errorf("%s is %s: clients have closed it for good", unit, got)
		}
	}
	s.Run("mv", "/etc/nso/models", "/etc/nso/yang")
	s.until("the daemon is back", func() bool { return s.serves("127.0.0.1:2023") })
	s.want("ann", []string{"nso", "whoami"}, "ann")
}
