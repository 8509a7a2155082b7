// SPDX-License-Identifier: Apache-2.0

package pam

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// instance is the pid of the one nso-pam that there is, in the end.
func (s *system) instance() (pid string) {
	s.t.Helper()
	s.until("nso-pam is up", func() bool {
		out, err := s.Try("pgrep", "-x", "nso-pam")
		pid = strings.TrimSpace(out)
		return err == nil && !strings.Contains(pid, "\n")
	})
	return pid
}

// conversing starts pamlogin as the daemon's user, which goes on by itself; the
// returned function waits for its end and returns what it printed.
func (s *system) conversing(args ...string) (end func() string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	cmd := s.Command(ctx, "setpriv", append([]string{"--reuid", "nso", "--regid", "nso", "--init-groups", "--", "pamlogin"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return func() string {
		defer cancel()
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("pamlogin %q: %v", args, err)
		}
		return out.String()
	}
}

// crashes: a module that crashes each time, many times at once, costs nobody else the
// socket: no trigger limit closes it, and nothing is left of the crashes.
func crashes(t *testing.T, s *system) {
	s.hostileModule()
	s.stack("auth required pam_unix.so", "auth required /usr/lib/pam_hostile.so crash", "account required pam_unix.so")
	const rounds, times = 4, 25
	for range rounds {
		var f struct{ Failed int }
		s.client(&f, "-times", fmt.Sprint(times), "-at-once", "16", "ann", secret)
		if f.Failed != times {
			t.Errorf("%d of %d crashes are refusals", f.Failed, times)
		}
	}
	s.fresh()
	s.enters("ann", secret)
	s.healthy()
}

// storm: five hundred connections a second for five seconds, by the daemon's user and
// by one who may not connect. The socket stays, and is not slow afterwards.
func storm(t *testing.T, s *system) {
	var f struct{ Connected, Refused int }
	s.client(&f, "-storm", "500")
	if f.Connected == 0 {
		t.Errorf("the storm was %d connections, %d more were refused", f.Connected, f.Refused)
	}
	t.Logf("%s: %d connections, %d more refused", t.Name(), f.Connected, f.Refused)
	if out := s.As("ann", "pamlogin", "-storm", "500"); !strings.Contains(out, `"Connected":0`) {
		t.Errorf("ann connects: %s", out)
	}
	s.until("it is over", func() bool { return s.login("ann", secret).OK })
	s.healthy()
}

// memory: where a password is while its login lasts, and who can get at it. libpam has
// it until the conversation ends; nso-pam itself keeps no other copy, takes no
// descriptors beside it, and nobody but root sees its memory. It never is in the
// journal, in a command line or in an environment.
func memory(t *testing.T, s *system) {
	s.hostileModule()
	const marker = "Merkwort-73-unverwechselbar" // in no file of the system but the shadow, hashed
	s.Write("/root/passwords", "rad:"+marker+"\n", 0o600)
	s.Run("sh", "-c", "chpasswd </root/passwords; rm /root/passwords")
	s.Write("/usr/share/marker", marker, 0o644) // pamlogin reads it there: its own command line must not match
	s.Run("sh", "-c", "rm -f /run/go; mkfifo /run/go; chown nso /run/go")
	s.stack("auth required pam_unix.so", "auth required /usr/lib/pam_hostile.so ask", "account required pam_unix.so")

	look := func(what string, most int) string {
		t.Helper()
		pid := s.instance()
		s.until("it waits for the second answer", func() bool {
			out, _ := s.Try("pgrep", "-f", "pamlogin.*@/run/go")
			return out != "" && s.waits()
		})
		n := s.Memory(pid, marker)
		t.Logf("%s: %s: %d copies in the memory of nso-pam", t.Name(), what, n)
		if n > most {
			t.Errorf("%s: the password is %d times in the memory of nso-pam, %d of them libpam's", what, n, most)
		}
		return pid
	}
	end := s.conversing("rad", "@/usr/share/marker", "@/run/go")
	pid := look("after the right password", 1)
	for _, look := range []string{"cat /proc/" + pid + "/environ", "ls /proc/" + pid + "/fd", "dd status=none bs=1 count=1 if=/proc/" + pid + "/mem"} {
		if out, err := s.Try("setpriv", append([]string{"--reuid", "nso", "--regid", "nso", "--init-groups", "--"}, strings.Fields(look)...)...); !strings.Contains(out, "denied") {
			t.Errorf("the daemon's user can %s: %v, %s", look, err, out)
		}
	}
	if out := s.Run("sh", "-c", "cat /proc/"+pid+"/cmdline /proc/"+pid+"/environ | tr '\\0' ' '"); strings.Contains(out, marker) {
		t.Errorf("the password is in %s", out)
	}
	if out := s.Run("grep", "Max core file size", "/proc/"+pid+"/limits"); len(strings.Fields(out)) < 6 || strings.Fields(out)[4] != "0" || strings.Fields(out)[5] != "0" {
		t.Errorf("the limit of cores is %s", out)
	}
	s.Run("sh", "-c", "echo yes >/run/go")
	if out := end(); !strings.Contains(out, `"OK":true`) {
		t.Errorf("the login ends with %s", out)
	}

	// A wrong one that was nearly right.
	s.stack("auth optional pam_unix.so", "auth required /usr/lib/pam_hostile.so ask", "account required pam_unix.so")
	s.Write("/root/passwords", "rad:something else\n", 0o600)
	s.Run("sh", "-c", "chpasswd </root/passwords; rm /root/passwords")
	end = s.conversing("rad", "@/usr/share/marker", "@/run/go")
	look("after a wrong password", 1)
	s.Run("sh", "-c", "echo yes >/run/go")
	end()
	s.healthy()
	if out := s.Run("journalctl", "-b", "-o", "export", "--no-pager"); strings.Contains(out, marker) {
		t.Error("the password is in the journal")
	}

	// Two hundred descriptors with an answer: none is taken.
	s.stack("auth required pam_unix.so", "auth required /usr/lib/pam_hostile.so ask", "account required pam_unix.so")
	end = s.conversing("-hostile", "descriptors", "ann", secret)
	pid = s.instance()
	s.until("it asks again", s.waits)
	if n, err := strconv.Atoi(strings.TrimSpace(s.Run("sh", "-c", "ls /proc/"+pid+"/fd | wc -l"))); err != nil || n > 20 {
		t.Errorf("after 200 descriptors nso-pam has %d open: %v", n, err)
	}
	s.Run("pkill", "-x", "nso-pam")
	end()
	s.healthy()
}

// waits: the module has asked its question, which the journal tells.
func (s *system) waits() bool {
	s.t.Helper()
	s.Run("journalctl", "--sync")
	out, _ := s.Try("sh", "-c", "journalctl -b -o cat --no-pager -t nso-pam _PID=$(pgrep -x nso-pam)")
	return strings.Contains(out, "hostile: asking")
}

// hostileModule builds the module that does what a bad one does.
func (s *system) hostileModule() {
	s.t.Helper()
	module := s.t.TempDir() + "/pam_hostile.so"
	if out, err := exec.Command("gcc", "-Wall", "-shared", "-fPIC", "-o", module, "testdata/hostile.c", "-lpam").CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	s.Copy(module, "/usr/lib/pam_hostile.so", 0o644)
}
