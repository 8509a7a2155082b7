// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"nso.example/nso/cli"
	"nso.example/nso/client"
	"nso.example/nso/config"
	"nso.example/nso/internal/portowner"
	"nso.example/nso/units"
)

// reloaded is what nso reload says with --json.
type reloaded struct {
	Changed     []string `json:"changed"`
	NeedRestart []string `json:"needRestart"`
	Doors       []string `json:"doors,omitempty"`
}

// reload puts an edited nso.toml in force. An installed daemon's is put in force by
// nso-apply.service, which the service manager starts if it lets the caller; an
// instance of one's own reads its file itself.
func reload(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 0); err != nil {
		return err
	}
	address, err := client.FromEnv(os.Getenv)
	if err != nil {
		return err
	}
	if !ofSystemd(address) {
		return reloadInstance(ctx, t)
	}
	next, err := config.Edited(config.File)
	if errors.Is(err, fs.ErrPermission) {
		// Whoever may start the unit without reading the file is told no details.
		fmt.Fprintf(t.err, "nso: what changes cannot be shown: %v\n", err)
		return apply(ctx, t, &planned{})
	} else if err != nil {
		return err
	}
	current, from, err := config.InForce(config.Applied, config.File)
	if err != nil || from != config.Applied {
		current = nil // broken when the system started
	}
	p, err := plan(current, next)
	if err != nil {
		return err
	}
	if err := clashes(p.listen, p.held, portowner.Find); err != nil {
		return err
	}
	return apply(ctx, t, p)
}

// apply does what is planned, and says it.
func apply(ctx context.Context, t *tool, p *planned) error {
	if !t.json {
		for _, l := range p.lines {
			fmt.Fprintln(t.out, l)
		}
	}
	if err := startApply(ctx, t); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, p.reloaded)
	}
	_, err := fmt.Fprintln(t.out, "nso.toml is in force")
	return err
}

// reloadInstance lets a daemon that systemd did not start read its file again.
func reloadInstance(ctx context.Context, t *tool) error {
	var done reloaded
	if err := call(ctx, "Reload", nil, &done); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, done)
	}
	if len(done.Changed)+len(done.NeedRestart) == 0 {
		_, err := fmt.Fprintln(t.out, "nothing has changed")
		return err
	}
	for _, key := range done.Changed {
		fmt.Fprintln(t.out, "changed:", key)
	}
	for _, key := range done.NeedRestart {
		fmt.Fprintln(t.out, "changes with a restart only:", key)
	}
	return nil
}

// ofSystemd reports whether the daemon at an address is that of nso.service.
func ofSystemd(a client.Address) bool {
	if !exists("/run/systemd/system") || !exists(filepath.Join(units.Shipped, units.Apply)) { // sd_booted(3)
		return false
	}
	if a.Source != "" {
		c, _, err := config.InForce(config.Applied, config.File)
		return err == nil && a.Path == c.IPC.Path || a.Path == config.Default().IPC.Path
	}
	// As dial finds it. None at all may be closed because nso.toml is broken.
	return exists(a.Path) || !slices.ContainsFunc(instances(), exists)
}

// planned is what a reload will do.
type planned struct {
	reloaded
	lines  []string
	listen []door           // that open or move
	held   []netip.AddrPort // that are ours now
}

type door struct {
	name      string
	addresses []netip.AddrPort
}

// plan compares what is in force, nil if nothing is, with what is to be.
func plan(current, next *config.Config) (*planned, error) {
	if _, err := units.Generate(next); err != nil {
		return nil, err
	}
	p := &planned{reloaded: reloaded{Changed: []string{}, NeedRestart: []string{}}}
	if current == nil {
		p.lines = append(p.lines, "nothing was in force: nso.toml was broken when the system started")
		current = config.Default()
	}
	before := current.Listen.Doors()
	for i, d := range next.Listen.Doors() {
		old := before[i]
		if old.Enabled {
			p.held = append(p.held, old.Address...)
		}
		line := ""
		switch same := reflect.DeepEqual(old.Address, d.Address); {
		case old.Enabled && !d.Enabled:
			line = "closes"
		case !old.Enabled && d.Enabled:
			line = "opens at " + joined(d.Address)
		case d.Enabled && !same:
			line = "moves from " + joined(old.Address) + " to " + joined(d.Address)
		}
		if line == "" {
			continue
		}
		if d.Enabled {
			p.listen = append(p.listen, door{d.Name, d.Address})
		}
		p.Doors = append(p.Doors, d.Name+" "+line)
		p.lines = append(p.lines, "the door "+d.Name+" "+line)
	}
	for _, c := range config.Changes(current, next) {
		name, _, _ := strings.Cut(c.Key, ".")
		text := c.Key + ": " + c.Old + " -> " + c.New
		switch {
		case name == "listen":
			p.Changed = append(p.Changed, c.Key)
			continue // told as doors
		case name == "ipc":
			text += "; the daemon is started again, and its sessions end"
			p.Changed = append(p.Changed, c.Key)
		case c.Takes == config.TakesRestart:
			text += "; with the next start only: systemctl restart nso.service"
			p.NeedRestart = append(p.NeedRestart, c.Key)
		case c.Takes == config.TakesDatabase:
			text += "; it counts when a database is made: change the groups below /nacm instead"
			p.NeedRestart = append(p.NeedRestart, c.Key)
		default:
			p.Changed = append(p.Changed, c.Key)
		}
		p.lines = append(p.lines, text)
	}
	if len(p.lines) == 0 {
		p.lines = append(p.lines, "nothing has changed")
	}
	return p, nil
}

func joined(addresses []netip.AddrPort) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, " and ")
}

// clashes is an error that names who has the ports that doors want.
func clashes(doors []door, held []netip.AddrPort, find func(...netip.AddrPort) ([]portowner.Owner, error)) error {
	var errs []error
	for _, d := range doors {
		owners, err := find(d.addresses...)
		if err != nil {
			continue // the service manager will see it
		}
		for _, o := range owners {
			if slices.Contains(held, o.Bound) {
				continue // our own, which moves
			}
			hint := ""
			if len(o.Processes) == 0 && os.Geteuid() != 0 {
				hint = " (root sees which)"
			}
			errs = append(errs, fmt.Errorf("cannot open the door %s at %v: %v%s listens at %v; end it, or change listen.%s.address in nso.toml",
				d.name, o.Wanted, o, hint, o.Bound, d.name))
		}
	}
	return errors.Join(errs...)
}
