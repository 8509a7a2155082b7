// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"iter"
	"strings"
)

// File is one parsed text.
type File struct {
	Name string // as given, for messages
	Text string
	// Root is the module or submodule statement.
	Root *Statement
	// Version is "1" or "1.1" (RFC 7950, 7.1.2).
	Version string
}

// Statement is one statement of a text (RFC 7950, 6.3).
type Statement struct {
	// Keyword is Unknown for the use of an extension, whose name then is in
	// Extension as prefix:name.
	Keyword     Keyword
	HasArgument bool
	Line        int32 // of the keyword, from 1
	Column      int32 // in characters, from 1; a tab is one
	Argument    string
	Extension   string
	Sub         []Statement
	File        *File
}

// Name is the keyword as written.
func (s *Statement) Name() string {
	if s.Keyword == Unknown {
		return s.Extension
	}
	return s.Keyword.String()
}

// Prefix is the prefix of an extension's keyword, "" for the language's own.
func (s *Statement) Prefix() string {
	prefix, _, _ := strings.Cut(s.Extension, ":")
	return prefix
}

// First returns the first substatement of that keyword, or nil.
func (s *Statement) First(k Keyword) *Statement {
	for i := range s.Sub {
		if s.Sub[i].Keyword == k {
			return &s.Sub[i]
		}
	}
	return nil
}

// Text is the argument of the first substatement of that keyword, or "".
func (s *Statement) Text(k Keyword) string {
	if c := s.First(k); c != nil {
		return c.Argument
	}
	return ""
}

// All iterates over the substatements of that keyword.
func (s *Statement) All(k Keyword) iter.Seq[*Statement] {
	return func(yield func(*Statement) bool) {
		for i := range s.Sub {
			if s.Sub[i].Keyword == k && !yield(&s.Sub[i]) {
				return
			}
		}
	}
}

// Path names the statement and those around it, outermost first:
// module m / container top / leaf x. It is slow and meant for messages.
func (s *Statement) Path() string {
	if s.File == nil || s.File.Root == nil {
		return s.label()
	}
	var chain []string
	if !find(s.File.Root, s, &chain) {
		return s.label()
	}
	var b strings.Builder
	const most = 12 // levels shown
	for i := len(chain) - 1; i >= 0; i-- {
		if n := len(chain) - 1 - i; n >= most/2 && i >= most/2 {
			if n == most/2 {
				b.WriteString(" / ...")
			}
			continue
		}
		if b.Len() > 0 {
			b.WriteString(" / ")
		}
		b.WriteString(chain[i])
	}
	return b.String()
}

// find fills chain from the statement outwards. Substatements lie behind the
// keyword of their parent, so positions steer the search.
func find(in, s *Statement, chain *[]string) bool {
	if in == s {
		*chain = append(*chain, in.label())
		return true
	}
	for i := len(in.Sub) - 1; i >= 0; i-- {
		c := &in.Sub[i]
		if c.Line > s.Line || c.Line == s.Line && c.Column > s.Column {
			continue
		}
		if !find(c, s, chain) {
			return false
		}
		*chain = append(*chain, in.label())
		return true
	}
	return false
}

func (s *Statement) label() string {
	switch {
	case s.Argument == "":
		return s.Name()
	case len(s.Argument) > 60 || strings.ContainsAny(s.Argument, "\n\r\t"):
		return s.Name() + " " + quote(s.Argument)
	}
	return s.Name() + " " + s.Argument
}
