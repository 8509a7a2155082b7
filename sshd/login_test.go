// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"crypto/rand"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/auth"
	"nso.example/nso/helper"
)

// stack is a nso-pam that knows ann with a password and a code.
func stack(s *helper.Served, r helper.Request) {
	defer s.Forget()
	verdict := func() {
		if r.User == "root" {
			_ = s.Allow(helper.Verdict{User: "root", Groups: []helper.Group{{GID: 0, Name: "root"}}})
			return
		}
		_ = s.Allow(helper.Verdict{User: r.User, UID: 4711, GID: 4711, Groups: []helper.Group{{GID: 4711, Name: "staff"}}})
	}
	if r.Account {
		switch r.User {
		case "expired":
			_ = s.Refuse(&helper.Refusal{Class: helper.AccountExpired, Reason: "account: it is over"})
		case "asked":
			_, _ = s.Ask("A code: ", false)
			verdict()
		default:
			verdict()
		}
		return
	}
	_ = s.Tell("Welcome.", false)
	password, err := s.Ask("Password: ", false)
	if err != nil {
		return
	}
	right := string(password) == "right-secret"
	if r.User == "coded" {
		code, err := s.Ask("Code: ", true)
		if err != nil {
			return
		}
		right = right && string(code) == "123456"
	}
	switch {
	case right && r.User == "old":
		_ = s.Tell("It is from last year.", true)
		_ = s.Refuse(&helper.Refusal{Class: helper.PasswordExpired, Reason: "account: it must be changed"})
	case right && r.User == "locked":
		_ = s.Refuse(&helper.Refusal{Class: helper.Denied, Reason: "account: it is locked"})
	case right && (r.User == "ann" || r.User == "coded" || r.User == "root"):
		verdict()
	default:
		_ = s.Refuse(&helper.Refusal{Class: helper.Auth, Reason: "authentication: no"})
	}
}

// typing answers the questions of keyboard-interactive, and notes all that is shown.
func typing(shown *strings.Builder, answers ...string) ssh.AuthMethod {
	return ssh.KeyboardInteractive(func(_, instruction string, questions []string, echos []bool) ([]string, error) {
		shown.WriteString(instruction + "|")
		var out []string
		for i, q := range questions {
			shown.WriteString(q + map[bool]string{true: "shown|", false: "hidden|"}[echos[i]])
			if len(answers) == 0 {
				return nil, errors.New("nothing more to say")
			}
			out, answers = append(out, answers[0]), answers[1:]
		}
		return out, nil
	})
}

func TestPasswords(t *testing.T) {
	var w *world
	stranger, _ := newKey(t, t.TempDir(), "other")
	var outward, log string
	for _, c := range []struct {
		name, user string
		in         bool
		shown      string
		method     func(*strings.Builder) ssh.AuthMethod
	}{
		{"a key", "bob", true, "", func(*strings.Builder) ssh.AuthMethod { return ssh.PublicKeys(w.key) }},
		{"root's key", "root", os.Getuid() == 0, "", func(*strings.Builder) ssh.AuthMethod { return ssh.PublicKeys(w.key) }},
		{"a stranger's key", "bob", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.PublicKeys(stranger) }},
		{"a key of an expired account", "expired", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.PublicKeys(w.key) }},
		{"a key where PAM asks for more", "asked", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.PublicKeys(w.key) }},
		{"password", "ann", true, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"wrong password", "ann", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("wrong-secret") }},
		{"no such user", "eve", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"locked", "locked", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"a NUL", "ann", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret\x00x") }},
		{"long", "ann", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password(strings.Repeat("x", 100000)) }},
		{"empty", "ann", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("") }},
		{"must be changed", "old", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"a password where two things are asked for", "coded", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"root's password", "root", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"rounds", "coded", true, "Welcome.|Password: hidden||Code: shown|", func(b *strings.Builder) ssh.AuthMethod { return typing(b, "right-secret", "123456") }},
		{"a wrong code", "coded", false, "Welcome.|Password: hidden||Code: shown|", func(b *strings.Builder) ssh.AuthMethod { return typing(b, "right-secret", "654321") }},
		{"hung up", "coded", false, "Welcome.|Password: hidden||Code: shown|", func(b *strings.Builder) ssh.AuthMethod { return typing(b, "right-secret") }},
		{"must be changed, said", "old", false, "Welcome.|Password: hidden|It is from last year.\ncannot log in: the password must be changed first; change it with 'passwd' in a login to the machine itself, or ask its administrator|",
			func(b *strings.Builder) ssh.AuthMethod { return typing(b, "right-secret") }},
		{"root typing", "root", false, "Welcome.|Password: hidden|", func(b *strings.Builder) ssh.AuthMethod { return typing(b, "right-secret") }},
		{"up", "../ann", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"up, typing", "../ann", false, "|Password: hidden|", func(b *strings.Builder) ssh.AuthMethod { return typing(b, "right-secret") }},
		{"a name with an end of line", "ann\nroot", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"no name", "", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"a number", "0", false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
		{"a long name", strings.Repeat("a", 5000), false, "", func(*strings.Builder) ssh.AuthMethod { return ssh.Password("right-secret") }},
	} {
		var shown strings.Builder
		w = newWorld(t, worldOptions{pam: stack}) // of its own: this is not about who fails often
		for _, name := range []string{"expired", "asked", "bob"} {
			w.authorize(name, string(ssh.MarshalAuthorizedKey(w.key.PublicKey())))
		}
		client, err := w.client(c.user, c.method(&shown))
		if c.in != (err == nil) {
			t.Errorf("%s: %v\n%s", c.name, err, w.log)
		}
		if shown.String() != c.shown {
			t.Errorf("%s: shown is %q", c.name, shown.String())
		}
		if err == nil {
			if c.user != "root" { // nobody but what PAM says knows who that is
				p := w.netconf(client)
				if _, err := p.RPC("<get/>"); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
			}
			client.Close()
			log += w.log.String()
			continue
		}
		w.eventually("it is audited", func() bool { return w.ssh.Refused() == 1 })
		log += w.log.String()
		text := strings.NewReplacer("keyboard-interactive", "METHOD", "password", "METHOD", "publickey", "METHOD").Replace(err.Error())
		if c.name == "hung up" { // the words are the client's own
			continue
		}
		if outward == "" {
			outward = text
		} else if text != outward {
			t.Errorf("%s looks different from outside: %s, and others %s", c.name, text, outward)
		}
	}
	for _, secret := range []string{"secret", "123456", "654321"} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log:\n%s", secret, log)
		}
	}
	for _, reason := range []string{"account: it is over", "account: it is locked", "account: it must be changed", "no line allows this key",
		"a module asks for something although", "PAM asks for more than a password"} {
		if !strings.Contains(log, reason) {
			t.Errorf("the reason %q is not in the log:\n%s", reason, log)
		}
	}
	if !strings.Contains(log, "user=ann uid=4711") {
		t.Errorf("the uid of the verdict is not in the log:\n%s", log)
	}
}

// TestFactors: a chain is gone through in its order and by one user.
func TestFactors(t *testing.T) {
	w := newWorld(t, worldOptions{pam: stack, chains: []auth.Chain{{auth.PublicKey, auth.KeyboardInteractive}}})
	w.authorize("ann", string(ssh.MarshalAuthorizedKey(w.key.PublicKey())))
	w.authorize("root", string(ssh.MarshalAuthorizedKey(w.key.PublicKey())))
	var b strings.Builder
	for _, c := range []struct {
		name, user string
		in         bool
		methods    []ssh.AuthMethod
	}{
		{"both", "ann", true, []ssh.AuthMethod{ssh.PublicKeys(w.key), typing(&b, "right-secret")}},
		{"key only", "ann", false, []ssh.AuthMethod{ssh.PublicKeys(w.key)}},
		{"password only", "ann", false, []ssh.AuthMethod{typing(&b, "right-secret")}},
		{"the other method", "ann", false, []ssh.AuthMethod{ssh.PublicKeys(w.key), ssh.Password("right-secret")}},
		{"wrong password", "ann", false, []ssh.AuthMethod{ssh.PublicKeys(w.key), typing(&b, "wrong")}},
		{"root with both", "root", true, []ssh.AuthMethod{ssh.PublicKeys(w.key), typing(&b, "right-secret")}},
	} {
		client, err := w.client(c.user, c.methods...)
		if c.in != (err == nil) {
			t.Errorf("%s: %v\n%s", c.name, err, w.log)
		}
		if err == nil {
			client.Close()
		}
	}
}

// TestHelperBroken: a nso-pam that is there and does not work lets nobody in.
func TestHelperBroken(t *testing.T) {
	var asked atomic.Int32
	w := newWorld(t, worldOptions{pam: func(*helper.Served, helper.Request) { asked.Add(1) }})
	var b strings.Builder
	for _, m := range []ssh.AuthMethod{ssh.PublicKeys(w.key), ssh.Password("x"), typing(&b, "x")} {
		if c, err := w.client(w.me, m); err == nil {
			c.Close()
			t.Error("somebody is in")
		}
	}
	if asked.Load() != 3 || b.String() != "|Password: hidden|" {
		t.Errorf("it was asked %d times; shown is %q", asked.Load(), b.String())
	}
}

// TestUnknownAccount: a file of keys makes no account.
func TestUnknownAccount(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, name := range []string{"nobody-here", "nobody"} { // uid 65534 is nobody's
		w.authorize(name, string(ssh.MarshalAuthorizedKey(w.key.PublicKey())))
		if c, err := w.client(name); err == nil {
			c.Close()
			t.Errorf("%s is in", name)
		}
	}
}

func TestCertificate(t *testing.T) {
	w := newWorld(t, worldOptions{pam: stack})
	ca, _ := newKey(t, t.TempDir(), "ca")
	w.authorize("ann", "cert-authority "+string(ssh.MarshalAuthorizedKey(ca.PublicKey())))
	for source, in := range map[string]bool{"": true, "127.0.0.0/8": true, "192.0.2.0/24": false} {
		cert := &ssh.Certificate{Key: w.key.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"ann"}, ValidBefore: ssh.CertTimeInfinity}
		if source != "" {
			cert.CriticalOptions = map[string]string{"source-address": source}
		}
		if err := cert.SignCert(rand.Reader, ca); err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewCertSigner(cert, w.key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := w.client("ann", ssh.PublicKeys(signer))
		if in != (err == nil) {
			t.Errorf("from %q: %v\n%s", source, err, w.log)
		}
		if err == nil {
			c.Close()
		}
	}
}

// TestTries: a connection has few tries, and a source that fails stays outside.
func TestTries(t *testing.T) {
	var asked atomic.Int32
	w := newWorld(t, worldOptions{pam: func(s *helper.Served, r helper.Request) {
		asked.Add(1)
		stack(s, r)
	}})
	again := ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) { return "wrong", nil }), 100)
	if _, err := w.client("ann", again); err == nil {
		t.Error("a wrong password is right after all")
	}
	if n := asked.Load(); n != maxTries {
		t.Errorf("PAM was asked %d times on one connection", n)
	}
	for range 10 {
		_, _ = w.client("ann", again)
	}
	n := asked.Load()
	if _, err := w.client("ann", ssh.Password("right-secret")); err == nil {
		t.Error("who has failed for long is let in")
	}
	if asked.Load() != n || n > 50 {
		t.Errorf("PAM was asked %d times, and then %d", n, asked.Load())
	}
}

// TestStrangers: a crowd that does not log in is bounded, of one source and in all.
func TestStrangers(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{Strangers: 16, Grace: time.Minute}})
	var crowd []net.Conn
	for range 64 {
		c, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		crowd = append(crowd, c)
	}
	w.eventually("most are refused", func() bool { return w.ssh.Refused() == 60 })
	if n := w.door.Connections(); n != 4 {
		t.Errorf("%d are open", n)
	}
	for _, c := range crowd {
		c.Close()
	}
	w.eventually("all are gone", func() bool { return w.door.Connections() == 0 })
	w.mustClient(w.me)
}
