// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"slices"

	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/tree/defaults"
	"nso.example/nso/yang"
)

// Read gives the datastore as it is now, less what the actor may not read
// (RFC 8341, 3.4.1: left out in silence). The tree never changes. Of operational,
// only the state below the given top-level nodes is gathered; none means all.
func (ss *Session) Read(ctx context.Context, ds Datastore, tops ...*yang.Node) (*tree.Node, error) {
	d, err := ss.Data(ctx, ds, tops...)
	return d.Set, err
}

// Data is what a session may read of a datastore at one moment.
type Data struct {
	Set    *tree.Node // what somebody has set
	whole  *tree.Node
	view   *nacm.View
	modes  *defaults.Modes
	config bool // there is no state in it
}

// Data is Read, with the defaults for whoever wants them.
func (ss *Session) Data(ctx context.Context, ds Datastore, tops ...*yang.Node) (Data, error) {
	if err := ctx.Err(); err != nil {
		return Data{}, err
	}
	root := ss.server.db.Root()
	view := ss.user.View(root)
	switch ds {
	case Running, Candidate, Startup:
		if root, _ = ss.version(ds); root == nil {
			return Data{}, noDatastore(ds)
		}
	case Factory:
		root = ss.server.factory
	case Operational:
		for _, st := range ss.server.state {
			if len(tops) > 0 && !slices.Contains(tops, st.top) {
				continue
			}
			if part := st.f(); part != nil {
				root = tree.Merge(root, part)
			}
		}
	default:
		return Data{}, noDatastore(ds)
	}
	return Data{view.Prune(root), root, view, ss.server.modes, ds != Operational}, nil
}

// All is the data with every default in use (RFC 6243, 2.1). Conditions look at all of
// it; what may not be read is left out afterwards.
func (d Data) All() (*tree.Node, error) {
	all, err := d.modes.All(d.whole, d.config)
	if err != nil {
		return nil, err
	}
	return d.view.Prune(all), nil
}

// Trim is the data without what says no more than a default does (RFC 6243, 2.2).
func (d Data) Trim() (*tree.Node, error) { return d.modes.Trim(d.Set) }
