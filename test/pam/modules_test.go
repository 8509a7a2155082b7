// SPDX-License-Identifier: Apache-2.0

package pam

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"nso.example/nso/helper"
)

// faillocked is the stack that faillock's manual page shows.
func faillocked(arguments string) []string {
	return []string{
		"auth required pam_faillock.so preauth silent deny=3 unlock_time=0 " + arguments,
		"auth [success=1 default=bad] pam_unix.so",
		"auth [default=die] pam_faillock.so authfail deny=3 unlock_time=0 " + arguments,
		"auth required pam_permit.so",
		"account required pam_faillock.so " + arguments,
		"account required pam_unix.so",
	}
}

// locks: three wrong passwords lock ann, each in the tally, and the right one no longer
// helps, whatever is restarted.
func (s *system) locks(tally string) {
	s.t.Helper()
	size := func() int {
		out, _ := s.Try("stat", "-c", "%s", tally)
		n, _ := strconv.Atoi(strings.TrimSpace(out))
		return n // 0 where there is none
	}
	s.enters("ann", secret)
	for i := range 3 {
		before := size()
		s.refused(helper.Auth, "ann", "wrong")
		if after := size(); after <= before {
			s.t.Errorf("failure %d: the tally has %d bytes, and had %d", i+1, after, before)
		}
	}
	wrong := s.refused(helper.Auth, "ann", "wrong")
	right := s.refused(helper.Auth, "ann", secret)
	if wrong.Outward != right.Outward {
		s.t.Errorf("outside %q and %q", wrong.Outward, right.Outward)
	}
	s.Run("systemctl", "restart", "nso-pam.socket")
	s.refused(helper.Auth, "ann", secret)
	if other := s.login("rad", "wrong"); other.OK {
		s.t.Error("rad gets in")
	}
	s.Run("faillock", "--dir", filepath.Dir(tally), "--user", "ann", "--reset")
	s.enters("ann", secret)
}

// lockedOut: from a fresh boot, with the tally where Debian and Fedora have it; with
// one that another program has begun; and in the variant that is not root, where the
// lock outlives a reboot. Names that are none leave no tally.
func lockedOut(t *testing.T, s *system) {
	s.stack(faillocked("")...)
	s.locks("/run/faillock/ann")
	for _, name := range []string{"../../etc/passwd", "../ann", "a/b", "ann\n", ".", strings.Repeat("a", 300)} {
		s.refused(helper.Auth, "--", name, "wrong")
	}
	if out := strings.Fields(s.Run("ls", "-A", "/run/faillock")); len(out) != 2 { // ann and rad
		t.Errorf("there are tallies of %q", out)
	}
	// A tally as login(1) or sshd, with all of root's rights, has left it.
	s.Run("sh", "-c", "rm -f /run/faillock/ann; touch /run/faillock/ann; chown ann:root /run/faillock/ann; chmod 0660 /run/faillock/ann")
	s.locks("/run/faillock/ann")
	s.healthy()

	s.dropIn("nonroot.conf", "")
	s.stack(faillocked("dir=/var/lib/nso-pam")...)
	s.locks("/var/lib/nso-pam/ann")
	s.refused(helper.AccountExpired, "expired", secret)
	s.refused(helper.PasswordExpired, "must", secret)
	for range 3 {
		s.refused(helper.Auth, "ann", "wrong")
	}
	s.Reboot()
	s.Run("systemctl", "start", "nso-pam.socket")
	s.refused(helper.Auth, "ann", secret)
	s.Run("faillock", "--dir", "/var/lib/nso-pam", "--user", "ann", "--reset")
	s.enters("ann", secret)
	s.healthy()
}

// oneTimeCodes: a password and a code, with pam_oath and with
// pam_google_authenticator. A code serves once.
func oneTimeCodes(t *testing.T, s *system) {
	s.dropIn("otp.conf", "")
	const key = "3132333435363738393031323334353637383930" // RFC 4226, Appendix D
	s.enters("ann", secret)                                // makes the folder
	s.Write("/var/lib/nso-otp/users.oath", "HOTP/E ann - "+key+"\n", 0o600)
	s.stack("auth required pam_unix.so", "auth required pam_oath.so usersfile=/var/lib/nso-otp/users.oath window=3", "account required pam_unix.so")
	code := func(n string) string { return strings.TrimSpace(s.Run("oathtool", "-c", n, key)) }
	if code("0") != "755224" {
		t.Fatalf("the first code is %s", code("0"))
	}
	r := s.enters("ann", secret, code("0"))
	if len(r.Prompts) != 2 || !strings.Contains(r.Prompts[1].Text, "One-time password") {
		t.Errorf("prompts: %+v", r.Prompts)
	}
	s.refused(helper.Auth, "ann", secret, code("0")) // again
	s.refused(helper.Auth, "ann", secret, "000000")
	s.refused(helper.Auth, "ann", "wrong", code("1"))
	s.enters("ann", secret, code("2"))

	s.Write("/var/lib/nso-otp/ann", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n\" HOTP_COUNTER 1\n12345678\n", 0o400)
	s.stack("auth required pam_unix.so", "auth required pam_google_authenticator.so secret=/var/lib/nso-otp/${USER} user=root", "account required pam_unix.so")
	r = s.enters("ann", secret, code("1"))
	if len(r.Prompts) != 2 || !strings.Contains(r.Prompts[1].Text, "Verification code") {
		t.Errorf("prompts: %+v", r.Prompts)
	}
	s.refused(helper.Auth, "ann", secret, code("1"))
	s.refused(helper.Auth, "ann", secret, "000000")
	s.enters("ann", secret, "12345678") // the scratch code
	s.refused(helper.Auth, "ann", secret, "12345678")
	s.healthy()
}

// radiusServer knows rad by a file, and asks ann for a code that is always the same.
const radiusServer = `server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = 1812
	}
	authorize {
		if (&User-Name == "ann" && !&State) {
			update control {
				&Response-Packet-Type := Access-Challenge
			}
			update reply {
				&State := 0x31323334
				&Reply-Message := "Which code does the token show? "
			}
			handled
		}
		if (&User-Name == "ann" && &User-Password == "424242") {
			update control {
				&Auth-Type := Accept
			}
		}
		files
		pap
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
	}
}
`

// radius: a real server behind pam_radius_auth, with a password and with a
// challenge; and without the drop-in the network is not there.
func radius(t *testing.T, s *system) {
	s.Write("/etc/freeradius/3.0/mods-config/files/authorize", `rad Cleartext-Password := "of the server"
`, 0o644)
	s.Run("rm", "-f", "/etc/freeradius/3.0/sites-enabled/inner-tunnel", "/etc/freeradius/3.0/mods-enabled/eap", "/etc/freeradius/3.0/sites-enabled/default")
	s.Write("/etc/freeradius/3.0/sites-enabled/nso", radiusServer, 0o644)
	if out, err := s.Try("systemctl", "start", "freeradius.service"); err != nil {
		log, _ := s.Try("sh", "-c", "freeradius -XC 2>&1 | tail -20")
		t.Fatalf("cannot start the server: %s\n%s", out, log)
	}
	s.Write("/etc/pam_radius_auth.conf", "127.0.0.1:1812 testing123 3\n", 0o600)
	s.stack("auth required pam_radius_auth.so", "account required pam_unix.so")
	closed := s.login("rad", "of the server")
	if closed.OK || closed.Class != helper.Unavailable {
		t.Errorf("the network is open without the drop-in: %+v", closed)
	}
	s.dropIn("radius.conf", "")
	s.enters("rad", "of the server")
	s.refused(helper.Auth, "rad", "wrong")
	r := s.enters("ann", "first", "424242")
	if len(r.Prompts) != 2 || !strings.Contains(r.Prompts[1].Text, "Which code does the token show?") {
		t.Errorf("prompts: %+v", r.Prompts)
	}
	s.refused(helper.Auth, "ann", "first", "000000")
	s.Run("systemctl", "stop", "freeradius.service")
	s.refused(helper.Unavailable, "rad", "of the server")
	s.noDropIns()
	s.healthy()
}
