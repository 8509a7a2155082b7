// SPDX-License-Identifier: Apache-2.0

package push

import (
	"slices"

	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// maxChurn bounds the changes that a Trail remembers beside the two ends.
const maxChurn = 10_000

// Trail is what one subscriber has been told of a selection, and what has happened to
// it since.
type Trail struct {
	sent, seen *tree.Node // the selection as he has been told it, and as it is
	at         *Step      // of seen
	view       *nacm.View // and the rights, and the key of the selection
	key        string
	since      []*Delta // from sent to seen
	size       int      // of since, in changes
}

// Begin makes the selection in s what he has been told.
func (t *Trail) Begin(w *Watch, s *Step, sel Selection) error {
	view := w.view()
	root, err := w.see(view, s, sel)
	if err != nil {
		return err
	}
	*t = Trail{sent: root, seen: root, at: s, view: view, key: sel.Key}
	return nil
}

// Root is the selection as it is; nil or empty if nothing is selected.
func (t *Trail) Root() *tree.Node { return t.seen }

// Behind reports whether something has happened that he has not been told.
func (t *Trail) Behind() bool { return t.size > 0 }

// Advance goes on to a later version, with the rights that he has now: what he may not
// read any more is gone, as RFC 8641, 3.3 has it.
func (t *Trail) Advance(w *Watch, s *Step, sel Selection) error {
	view := w.view()
	if view == t.view && sel.Key == t.key && s.same(t.at, sel) {
		t.at = s
		return nil
	}
	root, err := w.see(view, s, sel)
	if err != nil {
		return err
	}
	if root != t.seen {
		if d := w.Delta(s, t.seen, root); len(d.changes) > 0 {
			t.note(d)
		}
	}
	t.seen, t.at, t.view, t.key = root, s, view, sel.Key
	return nil
}

// Anew is Advance for another selection of the version that it is at.
func (t *Trail) Anew(w *Watch, sel Selection) error { return t.Advance(w, t.at, sel) }

func (t *Trail) note(d *Delta) {
	if t.size > maxChurn { // what came and went again is not told: the ends are right
		t.since, t.size = nil, 1
		return
	}
	t.since, t.size = append(t.since, d), t.size+len(d.changes)
}

// Take is what he is to be told, and makes it what he has been told. One version is
// the difference that all share. Of several, each node is named once, with what it is
// now; one that is again what it was is named with what was done to it last, so that he
// sees that something went on (RFC 8641, 3.3).
func (t *Trail) Take(w *Watch) *Delta {
	since := t.since
	from := t.sent
	t.sent, t.since, t.size = t.seen, nil, 0
	if len(since) == 1 {
		return since[0]
	}
	net := w.Delta(t.at, from, t.seen)
	if len(since) == 0 {
		return net
	}
	all := churn(net.changes, since, t.seen)
	if len(all) == len(net.changes) {
		return net
	}
	return &Delta{changes: all}
}

// churn adds to the net of deltas what they did and undid again, as it is in root now.
func churn(net []tree.Change, since []*Delta, root *tree.Node) []tree.Change {
	above, at := make(map[string]bool), make(map[string]bool)
	cover := func(p tree.Path) {
		at[p.String()] = true
		for i := range p {
			above[p[:i].String()] = true
		}
	}
	covered := func(p tree.Path) bool {
		if above[p.String()] {
			return true
		}
		for i := len(p); i > 0; i-- {
			if at[p[:i].String()] {
				return true
			}
		}
		return false
	}
	for _, c := range net {
		cover(c.Path)
	}
	var more []tree.Change
	for _, d := range slices.Backward(since) { // what was done last counts
		for _, c := range slices.Backward(d.changes) {
			if !covered(c.Path) {
				cover(c.Path)
				if c.Insert != (tree.Insert{}) {
					c.Insert = place(root, c.Path)
				}
				more = append(more, c)
			}
		}
	}
	slices.Reverse(more)
	return append(slices.Clip(net), more...)
}

// place is where an entry of a list or leaf-list ordered by the user is.
func place(root *tree.Node, p tree.Path) tree.Insert {
	parent, last := root, p[len(p)-1]
	if len(p) > 1 {
		up, _ := root.Find(p[:len(p)-1])
		parent = up.Node
	}
	at := tree.Insert{Where: tree.First}
	if last.Schema.Kind == yang.KindLeafList {
		for v := range parent.LeafList(last.Schema).All() {
			if v == last.Value {
				break
			}
			at = tree.Insert{Where: tree.After, Anchor: tree.Key(v)}
		}
		return at
	}
	for e := range parent.List(last.Schema).All() {
		if e.Key() == last.Key {
			break
		}
		at = tree.Insert{Where: tree.After, Anchor: e.Key()}
	}
	return at
}
