// SPDX-License-Identifier: Apache-2.0

package house

import (
	"strings"
	"testing"

	"nso.example/nso/config"
)

func TestBudget(t *testing.T) {
	c := config.Default()
	c.Limits.Connections = 1000
	if err := budget(c, 1000+otherFiles); err != nil {
		t.Error(err)
	}
	c.Listen.NETCONFTCP.Enabled = true
	err := budget(c, 1000+otherFiles)
	if err == nil || !strings.Contains(err.Error(), "cannot hold the 2000 connections of limits.connections: they take 2256 open files and 1256 are allowed; raise LimitNOFILE") {
		t.Error(err)
	}
	c.Listen.NETCONFSSH.Enabled = true
	if err := budget(c, 2999+otherFiles); err == nil || budget(c, 3000+otherFiles) != nil {
		t.Errorf("with three rooms: %v", err)
	}
	c.Limits.Connections = 1 << 40
	if budget(c, 1<<30) == nil {
		t.Error("anything can be held")
	}
}
