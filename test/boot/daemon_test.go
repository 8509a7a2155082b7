// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"encoding/json"
	"strings"
	"testing"
)

func suites(t *testing.T, f func(t *testing.T, suite string)) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			f(t, suite)
		})
	}
}

func TestDaemon(t *testing.T) {
	suites(t, func(t *testing.T, suite string) {
		s := install(t, suite)
		for _, step := range []struct {
			name string
			f    func(*system)
		}{
			{"the first connection starts it", (*system).firstConnection},
			{"it has no privilege", (*system).noPrivilege},
			{"who may connect", (*system).whoMayConnect},
			{"an administrator does everything", (*system).administrator},
			{"users of other sources", (*system).otherSources},
			{"a uid without account", (*system).noAccount},
			{"NETCONF over TCP", (*system).netconfTCP},
			{"kill -9", (*system).killed},
			{"a stopped daemon", (*system).hung},
			{"systemctl stop", (*system).stopped},
			{"refusals", (*system).refusals},
		} {
			t.Run(step.name, func(t *testing.T) {
				step.f(&system{s.Box, t})
			})
		}
	})
}

func (s *system) firstConnection() {
	if st := s.active("nso.service"); st != "inactive" {
		s.t.Fatalf("before any connection the service is %s", st)
	}
	s.want("ann", []string{"nso", "whoami", "--json"}, `"user": "ann"`)
	if st := s.active("nso.service"); st != "active" {
		s.t.Fatalf("after a connection the service is %s", st)
	}
}

func (s *system) noPrivilege() {
	uid := strings.TrimSpace(s.Run("id", "-u", "nso"))
	status := map[string]string{}
	for line := range strings.Lines(s.Run("cat", "/proc/"+s.main()+"/status")) {
		name, v, _ := strings.Cut(line, ":")
		status[name] = strings.Join(strings.Fields(v), " ")
	}
	want := map[string]string{"Uid": strings.Join([]string{uid, uid, uid, uid}, " "), "NoNewPrivs": "1", "Seccomp": "2"}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		want[set] = "0000000000000000"
	}
	for name, v := range want {
		if status[name] != v {
			s.t.Errorf("%s of the daemon is %q, want %q", name, status[name], v)
		}
	}
	for _, file := range []string{"mem", "environ", "maps"} {
		if out, err := s.as("nso", "head", "-c1", "/proc/"+s.main()+"/"+file); !strings.Contains(out, "denied") {
			s.t.Errorf("another process of its user reads %s: %v, %q", file, err, out)
		}
	}
	// Its data are its own.
	if out := s.Run("stat", "-c", "%U %a", "/var/lib/nso/cdb"); out != "nso 700\n" {
		s.t.Errorf("the database is %q", out)
	}
}

func (s *system) whoMayConnect() {
	s.refused("eve", []string{"nso", "whoami"}, "permission denied", "nso-users")
	out := s.want("bob", []string{"nso", "whoami", "--json"})
	var who struct {
		UID    int
		User   string
		Groups []string
		Admin  bool
	}
	if err := json.Unmarshal([]byte(out), &who); err != nil {
		s.t.Fatal(err)
	}
	uid := strings.TrimSpace(s.Run("id", "-u", "bob"))
	if who.User != "bob" || who.Admin || out == "" || !strings.Contains(out, uid) || !strings.Contains(strings.Join(who.Groups, " "), "nso-users") {
		s.t.Errorf("bob is %s", out)
	}
	// Being able to connect gives nothing else.
	s.refused("bob", []string{"nso", "status"}, "only its administrators")
	s.refused("bob", []string{"nso", "stop"}, "only its administrators")
	s.refused("bob", []string{"nso", "cli", "-c", "show system"})
}

func (s *system) administrator() {
	s.want("ann", []string{"nso", "cli", "-c", "configure", "-c", "set system hostname from-cli", "-c", "commit"})
	s.want("ann", []string{"nso", "cli", "-c", "show configuration system"}, "from-cli")
	s.want("ann", []string{"ncpeer", get}, "<hostname>from-cli</hostname>")
	// root is an administrator by name, on the Unix socket.
	s.want("root", []string{"nso", "sessions", "--json"})
	st := s.status()
	if len(st.Modules) < 10 || len(st.Doors) != 2 || st.Revision < 2 || st.Panics != 0 {
		s.t.Errorf("status is %+v", st)
	}
	s.want("ann", []string{"nso", "whoami", "--json"}, `"admin": true`)
	s.want("ann", []string{"nso", "reload"})
	s.want("ann", []string{"sh", "-c", `printf '%s]]>]]>' '<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>` +
		`<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><close-session/></rpc>' | sed 's#</hello>#</hello>]]>]]>#' | nso netconf`}, "<ok/>")
}

func (s *system) otherSources() {
	out, err := s.Try("systemd-run", "--wait", "--pipe", "--quiet", "-p", "DynamicUser=yes", "-p", "User=dyn1", "-p", "SupplementaryGroups=nso-users", "nso", "whoami", "--json")
	if err != nil || !strings.Contains(out, `"user": "dyn1"`) {
		s.t.Errorf("a DynamicUser= service is %v %s", err, out)
	}
	s.Write("/etc/nsswitch.conf", "passwd: files extrausers systemd\ngroup: files extrausers systemd\nshadow: files\n", 0o644)
	s.Write("/var/lib/extrausers/passwd", "lena:x:70001:70001::/home/lena:/bin/sh\n", 0o644)
	s.Write("/var/lib/extrausers/group", "lena:x:70001:\n", 0o644)
	gid := strings.Split(s.Run("getent", "group", "nso-users"), ":")[2]
	out, err = s.Try("setpriv", "--reuid", "70001", "--regid", "70001", "--groups", gid, "--", "nso", "whoami", "--json")
	if err != nil || !strings.Contains(out, `"user": "lena"`) {
		s.t.Errorf("a user of another NSS source is %v %s", err, out)
	}
}

func (s *system) noAccount() {
	gid := strings.Split(s.Run("getent", "group", "nso-users"), ":")[2]
	for _, uid := range []string{"4242", "65534"} {
		since := s.mark()
		// Of many refusals the log shows one a second: ask until it is this one.
		s.until("the refusal in the journal", func() bool {
			out, err := s.Try("setpriv", "--reuid", uid, "--regid", gid, "--clear-groups", "--", "nso", "whoami")
			if err == nil {
				s.t.Fatalf("uid %s was let in: %s", uid, out)
			}
			said := s.journal(since)
			return strings.Contains(said, "connection refused") && strings.Contains(said, uid)
		})
	}
}

func (s *system) netconfTCP() {
	uid := func(user string) string { return strings.TrimSpace(s.Run("id", "-u", user)) }
	s.want("ann", []string{"ncpeer", get}, "<hostname>")
	// A user without rights has a session, sees nothing and changes nothing.
	out := s.want("bob", []string{"ncpeer", get, edit("bobs")}, "access-denied")
	if strings.Contains(out, "<hostname>") || strings.Contains(out, "<ok/>") {
		s.t.Errorf("bob is answered %s", out)
	}
	// NETCONF on loopback is not behind the group of the socket.
	s.want("eve", []string{"ncpeer", get})
	for who, header := range map[string]string{
		"another name":         "[ann;HOST/PORT;tcp;" + uid("bob") + ";" + uid("bob") + ";;/home/bob;;]",
		"another uid and name": "[ann;HOST/PORT;tcp;" + uid("ann") + ";" + uid("ann") + ";;/home/ann;;]",
		"root":                 "[root;HOST/PORT;tcp;0;0;;/root;;]",
		"a group of others":    "[bob;HOST/PORT;tcp;" + uid("bob") + ";" + uid("bob") + ";;/home/bob;nso-admin;]",
		"no header":            "<hello/>",
		"no user":              "[;HOST/PORT;tcp;0;0;;;;]",
	} {
		out, err := s.as("bob", "ncpeer", "-header", header, get)
		if err == nil {
			s.t.Errorf("a header that claims %s was believed: %s", who, out)
		}
	}
	s.refused("root", []string{"ncpeer", get})
	s.Write("/etc/nso/nso.toml", conf+"[netconf.tcp]\nallow-root = true\n", 0o644)
	s.want("ann", []string{"nso", "reload"})
	s.want("root", []string{"ncpeer", get}, "<hostname>")
	s.Write("/etc/nso/nso.toml", conf, 0o644)
	s.want("ann", []string{"nso", "reload"})
	s.refused("root", []string{"ncpeer", get})
}
