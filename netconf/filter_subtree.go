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
func (q *request) subtree() (filter, error) { return q.subtreeOf(q.schema().Root) }

func (q *request) subtreeOf(of *yang.Node) (filter, error) {
	p := &filterParser{q: q, r: q.r}
	root := &selector{schema: of}
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
