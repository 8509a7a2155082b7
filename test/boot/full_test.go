// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"fmt"
	"strings"
)

const netconfHello = `<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>`

// netconf sends operations in one session of root's and returns what comes back.
func (s *system) netconf(ops ...string) string {
	s.t.Helper()
	var b strings.Builder
	b.WriteString(netconfHello)
	for i, op := range append(ops, "<close-session/>") {
		fmt.Fprintf(&b, `<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="%d">%s</rpc>]]>]]>`, i+1, op)
	}
	s.Write("/var/cache/session.xml", b.String(), 0o644)
	return s.Run("sh", "-c", "nso netconf </var/cache/session.xml")
}

func location(text string) string {
	return `<edit-config><target><running/></target><config><system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"><location>` +
		text + `</location></system></config></edit-config>`
}

// fullDisk fills the file system of the database: what was said yes to is there
// afterwards, the rest was refused with the reason, and the daemon lives on.
func (s *system) fullDisk() {
	s.Run("systemctl", "stop", "nso.service")
	s.Run("mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", "/var/lib/nso")
	s.Run("chown", "nso:nso", "/var/lib/nso")
	defer func() {
		s.Run("systemctl", "stop", "nso.service")
		s.Run("umount", "/var/lib/nso")
	}()
	filler := strings.Repeat("x", 500<<10)
	edits := make([]string, 120)
	for i := range edits {
		edits[i] = location(fmt.Sprintf("number-%d-%s", i, filler))
	}
	out := s.netconf(edits...)
	ok := strings.Count(out, "<ok/>") - 1 // and that of close-session
	if ok < 5 || ok > len(edits)-5 {
		s.t.Fatalf("of %d edits of 500 KiB on 48 MiB, %d were accepted", len(edits), ok)
	}
	s.holds(out, "<error-tag>resource-denied</error-tag>", "the disk of the database is full")
	pid := s.main()
	s.refused("root", []string{"nso", "doctor"}, "disk", "make room")
	last := func() string {
		got := s.netconf(`<get-config><source><running/></source></get-config>`)
		_, rest, _ := strings.Cut(got, "<location>number-")
		n, _, _ := strings.Cut(rest, "-")
		return n
	}
	before := last()
	if before != fmt.Sprint(ok-1) {
		s.t.Errorf("%d edits were accepted, and running has number %s", ok, before)
	}
	s.Run("mount", "-o", "remount,size=400m", "/var/lib/nso")
	s.holds(s.netconf(location("number-1000-")), "<ok/>")
	if now := s.main(); now != pid {
		s.t.Errorf("the daemon was %s and is %s", pid, now)
	}
	s.Run("systemctl", "kill", "-s", "KILL", "nso.service")
	s.until("another daemon", func() bool { now := s.main(); return now != "0" && now != pid })
	if now := last(); now != "1000" {
		s.t.Errorf("after room was made and the daemon killed, running has number %q", now)
	}
}
