// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/BurntSushi/toml"

	"nso.example/nso/cli"
	"nso.example/nso/config"
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
