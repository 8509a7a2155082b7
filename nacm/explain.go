// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"slices"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Why is a Decision, and where it was made.
type Why struct {
	Decision
	Path string // of the node that decided: that asked for, or one above it
}

// Operations are what Explain can be asked about.
func Operations() []string {
	return []string{"read", "create", "update", "delete", "exec", "notify", "command"}
}

// Explain tells whether the user may do something, and what decides.
// object is the path of a node, action or notification, the name MODULE:NAME of an
// rpc or notification, or the words of a command. Data is not looked at.
func (v *View) Explain(operation, object string) (Why, error) {
	switch operation {
	case "command":
		return Why{v.Command("cli", strings.Fields(object), true), ""}, nil
	case "exec", "notify":
		return v.explainMember(operation, object)
	}
	p, err := tree.ParsePath(v.policy.schema, object)
	if err != nil {
		return Why{}, err
	}
	if len(p) == 0 && operation != "read" {
		return Why{}, mgmterr.New(mgmterr.InvalidValue, object, "cannot explain %.32q of the root: name a node", operation)
	}
	switch operation {
	case "read":
		d, at := v.Read(p)
		return Why{d, p[:at].String()}, nil
	case "create":
		return Why{v.Write(p, tree.Create), p.String()}, nil
	case "update":
		return Why{v.Write(p, tree.Update), p.String()}, nil
	case "delete":
		return Why{v.Write(p, tree.Delete), p.String()}, nil
	}
	return Why{}, mgmterr.New(mgmterr.InvalidValue, "", "cannot explain %.32q: it is none of %s", operation, strings.Join(Operations(), ", "))
}

// explainMember explains what is named and is no data node.
func (v *View) explainMember(operation, object string) (Why, error) {
	at, name := "", object
	if i := lastSlash(object); i >= 0 {
		at, name = object[:i], object[i+1:]
	}
	module, name, qualified := strings.Cut(name, ":")
	if !qualified {
		module, name = "", module
	}
	var p tree.Path
	among, what := v.policy.schema.RPCs, "rpc"
	if operation == "notify" {
		among, what = v.policy.schema.Notifications, "notification"
	}
	if at != "" && at != "/" {
		var err error
		if p, err = tree.ParsePath(v.policy.schema, at); err != nil {
			return Why{}, err
		}
		if among, what = p.Schema().Actions, "action of "+p.String(); operation == "notify" {
			among, what = p.Schema().Notifications, "notification of "+p.String()
		}
		if !qualified {
			module = p.Schema().Module.Name
		}
	}
	i := slices.IndexFunc(among, func(n *yang.Node) bool { return n.Name == name && (module == "" || n.Module.Name == module) })
	switch {
	case i < 0:
		return Why{}, mgmterr.New(mgmterr.UnknownElement, "", "cannot explain %.200q: there is no such %s; write MODULE:NAME, or the path of what it is of and its name", object, what)
	case operation == "notify":
		return Why{v.Notification(p, among[i]), object}, nil
	case len(p) > 0:
		return Why{v.Action(p, among[i]), object}, nil
	}
	return Why{v.Exec(among[i].Module.Name, name), object}, nil
}

// lastSlash is where the last step of a path begins: no slash in a predicate counts.
func lastSlash(path string) int {
	last, quote := -1, byte(0)
	for i := range len(path) {
		switch c := path[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '/':
			last = i
		}
	}
	return last
}
