// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// Discreet takes out of what a validation found what may not be read: the paths and
// values of others (RFC 8341, 3.2.4).
func (v *View) Discreet(errs mgmterr.List) mgmterr.List {
	readable := func(path string) bool {
		if path == "" || path == "/" {
			return true
		}
		p, err := tree.ParsePath(v.policy.schema, path)
		return err == nil && v.Reads(p)
	}
	out := make(mgmterr.List, 0, len(errs))
	hidden := false
	for _, e := range errs {
		ok := readable(e.Path)
		for _, i := range e.Info {
			if i.Name == "non-unique" { // RFC 7950, 15.1: paths
				ok = ok && readable(i.Value)
			}
		}
		switch {
		case ok:
			out = append(out, e)
		case !hidden:
			hidden = true
			out = append(out, mgmterr.New(e.Tag, "", "cannot do it: a condition of the model on nodes that you may not read would not hold"))
		}
	}
	return out
}
