// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"strconv"
	"strings"
)

// fieldError says which field of the parameters does not fit the description.
type fieldError struct {
	path string
	what string
}

func (e *fieldError) Error() string { return e.path + ": " + e.what }

// under prefixes the path on the way out of the recursion, so that a fitting
// value costs nothing.
func under(name string, err error) error {
	if fe, ok := err.(*fieldError); ok {
		switch {
		case fe.path == "":
			fe.path = name
		case fe.path[0] == '[':
			fe.path = name + fe.path
		default:
			fe.path = name + "." + fe.path
		}
	}
	return err
}

// fits checks that the JSON text in b is a value of type t: no unknown, no
// missing and no doubled field, every value of its type. Names are compared
// exactly, unlike encoding/json does.
func fits(t *Type, b []byte, depth int) error {
	s := scanner{b: b, depth: depth}
	if err := s.typed(t); err != nil {
		return err
	}
	return s.end()
}

func (s *scanner) typed(t *Type) error {
	nullable := t.Nullable
	for t.Kind == Named {
		t = t.Ref
	}
	c := s.peek()
	if c == 'n' {
		if !nullable && t.Kind != Any {
			return &fieldError{what: "null is not a " + t.Kind.String()}
		}
		return s.literal("null")
	}
	var right bool
	switch t.Kind {
	case Bool:
		right = c == 't' || c == 'f'
	case Int, Float:
		right = c == '-' || isDigit(c)
	case String, Enum:
		right = c == '"'
	case Object, Struct, Map:
		right = c == '{'
	case Array:
		right = c == '['
	case Any:
		right = true
	}
	if !right {
		return &fieldError{what: "not a " + t.Kind.String()}
	}
	switch t.Kind {
	case Int:
		start := s.i
		integer, err := s.number()
		if err != nil {
			return err
		}
		if text := s.b[start:s.i]; !integer || len(text) > 18 {
			if _, err := strconv.ParseInt(string(text), 10, 64); err != nil {
				return &fieldError{what: "not a whole number of 64 bits"}
			}
		}
	case Enum:
		raw, err := s.str()
		if err != nil {
			return err
		}
		text := unquote(raw)
		for _, v := range t.Values {
			if v == string(text) {
				return nil
			}
		}
		return &fieldError{what: "not one of " + strings.Join(t.Values, ", ")}
	case Struct:
		return s.typedStruct(t)
	case Map:
		return s.object(func(key []byte) error {
			if err := s.typed(t.Elem); err != nil {
				return under("["+strconv.Quote(string(key))+"]", err)
			}
			return nil
		})
	case Array:
		return s.array(func(i int) error {
			if err := s.typed(t.Elem); err != nil {
				return under("["+strconv.Itoa(i)+"]", err)
			}
			return nil
		})
	default:
		return s.value()
	}
	return nil
}

func (s *scanner) typedStruct(t *Type) error {
	var few uint64 // which fields were there: enough for 64 of them
	var many []bool
	if len(t.Fields) > 64 {
		many = make([]bool, len(t.Fields))
	}
	next := 0 // members mostly come in the order of the description
	err := s.object(func(key []byte) error {
		at := -1
		for n := range t.Fields {
			i := next + n
			if i >= len(t.Fields) {
				i -= len(t.Fields)
			}
			if t.Fields[i].Name == string(key) {
				at = i
				break
			}
		}
		if at < 0 {
			return &fieldError{string(key), "unknown field"}
		}
		seen := few&(1<<(at&63)) != 0
		if many != nil {
			seen = many[at]
			many[at] = true
		}
		few |= 1 << (at & 63)
		if seen {
			return &fieldError{string(key), "there twice"}
		}
		next = at + 1
		if err := s.typed(t.Fields[at].Type); err != nil {
			return under(t.Fields[at].Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range t.Fields {
		if t.Fields[i].Type.Nullable || t.Fields[i].Type.Kind == Any {
			continue
		}
		if many != nil && !many[i] || many == nil && few&(1<<i) == 0 {
			return &fieldError{t.Fields[i].Name, "missing"}
		}
	}
	return nil
}
