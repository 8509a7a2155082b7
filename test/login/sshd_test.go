// SPDX-License-Identifier: Apache-2.0

package login

import (
	"os"
	"strings"
	"time"
)

// example is the block of docs/ssh.md that is marked as what kind says.
func (s *system) example(kind string) string {
	s.t.Helper()
	text, err := os.ReadFile("../../docs/ssh.md")
	if err != nil {
		s.t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```"+kind+"\n")
	block, _, closed := strings.Cut(block, "```")
	if !found || !closed {
		s.t.Fatalf("docs/ssh.md has no block %q", kind)
	}
	return block
}

// subsystem: a real sshd carries NETCONF to the daemon, as docs/ssh.md has it.
func (s *system) subsystem() {
	s.Write("/etc/ssh/sshd_config.d/nso.conf", s.example("sshd_config"), 0o644)
	s.Run("groupadd", "operators")
	s.Run("sshd", "-t")
	s.Run("systemctl", "restart", "ssh.service")
	for _, user := range []string{"ann", "bob"} {
		s.Run("sh", "-ec", `install -d -m 0700 -o $1 /home/$1/.ssh; install -m 0600 -o $1 /home/guest/.ssh/ann.pub /home/$1/.ssh/authorized_keys`, "sh", user)
	}
	open := func(user, input string) answer {
		return s.ssh(ssh{port: "22", user: user, options: byKey("ann"), input: input})
	}
	// Who may not connect to the socket is told nothing by sshd; the log says it.
	mark := s.mark()
	s.out("ann is in no group", open("ann", ""))
	s.holds("the journal", s.since(mark), "cannot connect to /run/nso/ipc: permission denied; users of the group nso-users may")

	s.Run("usermod", "-aG", "nso-users", "ann")
	s.Run("usermod", "-aG", "nso-users", "bob")
	mark = s.mark()
	s.in("ann", open("ann", session(hostname("through-sshd"), get)), "<ok/>", "<hostname>through-sshd</hostname>")
	s.holds("the journal", s.since(mark), "session opened user=ann", "door=netconf-local")
	s.in("bob", open("bob", session(get)), "access-denied")
	nc := func(user string, ops ...string) answer {
		return s.client(nil, "", append([]string{"python3", s.file("nc.py"), "22", user, "-", key}, ops...)...)
	}
	s.in("ncclient", nc("ann", "hostname=nc", "get", "lock"), "base:1.1", "<hostname>nc</hostname>", "locked")
	s.out("ncclient, bob", nc("bob", "get"), "bob has no right to it")
	s.in("scrapligo", s.client(nil, "", "scrapligo", "22", "ann", "system", key, "get"), "<hostname>nc</hostname>")

	// Neither side's end leaves anything behind.
	r := s.many("-address", "127.0.0.1:22", "-n", "20", "-clients", "5", "-key", key)
	if r.In != 20 {
		s.t.Errorf("sessions through sshd: %+v", r)
	}
	none := func() bool {
		out, _ := s.Try("pgrep", "-f", "nso-netconf-subsystem")
		return strings.TrimSpace(out) == ""
	}
	s.until("no subsystem is left", none)
	s.in("a client that leaves in the middle", s.client(nil, "", "sh", "-c",
		`timeout 2 sh -c 'sleep 30 | ssh -p 22 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -i .ssh/ann -s ann@127.0.0.1 netconf'; [ $? = 124 ]`))
	s.until("nor after a client that left", none)

	// A daemon that is not there, and one that goes.
	s.Run("systemctl", "stop", "nso.socket", "nso.service")
	mark = s.mark()
	s.out("no daemon", open("ann", ""))
	s.holds("the journal", s.since(mark), "there is no such socket; is the daemon installed and started?")
	s.Run("systemctl", "start", "nso.socket")
	s.in("the daemon is there again", open("ann", ""), "<ok/>")
	gone := make(chan answer)
	go func() {
		gone <- s.client(nil, "", "sh", "-c", `(printf '%s' "$1"; exec sleep 30) | ssh -p 22 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -i .ssh/ann -s ann@127.0.0.1 netconf; echo ended`, "sh", hello)
	}()
	s.until("a session", func() bool { return strings.Contains(s.Run("nso", "sessions"), "netconf-local") })
	s.Run("systemctl", "restart", "nso.service")
	s.until("no subsystem is left", none)
	s.Run("sh", "-c", "pkill -u guest sleep || true")
	s.in("a daemon that went", <-gone, "ended")
	s.unfailed()
}

// loginShell: nso-cli is all that an operator's account can do.
func (s *system) loginShell() {
	if strings.Count(s.Run("cat", "/etc/shells"), "/usr/bin/nso-cli\n") != 1 {
		s.t.Errorf("/etc/shells:\n%s", s.Run("cat", "/etc/shells"))
	}
	s.Run("usermod", "-s", "/usr/bin/nso-cli", "-aG", "operators", "ann")
	defer s.Run("usermod", "-s", "/bin/bash", "-rG", "operators", "ann")
	run := func(input string, command ...string) answer {
		if command == nil {
			command = []string{}
		}
		return s.ssh(ssh{port: "22", options: append(byKey("ann"), "LogLevel=ERROR"), input: input, command: command})
	}
	s.in("a command", run("", "show configuration"), "hostname", "nc")
	s.in("several", run("", "configure\nset system hostname shell\ncommit\nexit\nshow configuration"), "shell")
	s.in("from a pipe", run("show configuration | match hostname\n"), "shell")
	s.in("su", answer{out: s.Run("su", "-", "ann", "-c", "show configuration")}, "shell")
	s.in("NETCONF too", s.ssh(ssh{port: "22", options: byKey("ann"), input: session(get)}), "<hostname>shell</hostname>")

	s.in("on a terminal", s.person("22", ""), "hostname shell")

	for _, command := range []string{"id", "/bin/sh", "sh -c id", "; id", "$(id)", "show configuration; id", "`id`", "| id", "../../bin/sh", "scp -t /tmp", "/usr/lib/openssh/sftp-server",
		"rsync --server . /tmp", "/usr/libexec/nso/nso-netconf-subsystem -x", "git-upload-pack /", "bash -i"} {
		a := run("", command)
		s.out(command, a)
		if strings.Contains(a.out, "uid=") {
			s.t.Errorf("%q was run:\n%s", command, a.out)
		}
	}
	s.Write("/usr/share/nso-test/file", `{"ietf-system:system":{"hostname":"from-a-file"}}`, 0o644)
	s.out("a file", run("", "configure\nload merge json /usr/share/nso-test/file\ncommit"), "cannot load", "opens none")
	s.out("a file, from a pipe", run("configure\nload merge json /usr/share/nso-test/file\ncommit\n"), "cannot load", "opens none")
	for name, args := range map[string][]string{
		"scp to":       {"scp", ".ssh/ann.pub", "ann@127.0.0.1:/home/ann/got"},
		"scp from":     {"scp", "ann@127.0.0.1:/usr/share/nso-test/file", "got"},
		"old scp to":   {"scp", "-O", ".ssh/ann.pub", "ann@127.0.0.1:/home/ann/got"},
		"old scp from": {"scp", "-O", "ann@127.0.0.1:/usr/share/nso-test/file", "got"},
		"sftp":         {"sftp", "-b", "-", "ann@127.0.0.1"},
	} {
		with := append([]string{args[0], "-P", "22", "-i", ".ssh/ann", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"}, args[1:]...)
		s.out(name, s.client(nil, "get /usr/share/nso-test/file got\nput .ssh/ann.pub got\n", with...))
	}
	for _, got := range []string{"/home/ann/got", "/home/guest/got"} {
		if _, err := s.Try("ls", got); err == nil {
			s.t.Errorf("a file came over: %s", got)
		}
	}
	s.out("a tunnel", s.ssh(ssh{port: "22", options: append(byKey("ann"), "ExitOnForwardFailure=yes", "RemoteForward=127.0.0.1:9999 127.0.0.1:830"), command: []string{"-N"}}))
	s.out("a tunnel out", s.client(nil, "", "timeout", "20", "ssh", "-W", "127.0.0.1:830", "-p", "22", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", ".ssh/ann", "ann@127.0.0.1"), "administratively prohibited")

	s.Run("systemctl", "stop", "nso.socket", "nso.service")
	s.out("no daemon", run("", "show configuration"), "cannot connect to /run/nso/ipc: there is no such socket")
	s.Run("systemctl", "start", "nso.socket")
	s.in("the next login", run("", "show configuration"), "shell")
	s.unfailed()
}

// person is somebody at a terminal who completes a word, looks at something, tries to
// get a shell and leaves.
func (s *system) person(port, password string) answer {
	s.t.Helper()
	s.Write("/usr/share/nso-test/person", `set timeout 20
proc wants {text} { expect -ex $text {} timeout { puts "no $text"; exit 9 } eof { puts "the end, and no $text"; exit 8 } }
set how [expr {$env(PASSWORD) eq "" ? "-oBatchMode=yes" : "-oPubkeyAuthentication=no"}]
spawn -noecho ssh -tt -p $env(PORT) $how -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -i /home/guest/.ssh/ann ann@127.0.0.1
if {$env(PASSWORD) ne ""} { wants "assword"; send "$env(PASSWORD)\r" }
wants "nso> "; send "show conf"; wants "conf"; send "\t"; wants "iguration"; send "| match hostname\r"
wants "hostname shell"; wants "nso> "; send "!sh\r"; wants "cannot "; wants "nso> "; send "exit\r"
expect eof
exit [lindex [wait] 3]
`, 0o644)
	return s.client([]string{"TERM=xterm", "PORT=" + port, "PASSWORD=" + password}, "", "expect", "/usr/share/nso-test/person")
}

// until waits until f is true.
func (s *system) until(what string, f func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: it does not come to that", what)
		}
	}
}
