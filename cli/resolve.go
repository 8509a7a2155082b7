// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// purpose is what the words of a path are for.
type purpose uint8

const (
	toSet purpose = iota
	toDelete
	toEdit
	toInsert
	toCopy // an entry of a list
	toShowConfig
	toShowState // configuration and state
	toRequest   // what has rpcs or actions
)

// place is an instance: what the words up to it came to.
type place struct {
	node  *node
	path  string   // instance path, "/" for the root
	words []string // one for each step, keys included
	keys  []string // of the entry of a list
	keyed bool     // a list entry or an entry of a leaf-list, not all of them
	up    *place
}

func (p *place) String() string { return strings.Join(p.words, " ") }

// child is the place of a child of p.
func (p *place) child(n *node) *place {
	return &place{node: n, path: strings.TrimSuffix(p.path, "/") + "/" + n.step(),
		words: append(slices.Clip(p.words), n.label), up: p}
}

// entry is one entry of the list p.
func (p *place) entry(keys []string) *place {
	e := *p
	e.keyed, e.keys = true, keys
	text := p.words[len(p.words)-1]
	for i, v := range keys {
		switch {
		case p.node.isLeafList():
			e.path += predicate(".", v)
		case len(p.node.Keys) == 0:
			e.path += "[" + v + "]"
		default:
			e.path += predicate(p.node.Keys[i], v)
		}
		text += " " + quote(v)
	}
	e.words = append(slices.Clip(p.words[:len(p.words)-1]), text)
	return &e
}

// edit is one thing that a set line does: with create the existence of a node,
// else a value (nil for a leaf of type empty).
type edit struct {
	path   string
	value  *string
	create bool
	word   word // that a refusal is about
}

// expecting is what the next word must be.
type expecting uint8

const (
	expectChild expecting = iota
	expectKey
	expectValue
	expectMember // of a list of values in brackets, or its end
	expectEnd
)

// resolver reads the words of a path, one by one, from a place in the schema.
type resolver struct {
	schemas *schemas
	purpose purpose
	at      *place
	next    expecting
	keys    []string // of the list at, as far as given
	keyName []*node
	last    word // the word read last
	edits   []edit
	targets []*place // delete of entries of a leaf-list
	done    bool     // what was read is complete as it is
	made    bool     // the last words name a node that naming makes
}

func newResolver(s *schemas, from *place, p purpose) *resolver {
	return &resolver{schemas: s, purpose: p, at: from}
}

// offered are the children that a word may name here.
func (r *resolver) offered(ctx context.Context) ([]*node, error) {
	all, err := r.schemas.childrenOf(ctx, r.at.node)
	if err != nil {
		return nil, err
	}
	keep := make([]*node, 0, len(all))
	for _, c := range all {
		switch {
		case c.IsKey && c.parent.isList():
		case r.purpose == toRequest:
			if c.inner() {
				keep = append(keep, c)
			}
		case r.purpose != toShowState && !c.Config && !inInput(c):
		case (r.purpose == toEdit || r.purpose == toCopy) && !c.inner():
		case r.purpose == toInsert && !c.inner() && !(c.isLeafList() && c.OrderedByUser):
		default:
			keep = append(keep, c)
		}
	}
	return keep, nil
}

// inInput reports whether a node is of the input of an rpc or action, which is no state.
func inInput(n *node) bool {
	for ; n != nil; n = n.parent {
		if n.operation() {
			return true
		}
	}
	return false
}

// read takes the next word.
func (r *resolver) read(ctx context.Context, w word) (err error) {
	switch r.next {
	case expectChild:
		err = r.readName(ctx, w)
	case expectKey:
		err = r.readKey(ctx, w)
	case expectValue:
		if r.at.node.isLeafList() && w.special("[") {
			r.next, r.done = expectMember, false
			break
		}
		err = r.readValue(w)
	case expectMember:
		if !w.special("]") {
			err = r.readValue(w)
			break
		}
		if len(r.edits)+len(r.targets) == 0 {
			err = at(w.start, w.end, "cannot use an empty list of values")
		}
		r.valueDone()
	default:
		err = at(w.start, w.end, "cannot read "+shown(w)+": nothing can follow "+quote(r.at.node.label))
	}
	r.last = w
	return err
}

func shown(w word) string {
	text := w.text
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "..."
	}
	return strconv.Quote(text)
}

func (r *resolver) readName(ctx context.Context, w word) error {
	nodes, err := r.offered(ctx)
	if err != nil {
		return err
	}
	var n *node
	var near []*node
	if !w.quoted {
		n, near = find(nodes, w.text)
	}
	if n == nil {
		return r.notFound(w, near, nodes)
	}
	r.at, r.done, r.made = r.at.child(n), false, false
	switch n.Kind {
	case "container":
		r.next, r.done, r.made = expectChild, r.purpose != toSet || n.Presence, n.Presence
		if r.purpose == toInsert || r.purpose == toCopy {
			r.done = false
		}
	case "list":
		r.keys = nil
		if r.keyName, err = r.schemas.keys(ctx, n); err != nil {
			return err
		}
		r.next = expectKey
		r.done = r.purpose == toDelete || r.purpose == toShowConfig || r.purpose == toShowState
	case "leaf-list":
		r.next = expectValue
		if r.purpose == toShowConfig || r.purpose == toShowState {
			r.next = expectEnd
		}
		r.done = r.purpose != toSet && r.purpose != toInsert
	case "leaf":
		switch {
		case r.purpose != toSet:
			r.next, r.done = expectEnd, true
		case n.Type == "empty":
			r.edits = append(r.edits, edit{path: r.at.path, word: w})
			r.valueDone()
		default:
			r.next = expectValue
		}
	default: // anydata, anyxml
		r.next, r.done = expectEnd, true
		if r.purpose == toSet {
			return at(w.start, w.end, "cannot set "+quote(n.label)+" here: it is "+n.Kind+"; use load merge xml or json")
		}
	}
	return nil
}

// notFound explains a word that names no child.
func (r *resolver) notFound(w word, near, all []*node) error {
	where := " here"
	if !r.at.node.isRoot() {
		where = " in " + quote(r.at.node.label)
	}
	if len(near) > 1 {
		return at(w.start, w.end, "cannot tell which "+shown(w)+" is meant"+where, labels(near)...)
	}
	if len(all) == 0 {
		return at(w.start, w.end, "cannot find "+shown(w)+where+": nothing can follow")
	}
	return at(w.start, w.end, "cannot find "+shown(w)+where, labels(all)...)
}

func labels(nodes []*node) []string {
	l := make([]string, len(nodes))
	for i, n := range nodes {
		l[i] = n.label
	}
	return l
}

func (r *resolver) readKey(ctx context.Context, w word) error {
	list := r.at.node
	if len(list.Keys) == 0 {
		if n, err := strconv.ParseUint(w.text, 10, 31); err != nil || n == 0 {
			return at(w.start, w.end, "cannot find "+shown(w)+" in "+quote(list.label), "the position of an entry, from 1")
		}
		r.keys = append(r.keys, w.text)
	} else {
		v, err := r.value(r.keyName[len(r.keys)], w)
		if err != nil {
			return err
		}
		r.keys = append(r.keys, v)
	}
	r.done = false
	if len(r.keys) < len(list.Keys) {
		return nil
	}
	r.at = r.at.entry(r.keys)
	r.next, r.made = expectChild, true
	r.done = r.purpose != toInsert || list.OrderedByUser
	return nil
}

func (r *resolver) readValue(w word) error {
	if !w.quoted && (w.text == "[" || w.text == "]") {
		return at(w.start, w.end, "cannot use "+w.text+" as a value here: quote it if it is one")
	}
	v, err := r.value(r.at.node, w)
	if err != nil {
		return err
	}
	if r.purpose == toSet {
		r.edits = append(r.edits, edit{path: r.at.path, value: &v, word: w})
	} else {
		r.targets = append(r.targets, r.at.entry([]string{v}))
	}
	if r.next == expectValue {
		r.valueDone()
	}
	return nil
}

// valueDone goes on after a value: set lines may name more nodes beside it.
func (r *resolver) valueDone() {
	r.done, r.made = true, false
	if r.purpose != toSet {
		r.next = expectEnd
		return
	}
	r.at, r.next = r.at.up, expectChild
}

// value checks a word against the values that a node offers, where it offers all
// there are, and gives an identity its module (RFC 7951, 6.8).
func (r *resolver) value(n *node, w word) (string, error) {
	if len(n.Values) == 0 || slices.Contains(n.Values, w.text) {
		return w.text, nil
	}
	var full []string
	for _, v := range n.Values {
		if _, name, ok := strings.Cut(v, ":"); ok && name == w.text {
			full = append(full, v)
		}
	}
	switch n.Type {
	case "identityref", "leafref":
		if len(full) == 1 {
			return full[0], nil
		}
		if len(full) > 1 {
			return "", at(w.start, w.end, "cannot tell which "+shown(w)+" is meant", full...)
		}
	}
	switch n.Type {
	case "identityref", "enumeration", "boolean":
		return "", at(w.start, w.end, "cannot use "+shown(w)+" for "+quote(n.label), shortValues(n)...)
	}
	return w.text, nil
}

// shortValues are the values that a node offers, identities without their module
// where that is clear.
func shortValues(n *node) []string {
	if n.Type != "identityref" && n.Type != "leafref" {
		return n.Values
	}
	count := make(map[string]int, len(n.Values))
	for _, v := range n.Values {
		count[v[strings.IndexByte(v, ':')+1:]]++
	}
	short := make([]string, len(n.Values))
	for i, v := range n.Values {
		if short[i] = v[strings.IndexByte(v, ':')+1:]; count[short[i]] > 1 {
			short[i] = v
		}
	}
	return short
}

// finish checks that the words are complete; end is where the line ends.
func (r *resolver) finish(ctx context.Context, end int) error {
	if r.purpose == toSet && r.made {
		r.edits = append(r.edits, edit{path: r.at.path, create: true, word: r.last})
	}
	if r.done {
		return nil
	}
	switch r.next {
	case expectKey:
		name := "position"
		if len(r.keys) < len(r.keyName) {
			name = r.keyName[len(r.keys)].label
		}
		return at(end, end+1, "cannot go on without the "+name+" of "+quote(r.at.node.label), "<"+name+">")
	case expectValue:
		expected := "<" + r.at.node.label + ">"
		if t := typeText(&r.at.node.Schema); t != "" {
			expected += ", " + t
		}
		return at(end, end+1, "cannot go on without a value", expected)
	case expectMember:
		return at(end, end+1, "cannot find the end of the values", "]")
	}
	nodes, err := r.offered(ctx)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return at(end, end+1, "cannot do this: there is nothing that can follow")
	}
	return at(end, end+1, "cannot go on without a name", labels(nodes)...)
}

// resolve reads all words.
func (r *resolver) resolve(ctx context.Context, words []word, end int) error {
	for _, w := range words {
		if err := r.read(ctx, w); err != nil {
			return err
		}
	}
	return r.finish(ctx, end)
}
