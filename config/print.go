// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
)

// Field is one key of nso.toml, or one table.
type Field struct {
	Key     string // "limits.sessions"
	Table   bool   // the key names a table
	Array   bool   // of which there can be several
	Type    string // "size", "list of strings" ...; "" for a table
	Default string // as it is written in the file; "" for a table
	Takes   Takes
	Doc     string
}

// Describe lists every key in the order of the file, tables before what is in them.
func Describe() []Field {
	var all []Field
	walk(reflect.ValueOf(*Default()), "", "", func(f Field, _ reflect.Value) { all = append(all, f) })
	return all
}

// walk calls visit for each field of a struct, and for what is below it.
func walk(v reflect.Value, prefix string, takes Takes, visit func(Field, reflect.Value)) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		f := Field{Key: prefix + tag.Get("toml"), Takes: cmp.Or(Takes(tag.Get("takes")), takes), Doc: tag.Get("doc")}
		fv := v.Field(i)
		switch {
		case fv.Kind() == reflect.Struct:
			f.Table = true
			visit(f, fv)
			walk(fv, f.Key+".", f.Takes, visit)
		case fv.Kind() == reflect.Slice && fv.Type().Elem() == reflect.TypeFor[Grant]():
			f.Table, f.Array = true, true
			visit(f, fv)
			walk(reflect.New(fv.Type().Elem()).Elem(), f.Key+".", f.Takes, visit)
		default:
			f.Type, f.Default = typeName(fv), write(fv)
			visit(f, fv)
		}
	}
}

func typeName(v reflect.Value) string {
	switch v.Interface().(type) {
	case Size:
		return "size"
	case Duration:
		return "time span"
	case Mode:
		return "permissions"
	case Addresses:
		return "address or list of addresses"
	case []string:
		return "list of strings"
	case bool:
		return "true or false"
	case int:
		return "number"
	}
	return "string"
}

// write gives a value as TOML.
func write(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		quoted := make([]string, len(x))
		for i, s := range x {
			quoted[i] = quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case Addresses:
		if len(x) == 1 {
			return quote(x[0].String())
		}
		quoted := make([]string, len(x))
		for i, a := range x {
			quoted[i] = quote(netip.AddrPort(a).String())
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case []Grant:
		inline := make([]string, len(x))
		for i, g := range x {
			inline[i] = "{user = " + quote(g.User) + ", as = " + write(reflect.ValueOf(g.As)) + "}"
		}
		return "[" + strings.Join(inline, ", ") + "]"
	case bool, int:
		return fmt.Sprint(x)
	}
	return quote(fmt.Sprint(v.Interface()))
}

// quote writes a basic string (TOML 1.0, String).
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Print writes every value, set or not, in a form that Parse reads to an equal Config.
func (c *Config) Print(w io.Writer) error {
	var b bytes.Buffer
	printStruct(&b, "", reflect.ValueOf(*c))
	_, err := w.Write(b.Bytes())
	return err
}

// printStruct writes the values of a table, then the tables in it.
func printStruct(b *bytes.Buffer, name string, v reflect.Value) {
	t := v.Type()
	head := name != ""
	for i := range v.NumField() {
		fv := v.Field(i)
		if fv.Kind() == reflect.Struct || fv.Type() == reflect.TypeFor[[]Grant]() {
			continue
		}
		if head {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(b, "[%s]\n", name)
			head = false
		}
		fmt.Fprintf(b, "%s = %s\n", t.Field(i).Tag.Get("toml"), write(fv))
	}
	for i := range v.NumField() {
		key := t.Field(i).Tag.Get("toml")
		if name != "" {
			key = name + "." + key
		}
		switch fv := v.Field(i); {
		case fv.Kind() == reflect.Struct:
			printStruct(b, key, fv)
		case fv.Type() == reflect.TypeFor[[]Grant]():
			for j := range fv.Len() {
				printStruct(b, "["+key+"]", fv.Index(j))
			}
		}
	}
}

// Example writes the file that the packages install: every key with what it is
// for, commented out, with its default.
func Example(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# nso.toml: what is decided about the daemon before it starts.\n" +
		"# What is commented out is the default. 'nso check FILE' says what is understood.\n")
	for _, f := range Describe() {
		if f.Table {
			b.WriteByte('\n')
		}
		comment(&b, f.Doc)
		switch {
		case f.Array:
			fmt.Fprintf(&b, "#[[%s]]\n", f.Key)
		case f.Table:
			fmt.Fprintf(&b, "[%s]\n", f.Key)
		default:
			fmt.Fprintf(&b, "#%s = %s\n", f.Key[strings.LastIndexByte(f.Key, '.')+1:], f.Default)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// comment writes text as comment lines of at most 80 characters.
func comment(b *bytes.Buffer, text string) {
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 80 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
