// SPDX-License-Identifier: Apache-2.0

package revise

import (
	"math"
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// sameTypedef reports whether both nodes have the same typedef of the module,
// as it is: that is compared by itself.
func (c *comparison) sameTypedef(old, new *yang.Node) bool {
	a, b := old.Type, new.Type
	if a == nil || b == nil || len(a.Typedefs) == 0 || len(b.Typedefs) == 0 || strings.HasPrefix(new.Name, formTypedef) {
		return false
	}
	oldModule, oldName, _ := strings.Cut(a.Typedefs[0], ":")
	newModule, newName, _ := strings.Cut(b.Typedefs[0], ":")
	return oldModule == c.oldName && newModule == c.newName && oldName == newName && c.typedefs[newName] && c.plainUse(a, b)
}

// plainUse reports whether both types take the typedef as it is: a restriction
// at the place of use belongs to that place.
func (c *comparison) plainUse(old, new *yang.Type) bool {
	a, b := c.old.typedef(old.Typedefs[0]), c.new.typedef(new.Typedefs[0])
	return a != nil && b != nil && alike(a, old) && alike(b, new)
}

// alike reports whether t adds nothing to the typedef of.
func alike(of, t *yang.Type) bool {
	return slices.Equal(of.Ranges, t.Ranges) && slices.Equal(of.Lengths, t.Lengths) && len(of.Patterns) == len(t.Patterns) &&
		len(of.Enums) == len(t.Enums) && len(of.Bits) == len(t.Bits) && of.RequireInstance == t.RequireInstance
}

// types compares the types of a node, or a member of its union.
func (c *comparison) types(path string, n *yang.Node, old, new *yang.Type) {
	pos := c.new.at(n, parse.Type)
	if old.Base != new.Base {
		c.forbid(path, pos, "11", "change the type from %s to %s: its values would be others", typeName(old), typeName(new))
		return
	}
	switch new.Base {
	case yang.Enumeration:
		c.enums(path, n, old, new)
	case yang.Bits:
		c.bits(path, n, old, new)
	case yang.IdentityRef:
		c.bases(path, pos, old, new)
	case yang.Decimal64:
		if old.FractionDigits != new.FractionDigits {
			c.forbid(path, pos, "11", "change fraction-digits from %d to %d: %s", old.FractionDigits, new.FractionDigits, sSemantics)
			return
		}
	case yang.Leafref:
		if a, b := target(old), target(new); a != b {
			c.forbid(path, pos, "11", "let the leafref point to %s instead of %s: %s", b, a, sSemantics)
		}
	case yang.Union:
		c.union(path, n, pos, old, new)
	}
	if (new.Base == yang.Leafref || new.Base == yang.InstanceIdentifier) && old.RequireInstance != new.RequireInstance {
		c.forbid(path, pos, "11", "change require-instance to %t: %s", new.RequireInstance, sSemantics)
	}
	c.spaces(path, n, old, new)
	c.patterns(path, n, old, new)
}

func typeName(t *yang.Type) string {
	if len(t.Typedefs) > 0 {
		return t.Typedefs[0] + " (" + t.Base.String() + ")"
	}
	return t.Base.String()
}

func target(t *yang.Type) string {
	if t.Target == nil {
		return "nothing"
	}
	return t.Target.Path()
}

func (c *comparison) enums(path string, n *yang.Node, old, new *yang.Type) {
	for _, e := range old.Enums {
		now, ok := new.Enum(e.Name)
		switch {
		case !ok:
			c.forbid(path, c.new.at(n, parse.Type), "11", "remove the enum %q: enums may be added only; %s", e.Name, sObsolete)
			continue
		case now.Value != e.Value:
			c.forbid(path, c.member(n, parse.Enum, e.Name), "11", "change the value of the enum %q from %d to %d", e.Name, e.Value, now.Value)
		}
		c.status(path+" enum "+e.Name, c.member(n, parse.Enum, e.Name), e.Status, now.Status)
	}
	for _, e := range new.Enums {
		if _, ok := old.Enum(e.Name); !ok {
			c.allow(path, c.member(n, parse.Enum, e.Name), "adds the enum %q", e.Name)
		}
	}
}

func (c *comparison) bits(path string, n *yang.Node, old, new *yang.Type) {
	for _, b := range old.Bits {
		now, ok := new.Bit(b.Name)
		switch {
		case !ok:
			c.forbid(path, c.new.at(n, parse.Type), "11", "remove the bit %q: bits may be added only; %s", b.Name, sObsolete)
			continue
		case now.Position != b.Position:
			c.forbid(path, c.member(n, parse.Bit, b.Name), "11", "change the position of the bit %q from %d to %d", b.Name, b.Position, now.Position)
		}
		c.status(path+" bit "+b.Name, c.member(n, parse.Bit, b.Name), b.Status, now.Status)
	}
	for _, b := range new.Bits {
		if _, ok := old.Bit(b.Name); !ok {
			c.allow(path, c.member(n, parse.Bit, b.Name), "adds the bit %q", b.Name)
		}
	}
}

// member is the place of an enum or bit, else of the type.
func (c *comparison) member(n *yang.Node, k parse.Keyword, name string) yang.Position {
	if p := c.new.texts.Of(n); p != nil {
		if t := p.Stmt.First(parse.Type); t != nil {
			for s := range t.All(k) {
				if s.Argument == name {
					return position(s)
				}
			}
		}
	}
	return c.new.at(n, parse.Type)
}

// bases compares the bases of an identityref: with fewer, more values are valid.
func (c *comparison) bases(path string, pos yang.Position, old, new *yang.Type) {
	names := func(t *yang.Type, m *yang.Module) (out []string) {
		for _, b := range t.Bases {
			if b.Module == m {
				out = append(out, b.Name)
			} else {
				out = append(out, b.String())
			}
		}
		return out
	}
	before, after := names(old, c.old.mod), names(new, c.new.mod)
	for _, b := range after {
		if !slices.Contains(before, b) {
			c.forbid(path, pos, "11", "add the base %s to the identityref: bases may be removed only", b)
		}
	}
	for _, b := range before {
		if !slices.Contains(after, b) {
			c.allow(path, pos, "removes the base %s of the identityref", b)
		}
	}
}

// union compares the members of unions one by one.
func (c *comparison) union(path string, n *yang.Node, pos yang.Position, old, new *yang.Type) {
	if len(old.Union) != len(new.Union) {
		c.forbid(path, pos, "11", "change the number of types in the union from %d to %d: %s", len(old.Union), len(new.Union), sSemantics)
		return
	}
	for i := range old.Union {
		c.types(path, n, old.Union[i], new.Union[i])
	}
}

// span is a range or length in one order for all types.
type span struct{ min, max uint64 }

// signed moves signed numbers so that they keep their order as unsigned ones.
func signed(v int64) uint64 { return uint64(v) ^ 1<<63 }

func numbers(t *yang.Type) []span {
	var out []span
	isSigned := t.Base == yang.Decimal64 || t.Base >= yang.Int8 && t.Base <= yang.Int64
	for _, r := range t.Ranges {
		if isSigned {
			out = append(out, span{signed(r.Min), signed(r.Max)})
		} else {
			out = append(out, span{r.UMin, r.UMax})
		}
	}
	if out != nil {
		return out
	}
	switch t.Base { // RFC 7950, 9.2 and 9.3
	case yang.Int8:
		return []span{{signed(math.MinInt8), signed(math.MaxInt8)}}
	case yang.Int16:
		return []span{{signed(math.MinInt16), signed(math.MaxInt16)}}
	case yang.Int32:
		return []span{{signed(math.MinInt32), signed(math.MaxInt32)}}
	case yang.Uint8:
		return []span{{0, math.MaxUint8}}
	case yang.Uint16:
		return []span{{0, math.MaxUint16}}
	case yang.Uint32:
		return []span{{0, math.MaxUint32}}
	}
	return []span{{0, math.MaxUint64}}
}

func lengths(t *yang.Type) []span {
	var out []span
	for _, l := range t.Lengths {
		out = append(out, span{l.Min, l.Max})
	}
	if out == nil {
		return []span{{0, math.MaxUint64}}
	}
	return out
}

// covers reports whether all of b lies in a. Neighbours such as 1..2 | 3..4
// count as one.
func covers(a, b []span) bool {
	var merged []span
	for _, s := range a {
		if k := len(merged) - 1; k >= 0 && (merged[k].max == math.MaxUint64 || s.min <= merged[k].max+1) {
			merged[k].max = max(merged[k].max, s.max)
		} else {
			merged = append(merged, s)
		}
	}
	for _, s := range b {
		if !slices.ContainsFunc(merged, func(m span) bool { return m.min <= s.min && s.max <= m.max }) {
			return false
		}
	}
	return true
}

// spaces compares ranges and lengths: they may grow only.
func (c *comparison) spaces(path string, n *yang.Node, old, new *yang.Type) {
	for _, x := range []struct {
		what     string
		k        parse.Keyword
		old, new []span
	}{{"range", parse.Range, numbers(old), numbers(new)}, {"length", parse.Length, lengths(old), lengths(new)}} {
		pos := c.new.at(n, parse.Type, x.k)
		switch {
		case !covers(x.new, x.old):
			c.forbid(path, pos, "11", "narrow the %s: what was valid must stay valid", x.what)
		case !covers(x.old, x.new):
			c.allow(path, pos, "widens the %s", x.what)
		}
	}
}

func (c *comparison) patterns(path string, n *yang.Node, old, new *yang.Type) {
	has := func(list []*yang.Pattern, p *yang.Pattern) bool {
		return slices.ContainsFunc(list, func(q *yang.Pattern) bool { return p.Source == q.Source && p.Invert == q.Invert })
	}
	for _, p := range new.Patterns {
		if !has(old.Patterns, p) {
			c.forbid(path, c.new.at(n, parse.Type, parse.Pattern), "11", "add or change the pattern %q, unless all that was valid still is", p.Source)
		}
	}
	if len(new.Patterns) < len(old.Patterns) {
		for _, p := range old.Patterns {
			if !has(new.Patterns, p) {
				c.allow(path, c.new.at(n, parse.Type), "removes the pattern %q", p.Source)
			}
		}
	}
}
