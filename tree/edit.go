// SPDX-License-Identifier: Apache-2.0

package tree

import "nso.example/nso/yang"

// Op is an operation on one node (RFC 6241, 7.2).
type Op uint8

// The operations. OpMerge is the zero value, as in RFC 6241.
const (
	OpMerge Op = iota
	OpReplace
	OpCreate
	OpDelete
	OpRemove
	OpNone
)

func (o Op) String() string {
	return [...]string{"merge", "replace", "create", "delete", "remove", "none"}[o]
}

// Where is the value of an "insert" attribute (RFC 7950, 7.7.9 and 7.8.6).
type Where uint8

// The places. The zero value is "as it is, new ones last".
const (
	First Where = iota + 1
	Last
	Before
	After
)

func (w Where) String() string { return [...]string{"", "first", "last", "before", "after"}[w] }

// Insert is a place in a list or leaf-list ordered by the user. Anchor is the
// key, or the value of a leaf-list, that Before and After refer to.
type Insert struct {
	Where  Where
	Anchor Key
}

// Edit is what a client intends with one node and what is below it. Every Edit
// says its own operation: inheritance of RFC 6241, 7.2 is the decoder's work.
type Edit struct {
	Schema *yang.Node
	Op     Op
	// Whole says that Op, a delete, remove or replace, is for all entries of a
	// list or leaf-list at once. The Tree of a replace is then a node of the
	// parent's schema, which holds the entries that shall be.
	Whole bool
	Key   Key    // list entry
	Value string // leaf, leaf-list entry; canonical
	Any   Any    // anydata, anyxml
	// Insert is for entries of lists and leaf-lists ordered by the user. With
	// OpNone it moves an entry that must exist.
	Insert Insert
	// Tree is a part of the content (of a container, list entry or the root)
	// in which Op is the operation of each node. It is done before Children
	// and costs least: what does not exist yet is taken over as it is.
	Tree *Node
	// Children are edits of children. Keys of a list entry need not be there.
	Children []Edit
}

// Access is what an edit does to a node, for access control (RFC 8341, 3.2.2).
type Access uint8

// The access operations of RFC 8341, 3.2.2 that write.
const (
	Create Access = iota + 1
	Update
	Delete
	// Name is no operation of the RFC: the edit names the node. Who has no right of
	// any kind to it is refused.
	Name
	// See is none either: the answer would tell whether the node is there. For who may
	// not read it, it is not.
	See
)

func (a Access) String() string {
	return [...]string{"", "create", "update", "delete", "name", "see"}[a]
}

// Guard decides whether a node may be touched; an error refuses the edit. It is
// asked as the package comment says. p is reused: Clone it to keep it. An
// *mgmterr.Error without path is given the path of the node.
type Guard func(p Path, what Access) error

// Split takes an edit apart by one level: the edits of its children, those of
// its Tree included.
func (e *Edit) Split() []Edit {
	var all []Edit
	if e.Whole {
		return nil
	}
	_ = eachChild(e.Tree, e.Op, func(c *Edit) error { // never fails
		all = append(all, *c)
		return nil
	})
	return append(all, e.Children...)
}
