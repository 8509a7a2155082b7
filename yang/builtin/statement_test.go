// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"fmt"
	"slices"
	"strings"
)

// statement is a YANG statement as written: a reader of its own for the tests,
// so that they do not lean on the parser they help to test.
type statement struct {
	keyword, arg string
	subs         []*statement
}

// reader walks through the text of one module (RFC 7950, 6).
type reader struct {
	text string
	pos  int
}

func readModule(text string) (*statement, error) {
	r := &reader{text: text}
	s, err := r.statement()
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", 1+strings.Count(r.text[:r.pos], "\n"), err)
	}
	if r.skip(); r.pos < len(r.text) {
		return nil, fmt.Errorf("text behind the module: %.20q", r.text[r.pos:])
	}
	return s, nil
}

// skip passes white space and comments (RFC 7950, 6.1.1).
func (r *reader) skip() {
	for {
		rest := strings.TrimLeft(r.text[r.pos:], " \t\r\n")
		r.pos = len(r.text) - len(rest)
		end := ""
		switch {
		case strings.HasPrefix(rest, "//"):
			end = "\n"
		case strings.HasPrefix(rest, "/*"):
			end = "*/"
		default:
			return
		}
		if i := strings.Index(rest[2:], end); i >= 0 {
			r.pos += 2 + i + len(end)
		} else {
			r.pos = len(r.text)
		}
	}
}

// peek is the next character behind white space and comments, 0 at the end.
func (r *reader) peek() byte {
	if r.skip(); r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

func (r *reader) statement() (*statement, error) {
	s := &statement{keyword: r.word()}
	if s.keyword == "" {
		return nil, fmt.Errorf("no keyword where one belongs")
	}
	if c := r.peek(); c != ';' && c != '{' {
		var err error
		if s.arg, err = r.argument(); err != nil {
			return nil, err
		}
	}
	switch r.peek() {
	case ';':
		r.pos++
		return s, nil
	case '{':
		r.pos++
	default:
		return nil, fmt.Errorf("neither ; nor { behind %s %s", s.keyword, s.arg)
	}
	for r.peek() != '}' {
		sub, err := r.statement()
		if err != nil {
			return nil, err
		}
		s.subs = append(s.subs, sub)
	}
	r.pos++
	return s, nil
}

// word is an unquoted string (RFC 7950, 6.1.3).
func (r *reader) word() string {
	r.skip()
	end := strings.IndexAny(r.text[r.pos:], " \t\r\n;{}\"'")
	if end < 0 {
		end = len(r.text) - r.pos
	}
	r.pos += end
	return r.text[r.pos-end : r.pos]
}

// argument is an unquoted string or quoted ones joined by "+".
func (r *reader) argument() (string, error) {
	if c := r.peek(); c != '"' && c != '\'' {
		return r.word(), nil
	}
	var arg strings.Builder
	for {
		quote := r.peek()
		if quote != '"' && quote != '\'' {
			return "", fmt.Errorf("no string behind +")
		}
		start := r.pos + 1
		end := start
		for end < len(r.text) && r.text[end] != quote {
			if quote == '"' && r.text[end] == '\\' {
				end++
			}
			end++
		}
		if end >= len(r.text) {
			return "", fmt.Errorf("string without end")
		}
		part := r.text[start:end]
		if quote == '"' {
			part = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`, `\\`, `\`).Replace(part)
		}
		arg.WriteString(part)
		r.pos = end + 1
		if r.peek() != '+' {
			return arg.String(), nil
		}
		r.pos++
	}
}

// normalise takes away what does not belong to the schema: prose, the wording
// of presence, white space inside arguments that are no plain strings, and the
// order of statements where RFC 7950 gives it no meaning.
func (s *statement) normalise() {
	switch s.keyword {
	case "presence":
		s.arg = "(text)"
	case "range", "length":
		s.arg = strings.Join(strings.Fields(s.arg), "")
	case "key", "unique", "must", "when", "path", "augment", "if-feature", "error-message":
		s.arg = strings.Join(strings.Fields(s.arg), " ")
	}
	s.subs = slices.DeleteFunc(s.subs, func(sub *statement) bool {
		switch sub.keyword {
		case "description", "reference", "organization", "contact":
			return true
		}
		return false
	})
	for _, sub := range s.subs {
		sub.normalise()
	}
	slices.SortStableFunc(s.subs, func(a, b *statement) int {
		switch ra, rb := a.ordered(), b.ordered(); {
		case ra && rb:
			return 0
		case ra:
			return 1
		case rb:
			return -1
		}
		return strings.Compare(a.String(), b.String())
	})
}

// ordered says that the place of the statement among its like matters: data
// nodes and what brings or holds them, enums and bits (their automatic values,
// RFC 7950, 9.6.4.2), members of a union (9.12).
func (s *statement) ordered() bool {
	switch s.keyword {
	case "container", "list", "leaf", "leaf-list", "choice", "case", "anydata", "anyxml", "uses", "augment",
		"rpc", "action", "input", "output", "notification", "enum", "bit", "type", "revision":
		return true
	}
	return false
}

func (s *statement) String() string { return strings.Join(s.lines(nil, ""), "\n") }

// lines renders a statement with one line for itself and each below it.
func (s *statement) lines(to []string, indent string) []string {
	to = append(to, fmt.Sprintf("%s%s %q", indent, s.keyword, s.arg))
	for _, sub := range s.subs {
		to = sub.lines(to, indent+"  ")
	}
	return to
}

// difference compares two modules whole and names the first places where they
// part, each with the statements above it; "" means they are the same schema.
func difference(ours, published string) (string, error) {
	var text [2][]string
	for i, t := range []string{ours, published} {
		s, err := readModule(t)
		if err != nil {
			return "", fmt.Errorf("%s: %w", []string{"ours", "published"}[i], err)
		}
		s.normalise()
		text[i] = s.lines(nil, "")
	}
	for i := range max(len(text[0]), len(text[1])) {
		a, b := at(text[0], i), at(text[1], i)
		if a != b {
			return fmt.Sprintf("ours      %s\npublished %s", a, b), nil
		}
	}
	return "", nil
}

// at is line i with the statements it is under, outermost first.
func at(lines []string, i int) string {
	if i >= len(lines) {
		return "(ends)"
	}
	depth := func(l string) int { return len(l) - len(strings.TrimLeft(l, " ")) }
	where := strings.TrimSpace(lines[i])
	for j, d := i-1, depth(lines[i]); j >= 0 && d > 0; j-- {
		if n := depth(lines[j]); n < d {
			where, d = strings.TrimSpace(lines[j])+" / "+where, n
		}
	}
	return where
}
