// SPDX-License-Identifier: Apache-2.0

package units

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"nso.example/nso/config"
)

// Where units are: the shipped ones, and what the generator makes.
const (
	Shipped   = "/usr/lib/systemd/system"
	Generated = "/run/systemd/generator"
)

// Names of units.
const (
	Socket  = "nso.socket"
	Service = "nso.service"
	Check   = "nso-check.service"
	Apply   = "nso-apply.service"
	Mend    = "nso-mend.path"
)

// DoorSocket is the socket unit of a door.
func DoorSocket(name string) string { return "nso-listen@" + name + ".socket" }

// File is a file or a link in a folder of units.
type File struct {
	Path    string // relative to the folder: "nso.socket.d/50-nso.conf"
	Content string
	Link    string // what a link points to; then there is no content
}

// Package is the package that installs a shipped unit: nso, or the one of a helper.
func Package(unit string) string {
	for _, p := range []struct{ prefix, name string }{
		{"nso-pam", "nso-pam"}, {"nso-nss", "nso-pam"}, {"nso-helpers", "nso-pam"},
		{"nso-exec", "nso-exec"}, {"nso-pty", "nso-exec"}, {"nso-external", "nso-exec"}, {"nso-mediate-sudo", "nso-sudo"}, {"nso-mediate", "nso-polkit"},
	} {
		if strings.HasPrefix(unit, p.prefix) {
			return p.name
		}
	}
	return "nso"
}

//go:embed files
var shipped embed.FS

// Static are the units that the packages install, for the folder Shipped.
func Static() []File {
	entries, err := fs.ReadDir(shipped, "files")
	if err != nil {
		return nil // it is part of the program
	}
	files := make([]File, 0, len(entries))
	for _, e := range entries {
		text, err := fs.ReadFile(shipped, path.Join("files", e.Name()))
		if err != nil {
			return nil
		}
		files = append(files, File{Path: e.Name(), Content: string(text)})
	}
	return files
}

// Generate returns what a configuration adds to the shipped units, for the folder
// Generated.
func Generate(c *config.Config) ([]File, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := expressible(c); err != nil {
		return nil, err
	}
	g := make(generation)
	def := config.Default()

	if c.IPC != def.IPC {
		g.set(Socket, "Socket", "ListenStream", "", c.IPC.Path)
		g.set(Socket, "Socket", "SocketGroup", cmp.Or(c.IPC.Group, "root"))
		g.set(Socket, "Socket", "SocketMode", c.IPC.Mode.String())
	}
	for _, d := range c.Listen.Doors() {
		if !d.Enabled {
			continue
		}
		unit := DoorSocket(d.Name)
		g.set(unit, "Socket", "ListenStream", "")
		for _, a := range d.Address {
			g.set(unit, "Socket", "ListenStream", a.String())
		}
		g.want(unit, "nso-listen@.socket")
	}
	if n := Descriptors(c); n != Descriptors(def) {
		g.set(Service, "Service", "LimitNOFILE", fmt.Sprint(n))
	}
	if !below(c.State.Dir, def.State.Dir) {
		// "-": its absence is told by the daemon, in better words.
		g.set(Service, "Service", "ReadWritePaths", "-"+c.State.Dir)
		g.set(Service, "Service", "NoExecPaths", "-"+c.State.Dir)
	}
	const listener = "nso-listen@.service"
	if c.IPC.Group != def.IPC.Group && firstDoor(c) != "" {
		// nso is a member of the default one.
		g.set(listener, "Service", "SupplementaryGroups", c.IPC.Group)
	}
	if c.IPC.Path != def.IPC.Path {
		g.set(listener, "Service", "Environment", "NSO_IPC_PATH="+c.IPC.Path)
		if seen, ok := hidden(c.IPC.Path); ok {
			g.set(listener, "Service", "BindReadOnlyPaths", "-"+seen)
			g.set(Service, "Service", "BindReadOnlyPaths", "-"+seen)
		}
	}
	return g.files(), nil
}

// Closed is what there is instead when there is no configuration to be had: no
// door, the reason in the journal (nso-check.service fails with it), and somebody
// who waits for the file to be mended.
func Closed() []File {
	g := make(generation)
	g.set(Socket, "Unit", "AssertPathExists", "!/")
	g.want(Check, Check)
	g.want(Mend, Mend)
	return g.files()
}

// Need is how many files the daemon can come to have open under a configuration: one
// for each connection, of which limits.connections are counted at the local socket with
// ipc-tcp, at netconf-tcp, and at the doors over SSH; and what it has open beside them.
func Need(c *config.Config) int {
	counts := 1
	if c.Listen.NETCONFTCP.Enabled {
		counts++
	}
	if c.Listen.NETCONFSSH.Enabled || c.Listen.CLISSH.Enabled {
		counts++
	}
	return counts*c.Limits.Connections + otherFiles
}

// otherFiles are listeners, the database, the log, and the questions that are being
// asked: of nso-pam for each login, of the user database, of the kernel about a peer.
const otherFiles = 1024

// Descriptors is how many files the daemon may have open under a configuration.
func Descriptors(c *config.Config) int { return max(leastDescriptors, Need(c)) }

// leastDescriptors is what nso.service has.
const leastDescriptors = 16384

// generation is what is being made: by unit, what its drop-in sets.
type generation map[string]*dropIn

type dropIn struct {
	section string
	lines   []string
	link    string // the shipped unit, if nso.socket wants this one
}

func (g generation) unit(name string) *dropIn {
	d := g[name]
	if d == nil {
		d = new(dropIn)
		g[name] = d
	}
	return d
}

// set assigns values to a directive in the one section that a drop-in has.
func (g generation) set(unit, section, directive string, values ...string) {
	d := g.unit(unit)
	d.section = section
	for _, v := range values {
		d.lines = append(d.lines, directive+"="+strings.ReplaceAll(v, "%", "%%"))
	}
}

// want lets nso.socket bring in a unit, which is the shipped one or an instance of it.
func (g generation) want(unit, shipped string) { g.unit(unit).link = path.Join(Shipped, shipped) }

func (g generation) files() []File {
	var files []File
	for unit, d := range g {
		if len(d.lines) > 0 {
			// A comment and no SourcePath=: with it, systemctl would ask for a
			// daemon-reload after an edit, which does nothing.
			files = append(files, File{Path: unit + ".d/50-nso.conf",
				Content: "# Made of nso.toml by nso-generator; \"nso reload\" makes it anew.\n[" + d.section + "]\n" + strings.Join(d.lines, "\n") + "\n"})
		}
		if d.link != "" {
			files = append(files, File{Path: Socket + ".wants/" + unit, Link: d.link})
		}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files
}
