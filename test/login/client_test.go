// SPDX-License-Identifier: Apache-2.0

package login

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// run puts a file of testdata in the box, and returns where.
func (s *system) file(name string) string {
	s.t.Helper()
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Write("/usr/share/nso-test/"+name, string(text), 0o644)
	return "/usr/share/nso-test/" + name
}

// program builds a Go client, in a module of its own if dir has one, and puts it in
// the box.
func (s *system) program(dir string) string {
	s.t.Helper()
	out := filepath.Join(s.t.TempDir(), filepath.Base(dir))
	build := exec.Command("go", "build", "-o", out, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("cannot build %s: %v\n%s", dir, err, text)
	}
	s.Copy(out, "/usr/bin/"+filepath.Base(dir), 0o755)
	return filepath.Base(dir)
}

const key = "/home/guest/.ssh/ann"

// ncclient is Python's, with paramiko as its SSH.
func (s *system) ncclient() {
	script := s.file("nc.py")
	nc := func(args ...string) answer {
		return s.client(nil, "", append([]string{"python3", script, "830"}, args...)...)
	}
	s.in("password", nc("ann", secret, "-", "hostname=paramiko", "get", "lock"), "base:1.1", "ok True", "<hostname>paramiko</hostname>", "locked")
	s.in("key", nc("ann", "-", key, "get"), "<hostname>paramiko</hostname>")
	mark := s.mark()
	s.out("wrong password", nc("ann", "wrong", "-", "get"), "AuthenticationError")
	s.holds("the journal", s.since(mark), `connection refused`, `"ann\" by `)
	s.out("wrong key", nc("ann", "-", "/home/guest/.ssh/other", "get"), "AuthenticationError")
	s.out("bob reads", nc("bob", secret, "-", "get"), "RPCError", "bob has no right to it")
	s.out("bob writes", nc("bob", secret, "-", "hostname=x"), "RPCError", "bob has no right to it")
	s.in("the next login", nc("ann", secret, "-", "get"), "<hostname>paramiko</hostname>")
}

// scrapligo is Go's, with Go's SSH and with the program ssh.
func (s *system) scrapligo() {
	program := s.program("scrapligo")
	run := func(args ...string) answer { return s.client(nil, "", append([]string{program, "830"}, args...)...) }
	for _, transport := range []string{"standard", "system"} {
		s.in(transport+", password", run("ann", transport, secret, "hostname="+transport, "get", "lock"), "1.1 <rpc-reply", "<ok/>", "<hostname>"+transport+"</hostname>")
		s.in(transport+", key", run("ann", transport, key, "get"), "<hostname>"+transport+"</hostname>")
	}
	s.out("wrong password", run("ann", "standard", "wrong", "get"), "unable to authenticate")
	s.out("wrong key", run("ann", "standard", "/home/guest/.ssh/other", "get"), "unable to authenticate")
	s.out("bob writes", run("bob", "standard", secret, "hostname=x"), "operation error")
}

// yangcli is yuma123's, with libssh2.
func (s *system) yangcli() {
	s.Write("/usr/share/nso-test/yangcli", "merge /system/hostname value=yuma\ncommit\nget-config source=running\nclose-session\n", 0o644)
	run := func(args ...string) answer {
		// It exits with 0 whatever happened.
		return s.client([]string{"TERM=dumb"}, "", append([]string{"yangcli", "--server=127.0.0.1", "--ncport=830", "--batch-mode", "--run-script=/usr/share/nso-test/yangcli"}, args...)...)
	}
	s.in("password", run("--user=ann", "--password="+secret), "hostname yuma")
	// With an RSA key libssh2 1.10 signs with SHA-1 alone.
	s.Run("sh", "-ec", `cat /home/guest/.ssh/ecdsa.pub >>/etc/nso/ssh/keys.d/ann`)
	s.in("key", run("--user=ann", "--password=none", "--private-key=/home/guest/.ssh/ecdsa", "--public-key=/home/guest/.ssh/ecdsa.pub"), "hostname yuma")
	mark := s.mark()
	a := run("--user=ann", "--password=wrong")
	if a.err != nil || strings.Contains(a.out, "hostname yuma") || !strings.Contains(a.out, "authentication failed") {
		s.t.Errorf("wrong password: %v\n%s", a.err, a.out)
	}
	s.holds("the journal", s.since(mark), "connection refused", `"ann\" by `)
	if a := run("--user=bob", "--password="+secret); a.err != nil || strings.Contains(a.out, "hostname yuma") || !strings.Contains(a.out, "access-denied") {
		s.t.Errorf("bob: %v\n%s", a.err, a.out)
	}
}

// many runs sshcrowd.
func (s *system) many(args ...string) (r struct {
	In, Refused int
	Errors      map[string]int
	MS          int64
}) {
	s.t.Helper()
	a := s.client(nil, "", append([]string{"sshcrowd"}, args...)...)
	if err := json.Unmarshal([]byte(a.out), &r); err != nil {
		s.t.Fatalf("sshcrowd %q: %v\n%s", args, a.err, a.out)
	}
	return r
}

// crowd: a hundred at once, and none of them is refused.
func (s *system) crowd() {
	s.program("sshcrowd")
	for _, c := range []struct{ n, clients int }{{100, 100}, {25, 1}} {
		r := s.many("-n", strconv.Itoa(c.n), "-clients", strconv.Itoa(c.clients), "-key", key)
		if r.In != c.n {
			s.t.Errorf("%d at a time: %+v", c.clients, r)
		}
		s.t.Logf("%d sessions, %d at a time, in %d ms", c.n, c.clients, r.MS)
	}
}

// hostileSource: who fails too often is not heard for a while, and nobody else minds.
func (s *system) hostileSource() {
	mark := s.mark()
	r := s.many("-n", "40", "-clients", "40", "-password", "wrong", "-from", "127.0.3.1")
	if r.In != 0 || r.Refused < 20 {
		s.t.Errorf("%+v", r)
	}
	s.out("the right key from there", s.ssh(ssh{options: append(byKey("ann"), "BindAddress=127.0.3.1")}))
	s.in("from elsewhere", s.ssh(ssh{options: byKey("ann")}), "<ok/>")
	s.holds("the journal", s.since(mark), "has failed too often")
	s.unfailed()
}

// set sets a key of nso.toml that is not set, and puts it in force.
func (s *system) set(key, value string) {
	s.t.Helper()
	s.Run("sed", "-i", "s|^#"+key+" = .*|"+key+" = "+value+"|", "/etc/nso/nso.toml")
	s.inForce()
}

func (s *system) unset(key string) {
	s.t.Helper()
	s.Run("sed", "-i", "s|^"+key+" = |#&|", "/etc/nso/nso.toml")
	s.inForce()
}

func (s *system) inForce() {
	s.t.Helper()
	s.Run("nso", "reload")
	s.Run("systemctl", "restart", "nso.service")
}

// factors: a key and then a password, which is neither's without the other.
func (s *system) factors() {
	s.set("ssh", `["publickey,keyboard-interactive"]`)
	defer s.unset("ssh")
	both := []string{"IdentitiesOnly=yes", "IdentityFile=" + key, "PreferredAuthentications=publickey,keyboard-interactive"}
	s.in("key and password", s.ssh(ssh{password: secret, options: both}), "<ok/>")
	s.out("key alone", s.ssh(ssh{options: append(byKey("ann"), "BindAddress=127.0.4.1")}), "Permission denied")
	s.out("password alone", s.ssh(ssh{password: secret, options: []string{"PubkeyAuthentication=no", "BindAddress=127.0.4.1"}}), "Permission denied")
	s.out("key and wrong password", s.ssh(ssh{password: "wrong", options: append(both, "BindAddress=127.0.4.2")}), "Permission denied")
	s.out("wrong key and password", s.ssh(ssh{password: secret, options: []string{"IdentitiesOnly=yes", "IdentityFile=/home/guest/.ssh/other", "BindAddress=127.0.4.2"}}), "Permission denied")
}
