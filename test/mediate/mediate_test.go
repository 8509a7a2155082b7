// SPDX-License-Identifier: Apache-2.0

// Package mediate tries the mediator of the packages nso-polkit and nso-sudo on booted
// systems: what it starts, and everything else that its user might want to.
package mediate

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nso.example/nso/test/bed"
)

type system struct {
	*bed.Box
	t *testing.T
}

// install boots a release with the packages of nso and of the mediator's way.
func install(t *testing.T, suite, way string, more ...string) *system {
	t.Helper()
	s := &system{bed.Boot(t, suite, append([]string{"dbus", "libpam-runtime"}, more...)...), t}
	dir := bed.Packages(t, "")
	for _, name := range []string{"nso", "nso-exec", "nso-pam", way} {
		found, err := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
		if err != nil || len(found) != 1 {
			t.Fatalf("packages of %s: %v, %v", name, found, err)
		}
		s.Copy(found[0], "/var/cache/nso/"+name+".deb", 0o644)
	}
	s.Run("sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg -i /var/cache/nso/*.deb")
	for _, user := range []string{"ann", "bob"} {
		s.Run("useradd", "--create-home", "--user-group", user)
	}
	client := filepath.Join(t.TempDir(), "ask")
	build := exec.Command("go", "build", "-o", client, "nso.example/nso/test/mediate/ask")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.Copy(client, "/usr/bin/ask", 0o755)
	s.Run("systemctl", "start", "nso-mediate.socket")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "short", "-t", "nso-mediate", "-t", "polkitd", "-t", "sudo", "-t", "systemd", "-n", "40", "--no-pager")
			t.Logf("the journal:\n%s", log)
		}
	})
	return s
}

// as runs a command as a user and returns all that it said.
func (s *system) as(user, name string, args ...string) (string, error) {
	s.t.Helper()
	return s.Try("runuser", append([]string{"-u", user, "--", name}, args...)...)
}

func (s *system) asks(want string, args ...string) {
	s.t.Helper()
	out, err := s.as("nso", "ask", args...)
	if (err == nil) != (want == "ok") || !strings.Contains(out, want) {
		s.t.Errorf("ask %q says %s, not %s", args, out, want)
	}
}

func (s *system) active(unit string) bool {
	s.t.Helper()
	out, _ := s.Try("systemctl", "show", "-P", "ActiveState", unit)
	return strings.TrimSpace(out) == "active"
}

// starts is what both ways do alike.
func (s *system) starts() {
	t := s.t
	for _, tc := range [][]string{{"exec", "ann"}, {"pty", "bob"}, {"exec", "nso-cmd"}, {"pam"}} {
		unit := "nso-" + tc[0] + "@" + tc[len(tc)-1] + ".socket"
		if tc[0] == "pam" {
			unit = "nso-pam.socket"
		}
		if s.active(unit) {
			t.Errorf("%s is active before it is asked for", unit)
		}
		s.asks("ok", append([]string{"start"}, tc...)...)
		if !s.active(unit) {
			t.Errorf("%s is not active", unit)
		}
		s.asks("ok", append([]string{"start"}, tc...)...) // it is there already
	}
	s.asks("root is reached by nso-exec-root.socket", "start", "exec", "root")
	s.asks("account of a service", "start", "exec", "daemon")
	s.asks("account of a service", "start", "pty", "nso-mediate")
	s.asks("cannot find the account", "start", "exec", "eve")
	s.asks("begins with a letter", "start", "exec", "0")
	for _, user := range []string{"ann", "nso-cmd", "nso-nss"} {
		if out, err := s.as(user, "ask", "start", "exec", "ann"); err == nil {
			t.Errorf("%s asks the mediator: %s", user, out)
		}
	}
	if out := s.Run("systemctl", "--failed", "--no-legend", "--plain"); strings.TrimSpace(out) != "" {
		t.Errorf("units have failed:\n%s", out)
	}
}

// TestByPolkit: the mediator starts what it is for; neither its user nor the daemon's
// gets anything else from the service manager (rows 2, 45, 46, 65, 66).
func TestByPolkit(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			bed.Further(t, suite)
			t.Parallel()
			s := install(t, suite, "nso-polkit", "polkitd")
			s.starts()
			s.onlyThat()
			s.decides()
			s.without()
			s.runs()
		})
	}
}

// onlyThat: every other unit, verb and suffix, and transient units.
func (s *system) onlyThat() {
	t := s.t
	s.Write("/etc/systemd/system/evil.service", "[Service]\nType=oneshot\nExecStart=/usr/bin/touch /var/cache/evil\n", 0o644)
	s.Run("systemctl", "daemon-reload")
	call := func(user, method, signature string, args ...string) {
		t.Helper()
		out, err := s.as(user, "busctl", append([]string{"call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
			"org.freedesktop.systemd1.Manager", method, signature}, args...)...)
		if err == nil {
			t.Errorf("%s may %s %q: %s", user, method, args, out)
			return
		}
		// Refused by polkit, or nothing that systemd could start: such a unit cannot be.
		for _, why := range []string{"ccess denied", "nteractive authentication required", "was already loaded or has a fragment file", "Invalid argument", "missing the instance name"} {
			if strings.Contains(out, why) {
				return
			}
		}
		t.Errorf("%s, %s %q: %s", user, method, args, out)
	}
	for _, user := range []string{"nso-mediate", "nso", "nso-cmd", "nso-nss"} {
		units := []string{"evil.service", "nso.service", "nso.socket", "nso-apply.service", "nso-exec-root.socket", "nso-pty-root.socket", "ssh.service"}
		for _, suffix := range []string{"service", "scope", "timer", "path", "slice", "mount", "swap", "target", "automount", "device"} {
			units = append(units, "nso-exec@ann."+suffix, "nso-pty@ann."+suffix)
		}
		units = append(units, "nso-exec@root.socket", "nso-execX@ann.socket", "xnso-exec@ann.socket", "nso-exec@Ann.socket",
			"nso-exec@0.socket", "nso-exec@.socket", `nso-exec@a\x2fb.socket`, "nso-exec@ann.socket.service", "nso-pam.service", "nso-pam@1.service")
		if user != "nso-mediate" {
			units = append(units, "nso-exec@ann.socket", "nso-pam.socket")
		}
		for _, unit := range units {
			call(user, "StartUnit", "ss", unit, "fail")
		}
		for _, verb := range []string{"StopUnit", "RestartUnit", "ReloadUnit", "TryRestartUnit", "ReloadOrRestartUnit"} {
			call(user, verb, "ss", "nso-exec@ann.socket", "replace")
		}
		call(user, "KillUnit", "ssi", "nso-exec@ann.socket", "all", "9")
		call(user, "SetUnitProperties", "sba(sv)", "nso-exec@ann.socket", "true", "1", "Description", "s", "x")
		call(user, "EnableUnitFiles", "asbb", "1", "evil.service", "false", "false")
		call(user, "Reload", "")
		call(user, "SetEnvironment", "as", "1", "A=b")
		for _, unit := range []string{"nso-exec@bob.socket", "nso-exec@bob.service", "nso-exec@carl.socket", "evil2.service", "nso-pam.socket", "nso-pty@bob.scope"} {
			call(user, "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", "1", "Description", "s", "x", "0")
		}
	}
	if _, err := s.Try("test", "-e", "/var/cache/evil"); err == nil {
		t.Error("the evil unit was started")
	}
}

// decides: the rules of the site say who may run what; without one, nobody may.
func (s *system) decides() {
	s.asks("wants an administrator's authentication", "run", "backup", "ann")
	s.Write("/etc/polkit-1/rules.d/40-site.rules", `polkit.addRule(function (action, subject) {
	if (action.id === "org.nso.exec.run" && action.lookup("rule") === "backup" && action.lookup("user") === "ann" &&
			action.lookup("run-as") === "bob" && action.lookup("door") === "cli-ssh" && action.lookup("command") === "/usr/bin/id") {
		return polkit.Result.YES;
	}
	return polkit.Result.NOT_HANDLED;
});
`, 0o644)
	s.Run("systemctl", "restart", "polkit.service")
	s.asks("ok", "run", "backup", "ann")
	s.asks("wants an administrator's authentication", "run", "backup", "bob")
	s.asks("wants an administrator's authentication", "run", "restore", "ann")
	// Who is on this machine is asked about as himself; the details are the same.
	sleeper := strings.TrimSpace(s.Run("sh", "-c", "runuser -u ann -- sleep 1000 >/dev/null 2>&1 & sleep 0.3; pgrep -u ann -x sleep"))
	uid := strings.TrimSpace(s.Run("id", "-u", "ann"))
	s.asks("ok", "run", "backup", "ann", sleeper, uid)
	s.asks("polkit", "run", "restore", "ann", sleeper, uid)
	s.Run("kill", sleeper)
	s.asks("cannot ask polkit about process", "run", "backup", "ann", "999999", uid)
	// Only the mediator may give details: for anybody else they are refused.
	out, err := s.as("nso", "busctl", "call", "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
		"CheckAuthorization", "(sa{sv})sa{ss}us", "system-bus-name", "1", "name", "s", ":1.0", "org.nso.exec.run", "1", "user", "ann", "0", "")
	if err == nil {
		s.t.Errorf("the daemon's user asks polkit with details: %s", out)
	}
}

// without polkit, and without the bus, everything is refused (row 65).
func (s *system) without() {
	s.Run("systemctl", "mask", "--now", "--runtime", "polkit.service")
	s.Run("systemctl", "stop", "nso-exec@ann.socket")
	s.asks("cannot", "run", "backup", "ann")
	s.asks("cannot start nso-exec@ann.socket", "start", "exec", "ann")
	s.Run("systemctl", "unmask", "--runtime", "polkit.service")
	s.asks("ok", "start", "exec", "ann")
	s.asks("ok", "run", "backup", "ann")
	s.Run("systemctl", "stop", "nso-exec@ann.socket")
	s.Run("sh", "-c", "mv /run/dbus/system_bus_socket /run/dbus/away")
	s.asks("there is no system bus", "start", "exec", "ann")
	s.asks("there is no system bus", "run", "backup", "ann")
	s.Run("sh", "-c", "mv /run/dbus/away /run/dbus/system_bus_socket")
	s.asks("ok", "run", "backup", "ann")
}

// runs is the whole way: a user asks the daemon, which has the mediator start the unit,
// and polkit decide where the rule says so.
func (s *system) runs() {
	t := s.t
	s.Write("/etc/nso/exec.d/test.toml", `[rule.me]
program = "/usr/bin/id"
arguments = ["-un"]
run-as = "caller"
users = ["*"]

[rule.other]
program = "/usr/bin/id"
arguments = ["-un"]
run-as = "nso-cmd"
users = ["ann"]

[rule.backup]
program = "/usr/bin/id"
run-as = "bob"
users = ["ann", "bob"]
authorize = true

[rule.where]
program = "/usr/bin/tty"
run-as = "caller"
users = ["ann"]
terminal = true

[rule.status]
program = "/usr/bin/false"
run-as = "caller"
users = ["ann"]
`, 0o644)
	s.Run("sh", "-c", "chown root:nso /etc/nso/exec.d/test.toml && usermod -aG nso-users ann && usermod -aG nso-users bob")
	s.Run("systemctl", "stop", "nso-exec@ann.socket", "nso-exec@nso-cmd.socket", "nso-pty@bob.socket")
	s.Run("systemctl", "start", "nso.socket")
	want := func(user, want string, ok bool, args ...string) {
		t.Helper()
		out, err := s.as(user, "nso", args...)
		if (err == nil) != ok || !strings.Contains(out, want) {
			t.Errorf("%s, nso %q: %s (%v)", user, args, out, err)
		}
	}
	want("ann", "ann\n", true, "exec", "run", "me")
	want("bob", "bob\n", true, "exec", "run", "me")
	want("ann", "nso-cmd\n", true, "exec", "run", "other")
	want("bob", "no such rule", false, "exec", "run", "other")
	want("ann", "nso-cmd\n", true, "cli", "-c", "execute other")
	want("ann", "exit status 1", false, "cli", "-c", "execute status")
	want("ann", "takes a terminal", false, "cli", "-c", "execute where")
	for _, u := range []string{"nso-exec@ann.socket", "nso-exec@bob.socket", "nso-exec@nso-cmd.socket"} {
		if !s.active(u) {
			t.Errorf("%s is not active", u)
		}
	}
	// A terminal: of a pseudo-terminal of its own.
	out, err := s.as("ann", "script", "-qec", "tty; nso exec run where; echo status $?", "/dev/null")
	found := regexp.MustCompile(`/dev/pts/\d+`).FindAllString(out, -1)
	if err != nil || len(found) != 2 || found[0] == found[1] || !strings.HasSuffix(out, "status 0\r\n") {
		t.Errorf("the terminal: %q (%v)", out, err)
	}
	// The site's rule lets ann, and she is on the machine: door and details are others
	// than over SSH, so polkit says no.
	want("ann", "polkit", false, "exec", "run", "backup")
	s.Write("/etc/polkit-1/rules.d/41-site.rules", `polkit.addRule(function (action, subject) {
	if (action.id === "org.nso.exec.run" && subject.user === "ann" && action.lookup("door") === "ipc" && action.lookup("run-as") === "bob") {
		return polkit.Result.YES;
	}
	return polkit.Result.NOT_HANDLED;
});
`, 0o644)
	s.Run("systemctl", "restart", "polkit.service")
	want("ann", "(bob)", true, "exec", "run", "backup")
	want("bob", "polkit", false, "exec", "run", "backup")
	log := s.Run("journalctl", "-b", "-o", "cat", "-u", "nso.service", "--no-pager")
	for _, line := range []string{"command started", "command ended", "command refused"} {
		if !strings.Contains(log, line) {
			t.Errorf("the journal has no %q", line)
		}
	}
	if out := s.Run("systemctl", "--failed", "--no-legend", "--plain"); strings.TrimSpace(out) != "" {
		t.Errorf("units have failed:\n%s", out)
	}
}

// TestBySudo: the same mediator, where there is no polkit (row 74).
func TestBySudo(t *testing.T) {
	s := install(t, "bookworm", "nso-sudo", "sudo")
	s.asks("cannot start nso-exec@ann.socket", "start", "exec", "ann") // off as installed
	s.Run("sed", "-i", "-E", "s/^#(Defaults|nso-mediate)/\\1/", "/etc/sudoers.d/nso")
	s.Run("visudo", "-c")
	s.starts()
	s.asks("sudo decides about units", "run", "backup", "ann")
	for _, command := range [][]string{
		{"/usr/bin/systemctl", "start", "evil.service"}, {"/usr/bin/systemctl", "stop", "nso-exec@ann.socket"}, {"/usr/bin/systemctl", "start", "nso-exec@ann.socket", "evil.service"},
		{"/usr/bin/systemctl", "start", "nso-exec@ann.service"}, {"/usr/bin/systemctl", "daemon-reload"}, {"/usr/bin/id"}, {"-u", "ann", "/usr/bin/id"},
	} {
		if out, err := s.as("nso-mediate", "sudo", append([]string{"-n"}, command...)...); err == nil {
			t.Errorf("nso-mediate may %q: %s", command, out)
		}
	}
	if out, err := s.as("nso", "sudo", "-n", "/usr/bin/systemctl", "start", "nso-exec@ann.socket"); err == nil {
		t.Errorf("nso may use sudo: %s", out)
	}
}
