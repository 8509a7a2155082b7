// SPDX-License-Identifier: Apache-2.0

package house

import (
	"strings"
	"testing"

	"nso.example/nso/config"
	"nso.example/nso/units"
)

func TestBudget(t *testing.T) {
	c := config.Default()
	c.Limits.Connections = 1000
	need := uint64(units.Need(c))
	if err := budget(c, need); err != nil {
		t.Error(err)
	}
	for _, d := range []struct {
		door *config.Door
		more uint64
	}{{&c.Listen.NETCONFTCP, 1000}, {&c.Listen.NETCONFSSH, 1000}, {&c.Listen.CLISSH, 0}, {&c.Listen.IPCTCP, 0}} {
		d.door.Enabled = true
		need += d.more
		if err := budget(c, need-1); err == nil || budget(c, need) != nil {
			t.Errorf("%d files are taken, not %d: %v", units.Need(c), need, err)
		}
	}
	err := budget(c, 4000)
	if err == nil || !strings.Contains(err.Error(), "limits.connections, which is 1000: with what else is open they take 4024 open files, and 4000 are allowed; raise LimitNOFILE") {
		t.Error(err)
	}
	c.Limits.Connections = 1 << 40
	if budget(c, 1<<30) == nil {
		t.Error("anything can be held")
	}
	// What the units ask for is enough.
	if units.Descriptors(c) < units.Need(c) {
		t.Error("the units give too little")
	}
}
