// SPDX-License-Identifier: Apache-2.0

package screen

import "strings"

// authorize: polkit asks whoever wants a command of a rule that says so, on his own
// terminal, outside of any login session too. The right password runs it; a wrong one, or
// none, is a refusal that is told and logged; where there is no terminal nobody waits.
func (s *system) authorize() {
	s.Write("/etc/nso/exec.d/guarded.toml", rule("guarded", "/usr/bin/id", "terminal = false\nauthorize = true", "-un"), 0o644)
	s.Run("sh", "-c", "chown root:nso /etc/nso/exec.d/guarded.toml && usermod -aG sudo ann && systemctl start nso-mediate.socket")
	x := s.open("ann", "exec nso cli")
	x.prompts()
	asked := func(run string) {
		x.t.Helper()
		x.types(run)
		x.shows("run guarded (/usr/bin/id) as ann", "The password of ann.")
		x.becomes("it does not ask", func() bool { return x.last() == "Password:" })
	}
	for range 2 { // the second time a program has had the terminal
		x.clear()
		asked("execute guarded")
		x.tmux("send-keys", "-l", secret)
		x.never(secret)
		x.keys("Enter")
		x.becomes("it does not run", func() bool { return strings.Contains(x.screen(), "\nann\n") })
		x.prompts()
		x.types("execute ragged")
		x.prompts()
	}
	x.clear()
	asked("execute guarded")
	x.keys("C-c")
	x.shows("polkit does not authorize org.nso.exec.run")
	x.prompts()
	x.clear()
	asked("execute guarded")
	x.types("Falsch-11")
	x.shows("That was not right.")
	x.keys("C-c")
	x.shows("polkit does not authorize org.nso.exec.run")
	x.prompts()
	_, _ = x.try("kill-server")

	x = s.open("ann", "exec sh -i")
	asked("clear; nso exec run guarded")
	x.types(secret)
	x.becomes("it does not run", func() bool { return strings.Contains(x.screen(), "\nann\n") })
	out, err := s.Try("setsid", "runuser", "-u", "ann", "--", "nso", "exec", "run", "guarded")
	if err == nil || !strings.Contains(out, "nobody is there to be asked") {
		s.t.Errorf("without a terminal: %s, %v", out, err)
	}
	log := s.Run("journalctl", "-b", "-o", "cat", "-t", "nsod", "--no-pager")
	if !strings.Contains(log, "command refused") || strings.Contains(log, secret) {
		s.t.Errorf("the journal:\n%s", log)
	}
}
