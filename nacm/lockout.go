// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"nso.example/nso/tree"
)

// Manages reports whether the user can see access control and change it: whoever could
// before a change and cannot afterwards has locked himself out. what and by say what
// is not permitted.
func (v *View) Manages() (ok bool, what string, by Decision) {
	if d := v.Exec("ietf-netconf", "edit-config"); !d.Permit {
		return false, "run edit-config", d
	}
	nacm := v.policy.schema.Root.Child(module, "nacm")
	if nacm == nil {
		return false, "change /nacm", reason{words: byNoModule}.decision(false)
	}
	top := tree.Path{{Schema: nacm}}
	rules := append(top.Clone(), tree.Step{Schema: nacm.Child(module, "rule-list")})
	groups := nacm.Child(module, "groups")
	group := append(top.Clone(), tree.Step{Schema: groups}, tree.Step{Schema: groups.Child(module, "group")})
	enable := append(top.Clone(), tree.Step{Schema: nacm.Child(module, "enable-nacm")})
	for _, p := range []tree.Path{enable, rules, group} {
		if d, _ := v.Read(p); !d.Permit {
			return false, "read " + p.String(), d
		}
		for _, a := range []tree.Access{tree.Create, tree.Update, tree.Delete} {
			if d := v.Write(p, a); !d.Permit {
				return false, a.String() + " " + p.String(), d
			}
		}
	}
	return true, "", Decision{}
}
