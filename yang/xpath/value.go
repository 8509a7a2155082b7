// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"math"
	"strconv"
	"strings"
)

// Value is the result of an evaluation: a node-set, boolean, number or string
// (XPath 1), with the conversions between them (XPath 4).
type Value struct {
	kind  kind
	nodes []*Node
	b     bool
	n     float64
	s     string
}

// Nodes is the node-set in document order, nil for a value that is none.
func (v Value) Nodes() []*Node { return v.nodes }

// IsNodes reports whether the value is a node-set.
func (v Value) IsNodes() bool { return v.kind == nodeSet }

// Native is the value as a []*Node, bool, float64 or string.
func (v Value) Native() any {
	switch v.kind {
	case boolean:
		return v.b
	case numeric:
		return v.n
	case text:
		return v.s
	}
	return v.nodes
}

// Bool is the value as boolean() has it.
func (v Value) Bool() bool {
	switch v.kind {
	case boolean:
		return v.b
	case numeric:
		return v.n != 0 && !math.IsNaN(v.n)
	case text:
		return v.s != ""
	}
	return len(v.nodes) > 0
}

// String is the value as string() has it.
func (v Value) String() string {
	switch v.kind {
	case boolean:
		return strconv.FormatBool(v.b)
	case numeric:
		return formatNumber(v.n)
	case text:
		return v.s
	}
	if len(v.nodes) == 0 {
		return ""
	}
	return v.nodes[0].String()
}

// Number is the value as number() has it.
func (v Value) Number() float64 {
	switch v.kind {
	case boolean:
		if v.b {
			return 1
		}
		return 0
	case numeric:
		return v.n
	}
	return parseNumber(v.String())
}

func boolValue(b bool) Value      { return Value{kind: boolean, b: b} }
func numberValue(n float64) Value { return Value{kind: numeric, n: n} }
func textValue(s string) Value    { return Value{kind: text, s: s} }
func nodesValue(n []*Node) Value  { return Value{kind: nodeSet, nodes: n} }

// formatNumber is string() of a number (XPath 4.2): no exponent.
func formatNumber(n float64) string {
	switch {
	case math.IsNaN(n):
		return "NaN"
	case math.IsInf(n, 1):
		return "Infinity"
	case math.IsInf(n, -1):
		return "-Infinity"
	case n == 0:
		return "0" // negative zero too
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// parseNumber is number() of a string (XPath 4.4): an optional minus, digits,
// at most one point, white space around; everything else is NaN.
func parseNumber(s string) float64 {
	s = strings.Trim(s, " \t\r\n")
	digits, point := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && !point:
			point = true
		case c == '-' && i == 0:
		default:
			return math.NaN()
		}
	}
	if digits == 0 {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// round is round() (XPath 4.4): halves go up.
func round(n float64) float64 {
	if math.IsNaN(n) || math.IsInf(n, 0) || n == math.Trunc(n) {
		return n
	}
	return math.Floor(n + 0.5)
}
