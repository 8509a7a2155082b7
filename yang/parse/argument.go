// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"fmt"
	"strconv"
	"strings"
)

// checkArgument returns why an argument is wrong, or "".
func checkArgument(want syntax, arg string, version int) string {
	switch want {
	case synIdentifier:
		return notIdentifier(arg)
	case synIdentifierRef:
		return notIdentifierRef(arg)
	case synNonEmpty:
		if strings.Trim(arg, " \t\r\n") == "" {
			return "it is empty"
		}
	case synBoolean:
		return notOneOf(arg, "true", "false")
	case synVersion:
		return notOneOf(arg, "1", "1.1")
	case synStatus:
		return notOneOf(arg, "current", "deprecated", "obsolete")
	case synOrderedBy:
		return notOneOf(arg, "system", "user")
	case synDeviate:
		return notOneOf(arg, "not-supported", "add", "replace", "delete")
	case synModifier:
		return notOneOf(arg, "invert-match")
	case synDate:
		return notDate(arg)
	case synInteger:
		if _, err := strconv.ParseInt(arg, 10, 32); err != nil || !decimalInteger(arg) {
			return "it is no integer from -2147483648 to 2147483647"
		}
	case synPosition:
		if _, err := strconv.ParseUint(arg, 10, 32); err != nil || !decimalInteger(arg) {
			return "it is no integer from 0 to 4294967295"
		}
	case synNonNegative:
		if _, err := strconv.ParseUint(arg, 10, 32); err != nil || !decimalInteger(arg) {
			return "it is no integer from 0 to 4294967295"
		}
	case synMaxElements:
		if n, err := strconv.ParseUint(arg, 10, 32); arg != "unbounded" && (err != nil || !decimalInteger(arg) || n == 0) {
			return "it is neither unbounded nor an integer from 1 to 4294967295"
		}
	case synFractionDigits:
		if n, err := strconv.Atoi(arg); err != nil || !decimalInteger(arg) || n < 1 || n > 18 {
			return "it is no integer from 1 to 18" // RFC 7950, 9.3.4
		}
	case synRange, synLength:
		_, err := Ranges(arg, want == synLength)
		return why(err)
	case synIfFeature:
		if version == 0 {
			return notIdentifierRef(arg) // RFC 6020, 7.18.2
		}
		_, err := IfFeatureExpr(arg)
		return why(err)
	case synPath:
		_, err := LeafrefPath(arg)
		return why(err)
	case synKey:
		_, err := Names(arg)
		return why(err)
	case synUnique:
		list := words(arg)
		for _, w := range list {
			if _, err := SchemaPath(w); err != nil || w[0] == '/' {
				return "it is no list of descendant schema node identifiers"
			}
		}
		if len(list) == 0 {
			return "it is empty"
		}
	case synSchemaAbsolute:
		_, err := SchemaPath(arg)
		if err == nil && arg[0] != '/' {
			return "it does not begin with /"
		}
		return why(err)
	case synRefine:
		_, err := SchemaPath(arg)
		if err == nil && arg[0] == '/' {
			return "it begins with /"
		}
		return why(err)
	case synAugment:
		_, err := SchemaPath(arg)
		return why(err)
	case synEnum: // RFC 7950, 9.6.4
		switch {
		case arg == "":
			return "it is empty"
		case strings.Trim(arg, " \t\r\n") != arg:
			return "it begins or ends with white space"
		}
	}
	return ""
}

func why(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func notOneOf(arg string, words ...string) string {
	for _, w := range words {
		if w == arg {
			return ""
		}
	}
	return "it is not " + strings.Join(words, ", ")
}

// notIdentifier: RFC 7950, 6.2.
func notIdentifier(s string) string {
	switch {
	case s == "":
		return "a name is empty"
	case len(s) > MaxIdentifier:
		return fmt.Sprintf("a name of %d characters is too long: at most %d", len(s), MaxIdentifier)
	case s[0] >= '0' && s[0] <= '9' || s[0] == '-' || s[0] == '.':
		return "a name begins with a letter or _"
	}
	for i := range len(s) {
		if !identifierByte(s[i]) {
			return "a name holds only letters, digits, _, - and ."
		}
	}
	return ""
}

func notIdentifierRef(s string) string {
	prefix, name, ok := strings.Cut(s, ":")
	if !ok {
		return notIdentifier(s)
	}
	if w := notIdentifier(prefix); w != "" {
		return w
	}
	return notIdentifier(name)
}

// notDate: RFC 7950, 14, date-arg-str; the day must exist.
func notDate(s string) string {
	const wrong = "it is no date of the form YYYY-MM-DD"
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return wrong
	}
	for i := range len(s) {
		if i != 4 && i != 7 && (s[i] < '0' || s[i] > '9') {
			return wrong
		}
	}
	year, month, day := int(s[0]-'0')*1000+int(s[1]-'0')*100+int(s[2]-'0')*10+int(s[3]-'0'), int(s[5]-'0')*10+int(s[6]-'0'), int(s[8]-'0')*10+int(s[9]-'0')
	days := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	if month < 1 || month > 12 || day < 1 {
		return "there is no such day"
	}
	last := days[month-1]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		last++
	}
	if day > last {
		return "there is no such day"
	}
	return ""
}

// decimalInteger: RFC 7950, 14, integer-value: no plus, no leading zeros.
func decimalInteger(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if s == "" || len(s) > 1 && s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// decimalValue: RFC 7950, 14: integer-value "." zero-integer-value.
func decimalValue(s string) bool {
	whole, fraction, ok := strings.Cut(s, ".")
	if !decimalInteger(whole) {
		return false
	}
	if !ok {
		return true
	}
	for i := range len(fraction) {
		if fraction[i] < '0' || fraction[i] > '9' {
			return false
		}
	}
	return fraction != ""
}

// Bounds is one part of a range or length as written: numbers, "min", "max".
// A single value is both bounds.
type Bounds struct{ Min, Max string }

// maxParts bounds the parts of a range.
const maxParts = 10000

// Ranges reads the argument of "range" or "length" (RFC 7950, 9.2.4, 9.4.4).
func Ranges(arg string, length bool) ([]Bounds, error) {
	if strings.Count(arg, "|") >= maxParts {
		return nil, fmt.Errorf("it has more than %d parts", maxParts)
	}
	var out []Bounds
	for part := range strings.SplitSeq(arg, "|") {
		lo, hi, two := strings.Cut(part, "..")
		b := Bounds{strings.Trim(lo, " \t\r\n"), strings.Trim(hi, " \t\r\n")}
		if !two {
			b.Max = b.Min
		}
		for _, v := range []string{b.Min, b.Max} {
			switch {
			case v == "min" || v == "max":
			case length && (!decimalInteger(v) || v[0] == '-'):
				return nil, fmt.Errorf("%s is no length", quote(v))
			case !decimalValue(v):
				return nil, fmt.Errorf("%s is no number", quote(v))
			}
		}
		out = append(out, b)
	}
	return out, nil
}

// Step is a name in a path, its prefix "" if it has none.
type Step struct{ Prefix, Name string }

func (s Step) String() string {
	if s.Prefix == "" {
		return s.Name
	}
	return s.Prefix + ":" + s.Name
}

// step reads an identifier-ref that notIdentifierRef accepts.
func step(s string) Step {
	if prefix, name, ok := strings.Cut(s, ":"); ok {
		return Step{prefix, name}
	}
	return Step{Name: s}
}

// SchemaPath reads a schema node identifier, absolute or descendant
// (RFC 7950, 6.5).
func SchemaPath(arg string) ([]Step, error) {
	var out []Step
	for name := range strings.SplitSeq(strings.TrimPrefix(arg, "/"), "/") {
		if w := notIdentifierRef(name); w != "" {
			return nil, fmt.Errorf("%s", w)
		}
		if len(out) >= MaxDepth {
			return nil, fmt.Errorf("it has more than %d steps", MaxDepth)
		}
		out = append(out, step(name))
	}
	return out, nil
}

// Names reads the argument of "key": names between white space (RFC 7950,
// 7.8.2).
func Names(arg string) ([]Step, error) {
	var out []Step
	for _, w := range words(arg) {
		if why := notIdentifierRef(w); why != "" {
			return nil, fmt.Errorf("%s", why)
		}
		out = append(out, step(w))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("it is empty")
	}
	return out, nil
}
