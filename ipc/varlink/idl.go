// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind says what a Type is.
type Kind uint8

// The kinds of types.
const (
	Bool Kind = iota + 1
	Int
	Float
	String
	Object // any JSON object
	Any    // any JSON value
	Struct
	Enum
	Array
	Map // [string]T
	Named
)

// Type is the type of a field, or the body of a type, method or error.
type Type struct {
	Kind     Kind
	Nullable bool
	Elem     *Type    // of Array and Map
	Fields   []Field  // of Struct
	Values   []string // of Enum
	Name     string   // of Named
	Ref      *Type    // what Named points at
}

// Field is one member of a struct.
type Field struct {
	Name string
	Doc  string
	Type *Type
}

// MemberKind says what a Member is.
type MemberKind uint8

// The kinds of members.
const (
	TypeMember MemberKind = iota + 1
	MethodMember
	ErrorMember
)

// Member is one type, method or error of an interface. Body is the struct or
// enum of a type and the struct of an error; In and Out belong to a method.
type Member struct {
	Kind    MemberKind
	Name    string
	Doc     string
	Body    *Type
	In, Out *Type
}

// Description is a parsed interface description.
type Description struct {
	Name    string
	Doc     string
	Members []Member
	// Unportable names the first construct that varlink.org allows and that
	// systemd's varlinkctl (257) cannot read; it is empty when there is none.
	Unportable string

	index map[string]int
}

// Lookup returns the member of that kind and name, or nil.
func (d *Description) Lookup(kind MemberKind, name string) *Member {
	if i, ok := d.index[name]; ok && d.Members[i].Kind == kind {
		return &d.Members[i]
	}
	return nil
}

// IDLError is a mistake in an interface description.
type IDLError struct {
	Line, Column int
	Message      string
}

func (e *IDLError) Error() string {
	return fmt.Sprintf("cannot read the interface description: line %d, column %d: %s", e.Line, e.Column, e.Message)
}

const (
	maxIDL      = 1 << 20 // bytes of a description
	maxIDLDepth = 32      // nested types
)

// ParseIDL reads an interface description (varlink.org, Interface Definition).
func ParseIDL(text string) (*Description, error) {
	p := &idlParser{text: text}
	if len(text) > maxIDL {
		return nil, p.fail("longer than %d bytes", maxIDL)
	}
	if !utf8.ValidString(text) {
		return nil, p.fail("not valid UTF-8")
	}
	d, err := p.description()
	if err != nil {
		return nil, err
	}
	if d.Unportable == "" {
		d.Unportable = p.odd
	}
	return d, nil
}

type idlParser struct {
	text  string
	pos   int
	odd   string
	named []namedUse
}

type namedUse struct {
	t   *Type
	pos int
}

func (p *idlParser) failAt(pos int, format string, args ...any) error {
	before := p.text[:min(pos, len(p.text))]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &IDLError{Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

func (p *idlParser) fail(format string, args ...any) error { return p.failAt(p.pos, format, args...) }

func (p *idlParser) unportable(what string) {
	if p.odd == "" {
		line := 1 + strings.Count(p.text[:p.pos], "\n")
		p.odd = fmt.Sprintf("%s in line %d", what, line)
	}
}

// space skips white space and comments and returns the text of the comments
// that stand directly above what follows.
func (p *idlParser) space() (doc string) {
	var lines []string
	newlines := 1
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case '\n':
			if newlines++; newlines > 1 {
				lines = nil // a blank line parts a comment from what follows
			}
			p.pos++
		case ' ', '\t', '\r':
			p.pos++
		case '#':
			rest := p.text[p.pos+1:]
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			line := strings.TrimRight(rest[:end], " \t\r")
			lines = append(lines, strings.TrimPrefix(line, " "))
			p.pos += 1 + end
			newlines = 0
		default:
			return strings.Join(lines, "\n")
		}
	}
	return strings.Join(lines, "\n")
}

// blank skips white space where varlinkctl does not read comments.
func (p *idlParser) blank() {
	start := p.pos
	p.space()
	if strings.IndexByte(p.text[start:p.pos], '#') >= 0 {
		p.unportable("a comment that is not directly before a field or member")
	}
}

func (p *idlParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *idlParser) accept(s string) bool {
	if strings.HasPrefix(p.text[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *idlParser) found() string {
	if p.pos >= len(p.text) {
		return "the end of the text"
	}
	if w := p.run(isWordByte); w != "" {
		p.pos -= len(w)
		return fmt.Sprintf("%q", w)
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return fmt.Sprintf("%q", string(r))
}

func (p *idlParser) expect(s string) error {
	p.blank()
	if !p.accept(s) {
		return p.fail("expected %q, found %s", s, p.found())
	}
	return nil
}

func isLetter(c byte) bool     { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool      { return '0' <= c && c <= '9' }
func isWordByte(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }
func isDomainByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' || c == '-' }

func (p *idlParser) run(of func(byte) bool) string {
	start := p.pos
	for p.pos < len(p.text) && of(p.text[p.pos]) {
		p.pos++
	}
	return p.text[start:p.pos]
}

func (p *idlParser) description() (*Description, error) {
	d := &Description{index: map[string]int{}}
	d.Doc = p.space()
	if w := p.run(isWordByte); w != "interface" {
		p.pos -= len(w)
		return nil, p.fail("expected \"interface\", found %s", p.found())
	}
	p.blank()
	start := p.pos
	d.Name = p.run(isDomainByte)
	if !ValidInterfaceName(d.Name) {
		return nil, p.failAt(start, "%q is not an interface name such as org.example.thing", d.Name)
	}
	for {
		doc := p.space()
		if p.pos >= len(p.text) {
			break
		}
		start = p.pos
		m := Member{Doc: doc}
		if err := p.member(&m); err != nil {
			return nil, err
		}
		if _, ok := d.index[m.Name]; ok {
			return nil, p.failAt(start, "%s is defined twice", m.Name)
		}
		d.index[m.Name] = len(d.Members)
		d.Members = append(d.Members, m)
	}
	for _, use := range p.named {
		m := d.Lookup(TypeMember, use.t.Name)
		if m == nil {
			return nil, p.failAt(use.pos, "the type %s is not defined here", use.t.Name)
		}
		use.t.Ref = m.Body
	}
	return d, nil
}

func (p *idlParser) member(m *Member) (err error) {
	start := p.pos
	word := p.run(isWordByte)
	switch word {
	case "type":
		m.Kind = TypeMember
	case "method":
		m.Kind = MethodMember
	case "error":
		m.Kind = ErrorMember
	default:
		p.pos = start
		return p.fail("expected \"type\", \"method\" or \"error\", found %s", p.found())
	}
	p.blank()
	start = p.pos
	m.Name = p.run(isWordByte)
	if !validMemberName(m.Name) {
		return p.failAt(start, "%q is not a name for a %s: a capital letter, then letters and digits", m.Name, word)
	}
	p.blank()
	if m.Kind == TypeMember {
		if m.Body, err = p.body(0); err == nil && m.Body.Kind == Struct && len(m.Body.Fields) == 0 {
			p.unportable("an empty type")
		}
		return err
	}
	first, err := p.structBody()
	if err != nil || m.Kind == ErrorMember {
		m.Body = first
		return err
	}
	if err := p.expect("->"); err != nil {
		return err
	}
	p.blank()
	m.In = first
	m.Out, err = p.structBody()
	return err
}

func (p *idlParser) structBody() (*Type, error) {
	start := p.pos
	t, err := p.body(0)
	if err == nil && t.Kind != Struct {
		return nil, p.failAt(start, "expected fields with types, found an enum")
	}
	return t, err
}

// body reads a struct or an enum, from its opening parenthesis on.
func (p *idlParser) body(depth int) (*Type, error) {
	if depth > maxIDLDepth {
		return nil, p.fail("types are nested deeper than %d", maxIDLDepth)
	}
	if !p.accept("(") {
		return nil, p.fail("expected \"(\", found %s", p.found())
	}
	t := &Type{Kind: Struct}
	seen := map[string]bool{}
	for {
		doc := p.space()
		if p.peek() == ')' && len(seen) == 0 {
			p.pos++
			return t, nil
		}
		start := p.pos
		name := p.run(isWordByte)
		if !validFieldName(name) {
			p.pos = start
			return nil, p.fail("expected the name of a field, found %s", p.found())
		}
		if seen[name] {
			return nil, p.failAt(start, "%s is there twice", name)
		}
		seen[name] = true
		p.blank()
		typed := p.accept(":")
		if len(seen) == 1 && !typed {
			t.Kind = Enum
		}
		switch {
		case typed && t.Kind == Enum:
			return nil, p.failAt(start, "%s has a type, but the fields before it have none", name)
		case !typed && t.Kind == Struct:
			return nil, p.failAt(start, "%s needs a type: %s: string", name, name)
		case typed:
			p.blank()
			ft, err := p.fieldType(depth)
			if err != nil {
				return nil, err
			}
			t.Fields = append(t.Fields, Field{Name: name, Doc: doc, Type: ft})
		default:
			t.Values = append(t.Values, name)
		}
		p.blank()
		if p.accept(")") {
			return t, nil
		}
		if !p.accept(",") {
			return nil, p.fail("expected \",\" or \")\", found %s", p.found())
		}
	}
}

func (p *idlParser) fieldType(depth int) (*Type, error) {
	if depth++; depth > maxIDLDepth {
		return nil, p.fail("types are nested deeper than %d", maxIDLDepth)
	}
	if p.accept("?") {
		if p.peek() == '?' {
			return nil, p.fail("\"?\" is there twice")
		}
		t, err := p.fieldType(depth)
		if err == nil {
			t.Nullable = true
		}
		return t, err
	}
	for _, c := range []struct {
		open string
		kind Kind
	}{{"[]", Array}, {"[string]", Map}} {
		if !p.accept(c.open) {
			continue
		}
		elem, err := p.fieldType(depth)
		if err != nil {
			return nil, err
		}
		if elem.Kind == Array || elem.Kind == Map || elem.Nullable {
			p.unportable("a list or map of lists, maps or nullable values")
		}
		return &Type{Kind: c.kind, Elem: elem}, nil
	}
	if p.peek() == '(' {
		t, err := p.body(depth)
		if err == nil && t.Kind == Struct && len(t.Fields) == 0 {
			p.unportable("an empty type")
		}
		return t, err
	}
	start := p.pos
	word := p.run(isWordByte)
	if k := basicKind(word); k != 0 {
		if k == Any {
			p.unportable("the type any")
		}
		return &Type{Kind: k}, nil
	}
	if !validMemberName(word) {
		p.pos = start
		return nil, p.fail("expected a type, found %s", p.found())
	}
	t := &Type{Kind: Named, Name: word}
	p.named = append(p.named, namedUse{t, start})
	return t, nil
}

func basicKind(word string) Kind {
	switch word {
	case "bool":
		return Bool
	case "int":
		return Int
	case "float":
		return Float
	case "string":
		return String
	case "object":
		return Object
	case "any":
		return Any
	}
	return 0
}

// ValidInterfaceName reports whether s is a reverse-domain name: at least two
// parts, the first beginning with a letter, no "-" at the edge of a part.
func ValidInterfaceName(s string) bool {
	if len(s) > 255 || s == "" || !isLetter(s[0]) || strings.IndexByte(s, '.') < 0 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || part[0] == '-' || part[len(part)-1] == '-' {
			return false
		}
		for i := range len(part) {
			if !isLetter(part[i]) && !isDigit(part[i]) && part[i] != '-' {
				return false
			}
		}
	}
	return true
}

func validMemberName(s string) bool {
	return s != "" && 'A' <= s[0] && s[0] <= 'Z' && strings.IndexByte(s, '_') < 0
}

func validFieldName(s string) bool {
	return s != "" && isLetter(s[0]) && s[len(s)-1] != '_' && !strings.Contains(s, "__")
}
