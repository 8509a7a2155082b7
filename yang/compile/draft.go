// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// draft is a schema node that refines, augments and deviations can still
// change. Its statements are pointers into the text.
type draft struct {
	kind   yang.Kind
	name   string
	mod    *module // owner of the namespace
	at     located // stmt is nil for nodes that are only implied
	parent *draft
	kids   []*draft // actions and notifications included
	// index is that of the first so many kids, made when there are many.
	index   map[string][]*draft
	indexed int
	node    *yang.Node
	// disabled nodes stay as targets and never become a node: an if-feature
	// is not met.
	disabled bool
	// removed nodes are disabled by a deviation.
	removed bool

	config, mandatory, presence *parse.Statement
	typ, units                  located
	key, minimum, maximum       *parse.Statement
	orderedBy, status           *parse.Statement
	description, reference      *parse.Statement
	defaults                    []located
	musts                       []located
	uniques                     []located
	whens                       []*when
	extensions                  []located
}

// when is a when statement that makes nodes conditional.
type when struct {
	located
	// own is true if it is evaluated at the node itself, else at its nearest
	// ancestor that is data (RFC 7950, 7.21.5).
	own bool
	// user is the module whose text brought it in.
	user *module
	x    *yang.XPath // shared by all nodes with the same context
}

// kindOf is the kind of schema node that a statement makes.
func kindOf(k parse.Keyword) (yang.Kind, bool) {
	switch k {
	case parse.Container:
		return yang.KindContainer, true
	case parse.List:
		return yang.KindList, true
	case parse.Leaf:
		return yang.KindLeaf, true
	case parse.LeafList:
		return yang.KindLeafList, true
	case parse.Choice:
		return yang.KindChoice, true
	case parse.Case:
		return yang.KindCase, true
	case parse.Anydata:
		return yang.KindAnydata, true
	case parse.Anyxml:
		return yang.KindAnyxml, true
	case parse.Rpc:
		return yang.KindRPC, true
	case parse.Action:
		return yang.KindAction, true
	case parse.Input:
		return yang.KindInput, true
	case parse.Output:
		return yang.KindOutput, true
	case parse.Notification:
		return yang.KindNotification, true
	}
	return 0, false
}

// top drafts the data nodes, rpcs and notifications of a module.
func (c *compiler) top(m *module) {
	m.holder = &draft{kind: yang.KindRoot, mod: m}
	for _, u := range m.units {
		c.children(m.holder, u.root, u.scope, m, 0)
	}
	for _, d := range m.holder.kids {
		if k := m.holder.find(m, d.name); k != d && (d.kind >= yang.KindRPC || k.kind >= yang.KindRPC) { // RFC 7950, 6.2.1
			c.fail(d.at.stmt, "cannot use the name %q twice at the top of %s", d.name, m.ym.Name)
		}
		d.parent = nil
		switch d.kind {
		case yang.KindRPC:
			c.rpcs = append(c.rpcs, d)
		case yang.KindNotification:
			c.notifs = append(c.notifs, d)
		default:
			d.parent = c.root
			c.root.kids = append(c.root.kids, d)
		}
	}
	for _, u := range m.units {
		c.structures(m, u)
	}
	c.structureNames(m)
}

// children drafts what the substatements of s make below parent. Nodes belong
// to mod; names are looked up in sc.
func (c *compiler) children(parent *draft, s *parse.Statement, sc *scope, mod *module, depth int) {
	sc = c.enter(sc, s)
	for i := range s.Sub {
		d := &s.Sub[i]
		if c.halted {
			return
		}
		if d.Keyword == parse.Uses {
			c.uses(parent, d, sc, mod, depth)
			continue
		}
		if kind, ok := kindOf(d.Keyword); ok {
			c.child(parent, kind, d, sc, mod, depth)
		}
	}
}

// child drafts one node below parent, with the case that a short-hand in a
// choice implies (RFC 7950, 7.9.2).
func (c *compiler) child(parent *draft, kind yang.Kind, s *parse.Statement, sc *scope, mod *module, depth int) *draft {
	if depth > maxDepth {
		c.halt(s, "cannot nest schema nodes more than %d deep", maxDepth)
		return nil
	}
	if parent.kind == yang.KindChoice && kind != yang.KindCase {
		parent = c.add(parent, &draft{kind: yang.KindCase, name: s.Argument, mod: mod, at: located{nil, sc}}, s)
		depth++
	}
	d := &draft{kind: kind, name: s.Argument, mod: mod, at: located{s, sc}}
	switch kind {
	case yang.KindInput, yang.KindOutput:
		d.name = kind.String()
	}
	c.read(d, s, sc)
	c.add(parent, d, s)
	if kind != yang.KindLeaf && kind != yang.KindLeafList {
		c.children(d, s, sc, mod, depth+1)
	}
	if kind == yang.KindRPC || kind == yang.KindAction {
		c.inputOutput(d, sc)
	}
	if (kind == yang.KindInput || kind == yang.KindOutput) && len(d.kids) == 0 { // RFC 7950, 7.14.2 and 14
		c.warn(s, "cannot use an empty %s: leave it out", kind)
	}
	return d
}

// inputOutput adds what an rpc or action lacks and puts input first.
func (c *compiler) inputOutput(d *draft, sc *scope) {
	var in, out *draft
	for _, k := range d.kids {
		if k.kind == yang.KindInput {
			in = k
		} else {
			out = k
		}
	}
	d.kids = nil
	for _, io := range []struct {
		d    *draft
		kind yang.Kind
	}{{in, yang.KindInput}, {out, yang.KindOutput}} {
		if io.d == nil {
			io.d = &draft{kind: io.kind, name: io.kind.String(), mod: d.mod, at: located{nil, sc}}
		}
		c.add(d, io.d, d.at.stmt)
	}
}

func (c *compiler) add(parent, d *draft, s *parse.Statement) *draft {
	c.spend(s, 1+len(d.musts)+len(d.whens)+len(d.defaults)+len(d.extensions)+d.uniqueText())
	d.parent = parent
	parent.kids = append(parent.kids, d)
	return d
}

// perWord is how many bytes of text cost as much as a node.
const perWord = 32

// uniqueText is what reading the unique statements costs: they may be long.
func (d *draft) uniqueText() int {
	n := 0
	for _, u := range d.uniques {
		n += 1 + len(u.stmt.Argument)/perWord
	}
	return n
}

// spend counts what the expansion of groupings costs, since a short text can
// ask for very much.
func (c *compiler) spend(s *parse.Statement, n int) {
	if c.cost += n; c.cost > c.opt.MaxNodes {
		c.halt(s, "cannot make a schema of more than %d nodes", c.opt.MaxNodes)
	}
}

// read notes the properties of a node.
func (c *compiler) read(d *draft, s *parse.Statement, sc *scope) {
	for i := range s.Sub {
		p := &s.Sub[i]
		switch p.Keyword {
		case parse.IfFeature:
			if !c.ifFeature(p, sc.unit) {
				d.disabled = true
			}
		case parse.When:
			own := d.kind != yang.KindChoice && d.kind != yang.KindCase
			d.whens = append(d.whens, &when{located: located{p, sc}, own: own, user: d.mod})
		case parse.Config:
			d.config = p
		case parse.Mandatory:
			d.mandatory = p
		case parse.Presence:
			d.presence = p
		case parse.Type:
			d.typ = located{p, sc}
		case parse.Units:
			d.units = located{p, sc}
		case parse.Default:
			d.defaults = append(d.defaults, located{p, sc})
		case parse.Must:
			d.musts = append(d.musts, located{p, sc})
		case parse.Unique:
			d.uniques = append(d.uniques, located{p, sc})
		case parse.Key:
			d.key = p
		case parse.MinElements:
			d.minimum = p
		case parse.MaxElements:
			d.maximum = p
		case parse.OrderedBy:
			d.orderedBy = p
		case parse.Status:
			d.status = p
		case parse.Description:
			d.description = p
		case parse.Reference:
			d.reference = p
		case parse.Unknown:
			d.extensions = append(d.extensions, located{p, sc})
		}
	}
}

// find returns the child of that name, of module mod unless that is nil; a
// disabled one only if there is no other.
func (d *draft) find(mod *module, name string) *draft {
	var disabled *draft
	kids := d.kids
	if len(kids) > 32 {
		kids = d.named(name)
	}
	for _, k := range kids {
		if k.name == name && (mod == nil || k.mod == mod || k.mod.ym.Name == mod.ym.Name) {
			if !k.disabled {
				return k
			}
			disabled = k
		}
	}
	return disabled
}

// named are the children of that name, by the index.
func (d *draft) named(name string) []*draft {
	if d.index == nil {
		d.index = make(map[string][]*draft, len(d.kids))
	}
	for ; d.indexed < len(d.kids); d.indexed++ {
		k := d.kids[d.indexed]
		d.index[k.name] = append(d.index[k.name], k)
	}
	return d.index[name]
}

// uses expands a grouping in place (RFC 7950, 7.13).
func (c *compiler) uses(parent *draft, s *parse.Statement, sc *scope, mod *module, depth int) {
	g := c.findGrouping(s, sc)
	if g == nil {
		return
	}
	if g.busy { // RFC 7950, 7.12
		c.halt(s, "cannot use the grouping %q inside itself", s.Argument)
		return
	}
	g.busy, g.used = true, true
	c.spend(s, 1)
	before := len(parent.kids)
	if depth > maxDepth {
		c.halt(s, "cannot nest schema nodes more than %d deep", maxDepth)
	}
	if !c.halted {
		c.children(parent, g.stmt, g.sc, mod, depth+1)
	}
	g.busy = false
	fresh := &draft{kind: yang.KindRoot, kids: parent.kids[before:]}
	enabled := c.enabled(s, sc.unit)
	var w *when
	if p := s.First(parse.When); p != nil {
		w = &when{located: located{p, sc}, user: mod}
	}
	status := s.First(parse.Status)
	for _, k := range fresh.kids {
		if !enabled {
			k.disabled = true
		}
		if w != nil {
			k.whens = append(k.whens, w)
		}
		if k.status == nil {
			k.status = status
		}
	}
	for i := range s.Sub {
		r := &s.Sub[i]
		if r.Keyword == parse.Refine {
			if d := c.below(fresh, r, sc); d != nil {
				c.refine(d, r, sc)
			}
		}
	}
	for i := range s.Sub {
		a := &s.Sub[i]
		if a.Keyword == parse.Augment {
			if a.Argument[0] == '/' { // RFC 7950, 7.17
				c.fail(a, "cannot use an absolute path in the augment of a uses")
				continue
			}
			if d := c.below(fresh, a, sc); d != nil {
				c.augment(d, a, sc, mod, depth+1)
			}
		}
	}
}

// below finds the node that a refine or augment of a uses names. All nodes
// that a uses made are of one module, so prefixes say nothing.
func (c *compiler) below(fresh *draft, s *parse.Statement, sc *scope) *draft {
	if c.spend(s, 1+len(s.Argument)/perWord); c.halted {
		return nil
	}
	steps, err := parse.SchemaPath(s.Argument)
	if err != nil {
		c.fail(s, "cannot use the path %q: %s", s.Argument, err)
		return nil
	}
	d := fresh
	for _, st := range steps {
		if c.module(sc.unit, st.Prefix, s) == nil {
			return nil
		}
		next := d.find(nil, st.Name)
		if next == nil {
			c.fail(s, "cannot find the node %q of the path %q in the grouping", st, s.Argument)
			return nil
		}
		d = next
	}
	return d
}
