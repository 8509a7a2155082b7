// SPDX-License-Identifier: Apache-2.0

package value

import (
	"iter"
	"sort"
	"strings"

	"nso.example/nso/yang"
)

// identity is RFC 7950, 9.10: a value is derived from every base, and from
// none of them in zero steps.
func (p *parser) identity(t *yang.Type, text string) (string, bool) {
	prefix, name, found := strings.Cut(text, ":")
	if !found {
		prefix, name = "", text
	}
	if !Identifier(name) || found && !Identifier(prefix) {
		return "", p.fail(text, "it is %s", Describe(t))
	}
	module, ok := p.r.Module(prefix)
	if !ok {
		if prefix == "" {
			return "", p.fail(text, "it needs the prefix of the module that defines it")
		}
		return "", p.fail(text, "the prefix %q is not declared", prefix)
	}
	if len(t.Bases) == 0 {
		return "", p.fail(text, "its type has no base identity")
	}
	id, many := findIdentity(t.Bases[0].Derived, module, name)
	switch {
	case many:
		return "", p.fail(text, "several modules have an identity of that name; write MODULE:%s", name)
	case id == nil:
		if module != "" {
			return "", p.fail(text, "module %s has no identity %q derived from %s", module, name, t.Bases[0])
		}
		return "", p.fail(text, "it is %s", Describe(t))
	}
	for _, b := range t.Bases[1:] {
		if !id.DerivedFrom(b) {
			return "", p.fail(text, "it is not derived from %s", b)
		}
	}
	if !id.Enabled {
		return "", p.fail(text, "the feature that it depends on is not supported")
	}
	if !id.Module.Implemented {
		return "", p.fail(text, "module %s is only imported here; load it as an implemented module", id.Module.Name)
	}
	c := id.String()
	if c == text {
		return text, true
	}
	return c, true
}

// findIdentity looks among identities sorted by (module, name); module "" is
// any, and many says that the bare name is ambiguous.
func findIdentity(ids []*yang.Identity, module, name string) (found *yang.Identity, many bool) {
	if module != "" {
		i := sort.Search(len(ids), func(i int) bool {
			return ids[i].Module.Name > module || ids[i].Module.Name == module && ids[i].Name >= name
		})
		if i < len(ids) && ids[i].Module.Name == module && ids[i].Name == name {
			return ids[i], false
		}
		return nil, false
	}
	for _, id := range ids {
		if id.Name == name && id.Enabled && id.Module.Implemented {
			if found != nil {
				return nil, true
			}
			found = id
		}
	}
	if found == nil { // to say why not
		for _, id := range ids {
			if id.Name == name {
				return id, false
			}
		}
	}
	return found, false
}

// Identity returns the identity that a canonical value of t names, or nil.
func Identity(t *yang.Type, canonical string) *yang.Identity {
	m := Resolve(t, canonical)
	if m == nil || m.Base != yang.IdentityRef || len(m.Bases) == 0 {
		return nil
	}
	module, name, _ := strings.Cut(canonical, ":")
	id, _ := findIdentity(m.Bases[0].Derived, module, name)
	return id
}

// Identifier reports whether s is an "identifier" (RFC 7950, 6.2 and 14).
func Identifier(s string) bool {
	for i := 0; i < len(s); i++ {
		if !identifierByte(s[i], i == 0) {
			return false
		}
	}
	return s != ""
}

func identifierByte(c byte, first bool) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' ||
		!first && (c >= '0' && c <= '9' || c == '-' || c == '.')
}

// instance reads an instance-identifier (RFC 7950, 9.13.2 and 14) and writes it
// in the form of RFC 7951, 6.11. A name without prefix, other than the first,
// is in the module of its parent.
func (p *parser) instance(text string) (string, bool) {
	s := scanner{text: text}
	var b strings.Builder
	b.Grow(len(text))
	parent := ""
	for first := true; first || s.pos < len(s.text); first = false {
		if !s.eat('/') {
			return "", p.fail(text, "column %d: a / is missing", s.pos+1)
		}
		module, name, why := p.qualified(&s, parent)
		if why != "" {
			return "", p.fail(text, "column %d: %s", s.pos+1, why)
		}
		b.WriteByte('/')
		if module != parent {
			b.WriteString(module)
			b.WriteByte(':')
		}
		b.WriteString(name)
		parent = module
		kind := byte(0)
		for s.eat('[') {
			k, why := p.predicate(&s, module, &b)
			if why == "" && kind != 0 && (kind != k || k != 'k') {
				why = "only predicates on keys can be repeated"
			}
			if why != "" {
				return "", p.fail(text, "column %d: %s", s.pos+1, why)
			}
			kind = k
		}
	}
	if c := b.String(); c != text {
		return c, true
	}
	return text, true
}

// qualified reads [prefix:]name.
func (p *parser) qualified(s *scanner, parent string) (module, name, why string) {
	name = s.identifier()
	if name == "" {
		return "", "", "a node name is missing"
	}
	if !s.eat(':') {
		if parent == "" {
			return "", "", "the first node needs its module's prefix"
		}
		return parent, name, ""
	}
	prefix := name
	if name = s.identifier(); name == "" {
		return "", "", "a node name is missing after the prefix"
	}
	module, ok := p.r.Module(prefix)
	if !ok || module == "" {
		return "", "", "the prefix " + quote(prefix) + " is not declared"
	}
	return module, name, ""
}

// predicate reads the rest of [key='v'], [.='v'] or [1] and writes it to b. It
// returns 'k', '.' or '1'.
func (p *parser) predicate(s *scanner, list string, b *strings.Builder) (kind byte, why string) {
	b.WriteByte('[')
	s.space()
	switch c := s.peek(); {
	case c >= '1' && c <= '9':
		kind = '1'
		b.WriteString(s.digits())
	default:
		kind = 'k'
		if s.eat('.') {
			kind = '.'
			b.WriteByte('.')
		} else {
			module, name, why := p.qualified(s, list)
			if why != "" {
				return 0, why
			}
			if module != list {
				b.WriteString(module)
				b.WriteByte(':')
			}
			b.WriteString(name)
		}
		s.space()
		if !s.eat('=') {
			return 0, "a = is missing"
		}
		s.space()
		v, ok := s.literal()
		if !ok {
			return 0, "a value in quotes is missing"
		}
		b.WriteByte('=')
		b.WriteString(Literal(v))
	}
	s.space()
	if !s.eat(']') {
		return 0, "a ] is missing"
	}
	b.WriteByte(']')
	return kind, ""
}

// Literal quotes a value for a predicate. XPath has no escapes: a value with
// both kinds of quotes cannot be said in it, and comes out in double quotes
// with each double quote inside doubled, which no parser of ours reads back.
func Literal(v string) string {
	if !strings.Contains(v, "'") {
		return "'" + v + "'"
	}
	return `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
}

// scanner reads the small language of instance-identifiers.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) eat(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for c := s.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = s.peek() {
		s.pos++
	}
}

func (s *scanner) digits() string {
	start := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.text[start:s.pos]
}

func (s *scanner) identifier() string {
	start := s.pos
	for s.pos < len(s.text) && identifierByte(s.text[s.pos], s.pos == start) {
		s.pos++
	}
	return s.text[start:s.pos]
}

func (s *scanner) literal() (string, bool) {
	q := s.peek()
	if q != '\'' && q != '"' {
		return "", false
	}
	end := strings.IndexByte(s.text[s.pos+1:], q)
	if end < 0 {
		return "", false
	}
	v := s.text[s.pos+1 : s.pos+1+end]
	s.pos += end + 2
	return v, true
}

// Names iterates over the names of the modules that a canonical value
// mentions, so that a writer of XML can declare their prefixes. A name may
// come more than once.
func Names(t *yang.Type, canonical string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if m := Resolve(t, canonical); m != nil {
			rewrite(m, canonical, func(module string) (string, bool) { return "", yield(module) })
		}
	}
}

// Rewrite gives the lexical form that XML wants: names with the prefixes that
// the caller's function gives for their modules. In an instance-identifier
// every name gets one (RFC 7950, 9.13.2), and prefix must not return "".
func Rewrite(t *yang.Type, canonical string, prefix func(module string) string) string {
	m := Resolve(t, canonical)
	if m == nil {
		return canonical
	}
	return rewrite(m, canonical, func(module string) (string, bool) { return prefix(module), true })
}

func rewrite(t *yang.Type, canonical string, prefix func(string) (string, bool)) string {
	name := func(b *strings.Builder, module, name string) bool {
		p, ok := prefix(module)
		if p != "" {
			b.WriteString(p)
			b.WriteByte(':')
		}
		b.WriteString(name)
		return ok
	}
	var b strings.Builder
	switch t.Base {
	case yang.IdentityRef:
		if module, n, ok := strings.Cut(canonical, ":"); ok {
			name(&b, module, n)
			return b.String()
		}
	case yang.InstanceIdentifier:
		// The text is canonical: names stand after / and [ only.
		s := scanner{text: canonical}
		module := ""
		for s.pos < len(s.text) {
			c := s.text[s.pos]
			if c == '\'' || c == '"' {
				start := s.pos
				s.literal()
				if s.pos == start {
					s.pos++
				}
				b.WriteString(s.text[start:s.pos])
				continue
			}
			s.pos++
			b.WriteByte(c)
			if c != '/' && c != '[' {
				continue
			}
			id, owner := s.identifier(), module
			if id == "" {
				continue
			}
			if s.eat(':') {
				owner, id = id, s.identifier()
			}
			if c == '/' {
				module = owner
			}
			if !name(&b, owner, id) {
				return ""
			}
		}
		return b.String()
	case yang.String:
		if t.Named {
			return rename(canonical, prefix)
		}
	}
	return canonical
}
