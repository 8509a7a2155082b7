// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
)

// problem is a value that cannot be used.
type problem struct {
	key   []string
	index int // of the table in an array of tables, from 1
	text  string
}

// Check looks at the values together, as Parse does: for a Config that was changed.
func (c *Config) Check() error {
	var errs []error
	for _, p := range c.problems() {
		errs = append(errs, errors.New(p.text))
	}
	return errors.Join(errs...)
}

type checker struct{ found []problem }

func (k *checker) say(key string, format string, args ...any) {
	k.found = append(k.found, problem{key: strings.Split(key, "."), text: "cannot use " + key + ": " + fmt.Sprintf(format, args...)})
}

func (k *checker) absolute(key, path string) {
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		k.say(key, "%q is not an absolute path", path)
	}
}

// maxSocketPath is what sun_path holds (unix(7)), without its NUL.
const maxSocketPath = 107

func (c *Config) problems() []problem {
	k := new(checker)
	for _, dir := range c.YANG.Path {
		k.absolute("yang.path", dir)
	}
	k.absolute("state.dir", c.State.Dir)
	k.absolute("ipc.path", c.IPC.Path)
	if len(c.IPC.Path) > maxSocketPath {
		k.say("ipc.path", "it has %d bytes, the path of a socket at most %d", len(c.IPC.Path), maxSocketPath)
	}
	switch {
	case c.IPC.Mode&0o007 != 0:
		k.say("ipc.mode", "%v lets everybody connect; put users into the group %q and write \"0660\"", c.IPC.Mode, c.IPC.Group)
	case c.IPC.Mode&0o600 != 0o600:
		k.say("ipc.mode", "%v keeps the owner out; write \"0660\" or \"0600\"", c.IPC.Mode)
	}
	if c.IPC.Group != "" && !isName(c.IPC.Group) {
		k.say("ipc.group", "%q is no group's name", c.IPC.Group)
	}
	c.checkDoors(k)
	if v := c.NETCONF.Candidate; v != CandidateShared && v != CandidatePrivate {
		k.say("netconf.candidate", "%q is neither \"shared\" nor \"private\"", string(v))
	}
	if t := c.NETCONF.TCP.Trust; t != TrustKernel && t != TrustClaimed {
		k.say("netconf.tcp.trust", "%q is neither \"kernel\" nor \"claimed\"", string(t))
	}
	c.checkLogin(k)
	for _, name := range c.Access.Admins {
		if !isName(name) {
			k.say("access.admins", "%q is no user's name", name)
		}
	}
	for i, g := range c.Access.Grants {
		n := len(k.found)
		if !isName(g.User) {
			k.say("access.grant.user", "%q is no user's name", g.User)
		}
		if len(g.As) == 0 {
			k.say("access.grant.as", "it names nobody")
		}
		for _, name := range g.As {
			if name != "*" && !isName(name) {
				k.say("access.grant.as", "%q is no user's name and not \"*\"", name)
			}
		}
		for j := range k.found[n:] {
			k.found[n+j].index = i + 1
		}
	}
	c.checkLimits(k)
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		k.say("log.level", "%q is none of \"debug\", \"info\", \"warn\" and \"error\"", string(c.Log.Level))
	}
	return k.found
}

// maxBanner is what clients are known to show whole.
const maxBanner = 4 << 10

func (c *Config) checkLogin(k *checker) {
	once := func(key string, words, among []string) {
		for i, w := range words {
			switch {
			case !slices.Contains(among, w):
				k.say(key, "%q is none of %s", w, strings.Join(among, ", "))
			case slices.Contains(words[:i], w):
				k.say(key, "%s is there twice", w)
			}
		}
	}
	once("login.methods", c.Login.Methods, []string{"local", "pam", "external"})
	if len(c.Login.SSH) == 0 {
		k.say("login.ssh", "it has no way in; to let nobody in, disable the doors")
	}
	for i, way := range c.Login.SSH {
		once("login.ssh", strings.Split(way, ","), []string{"publickey", "keyboard-interactive", "password"})
		if slices.Contains(c.Login.SSH[:i], way) {
			k.say("login.ssh", "%s is there twice", way)
		}
	}
	if f := c.Login.External; f != FormatJSON && f != FormatClassic {
		k.say("login.external", "%q is neither \"json\" nor \"classic\"", string(f))
	}
	if b := c.Login.Banner; len(b) > maxBanner || strings.ContainsFunc(b, func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsControl(r) && r != '\n' && r != '\t'
	}) {
		k.say("login.banner", "it has control characters, or more than %d bytes", maxBanner)
	}
}

func (c *Config) checkDoors(k *checker) {
	taken := make(map[netip.AddrPort]string)
	for _, d := range c.Listen.Doors() {
		key := "listen." + d.Name + ".address"
		if d.Enabled && len(d.Address) == 0 {
			k.say(key, "the door is enabled and has no address")
		}
		if len(d.Address) > 16 {
			k.say(key, "a door has at most 16 addresses")
		}
		for _, a := range d.Address {
			switch {
			case !a.IsValid() || a.Port() == 0:
				k.say(key, "%v has no port", a)
			case (d.Name == "netconf-tcp" || d.Name == "ipc-tcp") && !a.Addr().IsLoopback():
				k.say(key, "%v is not on the loopback interface, and this door is in clear; write 127.0.0.1:%d", a, a.Port())
			case d.Enabled && taken[a] != "":
				k.say(key, "%v is the address of %s", a, taken[a])
			case d.Enabled:
				taken[a] = d.Name
			}
		}
	}
}

func (c *Config) checkLimits(k *checker) {
	l := c.Limits
	for _, n := range []struct {
		key        string
		value      int
		least, max int
	}{
		{"limits.sessions", l.Sessions, 1, 1 << 20}, {"limits.sessions-per-user", l.SessionsPerUser, 1, 1 << 20},
		{"limits.sessions-reserved", l.SessionsReserved, 0, 1 << 20}, {"limits.connections", l.Connections, 1, 1 << 20},
	} {
		if n.value < n.least || n.value > n.max {
			k.say(n.key, "%d is not between %d and %d", n.value, n.least, n.max)
		}
	}
	if l.SessionsReserved >= l.Sessions {
		k.say("limits.sessions", "%d leaves none beside the %d that limits.sessions-reserved keeps for administrators", l.Sessions, l.SessionsReserved)
	}
	if l.MessageSize < 64<<10 || l.MessageSize > 4<<30 {
		k.say("limits.message-size", "%v is not between 64 KiB and 4 GiB", l.MessageSize)
	}
	if t := time.Duration(l.HelloTimeout); t < time.Second || t > time.Hour {
		k.say("limits.hello-timeout", "%v is not between 1s and 1h", l.HelloTimeout)
	}
	for _, d := range []struct {
		key   string
		value Duration
	}{{"limits.idle-timeout", l.IdleTimeout}, {"limits.transaction-timeout", l.TransactionTimeout}} {
		if t := time.Duration(d.value); t != 0 && t < time.Second {
			k.say(d.key, "%v is less than 1s; 0s is for ever", d.value)
		}
	}
}

// isName reports whether text can name a user or a group: what passwd(5) can hold
// and a log line or a header can show.
func isName(text string) bool {
	if text == "" || len(text) > 256 || text == "*" {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r == ':' || r == ';' || r == ',' || r == '/' || r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}
