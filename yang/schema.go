// SPDX-License-Identifier: Apache-2.0

package yang

import "slices"

// Schema is a set of modules compiled together.
type Schema struct {
	// Modules are sorted by name, then by revision, newest last; import-only
	// ones included.
	Modules []*Module
	// Root is the parent of all top-level data nodes. It is not a YANG
	// statement: Kind is KindRoot and it belongs to no module.
	Root *Node
	// RPCs and Notifications are the top-level ones of the implemented
	// modules, sorted by module name, then as written.
	RPCs          []*Node
	Notifications []*Node
	// Events is a root whose children are copies of Notifications, as containers in
	// the same order: trees of it hold what a notification carries.
	Events *Node
	// Structures are the yang-data and structure templates (RFC 8040, 8; RFC
	// 8791), which are no data of a datastore.
	Structures []*Node
	// Nodes holds every schema node by its ID.
	Nodes []*Node

	byName      map[string]*Module
	byNamespace map[string]*Module
}

// Seal builds the look-up tables. compile calls it once, as its last act.
func (s *Schema) Seal() {
	s.Events = detached(s.Notifications)
	s.byName = make(map[string]*Module, len(s.Modules))
	s.byNamespace = make(map[string]*Module, len(s.Modules))
	for _, m := range s.Modules { // newest last, implemented wins
		if old := s.byName[m.Name]; old == nil || m.Implemented || !old.Implemented {
			s.byName[m.Name] = m
			s.byNamespace[m.Namespace] = m
		}
	}
	for _, n := range s.Nodes {
		n.seal()
	}
}

// Module returns the implemented module of that name, else the newest
// import-only one, else nil.
func (s *Schema) Module(name string) *Module { return s.byName[name] }

// ByNamespace is Module by XML namespace.
func (s *Schema) ByNamespace(ns string) *Module { return s.byNamespace[ns] }

// RPC returns the rpc of that name in the module with that namespace, or nil.
func (s *Schema) RPC(namespace, name string) *Node {
	for _, r := range s.RPCs {
		if r.Name == name && r.Module.Namespace == namespace {
			return r
		}
	}
	return nil
}

// Module is one module at one revision (RFC 7950, 7.1).
type Module struct {
	Name      string
	Namespace string
	Prefix    string
	// Revision is the newest revision date, "" if the module has none.
	Revision string
	// Version is "1" or "1.1" (RFC 7950, 7.1.2).
	Version string
	// Implemented is false for a module that is only imported (RFC 7950, 5.6.5).
	Implemented bool
	// Features are the names of the supported features, sorted.
	Features []string
	// Deviations are the names of the modules that deviate this one, sorted.
	Deviations []string
	Identities []*Identity
	Submodules []Submodule
	// Annotations are those that the module defines (RFC 7952), Extensions
	// the uses of extensions at its top that nobody compiled away.
	Annotations []*Annotation
	Extensions  []*Extension
	// Imports maps the prefixes of the module's own text to modules, the
	// module's own prefix included.
	Imports map[string]*Module
	// Organization, Contact and Description are the texts as written.
	Organization, Contact, Description string
	// Source is the module's text as loaded, for get-schema (RFC 6022, 3.1),
	// and File where it came from ("" for built-in ones).
	Source []byte
	File   string
}

// Submodule is an included submodule (RFC 7950, 7.2).
type Submodule struct {
	Name, Revision string
	Source         []byte
	File           string
}

// Annotation is a metadata annotation of a module (RFC 7952, 3).
type Annotation struct {
	Name        string
	Module      *Module
	Type        *Type
	Units       string
	Status      Status
	Description string
}

// Identity is an identity of a module (RFC 7950, 7.18).
type Identity struct {
	Name   string
	Module *Module
	// Bases are the direct ones; Derived is the transitive closure of
	// everything derived from this identity, itself excluded, sorted by
	// (module, name).
	Bases       []*Identity
	Derived     []*Identity
	Status      Status
	Description string
	Enabled     bool // false if an if-feature is not met
}

// String is the name in the form of RFC 7951, 6.8: module:name.
func (i *Identity) String() string { return i.Module.Name + ":" + i.Name }

// DerivedFrom reports whether i is derived, in one step or more, from base.
func (i *Identity) DerivedFrom(base *Identity) bool {
	for len(i.Bases) == 1 { // as nearly all are
		if i = i.Bases[0]; i == base {
			return true
		}
	}
	if len(i.Bases) == 0 {
		return false
	}
	seen := make(map[*Identity]bool)
	for todo := slices.Clone(i.Bases); len(todo) > 0; {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if b == base {
			return true
		}
		if !seen[b] {
			seen[b] = true
			todo = append(todo, b.Bases...)
		}
	}
	return false
}

// Status is the value of a "status" statement (RFC 7950, 7.21.2).
type Status uint8

// The three values, the default first.
const (
	Current Status = iota
	Deprecated
	Obsolete
)

func (s Status) String() string { return [...]string{"current", "deprecated", "obsolete"}[s] }

// Kind is the statement that a schema node comes from.
type Kind uint8

// All kinds of schema nodes. A short-hand case (RFC 7950, 7.9.2) is a KindCase.
const (
	KindRoot Kind = iota
	KindContainer
	KindList
	KindLeaf
	KindLeafList
	KindChoice
	KindCase
	KindAnydata
	KindAnyxml
	KindRPC
	KindAction
	KindInput
	KindOutput
	KindNotification
	// KindStructure is a yang-data or sx:structure template (RFC 8040, 8;
	// RFC 8791).
	KindStructure
)

func (k Kind) String() string {
	return [...]string{"root", "container", "list", "leaf", "leaf-list", "choice", "case", "anydata",
		"anyxml", "rpc", "action", "input", "output", "notification", "structure"}[k]
}

// Position is a place in a source text; Line and Column count from 1.
type Position struct {
	File         string
	Line, Column int
}

// Node is one node of the schema tree after uses, augment, refine, deviation
// and if-feature have been applied.
type Node struct {
	ID     int
	Kind   Kind
	Name   string
	Module *Module // owner of the namespace: the augmenting module for augmented nodes
	// Parent is the schema parent, choices and cases included; nil for Root
	// and for top-level rpcs, notifications and structures.
	Parent *Node
	// DataParent is the nearest ancestor that is not a choice or case.
	DataParent *Node
	// Children are all schema children in order; rpc and action have an
	// input and an output each; actions and notifications of a data node
	// are listed in Actions and Notifications instead.
	Children      []*Node
	Actions       []*Node
	Notifications []*Node
	// DataChildren are the children in data, choices and cases dissolved,
	// keys of a list first.
	DataChildren []*Node
	// Index is the place among DataParent.DataChildren, -1 for nodes that are
	// no data node (choice, case, rpc ...).
	Index int

	// Config is inherited (RFC 7950, 7.21.1), and false inside rpcs, actions
	// and notifications.
	Config      bool
	Mandatory   bool
	Presence    string // argument of "presence", "" if absent
	HasPresence bool
	OrderedBy   OrderedBy
	Type        *Type // leaf and leaf-list
	// Defaults are canonical values: one for a leaf, any number for a
	// leaf-list; the type's default applied (RFC 7950, 7.6.1). For a choice it
	// is DefaultCase.
	Defaults    []string
	DefaultCase *Node
	Units       string
	Keys        []*Node // list; also the first DataChildren
	IsKey       bool
	Unique      [][]*Node
	MinElements uint64
	MaxElements uint64 // 0 means unbounded (max-elements 0 is refused by compile)
	// Whens are the node's own when, and those of the uses, augment, choice
	// and case statements around it that are no data nodes themselves.
	Whens       []*XPath
	Musts       []*Must
	Status      Status
	Description string
	Reference   string
	Extensions  []*Extension
	Pos         Position

	// NACM extension statements (RFC 8341, 3.2.5, and 3.4.2).
	DefaultDenyWrite bool
	DefaultDenyAll   bool

	child map[string]*Node
}

// OrderedBy is the value of an "ordered-by" statement (RFC 7950, 7.7.7).
type OrderedBy uint8

// System is the default.
const (
	OrderedBySystem OrderedBy = iota
	OrderedByUser
)

// few is how many children are found faster one by one than in a map.
const few = 8

// seal builds child, by bare name: nil where a name belongs to several modules.
func (n *Node) seal() {
	if len(n.DataChildren) <= few {
		return
	}
	n.child = make(map[string]*Node, len(n.DataChildren))
	for _, c := range n.DataChildren {
		if _, twice := n.child[c.Name]; twice {
			n.child[c.Name] = nil
		} else {
			n.child[c.Name] = c
		}
	}
}

// Child returns the data child of that name in the module of that name; with
// module "" the bare name must be unambiguous. It returns nil if there is none.
func (n *Node) Child(module, name string) *Node {
	return n.find(name, module == "", func(m *Module) bool { return m.Name == module })
}

// ChildNS is Child by XML namespace.
func (n *Node) ChildNS(namespace, name string) *Node {
	return n.find(name, false, func(m *Module) bool { return m.Namespace == namespace })
}

func (n *Node) find(name string, anyModule bool, is func(*Module) bool) *Node {
	if n.child != nil {
		c, known := n.child[name]
		switch {
		case !known:
			return nil
		case c != nil:
			if anyModule || is(c.Module) {
				return c
			}
			return nil
		case anyModule:
			return nil
		}
	}
	var found *Node
	for _, c := range n.DataChildren {
		switch {
		case c.Name != name:
		case anyModule && found != nil:
			return nil
		case anyModule:
			found = c
		case is(c.Module):
			return c
		}
	}
	return found
}

// IsData reports whether n can have instances in a datastore.
func (n *Node) IsData() bool {
	switch n.Kind {
	case KindContainer, KindList, KindLeaf, KindLeafList, KindAnydata, KindAnyxml:
		return true
	}
	return false
}

// Case returns the case that n is in directly (the innermost case ancestor
// below the data parent), or nil.
func (n *Node) Case() *Node {
	for p := n.Parent; p != nil && p != n.DataParent; p = p.Parent {
		if p.Kind == KindCase {
			return p
		}
	}
	return nil
}

// Input is what is put into an rpc or action, and Output what comes out: each has both
// (RFC 7950, 7.14.2 and 7.14.3), and other nodes neither.
func (n *Node) Input() *Node { return n.part(KindInput) }

// Output is the other side of Input.
func (n *Node) Output() *Node { return n.part(KindOutput) }

func (n *Node) part(k Kind) *Node {
	for _, c := range n.Children {
		if c.Kind == k {
			return c
		}
	}
	return nil
}

// Path is the schema path, each step as module:name where the module changes,
// choices and cases included: /ietf-interfaces:interfaces/interface/name.
func (n *Node) Path() string {
	if n.Kind == KindRoot {
		return "/"
	}
	if n.Parent == nil || n.Parent.Kind == KindRoot {
		return "/" + n.Module.Name + ":" + n.Name
	}
	if n.Parent.Module == n.Module {
		return n.Parent.Path() + "/" + n.Name
	}
	return n.Parent.Path() + "/" + n.Module.Name + ":" + n.Name
}

// XPath is an expression with the context that its prefixes need
// (RFC 7950, 6.4.1). yang/xpath compiles it.
type XPath struct {
	Source string
	// Module gives the meaning of a name without prefix and of the prefixes
	// (its Imports). For an expression in a grouping that is the module that
	// defines the grouping for prefixes, but the using module for names
	// without prefix: Default.
	Module  *Module
	Default *Module
	// Context is the schema node that the expression is evaluated at, where it
	// is not the node that carries it: the when of an augment or uses is
	// evaluated at the data parent (RFC 7950, 7.21.5). Never nil.
	Context *Node
	Pos     Position
}

// Must is a "must" statement (RFC 7950, 7.5.3).
type Must struct {
	XPath        *XPath
	ErrorMessage string
	ErrorAppTag  string
	Description  string
}

// Extension is an extension statement that nobody compiled away.
type Extension struct {
	Module   *Module // that defines it
	Name     string
	Argument string
	Children []*Extension
}
