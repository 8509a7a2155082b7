// SPDX-License-Identifier: Apache-2.0

package varlink

import "strings"

// String writes the description in one canonical form that parses again.
func (d *Description) String() string {
	var b strings.Builder
	printDoc(&b, d.Doc, "")
	b.WriteString("interface " + d.Name + "\n")
	for _, m := range d.Members {
		b.WriteByte('\n')
		printDoc(&b, m.Doc, "")
		switch m.Kind {
		case TypeMember:
			b.WriteString("type " + m.Name + " ")
			m.Body.print(&b, "")
		case MethodMember:
			b.WriteString("method " + m.Name)
			m.In.print(&b, "")
			b.WriteString(" -> ")
			m.Out.print(&b, "")
		case ErrorMember:
			b.WriteString("error " + m.Name + " ")
			m.Body.print(&b, "")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func printDoc(b *strings.Builder, doc, indent string) {
	if doc == "" {
		return
	}
	for line := range strings.SplitSeq(doc, "\n") {
		b.WriteString(strings.TrimRight(indent+"# "+line, " ") + "\n")
	}
}

func (t *Type) print(b *strings.Builder, indent string) {
	if t.Nullable {
		b.WriteByte('?')
	}
	switch t.Kind {
	case Array:
		b.WriteString("[]")
		t.Elem.print(b, indent)
	case Map:
		b.WriteString("[string]")
		t.Elem.print(b, indent)
	case Enum:
		b.WriteString("(" + strings.Join(t.Values, ", ") + ")")
	case Struct:
		if len(t.Fields) == 0 {
			b.WriteString("()")
			return
		}
		b.WriteString("(\n")
		inner := indent + "\t"
		for i, f := range t.Fields {
			printDoc(b, f.Doc, inner)
			b.WriteString(inner + f.Name + ": ")
			f.Type.print(b, inner)
			if i < len(t.Fields)-1 {
				b.WriteByte(',')
			}
			b.WriteByte('\n')
		}
		b.WriteString(indent + ")")
	case Named:
		b.WriteString(t.Name)
	default:
		b.WriteString(t.Kind.String())
	}
}

func (k Kind) String() string {
	switch k {
	case Bool:
		return "bool"
	case Int:
		return "int"
	case Float:
		return "float"
	case String:
		return "string"
	case Object:
		return "object"
	case Any:
		return "any"
	case Struct:
		return "struct"
	case Enum:
		return "enum"
	case Array:
		return "array"
	case Map:
		return "map"
	case Named:
		return "named type"
	}
	return "unknown type"
}
