// SPDX-License-Identifier: Apache-2.0

package login

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"nso.example/nso/test/bed"
)

// TestClients: each client of somebody else's, on each release. One boot does for all.
func TestClients(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			bed.Further(t, suite)
			t.Parallel()
			box := install(t, suite)
			for _, step := range []struct {
				name string
				f    func(*system)
			}{
				{"ssh, password", (*system).passwords},
				{"ssh, key", (*system).keys},
				{"ssh, certificate", (*system).certificates},
				{"ssh, a code", (*system).codes},
				{"accounts", (*system).accounts},
				{"ncclient", (*system).ncclient},
				{"scrapligo", (*system).scrapligo},
				{"yangcli", (*system).yangcli},
				{"no shell", (*system).noShell},
				{"the command line", (*system).commandLine},
				{"a crowd", (*system).crowd},
				{"one source that fails", (*system).hostileSource},
				{"several factors", (*system).factors},
				{"a real sshd", (*system).subsystem},
				{"a login shell", (*system).loginShell},
				{"the end", (*system).end},
				{"removal", (*system).removal},
			} {
				t.Run(step.name, func(t *testing.T) { step.f(&system{box.Box, t}) })
			}
		})
	}
}

const (
	hello = `<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>`
	get   = `<get-config><source><running/></source><filter><system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"/></filter></get-config>`
)

// session is what a client sends that speaks NETCONF 1.0.
func session(operations ...string) string {
	text := hello
	for i, op := range append(operations, "<close-session/>") {
		text += fmt.Sprintf(`<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="%d">%s</rpc>]]>]]>`, i+1, op)
	}
	return text
}

func hostname(name string) string {
	return `<edit-config><target><running/></target><config><system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"><hostname>` + name + `</hostname></system></config></edit-config>`
}

// ssh is a run of OpenSSH's client.
type ssh struct {
	port     string // 830
	user     string // ann
	password string // by sshpass, once
	options  []string
	env      []string
	command  []string // netconf, the subsystem
	input    string   // a session that ends at once
}

func (s *system) ssh(c ssh) answer {
	s.t.Helper()
	or := func(a, b string) string {
		if a == "" {
			return b
		}
		return a
	}
	var args []string
	if c.password != "" {
		c.env = append(c.env, "SSHPASS="+c.password)
		args = append(args, "sshpass", "-e")
	}
	args = append(args, "ssh", "-p", or(c.port, "830"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "NumberOfPasswordPrompts=1")
	for _, o := range c.options {
		args = append(args, "-o", o)
	}
	if c.command == nil {
		c.command, c.input = []string{"netconf"}, or(c.input, session())
		args = append(args, "-s")
	}
	args = append(args, or(c.user, "ann")+"@127.0.0.1")
	return s.client(c.env, c.input, append(args, c.command...)...)
}

func (s *system) passwords() {
	for _, method := range []string{"password", "keyboard-interactive"} {
		only := []string{"PreferredAuthentications=" + method, "PubkeyAuthentication=no"}
		s.in(method, s.ssh(ssh{password: secret, options: only, input: session(hostname(method), get)}), "<ok/>", "<hostname>"+method+"</hostname>")
		mark := s.mark()
		s.out(method+", wrong", s.ssh(ssh{password: "wrong", options: only}), "Permission denied")
		s.holds("the journal", s.since(mark), "connection refused", `"ann\" by `+method, "door=netconf-ssh", "source=127.0.0.1:")
		// Whoever comes in and has no right is known, and gets nothing.
		mark = s.mark()
		a := s.ssh(ssh{user: "bob", password: secret, options: only, input: session(hostname("bob"), get)})
		s.in(method+", bob", a, "access-denied")
		if strings.Contains(a.out, "<hostname>") {
			s.t.Errorf("%s: bob reads the data:\n%s", method, a.out)
		}
		s.holds("the journal", s.since(mark), "access denied user=bob")
	}
}

// allow puts a line in ann's file of keys, as an administrator does.
func (s *system) allow(line string) {
	s.t.Helper()
	s.Run("sh", "-ec", `umask 027; f=/etc/nso/ssh/keys.d/ann; printf '%s\n' "$1" >$f; chgrp nso $f`, "sh", line)
}

func (s *system) public(key string) string {
	s.t.Helper()
	return strings.TrimSpace(s.Run("cat", "/home/guest/.ssh/"+key+".pub"))
}

// byKey are the options with which ssh has nothing but a key.
func byKey(key string) []string {
	return []string{"BatchMode=yes", "IdentitiesOnly=yes", "IdentityFile=/home/guest/.ssh/" + key}
}

func (s *system) keys() {
	s.out("a key that nobody listed", s.ssh(ssh{options: byKey("ann")}), "Permission denied")
	s.allow(s.public("ann"))
	s.in("key", s.ssh(ssh{options: byKey("ann")}), "<ok/>")
	mark := s.mark()
	s.out("another key", s.ssh(ssh{options: byKey("other")}), "Permission denied")
	s.holds("the journal", s.since(mark), `"ann\" by publickey`, "no line allows this key")
	s.out("the key of somebody else", s.ssh(ssh{user: "bob", options: byKey("ann")}), "Permission denied")
	// As sshd's own tool makes it, and as a site restricts it.
	s.allow(`restrict,from="127.0.0.7" ` + s.public("ann"))
	s.out("from elsewhere", s.ssh(ssh{options: byKey("ann")}), "Permission denied")
	s.in("from there", s.ssh(ssh{options: append(byKey("ann"), "BindAddress=127.0.0.7")}), "<ok/>")
	s.allow(s.public("ann"))
	for _, kind := range []string{"ecdsa", "rsa"} {
		s.client(nil, "", "ssh-keygen", "-q", "-t", kind, "-N", "", "-f", ".ssh/"+kind)
		s.allow(s.public(kind))
		s.in(kind, s.ssh(ssh{options: byKey(kind)}), "<ok/>")
	}
	s.allow(s.public("ann"))
}

func (s *system) certificates() {
	sign := func(more ...string) {
		args := append([]string{"-q", "-s", ".ssh/ca", "-I", "test"}, more...)
		s.in("ssh-keygen", s.client(nil, "", append(append([]string{"ssh-keygen"}, args...), ".ssh/other.pub")...))
	}
	with := append(byKey("other"), "CertificateFile=/home/guest/.ssh/other-cert.pub")
	s.allow("cert-authority " + s.public("ca"))
	sign("-n", "ann", "-V", "-1m:+1h")
	s.in("certificate", s.ssh(ssh{options: with}), "<ok/>")
	s.out("for somebody else", s.ssh(ssh{user: "bob", options: with}), "Permission denied")
	for reason, more := range map[string][]string{
		"for another name":  {"-n", "bob", "-V", "-1m:+1h"},
		"over":              {"-n", "ann", "-V", "-2h:-1h"},
		"for one command":   {"-n", "ann", "-V", "-1m:+1h", "-O", "force-command=/bin/true"},
		"for another place": {"-n", "ann", "-V", "-1m:+1h", "-O", "source-address=192.0.2.0/24"},
		"for everybody":     {"-V", "-1m:+1h"},
	} {
		sign(more...)
		s.out(reason, s.ssh(ssh{options: append(with, "BindAddress=127.0.0.8")}), "Permission denied")
	}
	s.allow(`cert-authority,principals="operators" ` + s.public("ca"))
	sign("-n", "operators", "-V", "-1m:+1h")
	s.in("by a principal", s.ssh(ssh{options: with}), "<ok/>")
	s.Run("rm", "/home/guest/.ssh/other-cert.pub")
	s.allow(s.public("ann"))
}

// codes: PAM asks for a password and then for a code, in one conversation.
func (s *system) codes() {
	const key = "3132333435363738393031323334353637383930" // RFC 4226, Appendix D
	kept := s.Run("cat", "/etc/pam.d/nso")
	defer s.Write("/etc/pam.d/nso", kept, 0o644)
	s.Run("sh", "-ec", `mkdir -p /etc/systemd/system/nso-pam@.service.d; cp /usr/share/nso/pam-dropins/otp.conf /etc/systemd/system/nso-pam@.service.d/; systemctl daemon-reload
		install -d -m 0700 /var/lib/nso-otp`)
	s.Write("/var/lib/nso-otp/users.oath", "HOTP/E ann - "+key+"\n", 0o600)
	s.Write("/etc/pam.d/nso", "auth required pam_unix.so\nauth required pam_oath.so usersfile=/var/lib/nso-otp/users.oath window=3\naccount required pam_unix.so\n", 0o644)
	// What is asked decides what is answered, as with a person.
	s.Write("/usr/bin/answers", "#!/bin/sh\necho \"asked: $1\" >&2\ncase $1 in *assword:*) echo \"$FIRST\" ;; *ne-time*) echo \"$SECOND\" ;; *) echo '?' ;; esac\n", 0o755)
	try := func(first, second string) answer {
		return s.ssh(ssh{options: []string{"PreferredAuthentications=keyboard-interactive", "PubkeyAuthentication=no", "BindAddress=127.0.0.6"},
			env: []string{"SSH_ASKPASS=/usr/bin/answers", "SSH_ASKPASS_REQUIRE=force", "FIRST=" + first, "SECOND=" + second}})
	}
	code := func(n string) string { return strings.TrimSpace(s.Run("oathtool", "-c", n, key)) }
	s.in("password and code", try(secret, code("0")), "<ok/>", "Password:", "One-time password")
	s.out("the same code again", try(secret, code("0")), "Permission denied")
	s.out("no code", try(secret, "000000"), "Permission denied")
	s.out("wrong password, right code", try("wrong", code("1")), "Permission denied")
	s.in("the next code", try(secret, code("2")), "<ok/>")
}

// accounts that may not log in. Who must change his password is told how, if he knows
// it; all others look alike.
func (s *system) accounts() {
	type result struct{ user, password, out string }
	results := make([]result, 0, 8)
	var mu sync.Mutex
	var wg sync.WaitGroup
	mark := s.mark()
	for i, r := range []result{{user: "stale", password: secret}, {user: "stale", password: "wrong"}, {user: "expired", password: secret},
		{user: "locked", password: secret}, {user: "no-such-user", password: secret}, {user: "root", password: secret}, {user: "bob", password: "wrong"}} {
		wg.Go(func() {
			a := s.ssh(ssh{user: r.user, password: r.password, options: []string{"PreferredAuthentications=keyboard-interactive", fmt.Sprintf("BindAddress=127.0.2.%d", i+1)}})
			s.out(r.user, a, "Permission denied")
			var lines []string
			for line := range strings.Lines(a.out) {
				if !strings.HasPrefix(line, "Warning: Permanently added") {
					lines = append(lines, strings.ReplaceAll(line, r.user, "USER"))
				}
			}
			r.out = strings.Join(lines, "")
			mu.Lock()
			defer mu.Unlock()
			results = append(results, r)
		})
	}
	wg.Wait()
	same := ""
	for _, r := range results {
		if r.user == "stale" && r.password == secret {
			s.holds("stale", r.out, "cannot log in: the password must be changed first; change it with 'passwd'")
			continue
		}
		if same == "" {
			same = r.out
		}
		if r.out != same || strings.Count(r.out, "\n") != 1 {
			s.t.Errorf("%s differs from outside:\n%s%s", r.user, r.out, same)
		}
	}
	s.holds("the journal", s.since(mark), `"stale\" by keyboard-interactive: `, "(password-expired)", `"expired\" by`, "Your account has expired",
		`"locked\" by`, `"no-such-user\" by`, `"root\" by`, `"bob\" by`)
	s.unfailed()
	s.in("the next login", s.ssh(ssh{password: secret, options: []string{"PubkeyAuthentication=no"}}), "<ok/>")
}

// noShell: the door is no shell, no file transfer and no tunnel.
func (s *system) noShell() {
	key := byKey("ann")
	s.out("a command", s.ssh(ssh{options: key, command: []string{"id"}}))
	s.out("a shell", s.ssh(ssh{options: key, command: []string{}, input: "id\n"}))
	for name, program := range map[string][]string{
		"sftp":    {"sftp", "-P", "830", "-b", "-"},
		"scp":     {"scp", "-P", "830"},
		"old scp": {"scp", "-O", "-P", "830"},
	} {
		args := append(program, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", "/home/guest/.ssh/ann")
		if name == "sftp" {
			args = append(args, "ann@127.0.0.1")
		} else {
			args = append(args, "ann@127.0.0.1:/etc/passwd", "/home/guest/got")
		}
		s.out(name, s.client(nil, "get /etc/passwd got\n", args...))
	}
	if out, err := s.Try("ls", "/home/guest/got"); err == nil {
		s.t.Errorf("a file came over: %s", out)
	}
	// The subsystem of a client that asks for another.
	s.out("another subsystem", s.client(nil, "", "ssh", "-p", "830", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", ".ssh/ann", "-s", "ann@127.0.0.1", "sftp"))
	a := s.ssh(ssh{options: append(key, "ExitOnForwardFailure=yes", "RemoteForward=127.0.0.1:9999 127.0.0.1:22"), command: []string{"-N"}})
	s.out("a tunnel", a)
}

// commandLine: the door cli-ssh is the command line, and nothing else either.
func (s *system) commandLine() {
	run := func(how []string, input string, command ...string) answer {
		if command == nil {
			command = []string{}
		}
		return s.ssh(ssh{port: "2024", options: append(how, "LogLevel=ERROR"), input: input, command: command})
	}
	key := byKey("ann")
	s.in("a command", run(key, "", "configure\nset system hostname shell\ncommit\nexit\nshow configuration | match hostname"), "hostname shell")
	s.in("from a pipe", run(key, "show configuration | match hostname\n"), "hostname shell")
	s.in("sshpass", s.ssh(ssh{port: "2024", password: secret, options: []string{"PubkeyAuthentication=no"}, command: []string{"show configuration | match hostname"}}), "hostname shell")
	s.in("on a terminal, by key", s.person("2024", ""), "hostname shell")
	s.in("on a terminal, by password", s.person("2024", secret), "hostname shell")
	mark := s.mark()
	s.out("another key", run(append(byKey("other"), "BindAddress=127.0.5.1"), "", "show configuration"), "Permission denied")
	s.holds("the journal", s.since(mark), "connection refused", "door=cli-ssh", `"ann\" by publickey`)
	a := s.ssh(ssh{port: "2024", user: "bob", password: secret, options: []string{"PubkeyAuthentication=no"}, command: []string{"show configuration"}})
	if strings.Contains(a.out, "hostname shell") {
		s.t.Errorf("bob reads the data:\n%s", a.out)
	}
	for _, command := range []string{"id", "/bin/sh", "; id", "scp -t /tmp", "configure\nload merge json /etc/passwd\ncommit"} {
		if a := run(key, "", command); a.err == nil || strings.Contains(a.out, "uid=") || strings.Contains(a.out, "root:") {
			s.t.Errorf("%q: %v\n%s", command, a.err, a.out)
		}
	}
	for _, subsystem := range []string{"netconf", "sftp"} {
		s.out(subsystem, s.client(nil, "", "ssh", "-p", "2024", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", ".ssh/ann", "-s", "ann@127.0.0.1", subsystem))
	}
}

// removal: who is left with nso-cli as his shell is not let in any more, and nothing
// else has come of it.
func (s *system) removal() {
	s.Run("apt-get", "-y", "-q", "remove", "nso", "nso-pam")
	if out := s.Run("cat", "/etc/shells"); strings.Contains(out, "nso-cli") || !strings.Contains(out, "/bin/bash") {
		s.t.Errorf("/etc/shells:\n%s", out)
	}
	s.Run("usermod", "-s", "/usr/bin/nso-cli", "ann")
	s.out("an account without its shell", s.ssh(ssh{port: "22", options: byKey("ann"), command: []string{"id"}}), "Permission denied")
	s.out("the door", s.ssh(ssh{options: byKey("ann")}), "Connection refused")
	s.unfailed()
}

// end: nothing has failed, nobody has seen a password, and nothing of ours has broken.
func (s *system) end() {
	s.unfailed()
	s.in("the next login", s.ssh(ssh{options: byKey("ann"), input: session(get)}), "<hostname>")
	s.holds("nso status", s.Run("nso", "status", "--json"), `"panics": 0`)
	if out := s.Run("journalctl", "-b", "-o", "export", "--no-pager"); strings.Contains(out, secret) {
		s.t.Error("the password is in the journal")
	}
}
