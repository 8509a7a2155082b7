// SPDX-License-Identifier: Apache-2.0

package tree

// shows reports whether a child of the node at hand, if there is one, is there for whom
// the edit is made.
func (a *applier) shows(s Step) bool { return a.guard == nil || a.ask(s, See) == nil }

// showsKid reports whether anything in k, a child of the node at hand, is there for
// whom the edit is made. It ends at the first that is.
func (a *applier) showsKid(k kid) bool {
	if a.guard == nil {
		return true
	}
	s := k.Schema()
	switch k := k.(type) {
	case *Node:
		return a.showsNode(Step{Schema: s}, k)
	case *LeafList:
		for v := range k.All() {
			if a.shows(Step{Schema: s, Value: v, HasKey: true}) {
				return true
			}
		}
		return false
	case *List:
		i := 0
		for e := range k.All() {
			if a.showsNode(Step{Schema: s, Key: keyAt(e, i), HasKey: true}, e) {
				return true
			}
			i++
		}
		return false
	}
	return a.shows(Step{Schema: s})
}

func (a *applier) showsNode(st Step, n *Node) bool {
	if hasExistence(st.Schema) {
		return a.shows(st)
	}
	a.path = append(a.path, st)
	defer func() { a.path = a.path[:len(a.path)-1] }()
	for s := range n.Leaves() {
		if a.shows(Step{Schema: s}) {
			return true
		}
	}
	for _, k := range n.kids {
		if a.showsKid(k) {
			return true
		}
	}
	return false
}
