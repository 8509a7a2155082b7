// SPDX-License-Identifier: Apache-2.0

package units

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"nso.example/nso/config"
)

// expressible says what of a valid configuration cannot be put into units.
func expressible(c *config.Config) error {
	var errs []error
	say := func(key string, format string, args ...any) {
		errs = append(errs, errors.New("cannot use "+key+" under systemd: "+fmt.Sprintf(format, args...)))
	}
	for _, p := range []struct {
		key, path string
		forbidden []string
		why       string
	}{
		{"ipc.path", c.IPC.Path, open(), "everybody can write there, or the daemon cannot look there"},
		{"state.dir", c.State.Dir, append(open(), "/run", "/etc", "/usr", "/boot", "/efi", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
			"it is no place for a database"},
	} {
		switch bad := within(p.path, p.forbidden); {
		case !plain(p.path):
			say(p.key, "%q has other characters than letters, digits and \"/._-+:@\", or is not in its shortest form", p.path)
		case strings.Count(p.path, "/") < 2:
			say(p.key, "%q is in the root folder", p.path)
		case bad != "":
			say(p.key, "%q is below %s: %s", p.path, bad, p.why)
		}
	}
	if strings.ContainsFunc(c.IPC.Group, func(r rune) bool { return !letter(r) && !strings.ContainsRune("._-@", r) }) ||
		strings.HasPrefix(c.IPC.Group, "-") {
		say("ipc.group", "%q has other characters than letters, digits and \"._-@\"", c.IPC.Group)
	}
	// nso-listen hands a door over on the local socket, as the user nso.
	if name := firstDoor(c); name != "" {
		switch {
		case c.IPC.Mode&0o060 != 0o060:
			say("ipc.mode", "%v keeps out who hands the door %s to the daemon; write \"0660\"", c.IPC.Mode, name)
		case c.IPC.Group == "" || c.IPC.Group == "root" || c.IPC.Group == "0":
			say("ipc.group", "who hands the door %s to the daemon is to be in it, and not in the group of root; name another", name)
		}
	}
	return errors.Join(errs...)
}

func firstDoor(c *config.Config) string {
	for _, d := range c.Listen.Doors() {
		if d.Enabled {
			return d.Name
		}
	}
	return ""
}

// open are the folders that all write to, and those that the sandbox of nso.service
// hides or replaces.
func open() []string {
	return []string{"/tmp", "/var/tmp", "/dev", "/proc", "/sys", "/home", "/root", "/run/user", "/run/lock", "/run/systemd", "/run/credentials"}
}

func letter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
}

// plain reports whether a path needs no quoting in any directive.
func plain(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p &&
		!strings.ContainsFunc(p, func(r rune) bool { return !letter(r) && !strings.ContainsRune("/.-+:@", r) })
}

// below reports whether p is dir or in it.
func below(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func within(p string, dirs []string) string {
	for _, dir := range dirs {
		if below(p, dir) {
			return dir
		}
	}
	return ""
}

// hidden returns what of /run must be shown to a service so that it sees the socket
// at p: its folder, or itself if it is in /run; false if it sees it anyway.
func hidden(p string) (string, bool) {
	dir := path.Dir(p)
	switch {
	case dir == "/run":
		return p, true
	case !below(p, "/run"), below(p, "/run/nso"):
		return "", false
	}
	return dir, true
}
