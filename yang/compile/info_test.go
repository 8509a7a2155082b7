// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"nso.example/nso/yang"
)

// This file brings our schema and what `yanglint -f info` prints into one
// form: a line for each node and each of its properties, with the path before
// it. Prose, extensions and order are left out.

// infoReader reads yanglint's text, which is like YANG but not quite.
type infoReader struct {
	text string
	pos  int
}

func (r *infoReader) skip() {
	for r.pos < len(r.text) {
		switch {
		case strings.IndexByte(" \t\r\n", r.text[r.pos]) >= 0:
			r.pos++
		case strings.HasPrefix(r.text[r.pos:], "/*"):
			r.pos += strings.Index(r.text[r.pos:], "*/") + 2
		default:
			return
		}
	}
}

// token is a word, a string, or one of ; { }.
func (r *infoReader) token(keyword string) (string, bool) {
	r.skip()
	if r.pos >= len(r.text) {
		return "", false
	}
	start := r.pos
	switch c := r.text[r.pos]; {
	case strings.IndexByte(";{}", c) >= 0:
		r.pos++
	case keyword == "unique": // its closing quote is missing
		r.pos += strings.IndexByte(r.text[r.pos:], ';')
		return strings.Trim(r.text[start:r.pos], `"`), true
	case c == '"':
		var b strings.Builder
		for r.pos++; r.text[r.pos] != '"'; r.pos++ {
			if c := r.text[r.pos]; c == '\\' {
				r.pos++
				switch e := r.text[r.pos]; e {
				case 'n':
					b.WriteByte('\n')
				case 't':
					b.WriteByte('\t')
				default:
					b.WriteByte(e)
				}
			} else {
				b.WriteByte(c)
			}
		}
		r.pos++
		return b.String(), true
	default:
		for r.pos < len(r.text) && strings.IndexByte(" \t\r\n;{}", r.text[r.pos]) < 0 {
			r.pos++
		}
	}
	return r.text[start:r.pos], true
}

// lines reads statements up to the closing brace.
func (r *infoReader) lines(path string, out *[]string) {
	for {
		word, ok := r.token("")
		if !ok || word == "}" {
			return
		}
		arg := ""
		end, _ := r.token(word)
		if end != ";" && end != "{" {
			arg = end
			end, _ = r.token("")
		}
		at := path
		drop := strings.Contains(word, ":")
		switch word {
		case "description", "reference", "organization", "contact", "revision", "namespace", "prefix", "derived", "identity", "error-message":
			drop = true
		case "config": // of choices and cases: ours is the same by inheritance
		case "mandatory":
			drop = arg == "false"
		case "key", "unique": // it muddles what is between the names
			arg = strings.NewReplacer(" ", "", ",", "").Replace(arg)
		case "base":
			arg = arg[strings.LastIndexByte(arg, ':')+1:]
		case "when", "must", "path", "units":
			arg = strings.Join(strings.Fields(arg), " ")
		}
		line := strings.TrimSpace(word + " " + arg)
		var sub []string
		if end == "{" {
			r.lines(at+"/"+line, &sub)
		}
		if drop {
			continue
		}
		*out = append(*out, path+" | "+line)
		*out = append(*out, sub...)
	}
}

// oracleLines are the lines of each module in yanglint's text.
func oracleLines(text string) map[string][]string {
	out := map[string][]string{}
	r := &infoReader{text: text}
	for {
		word, ok := r.token("")
		if !ok {
			return out
		}
		name, _ := r.token("")
		r.token("")
		var l []string
		if word == "module" {
			r.lines("", &l)
		} else {
			r.lines("", &l)
		}
		out[name] = l
	}
}

// infoPrinter prints the nodes of one module in that form.
type infoPrinter struct {
	out []string
}

func ourLines(s *yang.Schema, m *yang.Module) []string {
	p := &infoPrinter{}
	for _, n := range s.Root.Children {
		if n.Module == m {
			p.node("", n)
		}
	}
	for _, list := range [][]*yang.Node{s.RPCs, s.Notifications} {
		for _, n := range list {
			if n.Module == m {
				p.node("", n)
			}
		}
	}
	return p.out
}

func (p *infoPrinter) line(path, format string, args ...any) {
	p.out = append(p.out, path+" | "+strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func operation(n *yang.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.Kind >= yang.KindRPC && n.Kind <= yang.KindNotification {
			return true
		}
	}
	return false
}

func (p *infoPrinter) node(path string, n *yang.Node) {
	self := n.Kind.String() + " " + n.Name
	if n.Kind == yang.KindInput || n.Kind == yang.KindOutput {
		self = n.Kind.String()
		if len(n.Children) == 0 && len(n.Musts) == 0 {
			return
		}
	}
	p.line(path, "%s", self)
	in := path + "/" + self
	own := len(n.Whens)
	if n.Parent != nil && (n.Parent.Kind == yang.KindChoice || n.Parent.Kind == yang.KindCase) {
		own -= len(n.Parent.Whens)
	}
	for _, w := range n.Whens[:own] {
		p.line(in, "when %s", strings.Join(strings.Fields(w.Source), " "))
	}
	for _, m := range n.Musts {
		src := strings.Join(strings.Fields(m.XPath.Source), " ")
		p.line(in, "must %s", src)
		if m.ErrorAppTag != "" {
			p.line(in+"/must "+src, "error-app-tag %s", m.ErrorAppTag)
		}
	}
	if n.Kind != yang.KindInput && n.Kind != yang.KindOutput {
		p.line(in, "status %s", n.Status)
	}
	if !operation(n) {
		p.line(in, "config %v", n.Config)
	}
	if n.Mandatory {
		p.line(in, "mandatory true")
	}
	if n.HasPresence {
		p.line(in, "presence true")
	}
	if n.DefaultCase != nil {
		p.line(in, "default %s", n.DefaultCase.Name)
	}
	for _, d := range n.Defaults {
		p.line(in, "default %s", d)
	}
	if n.Units != "" {
		p.line(in, "units %s", strings.Join(strings.Fields(n.Units), " "))
	}
	if len(n.Keys) > 0 {
		var k []string
		for _, key := range n.Keys {
			k = append(k, key.Name)
		}
		p.line(in, "key %s", strings.Join(k, ""))
	}
	for _, u := range n.Unique {
		var k []string
		for _, l := range u {
			k = append(k, l.Name) // of a path it says the last name
		}
		p.line(in, "unique %s", strings.Join(k, ""))
	}
	if n.Kind == yang.KindList || n.Kind == yang.KindLeafList {
		p.line(in, "min-elements %d", n.MinElements)
		most := n.MaxElements
		if most == 0 {
			most = 4294967295
		}
		p.line(in, "max-elements %d", most)
		if n.Config { // RFC 7950, 7.7.7: no meaning elsewhere
			p.line(in, "ordered-by %s", [...]string{"system", "user"}[n.OrderedBy])
		}
	}
	if n.Type != nil {
		p.typ(in, n.Type)
	}
	for _, list := range [][]*yang.Node{n.Children, n.Actions, n.Notifications} {
		for _, k := range list {
			if (k.Kind == yang.KindAction || k.Kind == yang.KindNotification) && n.Kind == yang.KindRPC {
				continue
			}
			p.node(in, k)
		}
	}
}

func (p *infoPrinter) typ(path string, t *yang.Type) {
	self := "type " + t.Base.String()
	p.line(path, "%s", self)
	in := path + "/" + self
	p.ranges(in, t)
	var l []string
	for _, x := range t.Lengths {
		l = append(l, part(strconv.FormatUint(x.Min, 10), strconv.FormatUint(x.Max, 10)))
	}
	if l != nil {
		p.line(in, "length %s", strings.Join(l, " | "))
		p.complaint(in+"/length "+strings.Join(l, " | "), t.LengthError)
	}
	for _, x := range t.Patterns {
		p.line(in, "pattern %s", x.Source)
		if x.Invert {
			p.line(in+"/pattern "+x.Source, "modifier invert-match")
		}
		p.complaint(in+"/pattern "+x.Source, x.Complaint)
	}
	if t.Base == yang.Decimal64 {
		p.line(in, "fraction-digits %d", t.FractionDigits)
	}
	for _, e := range t.Enums {
		p.line(in, "enum %s", e.Name)
		p.line(in+"/enum "+e.Name, "value %d", e.Value)
		if e.Status != yang.Current {
			p.line(in+"/enum "+e.Name, "status %s", e.Status)
		}
	}
	for _, b := range t.Bits {
		p.line(in, "bit %s", b.Name)
		p.line(in+"/bit "+b.Name, "position %d", b.Position)
		if b.Status != yang.Current {
			p.line(in+"/bit "+b.Name, "status %s", b.Status)
		}
	}
	for _, b := range t.Bases {
		p.line(in, "base %s", b.Name)
	}
	switch t.Base {
	case yang.Leafref:
		p.line(in, "path %s", strings.Join(strings.Fields(t.Path.Source), " "))
		p.line(in, "require-instance %v", t.RequireInstance)
		real := t.Target.Type
		for real.Base == yang.Leafref {
			real = real.Target.Type
		}
		p.typ(in, real)
	case yang.InstanceIdentifier:
		p.line(in, "require-instance %v", t.RequireInstance)
	case yang.Union:
		p.union(in, t)
	}
}

// union prints the members, unions within dissolved.
func (p *infoPrinter) union(in string, t *yang.Type) {
	for _, m := range t.Union {
		if m.Base == yang.Union {
			p.union(in, m)
		} else {
			p.typ(in, m)
		}
	}
}

func (p *infoPrinter) complaint(in string, c yang.Complaint) {
	if c.ErrorAppTag != "" {
		p.line(in, "error-app-tag %s", c.ErrorAppTag)
	}
}

func part(lo, hi string) string {
	if lo == hi {
		return lo
	}
	return lo + ".." + hi
}

func (p *infoPrinter) ranges(in string, t *yang.Type) {
	var l []string
	for _, x := range t.Ranges {
		if t.Base >= yang.Uint8 && t.Base <= yang.Uint64 {
			l = append(l, part(strconv.FormatUint(x.UMin, 10), strconv.FormatUint(x.UMax, 10)))
		} else {
			l = append(l, part(strconv.FormatInt(x.Min, 10), strconv.FormatInt(x.Max, 10)))
		}
	}
	if l != nil {
		p.line(in, "range %s", strings.Join(l, " | "))
		p.complaint(in+"/range "+strings.Join(l, " | "), t.RangeError)
	}
}

// difference compares two sets of lines.
func difference(ours, theirs []string) []string {
	count := map[string]int{}
	for _, l := range ours {
		count[l]++
	}
	for _, l := range theirs {
		if at, ordered := strings.CutSuffix(l, "ordered-by user"); ordered && count[l] == 0 && count[at+"ordered-by system"] == 0 {
			continue // state
		} else if at, ordered := strings.CutSuffix(l, "ordered-by system"); ordered && count[l] == 0 && count[at+"ordered-by user"] == 0 {
			continue
		}
		count[l]--
	}
	var out []string
	for l, n := range count {
		switch {
		case n > 0:
			out = append(out, l+"   (ours)")
		case n < 0:
			out = append(out, l+"   (oracle)")
		}
	}
	sort.Strings(out)
	return out
}
