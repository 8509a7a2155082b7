// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Request is a method call (varlink.org, Method Call).
type Request struct {
	Method     string
	Parameters json.RawMessage // an object, or empty
	Oneway     bool
	More       bool
	Upgrade    bool
}

// Response is a reply or an error.
type Response struct {
	Parameters json.RawMessage // an object, or empty
	Continues  bool
	Error      string
}

// DefaultDepth is how deep the JSON of a message may nest.
const DefaultDepth = 64

// Append adds the call to b as one message, with its NUL.
func (r *Request) Append(b []byte) []byte {
	b = append(b, `{"method":`...)
	b = appendString(b, r.Method)
	if len(r.Parameters) > 0 {
		b = append(b, `,"parameters":`...)
		b = append(b, r.Parameters...)
	}
	if r.Oneway {
		b = append(b, `,"oneway":true`...)
	}
	if r.More {
		b = append(b, `,"more":true`...)
	}
	if r.Upgrade {
		b = append(b, `,"upgrade":true`...)
	}
	return append(b, '}', 0)
}

// Append adds the reply to b as one message, with its NUL.
func (r *Response) Append(b []byte) []byte {
	b = append(b, '{')
	if r.Error != "" {
		b = append(b, `"error":`...)
		b = append(appendString(b, r.Error), ',')
	}
	b = append(b, `"parameters":`...)
	if len(r.Parameters) > 0 {
		b = append(b, r.Parameters...)
	} else {
		b = append(b, '{', '}')
	}
	if r.Continues {
		b = append(b, `,"continues":true`...)
	}
	return append(b, '}', 0)
}

// appendString quotes s. Names of methods and errors are plain; anything else
// takes the long way.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '\\' {
			text, err := json.Marshal(s)
			if err != nil {
				return strconv.AppendQuoteToASCII(b, s)
			}
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// request is a Request that points into the message.
type request struct {
	method                []byte
	parameters            []byte
	oneway, more, upgrade bool
}

// parseRequest reads a call. A *syntaxError means that the bytes are no JSON
// object; an *Error that they are one, but no call.
func parseRequest(b []byte, depth int) (r request, err error) {
	s := scanner{b: b, depth: depth}
	if s.peek() != '{' {
		return r, s.unexpected("an object")
	}
	var wrong string
	var seen [5]bool
	once := func(i int, name string) {
		if seen[i] && wrong == "" {
			wrong = name
		}
		seen[i] = true
	}
	err = s.object(func(key []byte) error {
		null := s.peek() == 'n' // the same as absent
		var bad bool
		switch string(key) {
		case "method":
			once(0, "method")
			if bad = s.peek() != '"'; !bad {
				raw, err := s.str()
				if err != nil {
					return err
				}
				r.method = unquote(raw)
				return nil
			}
		case "parameters":
			once(1, "parameters")
			if bad = s.peek() != '{'; !bad {
				start := s.i
				if err := s.value(); err != nil {
					return err
				}
				r.parameters = b[start:s.i]
				return nil
			}
		case "oneway":
			once(2, "oneway")
			r.oneway, bad = s.boolean()
		case "more":
			once(3, "more")
			r.more, bad = s.boolean()
		case "upgrade":
			once(4, "upgrade")
			r.upgrade, bad = s.boolean()
		default:
			bad, null = true, false
		}
		if bad && !null && wrong == "" {
			wrong = string(key)
		}
		return s.value()
	})
	if err == nil {
		err = s.end()
	}
	switch {
	case err != nil:
		return request{}, err
	case wrong != "":
		return r, InvalidParameter(wrong)
	case len(r.method) == 0:
		return r, InvalidParameter("method")
	}
	return r, nil
}

// boolean looks at a true or false without consuming it.
func (s *scanner) boolean() (v, bad bool) {
	switch s.peek() {
	case 't':
		return true, false
	case 'f':
		return false, false
	}
	return false, true
}

// ParseResponse reads a reply. The parameters point into b.
func ParseResponse(b []byte) (r Response, err error) {
	s := scanner{b: b, depth: DefaultDepth}
	if s.peek() != '{' {
		return r, s.unexpected("an object")
	}
	err = s.object(func(key []byte) error {
		c := s.peek()
		start := s.i
		if err := s.value(); err != nil || c == 'n' {
			return err
		}
		text := b[start:s.i]
		switch {
		case string(key) == "parameters" && c == '{':
			r.Parameters = text
		case string(key) == "error" && c == '"':
			r.Error = string(unquote(text))
		case string(key) == "continues" && (c == 't' || c == 'f'):
			r.Continues = c == 't'
		default:
			return fmt.Errorf("cannot read the reply: wrong member %q", key)
		}
		return nil
	})
	if err == nil {
		err = s.end()
	}
	return r, err
}

// sniffMethod finds the name of the method in the first part of a call.
func sniffMethod(prefix []byte, depth int) (method []byte) {
	s := scanner{b: prefix, depth: depth}
	if s.peek() != '{' {
		return nil
	}
	// The text ends in the middle, so the error is expected.
	_ = s.object(func(key []byte) error {
		if string(key) == "method" && method == nil && s.peek() == '"' {
			raw, err := s.str()
			if err == nil {
				method = unquote(raw)
			}
			return err
		}
		return s.value()
	})
	return method
}
