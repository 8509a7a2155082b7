// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is something wrong at a place of a text.
type Error struct {
	File         string
	Line, Column int
	// Statement is the path of statements that the place is in, "" if unknown.
	Statement string
	Message   string // begins "cannot ..."
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		b.WriteByte(':')
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d: ", e.Line, e.Column)
	} else if e.File != "" {
		b.WriteByte(' ')
	}
	b.WriteString(e.Message)
	if e.Statement != "" {
		b.WriteString(" (in " + e.Statement + ")")
	}
	return b.String()
}

// Errors are all errors found, in order of the text.
type Errors []*Error

func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Errorf makes an error at the keyword of s.
func (s *Statement) Errorf(format string, args ...any) *Error {
	return &Error{File: s.File.Name, Line: int(s.Line), Column: int(s.Column), Statement: s.Path(),
		Message: fmt.Sprintf(format, args...)}
}

// quote shows at most 60 bytes of a text, on one line.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	return strconv.Quote(s)
}
