// SPDX-License-Identifier: Apache-2.0

package value

import "strings"

// expression gives an XPath expression (ietf-yang-types:xpath1.0, and what is
// derived from it) the names of modules as prefixes, as RFC 7951, 6.11, does for
// instance-identifiers: what a prefix meant where it was written is not known
// elsewhere. A name without prefix stays so, for its meaning is the context's;
// and so do literals, and a prefix that nobody declares.
func (p *parser) expression(text string) string {
	return rename(text, func(prefix string) (string, bool) {
		if module, ok := p.r.Module(prefix); ok && module != "" {
			return module, true
		}
		return prefix, true
	})
}

// rename gives the names in an XPath expression other prefixes. It ends where
// to says so.
func rename(text string, to func(prefix string) (string, bool)) string {
	if strings.IndexByte(text, ':') < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	s := scanner{text: text}
	for s.pos < len(text) {
		start := s.pos
		switch c := text[start]; {
		case c == '\'' || c == '"':
			if _, closed := s.literal(); !closed {
				s.pos = len(text)
			}
		case c >= '0' && c <= '9':
			for c := s.peek(); c >= '0' && c <= '9' || c == '.'; c = s.peek() {
				s.pos++
			}
		case identifierByte(c, true):
			name := s.identifier()
			if next := text[s.pos:]; len(next) < 2 || next[0] != ':' || next[1] != '*' && !identifierByte(next[1], true) {
				break // no prefix: a name, a function, or an axis
			}
			prefix, ok := to(name)
			if !ok {
				return ""
			}
			if s.pos++; prefix != "" {
				b.WriteString(prefix)
				b.WriteByte(':')
			}
			if start = s.pos; !s.eat('*') {
				s.identifier()
			}
		default:
			s.pos++
		}
		b.WriteString(text[start:s.pos])
	}
	if out := b.String(); out != text {
		return out
	}
	return text
}
