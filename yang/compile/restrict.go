// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
	"nso.example/nso/yang/value"
)

// restrictor applies the substatements of one type statement to what the type
// is derived from (RFC 7950, 7.4).
type restrictor struct {
	c       *compiler
	s       *parse.Statement
	sc      *scope
	ct      *ctype
	t       *yang.Type
	derived bool // from a typedef, not from the built-in type itself
}

func (r *restrictor) v11() bool { return r.c.version11(r.s) }

// fits says which substatements a type statement may have.
func fits(b yang.Base, k parse.Keyword) bool {
	switch k {
	case parse.Range:
		return b >= yang.Int8 && b <= yang.Int64 || b >= yang.Uint8 && b <= yang.Uint64 || b == yang.Decimal64
	case parse.Length:
		return b == yang.String || b == yang.Binary
	case parse.Pattern:
		return b == yang.String
	case parse.FractionDigits:
		return b == yang.Decimal64
	case parse.Enum:
		return b == yang.Enumeration
	case parse.Bit:
		return b == yang.Bits
	case parse.Path:
		return b == yang.Leafref
	case parse.RequireInstance:
		return b == yang.Leafref || b == yang.InstanceIdentifier
	case parse.Base:
		return b == yang.IdentityRef
	case parse.Type:
		return b == yang.Union
	}
	return true
}

func (r *restrictor) restrict() {
	for i := range r.s.Sub {
		if d := &r.s.Sub[i]; !fits(r.t.Base, d.Keyword) {
			r.c.fail(d, "cannot use %s with the type %s, which is %s", d.Keyword, r.s.Argument, r.t.Base)
			return
		}
	}
	switch r.t.Base {
	case yang.Decimal64:
		fd := r.s.First(parse.FractionDigits)
		switch {
		case fd == nil && !r.derived: // RFC 7950, 9.3.4
			r.c.fail(r.s, "cannot use decimal64 without fraction-digits")
			return
		case fd != nil && r.derived:
			r.c.fail(fd, "cannot change the fraction-digits of a derived type")
			return
		case fd != nil:
			n := 0
			for _, d := range fd.Argument {
				n = n*10 + int(d-'0')
			}
			r.t.FractionDigits = uint8(n)
		}
		r.ranges()
	case yang.String, yang.Binary:
		r.lengths()
		r.patterns()
	case yang.Enumeration:
		r.enums()
	case yang.Bits:
		r.bits()
	case yang.Leafref:
		r.leafref()
	case yang.InstanceIdentifier:
		r.requireInstance()
		r.t.Named = true
	case yang.IdentityRef:
		r.identityref()
	case yang.Union:
		r.union()
	default:
		r.ranges()
	}
}

func complaint(s *parse.Statement) yang.Complaint {
	return yang.Complaint{ErrorMessage: s.Text(parse.ErrorMessage), ErrorAppTag: s.Text(parse.ErrorAppTag)}
}

// Limits of one type, inherited parts included.
const (
	maxPatterns = 100
	maxMembers  = 10000 // of a union, unions within dissolved
	maxTypedefs = 100   // one derived from the other
)

// patterns appends those of the statement to the inherited ones.
func (r *restrictor) patterns() {
	own := false
	for p := range r.s.All(parse.Pattern) {
		re, err := r.c.pattern(p.Argument)
		if err != nil {
			r.c.fail(p, "%s", err)
			continue
		}
		if len(r.t.Patterns) >= maxPatterns {
			r.c.fail(p, "cannot use more than %d patterns in a type", maxPatterns)
			return
		}
		if !own {
			own = true
			r.t.Patterns = slices.Clone(r.t.Patterns)
		}
		r.t.Patterns = append(r.t.Patterns, &yang.Pattern{Source: p.Argument, Regexp: re, Invert: p.First(parse.Modifier) != nil,
			Complaint: complaint(p)})
	}
}

// compiledPattern is what a pattern comes to; many types have the same.
type compiledPattern struct {
	re     *regexp.Regexp
	states int
	err    error
}

// maxStates bounds the memory of all patterns of a schema together. All that is
// published comes to 12,000.
const maxStates = 300_000

func (c *compiler) pattern(source string) (*regexp.Regexp, error) {
	p := c.patterns[source]
	if p == nil {
		p = &compiledPattern{}
		p.states, p.err = value.PatternStates(source)
		if c.states += p.states; p.err == nil && c.states > maxStates {
			p.err = fmt.Errorf("cannot use patterns of more than %d states in one schema", maxStates)
		}
		if p.err == nil {
			p.re, p.err = value.TranslatePattern(source)
		}
		c.patterns[source] = p
	}
	return p.re, p.err
}

// inherited reports whether an enum or bit statement narrows a derived type,
// which YANG 1.1 alone allows (RFC 7950, 9.6.4, 9.7.4).
func (r *restrictor) narrows(k parse.Keyword) bool {
	first := r.s.First(k)
	switch {
	case first == nil && !r.derived:
		r.c.fail(r.s, "cannot use %s without a%s %s statement", r.t.Base, map[bool]string{true: "n"}[k == parse.Enum], k)
		return false
	case first == nil:
		return false
	case r.derived && !r.v11():
		r.c.fail(first, "cannot narrow a derived %s: that needs yang-version 1.1", r.t.Base)
		return false
	}
	return true
}

func (r *restrictor) enums() {
	if !r.narrows(parse.Enum) {
		return
	}
	var list []yang.Enum
	next := int64(0)
	all, values := make(map[string]int64), make(map[int64]bool)
	for s := range r.s.All(parse.Enum) {
		v := s.First(parse.Value)
		e := yang.Enum{Name: s.Argument, Status: statusOf(s), Description: s.Text(parse.Description)}
		if _, twice := all[e.Name]; twice {
			r.c.fail(s, "cannot use the enum %q twice", e.Name)
			return
		}
		n := next
		if v != nil {
			n = integer(v.Argument)
		}
		if r.derived {
			old, ok := r.ct.values[e.Name]
			if !ok {
				r.c.fail(s, "cannot add the enum %q: the type %s does not have it", e.Name, r.s.Argument)
				return
			}
			if v != nil && n != old {
				r.c.fail(v, "cannot change the value of the enum %q from %d", e.Name, old)
				return
			}
			n = old
		}
		switch {
		case n > math.MaxInt32:
			r.c.fail(s, "cannot give the enum %q a value of its own: 2147483647 is taken", e.Name)
			return
		case values[n]:
			r.c.fail(s, "cannot give the enum %q the value %d twice", e.Name, n)
			return
		}
		values[n] = true
		if n >= next || len(values) == 1 { // RFC 7950, 9.6.4.2: one more than the highest
			next = n + 1
		}
		e.Value = int32(n)
		all[e.Name] = n
		if _, there := r.t.Enum(e.Name); r.c.enabled(s, r.sc.unit) && (there || !r.derived) {
			list = append(list, e)
		}
	}
	r.t.Enums, r.ct.values = list, all
}

func (r *restrictor) bits() {
	if !r.narrows(parse.Bit) {
		return
	}
	var list []yang.Bit
	next := int64(0)
	all, positions := make(map[string]int64), make(map[int64]bool)
	for s := range r.s.All(parse.Bit) {
		p := s.First(parse.Position)
		b := yang.Bit{Name: s.Argument, Status: statusOf(s), Description: s.Text(parse.Description)}
		if _, twice := all[b.Name]; twice {
			r.c.fail(s, "cannot use the bit %q twice", b.Name)
			return
		}
		n := next
		if p != nil {
			n = integer(p.Argument)
		}
		if r.derived {
			old, ok := r.ct.values[b.Name]
			if !ok {
				r.c.fail(s, "cannot add the bit %q: the type %s does not have it", b.Name, r.s.Argument)
				return
			}
			if p != nil && n != old {
				r.c.fail(p, "cannot change the position of the bit %q from %d", b.Name, old)
				return
			}
			n = old
		}
		switch {
		case n > math.MaxUint32:
			r.c.fail(s, "cannot give the bit %q a position of its own: 4294967295 is taken", b.Name)
			return
		case positions[n]:
			r.c.fail(s, "cannot give the bit %q the position %d twice", b.Name, n)
			return
		}
		positions[n] = true
		next = max(next, n+1) // RFC 7950, 9.7.4.2
		b.Position = uint32(n)
		all[b.Name] = n
		if _, there := r.t.Bit(b.Name); r.c.enabled(s, r.sc.unit) && (there || !r.derived) {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b yang.Bit) int { return int(int64(a.Position) - int64(b.Position)) })
	r.t.Bits, r.ct.values = list, all
}

// integer reads what the parser has checked.
func integer(s string) int64 {
	digits, negative := strings.CutPrefix(s, "-")
	n := int64(0)
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	if negative {
		return -n
	}
	return n
}

func (r *restrictor) leafref() {
	p := r.s.First(parse.Path)
	switch {
	case p == nil && !r.derived: // RFC 7950, 9.9.2
		r.c.fail(r.s, "cannot use leafref without a path")
		return
	case p != nil && r.derived:
		r.c.fail(p, "cannot change the path of a derived leafref")
		return
	case p != nil:
		path, err := parse.LeafrefPath(p.Argument)
		if err != nil {
			r.c.fail(p, "cannot use the path: %s", err)
			return
		}
		r.ct.path, r.ct.pathAt, r.ct.leafref = path, located{p, r.sc}, true
	}
	if ri := r.s.First(parse.RequireInstance); ri != nil && !r.v11() { // RFC 6020, 9.9: only instance-identifier has it
		r.c.warn(ri, "cannot use require-instance with a leafref: that needs yang-version 1.1")
	}
	r.requireInstance()
}

// requireInstance: RFC 7950, 9.9.3.
func (r *restrictor) requireInstance() {
	ri := r.s.First(parse.RequireInstance)
	switch {
	case ri != nil:
		r.t.RequireInstance, r.ct.fixed = ri.Argument == "true", true
	case !r.ct.fixed:
		r.t.RequireInstance = true
	}
}

func (r *restrictor) identityref() {
	r.t.Named = true
	first := r.s.First(parse.Base)
	switch {
	case first == nil && !r.derived: // RFC 7950, 9.10.2
		r.c.fail(r.s, "cannot use identityref without a base")
	case first != nil && r.derived:
		r.c.fail(first, "cannot change the base of a derived identityref")
	}
	for s := range r.s.All(parse.Base) {
		if id := r.c.findIdentity(s, r.sc.unit); id != nil {
			r.t.Bases = append(r.t.Bases, id.yi)
		}
	}
}

func (r *restrictor) union() {
	first := r.s.First(parse.Type)
	switch {
	case first == nil && !r.derived: // RFC 7950, 9.12.1
		r.c.fail(r.s, "cannot use union without member types")
	case first != nil && r.derived:
		r.c.fail(first, "cannot change the members of a derived union")
	case first == nil:
		return
	}
	for s := range r.s.All(parse.Type) {
		m := r.c.typeOf(s, r.sc)
		if m == nil {
			return
		}
		if (m.t.Base == yang.Empty || m.t.Base == yang.Leafref) && !r.v11() { // RFC 6020, 9.12
			r.c.warn(s, "cannot use %s in a union: that needs yang-version 1.1", m.t.Base)
		}
		if r.ct.size += max(m.size, 1); r.ct.size > maxMembers {
			r.c.fail(s, "cannot use a union of more than %d types", maxMembers)
			return
		}
		r.ct.members = append(r.ct.members, m)
		r.ct.leafref = r.ct.leafref || m.leafref
		r.t.Union = append(r.t.Union, m.t)
		r.t.Named = r.t.Named || m.t.Named
	}
}
