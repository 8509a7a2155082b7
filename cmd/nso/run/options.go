// SPDX-License-Identifier: Apache-2.0

package run

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"nso.example/nso/config"
)

// Usage is the command line.
const Usage = "nso run [--dir DIR] [--config FILE] [--netconf-tcp HOST:PORT] [--netconf-ssh HOST:PORT] [--cli-ssh HOST:PORT] [--yang DIR]..."

const defaultNETCONFTCP = "127.0.0.1:2023"

// options is a command line that was understood. All paths are absolute.
type options struct {
	dir, config string
	yang        []string
	netconfTCP  string // "": not given; "none": no such door
	netconfSSH  string // the same
	cliSSH      string

	// Of the second stage, after root has become a user:
	startedBy []string // who may do everything; nil: this is the first stage
	nsodFD    int      // nsod's file, opened as root; 0: not yet
}

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// parse reads a command line. flag.ErrHelp: help was asked for.
func parse(args []string, getenv func(string) string, euid int) (options, error) {
	var o options
	var yang, startedBy list
	fs := flag.NewFlagSet("nso run", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.dir, "dir", "", "")
	fs.StringVar(&o.config, "config", "", "")
	fs.StringVar(&o.netconfTCP, "netconf-tcp", "", "")
	fs.StringVar(&o.netconfSSH, "netconf-ssh", "", "")
	fs.StringVar(&o.cliSSH, "cli-ssh", "", "")
	fs.Var(&yang, "yang", "")
	fs.Var(&startedBy, "started-by", "") // ours, see become
	fs.IntVar(&o.nsodFD, "nsod-fd", 0, "")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, fmt.Errorf("cannot understand the command line: %w", err)
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("cannot understand the command line: %q is not expected", fs.Arg(0))
	}
	for _, text := range []string{o.netconfSSH, o.cliSSH} {
		if text != "" && text != "none" {
			if _, err := address(text); err != nil {
				return o, err
			}
		}
	}
	if o.netconfTCP != "" && o.netconfTCP != "none" {
		if _, err := loopback(o.netconfTCP); err != nil {
			return o, err
		}
	}
	if o.dir == "" {
		dir, err := DefaultDir(getenv, euid)
		if err != nil {
			return o, err
		}
		o.dir = dir
	}
	for _, path := range append([]*string{&o.dir, &o.config}, pointers(yang)...) {
		if *path == "" {
			if path == &o.config {
				continue
			}
			return o, errors.New("cannot use an empty path")
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return o, fmt.Errorf("cannot find %s: %w", *path, err)
		}
		*path = abs
	}
	o.yang, o.startedBy = yang, startedBy
	return o, nil
}

func pointers(l list) []*string {
	p := make([]*string, len(l))
	for i := range l {
		p[i] = &l[i]
	}
	return p
}

// args writes the options as a command line.
func (o options) args() []string {
	args := []string{"--dir", o.dir}
	if o.config != "" {
		args = append(args, "--config", o.config)
	}
	if o.netconfTCP != "" {
		args = append(args, "--netconf-tcp", o.netconfTCP)
	}
	if o.netconfSSH != "" {
		args = append(args, "--netconf-ssh", o.netconfSSH)
	}
	if o.cliSSH != "" {
		args = append(args, "--cli-ssh", o.cliSSH)
	}
	for _, y := range o.yang {
		args = append(args, "--yang", y)
	}
	for _, s := range o.startedBy {
		args = append(args, "--started-by", s)
	}
	return append(args, "--nsod-fd", strconv.Itoa(o.nsodFD))
}

// loopback reads the address of the door in clear. Port 0 is any free one.
func loopback(text string) (netip.AddrPort, error) {
	a, err := address(text)
	if err == nil && !a.Addr().IsLoopback() {
		err = fmt.Errorf("cannot open NETCONF in clear on %v: it is not on the loopback interface; write 127.0.0.1:%d", a, a.Port())
	}
	return a, err
}

// address reads an address of a door. Port 0 is any free one.
func address(text string) (netip.AddrPort, error) {
	if port, ok := strings.CutPrefix(text, "localhost:"); ok {
		text = "127.0.0.1:" + port
	}
	return config.ParseAddress(text)
}

// DefaultDir is the folder of an instance when none is named: the caller's state
// folder, or one of the system's for root.
func DefaultDir(getenv func(string) string, euid int) (string, error) {
	if euid == 0 {
		return "/var/lib/nso-run", nil
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) { // others are to be ignored, says its specification
		return filepath.Join(dir, "nso"), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local/state/nso"), nil
	}
	return "", errors.New("cannot choose a folder: HOME is not set; name one with --dir")
}

// configure makes the configuration of the instance: the file that was named, if
// any, with what belongs to the instance and what the command line says.
func (o options) configure() (*config.Config, error) {
	c := config.Default()
	if o.config != "" {
		var err error
		if c, err = config.Load(o.config); err != nil {
			return nil, err
		}
	}
	for _, d := range c.Listen.Doors() {
		if d.Enabled && d.Name == "ipc-tcp" {
			return nil, fmt.Errorf("cannot open the door %s that %s enables: 'nso run' does not have it; write 'enabled = false'", d.Name, o.config)
		}
	}
	c.State.Dir = filepath.Join(o.dir, "state")
	c.IPC = config.IPC{Path: filepath.Join(o.dir, "ipc"), Mode: 0o600}
	c.YANG.Path = append(append([]string{}, o.yang...), c.YANG.Path...)
	for _, dir := range c.YANG.Path {
		if err := readable(dir); err != nil {
			return nil, fmt.Errorf("cannot read the YANG folder %s as %s: %w", dir, userName(), err)
		}
	}
	door := &c.Listen.NETCONFTCP
	switch {
	case o.netconfTCP == "none":
		door.Enabled = false
	case o.netconfTCP != "" || !door.Enabled:
		text := o.netconfTCP
		if text == "" {
			text = defaultNETCONFTCP
		}
		a, err := loopback(text)
		if err != nil {
			return nil, err
		}
		door.Enabled, door.Address = true, config.Addresses{a}
	}
	for _, d := range []struct {
		door *config.Door
		text string
	}{{&c.Listen.NETCONFSSH, o.netconfSSH}, {&c.Listen.CLISSH, o.cliSSH}} {
		switch d.text {
		case "":
		case "none":
			d.door.Enabled = false
		default:
			a, err := address(d.text)
			if err != nil {
				return nil, err
			}
			d.door.Enabled, d.door.Address = true, config.Addresses{a}
		}
	}
	c.Access.Admins = o.startedBy
	for _, name := range o.startedBy {
		if name == "root" {
			c.NETCONF.TCP.AllowRoot = true
		}
	}
	return c, nil
}

func readable(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return errors.Unwrap(err)
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	if err == io.EOF {
		err = nil
	}
	return err
}
