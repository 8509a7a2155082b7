// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"syscall"
)

// Where the configuration is under systemd.
const (
	File    = "/etc/nso/nso.toml"     // as it is edited
	Applied = "/run/nso/applied.toml" // as it was put in force, at boot and by "nso reload"
)

// InForce reads the configuration in force, and says which file has it: applied
// if that is there and can be used, else file. So an edit does nothing before "nso
// reload", a broken one never takes a running system down, and after a start with a
// broken one it is enough to mend it.
//
// A file that is not root's, or that others may write, cannot be used.
func InForce(applied, file string) (c *Config, from string, err error) {
	return inForce(applied, file, rooted)
}

// Edited reads a file as InForce does: only if it is root's.
func Edited(file string) (*Config, error) { return load(file, rooted) }

func inForce(applied, file string, accept func(fs.FileInfo) error) (*Config, string, error) {
	c, err := load(applied, accept)
	var broken *Error
	switch {
	case err == nil:
		return c, applied, nil
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &broken):
	default:
		// It may well be in force; that it cannot be read here says nothing.
		return nil, "", err
	}
	if c, err = load(file, accept); err != nil {
		return nil, "", err
	}
	return c, file, nil
}

// rooted refuses a file that somebody else than root can change.
func rooted(info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 {
		return errors.New("cannot use this file: it is not root's; use: chown root:nso")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("cannot use this file: its mode %04o lets others write it; use: chmod 0640", info.Mode().Perm())
	}
	return nil
}

// Takes is what a change of a key takes to come into force.
type Takes string

// The values of Takes.
const (
	TakesReload   Takes = "reload"   // the daemon reads it again
	TakesSockets  Takes = "sockets"  // sockets move, which "nso reload" does
	TakesRestart  Takes = "restart"  // the daemon is started again
	TakesDatabase Takes = "database" // it counts when a database is made, and then no more
)

// Change is one key that differs.
type Change struct {
	Key      string // "listen.netconf-tcp.address"
	Old, New string // as they are written in the file
	Takes    Takes
}

// Changes lists the keys that differ, in order of the file. All grants are one.
func Changes(old, new *Config) []Change {
	var fields []Field
	var before, after []reflect.Value
	collect := func(c *Config, to *[]reflect.Value) []Field {
		var all []Field
		walk(reflect.ValueOf(*c), "", "", func(f Field, v reflect.Value) {
			if f.Array || !f.Table {
				all = append(all, f)
				*to = append(*to, v)
			}
		})
		return all
	}
	fields = collect(old, &before)
	collect(new, &after)
	var changes []Change
	for i, f := range fields {
		if reflect.DeepEqual(before[i].Interface(), after[i].Interface()) {
			continue
		}
		changes = append(changes, Change{Key: f.Key, Old: write(before[i]), New: write(after[i]), Takes: f.Takes})
	}
	return changes
}
