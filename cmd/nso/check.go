// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"github.com/BurntSushi/toml"

	"nso.example/nso/cli"
	"nso.example/nso/config"
	"nso.example/nso/exec/bind"
	"nso.example/nso/exec/rule"
	"nso.example/nso/yang/load"
)

// check prints the configuration with every default, in a form that parses
// again.
func check(_ context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 1, 1); err != nil {
		return err
	}
	c, err := config.Load(t.args[0])
	if err != nil {
		return err
	}
	checkRules(t, c)
	if !t.json {
		return c.Print(t.out)
	}
	var text bytes.Buffer
	if err := c.Print(&text); err != nil {
		return err
	}
	var values map[string]any
	if err := toml.Unmarshal(text.Bytes(), &values); err != nil {
		return fmt.Errorf("internal error: cannot read back the configuration: %w", err)
	}
	return cli.WriteJSON(t.out, values)
}

// checkRules says, beside the configuration, which rpcs and actions of its models cannot
// be done as they are bound, where the rules can be read.
func checkRules(t *tool, c *config.Config) {
	all := make(map[string]*rule.Rule)
	for _, f := range execFolders(nil) {
		s := f.Read()
		if len(execErrors(s)) > 0 {
			return // "nso exec check" is for those
		}
		maps.Copy(all, s.Rules)
	}
	s, _, err := load.Schema(c.YANG.Path)
	if err != nil {
		return // the daemon says so when it starts
	}
	for _, text := range bind.Mistakes(all, s) {
		fmt.Fprintln(t.err, "warning:", text)
	}
}
