// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"math"
	"strconv"
)

// kind is the type of a value (XPath 1).
type kind uint8

const (
	nodeSet kind = iota
	boolean
	numeric
	text
)

// signature is what a function takes and gives.
type signature struct {
	min, max int
	result   kind
}

func (s signature) arity() string {
	plural := func(n int) string {
		if n == 1 {
			return "1 argument"
		}
		return strconv.Itoa(n) + " arguments"
	}
	switch {
	case s.max == 0:
		return "no arguments"
	case s.max == math.MaxInt:
		return "at least " + plural(s.min)
	case s.min != s.max:
		return strconv.Itoa(s.min) + " to " + plural(s.max)
	}
	return plural(s.min)
}

// function returns the signature of a function of XPath 4 or RFC 7950, 10.
func function(name string) (signature, bool) {
	s := func(min, max int, result kind) (signature, bool) { return signature{min, max, result}, true }
	switch name {
	case "last", "position":
		return s(0, 0, numeric)
	case "count", "sum", "floor", "ceiling", "round":
		return s(1, 1, numeric)
	case "number", "string-length":
		return s(0, 1, numeric)
	case "id":
		return s(1, 1, nodeSet)
	case "local-name", "namespace-uri", "name", "string", "normalize-space":
		return s(0, 1, text)
	case "concat":
		return s(2, math.MaxInt, text)
	case "substring-before", "substring-after":
		return s(2, 2, text)
	case "substring":
		return s(2, 3, text)
	case "translate":
		return s(3, 3, text)
	case "starts-with", "contains":
		return s(2, 2, boolean)
	case "boolean", "not", "lang":
		return s(1, 1, boolean)
	case "true", "false":
		return s(0, 0, boolean)
	case "current":
		return s(0, 0, nodeSet)
	case "deref":
		return s(1, 1, nodeSet)
	case "re-match", "derived-from", "derived-from-or-self", "bit-is-set":
		return s(2, 2, boolean)
	case "enum-value":
		return s(1, 1, numeric)
	}
	return signature{}, false
}

// resultKind is the static type of an expression.
func resultKind(n node) kind {
	switch n := n.(type) {
	case *binary:
		switch n.op {
		case "|":
			return nodeSet
		case "+", "-", "*", "div", "mod":
			return numeric
		}
		return boolean
	case *negate, number:
		return numeric
	case literal, wanted:
		return text
	case *call:
		f, _ := function(n.name)
		return f.result
	case *ccall:
		return resultKind(n.call)
	}
	return nodeSet
}
