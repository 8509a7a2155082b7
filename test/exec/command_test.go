// SPDX-License-Identifier: Apache-2.0

package exec

import "testing"

// TestCommands runs commands without a terminal, and tries the rows of the table that
// are about those.
func TestCommands(t *testing.T) {
	onBoth(t, func(s *system) {
		s.sub("first", (*system).first)
	})
}

// first: the service manager has become the user, and the process is in its place.
func (s *system) first() {
	r := s.runs(s.ann("id"))
	s.t.Log(r)
	s.t.Log(s.Run("systemctl", "status", "--no-pager", "nso-exec@ann.service"))
	s.t.Log(s.ask(s.ann("env")))
	s.t.Log(s.ask(s.terminal("ptyshell", "script=tty; stty -a; ps -eo pid,user,comm,cgroup | grep -a ann")))
}
