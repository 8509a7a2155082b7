// SPDX-License-Identifier: Apache-2.0

package methods

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const getSystem = `<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><get-config><source><running/></source><filter><system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"/></filter></get-config></rpc>]]>]]>`

// local: RFC 7317's users, whose passwords a client writes in clear and nobody keeps.
func local(s *system) {
	s.configure("set system authentication user lena password $0$"+ofData, "set system authentication user ann password $0$"+ofData,
		"set system authentication user root password $0$"+ofData, "set system authentication user toor password $0$"+ofData, "set system authentication user bare", "set nacm groups group nso-oper user-name lena")
	s.Run("useradd", "--non-unique", "--uid", "0", "toor")
	out := s.Run("nso", "cli", "-c", "show configuration system authentication user lena")
	if !strings.Contains(out, "$6$") || strings.Contains(out, ofData) {
		s.t.Errorf("the configuration has %s", out)
	}
	for _, method := range []string{"password", "keyboard-interactive"} {
		s.enters(method, s.password(method, "lena", ofData, ""), "local", "")
		s.refused(method+", wrong", s.password(method, "lena", "wrong", ""), "local: the password is not that of the user in the data; pam: ")
		s.refused(method+", no password", s.password(method, "bare", "", ""), "has no password")
		s.refused(method+", root", s.password(method, "root", ofData, ""), "local: the password is not that of the user in the data")
		s.refused(method+", another name of uid 0", s.password(method, "toor", ofData, ""), "local: the password is not that of the user in the data")
	}
	// Who has an account too is a user of the data by that password, and the account's
	// owner by the other.
	s.enters("by the data", s.password("password", "ann", ofData, ""), "local", "")
	s.enters("by the system", s.password("password", "ann", ofSystem, ""), "pam", strings.TrimSpace(s.Run("id", "-u", "ann")))
	s.Run("chage", "-E", "2020-01-01", "ann")
	g := s.password("password", "ann", ofData, "")
	s.refused("by the data, the account expired", g, "")
	s.Run("chage", "-E", "-1", "ann")
	// A password that is changed counts at once.
	s.configure("set system authentication user lena password $0$another-" + ofData)
	s.refused("the password of before", s.password("password", "lena", ofData, ""), "local: ")
	s.configure("set system authentication user lena password $0$" + ofData)
	// A hash that another program made is taken as it is.
	hash := strings.TrimSpace(s.Run("python3", "-W", "ignore", "-c", "import crypt; print(crypt.crypt('"+ofData+"', '$5$saltsalt'))"))
	s.configure("set system authentication user sha password " + hash)
	s.enters("SHA-256", s.password("password", "sha", ofData, ""), "local", "")
}

func hashes(s *system) {
	g := s.password("password", "lena", ofData, getSystem)
	if !g.in || !strings.Contains(g.out, "<name>lena</name>") || strings.Contains(g.out, "$6$") {
		s.t.Errorf("nso-oper reads %s", g.out)
	}
}

func keyOfTheData(s *system) {
	for user, key := range map[string]string{"kira": "kira", "ann": "ann", "root": "ann"} {
		fields := strings.Fields(s.Run("cat", "/home/guest/.ssh/"+key+".pub"))
		at := "set system authentication user " + user + " authorized-key k "
		s.configure(at+"algorithm "+fields[0], at+"key-data "+fields[1])
	}
	s.enters("kira", s.key("kira", "kira"), "data", "")
	s.enters("ann, who has an account", s.key("ann", "ann"), "data", "")
	if g := s.key("kira", "other"); g.in {
		s.t.Error("another key lets in")
	}
	g := s.key("root", "ann")
	s.refused("root", g, "root comes in with a key of the system only")
	s.Run("sh", "-c", "cp /home/guest/.ssh/ann.pub /etc/nso/ssh/keys.d/ann; chgrp nso /etc/nso/ssh/keys.d/ann; chmod 640 /etc/nso/ssh/keys.d/ann")
	s.enters("ann, in keys.d too", s.key("ann", "ann"), "keys.d", strings.TrimSpace(s.Run("id", "-u", "ann")))
	s.Run("rm", "/etc/nso/ssh/keys.d/ann")
	s.configure("delete system authentication user ann authorized-key k", "delete system authentication user kira authorized-key k")
	if g := s.key("kira", "kira"); g.in {
		s.t.Error("a key that is gone lets in")
	}
}

func ownKeys(s *system) {
	s.Run("sh", "-ec", "mkdir -m 700 /home/ann/.ssh; cp /home/guest/.ssh/ann.pub /home/ann/.ssh/authorized_keys; chmod 600 /home/ann/.ssh/authorized_keys; chown -R ann: /home/ann/.ssh")
	uid := strings.TrimSpace(s.Run("id", "-u", "ann"))
	if g := s.key("ann", "ann"); g.in {
		s.t.Error("her own file counts although root has not said so")
	}
	s.Run("systemctl", "enable", "--now", "nso-keys@ann.socket")
	s.enters("enabled", s.key("ann", "ann"), "home", uid)
	if g := s.key("ann", "other"); g.in {
		s.t.Error("another key lets in")
	}
	if g := s.key("locked", "ann"); g.in {
		s.t.Error("another user is let in")
	}
	if s.Run("stat", "-c", "%U:%G %a", "/run/nso/keys", "/run/nso/authorized") != "root:nso 750\nroot:nso 750\n" {
		s.t.Error("the folders are open: ", s.Run("ls", "-la", "/run/nso"))
	}
	for what, spoil := range map[string][2]string{
		"a file that the group may write":   {"chmod g+w /home/ann/.ssh/authorized_keys", "chmod g-w /home/ann/.ssh/authorized_keys"},
		"a folder that others may write":    {"chmod o+w /home/ann/.ssh", "chmod o-w /home/ann/.ssh"},
		"a home that the group may write":   {"chmod g+w /home/ann", "chmod g-w /home/ann"},
		"a link":                            {"cd /home/ann/.ssh; mv authorized_keys x; ln -s x authorized_keys", "cd /home/ann/.ssh; mv x authorized_keys"},
		"a pipe":                            {"cd /home/ann/.ssh; mv authorized_keys x; mkfifo -m 600 authorized_keys; chown ann authorized_keys", "cd /home/ann/.ssh; mv x authorized_keys"},
		"no file":                           {"cd /home/ann/.ssh; mv authorized_keys x", "cd /home/ann/.ssh; mv x authorized_keys"},
		"somebody else's":                   {"chown guest /home/ann/.ssh/authorized_keys", "chown ann /home/ann/.ssh/authorized_keys"},
		"a user whose account has no home":  {"mv /home/ann /home/gone", "mv /home/gone /home/ann"},
		"a file that is longer than a mile": {"cd /home/ann/.ssh; cp -p authorized_keys x; (head -c 100000 /dev/zero | tr '\\0' '#'; echo; cat x) >authorized_keys", "cd /home/ann/.ssh; mv x authorized_keys"},
	} {
		s.Run("sh", "-ec", spoil[0])
		time.Sleep(1200 * time.Millisecond) // an answer counts for a second
		if g := s.key("ann", "ann"); g.in {
			s.t.Errorf("%s lets in", what)
		}
		s.Run("sh", "-ec", spoil[1])
	}
	time.Sleep(1200 * time.Millisecond)
	s.enters("all is well again", s.key("ann", "ann"), "home", uid)
	if out, err := s.Try("systemctl", "start", "nso-keys@root.socket"); err == nil || !strings.Contains(out, "masked") {
		s.t.Errorf("root has one: %s", out)
	}
	// A crowd starts one process a second.
	mark := s.mark()
	s.Run("sh", "-c", "for i in $(seq 20); do setpriv --reuid guest --regid guest --init-groups -- ssh -i /home/guest/.ssh/other -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p 830 -s ann@127.0.0.1 netconf </dev/null >/dev/null 2>&1 & done; wait")
	began := 0
	for _, r := range s.since(mark) {
		if r["UNIT"] == "nso-keys@ann.service" && strings.HasPrefix(r["MESSAGE"], "Starting") {
			began++
		}
	}
	s.t.Logf("20 connections at once: %d processes", began)
	if began > 10 {
		s.t.Errorf("20 connections at once start %d processes", began)
	}
	s.Run("systemctl", "disable", "--now", "nso-keys@ann.socket")
}

func (s *system) program(name string) {
	s.t.Helper()
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Run("mkdir", "-p", "/usr/local/libexec/nso")
	s.Write("/usr/local/libexec/nso/login-external", string(text), 0o755)
}

func externalJSON(s *system) {
	s.program("external-json")
	s.conf("methods", `["local", "external", "pam"]`)
	s.refused("not enabled", s.password("password", "exa", ofSite, ""), "external: cannot log in: the program of this site gives no answer")
	s.Run("systemctl", "start", "nso-external.socket")
	s.configure("set nacm groups group site-admins user-name nobody-of-this-name", "set nacm rule-list site group site-admins", "set nacm rule-list site rule all action permit",
		"set nacm rule-list site rule all access-operations *")
	mark := s.mark()
	for _, method := range []string{"password", "keyboard-interactive"} {
		g := s.password(method, "exa", ofSite, getSystem)
		s.enters(method, g, "external", "")
		if !strings.Contains(g.out, "<name>lena</name>") {
			s.t.Errorf("the groups that the program says do not count: %s", g.out)
		}
		s.refused(method+", wrong", s.password(method, "exa", "wrong", ""), "external: cannot log in: the program of this site: not known to the site (auth); pam: ")
	}
	s.refused("a uid of somebody else", s.password("password", "ann", "as another", ""), "the program of this site says uid 1")
	s.refused("uid 0", s.password("password", "root", "x", ""), "uid 0, which no program lets in")
	said := ""
	for _, r := range s.since(mark) {
		if r["SYSLOG_IDENTIFIER"] == "nso-external" {
			said += r["MESSAGE"] + "\n"
		}
	}
	want := "external uid " + strings.TrimSpace(s.Run("id", "-u", "nso-cmd")) + " caps 0000000000000000 ipc none source 127.0.0.1 method netconf"
	if !strings.Contains(said, want) {
		s.t.Errorf("the program finds %q; want %q", said, want)
	}
	g := s.password("password", "hangs", "x", "")
	s.refused("one that does not end", g, "gives no answer")
	s.Run("rm", "/usr/local/libexec/nso/login-external")
	s.refused("no program", s.password("password", "exa", ofSite, ""), "gives no answer")
	s.enters("and the next one is asked", s.password("password", "ann", ofSystem, ""), "pam", strings.TrimSpace(s.Run("id", "-u", "ann")))
	if out := s.Run("systemctl", "--failed", "--no-legend"); strings.TrimSpace(out) != "" {
		s.t.Errorf("failed units: %s", out)
	}
	if out := s.Run("systemctl", "is-active", "nso-external.socket"); strings.TrimSpace(out) != "active" {
		s.t.Errorf("the socket is %s", out)
	}
}

func externalClassic(s *system) {
	s.program("external-classic")
	s.conf("external", `"classic"`)
	s.enters("accept", s.password("password", "exa", ofSiteOnce, ""), "external", "")
	s.refused("reject", s.password("password", "exa", "wrong", ""), "not known to the site")
	s.refused("what cannot be quoted", s.password("password", "exa", ofSite, ""), "cannot send a password with ; [ ]")
	g := s.password("password", "annoyed", "x", "")
	s.refused("abort", g, "ends the login: nobody else is asked")
	if len(g.reasons) == 1 && strings.Contains(g.reasons[0], "pam:") {
		s.t.Errorf("somebody else is asked: %v", g.reasons)
	}
}

func order(s *system) {
	// exa is in the data too: whoever is first to accept wins.
	s.configure("set system authentication user exa password \"$0$" + ofSiteOnce + "\"")
	s.enters("local first", s.password("password", "exa", ofSiteOnce, ""), "local", "")
	s.conf("methods", `["external", "pam", "local"]`)
	s.enters("external first", s.password("password", "exa", ofSiteOnce, ""), "external", "")
	s.enters("local last", s.password("keyboard-interactive", "lena", ofData, ""), "local", "")
	s.conf("methods", `["local"]`)
	s.refused("local alone", s.password("password", "ann", ofSystem, ""), "local: ")
	// A nso-pam that is there and does not answer lets nobody in.
	s.conf("methods", `["pam", "local"]`)
	s.Write("/etc/systemd/system/nso-pam@.service.d/broken.conf", "[Service]\nExecStart=\nExecStart=/bin/true\n", 0o644)
	s.Run("systemctl", "daemon-reload")
	s.refused("PAM does not answer", s.password("password", "lena", ofData, ""), "pam: cannot log in: PAM cannot be asked")
	s.Run("rm", "-r", "/etc/systemd/system/nso-pam@.service.d")
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "stop", "nso-pam.socket")
	s.enters("PAM is not there", s.password("password", "lena", ofData, ""), "local", "")
	s.Run("systemctl", "start", "nso-pam.socket")
	s.enters("PAM is there again", s.password("password", "lena", ofData, ""), "local", "")
}

func factors(s *system) {
	s.conf("methods", `["local", "external", "pam"]`)
	s.conf("ssh", `["publickey,password"]`)
	s.Run("sh", "-c", "cp /home/guest/.ssh/ann.pub /etc/nso/ssh/keys.d/ann; chgrp nso /etc/nso/ssh/keys.d/ann; chmod 640 /etc/nso/ssh/keys.d/ann")
	both := func(password string) got {
		s.Write("/home/guest/password", password+"\n", 0o644)
		return s.ssh("ann", "", "sshpass", "-f", "/home/guest/password", "ssh", "-i", "/home/guest/.ssh/ann", "-o", "IdentitiesOnly=yes", "-o", "NumberOfPasswordPrompts=1")
	}
	s.enters("key and password of the system", both(ofSystem), "keys.d,pam", strings.TrimSpace(s.Run("id", "-u", "ann")))
	s.enters("key of the system, password of the data", both(ofData), "keys.d,local", "")
	if g := both("wrong"); g.in {
		s.t.Error("a key alone lets in")
	}
	if g := s.password("password", "ann", ofSystem, ""); g.in {
		s.t.Error("a password alone lets in")
	}
	s.Run("rm", "/etc/nso/ssh/keys.d/ann")
	s.conf("ssh", `["publickey", "keyboard-interactive", "password"]`)
}

// alike: what a client sees of a failure is the same for every reason.
func alike(s *system) {
	for _, method := range []string{"password", "keyboard-interactive"} {
		var first string
		for _, c := range []struct{ what, user string }{
			{"no such user", "nobody-here"}, {"wrong password", "ann"}, {"locked", "locked"}, {"of the data", "lena"},
			{"of the data, without a password", "bare"}, {"external down", "nobody-here"},
		} {
			if c.what == "external down" {
				s.Run("systemctl", "stop", "nso-external.socket")
			}
			var took []time.Duration
			for range 2 {
				g := s.password(method, c.user, "guess", "")
				if g.in || len(g.reasons) != 1 {
					s.t.Errorf("%s: %v, %s", c.what, g.reasons, g.out)
				}
				took = append(took, g.took)
				seen := strings.ReplaceAll(g.out, c.user, "USER")
				if first == "" {
					first = seen
				}
				if seen != first {
					s.t.Errorf("%s, %s: the client sees %q, and %q of another failure", method, c.what, seen, first)
				}
			}
			slices.Sort(took)
			s.t.Logf("%s, %s: %v", method, c.what, fmt.Sprint(took))
		}
		s.Run("systemctl", "start", "nso-external.socket")
	}
}

func secrets(s *system) {
	s.Run("journalctl", "--sync")
	all := s.Run("journalctl", "-b", "-o", "export", "--no-pager", "-u", "nso*", "-t", "nso-external", "-t", "nso-pam")
	for _, secret := range []string{ofSystem, ofData, ofSite, ofSiteOnce} {
		if strings.Contains(all, secret) {
			s.t.Errorf("a password is in the journal: %s", secret)
		}
		if out, err := s.Try("grep", "-rlF", secret, "/var/lib/nso"); err == nil {
			s.t.Errorf("a password is in the database: %s", out)
		}
	}
	if out := s.Run("nso", "status"); !strings.Contains(out, "panics") && strings.Contains(out, "panic") {
		s.t.Logf("%s", out)
	}
	if out := s.Run("systemctl", "--failed", "--no-legend"); strings.TrimSpace(out) != "" {
		s.t.Errorf("failed units: %s", out)
	}
}
