// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"unicode/utf8"
)

// lineError is an error about a place in a line.
type lineError struct {
	start, end int // bytes of the line
	text       string
	expected   []string // words that would do
}

func (e *lineError) Error() string {
	text := e.text
	switch n := len(e.expected); {
	case n == 1:
		text += ": expected " + e.expected[0]
	case n > 1 && n <= maxExpected:
		text += ": expected one of " + strings.Join(e.expected, ", ")
	case n > maxExpected:
		text += ": expected one of " + strings.Join(e.expected[:maxExpected], ", ") + " ... (? shows all)"
	}
	return printable(text)
}

// maxExpected is how many words an error offers.
const maxExpected = 8

// at makes an error about bytes start to end of the line.
func at(start, end int, text string, expected ...string) *lineError {
	return &lineError{start: start, end: max(end, start+1), text: text, expected: expected}
}

// caret is a line of blanks and carets under the token; before is how many
// columns stand in front of the line.
func (e *lineError) caret(line string, before int) string {
	start, end := min(e.start, len(line)), min(e.end, len(line))
	n := max(utf8.RuneCountInString(line[start:end]), 1)
	return strings.Repeat(" ", before+utf8.RuneCountInString(line[:start])) + strings.Repeat("^", n)
}
