// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"strconv"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
)

// pathParser reads the text of a path.
type pathParser struct {
	text string
	pos  int
	path Path // as far as it was understood, for errors
}

func (ps *pathParser) at(p Path) *pathParser { ps.path = p; return ps }

func (ps *pathParser) fail(why string) error {
	return ps.failTag(mgmterr.InvalidValue, why)
}

func (ps *pathParser) failTag(tag mgmterr.Tag, why string) error {
	at := ""
	if len(ps.path) > 0 {
		at = ps.path.String()
	}
	return mgmterr.New(tag, at, "cannot use path %s: %s", shorten(ps.text), why)
}

// shorten bounds what an error says back.
func shorten(text string) string {
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "..."
	}
	return strconv.Quote(text)
}

func (ps *pathParser) peek() byte {
	if ps.pos < len(ps.text) {
		return ps.text[ps.pos]
	}
	return 0
}

func (ps *pathParser) accept(c byte) bool {
	if ps.peek() != c || ps.pos >= len(ps.text) {
		return false
	}
	ps.pos++
	return true
}

func (ps *pathParser) blanks() {
	for ps.pos < len(ps.text) && strings.IndexByte(" \t\r\n", ps.text[ps.pos]) >= 0 {
		ps.pos++
	}
}

func isName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

func (ps *pathParser) word() string {
	start := ps.pos
	for ps.pos < len(ps.text) && isName(ps.text[ps.pos]) {
		ps.pos++
	}
	return ps.text[start:ps.pos]
}

// name reads name or module:name.
func (ps *pathParser) name() (module, name string, err error) {
	name = ps.word()
	if ps.accept(':') {
		module, name = name, ps.word()
		if module == "" {
			name = ""
		}
	}
	if name == "" {
		return "", "", ps.fail("a name is missing at column " + strconv.Itoa(ps.pos+1))
	}
	return module, name, nil
}

func (ps *pathParser) step(s *yang.Schema, parent *yang.Node, p Path) (Step, error) {
	ps.at(p)
	if !ps.accept('/') {
		return Step{}, ps.fail("a / or a predicate is expected at column " + strconv.Itoa(ps.pos+1))
	}
	module, name, err := ps.name()
	if err != nil {
		return Step{}, err
	}
	n, err := ps.resolve(s, parent, module, name)
	if err != nil {
		return Step{}, err
	}
	st := Step{Schema: n}
	if ps.peek() == '[' {
		err = ps.predicates(&st)
	}
	return st, err
}

// resolve finds the child that a name means.
func (ps *pathParser) resolve(s *yang.Schema, parent *yang.Node, module, name string) (*yang.Node, error) {
	if module != "" && s.Module(module) == nil {
		return nil, ps.failTag(mgmterr.UnknownNamespace, "there is no module "+strconv.Quote(module))
	}
	home := module
	if module == "" {
		if parent.Module == nil {
			return nil, ps.failTag(mgmterr.UnknownElement, "the first name needs its module: /module:"+name)
		}
		home = parent.Module.Name
	}
	if n := parent.Child(home, name); n != nil {
		return n, nil
	}
	why := "there is no " + strconv.Quote(name) + " in module " + home
	if parent.Module != nil {
		why = "there is no " + strconv.Quote(name) + " in " + parent.Name
	}
	for _, c := range parent.DataChildren {
		if c.Name == name {
			why += "; did you mean " + c.Module.Name + ":" + name + "?"
			break
		}
	}
	return nil, ps.failTag(mgmterr.UnknownElement, why)
}

func (ps *pathParser) predicates(st *Step) error {
	switch st.Schema.Kind {
	case yang.KindLeafList:
		return ps.valuePredicate(st)
	case yang.KindList:
		if len(st.Schema.Keys) == 0 {
			return ps.positionPredicate(st)
		}
		return ps.keyPredicates(st)
	}
	return ps.fail(st.Schema.Kind.String() + " " + st.Schema.Name + " takes no predicate")
}

func (ps *pathParser) positionPredicate(st *Step) error {
	ps.accept('[')
	ps.blanks()
	n, err := strconv.ParseUint(ps.word(), 10, 31)
	ps.blanks()
	if err != nil || n == 0 || !ps.accept(']') {
		return ps.fail("list " + st.Schema.Name + " has no key: name an entry by its position, as [1]")
	}
	st.Key, st.HasKey = positionKey(int(n-1)), true
	return nil
}

func (ps *pathParser) valuePredicate(st *Step) error {
	ps.accept('[')
	ps.blanks()
	if !ps.accept('.') {
		return ps.fail("an entry of leaf-list " + st.Schema.Name + " is named as [.='value']")
	}
	v, err := ps.equals()
	if err != nil {
		return err
	}
	if st.Value, err = ps.canonical(st.Schema, v); err != nil {
		return err
	}
	st.HasKey = true
	return nil
}

func (ps *pathParser) keyPredicates(st *Step) error {
	list := st.Schema
	values := make([]string, len(list.Keys))
	seen := make([]bool, len(list.Keys))
	for ps.accept('[') {
		ps.blanks()
		module, name, err := ps.name()
		if err != nil {
			return err
		}
		if module == "" {
			module = list.Module.Name
		}
		k := list.Child(module, name)
		if k == nil || !k.IsKey {
			return ps.failTag(mgmterr.UnknownElement, strconv.Quote(name)+" is no key of list "+list.Name+": use "+exampleKeys(list))
		}
		if seen[k.Index] {
			return ps.fail("key " + name + " of list " + list.Name + " is given twice")
		}
		text, err := ps.equals()
		if err != nil {
			return err
		}
		if values[k.Index], err = ps.canonical(k, text); err != nil {
			return err
		}
		seen[k.Index] = true
	}
	for i, k := range list.Keys {
		if !seen[i] {
			return ps.failTag(mgmterr.MissingElement, "key "+k.Name+" of list "+list.Name+" is missing: use "+exampleKeys(list))
		}
	}
	st.Key, st.HasKey = MakeKey(list, values...), true
	return nil
}

// equals reads the rest of a predicate after what it compares: ='value'].
func (ps *pathParser) equals() (string, error) {
	ps.blanks()
	if !ps.accept('=') {
		return "", ps.fail("= is expected at column " + strconv.Itoa(ps.pos+1))
	}
	ps.blanks()
	v, err := ps.literal()
	if err != nil {
		return "", err
	}
	ps.blanks()
	if !ps.accept(']') {
		return "", ps.fail("] is expected at column " + strconv.Itoa(ps.pos+1))
	}
	return v, nil
}

func (ps *pathParser) literal() (string, error) {
	if rest, ok := strings.CutPrefix(ps.text[ps.pos:], "concat("); ok {
		ps.pos = len(ps.text) - len(rest)
		var b strings.Builder
		for {
			v, err := ps.quoted()
			if err != nil {
				return "", err
			}
			b.WriteString(v)
			if ps.accept(')') {
				return b.String(), nil
			}
			if !ps.accept(',') {
				return "", ps.fail(", or ) is expected at column " + strconv.Itoa(ps.pos+1))
			}
		}
	}
	return ps.quoted()
}

func (ps *pathParser) quoted() (string, error) {
	q := ps.peek()
	if q != '\'' && q != '"' {
		return "", ps.fail("a value in quotes is expected at column " + strconv.Itoa(ps.pos+1))
	}
	rest := ps.text[ps.pos+1:]
	end := strings.IndexByte(rest, q)
	if end < 0 {
		return "", ps.fail("the quote at column " + strconv.Itoa(ps.pos+1) + " is not closed")
	}
	ps.pos += end + 2
	return rest[:end], nil
}

// canonical checks a value and makes it canonical.
func (ps *pathParser) canonical(s *yang.Node, text string) (string, error) {
	v, err := canonicalValue(s, text)
	if err != nil {
		why := err.Error()
		return "", ps.fail("value " + shorten(text) + " of " + s.Name + ": " + why)
	}
	return v, nil
}
