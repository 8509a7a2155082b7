// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"slices"
	"strconv"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Factory is the access control that a new database begins with: everything is
// denied by default; nso-admin, of which the named users are members, may do
// everything; nso-oper may read, except what is marked default-deny-all in the
// schema of that day (RFC 8341, 3.4.5: a rule that permits would pass the mark
// over); nso-guest may do nothing yet. It is data: whoever may write it can change it.
func Factory(schema *yang.Schema, admins []string) (*tree.Node, error) {
	ed := tree.NewEditor(tree.New(schema.Root))
	set := func(path, value string) error {
		p, err := tree.ParsePath(schema, "/"+module+":nacm/"+path)
		if err != nil {
			return err
		}
		if last := &p[len(p)-1]; last.Schema.Kind == yang.KindLeafList {
			last.Value, last.HasKey = value, true
		}
		return ed.Set(p, value)
	}
	steps := [][2]string{
		{"enable-nacm", "true"}, {"read-default", "deny"}, {"write-default", "deny"}, {"exec-default", "deny"},
		{"groups/group[name='" + AdminGroup + "']", ""},
		{"groups/group[name='nso-oper']", ""}, {"groups/group[name='nso-guest']", ""},
		{"rule-list[name='admin']/group", AdminGroup},
		{"rule-list[name='admin']/rule[name='all']/access-operations", "*"},
		{"rule-list[name='admin']/rule[name='all']/action", "permit"},
		{"rule-list[name='oper']/group", "nso-oper"},
	}
	for i, path := range denied(schema.Root, "", "") {
		rule := "rule-list[name='oper']/rule[name='deny-" + strconv.Itoa(i+1) + "']/"
		steps = append(steps, [][2]string{{rule + "path", path}, {rule + "access-operations", "*"}, {rule + "action", "deny"}}...)
	}
	steps = append(steps, [][2]string{
		{"rule-list[name='oper']/rule[name='read']/access-operations", "read"},
		{"rule-list[name='oper']/rule[name='read']/action", "permit"},
	}...)
	for _, op := range []string{"get", "get-config", "get-schema"} {
		rule := "rule-list[name='oper']/rule[name='" + op + "']/"
		steps = append(steps, [][2]string{{rule + "rpc-name", op}, {rule + "access-operations", "exec"}, {rule + "action", "permit"}}...)
	}
	for _, a := range admins {
		steps = append(steps, [2]string{"groups/group[name='" + AdminGroup + "']/user-name", a})
	}
	for _, s := range steps {
		if err := set(s[0], s[1]); err != nil {
			return nil, err
		}
	}
	return ed.Root(), nil
}

// denied are the paths of the topmost nodes that are marked default-deny-all, and of
// the hashes of passwords, which the models that have them do not mark (RFC 7317).
func denied(n *yang.Node, path, module string) (all []string) {
	for _, c := range n.DataChildren {
		at := path + "/" + c.Name
		if c.Module.Name != module {
			at = path + "/" + c.Module.Name + ":" + c.Name
		}
		if c.DefaultDenyAll || c.Type != nil && slices.Contains(c.Type.Typedefs, "iana-crypt-hash:crypt-hash") {
			all = append(all, at)
		} else {
			all = append(all, denied(c, at, c.Module.Name)...)
		}
	}
	return all
}
