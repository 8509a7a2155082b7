// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"fmt"
	"strings"
)

// Leafref is the argument of a leafref's "path" (RFC 7950, 9.9.2 and path-arg in
// 14). Beyond the RFC, a path may begin with deref(), as published models have
// it.
type Leafref struct {
	Deref    *Leafref // deref(Deref)/..., nil in most
	Absolute bool
	Up       int // how many ".." a relative path, or one behind deref, begins with
	Steps    []PathStep
}

// PathStep is a step down with its key predicates.
type PathStep struct {
	Step
	Predicates []PathPredicate
}

// PathPredicate is [Key = current()/../..., Value].
type PathPredicate struct {
	Key   Step
	Value *Leafref // relative to the leaf that has the leafref
}

// LeafrefPath reads the argument of "path".
func LeafrefPath(arg string) (*Leafref, error) {
	p := pathParser{text: arg}
	out, err := p.path(0)
	if err == nil && p.peek() != 0 {
		err = p.errorf("%s does not belong there", quote(p.text[p.pos:]))
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

type pathParser struct {
	text string
	pos  int
}

func (p *pathParser) errorf(format string, args ...any) error {
	return fmt.Errorf("character %d: "+format, append([]any{p.pos + 1}, args...)...)
}

func (p *pathParser) peek() byte {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

func (p *pathParser) eat(s string) bool {
	p.peek()
	if !strings.HasPrefix(p.text[p.pos:], s) {
		return false
	}
	p.pos += len(s)
	return true
}

func (p *pathParser) path(depth int) (*Leafref, error) {
	out := &Leafref{}
	switch {
	case depth > 4:
		return nil, p.errorf("deref is nested too deeply")
	case p.eat("deref"):
		if !p.eat("(") {
			return nil, p.errorf("a ( is missing")
		}
		var err error
		if out.Deref, err = p.path(depth + 1); err != nil {
			return nil, err
		}
		if !p.eat(")") || !p.eat("/") {
			return nil, p.errorf(")/ is missing")
		}
	case p.eat("/"):
		out.Absolute = true
	case p.eat("./"): // harmless, and seen in published models
	}
	for !out.Absolute && p.eat("..") {
		out.Up++
		if !p.eat("/") {
			if out.Up > 0 && p.peek() != 0 && p.peek() != ')' {
				return nil, p.errorf("a / is missing")
			}
			return out, p.ends(out)
		}
	}
	if out.Up == 0 && !out.Absolute && out.Deref == nil && !strings.HasPrefix(p.text, "./") {
		return nil, p.errorf("a path begins with / or ../")
	}
	for {
		s, err := p.name()
		if err != nil {
			return nil, err
		}
		st := PathStep{Step: s}
		for p.eat("[") {
			pr, err := p.predicate()
			if err != nil {
				return nil, err
			}
			st.Predicates = append(st.Predicates, pr)
		}
		if out.Steps = append(out.Steps, st); len(out.Steps) > MaxDepth {
			return nil, p.errorf("the path has more than %d steps", MaxDepth)
		}
		if !p.eat("/") {
			return out, p.ends(out)
		}
	}
}

// ends: a path that only goes up names no leaf.
func (p *pathParser) ends(out *Leafref) error {
	if len(out.Steps) == 0 && p.peek() == 0 {
		return p.errorf("a name is missing at the end")
	}
	return nil
}

func (p *pathParser) name() (Step, error) {
	p.peek()
	start := p.pos
	for p.pos < len(p.text) && (identifierByte(p.text[p.pos]) || p.text[p.pos] == ':') {
		p.pos++
	}
	word := p.text[start:p.pos]
	if w := notIdentifierRef(word); w != "" {
		p.pos = start
		return Step{}, p.errorf("%s", w)
	}
	return step(word), nil
}

// predicate reads the rest of [key = current()/../x/y].
func (p *pathParser) predicate() (PathPredicate, error) {
	key, err := p.name()
	if err != nil {
		return PathPredicate{}, err
	}
	for _, sign := range []string{"=", "current", "(", ")", "/"} {
		if !p.eat(sign) {
			return PathPredicate{}, p.errorf("%s is missing: a predicate is [key = current()/../leaf]", sign)
		}
	}
	value := &Leafref{}
	for p.eat("..") {
		value.Up++
		if !p.eat("/") {
			return PathPredicate{}, p.errorf("a / is missing")
		}
	}
	if value.Up == 0 {
		return PathPredicate{}, p.errorf("../ is missing behind current()/")
	}
	for {
		s, err := p.name()
		if err != nil {
			return PathPredicate{}, err
		}
		value.Steps = append(value.Steps, PathStep{Step: s})
		if !p.eat("/") {
			break
		}
	}
	if !p.eat("]") {
		return PathPredicate{}, p.errorf("a ] is missing")
	}
	return PathPredicate{Key: key, Value: value}, nil
}
