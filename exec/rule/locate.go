// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxDepth is how many tables or lists may be in each other; the time of the library
// grows with the third power of it.
const maxDepth = 8

// decodeError puts an error of the library into our form.
func decodeError(name string, err error) error {
	e := &Error{File: name, Text: strings.TrimPrefix(err.Error(), "toml: ")}
	var pe toml.ParseError
	if errors.As(err, &pe) {
		e.Line, e.Text = pe.Position.Line, pe.Message
		if e.Text == "" { // then it is in the one text, after the position
			_, e.Text, _ = strings.Cut(err.Error(), "): ")
		}
	} else if _, err := fmt.Sscanf(e.Text, "line %d", &e.Line); err == nil {
		// A value of the wrong type, which the library gives as text only.
		_, e.Text, _ = strings.Cut(e.Text, ": ")
	}
	e.Text = "cannot read this as TOML: " + e.Text
	return e
}

// scan goes through the lines of a text, outside of strings of several lines, with
// comments and the insides of strings left out of what each is given.
func scan(text string, each func(n int, line string)) {
	var multi string // the quotes that a string of several lines ends with
	n := 0
	for line := range strings.Lines(text) {
		n++
		var b strings.Builder
		begun := multi == ""
		for i := 0; i < len(line); i++ {
			if multi != "" {
				if multi == `"""` && line[i] == '\\' {
					i++
				} else if strings.HasPrefix(line[i:], multi) {
					i += 2
					multi = ""
				}
				continue
			}
			switch c := line[i]; c {
			case '#':
				i = len(line)
			case '"', '\'':
				if q := strings.Repeat(string(c), 3); strings.HasPrefix(line[i:], q) {
					multi = q
					i += 2
					continue
				}
				end := i + 1
				for end < len(line) && line[end] != c {
					if c == '"' && line[end] == '\\' {
						end++
					}
					end++
				}
				if !strings.Contains(b.String(), "=") { // a name that is quoted
					b.WriteString(line[i+1 : min(end, len(line))])
				} else {
					b.WriteString(`""`)
				}
				i = end
			default:
				b.WriteByte(c)
			}
		}
		if begun {
			each(n, strings.TrimSpace(b.String()))
		}
	}
}

// locate finds the lines of the tables and keys of a text that could be decoded. A key
// inside an inline table is found by the table.
func locate(text string) map[string]int {
	where := make(map[string]int)
	note := func(key string, n int) {
		for { // [rule.a.limits] is where rule.a is, too, unless it has a line of its own
			if where[key] == 0 {
				where[key] = n
			}
			i := strings.LastIndexByte(key, '.')
			if i < 0 {
				return
			}
			key = key[:i]
		}
	}
	compact := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, ".", " ")), ".") }
	table, depth := "", 0
	scan(text, func(n int, line string) {
		name, value, assigned := strings.Cut(line, "=")
		if head, ok := strings.CutPrefix(line, "["); ok && depth == 0 && !assigned {
			if table = compact(strings.Trim(head, "[] ")); table != "" {
				note(table, n)
			}
			return
		}
		if assigned && depth == 0 {
			key := compact(name)
			if table != "" {
				key = table + "." + key
			}
			note(key, n)
			line = value
		}
		depth += strings.Count(line, "[") + strings.Count(line, "{") - strings.Count(line, "]") - strings.Count(line, "}")
		depth = max(depth, 0)
	})
	return where
}

// tooDeep returns the line where tables or lists are in each other too deeply, else 0.
func tooDeep(text string) (found int) {
	depth := 0
	scan(text, func(n int, line string) {
		dots := 0
		for _, c := range line {
			switch c {
			case '.':
				dots++
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
			if found == 0 && (depth > maxDepth || dots > 4*maxDepth) {
				found = n
			}
		}
		depth = max(depth, 0)
	})
	return found
}
