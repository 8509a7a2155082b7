// SPDX-License-Identifier: Apache-2.0

package xmlstream

import "strings"

// Namespaces that are bound without a declaration (Namespaces in XML, 3).
const (
	XMLNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// Name is an expanded name. Space is "" for no namespace.
type Name struct{ Space, Local string }

func (n Name) String() string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// qname is an interned qualified name as it stands in a tag.
type qname struct {
	raw, prefix, local string
	xmlns              bool // xmlns or xmlns:*

	// What the prefix means for an element, as of scope.
	scope uint64
	space string

	next *qname // the start tag that followed the last time: a guess
}

// at says whether the name stands whole at the byte i of b.
func (q *qname) at(b []byte, i int) bool {
	n := i + len(q.raw)
	return n < len(b) && class[b[n]]&nameByte == 0 && string(b[i:n]) == q.raw
}

// Interned names are dropped together when there are too many, so that a peer
// that invents names cannot make the table grow.
const (
	mostNames     = 16 << 10
	mostNameBytes = 1 << 20
)

type interned struct {
	names map[string]*qname
	uris  map[string]string
	bytes int
}

func (t *interned) room(n int) {
	if t.names == nil || t.bytes+n > mostNameBytes || len(t.names)+len(t.uris) >= mostNames {
		for _, q := range t.names {
			q.next = nil // an element still open must not keep the others alive
		}
		t.names = make(map[string]*qname)
		t.uris = make(map[string]string)
		t.bytes = 0
	}
	t.bytes += n
}

func (t *interned) uri(b []byte) string {
	if s, ok := t.uris[string(b)]; ok {
		return s
	}
	t.room(len(b))
	s := string(b)
	t.uris[s] = s
	return s
}

// qname interns the name b[from:to] (relative to the mark) and checks it if new.
func (r *Reader) qname(from, to int) (*qname, error) {
	b := r.buf[r.mark+from : r.mark+to]
	if q := r.table.names[string(b)]; q != nil {
		return q, nil
	}
	if len(b) == 0 {
		return nil, r.fail(Syntax, from, "a name is missing")
	}
	if len(b) > r.limits.Name {
		return nil, r.fail(Limit, from, "a name is longer than %d bytes", r.limits.Name)
	}
	raw := string(b)
	q := &qname{raw: raw, local: raw}
	if i := strings.IndexByte(raw, ':'); i >= 0 {
		q.prefix, q.local = raw[:i], raw[i+1:]
		if !isNCName(q.prefix) {
			return nil, r.badName(from, b)
		}
	}
	if !isNCName(q.local) {
		return nil, r.badName(from, b)
	}
	q.xmlns = q.prefix == "xmlns" || raw == "xmlns"
	r.table.room(len(raw))
	r.table.names[raw] = q
	return q, nil
}

func (r *Reader) badName(from int, b []byte) error {
	if i, what := badChar(b); i >= 0 {
		return r.fail(Encoding, from+i, "%s in a name", what)
	}
	return r.fail(Syntax, from, "%s is not a name", shown(b))
}

// binding is one namespace declaration in scope.
type binding struct{ prefix, uri string }

// Lookup gives the namespace that prefix is bound to at the last token, for
// prefixes inside values: after an End, and after Text, it still answers for
// the element that ended. The empty prefix asks for the default namespace.
func (r *Reader) Lookup(prefix string) (uri string, ok bool) {
	for i := len(r.bound) - 1; i >= 0; i-- {
		if r.bound[i].prefix == prefix {
			return r.bound[i].uri, r.bound[i].uri != ""
		}
	}
	if prefix == "xml" {
		return XMLNamespace, true
	}
	return "", false
}

// resolve gives the namespace of an element (default namespace applies).
func (r *Reader) resolve(q *qname, at int) (string, error) {
	if q.scope == r.scope {
		return q.space, nil
	}
	uri, ok := r.Lookup(q.prefix)
	if !ok && q.prefix != "" {
		return "", r.fail(Syntax, at, "the prefix %s is not declared", shown([]byte(q.prefix)))
	}
	q.scope, q.space = r.scope, uri
	return uri, nil
}

// declare binds what the attribute q declares. own is where the declarations of
// this element begin in r.bound.
func (r *Reader) declare(q *qname, value []byte, own, at int) error {
	prefix := q.local
	if q.prefix == "" {
		prefix = ""
	}
	switch uri := string(value); {
	case prefix == "xmlns", uri == xmlnsNamespace, (prefix == "xml") != (uri == XMLNamespace):
		// Namespaces in XML, 3: xml and xmlns and their namespaces belong to each other.
		return r.fail(Syntax, at, "the prefix %s cannot be bound to this namespace", shown([]byte(prefix)))
	case uri == "" && prefix != "":
		// Namespaces in XML, 2.2: only the default namespace can be undeclared.
		return r.fail(Syntax, at, "the prefix %s cannot be undeclared", shown([]byte(prefix)))
	}
	for _, b := range r.bound[own:] {
		if b.prefix == prefix {
			return r.fail(Syntax, at, "the attribute %s is given twice", shown([]byte(q.raw)))
		}
	}
	if len(r.bound) >= r.limits.Namespaces {
		return r.fail(Limit, at, "more than %d namespace declarations are in scope", r.limits.Namespaces)
	}
	r.bound = append(r.bound, binding{prefix, r.table.uri(value)})
	return nil
}
