// SPDX-License-Identifier: Apache-2.0

package nacm

import "nso.example/nso/mgmterr"

// NewMistakes are the errors for the mistakes of next that p has not, at most limit.
func (p *Policy) NewMistakes(next *Policy, limit int) (errs mgmterr.List) {
	known := make(map[Mistake]bool)
	for _, m := range p.Mistakes() {
		known[m] = true
	}
	for _, m := range next.Mistakes() {
		if !known[m] && len(errs) < limit {
			errs = append(errs, mgmterr.New(mgmterr.InvalidValue, m.At, "cannot use %.200q as the path of a rule: it names no node; "+
				"write module names as prefixes, as in /ietf-interfaces:interfaces/interface[name='eth0']", m.Path))
		}
	}
	return errs
}
