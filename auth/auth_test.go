// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestNext(t *testing.T) {
	both := []Chain{{PublicKey, KeyboardInteractive}, {PublicKey, Password}, {KeyboardInteractive}}
	for _, c := range []struct {
		chains  []Chain
		done    []Method
		methods []Method
		enough  bool
	}{
		{DefaultChains(), nil, []Method{PublicKey, KeyboardInteractive, Password}, false},
		{DefaultChains(), []Method{Password}, nil, true},
		{both, nil, []Method{PublicKey, KeyboardInteractive}, false},
		{both, []Method{PublicKey}, []Method{KeyboardInteractive, Password}, false},
		{both, []Method{PublicKey, Password}, nil, true},
		{both, []Method{Password}, nil, false},
		{both, []Method{KeyboardInteractive}, nil, true},
		{both, []Method{KeyboardInteractive, PublicKey}, nil, false},
	} {
		methods, enough := next(c.chains, c.done)
		if !reflect.DeepEqual(methods, c.methods) || enough != c.enough {
			t.Errorf("%v after %v: %v, %v", c.chains, c.done, methods, enough)
		}
	}
	for _, bad := range [][]Chain{nil, {{}}, {{"none"}}, {{Password, Password}}, {{PublicKey}, {"hostbased"}}} {
		if _, err := New(Options{Chains: append([]Chain{}, bad...)}); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
	if _, err := New(Options{Chains: []Chain{{Password}}}); err == nil {
		t.Error("passwords without PAM are accepted")
	}
}

func signer(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func line(s ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

// folder is one that only this user can write.
func folder(t testing.TB) Keys {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return Keys{Dir: dir, Owner: uint32(os.Getuid())}
}

func (k Keys) write(t testing.TB, user, text string) string {
	t.Helper()
	path := filepath.Join(k.Dir, user)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeys(t *testing.T) {
	k, key, other := folder(t), signer(t), signer(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	short, err := ssh.NewSignerFromKey(weak)
	if err != nil {
		t.Fatal(err)
	}
	from := netip.MustParseAddr("::ffff:192.0.2.7")
	now := time.Date(2026, 6, 15, 12, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		name, text string
		key        ssh.Signer
		want       string // "" lets in
	}{
		{"listed", line(key), key, ""},
		{"after others", "# a comment\n\n" + line(other) + " someone\r\n  " + line(key) + "\n", key, ""},
		{"not listed", line(other), key, "no line allows this key"},
		{"empty", "", key, "no line allows this key"},
		{"garbage before", "what is this\n" + line(key), key, ""},
		{"half a line", line(key)[:40], key, "line 1: it is no key"},
		{"restrictions that are so anyway", "restrict,no-pty,no-X11-forwarding,no-user-rc " + line(key), key, ""},
		{"unknown option", "frobnicate " + line(key), key, `line 1: its option "frobnicate" is not understood`},
		{"command", `command="/bin/true" ` + line(key), key, `its option "command" is not understood`},
		{"environment", `environment="A=B" ` + line(key), key, "is not understood"},
		{"port-forwarding", "restrict,port-forwarding " + line(key), key, "is not understood"},
		{"touch", "no-touch-required " + line(key), key, "is not understood"},
		{"twice", `from="192.0.2.7",from="192.0.2.8" ` + line(key), key, "there twice"},
		{"from", `from="192.0.2.0/24" ` + line(key), key, ""},
		{"from one", `from="2001:db8::/32,192.0.2.7" ` + line(key), key, ""},
		{"from elsewhere", `from="192.0.2.8" ` + line(key), key, "its from= does not have"},
		{"from but not", `from="192.0.2.0/24,!192.0.2.7" ` + line(key), key, "its from= does not have"},
		{"from no one", `from="!192.0.2.8" ` + line(key), key, "its from= does not have"},
		{"from a name", `from="*.example.com" ` + line(key), key, "no address and no network"},
		{"from a network with a host", `from="192.0.2.7/24" ` + line(key), key, "no address and no network"},
		{"expires", `expiry-time="20260616" ` + line(key), key, ""},
		{"expires in UTC", `expiry-time="202606151231Z" ` + line(key), key, ""},
		{"expired", `expiry-time="20260615123000Z" ` + line(key), key, "its expiry-time is over"},
		{"expired long ago", `expiry-time="2025" ` + line(key), key, "and not YYYYMMDD"},
		{"refused in one line, allowed in another", `from="10.0.0.1" ` + line(key) + "\n" + line(key), key, ""},
		{"authority is no key", "cert-authority " + line(key), key, "no line allows this key"},
		{"principals of no authority", `principals="a" ` + line(key), key, "for cert-authority only"},
		{"weak", line(short), short, "less than 2048 bits"},
		{"long line", line(key) + " " + strings.Repeat("x", maxKeyLine), key, "more than 8192 bytes"},
		{"many lines", strings.Repeat("#\n", maxKeys) + line(key), key, "only the first 128 lines"},
		{"long file", strings.Repeat("#", maxKeyFile) + "\n" + line(key), key, "more than 64 KiB"},
	} {
		k.write(t, "ann", c.text)
		_, err := k.allow("ann", c.key.PublicKey(), from, now)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestStrict: what somebody else could have written counts for nothing.
func TestStrict(t *testing.T) {
	key := signer(t)
	now, from := time.Now(), netip.MustParseAddr("192.0.2.7")
	for _, c := range []struct {
		name, user, want string
		spoil            func(k Keys, path string) error
	}{
		{"good", "ann", "", nil},
		{"file of the group", "ann", "others than its owner may write", func(_ Keys, p string) error { return os.Chmod(p, 0o664) }},
		{"file of all", "ann", "others than its owner may write", func(_ Keys, p string) error { return os.Chmod(p, 0o646) }},
		{"folder of the group", "ann", "others than its owner may write", func(k Keys, _ string) error { return os.Chmod(k.Dir, 0o775) }},
		{"folder with a sticky bit", "ann", "others than its owner may write", func(k Keys, _ string) error { return os.Chmod(k.Dir, 0o777|os.ModeSticky) }},
		{"folder above", "ann", "others than its owner may write", func(k Keys, _ string) error { return os.Chmod(filepath.Dir(k.Dir), 0o777) }},
		{"link", "ann", "symbolic links", func(k Keys, p string) error {
			if err := os.Rename(p, p+".real"); err != nil {
				return err
			}
			return os.Symlink(p+".real", p)
		}},
		{"folder that is a link", "ann", "not a directory", func(k Keys, _ string) error {
			if err := os.Rename(k.Dir, k.Dir+".real"); err != nil {
				return err
			}
			return os.Symlink(k.Dir+".real", k.Dir)
		}},
		{"folder in place of a file", "ann", "wrong kind", func(_ Keys, p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Mkdir(p, 0o755)
		}},
		{"somebody else's", "ann", "belongs to uid", func(_ Keys, p string) error {
			if os.Getuid() != 0 {
				t.Skip("to give a file away takes root")
			}
			return os.Chown(p, 1, 1)
		}},
		{"nobody", "bob", "no such file", nil},
		{"up", "../ann", "a user name has", nil},
		{"here", ".", "a user name has", nil},
		{"nothing", "", "without a user name", nil},
		{"a NUL", "ann\x00", "a user name has", nil},
		{"a number", "0", "more than a number", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := folder(t)
			path := k.write(t, "ann", line(key))
			if c.spoil != nil {
				if err := c.spoil(k, path); err != nil {
					t.Fatal(err)
				}
			}
			_, err := k.allow(c.user, key.PublicKey(), from, now)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Error(err)
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	k, ca, other, key := folder(t), signer(t), signer(t), signer(t)
	now := time.Now()
	from := netip.MustParseAddr("192.0.2.7")
	for _, c := range []struct {
		name, text, want string
		change           func(*ssh.Certificate)
		by               ssh.Signer
	}{
		{"good", "cert-authority " + line(ca), "", nil, ca},
		{"another authority", "cert-authority " + line(other), "no line allows", nil, ca},
		{"the authority as a plain key", line(ca), "no line allows", nil, ca},
		{"the key without its authority", line(key), "no line allows", nil, ca},
		{"for somebody else", "cert-authority " + line(ca), "is not for", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"bob"} }, ca},
		{"for everybody", "cert-authority " + line(ca), "is not for", func(c *ssh.Certificate) { c.ValidPrincipals = nil }, nil},
		{"for a role", `cert-authority,principals="x,admins" ` + line(ca), "", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"admins"} }, ca},
		{"for no role", `cert-authority,principals="x,admins" ` + line(ca), "none of the principals", nil, ca},
		{"a host's", "cert-authority " + line(ca), "not a user's", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }, ca},
		{"over", "cert-authority " + line(ca), "expired", func(c *ssh.Certificate) { c.ValidBefore = uint64(now.Unix() - 1) }, ca},
		{"not yet", "cert-authority " + line(ca), "not yet valid", func(c *ssh.Certificate) { c.ValidAfter = uint64(now.Unix() + 60) }, ca},
		{"a command", "cert-authority " + line(ca), "unsupported critical option", func(c *ssh.Certificate) {
			c.CriticalOptions = map[string]string{"force-command": "/bin/true"}
		}, ca},
		{"changed after it was signed", "cert-authority " + line(ca), "signature", func(c *ssh.Certificate) { c.Serial = 4711 }, nil},
		{"from elsewhere", `cert-authority,from="10.0.0.1" ` + line(ca), "its from= does not have", nil, ca},
	} {
		k.write(t, "ann", c.text)
		cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"ann"},
			ValidAfter: uint64(now.Unix() - 60), ValidBefore: uint64(now.Unix() + 60)}
		if c.by == nil {
			if err := cert.SignCert(rand.Reader, ca); err != nil {
				t.Fatal(err)
			}
		}
		if c.change != nil {
			c.change(cert)
		}
		if c.by != nil {
			if err := cert.SignCert(rand.Reader, c.by); err != nil {
				t.Fatal(err)
			}
		}
		_, err := k.allow("ann", cert, from, now)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// FuzzLine: no line lets in a key that is not in it.
func FuzzLine(f *testing.F) {
	listed, other := signer(f), signer(f)
	f.Add([]byte(line(listed)))
	f.Add([]byte(`from="192.0.2.0/24,!192.0.2.1",expiry-time="20300101",restrict ` + line(listed)))
	f.Add([]byte(`cert-authority,principals="a,b" ` + line(listed)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, ok, err := allows(text, "ann", other.PublicKey(), netip.MustParseAddr("192.0.2.7"), time.Now()); ok && err == nil {
			t.Errorf("%q lets somebody else in", text)
		}
	})
}
