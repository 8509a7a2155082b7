// SPDX-License-Identifier: Apache-2.0

package value

import (
	"fmt"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
)

// Resolver says what a prefix inside a value means: the name of a module.
// Prefix "" asks for the module of a name without prefix; the answer "", true
// means that any module will do as long as the name is unambiguous.
type Resolver interface {
	Module(prefix string) (module string, ok bool)
}

// Canonical is the resolver of canonical and JSON values, where prefixes are
// module names; Default is the module of a name without prefix, or "".
type Canonical struct{ Default string }

// Module gives the prefix back.
func (c Canonical) Module(prefix string) (string, bool) {
	if prefix == "" {
		return c.Default, true
	}
	return prefix, true
}

// SchemaText is the resolver of values in the text of a module, such as
// defaults: prefixes are those of the imports of Text, and a name without
// prefix belongs to Default, or to Text if Default is nil.
type SchemaText struct{ Text, Default *yang.Module }

// Module looks the prefix up among the imports.
func (s SchemaText) Module(prefix string) (string, bool) {
	m := s.Text
	if prefix != "" {
		m = s.Text.Imports[prefix]
	} else if s.Default != nil {
		m = s.Default
	}
	if m == nil {
		return "", false
	}
	return m.Name, true
}

// maxDepth bounds leafrefs to leafrefs and unions of unions.
const maxDepth = 64

// parser carries what does not change while one value is read.
type parser struct {
	r       Resolver
	schema  bool // the value stands in schema text: RFC 7950, 9.2.1
	quiet   bool // nobody wants the reason
	inUnion bool
	depth   int
	err     *mgmterr.Error
}

// Parse checks text against t, all restrictions included, and returns its
// canonical form. A nil resolver is Canonical.
func Parse(t *yang.Type, text string, r Resolver) (string, error) {
	p := parser{r: r}
	return p.run(t, text)
}

// ParseDefault is Parse for a value in schema text, a "default" statement,
// where integers may be written in hexadecimal and octal (RFC 7950, 9.2.1).
func ParseDefault(t *yang.Type, text string, r Resolver) (string, error) {
	p := parser{r: r, schema: true}
	return p.run(t, text)
}

// Valid reports whether a canonical value is one of t.
func Valid(t *yang.Type, canonical string) bool {
	p := parser{r: Canonical{}, quiet: true}
	_, ok := p.parse(t, canonical)
	return ok
}

func (p *parser) run(t *yang.Type, text string) (string, error) {
	if p.r == nil {
		p.r = Canonical{}
	}
	c, ok := p.parse(t, text)
	if !ok {
		return "", p.err
	}
	return c, nil
}

// fail notes the reason and returns false.
func (p *parser) fail(text, format string, args ...any) bool {
	if !p.quiet {
		p.err = &mgmterr.Error{Type: mgmterr.Application, Tag: mgmterr.InvalidValue,
			Message: "cannot use " + quote(text) + ": " + fmt.Sprintf(format, args...)}
	}
	return false
}

// broken is fail for a restriction with words of its own (RFC 7950, 7.5.4).
func (p *parser) broken(c yang.Complaint, text, format string, args ...any) bool {
	p.fail(text, format, args...)
	if p.err != nil {
		p.err.AppTag = c.ErrorAppTag
		if c.ErrorMessage != "" {
			p.err.Message = c.ErrorMessage
		}
	}
	return false
}

// quote shows at most 80 bytes of a value.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}

func (p *parser) parse(t *yang.Type, text string) (string, bool) {
	switch t.Base {
	case yang.String:
		return p.string(t, text)
	case yang.Enumeration:
		return p.enumeration(t, text)
	case yang.Int8, yang.Int16, yang.Int32, yang.Int64:
		return p.signed(t, p.trim(text))
	case yang.Uint8, yang.Uint16, yang.Uint32, yang.Uint64:
		return p.unsigned(t, p.trim(text))
	case yang.Decimal64:
		return p.decimal64(t, p.trim(text))
	case yang.Boolean:
		// RFC 7950, 9.5.1.
		if s := p.trim(text); s == "true" || s == "false" {
			return s, true
		}
		return "", p.fail(text, "it is true or false")
	case yang.Empty:
		// RFC 7950, 9.11.2.
		if p.trim(text) == "" {
			return "", true
		}
		return "", p.fail(text, "it takes no value")
	case yang.Bits:
		return p.bits(t, text)
	case yang.Binary:
		return p.binary(t, text)
	case yang.IdentityRef:
		return p.identity(t, p.trim(text))
	case yang.InstanceIdentifier:
		return p.instance(p.trim(text))
	case yang.Leafref, yang.Union:
		if p.depth++; p.depth > maxDepth {
			return "", p.fail(text, "its type is nested too deeply")
		}
		defer func() { p.depth-- }()
		if t.Base == yang.Union {
			return p.union(t, text)
		}
		if t.Target == nil || t.Target.Type == nil {
			return "", p.fail(text, "its leafref has no target")
		}
		return p.parse(t.Target.Type, text) // RFC 7950, 9.9.3
	}
	return "", p.fail(text, "internal error: type %q is unknown", t.Name)
}

// trim removes white space around values whose lexical form has none, as
// pretty-printed XML has it. Inside a union a string member may want it.
func (p *parser) trim(s string) string {
	if p.inUnion {
		return s
	}
	return strings.Trim(s, " \t\r\n")
}

// union tries the members in order: the first match wins (RFC 7950, 9.12).
func (p *parser) union(t *yang.Type, text string) (string, bool) {
	quiet, in := p.quiet, p.inUnion
	p.quiet, p.inUnion = true, true
	defer func() { p.quiet, p.inUnion = quiet, in }()
	for _, m := range t.Union {
		if c, ok := p.parse(m, text); ok {
			return c, true
		}
	}
	p.quiet = quiet
	if p.quiet {
		return "", false
	}
	return "", p.fail(text, "it is %s", Describe(t))
}

// Resolve returns the type that a canonical value of t really has: leafrefs
// are followed to their target's type, and of a union the member is taken that
// the value matches. It returns nil if the value matches no member.
func Resolve(t *yang.Type, canonical string) *yang.Type {
	return resolve(t, canonical, 0)
}

func resolve(t *yang.Type, canonical string, depth int) *yang.Type {
	for ; depth < maxDepth; depth++ {
		switch t.Base {
		case yang.Leafref:
			if t.Target == nil || t.Target.Type == nil {
				return nil
			}
			t = t.Target.Type
		case yang.Union:
			p := parser{r: Canonical{}, quiet: true, inUnion: true}
			for _, m := range t.Union {
				if c, ok := p.parse(m, canonical); ok && c == canonical {
					return resolve(m, canonical, depth+1)
				}
			}
			return nil
		default:
			return t
		}
	}
	return nil
}

// Members iterates over all basic types that a value of t may have, in order,
// leafrefs and unions dissolved.
func Members(t *yang.Type, yield func(*yang.Type) bool) bool {
	return members(t, yield, 0)
}

func members(t *yang.Type, yield func(*yang.Type) bool, depth int) bool {
	if depth > maxDepth {
		return true
	}
	switch t.Base {
	case yang.Leafref:
		if t.Target != nil && t.Target.Type != nil {
			return members(t.Target.Type, yield, depth+1)
		}
		return true
	case yang.Union:
		for _, m := range t.Union {
			if !members(m, yield, depth+1) {
				return false
			}
		}
		return true
	}
	return yield(t)
}
