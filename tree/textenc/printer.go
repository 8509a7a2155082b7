// SPDX-License-Identifier: Apache-2.0

package textenc

import (
	"io"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// bufferSize is when what was printed goes to the writer.
const bufferSize = 32 << 10

// printer collects lines for a writer. The first error stays, and after it
// nothing more is written.
type printer struct {
	w      io.Writer
	buf    []byte
	err    error
	margin string // before each line of the curly form

	labels     map[*yang.Node][]string
	lastParent *yang.Node
	lastLabels []string
	identities map[*yang.Type]map[string]string
}

func newPrinter(w io.Writer) *printer {
	return &printer{w: w, buf: make([]byte, 0, bufferSize+4096), labels: make(map[*yang.Node][]string)}
}

// line ends one line and reports whether to go on.
func (p *printer) line() bool {
	p.buf = append(p.buf, '\n')
	if len(p.buf) >= bufferSize {
		p.flush()
	}
	return p.err == nil
}

func (p *printer) flush() error {
	if p.err == nil && len(p.buf) > 0 {
		_, p.err = p.w.Write(p.buf)
	}
	p.buf = p.buf[:0]
	return p.err
}

// label is the name of a data node as the CLI reads it among its siblings.
func (p *printer) label(s *yang.Node) string {
	parent := s.DataParent
	if parent == nil || s.Index < 0 {
		return s.Name
	}
	if parent != p.lastParent {
		p.lastParent, p.lastLabels = parent, p.labelsOf(parent)
	}
	return p.lastLabels[s.Index]
}

func (p *printer) labelsOf(parent *yang.Node) []string {
	if l, ok := p.labels[parent]; ok {
		return l
	}
	l := make([]string, len(parent.DataChildren))
	for i, c := range parent.DataChildren {
		if l[i] = c.Name; parent.Child("", c.Name) == nil {
			l[i] = c.Module.Name + ":" + c.Name
		}
	}
	p.labels[parent] = l
	return l
}

// value appends a value as a word.
func (p *printer) value(s *yang.Node, v string) {
	if s.Type != nil && s.Type.Named {
		v = p.identity(s.Type, v)
	}
	p.buf = AppendQuoted(p.buf, v)
}

// identity is an identity without its module where that is clear.
func (p *printer) identity(t *yang.Type, v string) string {
	for t.Base == yang.Leafref && t.Target != nil {
		t = t.Target.Type
	}
	if t.Base != yang.IdentityRef {
		return v
	}
	names, ok := p.identities[t]
	if !ok {
		names = bareNames(t)
		if p.identities == nil {
			p.identities = make(map[*yang.Type]map[string]string)
		}
		p.identities[t] = names
	}
	if name, ok := names[v]; ok {
		return name
	}
	return v
}

// bareNames maps the identities that a type allows (RFC 7950, 9.10.2) to their
// names without module, ambiguous ones left out.
func bareNames(t *yang.Type) map[string]string {
	count, names := make(map[string]int), make(map[string]string)
	if len(t.Bases) == 0 {
		return nil
	}
	for _, d := range t.Bases[0].Derived {
		allowed := true
		for _, b := range t.Bases[1:] {
			allowed = allowed && d.DerivedFrom(b)
		}
		if allowed {
			count[d.Name]++
			names[d.String()] = d.Name
		}
	}
	for full, name := range names {
		if count[name] > 1 {
			delete(names, full)
		}
	}
	return names
}

// keys appends the key values of an entry, each after a blank.
func (p *printer) keys(list *yang.Node, k tree.Key) {
	for i, v := range k.Values(list) {
		p.buf = append(p.buf, ' ')
		if i < len(list.Keys) {
			p.value(list.Keys[i], v)
		} else {
			p.buf = append(p.buf, v...) // the position in a list without key
		}
	}
}

// words appends a path as the CLI reads it, with blanks between.
func (p *printer) words(path tree.Path) {
	for i, s := range path {
		if i > 0 {
			p.buf = append(p.buf, ' ')
		}
		p.buf = append(p.buf, p.label(s.Schema)...)
		switch {
		case !s.HasKey:
		case s.Schema.Kind == yang.KindLeafList:
			p.buf = append(p.buf, ' ')
			p.value(s.Schema, s.Value)
		default:
			p.keys(s.Schema, s.Key)
		}
	}
}

// keyLeaf reports whether a leaf is said by the words of its entry already.
func keyLeaf(s *yang.Node) bool {
	return s.IsKey && s.DataParent != nil && s.DataParent.Kind == yang.KindList
}

func isEmptyType(s *yang.Node) bool { return s.Type != nil && s.Type.Base == yang.Empty }
