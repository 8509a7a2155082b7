// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/journald/event"
)

// TestJournal asks the journal of a booted system for what the daemon did.
func TestJournal(t *testing.T) {
	t.Parallel()
	s := install(t, "bookworm")
	for _, step := range []struct {
		name string
		f    func(*system)
	}{
		{"start", (*system).journalStart},
		{"logins and commits", (*system).journalCommits},
		{"refusals", (*system).journalRefusals},
		{"steering", (*system).journalSteering},
		{"log level", (*system).journalLevel},
		{"catalogue", (*system).journalCatalogue},
		{"hostile values and large records", (*system).journalHostile},
		{"a stopped journald", (*system).journalStopped},
		{"a failed start", (*system).journalFailed},
	} {
		t.Run(step.name, func(t *testing.T) { step.f(&system{s.Box, t}) })
	}
}

// entry is a record of the journal: fields that are there several times have
// several values.
type entry map[string][]string

func (e entry) get(name string) string { return strings.Join(e[name], "|") }

// entries asks the journal, after a cursor. (With a match, journalctl takes
// --after-cursor to skip the first entry that matches.)
func (s *system) entries(after string, matches ...string) (all []entry) {
	s.t.Helper()
	s.Run("journalctl", "--sync")
	out := s.Run("journalctl", append([]string{"-b", "-o", "json", "--all", "--no-pager", "--cursor=" + after}, matches...)...)
	d := json.NewDecoder(strings.NewReader(out))
	for d.More() {
		var raw map[string]json.RawMessage
		if err := d.Decode(&raw); err != nil {
			s.t.Fatalf("%v in %s", err, out)
		}
		e := entry{}
		for name, v := range raw {
			e[name] = values(v)
		}
		if e.get("__CURSOR") != after {
			all = append(all, e)
		}
	}
	return all
}

// values are those of a field in journalctl's JSON: a text, the bytes of what is
// no text, or a list of these.
func values(raw json.RawMessage) []string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []string{text}
	}
	var octets []byte
	var numbers []int
	if json.Unmarshal(raw, &numbers) == nil {
		for _, n := range numbers {
			octets = append(octets, byte(n))
		}
		return []string{string(octets)}
	}
	var list []json.RawMessage
	var all []string
	if json.Unmarshal(raw, &list) == nil {
		for _, v := range list {
			all = append(all, values(v)...)
		}
	}
	return all
}

// one is the only record that matches; it must have the fields.
func (s *system) one(after string, e event.Name, want map[string]string, matches ...string) entry {
	s.t.Helper()
	var id string
	for _, c := range event.All() {
		if c.Name == e {
			id = c.ID
		}
	}
	all := s.entries(after, append([]string{"MESSAGE_ID=" + id, "_SYSTEMD_UNIT=nso.service"}, matches...)...)
	if len(all) != 1 {
		s.t.Errorf("%s: %d records match %q: %q; the daemon says\n%q", e, len(all), matches, all, s.entries(after, "SYSLOG_IDENTIFIER=nsod"))
		return entry{}
	}
	got := all[0]
	want["NSO_EVENT"], want["SYSLOG_IDENTIFIER"], want["_TRANSPORT"] = string(e), "nsod", "journal"
	for name, v := range want {
		if got.get(name) != v {
			s.t.Errorf("%s: %s is %q, want %q", e, name, got.get(name), v)
		}
	}
	return got
}

func (s *system) uid(user string) string { return strings.TrimSpace(s.Run("id", "-u", user)) }

func (s *system) journalStart() {
	since := s.mark()
	s.want("ann", []string{"nso", "whoami"})
	s.one(since, event.Ready, map[string]string{"PRIORITY": "6"})
}

func (s *system) journalCommits() {
	since := s.mark()
	s.set("told-in-the-journal")
	rev := s.status().Revision
	login := s.one(since, event.Login, map[string]string{"NSO_AUDIT": "1", "PRIORITY": "5", "NSO_UID": s.uid("ann"), "NSO_LOGIN_UID": "unset",
		"NSO_DOOR": "netconf-tcp"}, "NSO_USER=ann", "NSO_DOOR=netconf-tcp")
	if source := login.get("NSO_SOURCE"); !strings.HasPrefix(source, "127.0.0.1:") {
		s.t.Errorf("the login is from %q", source)
	}
	const path = "/ietf-system:system"
	commit := s.one(since, event.Commit, map[string]string{"NSO_AUDIT": "1", "NSO_USER": "ann", "NSO_UID": s.uid("ann"), "NSO_DOOR": "netconf-tcp",
		"NSO_SOURCE": login.get("NSO_SOURCE"), "NSO_SESSION": login.get("NSO_SESSION"), "NSO_TXID": fmt.Sprint(rev), "NSO_TXID_BEFORE": fmt.Sprint(rev - 1),
		"NSO_CHANGE": "created " + path}, "NSO_PATH="+path)
	for name, v := range commit {
		if strings.Contains(strings.Join(v, " "), "told-in-the-journal") {
			s.t.Errorf("%s tells the value: %q", name, v)
		}
	}
	if m := commit.get("MESSAGE"); !strings.HasPrefix(m, "commit user=ann ") || !strings.Contains(m, `change="created `+path+`"`) {
		s.t.Errorf("the message is %s", m)
	}
	s.until("the end of the session", func() bool {
		return len(s.entries(since, "NSO_EVENT=session-ended", "NSO_SESSION="+login.get("NSO_SESSION"))) == 1
	})
	// On the local socket the process is known, and who logged in.
	since = s.mark()
	s.want("ann", []string{"sh", "-c", "cat /proc/self/loginuid; nso cli -c 'configure' -c 'set system location here' -c 'commit'"})
	s.one(since, event.Commit, map[string]string{"NSO_USER": "ann", "NSO_LOGIN_UID": "unset", "NSO_CHANGE": "created " + path + "/location"}, "NSO_PATH="+path+"/location")
}

func (s *system) journalRefusals() {
	since := s.mark()
	s.want("bob", []string{"ncpeer", edit("bobs")}, "access-denied")
	s.one(since, event.Denied, map[string]string{"NSO_AUDIT": "1", "PRIORITY": "4", "NSO_UID": s.uid("bob")}, "NSO_USER=bob", "NSO_OP=ietf-netconf:edit-config")
	s.refused("bob", []string{"nso", "status"})
	s.one(since, event.Denied, map[string]string{"NSO_DOOR": "ipc"}, "NSO_USER=bob", "NSO_OP=org.nso.Control.Status")
	gid := strings.Split(s.Run("getent", "group", "nso-users"), ":")[2]
	if out, err := s.Try("setpriv", "--reuid", "4242", "--regid", gid, "--clear-groups", "--", "nso", "whoami"); err == nil {
		s.t.Errorf("nobody's uid is let in: %s", out)
	}
	e := s.one(since, event.Refused, map[string]string{"NSO_AUDIT": "1"}, "NSO_DOOR=ipc")
	if !strings.Contains(e.get("NSO_REASON"), "4242") {
		s.t.Errorf("the reason is %q", e.get("NSO_REASON"))
	}
	if out, err := s.as("eve", "ncpeer", "-header", "[a\nMESSAGE=evil;HOST/PORT;tcp;1;1;;;;]", get); err == nil {
		s.t.Errorf("the header is believed: %s", out)
	}
	s.one(since, event.Refused, map[string]string{"NSO_USER": "eve"}, "NSO_DOOR=netconf-tcp")
	if all := s.entries(since, "MESSAGE=evil"); len(all) != 0 {
		s.t.Errorf("a header made a record: %q", all)
	}
}

// control makes a call of org.nso.Control as ann, without the tool.
func (s *system) control(method string) string {
	s.t.Helper()
	return s.want("ann", []string{"python3", "-c", `import socket,sys
c=socket.socket(socket.AF_UNIX); c.connect("/run/nso/ipc")
c.sendall(b'{"method":"org.nso.Control.` + method + `","parameters":{}}\0')
print(c.recv(65536).decode())`})
}

func (s *system) journalSteering() {
	since := s.mark()
	s.Write("/etc/nso/nso.toml", conf+"[log]\nlevel = \"debug\"\n", 0o644)
	s.control("Reload")
	s.one(since, event.Reload, map[string]string{"NSO_AUDIT": "1", "NSO_USER": "ann", "NSO_DOOR": "ipc", "NSO_CHANGED": "log.level"})
	since = s.mark()
	s.Write("/etc/nso/nso.toml", conf, 0o644)
	s.Run("systemctl", "kill", "-s", "HUP", "nso.service")
	s.until("the reload", func() bool {
		return len(s.entries(since, "NSO_EVENT=reload", "NSO_DOOR=SIGHUP", "NSO_CHANGED=log.level")) == 1
	})
	s.Write("/etc/nso/nso.toml", "[nonsense]\n", 0o644)
	if out := s.control("Reload"); !strings.Contains(out, "Failed") {
		s.t.Errorf("a broken file is read: %s", out)
	}
	s.one(since, event.ReloadFailed, map[string]string{"PRIORITY": "3", "NSO_USER": "ann"})
	s.Write("/etc/nso/nso.toml", conf, 0o644)
	wait := s.background("bob", "ncpeer", "-hold", get)
	var login []entry
	s.until("the session", func() bool {
		login = s.entries(since, "NSO_EVENT=login", "NSO_USER=bob")
		return len(login) == 1
	})
	s.want("ann", []string{"nso", "kick", login[0].get("NSO_SESSION"), "go", "home"})
	wait()
	s.one(since, event.Kicked, map[string]string{"NSO_USER": "ann"}, "NSO_TARGET="+login[0].get("NSO_SESSION"))
	s.one(since, event.SessionEnded, map[string]string{"NSO_USER": "bob"}, "NSO_SESSION="+login[0].get("NSO_SESSION"))
	s.want("ann", []string{"nso", "stop"})
	s.until("the end", func() bool { return s.active("nso.service") == "inactive" })
	s.one(since, event.StopAsked, map[string]string{"NSO_USER": "ann", "NSO_AUDIT": "1"})
	s.one(since, event.Stopping, map[string]string{})
	s.want("ann", []string{"nso", "whoami"})
}

func (s *system) journalLevel() {
	s.want("ann", []string{"nso", "log-level"}, "info")
	s.refused("bob", []string{"nso", "log-level", "debug"}, "only its administrators")
	since := s.mark()
	s.want("ann", []string{"nso", "log-level", "error"}, "error")
	s.one(since, event.LogLevel, map[string]string{"NSO_USER": "ann", "NSO_LEVEL": "error", "NSO_BEFORE_LEVEL": "info"})
	s.set("quiet")
	s.one(since, event.Commit, map[string]string{}, "NSO_USER=ann") // the audit goes on
	if all := s.entries(since, "NSO_EVENT=session-ended"); len(all) != 0 {
		s.t.Errorf("at the level error this is logged: %q", all)
	}
	s.want("ann", []string{"nso", "log-level", "debug"}, "debug")
	s.want("ann", []string{"nso", "whoami"})
	if all := s.entries(since, "_SYSTEMD_UNIT=nso.service", "PRIORITY=7"); len(all) == 0 {
		s.t.Error("at the level debug nothing more is logged")
	}
	since = s.mark()
	s.Run("systemctl", "restart", "nso.service")
	s.one(since, event.DatabaseOpened, map[string]string{"PRIORITY": "6"})
	s.want("ann", []string{"nso", "log-level"}, "info")
}

// journalCatalogue is systemd's own reading of packaging/nso.catalog.
func (s *system) journalCatalogue() {
	s.Copy("../../packaging/nso.catalog", "/usr/lib/systemd/catalog/nso.catalog", 0o644)
	if out := s.Run("journalctl", "--update-catalog"); out != "" {
		s.t.Errorf("the catalogue is read with complaints: %s", out)
	}
	list := s.Run("journalctl", "--list-catalog")
	for _, e := range event.All() {
		s.holds(list, e.ID+" nso: "+e.Subject)
	}
	said := s.Run("journalctl", "-b", "-x", "--no-pager", "NSO_EVENT=commit", "NSO_PATH=/ietf-system:system/location")
	s.holds(said, "Subject: The configuration was changed", "ann has committed revision", "Defined-By: nso", "Documentation: man:nsod(8)")
}

// journalHostile has a program of the room itself write what nobody should.
func (s *system) journalHostile() {
	program := filepath.Join(s.t.TempDir(), "journald.test")
	cmd := exec.Command("go", "test", "-c", "-o", program, "nso.example/nso/journald")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	s.Copy(program, "/usr/bin/journald.test", 0o755)
	since := s.mark()
	s.Run("systemd-run", "--wait", "--quiet", "--uid=nso", "--setenv=NSO_TEST_JOURNAL=1", "/usr/bin/journald.test", "-test.run=TestRealJournal")
	all := s.entries(since, "SYSLOG_IDENTIFIER=nsod", "NSO_EVENT=login")
	if len(all) != 1 || all[0].get("NSO_USER") != "a\nMESSAGE=evil\nPRIORITY=0" || all[0].get("PRIORITY") != "6" || !strings.HasPrefix(all[0].get("MESSAGE"), `login user="a\n`) {
		s.t.Errorf("the hostile record is %q", all)
	}
	if all := s.entries(since, "MESSAGE=evil"); len(all) != 0 {
		s.t.Errorf("a value made a record: %q", all)
	}
	all = s.entries(since, "SYSLOG_IDENTIFIER=nsod", "NSO_OP=large")
	if len(all) != 1 || len(all[0].get("NSO_K1")) < 1<<16 || len(all[0].get("NSO_K5")) < 1<<16 {
		s.t.Errorf("%d large records came", len(all))
	}
}

// journalStopped: a journald that does nothing keeps nobody waiting, and what was
// said meanwhile comes when it goes on.
func (s *system) journalStopped() {
	since := s.mark()
	var edits bytes.Buffer
	fmt.Fprint(&edits, "ncpeer")
	for i := range 50 {
		fmt.Fprintf(&edits, " '%s'", edit(fmt.Sprint("h", i)))
	}
	pid := strings.TrimSpace(s.Run("systemctl", "show", "--value", "-p", "MainPID", "systemd-journald.service"))
	s.Run("kill", "-STOP", pid)
	defer s.Run("kill", "-CONT", pid)
	for range 20 {
		if out := s.want("ann", []string{"sh", "-c", edits.String()}); strings.Count(out, "<ok/>") != 50 {
			s.t.Errorf("without a journal this is answered: %s", out)
		}
	}
	s.Run("kill", "-CONT", pid)
	s.until("the records", func() bool { return len(s.entries(since, "NSO_EVENT=commit")) == 1000 })
	if all := s.entries(since, "NSO_EVENT=records-lost"); len(all) != 0 {
		s.t.Errorf("%q", all)
	}
	if len(s.entries(since, "NSO_EVENT=commit", "_SYSTEMD_UNIT=nso.service")) != 1000 {
		s.t.Error("records are not the unit's")
	}
}

func (s *system) journalFailed() {
	s.Run("systemctl", "stop", "nso.service")
	s.Write("/etc/nso/nso.toml", "[nonsense]\n", 0o644)
	since := s.mark()
	if _, err := s.Try("systemctl", "start", "nso.service"); err == nil {
		s.t.Error("it starts with a broken file")
	}
	e := s.one(since, event.StartFailed, map[string]string{"PRIORITY": "3"})
	if !strings.HasPrefix(e.get("MESSAGE"), "nsod: ") {
		s.t.Errorf("the message is %q", e.get("MESSAGE"))
	}
	s.Write("/etc/nso/nso.toml", conf, 0o644)
	s.want("ann", []string{"nso", "whoami"})
}
