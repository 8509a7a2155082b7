// SPDX-License-Identifier: Apache-2.0

// Command nso-generator makes unit files of nso.toml, at boot and when units are
// read again (systemd.generator(7)). It never breaks a boot: what cannot be made
// stays closed, the kernel log says why, and the exit status is 0.
package main

import (
	"errors"
	"fmt"
	"os"

	"nso.example/nso/config"
	"nso.example/nso/units"
)

// version is set by the linker.
var version = "unknown"

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "--version":
		fmt.Println("nso-generator", version)
	case len(os.Args) < 2 || os.Args[1] == "" || os.Args[1][0] != '/':
		fmt.Fprintln(os.Stderr, "nso-generator: cannot run: use is nso-generator DIR [EARLY-DIR LATE-DIR]; systemd runs it with three folders")
		os.Exit(2)
	default:
		generate(os.Args[1], func() (*config.Config, error) {
			c, _, err := config.InForce(config.Applied, config.File)
			return c, err
		}, kernelLog)
	}
}

// generate writes the unit files of the configuration in force into dir. What goes
// wrong is said, and closes what it concerns.
func generate(dir string, inForce func() (*config.Config, error), say func(error)) {
	var files []units.File
	err := guarded(func() (err error) {
		c, err := inForce()
		if err == nil {
			files, err = units.Generate(c)
		}
		return err
	})
	if err != nil {
		say(err)
		say(errors.New("cannot open any door before that is mended: the doors stay closed until then"))
		files = units.Closed()
	}
	if err := guarded(func() error { return write(dir, files) }); err != nil {
		say(err)
	}
}

// guarded makes an error of a panic: a boot must not know of our bugs.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	return f()
}
