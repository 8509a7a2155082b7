// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"nso.example/nso/yang"
)

// damage changes a document in one way; it may be valid afterwards. It returns
// what was done, "" for nothing.
func damage(m *maker, root *element) string {
	all := root.all()
	if len(all) == 0 {
		return extra(m, root)
	}
	for range 20 {
		e := all[m.r.IntN(len(all))]
		if what := harm(m, root, e); what != "" {
			return what + " " + e.name
		}
	}
	return ""
}

func harm(m *maker, root, e *element) string {
	leaf := e.schema.Type != nil
	if e.any != "" { // its content is its own
		if m.r.IntN(2) == 0 {
			e.remove()
			return "remove"
		}
		e.parent.children = append(e.parent.children, e.clone(e.parent))
		return "duplicate"
	}
	switch m.r.IntN(13) {
	case 0:
		e.remove()
		return "remove"
	case 1:
		e.parent.children = append(e.parent.children, e.clone(e.parent))
		return "duplicate"
	case 2, 3:
		if !leaf {
			return ""
		}
		e.text, e.value = odd(m.r, e), ""
		return "odd value " + strconv.Quote(e.text)
	case 4:
		e.name += "x"
		return "rename"
	case 5:
		e.space = "urn:none"
		if k := m.r.IntN(len(m.s.Modules) + 1); k > 0 {
			e.space = m.s.Modules[k-1].Namespace
		}
		return "another namespace"
	case 6:
		all := root.all()
		to := all[m.r.IntN(len(all))]
		if to.schema.Type != nil || to.any != "" || slices.Contains(e.all(), to) || to == e {
			return ""
		}
		e.remove()
		e.parent = to
		to.children = append(to.children, e)
		return "move"
	case 7:
		return extra(m, e)
	case 8:
		return extra(m, e.parent)
	case 9:
		if !leaf || e.schema.IsKey && m.r.IntN(3) > 0 {
			return ""
		}
		v, ok := canonical(m.r, e.schema)
		if !ok {
			return ""
		}
		e.set(v)
		return "another value " + strconv.Quote(v)
	case 10:
		if leaf {
			c := &element{schema: e.schema, space: e.space, name: "inside", parent: e}
			e.children = append(e.children, c)
			return "an element inside"
		}
		e.afterText = "text"
		return "text inside"
	case 11:
		return more(m, e)
	}
	m.r.Shuffle(len(e.children), func(i, j int) { e.children[i], e.children[j] = e.children[j], e.children[i] })
	return "shuffle"
}

// extra adds some child that the schema has.
func extra(m *maker, e *element) string {
	kids := e.schema.DataChildren
	if len(kids) == 0 {
		return ""
	}
	s := kids[m.r.IntN(len(kids))]
	if s.Kind == yang.KindAnydata || s.Kind == yang.KindAnyxml {
		return ""
	}
	c := e.add(s)
	if s.Type != nil {
		v, ok := canonical(m.r, s)
		if !ok {
			c.remove()
			return ""
		}
		c.set(v)
	}
	return "add " + s.Name + " to"
}

// more adds entries beside e that differ in the key.
func more(m *maker, e *element) string {
	if e.schema.Kind != yang.KindList && e.schema.Kind != yang.KindLeafList {
		return ""
	}
	for range 1 + m.r.IntN(5) {
		c := e.clone(e.parent)
		for _, x := range append(c.children, c) {
			if x.schema.IsKey || x.schema.Kind == yang.KindLeafList {
				if v, ok := canonical(m.r, x.schema); ok {
					x.set(v)
				}
			}
		}
		e.parent.children = append(e.parent.children, c)
	}
	return "more"
}

// odd is a text at or beyond the edge of what a type takes.
func odd(r *rand.Rand, e *element) string {
	edge := func(v string) string {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return strconv.FormatInt(n+int64(r.IntN(3))-1, 10)
		}
		return v
	}
	t := e.schema.Type
	switch r.IntN(12) {
	case 0:
		return ""
	case 1:
		return " " + e.text + "\n"
	case 2:
		return e.text + e.text
	case 3:
		return "+" + e.text
	case 4:
		return "0" + e.text
	case 5:
		return e.text + ".0"
	case 6:
		return strings.ToUpper(e.text)
	case 7:
		if i := strings.IndexByte(e.text, ':'); i >= 0 && t.Named {
			return e.text[i+1:]
		}
		return "zz:" + e.text
	case 8:
		return []string{"0x1f", "017", "-0", "1e3", ".5", "5.", "1 2", "true", "TRUE", "*", "-1", "99999999999999999999", "é", "a=", "YQ==", "YQ", "/", "/a:b"}[r.IntN(18)]
	case 9:
		if v, ok := random(r, t, 0); ok {
			return edge(v)
		}
	case 10:
		if e.text != "" {
			i := r.IntN(len(e.text))
			return strings.ToValidUTF8(e.text[:i]+e.text[i+1:], "")
		}
	}
	return samples[r.IntN(len(samples))]
}
