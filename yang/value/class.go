// SPDX-License-Identifier: Apache-2.0

package value

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// class is a set of characters: sorted, disjoint pairs of first and last.
type class []rune

// newClass sorts and joins any pairs.
func newClass(pairs ...rune) class {
	type span struct{ lo, hi rune }
	spans := make([]span, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		spans = append(spans, span{pairs[i], pairs[i+1]})
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	var c class
	for _, s := range spans {
		if n := len(c); n > 0 && s.lo <= c[n-1]+1 {
			c[n-1] = max(c[n-1], s.hi)
		} else {
			c = append(c, s.lo, s.hi)
		}
	}
	return c
}

func (c class) union(d class) class { return newClass(append(slices.Clone(c), d...)...) }

// negate is everything but c.
func (c class) negate() class {
	var out class
	next := rune(0)
	for i := 0; i < len(c); i += 2 {
		if c[i] > next {
			out = append(out, next, c[i]-1)
		}
		next = c[i+1] + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, next, unicode.MaxRune)
	}
	return out
}

// minus is XML Schema's class subtraction.
func (c class) minus(d class) class { return c.negate().union(d).negate() }

// write writes c in Go's syntax.
func (c class) write(b *strings.Builder) {
	if len(c) == 0 {
		b.WriteString(`[^\x00-\x{10FFFF}]`)
		return
	}
	b.WriteByte('[')
	for i := 0; i < len(c); i += 2 {
		writeRune(b, c[i])
		if c[i] != c[i+1] {
			b.WriteByte('-')
			writeRune(b, c[i+1])
		}
	}
	b.WriteByte(']')
}

func writeRune(b *strings.Builder, r rune) {
	if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		b.WriteRune(r)
	} else {
		fmt.Fprintf(b, `\x{%X}`, r)
	}
}

func ofTable(t *unicode.RangeTable) class {
	var pairs []rune
	for _, r := range t.R16 {
		pairs = addStride(pairs, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		pairs = addStride(pairs, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return newClass(pairs...)
}

func addStride(pairs []rune, lo, hi, stride rune) []rune {
	if stride == 1 {
		return append(pairs, lo, hi)
	}
	for r := lo; r <= hi; r += stride {
		pairs = append(pairs, r, r)
	}
	return pairs
}

// property is what \p{name} means: a general category or a block. Unassigned
// characters are in C and Cn, which the unicode package may leave out.
func property(name string) (class, bool) {
	if block, ok := strings.CutPrefix(name, "Is"); ok {
		return blockClass(block)
	}
	switch name {
	case "Cn", "C":
		var assigned class
		for _, n := range []string{"L", "M", "N", "P", "S", "Z", "Cc", "Cf", "Cs", "Co"} {
			assigned = append(assigned, ofTable(unicode.Categories[n])...)
		}
		cn := newClass(assigned...).negate()
		if name == "Cn" {
			return cn, true
		}
		for _, n := range []string{"Cc", "Cf", "Cs", "Co"} {
			cn = append(cn, ofTable(unicode.Categories[n])...)
		}
		return newClass(cn...), true
	}
	if len(name) > 2 || name == "LC" {
		return nil, false
	}
	t, ok := unicode.Categories[name]
	if !ok {
		return nil, false
	}
	return ofTable(t), true
}

// multiClass is the class of a multi-character escape in its positive,
// lower-case form (XML Schema part 2, F.1.1).
func multiClass(c byte) class {
	switch c {
	case 's':
		return newClass('\t', '\n', '\r', '\r', ' ', ' ')
	case 'd': // Unicode's decimal digits, not ASCII's only
		return ofTable(unicode.Nd)
	case 'w':
		p, _ := property("P")
		z, _ := property("Z")
		other, _ := property("C")
		return p.union(z).union(other).negate()
	case 'i':
		return newClass(nameStart()...)
	case 'c':
		return newClass(append(nameStart(), '-', '.', '0', '9', 0xB7, 0xB7, 0x300, 0x36F, 0x203F, 0x2040)...)
	}
	return nil
}

// nameStart is NameStartChar of XML 1.0, fifth edition.
func nameStart() []rune {
	return []rune{':', ':', 'A', 'Z', '_', '_', 'a', 'z', 0xC0, 0xD6, 0xD8, 0xF6, 0xF8, 0x2FF, 0x370, 0x37D,
		0x37F, 0x1FFF, 0x200C, 0x200D, 0x2070, 0x218F, 0x2C00, 0x2FEF, 0x3001, 0xD7FF, 0xF900, 0xFDCF,
		0xFDF0, 0xFFFD, 0x10000, 0xEFFFF}
}
