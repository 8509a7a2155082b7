// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"slices"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Standing is what access control makes of a user, rules apart.
type Standing struct {
	Enabled  bool     // access control is in force
	External bool     // groups of the system count
	Admin    bool     // member of nso-admin
	Groups   []string // that count, in order
	Lists    []string // rule lists that apply, in order
}

// Standing tells it of a user whom the system knows in these groups.
func (s *Server) Standing(user string, system []string) Standing {
	p := s.policy(s.db.Root())
	return Standing{p.Enabled(), p.External(), p.Admin(user, system), p.Groups(user, system), p.Lists(user, system)}
}

// Why is a decision of access control.
type Why struct {
	Permit     bool
	Path       string // of the node that decided: that asked for, or one above it
	List, Rule string // "" if no rule decided
	By         string // what decided, in words
}

// Operations are what Explain can be asked about.
func Operations() []string {
	return []string{"read", "create", "update", "delete", "exec", "notify", "command"}
}

// Explain tells whether access control lets a user do something, and what decides.
// object is the path of a node, action or notification, the name MODULE:NAME of an
// rpc or notification, or the words of a command. Data is not looked at.
func (s *Server) Explain(user string, system []string, operation, object string) (Why, error) {
	view := s.policy(s.db.Root()).View(user, system)
	switch operation {
	case "command":
		return why(view.Command("cli", strings.Fields(object), true), ""), nil
	case "exec", "notify":
		return s.explainMember(view, operation, object)
	}
	p, err := tree.ParsePath(s.schema, object)
	if err != nil {
		return Why{}, err
	}
	switch operation {
	case "read":
		d, at := view.Read(p)
		return why(d, p[:at].String()), nil
	case "create":
		return why(view.Write(p, tree.Create), p.String()), nil
	case "update":
		return why(view.Write(p, tree.Update), p.String()), nil
	case "delete":
		return why(view.Write(p, tree.Delete), p.String()), nil
	}
	return Why{}, mgmterr.New(mgmterr.InvalidValue, "", "cannot explain %.32q: it is none of %s", operation, strings.Join(Operations(), ", "))
}

func why(d nacm.Decision, path string) Why { return Why{d.Permit, path, d.List, d.Rule, d.By} }

// explainMember explains what is named and is no data node.
func (s *Server) explainMember(view *nacm.View, operation, object string) (Why, error) {
	at, name := "", object
	if i := lastSlash(object); i >= 0 {
		at, name = object[:i], object[i+1:]
	}
	module, name, qualified := strings.Cut(name, ":")
	if !qualified {
		module, name = "", module
	}
	var p tree.Path
	among, what := s.schema.RPCs, "rpc"
	if operation == "notify" {
		among, what = s.schema.Notifications, "notification"
	}
	if at != "" {
		var err error
		if p, err = tree.ParsePath(s.schema, at); err != nil {
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
		return why(view.Notification(p, among[i]), object), nil
	case len(p) > 0:
		return why(view.Action(p, among[i]), object), nil
	}
	return why(view.Exec(among[i].Module.Name, name), object), nil
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
