// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"fmt"
	"strings"
)

// FeatureExpr is the argument of an "if-feature" (RFC 7950, 7.20.2).
type FeatureExpr struct {
	// Op is 'f' for a feature's name, '!' for not, '&' for and, '|' for or.
	Op      byte
	Feature Step
	L, R    *FeatureExpr // R for & and | alone
}

// Eval asks is for each feature that it needs.
func (e *FeatureExpr) Eval(is func(Step) (bool, error)) (bool, error) {
	if e.Op == 'f' {
		return is(e.Feature)
	}
	l, err := e.L.Eval(is)
	if err != nil || e.Op == '!' {
		return !l, err
	}
	r, err := e.R.Eval(is) // both sides: an unknown name is an error anywhere
	if e.Op == '&' {
		return l && r, err
	}
	return l || r, err
}

// IfFeatureExpr reads an if-feature expression.
func IfFeatureExpr(arg string) (*FeatureExpr, error) {
	p := featureParser{rest: arg}
	p.next()
	e, err := p.or(0)
	if err == nil && p.token != "" {
		err = fmt.Errorf("%s is one word too many", quote(p.token))
	}
	return e, err
}

type featureParser struct{ rest, token string }

func (p *featureParser) next() {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		p.token = ""
		return
	}
	n := 1
	if c := p.rest[0]; c != '(' && c != ')' {
		if n = strings.IndexAny(p.rest, " \t\r\n()"); n < 0 {
			n = len(p.rest)
		}
	}
	p.token, p.rest = p.rest[:n], p.rest[n:]
}

func (p *featureParser) or(depth int) (*FeatureExpr, error) {
	l, err := p.and(depth)
	for err == nil && p.token == "or" {
		p.next()
		var r *FeatureExpr
		r, err = p.and(depth)
		l = &FeatureExpr{Op: '|', L: l, R: r}
	}
	return l, err
}

func (p *featureParser) and(depth int) (*FeatureExpr, error) {
	l, err := p.factor(depth)
	for err == nil && p.token == "and" {
		p.next()
		var r *FeatureExpr
		r, err = p.factor(depth)
		l = &FeatureExpr{Op: '&', L: l, R: r}
	}
	return l, err
}

func (p *featureParser) factor(depth int) (*FeatureExpr, error) {
	const most = 100
	if depth > most {
		return nil, fmt.Errorf("it is nested more than %d deep", most)
	}
	switch t := p.token; t {
	case "not":
		p.next()
		e, err := p.factor(depth + 1)
		return &FeatureExpr{Op: '!', L: e}, err
	case "(":
		p.next()
		e, err := p.or(depth + 1)
		if err == nil && p.token != ")" {
			err = fmt.Errorf("a ) is missing")
		}
		p.next()
		return e, err
	case "", ")", "and", "or":
		return nil, fmt.Errorf("the name of a feature is missing")
	default:
		if w := notIdentifierRef(t); w != "" {
			return nil, fmt.Errorf("%s", w)
		}
		p.next()
		return &FeatureExpr{Op: 'f', Feature: step(t)}, nil
	}
}
