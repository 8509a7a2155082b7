// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"context"

	"nso.example/nso/tree"
)

// Tickets are those of several participants, in the order in which they prepared.
type Tickets []Ticket

// Tell prepares participants for what nobody may refuse: one that does is passed over,
// and refused is told.
func Tell(ctx context.Context, ps []Participant, before, after *tree.Node, refused func(name string, err error)) (all Tickets) {
	for _, p := range ps {
		k, err := p.Prepare(ctx, before, after)
		if err != nil {
			refused(p.Name(), err)
			continue
		}
		all = append(all, k)
	}
	return all
}

// Commit tells all of them that it is decided.
func (all Tickets) Commit() {
	for _, k := range all {
		k.Commit()
	}
}

// Abort tells all of them, last first, that it will not be.
func (all Tickets) Abort() {
	for i := len(all) - 1; i >= 0; i-- {
		all[i].Abort()
	}
}
