// SPDX-License-Identifier: Apache-2.0

package users

import (
	"slices"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// cryptHash is the type whose values are hashed.
const cryptHash = "iana-crypt-hash:crypt-hash"

// Hasher hashes the passwords that a transaction is given in clear.
type Hasher struct {
	// holds are the nodes that are of the type, or have one below.
	holds map[*yang.Node]bool
}

// NewHasher is a Hasher for data of a schema.
func NewHasher(schema *yang.Schema) *Hasher {
	h := &Hasher{holds: make(map[*yang.Node]bool)}
	h.look(schema.Root)
	return h
}

func (h *Hasher) look(n *yang.Node) bool {
	found := n.Type != nil && isHash(n.Type, 0)
	for _, c := range n.DataChildren {
		found = h.look(c) || found
	}
	if found {
		h.holds[n] = true
	}
	return found
}

// maxUnions bounds unions in unions.
const maxUnions = 16

func isHash(t *yang.Type, depth int) bool {
	return slices.Contains(t.Typedefs, cryptHash) ||
		depth < maxUnions && slices.ContainsFunc(t.Union, func(m *yang.Type) bool { return isHash(m, depth+1) })
}

// found is a password in clear.
type found struct {
	path  tree.Path
	value string
}

// Hash returns after with each password in clear that is not in before replaced by its
// hash ("When such a value is received", iana-crypt-hash). It costs what differs.
func (h *Hasher) Hash(before, after *tree.Node) (*tree.Node, error) {
	if before == after || !h.holds[after.Schema()] {
		return after, nil
	}
	var all []found
	if err := h.find(before, after, nil, &all); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return after, nil
	}
	ed := tree.NewEditor(after)
	for _, f := range all {
		password, _ := inClear(f.value)
		value, err := sum(password)
		if err != nil {
			return nil, refuse(f.path, "cannot use %s", err)
		}
		if err := ed.Set(f.path, value); err != nil {
			return nil, err
		}
	}
	return ed.Root(), nil
}

func refuse(p tree.Path, format string, args ...any) error {
	return mgmterr.New(mgmterr.InvalidValue, p.String(), format, args...)
}

// find collects the passwords in clear in what differs.
func (h *Hasher) find(before, after *tree.Node, at tree.Path, all *[]found) error {
	if before == after || after == nil {
		return nil
	}
	for _, c := range after.Schema().DataChildren {
		if !h.holds[c] {
			continue
		}
		here := append(at[:len(at):len(at)], tree.Step{Schema: c})
		last := &here[len(here)-1]
		switch c.Kind {
		case yang.KindLeaf:
			value, _ := after.Leaf(c)
			if _, ok := inClear(value); ok {
				if c.IsKey {
					return refuse(at[:len(at)-1], "cannot hash a password that is a key; write the hash")
				}
				*all = append(*all, found{here, value})
			}
		case yang.KindLeafList:
			for value := range after.LeafList(c).All() {
				if _, ok := inClear(value); ok {
					return refuse(here, "cannot hash a password in a leaf-list; write the hash")
				}
			}
		case yang.KindContainer:
			if err := h.find(before.Container(c), after.Container(c), here, all); err != nil {
				return err
			}
		case yang.KindList:
			for old, entry := range tree.DiffEntries(before.List(c), after.List(c)) {
				if entry == nil {
					continue
				}
				last.Key, last.HasKey = entry.Key(), true
				if err := h.find(old, entry, here.Clone(), all); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
