// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"strings"
)

// checker compares statements with the grammar.
type checker struct {
	version int // 0: YANG 1; 1: YANG 1.1
	rules   *[keywords]rule
	errs    Errors
}

func (f *File) version() int {
	if f.Version == "1.1" {
		return 1
	}
	return 0
}

// checkModule checks a whole text.
func checkModule(f *File) Errors {
	c := checker{version: f.version(), rules: rules()}
	c.statement(f.Root)
	order := 0
	for i := range f.Root.Sub {
		s := &f.Root.Sub[i]
		switch n := section(s.Keyword); {
		case n > order:
			order = n
		case n < order && n > 0 && len(c.errs) < maxErrors:
			names := []string{"", "header", "imports and includes", "meta statements", "revisions", "body"}
			c.errs = append(c.errs, s.Errorf("cannot use %s here: it belongs before the %s of the module", s.Name(), names[order]))
		}
	}
	return c.errs
}

// CheckAs checks the substatements of s, a use of an extension, as if s were a
// statement of that keyword. Extensions that carry YANG statements (RFC 8040,
// 8; RFC 8791; RFC 7952) are checked so.
func CheckAs(s *Statement, as Keyword) Errors {
	c := checker{version: s.File.version(), rules: rules()}
	c.subs(s, as)
	return c.errs
}

func (c *checker) fail(s *Statement, format string, args ...any) {
	if len(c.errs) < maxErrors {
		c.errs = append(c.errs, s.Errorf(format, args...))
	}
}

func (c *checker) statement(s *Statement) {
	if s.Keyword == Unknown {
		return // what stands inside belongs to the extension (RFC 7950, 6.3.1)
	}
	r := &c.rules[s.Keyword]
	switch {
	case r.argument == synNone:
		if s.HasArgument {
			c.fail(s, "cannot give %s an argument", s.Name())
		}
	case !s.HasArgument:
		c.fail(s, "cannot use %s without an argument", s.Name())
	default:
		if why := checkArgument(r.argument, s.Argument, c.version); why != "" {
			c.fail(s, "cannot use %s as argument of %s: %s", quote(s.Argument), s.Name(), why)
		}
	}
	if len(s.Sub) > 0 || r.required[c.version] != nil {
		c.subs(s, s.Keyword)
	}
}

func (c *checker) subs(s *Statement, as Keyword) {
	r := &c.rules[as]
	allowed := &r.subs[c.version]
	var seen [2]uint64 // a set of keywords
	for i := range s.Sub {
		sub := &s.Sub[i]
		k := sub.Keyword
		if k == Unknown {
			continue
		}
		bit := uint64(1) << (k & 63)
		switch allowed[k] {
		case never:
			switch {
			case r.subs[1-c.version][k] != never && c.version == 0:
				c.fail(sub, "cannot use %s in %s: that needs yang-version 1.1", sub.Name(), s.Name())
			default:
				c.fail(sub, "cannot use %s in %s", sub.Name(), s.Name())
			}
			continue
		case optional, one:
			if seen[k>>6]&bit != 0 {
				c.fail(sub, "cannot use %s twice in %s", sub.Name(), s.label())
			}
		}
		if as == Deviate && !deviates(s.Argument, k) {
			c.fail(sub, "cannot use %s in deviate %s", sub.Name(), s.Argument)
		}
		seen[k>>6] |= bit
		c.statement(sub)
	}
	for _, k := range r.required[c.version] {
		if seen[k>>6]&(1<<(k&63)) == 0 {
			c.fail(s, "cannot use %s without a %s statement", s.label(), k)
		}
	}
}

// nearest suggests a keyword for a misspelt one.
func nearest(word string) string {
	best, at := 3, Unknown
	for k := Unknown + 1; k < keywords; k++ {
		if d := distance(word, k.String(), best); d < best {
			best, at = d, k
		}
	}
	if at == Unknown || len(word) < 3 {
		return ""
	}
	return "; did you mean " + at.String() + "?"
}

// distance is the number of edits between two words, or most if it is more.
func distance(a, b string, most int) int {
	if len(a) > 32 || len(a)-len(b) > most || len(b)-len(a) > most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return min(row[len(b)], most)
}

// words splits at YANG's white space.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' })
}
