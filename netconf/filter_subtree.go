// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"bytes"
	"slices"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

const (
	// filterNodes bounds what a filter is kept as. One of that size is a mistake:
	// it asks for more than reading all would give.
	filterNodes = 100_000
	// filterSteps bounds how long a filter may look.
	filterSteps = 20_000_000
)

// subtree is a subtree filter (RFC 6241, 6), compiled against the schema: what
// names nothing in it has become "nothing".
type subtree struct{ root *selector }

// selector is what one sibling set of the filter asks of an instance of schema:
// one element of the filter that has children, or <filter> itself.
type selector struct {
	schema  *yang.Node
	never   bool    // a content match that no instance can pass
	narrow  bool    // there are selection or containment nodes: not all is taken
	matches []match // all must hold (6.2.5)
	wants   []*want // by the schema's Index once read
}

// match is a content match node (6.2.5). With the wildcard namespace (6.2.1) it
// may mean leaves of several modules, one of which is enough.
type match []struct {
	leaf  *yang.Node
	value string
}

// want is what selectors ask of the children with one schema node: the union of
// all siblings that name it.
type want struct {
	schema *yang.Node
	whole  bool                     // a selection node (6.2.4)
	keyed  map[tree.Key][]*selector // those that name one list entry
	rest   []*selector
}

// subtree reads the content of <filter>, to its End.
func (q *request) subtree() (filter, error) {
	p := &filterParser{q: q, r: q.r}
	root := &selector{schema: q.schema().Root}
	if err := p.children([]*selector{root}, nil); err != nil {
		return nil, err
	}
	if len(root.matches) == 0 {
		root.narrow = true // RFC 6241, 6.4.2: an empty filter selects nothing
	}
	return &subtree{root}, nil
}

type filterParser struct {
	q    *request
	r    *xmlstream.Reader
	kept int
}

// keep counts what the filter is made of.
func (p *filterParser) keep() error {
	if p.kept++; p.kept > filterNodes {
		return mgmterr.New(mgmterr.TooBig, "", "cannot use a filter of more than %d nodes", filterNodes).OfType(mgmterr.Protocol)
	}
	return nil
}

// children reads siblings up to the End of their parent, on behalf of the
// selectors that the parent may mean: one, or with wildcards several, or none.
// first is their first token if it has been read.
func (p *filterParser) children(of []*selector, first *xmlstream.Token) (err error) {
	for t := first; ; t = nil {
		if t == nil {
			if t, err = p.r.Next(); err != nil {
				return xmlFault(err)
			}
		}
		switch t.Kind {
		case xmlstream.EOF:
			return nil
		case xmlstream.End:
			for _, s := range of {
				s.finish()
			}
			return nil
		case xmlstream.Text:
			if !t.White {
				return mixed()
			}
		case xmlstream.Start:
			if len(of) == 0 {
				err = p.r.Skip()
			} else {
				err = p.element(of, t)
			}
			if err != nil {
				return xmlFault(err)
			}
		}
	}
}

// mixed is RFC 6241, 6.2.5: filtering of mixed content is not supported.
func mixed() error {
	return mgmterr.New(mgmterr.BadElement, "", "cannot filter by an element that holds both text and elements").OfType(mgmterr.Protocol).
		WithInfo("bad-element", "filter")
}

// element reads one node of the filter.
func (p *filterParser) element(of []*selector, t *xmlstream.Token) error {
	name := t.Name
	// 6.2.2: no data here has attributes, so that an attribute match never holds.
	// Declarations of namespaces are not among Attrs.
	impossible := len(t.Attrs) > 0
	t, err := p.r.Next()
	if err != nil {
		return err
	}
	var m []match
	if t.Kind == xmlstream.Text {
		text := bytes.Trim(t.Text, " \t\r\n") // 6.2.5: white space around is ignored
		if len(text) > 0 {
			m = p.contentMatches(of, name, string(text), impossible)
		}
		white := t.White
		if t, err = p.r.Next(); err != nil {
			return err
		}
		if t.Kind == xmlstream.Start && !white {
			return mixed()
		}
	}
	switch {
	case m != nil:
		for i, s := range of {
			if m[i] == nil {
				s.never = true
				continue
			}
			if err := p.keep(); err != nil {
				return err
			}
			s.matches = append(s.matches, m[i])
		}
		return nil
	case t.Kind == xmlstream.End: // a selection node
		for _, s := range of {
			s.narrow = true
			if impossible {
				continue
			}
			for c := range named(s.schema, name) {
				if w := s.want(c); !w.whole {
					if err := p.keep(); err != nil {
						return err
					}
					w.whole = true
				}
			}
		}
		return nil
	}
	// A containment node (6.2.3).
	var below []*selector
	for _, s := range of {
		s.narrow = true
		if impossible {
			continue
		}
		for c := range named(s.schema, name) {
			if c.Kind == yang.KindContainer || c.Kind == yang.KindList {
				below = append(below, &selector{schema: c})
			}
		}
	}
	if err := p.children(below, t); err != nil {
		return err
	}
	i := 0
	for _, s := range of {
		for i < len(below) && below[i].schema.DataParent == s.schema {
			if b := below[i]; !b.never && !b.hopeless() {
				if err := p.keep(); err != nil {
					return err
				}
				s.want(b.schema).add(b)
			}
			i++
		}
	}
	return nil
}

// contentMatches are the matches of one content match node, for each selector;
// nil where none can hold. The reader stands at the text.
func (p *filterParser) contentMatches(of []*selector, name xmlstream.Name, text string, impossible bool) []match {
	all := make([]match, len(of))
	if impossible {
		return all
	}
	for i, s := range of {
		for c := range named(s.schema, name) {
			if c.Kind != yang.KindLeaf && c.Kind != yang.KindLeafList {
				continue
			}
			if v, err := value.Parse(c.Type, text, scope{p.q}); err == nil {
				all[i] = append(all[i], struct {
					leaf  *yang.Node
					value string
				}{c, v})
			}
		}
	}
	return all
}

// scope resolves prefixes inside values by the declarations in scope at the last
// token.
type scope struct{ q *request }

// Module makes scope a value.Resolver.
func (s scope) Module(prefix string) (string, bool) {
	uri, ok := s.q.r.Lookup(prefix)
	if !ok {
		return "", prefix == "" // no default namespace: any module will do
	}
	if m := s.q.schema().ByNamespace(uri); m != nil {
		return m.Name, true
	}
	return "", false
}

// named iterates over the data children that a name in the filter means: with no
// namespace those of all modules (6.2.1).
func named(parent *yang.Node, n xmlstream.Name) func(yield func(*yang.Node) bool) {
	return func(yield func(*yang.Node) bool) {
		if n.Space != "" {
			if c := parent.ChildNS(n.Space, n.Local); c != nil {
				yield(c)
			}
			return
		}
		for _, c := range parent.DataChildren {
			if c.Name == n.Local && !yield(c) {
				return
			}
		}
	}
}

func (s *selector) want(c *yang.Node) *want {
	for i := len(s.wants) - 1; i >= 0; i-- {
		if s.wants[i].schema == c {
			return s.wants[i]
		}
	}
	w := &want{schema: c}
	s.wants = append(s.wants, w)
	return w
}

func byIndex(a, b *want) int { return a.schema.Index - b.schema.Index }

// finish is called when all of the sibling set has been read.
func (s *selector) finish() { slices.SortFunc(s.wants, byIndex) }

// hopeless reports whether s selects nothing of any instance.
func (s *selector) hopeless() bool { return s.narrow && len(s.wants) == 0 && len(s.matches) == 0 }

func (w *want) add(s *selector) {
	if k, ok := s.key(); ok {
		if w.keyed == nil {
			w.keyed = make(map[tree.Key][]*selector)
		}
		w.keyed[k] = append(w.keyed[k], s)
		return
	}
	w.rest = append(w.rest, s)
}

// key is the key of the only list entry that can pass the matches.
func (s *selector) key() (tree.Key, bool) {
	keys := s.schema.Keys
	if s.schema.Kind != yang.KindList || len(keys) == 0 {
		return "", false
	}
	values := make([]string, len(keys))
	for i, k := range keys {
		found := false
		for _, m := range s.matches {
			if len(m) == 1 && m[0].leaf == k {
				values[i], found = m[0].value, true
				break
			}
		}
		if !found {
			return "", false
		}
	}
	return tree.MakeKey(s.schema, values...), true
}

// tops implements filter.
func (f *subtree) tops() []*yang.Node {
	tops := []*yang.Node{}
	if f.root.never {
		return tops
	}
	if !f.root.narrow {
		return nil
	}
	for _, w := range f.root.wants {
		tops = append(tops, w.schema)
	}
	for _, m := range f.root.matches {
		for _, alternative := range m {
			tops = append(tops, alternative.leaf)
		}
	}
	return tops
}

// apply implements filter.
func (f *subtree) apply(root *tree.Node) (*tree.Node, error) {
	run := &selection{build: tree.NewBuilder(f.root.schema)}
	active := run.passed(root, []*selector{f.root}, nil)
	switch {
	case len(active) == 0:
		return nil, nil
	case !f.root.narrow:
		return root, nil
	}
	if _, err := run.content(root, active); err != nil {
		return nil, err
	}
	return run.build.Done()
}

// selection is one run of a filter over data.
type selection struct {
	build *tree.Builder
	steps int
}

func (r *selection) step(n int) error {
	if r.steps += n; r.steps > filterSteps {
		return mgmterr.New(mgmterr.ResourceDenied, "", "cannot filter: it takes too many steps; name the keys of the entries that you want").
			OfType(mgmterr.Protocol)
	}
	return nil
}

// passed appends those of the selectors to active whose content matches hold for n.
func (r *selection) passed(n *tree.Node, from, active []*selector) []*selector {
	for _, s := range from {
		if !s.never && s.holds(n) {
			active = append(active, s)
		}
	}
	return active
}

func (s *selector) holds(n *tree.Node) bool {
	for _, m := range s.matches {
		found := false
		for _, alternative := range m {
			if alternative.leaf.Kind == yang.KindLeafList {
				found = n.LeafList(alternative.leaf).Has(alternative.value)
			} else {
				v, ok := n.Leaf(alternative.leaf)
				found = ok && v == alternative.value
			}
			if found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// one puts what the active selectors take of n, a container or entry, into the
// node that is being built.
func (r *selection) one(n *tree.Node, active []*selector) (bool, error) {
	if len(active) == 0 {
		return false, nil
	}
	for _, s := range active {
		if !s.narrow {
			return true, r.build.Add(n) // shared, not copied
		}
	}
	if len(active) == 1 && active[0].covers(n) {
		return true, r.build.Add(n)
	}
	r.build.Open(n.Schema())
	some, err := r.content(n, active)
	if err != nil {
		return false, err
	}
	if !some {
		r.build.Abort()
		return false, nil
	}
	for _, k := range n.Schema().Keys { // content has left them out
		if v, ok := n.Leaf(k); ok {
			if err := r.build.Leaf(k, v); err != nil {
				return false, err
			}
		}
	}
	return true, r.build.Close()
}

// covers reports whether everything in n is selected, piece by piece.
func (s *selector) covers(n *tree.Node) bool {
	some := false
	for c := range n.Children() {
		switch {
		case s.names(c.Schema):
			some = true
		case !c.Schema.IsKey:
			return false
		}
	}
	return some
}

func (s *selector) names(c *yang.Node) bool {
	for _, w := range s.wants {
		if w.schema == c {
			return w.whole
		}
	}
	return false
}

// content puts the children of n that the active selectors take into the node
// that is being built, and reports whether there are any. Keys count and are left
// to the caller.
func (r *selection) content(n *tree.Node, active []*selector) (some bool, err error) {
	var leaves []*yang.Node
	take := func(leaf *yang.Node, ok bool) {
		if ok {
			some = true
			if !leaf.IsKey && !slices.Contains(leaves, leaf) {
				leaves = append(leaves, leaf)
			}
		}
	}
	cost := 1
	for _, s := range active {
		cost += len(s.wants) + len(s.matches)
		for _, m := range s.matches { // 6.2.5: content match nodes are in the output
			for _, alternative := range m {
				if alternative.leaf.Kind == yang.KindLeaf { // of leaf-lists see values
					v, ok := n.Leaf(alternative.leaf)
					take(alternative.leaf, ok && v == alternative.value)
				}
			}
		}
	}
	if err := r.step(cost); err != nil {
		return false, err
	}
	wants := union(active)
	for _, w := range wants {
		switch c := w.schema; {
		case c.Kind == yang.KindLeaf:
			if w.whole {
				take(c, n.Has(c))
			}
		case c.Kind == yang.KindLeafList, c.Kind == yang.KindAnydata, c.Kind == yang.KindAnyxml:
		default:
			below, err := r.below(n, w)
			if err != nil {
				return false, err
			}
			some = some || below
		}
	}
	slices.SortFunc(leaves, func(a, b *yang.Node) int { return a.Index - b.Index })
	for _, leaf := range leaves {
		v, _ := n.Leaf(leaf)
		if err := r.build.Leaf(leaf, v); err != nil {
			return false, err
		}
	}
	values, err := r.values(n, active, wants)
	return some || values, err
}

// values adds entries of leaf-lists, anydata and anyxml.
func (r *selection) values(n *tree.Node, active []*selector, wants []*want) (some bool, err error) {
	for _, w := range wants {
		switch c := w.schema; {
		case !w.whole:
		case c.Kind == yang.KindLeafList:
			for v := range n.LeafList(c).All() {
				some = true
				if err := r.build.LeafListEntry(c, v); err != nil {
					return false, err
				}
			}
		case c.Kind == yang.KindAnydata, c.Kind == yang.KindAnyxml:
			if content, ok := n.Any(c); ok {
				some = true
				if err := r.build.Any(c, content); err != nil {
					return false, err
				}
			}
		}
	}
	type entry struct {
		schema *yang.Node
		value  string
	}
	var done map[entry]bool
	for _, s := range active {
		for _, m := range s.matches {
			for _, alternative := range m {
				c := alternative.leaf
				if c.Kind != yang.KindLeafList || !n.LeafList(c).Has(alternative.value) || done[entry{c, alternative.value}] ||
					slices.ContainsFunc(wants, func(w *want) bool { return w.schema == c && w.whole }) {
					continue
				}
				if done == nil {
					done = make(map[entry]bool)
				}
				done[entry{c, alternative.value}] = true
				some = true
				if err := r.build.LeafListEntry(c, alternative.value); err != nil {
					return false, err
				}
			}
		}
	}
	return some, nil
}

// below does the children of n, a container or the entries of a list, that w is
// about.
func (r *selection) below(n *tree.Node, w *want) (bool, error) {
	if w.schema.Kind == yang.KindContainer {
		c := n.Container(w.schema)
		if c == nil {
			return false, nil
		}
		if w.whole {
			return true, r.build.Add(c)
		}
		return r.one(c, r.passed(c, w.rest, nil))
	}
	list := n.List(w.schema)
	if list.Len() == 0 {
		return false, nil
	}
	if !w.whole && len(w.rest) == 0 && (len(w.keyed) == 1 || w.schema.OrderedBy == yang.OrderedBySystem) {
		return r.lookUp(list, w)
	}
	some := false
	var active []*selector
	for e := range list.All() {
		if w.whole {
			some = true
			if err := r.build.Add(e); err != nil {
				return false, err
			}
			continue
		}
		if err := r.step(1 + len(w.rest)); err != nil {
			return false, err
		}
		active = r.passed(e, w.rest, active[:0])
		if len(w.keyed) > 0 {
			active = r.passed(e, w.keyed[e.Key()], active)
		}
		taken, err := r.one(e, active)
		if err != nil {
			return false, err
		}
		some = some || taken
	}
	return some, nil
}

// lookUp takes entries by their keys: no other entry is looked at.
func (r *selection) lookUp(list *tree.List, w *want) (some bool, err error) {
	for k, selectors := range w.keyed {
		e := list.Get(k)
		if e == nil {
			continue
		}
		taken, err := r.one(e, r.passed(e, selectors, nil))
		if err != nil {
			return false, err
		}
		some = some || taken
	}
	return some, nil
}

// union is what all of the selectors want, by the schema's Index.
func union(active []*selector) []*want {
	if len(active) == 1 {
		return active[0].wants
	}
	var all []*want
	for _, s := range active {
		all = append(all, s.wants...)
	}
	slices.SortStableFunc(all, byIndex)
	merged := all[:0]
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].schema == all[i].schema {
			j++
		}
		w := all[i]
		if j > i+1 {
			w = &want{schema: all[i].schema}
			for _, part := range all[i:j] {
				w.whole = w.whole || part.whole
				w.rest = append(w.rest, part.rest...)
				for k, s := range part.keyed {
					if w.keyed == nil {
						w.keyed = make(map[tree.Key][]*selector)
					}
					w.keyed[k] = append(w.keyed[k], s...)
				}
			}
		}
		merged = append(merged, w)
		i = j
	}
	return merged
}
