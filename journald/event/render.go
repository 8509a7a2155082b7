// SPDX-License-Identifier: Apache-2.0

package event

import (
	"fmt"
	"strings"
)

// Catalog is the text of packaging/nso.catalog.
func Catalog() string {
	var b strings.Builder
	b.WriteString("# Made from journald/event by \"go test ./journald/event -update\".\n")
	for _, e := range All() {
		fmt.Fprintf(&b, "\n-- %s\nSubject: %s\nDefined-By: nso\nDocumentation: man:nsod(8)\n\n%s\n", e.ID, e.Subject, wrap(e.Explanation, 79))
		if e.Remedy != "" {
			b.WriteString("\n" + wrap(e.Remedy, 79) + "\n")
		}
	}
	return b.String()
}

// wrap breaks a text at blanks.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		if column > 0 && column+1+len(word) > width {
			b.WriteByte('\n')
			column = 0
		} else if column > 0 {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// Tables are the two tables of docs/journal.md, in Markdown.
func Tables() string {
	var b strings.Builder
	names := make(map[string]string)
	b.WriteString("## Fields\n\n| field | in a text log | what |\n|---|---|---|\n")
	for _, f := range Fields() {
		names[f.Key] = f.Name
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", f.Name, f.Key, f.Meaning)
	}
	b.WriteString("\n## Events\n")
	for _, e := range All() {
		fmt.Fprintf(&b, "\n### %s\n\n`MESSAGE_ID=%s` · %s\n\n%s\n", e.Name, e.ID, e.Subject, wrap(plain(e.Explanation), 90))
		if e.Remedy != "" {
			fmt.Fprintf(&b, "\n%s\n", wrap("*What to do:* "+plain(e.Remedy), 90))
		}
		if len(e.Fields) > 0 {
			told := make([]string, len(e.Fields))
			for i, key := range e.Fields {
				if told[i] = names[key]; told[i] == "" {
					told[i] = FieldName(key)
				}
			}
			fmt.Fprintf(&b, "\n%s\n", wrap("Fields: "+strings.Join(told, ", "), 90))
		}
	}
	return b.String()
}

// plain writes the variables of the catalogue as field names.
func plain(text string) string {
	parts := strings.Split(text, "@")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "`" + parts[i] + "`"
	}
	return strings.Join(parts, "")
}
