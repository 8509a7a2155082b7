// SPDX-License-Identifier: Apache-2.0

package maapi

import (
	"context"
	"slices"
	"strings"

	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// schemaReply is the type Schema of the description.
type schemaReply struct {
	Name          string   `json:"name"`
	Module        string   `json:"module"`
	Kind          string   `json:"kind"`
	Config        bool     `json:"config"`
	Mandatory     bool     `json:"mandatory"`
	Presence      bool     `json:"presence"`
	Keys          []string `json:"keys"`
	IsKey         bool     `json:"isKey"`
	OrderedByUser bool     `json:"orderedByUser"`
	Type          string   `json:"type"`
	TypeText      string   `json:"typeText"`
	Values        []string `json:"values"`
	Leafref       string   `json:"leafref"`
	Defaults      []string `json:"defaults"`
	Units         string   `json:"units"`
	Secret        string   `json:"secret"`
	Status        string   `json:"status"`
	Operates      bool     `json:"operates"`
	Description   string   `json:"description"`
}

func (r *room) describe(_ context.Context, c *varlink.Call) error {
	var in struct {
		Path string `json:"path"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	// The schema is shown to whom NETCONF would show it (RFC 6022, 3.1).
	if err := of(c).session.MayExec("ietf-netconf-monitoring", "get-schema"); err != nil {
		return err
	}
	n, err := r.schemaNode(in.Path)
	if err != nil {
		return err
	}
	var node *schemaReply
	if n.Kind != yang.KindRoot {
		node = &r.described([]*yang.Node{n})[0]
	}
	inner := n
	if in := n.Input(); in != nil {
		inner = in
	}
	return c.Reply(map[string]any{"node": node, "children": r.described(inner.DataChildren), "operations": r.described(r.operationsOf(n))})
}

func (r *room) described(nodes []*yang.Node) []schemaReply {
	all := make([]schemaReply, 0, len(nodes))
	for _, n := range nodes {
		d := describe(n)
		d.Operates = r.operates(n)
		all = append(all, d)
	}
	return all
}

// operationsOf are the rpcs or actions of a node.
func (r *room) operationsOf(n *yang.Node) []*yang.Node {
	if n.Kind == yang.KindRoot {
		return r.server.Schema().RPCs
	}
	return n.Actions
}

// operates reports whether a node is an rpc or action that something does, or has one.
func (r *room) operates(n *yang.Node) bool {
	if n.Kind == yang.KindRPC || n.Kind == yang.KindAction {
		return r.server.Does(n)
	}
	return slices.ContainsFunc(n.Actions, r.operates) || slices.ContainsFunc(n.DataChildren, r.operates)
}

// schemaNode finds the node of a path by its names; predicates are passed over.
func (r *room) schemaNode(path string) (*yang.Node, error) {
	names, ok := steps(path)
	if !ok {
		return nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot describe %q: it is no path", path)
	}
	n := r.server.Schema().Root
	for i, step := range names {
		module, name, ok := strings.Cut(step, ":")
		if op := r.operation(n, module, name, ok); op != nil {
			if i == len(names)-1 {
				return op, nil
			}
			n = op.Input()
			continue
		}
		var child *yang.Node
		switch {
		case ok:
			child = n.Child(module, name)
		case n.Kind == yang.KindRoot:
			child = n.Child("", step)
		default: // RFC 7951, 6.11: no module means that of the parent
			if child = n.Child(n.Module.Name, step); child == nil {
				child = n.Child("", step)
			}
		}
		if child == nil {
			return nil, mgmterr.New(mgmterr.UnknownElement, path, "cannot describe %s: there is no %s here", path, step)
		}
		n = child
	}
	return n, nil
}

// operation finds the rpc or action of a node that a step names.
func (r *room) operation(n *yang.Node, module, name string, qualified bool) *yang.Node {
	if !qualified {
		if n.Module == nil {
			return nil
		}
		module, name = n.Module.Name, module
	}
	for _, op := range r.operationsOf(n) {
		if op.Name == name && op.Module.Name == module {
			return op
		}
	}
	return nil
}

// steps splits a path into its names. It reports whether it is one.
func steps(path string) (names []string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/")
	for ok && rest != "" {
		end := strings.IndexAny(rest, "/[")
		if end < 0 {
			end = len(rest)
		}
		names = append(names, rest[:end])
		rest = rest[end:]
		for strings.HasPrefix(rest, "[") {
			if rest, ok = pastPredicate(rest); !ok {
				return nil, false
			}
		}
		if rest != "" {
			rest, ok = strings.CutPrefix(rest, "/")
			ok = ok && rest != ""
		}
	}
	return names, ok
}

// pastPredicate is what follows a predicate; what is in it does not matter.
func pastPredicate(text string) (rest string, ok bool) {
	var quote byte
	for i := 1; i < len(text); i++ {
		switch b := text[i]; {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '\'' || b == '"':
			quote = b
		case b == ']':
			return text[i+1:], true
		}
	}
	return "", false
}

func describe(n *yang.Node) schemaReply {
	d := schemaReply{
		Name: n.Name, Module: n.Module.Name, Kind: n.Kind.String(), Config: n.Config, Mandatory: n.Mandatory,
		Presence: n.HasPresence, Keys: []string{}, IsKey: n.IsKey, OrderedByUser: n.OrderedBy == yang.OrderedByUser,
		Values: []string{}, Defaults: []string{}, Units: n.Units, Status: n.Status.String(), Description: n.Description,
	}
	d.Secret = secret(n)
	for _, k := range n.Keys {
		d.Keys = append(d.Keys, k.Name)
	}
	d.Defaults = append(d.Defaults, n.Defaults...)
	if n.Type == nil {
		return d
	}
	d.Type, d.TypeText = n.Type.Base.String(), value.Describe(n.Type)
	if n.Type.Base == yang.Leafref && n.Type.Target != nil {
		d.Leafref = n.Type.Target.Path()
	}
	for t := range func(yield func(*yang.Type) bool) { value.Members(n.Type, yield) } {
		d.Values = append(d.Values, offered(t)...)
	}
	return d
}

// offered are the values of a type that can be listed.
func offered(t *yang.Type) (all []string) {
	switch t.Base {
	case yang.Boolean:
		return []string{"true", "false"}
	case yang.Enumeration:
		for _, e := range t.Enums {
			all = append(all, e.Name)
		}
	case yang.Bits:
		for _, b := range t.Bits {
			all = append(all, b.Name)
		}
	case yang.IdentityRef:
		for _, id := range t.Bases[0].Derived {
			ok := id.Enabled
			for _, b := range t.Bases[1:] {
				ok = ok && id.DerivedFrom(b)
			}
			if ok {
				all = append(all, id.String())
			}
		}
	}
	return all
}

// secret says what is kept of a value that is not for the eyes of others: a hash, or itself,
// hidden from all who were not given it (RFC 8341, 3.4.2).
func secret(n *yang.Node) string {
	if n.Type == nil {
		return ""
	}
	for t := range func(yield func(*yang.Type) bool) { value.Members(n.Type, yield) } {
		if slices.Contains(t.Typedefs, "iana-crypt-hash:crypt-hash") {
			return "hashed"
		}
	}
	if n.DefaultDenyAll {
		return "hidden"
	}
	return ""
}
