// SPDX-License-Identifier: Apache-2.0

// Package boot starts the built daemon on booted systems, under the hardening
// that its units have, and looks at it as its users do.
package boot

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/bed"
	"nso.example/nso/test/instance"
)

// The units are those of docs/privilege.md, less what later packages add.
const (
	ipcSocket = `[Socket]
ListenStream=/run/nso/ipc
SocketUser=root
SocketGroup=nso-users
SocketMode=0660
FileDescriptorName=ipc
Service=nso.service
TriggerLimitIntervalSec=0
`
	tcpSocket = `[Socket]
ListenStream=127.0.0.1:2023
FileDescriptorName=netconf-tcp
Service=nso.service
TriggerLimitIntervalSec=0
`
	diagSocket = `[Socket]
ListenNetlink=inet-diag 0
FileDescriptorName=inet-diag
Service=nso.service
`
	service = `[Unit]
Requires=nso.socket nso-tcp.socket nso-diag.socket
After=nso.socket nso-tcp.socket nso-diag.socket
StartLimitIntervalSec=0
[Service]
Type=notify
User=nso
ExecStart=/usr/bin/nsod --config /etc/nso/nso.toml
Sockets=nso.socket nso-tcp.socket nso-diag.socket
StateDirectory=nso
StateDirectoryMode=0700
WatchdogSec=5
TimeoutStopSec=15
TimeoutAbortSec=2
LimitCORE=0
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
PrivateNetwork=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProcSubset=pid
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
`
	conf = `[access]
admins = ["root", "ann"]
[listen.netconf-tcp]
enabled = true
`
)

// system is a booted system with the daemon's sockets listening.
type system struct {
	*bed.Box
	t *testing.T
}

// install boots a release and puts in it what the package would, with users:
// ann, an administrator; bob, who can connect; eve, who cannot.
func install(t *testing.T, suite string) *system {
	t.Helper()
	s := &system{bed.Boot(t, suite), t}
	for _, name := range []string{"nsod", "nso"} {
		path, err := instance.Bin(name)
		if err != nil {
			t.Fatal(err)
		}
		s.Copy(path, "/usr/bin/"+name, 0o755)
	}
	s.Copy(ncpeer(t), "/usr/bin/ncpeer", 0o755)
	s.Run("groupadd", "--system", "nso-users")
	s.Run("useradd", "--system", "--user-group", "-G", "nso-users", "--home-dir", "/var/lib/nso", "--no-create-home", "--shell", "/usr/sbin/nologin", "nso")
	for _, user := range []string{"ann", "bob", "eve"} {
		s.Run("useradd", "--create-home", "--user-group", user)
	}
	s.Run("usermod", "-aG", "nso-users", "ann")
	s.Run("usermod", "-aG", "nso-users", "bob")
	s.Write("/etc/nso/nso.toml", conf, 0o644)
	s.Write("/etc/systemd/system/nso.socket", ipcSocket, 0o644)
	s.Write("/etc/systemd/system/nso-tcp.socket", tcpSocket, 0o644)
	s.Write("/etc/systemd/system/nso-diag.socket", diagSocket, 0o644)
	s.Write("/etc/systemd/system/nso.service", service, 0o644)
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "start", "nso.socket", "nso-tcp.socket", "nso-diag.socket")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "cat", "-u", "nso.service", "-n", "60", "--no-pager")
			t.Logf("the daemon's journal:\n%s", log)
		}
	})
	return s
}

// ncpeer builds the NETCONF client that runs inside.
func ncpeer(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "ncpeer")
	cmd := exec.Command("go", "build", "-o", out, "nso.example/nso/test/ncpeer")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// as runs a command as a user and returns what it prints, refused or not.
func (s *system) as(user, name string, args ...string) (string, error) {
	return s.Try("setpriv", append([]string{"--reuid", user, "--regid", user, "--init-groups", "--", name}, args...)...)
}

// want runs a command as a user; it must succeed and print all of parts.
func (s *system) want(user string, command []string, parts ...string) string {
	s.t.Helper()
	out, err := s.as(user, command[0], command[1:]...)
	if err != nil {
		s.t.Errorf("%s: %q: %v\n%s", user, command, err, out)
	}
	s.holds(out, parts...)
	return out
}

// refused runs a command as a user; it must fail and print all of parts.
func (s *system) refused(user string, command []string, parts ...string) {
	s.t.Helper()
	out, err := s.as(user, command[0], command[1:]...)
	if err == nil {
		s.t.Errorf("%s: %q was not refused:\n%s", user, command, out)
	}
	s.holds(out, parts...)
}

func (s *system) holds(out string, parts ...string) {
	s.t.Helper()
	for _, p := range parts {
		if !strings.Contains(out, p) {
			s.t.Errorf("there is no %q in:\n%s", p, out)
		}
	}
}

func (s *system) active(unit string) string {
	out, _ := s.Try("systemctl", "is-active", unit)
	return strings.TrimSpace(out)
}

// main is the daemon's pid, "0" if there is none.
func (s *system) main() string {
	return strings.TrimSpace(s.Run("systemctl", "show", "--value", "-p", "MainPID", "nso.service"))
}

// until waits until f is true.
func (s *system) until(what string, f func() bool) {
	s.t.Helper()
	for end := time.Now().Add(60 * time.Second); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: it does not come to that", what)
		}
	}
}

// open starts nso.socket and waits for its doors: they open after it, and the job
// that starts it does not wait for them.
func (s *system) open() {
	s.t.Helper()
	s.Run("systemctl", "start", "nso.socket")
	doors, _ := s.Try("ls", "/run/systemd/generator/nso.socket.wants") // none, no folder
	for _, door := range strings.Fields(doors) {
		if strings.HasPrefix(door, "nso-listen@") {
			s.until(door, func() bool { return s.active(door) == "active" })
		}
	}
}

// journal is what the daemon's unit has said since the last call of mark.
func (s *system) journal(since string) string {
	out, _ := s.Try("journalctl", "-b", "-o", "cat", "--no-pager", "-u", "nso.service", "--after-cursor="+since)
	return out
}

func (s *system) mark() string {
	out := s.Run("journalctl", "-b", "--no-pager", "-n", "1", "--show-cursor", "-o", "cat")
	_, cursor, _ := strings.Cut(out, "-- cursor: ")
	return strings.TrimSpace(cursor)
}

// status is `nso status --json` as an administrator.
func (s *system) status() (st struct {
	PID, UID, Sessions, Revision, Panics int
	Modules                              []struct{ Name string }
	Doors                                []struct{ Name, Address string }
}) {
	s.t.Helper()
	out := s.As("ann", "nso", "status", "--json")
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		s.t.Fatalf("%v in %s", err, out)
	}
	return st
}

// set commits one leaf over NETCONF as ann.
func (s *system) set(hostname string) {
	s.t.Helper()
	s.want("ann", []string{"ncpeer", edit(hostname)}, "<ok/>")
}

func edit(hostname string) string {
	return fmt.Sprintf(`<edit-config><target><running/></target><config><system xmlns="urn:ietf:params:xml:ns:yang:ietf-system">`+
		`<hostname>%s</hostname></system></config></edit-config>`, hostname)
}

const get = `<get-config><source><running/></source><filter type="subtree"><system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"/></filter></get-config>`

// background starts a command inside as a user; what it prints ends up in the
// returned function, which waits for its end.
func (s *system) background(user string, command ...string) (wait func() string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	s.t.Cleanup(cancel)
	cmd := s.Command(ctx, "setpriv", append([]string{"--reuid", user, "--regid", user, "--init-groups", "--"}, command...)...)
	done := make(chan string, 1)
	go func() {
		out, err := cmd.CombinedOutput()
		done <- fmt.Sprintf("%s%v", out, err)
	}()
	return func() string { return <-done }
}
