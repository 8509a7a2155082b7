// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"fmt"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Read decides whether the node at p may be read: it and all that is above it
// (RFC 8341, 3.2.4). at is the number of steps of the node that decided.
func (v *View) Read(p tree.Path) (d Decision, at int) {
	d = reason{words: byAlways}.decision(true) // the root holds nothing of its own
	for i := range p {
		if p[i].Schema.IsKey { // readable with its entry
			continue
		}
		permit, why := v.ask(p[:i+1], nil, opRead)
		if d, at = why.decision(permit), i+1; !permit {
			return d, at
		}
	}
	return d, at
}

// Write decides whether the node at p may be created, changed or deleted; what is in
// it is asked for by itself (RFC 8341, 3.4.5).
func (v *View) Write(p tree.Path, what tree.Access) Decision {
	op := map[tree.Access]ops{tree.Create: opCreate, tree.Update: opUpdate, tree.Delete: opDelete}[what]
	permit, why := v.ask(p, nil, op)
	return why.decision(permit && op != 0)
}

// Action decides whether an action of the node at p may be run: every node on the way
// must be readable, and the action executable (RFC 8341, 3.1.3 and 3.4.5).
func (v *View) Action(p tree.Path, action *yang.Node) Decision {
	return v.member(p, action, opExec)
}

// Notification decides whether a notification of the node at p may be received: every
// node on the way must be readable, and the notification too (RFC 8341, 3.1.3). For
// one at the top of a module p is empty (RFC 8341, 3.4.6).
func (v *View) Notification(p tree.Path, n *yang.Node) Decision {
	// RFC 8341, 3.4.6, step 3: the two of RFC 5277, whoever defines them.
	if len(p) == 0 && (n.Name == "replayComplete" || n.Name == "notificationComplete") && n.Module.Namespace == replayNamespace {
		return reason{words: byAlways}.decision(true)
	}
	return v.member(p, n, opRead)
}

// replayNamespace is that of the notifications with which a subscription speaks of
// itself (RFC 5277, 4).
const replayNamespace = "urn:ietf:params:xml:ns:netmod:notification"

func (v *View) member(p tree.Path, n *yang.Node, op ops) Decision {
	if d, at := v.Read(p); !d.Permit {
		d.By += fmt.Sprintf(", of reading %s", p[:at])
		return d
	}
	permit, why := v.ask(p, n, op)
	return why.decision(permit)
}
