// SPDX-License-Identifier: Apache-2.0

package jsonenc

import (
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
)

// notes are the annotations of an object that is being read. Those of leafs and
// leaf-lists may come before the values: they wait for the end.
type notes struct {
	meta   *meta.Node
	seen   map[*yang.Node]bool // nil for the object itself
	later  []later
	values map[*yang.Node][]string // of leaf-lists, as they came
	places map[*yang.Node]int
}

type later struct {
	schema *yang.Node
	list   bool
	each   [][]meta.Annotation
	begun  int
}

func (n *notes) value(s *yang.Node, v string) {
	if n.values == nil {
		n.values = make(map[*yang.Node][]string)
	}
	n.values[s] = append(n.values[s], v)
}

// put sets the table of a container or list entry.
func (n *notes) put(s *yang.Node, key string, child *meta.Node) {
	at := 0
	if meta.Placed(s) {
		if n.places == nil {
			n.places = make(map[*yang.Node]int)
		}
		at = n.places[s]
		n.places[s]++
	}
	if !child.Empty() {
		n.table().Put(s, meta.Key(s, key, at), child)
	}
}

func (n *notes) table() *meta.Node {
	if n.meta == nil {
		n.meta = &meta.Node{}
	}
	return n.meta
}

// metadata reads a member whose name begins with @ (RFC 7952, 5.2), from after
// its name on.
func (d *decoder) metadata(at *yang.Node, name string, depth int, to *notes) error {
	s, err := d.annotated(at, name, to)
	if err != nil && d.options.Report == nil {
		return err
	}
	if e := d.expect(':'); e != nil {
		return e
	}
	here := d.mark()
	if err == nil {
		err = d.annotations(at, s, to)
	}
	if err != nil {
		return d.pass(err, here, depth)
	}
	return nil
}

// annotated is the child that a name with @ is about, nil for the object itself.
func (d *decoder) annotated(at *yang.Node, name string, to *notes) (*yang.Node, error) {
	var s *yang.Node
	if name == "@" {
		if at.Kind != yang.KindContainer && at.Kind != yang.KindList {
			return nil, d.refuse(mgmterr.UnknownElement, nil, "cannot use \"@\" here: only containers, list entries and what is in them have metadata").
				WithInfo("bad-element", "@")
		}
	} else {
		var err error
		if s, err = d.find(at, []byte(name[1:]), len(at.DataChildren)); err != nil {
			return nil, err
		}
		if s.Kind == yang.KindContainer || s.Kind == yang.KindList || s.Kind == yang.KindAnydata {
			// RFC 7952, 5.2.1
			return nil, d.refuse(mgmterr.UnknownElement, s, "cannot use %.80q: the metadata of a %s is the member \"@\" in its object", name, s.Kind).
				WithInfo("bad-element", name)
		}
	}
	if to.seen[s] {
		return nil, d.refuse(mgmterr.BadElement, s, "cannot use %.80q: it is given twice", name).WithInfo("bad-element", name)
	}
	if to.seen == nil {
		to.seen = make(map[*yang.Node]bool)
	}
	to.seen[s] = true
	return s, nil
}

// annotations reads the metadata of a child s, or of the object itself.
func (d *decoder) annotations(at, s *yang.Node, to *notes) error {
	l := later{schema: s, begun: d.begun}
	of := s
	if s == nil {
		of = at
	}
	switch {
	case s != nil && s.Kind == yang.KindLeafList: // RFC 7952, 5.2.3
		l.list = true
		if d.peek() != '[' {
			return d.refuse(mgmterr.InvalidValue, s, "cannot use this metadata of leaf-list %s: it must be an array", s.Name)
		}
		d.pos++
		for first := true; ; first = false {
			more, err := d.more(']', first)
			if err != nil {
				return err
			}
			if !more {
				break
			}
			if d.peek() == 'n' {
				if w, err := d.word(); err != nil {
					return err
				} else if string(w) == "null" {
					l.each = append(l.each, nil)
					continue
				}
			}
			a, err := d.annotationsOf(of)
			if err != nil {
				return err
			}
			l.each = append(l.each, a)
		}
	default:
		a, err := d.annotationsOf(of)
		if err != nil {
			return err
		}
		if s == nil {
			to.table().Annotations = a
			return nil
		}
		l.each = append(l.each, a)
	}
	to.later = append(to.later, l)
	return nil
}

// annotationsOf reads an object of annotations.
func (d *decoder) annotationsOf(s *yang.Node) ([]meta.Annotation, error) {
	if d.peek() != '{' {
		return nil, d.refuse(mgmterr.InvalidValue, s, "cannot use this metadata of %s: it must be an object", s.Name)
	}
	d.pos++
	var out []meta.Annotation
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if err != nil || !more {
			return out, err
		}
		raw, err := d.str()
		if err != nil {
			return nil, err
		}
		name := string(raw)
		if err := d.expect(':'); err != nil {
			return nil, err
		}
		module, local, ok := strings.Cut(name, ":")
		if !ok {
			return nil, d.refuse(mgmterr.UnknownAttribute, s, "cannot use annotation %.80q of %s: it needs its module, as module:%.80s", name, s.Name, name).
				WithInfo("bad-attribute", name).WithInfo("bad-element", s.Name)
		}
		def := meta.ByModule(d.schema, module, local)
		if def == nil {
			return nil, d.refuse(mgmterr.UnknownAttribute, s, "cannot use annotation %.80q of %s: no module in use defines it", name, s.Name).
				WithInfo("bad-attribute", local).WithInfo("bad-element", s.Name)
		}
		for _, a := range out {
			if a.Def.Name == def.Name && a.Def.Module.Name == def.Module.Name {
				return nil, d.refuse(mgmterr.BadAttribute, s, "cannot use annotation %.80q of %s: it is given twice", name, s.Name).
					WithInfo("bad-attribute", local).WithInfo("bad-element", s.Name)
			}
		}
		if def.Module.Name == meta.DefaultModule {
			if s.Kind != yang.KindLeaf && s.Kind != yang.KindLeafList { // RFC 6243, 6
				return nil, d.refuse(mgmterr.BadAttribute, s, "cannot use annotation %.80q of %s: only leafs and leaf-lists have defaults", name, s.Name).
					WithInfo("bad-attribute", local).WithInfo("bad-element", s.Name)
			}
			d.tagged = true
		}
		// The value is that of a leaf of the annotation's type (RFC 7952, 5.2).
		v, err := d.value(&yang.Node{Kind: yang.KindLeaf, Name: def.Name, Module: def.Module, Type: def.Type})
		if err != nil {
			return nil, err
		}
		out = append(out, meta.Annotation{Def: def, Value: v})
	}
}

// settle puts the annotations of the leafs and leaf-lists of n, whose object is
// over, into its table.
func (d *decoder) settle(n *tree.Node, from *notes) error {
	for _, l := range from.later {
		s := l.schema
		values := []string{""}
		if l.list {
			values = from.values[s]
		}
		if !n.Has(s) || len(l.each) > len(values) {
			d.begun = l.begun
			err := d.refuse(mgmterr.BadElement, s, "cannot use the metadata of %s: there is more of it than of %s", s.Name, s.Name).
				WithInfo("bad-element", "@"+s.Name)
			if err := d.forgive(err); err != nil {
				return err
			}
			continue
		}
		for i, a := range l.each {
			if len(a) > 0 {
				from.table().Put(s, meta.Key(s, values[i], i), &meta.Node{Annotations: a})
			}
		}
	}
	return nil
}
