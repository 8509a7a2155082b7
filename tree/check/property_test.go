// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value/schematest"
)

// sketch is a node of a random model.
type sketch struct {
	kind, name string
	parent     *sketch
	kids       []*sketch
	attrs      string
	typ        string
}

func (k *sketch) data() *sketch {
	p := k.parent
	for p != nil && (p.kind == "choice" || p.kind == "case") {
		p = p.parent
	}
	return p
}

func (k *sketch) depth() int {
	d := 0
	for p := k.data(); p != nil; p = p.data() {
		d++
	}
	return d
}

// pathTo is an XPath from k to x: relative, or from the root.
func (k *sketch) pathTo(r *rand.Rand, x *sketch) string {
	above := map[*sketch]int{}
	d := 0
	for p := k; p != nil; p = p.data() {
		above[p] = d
		d++
	}
	var down []string
	y := x
	absolute := r.IntN(3) == 0
	for ; y != nil && y.kind != "root"; y = y.data() {
		if _, met := above[y]; met && !absolute {
			break
		}
		step := y.name
		if y.kind == "list" && r.IntN(2) == 0 {
			switch r.IntN(4) {
			case 0:
				step += "[k='" + pick(r, values) + "']"
			case 1:
				step += fmt.Sprintf("[%d]", 1+r.IntN(2))
			case 2:
				step += "[v='" + pick(r, values) + "']"
			case 3:
				step += "[k=current()/" + strings.Repeat("../", k.depth()) + "seed]"
			}
		}
		down = append([]string{step}, down...)
	}
	tail := strings.Join(down, "/")
	if absolute {
		return "/" + tail
	}
	up := strings.TrimSuffix(strings.Repeat("../", above[y]), "/")
	switch {
	case up == "" && tail == "":
		return "."
	case up == "":
		return tail
	case tail == "":
		return up
	}
	return up + "/" + tail
}

var values = []string{"a", "b", "c"}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// randomModel makes an outline. Conditions look back in the document only, so
// that they have no circles.
func randomModel(r *rand.Rand) string {
	root := &sketch{kind: "root"}
	all := []*sketch{{kind: "leaf", name: "seed", typ: "string", parent: root}}
	root.kids = all
	var grow func(p *sketch, depth int)
	grow = func(p *sketch, depth int) {
		for range 1 + r.IntN(3) {
			k := &sketch{name: fmt.Sprintf("n%d", len(all)), parent: p, typ: "string"}
			switch roll := r.IntN(10); {
			case roll < 2 && depth < 3:
				k.kind = "container"
				if r.IntN(3) == 0 {
					k.attrs = " presence"
				}
			case roll < 4 && depth < 3:
				k.kind, k.attrs = "list", " key=k"
				if r.IntN(3) == 0 {
					k.attrs += " user"
				}
			case roll < 5 && p.kind != "choice" && depth < 3:
				k.kind = "choice"
			case roll < 6:
				k.kind = "leaf-list"
			default:
				k.kind = "leaf"
				if r.IntN(3) == 0 {
					k.attrs = " default=" + pick(r, values)
				}
			}
			p.kids = append(p.kids, k)
			if k.kind == "choice" {
				for i := range 2 {
					c := &sketch{kind: "case", name: fmt.Sprintf("%sc%d", k.name, i), parent: k}
					k.kids = append(k.kids, c)
					grow(c, depth+1)
				}
				switch r.IntN(4) {
				case 0:
					k.attrs = " mandatory"
				case 1:
					k.attrs = " default=" + k.kids[0].name
				}
				continue
			}
			all = append(all, k)
			if k.kind == "list" {
				key := &sketch{kind: "leaf", name: "k", typ: "string", parent: k}
				v := &sketch{kind: "leaf", name: "v", typ: "string", parent: k}
				if r.IntN(2) == 0 {
					v.attrs = " default=b"
				}
				if r.IntN(4) == 0 {
					k.attrs += " unique=v"
				}
				k.kids = []*sketch{key, v}
				all = append(all, key, v)
			}
			if k.kind == "container" || k.kind == "list" {
				grow(k, depth+1)
			}
		}
	}
	grow(root, 0)
	grow(root, 0)
	place := map[*sketch]int{}
	for i, k := range all {
		place[k] = i
	}
	for _, k := range all[1:] {
		if k.name == "k" && k.parent.kind == "list" {
			continue
		}
		if r.IntN(4) == 0 {
			k.attrs += fmt.Sprintf(" must=\"%s\"", test(r, k, all))
		}
		if r.IntN(6) == 0 {
			if back := all[:place[k]]; len(back) > 0 {
				x := pick(r, back)
				inside := false
				for p := k; p != nil; p = p.data() {
					inside = inside || p == x
				}
				if !inside && x.kind != "container" && x.kind != "list" {
					k.attrs += fmt.Sprintf(" when=\"%s\"", test(r, k, []*sketch{x}))
				}
			}
		}
		if (k.kind == "leaf" || k.kind == "leaf-list") && r.IntN(5) == 0 && !strings.Contains(k.attrs, "default") {
			x := pick(r, all)
			if x != k && (x.kind == "leaf" || x.kind == "leaf-list") && x.typ == "string" {
				k.typ = "leafref:" + plain(k, x)
			}
		}
		if k.kind == "leaf" && !strings.Contains(k.attrs, "default") && k.name != "v" && r.IntN(8) == 0 {
			k.attrs += " mandatory"
		}
		if k.kind == "list" || k.kind == "leaf-list" {
			if r.IntN(5) == 0 {
				k.attrs += " max=2"
			}
			if r.IntN(8) == 0 {
				k.attrs += " min=1"
			}
		}
	}
	var b strings.Builder
	b.WriteString("module m\n")
	var write func(k *sketch, depth int)
	write = func(k *sketch, depth int) {
		for _, c := range k.kids {
			line := strings.Repeat("  ", depth) + c.kind + " " + c.name
			if c.kind == "leaf" || c.kind == "leaf-list" {
				line += " " + c.typ
			}
			b.WriteString(line + c.attrs + "\n")
			write(c, depth+1)
		}
	}
	write(root, 0)
	return b.String()
}

// plain is the path of a leafref: its predicates say that keys are equal to
// something (RFC 7950, 9.9.2), and so what comes never breaks a reference.
func plain(k, x *sketch) string {
	p := k.pathTo(rand.New(rand.NewPCG(uint64(len(k.name)), 7)), &sketch{kind: x.kind, name: x.name, parent: x.parent})
	return regexp.MustCompile(`\[[1-9]\]`).ReplaceAllString(p, "")
}

// test makes a condition at k on some of the nodes.
func test(r *rand.Rand, k *sketch, from []*sketch) string {
	p := k.pathTo(r, pick(r, from))
	q := k.pathTo(r, pick(r, from))
	switch r.IntN(9) {
	case 0:
		return "not(" + p + ")"
	case 1:
		return p + " = '" + pick(r, values) + "'"
	case 2:
		return p + " != '" + pick(r, values) + "'"
	case 3:
		return "count(" + p + ") < 2"
	case 4:
		return p + " = " + q
	case 5:
		return "not(" + p + " = 'c') or " + q
	case 6:
		return "string-length(" + p + ") < 4"
	case 7:
		return "count(" + p + " | " + q + ") < 4"
	}
	return "not(" + p + ") or " + q + " = '" + pick(r, values) + "'"
}

// randomEdit changes one to four places.
func randomEdit(r *rand.Rand, s *yang.Schema, root *tree.Node) *tree.Node {
	ed := tree.NewEditor(root)
	for range 1 + r.IntN(4) {
		n := s.Root
		var p tree.Path
		for n.Kind == yang.KindRoot || n.Kind == yang.KindContainer || n.Kind == yang.KindList {
			if len(n.DataChildren) == 0 || len(p) > 0 && r.IntN(6) == 0 {
				break
			}
			n = pick(r, n.DataChildren)
			st := tree.Step{Schema: n}
			switch n.Kind {
			case yang.KindList:
				st.Key, st.HasKey = tree.MakeKey(n, pick(r, values)), true
			case yang.KindLeafList:
				st.Value, st.HasKey = pick(r, values), true
			}
			p = append(p, st)
		}
		if n.IsKey {
			continue
		}
		switch r.IntN(4) {
		case 0:
			_ = ed.Delete(p) // it may not be there
		case 1:
			if n.OrderedBy == yang.OrderedByUser {
				_ = ed.Move(p, tree.Insert{Where: tree.First})
			}
		default:
			_ = ed.Set(p, pick(r, values))
		}
	}
	return ed.Root()
}

// TestChangedIsFull: on random models and edits Changed and the reference agree.
func TestChangedIsFull(t *testing.T) {
	models := 500
	if testing.Short() {
		models = 60
	}
	valid, invalid, removed := 0, 0, 0
	for seed := range models {
		v, i, d, ok := agree(t, uint64(seed), 40)
		valid, invalid, removed = valid+v, invalid+i, removed+d
		if !ok {
			return
		}
	}
	t.Logf("%d valid edits, %d with errors, %d with deletions by when", valid, invalid, removed)
	if valid < models || invalid < models || removed < models/20 {
		t.Errorf("the models are too easy or too hard: %d, %d, %d", valid, invalid, removed)
	}
}

func agree(t *testing.T, seed uint64, edits int) (valid, invalid, removed int, ok bool) {
	r := rand.New(rand.NewPCG(seed, 42))
	model := randomModel(r)
	s := schematest.Schema(t, model)
	rules := compile(t, s)
	rules.indexes.from = int(seed%2) * 2 // for half of them any list is a long one
	root := tree.New(s.Root)
	_, errs := rules.Full(root)
	good := len(errs) == 0
	for range edits {
		next := randomEdit(r, s, root)
		if good && !same(t, fmt.Sprintf("seed %d, model\n%s", seed, model), rules, root, next) {
			t.Logf("before\n%s\nafter\n%s", dump(root), dump(next))
			return valid, invalid, removed, false
		}
		made, errs := rules.reference(root, next)
		if !tree.Equal(made, next) {
			removed++
		}
		switch {
		case len(errs) == 0:
			root, good = made, true
			valid++
		case !good:
			root = made // on to a valid one
			invalid++
		default:
			invalid++
		}
	}
	return valid, invalid, removed, true
}

func dump(n *tree.Node) string {
	var b strings.Builder
	for c := range tree.Diff(nil, n) {
		fmt.Fprintln(&b, c.Path, c.New.Value)
		if c.New.Node != nil {
			sub(&b, c.New.Node, "  ")
		}
	}
	return b.String()
}

func sub(b *strings.Builder, n *tree.Node, in string) {
	for c := range n.Children() {
		fmt.Fprintln(b, in+c.Schema.Name, c.Value)
		if c.Node != nil {
			sub(b, c.Node, in+"  ")
		}
		for e := range c.List.All() {
			sub(b, e, in+"  ")
		}
		for v := range c.LeafList.All() {
			fmt.Fprintln(b, in, "-", v)
		}
	}
}

func FuzzChangedIsFull(f *testing.F) {
	for i := range uint64(4) {
		f.Add(i)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { agree(t, seed, 20) })
}
