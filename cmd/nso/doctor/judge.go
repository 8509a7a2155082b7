// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"nso.example/nso/config"
)

// State is how a thing is.
type State string

// The states. Bad makes the machine unhealthy; Warn does not.
const (
	On     State = "on"
	Off    State = "off"
	Warn   State = "warn"
	Bad    State = "bad"
	Unseen State = "unseen" // the caller may not look
)

// Finding is one line of the screen.
type Finding struct {
	Area   string `json:"area"`
	State  State  `json:"state"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// Report is what was found, in the order of the screen.
type Report struct {
	Healthy  bool      `json:"healthy"`
	Findings []Finding `json:"findings"`
}

// oldest is the first systemd that the units are made for.
const oldest = 252

type judge struct {
	*Facts
	r Report
}

// Judge says what the facts mean.
func Judge(f *Facts) *Report {
	j := &judge{Facts: f, r: Report{Healthy: true}}
	j.system()
	j.config()
	j.accounts()
	j.socket()
	j.daemon()
	j.doors()
	j.helpers()
	j.disk()
	return &j.r
}

func (j *judge) add(area string, s State, remedy, format string, args ...any) {
	if s == Bad {
		j.r.Healthy = false
	}
	j.r.Findings = append(j.r.Findings, Finding{area, s, fmt.Sprintf(format, args...), remedy})
}

func (j *judge) system() {
	s := j.Systemd
	if !s.Booted {
		j.add("systemd", Bad, "without systemd, run an instance of your own with \"nso run\"", "this machine was not booted with systemd")
		return
	}
	if s.Error != nil {
		j.add("systemd", Unseen, "run it where the system bus can be reached", "systemd does not answer: %v", s.Error)
		return
	}
	digits := strings.TrimLeft(s.Version, "v")
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	if n, err := strconv.Atoi(digits); err != nil || n < oldest {
		j.add("systemd", Bad, fmt.Sprintf("use a system with systemd %d or later", oldest), "version %s, which the units are not made for", s.Version)
		return
	}
	j.add("systemd", On, "", "version %s", s.Version)
}

const etc = config.File

func (j *judge) config() {
	c := j.Config
	switch p := c.Path; {
	case p.Exists && p.OwnerID != 0:
		j.add("config", Bad, "chown root:nso "+etc, "%s belongs to %s and not to root, so it is not believed", etc, p.Owner)
	case p.Exists && p.Mode.Perm()&0o022 != 0:
		j.add("config", Bad, "chmod 0640 "+etc, "%s can be written by others than root (%04o), so it is not believed", etc, p.Mode.Perm())
	}
	switch {
	case c.Unseen:
		j.add("config", Unseen, "run it as root, or as a member of the group nso", "%s may not be read by %s", etc, j.Caller)
	case c.Error != nil:
		j.add("config", Bad, "mend it; \"nso check "+c.File+"\" says when it is well", "%v", c.Error)
	default:
		j.add("config", On, "", "%s is in force", c.File)
	}
	switch {
	case c.Edited != nil:
		j.add("config", Warn, "mend it, then \"nso reload\"; until then the last good one stays in force", "%v", c.Edited)
	case c.Differs:
		j.add("config", Warn, "\"nso reload\" shows what changes, and applies it", "%s was edited and is not in force yet", etc)
	}
	for _, dir := range sorted(j.Folders) {
		if err := j.Folders[dir]; err != nil {
			j.add("config", Bad, "make the folder, let the group nso read it, or take it out of yang.path", "%v", err)
		}
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (j *judge) accounts() {
	for _, name := range []string{"nso", "nso-users"} {
		if !j.Users[name] {
			j.add("accounts", Bad, "systemd-sysusers, or install the package again", "there is no user or group %q", name)
		}
	}
	switch {
	case j.Group == "":
	case len(j.Members) == 0:
		j.add("accounts", Warn, "usermod --append --groups "+j.Group+" USER, and log in again",
			"root can connect, and nobody else: the group %s has no members", j.Group)
	default:
		j.add("accounts", On, "", "root and the members of %s can connect: %s; what they may do is decided by the rules in the data (RFC 8341)",
			j.Group, some(j.Members, 8))
	}
}

func some(all []string, most int) string {
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

func (j *judge) socket() {
	if j.Systemd.Version == "" {
		return
	}
	u, ok := j.Units["nso.socket"]
	switch {
	case !ok:
		j.add("socket", Bad, "install the package nso", "systemd knows no nso.socket")
		return
	case u.Active == "failed":
		j.add("socket", Bad, "journalctl -u nso.socket says why; then systemctl restart nso.socket", "nso.socket has failed (%s)", u.Result)
		return
	case u.Active != "active":
		j.add("socket", Bad, "systemctl start nso.socket", "nso.socket is %s: the doors are closed", u.Active)
		return
	case u.File != "enabled":
		j.add("socket", Warn, "systemctl enable nso.socket", "nso.socket runs, but does not come with the next boot (%s)", u.File)
	}
	if u.NeedReload {
		j.add("socket", Warn, "\"nso reload\"", "the unit files of nso.socket have changed since they were read")
	}
	p, dir := j.IPC, j.Folder
	switch {
	case !p.Exists:
		j.add("socket", Bad, "systemctl restart nso.socket", "nso.socket runs, and %s is not there: somebody removed it", p.Name)
	case p.Mode&fs.ModeSocket == 0:
		j.add("socket", Bad, "remove it, then systemctl restart nso.socket", "%s is no socket", p.Name)
	case p.Mode.Perm()&0o007 != 0:
		j.add("socket", Bad, "set ipc.mode = \"0660\" in nso.toml, then \"nso reload\"", "%s lets everybody connect (%04o)", p.Name, p.Mode.Perm())
	case dir.Exists && (dir.OwnerID != 0 || dir.Mode.Perm()&0o022 != 0 && dir.Mode&fs.ModeSticky == 0):
		j.add("socket", Bad, "chown root:root "+dir.Name+" && chmod 0755 "+dir.Name, "others than root can put another socket in place of %s: its folder is %s:%s %04o",
			p.Name, dir.Owner, dir.Group, dir.Mode.Perm())
	default:
		j.add("socket", On, "", "%s, %s:%s %04o", p.Name, p.Owner, p.Group, p.Mode.Perm())
	}
}

func (j *judge) daemon() {
	if j.Systemd.Version == "" {
		return
	}
	u, ok := j.Units["nso.service"]
	logs := "journalctl -u nso.service says why"
	switch {
	case !ok:
		j.add("daemon", Bad, "install the package nso", "systemd knows no nso.service")
		return
	case u.Active == "failed" || u.Active != "active" && u.Result != "success" && u.Result != "":
		j.add("daemon", Bad, logs, "it failed %s (%s, exit status %d)", j.ago(u.Since), u.Result, u.Status)
		return
	case u.Active != "active" && u.Active != "reloading":
		j.add("daemon", Off, "", "%s; it starts with the first connection", u.Active)
		return
	}
	p := j.Process
	switch {
	case !p.Seen:
		j.add("daemon", Unseen, "run it as root", "pid %d, whose rights may not be seen", u.PID)
	case slices.Contains(p.UIDs, "0"):
		j.add("daemon", Bad, "systemctl cat nso.service shows which drop-in sets User=; remove it", "pid %d runs as root", p.PID)
	case p.Capabilities:
		j.add("daemon", Bad, "systemctl cat nso.service shows which drop-in gives capabilities; remove it", "pid %d holds a capability", p.PID)
	case !p.NoNewPrivs:
		j.add("daemon", Bad, "systemctl cat nso.service shows which drop-in sets NoNewPrivileges=; remove it", "pid %d could gain privileges", p.PID)
	default:
		j.add("daemon", On, "", "pid %d as uid %s, without capabilities, for %s", p.PID, p.UIDs[0], span(j.Now.Sub(u.Since)))
	}
	if u.Restarts > 0 {
		j.add("daemon", Warn, "journalctl -u nso.service -p warning; systemctl reset-failed nso.service forgets it",
			"it has been restarted %s after a failure, the last time %s", times(u.Restarts), j.ago(u.Since))
	}
	if u.NeedReload {
		j.add("daemon", Warn, "systemctl daemon-reload, and systemctl restart nso.service", "the unit files of nso.service have changed since they were read")
	}
	j.answer()
	j.descriptors(u, p)
}

func (j *judge) answer() {
	switch a := j.Answer; {
	case !a.Asked:
	case errors.Is(a.Error, fs.ErrPermission):
		j.add("daemon", Unseen, "usermod --append --groups "+j.Group+" "+j.Caller+", and log in again", "%s may not connect to %s", j.Caller, j.IPC.Name)
	case a.Error != nil:
		j.add("daemon", Bad, "journalctl -u nso.service; systemctl restart nso.service", "it does not answer: %v", a.Error)
	case a.Version != j.Version:
		j.add("daemon", Warn, "systemctl restart nso.service", "version %s runs, and %s is installed", a.Version, j.Version)
	default:
		rights := "with the rights that the data give"
		if a.Admin {
			rights = "an administrator"
		}
		j.add("daemon", On, "", "version %s answers; it takes you for %s, %s", a.Version, a.User, rights)
	}
}

func (j *judge) descriptors(u Unit, p Process) {
	if p.Descriptors < 0 || u.Files == 0 || !p.Seen {
		return
	}
	used := uint64(p.Descriptors)
	if used*5 > u.Files*4 {
		j.add("limits", Bad, "raise LimitNOFILE= in a drop-in of nso.service, or find who connects with \"nso sessions\"", "%d of %d descriptors are in use", used, u.Files)
		return
	}
	j.add("limits", On, "", "%d of %d descriptors are in use", used, u.Files)
}

func (j *judge) doors() {
	if j.Systemd.Version == "" {
		return
	}
	want := map[string]bool{}
	for _, d := range j.Doors {
		want["nso-listen@"+d.Name+".socket"] = true
		at := strings.Join(d.Addresses, ", ")
		u, ok := j.Units["nso-listen@"+d.Name+".socket"]
		switch {
		case len(d.Taken) > 0:
			j.add("door "+d.Name, Bad, "stop that program, or set listen."+d.Name+".address in nso.toml; then \"nso reload\"", "cannot listen: %s", strings.Join(d.Taken, "; "))
		case !ok || u.Active == "inactive":
			j.add("door "+d.Name, Bad, "systemctl start nso-listen@"+d.Name+".socket; if that says \"no such unit\", systemctl daemon-reload first", "%s is not open", at)
		case u.Active == "failed":
			j.add("door "+d.Name, Bad, "journalctl -u nso-listen@"+d.Name+".socket says why; then systemctl restart it", "%s has failed (%s)", at, u.Result)
		case u.NeedReload:
			j.add("door "+d.Name, Warn, "\"nso reload\"", "%s: its unit files have changed since they were read", at)
		default:
			j.add("door "+d.Name, On, "", "%s", at)
		}
		if s, ok := j.Units["nso-listen@"+d.Name+".service"]; ok && s.Active == "failed" {
			j.add("door "+d.Name, Bad, "journalctl -u nso-listen@"+d.Name+".service says why", "its listener cannot be handed over (%s)", s.Result)
		}
	}
	for _, name := range sorted(j.Units) {
		if strings.HasPrefix(name, "nso-listen@") && strings.HasSuffix(name, ".socket") && j.Units[name].Active == "active" && !want[name] && j.Config.Error == nil && !j.Config.Unseen {
			j.add("doors", Warn, "\"nso reload\"", "%s is open, and the configuration in force does not name it", name)
		}
	}
	if len(j.Doors) == 0 && !j.Config.Unseen && j.Config.Error == nil {
		j.add("doors", Off, "", "only %s; listen.NAME.enabled in nso.toml opens others", j.IPC.Name)
	}
}

// helper is a package beside the daemon.
type helper struct{ area, unit, file, pack, what string }

func helpers() []helper {
	return []helper{
		{"login", "nso-pam.socket", PAMService, "nso-pam", "passwords of this machine's accounts (PAM)"},
		{"names", "nso-nss.socket", "", "nso-pam", "names of directory accounts that systemd's user database does not have"},
		{"exec", "nso-exec@*.socket", "", "nso-exec", "programs run as another user"},
		{"mediator", "nso-mediate.socket", "", "nso-polkit or nso-sudo", "polkit or sudo decide who may start the helpers"},
	}
}

func (j *judge) helpers() {
	if j.Systemd.Version == "" {
		return
	}
	for _, h := range helpers() {
		names := []string{}
		failed, resting := "", ""
		for _, name := range sorted(j.Units) {
			pre, post, star := strings.Cut(h.unit, "*")
			if name == h.unit || star && strings.HasPrefix(name, pre) && strings.HasSuffix(name, post) {
				switch u := j.Units[name]; u.Active {
				case "active":
					names = append(names, name)
				case "failed":
					failed = name
				default:
					resting = name
				}
			}
		}
		switch {
		case failed != "":
			j.add(h.area, Bad, "journalctl -u "+failed+" says why; then systemctl restart "+failed, "%s has failed", failed)
		case len(names) == 0 && resting != "":
			j.add(h.area, Off, "", "%s: systemctl enable --now %s", h.what, resting)
		case len(names) == 0:
			j.add(h.area, Off, "", "%s: package %s", h.what, h.pack)
		case h.file != "" && !j.Files[h.file]:
			j.add(h.area, Bad, "install the package "+h.pack+" again", "%s is on, and %s is missing: every login is refused", some(names, 4), h.file)
		default:
			j.add(h.area, On, "", "%s", some(names, 4))
		}
	}
	switch {
	case j.Files[PolkitActions] && !j.PolkitOn:
		j.add("polkit", Bad, "install polkitd (polkit), or remove nso-polkit", "our actions are there, and polkit is not: whatever it is asked is refused")
	case j.PolkitOn && j.Files[PolkitActions]:
		j.add("polkit", On, "", "decides, with our actions")
	case j.PolkitOn:
		j.add("polkit", On, "", "decides who may run \"nso reload\"")
	default:
		j.add("polkit", Off, "", "root alone can run \"nso reload\"")
	}
}

func (j *judge) disk() {
	d := j.Disk
	if d.Error != nil {
		if errors.Is(d.Error, fs.ErrNotExist) {
			j.add("disk", Off, "", "%s is made at the first start", j.Config.StateDir)
			return
		}
		j.add("disk", Unseen, "run it as root", "%v", d.Error)
		return
	}
	const least = 64 << 20
	text := fmt.Sprintf("%s of %s are free below %s", bytes(d.Free), bytes(d.Size), j.Config.StateDir)
	room := "make room; until then commits are refused when it is full, and nothing is lost"
	switch {
	case d.ReadOnly:
		j.add("disk", Bad, "mount it writable, then systemctl restart nso.service", "the file system of %s is read-only", j.Config.StateDir)
	case d.Free < least || d.Node > 0 && d.FreeNodes < 100:
		j.add("disk", Bad, room, "only %s, %d files", text, d.FreeNodes)
	case d.Free < d.Size/20:
		j.add("disk", Warn, room, "%s", text)
	default:
		j.add("disk", On, "", "%s", text)
	}
}

func bytes(n uint64) string {
	for _, u := range []struct {
		name string
		size uint64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}} {
		if n >= u.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

func times(n uint32) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func (j *judge) ago(t time.Time) string {
	if t.IsZero() {
		return "some time ago"
	}
	return span(j.Now.Sub(t)) + " ago"
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}
