// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

var update = flag.Bool("update", false, "write what docs/privilege.md shows of a live system")

// sshPassword logs bob or somebody else in over SSH with what the program askpass
// prints, and closes the session.
func sshPassword(user, method, askpass string) []string {
	return []string{"sh", "-c", `printf '%s' '` + netconfHello + `<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><close-session/></rpc>]]>]]>' |
		env SSH_ASKPASS=` + askpass + ` SSH_ASKPASS_REQUIRE=force DISPLAY=:0 setsid -w ssh -p 830 -o PreferredAuthentications=` + method +
		` -o NumberOfPasswordPrompts=1 -o PubkeyAuthentication=no -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -s ` + user + `@127.0.0.1 netconf`}
}

// secrets looks for passwords that were typed over SSH, right and wrong, where they
// must not be.
func (s *system) secrets() {
	const marker = "Merkwort-91-unverwechselbar"
	s.apt(older, "nso-pam")
	s.Run("systemctl", "start", "nso-pam.socket")
	s.Write("/root/passwords", "bob:"+marker+"\n", 0o600)
	s.Run("sh", "-c", "chpasswd </root/passwords; rm /root/passwords")
	s.Write("/usr/share/marker", marker, 0o644)
	s.Write("/usr/bin/askpass", "#!/bin/sh\nexec cat /usr/share/marker\n", 0o755)
	for _, method := range []string{"password", "keyboard-interactive"} {
		s.want("bob", sshPassword("bob", method, "/usr/bin/askpass"), "<hello", "<ok/>")
		s.refused("bob", sshPassword("ann", method, "/usr/bin/askpass"), "Permission denied")
	}
	// The SSH library's buffers have it: docs/attacks.md says so.
	s.t.Logf("after four logins the daemon's memory has the password %d times", s.Memory(s.main(), marker))
	s.Run("journalctl", "--sync")
	if out := s.Run("journalctl", "-b", "-o", "export", "--no-pager"); strings.Contains(out, marker) {
		s.t.Error("the password is in the journal")
	}
	if out := s.Run("sh", "-c", "grep -rla "+marker[:12]+" /var/lib/nso /run /var/log /var/lib/systemd /etc 2>/dev/null || true"); out != "" {
		s.t.Errorf("the password is in\n%s", out)
	}
	pid := s.main()
	limits := strings.Fields(s.Run("grep", "Max core file size", "/proc/"+pid+"/limits"))
	if len(limits) < 6 || limits[4] != "0" || limits[5] != "0" {
		s.t.Errorf("the limit of cores is %q", limits)
	}
	if out := s.Run("sh", "-c", "tr '\\0' ' ' </proc/"+pid+"/cmdline; tr '\\0' ' ' </proc/"+pid+"/environ"); strings.Contains(out, marker) {
		s.t.Errorf("the password is in %s", out)
	}
	// Another process of the same user does not get at it either.
	if out, err := s.as("nso", "dd", "status=none", "bs=1", "count=1", "if=/proc/"+pid+"/mem"); !strings.Contains(out, "denied") {
		s.t.Errorf("a process of the user nso reads the daemon's memory: %v, %s", err, out)
	}
}

// proof is what docs/privilege.md shows: every process of ours while NETCONF, the CLI
// and SSH are in use and somebody logs in through PAM.
func (s *system) proof() {
	// A wrong password, for which PAM takes its time, sessions over SSH and TCP, and a CLI.
	stack := s.Run("cat", "/etc/pam.d/nso")
	s.Write("/etc/pam.d/nso", "auth optional pam_faildelay.so delay=30000000\n"+stack, 0o644)
	defer s.Write("/etc/pam.d/nso", stack, 0o644)
	s.Write("/usr/bin/wrong-askpass", "#!/bin/sh\necho no\n", 0o755)
	s.background("ann", "sh", "-c", `(printf '%s' '`+netconfHello+`'; sleep 40) | ssh -i /home/ann/key -p 830 -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -s ann@127.0.0.1 netconf`)
	s.background("ann", "timeout", "40", "ncpeer", "-hold", get)
	s.background("ann", "sh", "-c", "(echo show system; sleep 40) | nso cli")
	s.until("the sessions", func() bool { return s.status().Sessions >= 3 })
	s.until("no other login", func() bool { _, err := s.Try("pgrep", "-x", "nso-pam"); return err != nil })
	s.background("bob", sshPassword("bob", "keyboard-interactive", "/usr/bin/wrong-askpass")...)
	s.until("the login", func() bool { _, err := s.Try("pgrep", "-x", "nso-pam"); return err == nil })
	// The name service's helper, too.
	s.Run("systemctl", "start", "nso-nss.service")

	const columns = "unit\x00program\x00Uid\x00Gid\x00CapPrm\x00CapEff\x00CapBnd\x00CapAmb\x00NoNewPrivs\x00Seccomp"
	var rows []string
	for _, pid := range strings.Fields(s.Run("sh", "-c", "pgrep -x 'nsod|nso|nso-.*'")) {
		out, err := s.Try("sh", "-c", "cat /proc/"+pid+"/status; echo Cgroup: $(cut -d: -f3 /proc/"+pid+"/cgroup); echo Exe: $(readlink /proc/"+pid+"/exe)")
		if err != nil {
			continue // it has ended
		}
		status := map[string]string{}
		for line := range strings.Lines(out) {
			name, v, _ := strings.Cut(line, ":")
			status[name] = strings.TrimSpace(v)
		}
		for _, id := range []string{"Uid", "Gid"} {
			status[id] = s.names(id, status[id])
		}
		unit := status["Cgroup"][strings.LastIndex(status["Cgroup"], "/")+1:]
		switch {
		case strings.HasPrefix(unit, "nso-pam@"):
			unit = "nso-pam@.service" // the instance is a number
		case !strings.HasPrefix(unit, "nso"):
			unit = "of its caller"
		}
		// What a user's own process could become is its login's to say.
		bounding := status["CapBnd"]
		if unit == "of its caller" {
			bounding = "its caller's"
		}
		row := []string{unit, status["Exe"]}
		for _, name := range strings.Split(columns, "\x00")[2:] {
			if name == "CapBnd" {
				row = append(row, bounding)
			} else {
				row = append(row, status[name])
			}
		}
		rows = append(rows, "| "+strings.Join(row, " | ")+" |")
		want := "0000000000000000"
		if unit == "nso-pam@.service" {
			want = "0000000020000004" // CAP_DAC_READ_SEARCH and CAP_AUDIT_WRITE
		}
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if v := status[set]; v != want && unit != "of its caller" && (set != "CapInh" && set != "CapAmb" || v != "0000000000000000") {
				s.t.Errorf("%s: %s is %s, want %s", unit, set, v, want)
			}
		}
		if unit != "of its caller" && (status["NoNewPrivs"] != "1" || status["Seccomp"] != "2") || unit == "of its caller" && status["CapEff"] != "0000000000000000" {
			s.t.Errorf("%s: NoNewPrivs %s, Seccomp %s, CapEff %s", unit, status["NoNewPrivs"], status["Seccomp"], status["CapEff"])
		}
	}
	slices.Sort(rows)
	text := fmt.Sprintf("| %s |\n|%s\n%s\n", strings.ReplaceAll(columns, "\x00", " | "), strings.Repeat("---|", strings.Count(columns, "\x00")+1), strings.Join(slices.Compact(rows), "\n"))
	s.golden(text)
	s.Run("pkill", "-KILL", "-x", "nso-pam")
	s.Run("apt-get", "-y", "-q", "purge", "nso-pam") // the rest is about the package nso
}

// names are the users or groups of the four ids in /proc/PID/status, once if they agree.
func (s *system) names(kind, ids string) string {
	s.t.Helper()
	database := map[string]string{"Uid": "passwd", "Gid": "group"}[kind]
	var all []string
	for _, id := range strings.Fields(ids) {
		name, _, _ := strings.Cut(s.Run("getent", database, id), ":")
		all = append(all, name)
	}
	if all = slices.Compact(all); len(all) == 1 {
		return all[0]
	}
	return strings.Join(all, " ")
}

// golden compares with what docs/privilege.md shows between its two marks.
func (s *system) golden(text string) {
	s.t.Helper()
	const path, begin, end = "../../docs/privilege.md", "<!-- printed by test/boot -->\n", "<!-- end -->\n"
	all, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(all), begin)
	shown, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		s.t.Fatalf("%s has no marks", path)
	}
	if shown == text {
		return
	}
	if !*update {
		s.t.Errorf("docs/privilege.md is not what a live system shows (go test ./test/boot -run TestPackage/bookworm -update):\n%s", text)
		return
	}
	if err := os.WriteFile(path, []byte(before+begin+text+end+after), 0o644); err != nil {
		s.t.Fatal(err)
	}
}
