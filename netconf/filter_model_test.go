// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// element is a node of a random filter.
type element struct {
	name string
	text string
	kids []element
}

func (e element) xml(b *strings.Builder) {
	b.WriteString("<" + e.name + ">" + e.text)
	for _, k := range e.kids {
		k.xml(b)
	}
	b.WriteString("</" + e.name + ">")
}

// randomFilter makes siblings below a schema node.
func randomFilter(rng *rand.Rand, at *yang.Node, depth int) []element {
	var all []element
	for range 1 + rng.IntN(3) {
		c := at.DataChildren[rng.IntN(len(at.DataChildren))]
		if c.Module != at.Module || !c.Config {
			continue
		}
		e := element{name: c.Name}
		switch c.Kind {
		case yang.KindContainer, yang.KindList:
			if rng.IntN(3) > 0 && depth < 5 {
				e.kids = randomFilter(rng, c, depth+1)
			}
			if c.Kind == yang.KindList && rng.IntN(2) == 0 && len(e.kids) > 0 {
				for _, k := range c.Keys {
					e.kids = append(e.kids, element{name: k.Name, text: randomValue(rng, k)})
				}
			}
		case yang.KindLeaf, yang.KindLeafList:
			if rng.IntN(3) == 0 {
				e.text = randomValue(rng, c)
			}
		}
		if e.kids != nil || rng.IntN(20) > 0 {
			all = append(all, e)
		} else {
			all = append(all, element{name: "nothing"})
		}
	}
	return all
}

func randomValue(rng *rand.Rand, n *yang.Node) string {
	if n.Type.Base == yang.Int32 || n.Type.Base == yang.Uint8 {
		return fmt.Sprint(rng.IntN(4))
	}
	return string(rune('a' + rng.IntN(3)))
}

// randomData fills a node.
func randomData(t *testing.T, rng *rand.Rand, ed *tree.Editor, p tree.Path, at *yang.Node) {
	for _, c := range at.DataChildren {
		if c.Module != at.Module || !c.Config || c.IsKey {
			continue
		}
		step := tree.Step{Schema: c}
		set := func(step tree.Step, value string) tree.Path {
			q := append(p.Clone(), step)
			if err := ed.Set(q, value); err != nil {
				t.Fatal(err)
			}
			return q
		}
		switch c.Kind {
		case yang.KindContainer:
			randomData(t, rng, ed, append(p.Clone(), step), c)
		case yang.KindList:
			for range rng.IntN(5) {
				values := make([]string, len(c.Keys))
				for i, k := range c.Keys {
					values[i] = randomValue(rng, k)
				}
				step.Key, step.HasKey = tree.MakeKey(c, values...), true
				randomData(t, rng, ed, set(step, ""), c)
			}
		case yang.KindLeafList:
			for range rng.IntN(3) {
				step.Value, step.HasKey = randomValue(rng, c), true
				set(step, step.Value)
			}
		case yang.KindLeaf:
			if rng.IntN(2) == 0 && c.Type.Base != yang.IdentityRef {
				set(step, randomValue(rng, c))
			}
		}
	}
}

// instances are the children of n with a name: the values of leaves, the nodes of
// the others, each with what tells it apart.
type instance struct {
	id    string
	node  *tree.Node
	value string
}

func instances(n *tree.Node, name string) (all []instance) {
	for c := range n.Children() {
		if name != "" && (c.Schema.Name != name || c.Schema.Module.Name != "test") {
			continue
		}
		id := c.Schema.Module.Name + ":" + c.Schema.Name
		switch c.Schema.Kind {
		case yang.KindList:
			for e := range c.List.All() {
				all = append(all, instance{id + fmt.Sprintf("%q", e.Key()), e, ""})
			}
		case yang.KindLeafList:
			for v := range c.LeafList.All() {
				all = append(all, instance{id + "=" + v, nil, v})
			}
		case yang.KindContainer:
			all = append(all, instance{id, c.Node, ""})
		default:
			all = append(all, instance{id + "=" + c.Value, nil, c.Value})
		}
	}
	return all
}

// leaves names all values below an instance.
func leaves(i instance, path string, into map[string]bool) {
	path += "/" + i.id
	if i.node == nil || i.node.Empty() {
		into[path] = true
		return
	}
	for _, k := range instances(i.node, "") {
		leaves(k, path, into)
	}
}

// naive is RFC 6241, 6.2.5, word for word, for one sibling set of the filter.
func naive(n *tree.Node, path string, siblings []element, into map[string]bool) {
	found := make(map[string]bool)
	others := false
	for _, e := range siblings {
		if e.text == "" {
			others = true
			continue
		}
		held := false
		for _, i := range instances(n, e.name) {
			if i.node == nil && i.value == e.text {
				held = true
				leaves(i, path, found)
			}
		}
		if !held {
			return
		}
	}
	for _, e := range siblings {
		if e.text != "" {
			continue
		}
		for _, i := range instances(n, e.name) {
			switch {
			case len(e.kids) == 0:
				leaves(i, path, found)
			case i.node != nil:
				naive(i.node, path+"/"+i.id, e.kids, found)
			}
		}
	}
	if !others {
		for _, i := range instances(n, "") {
			leaves(i, path, found)
		}
	}
	if len(found) == 0 {
		return
	}
	for _, k := range n.Schema().Keys { // the keys of what is selected
		for _, i := range instances(n, k.Name) {
			leaves(i, path, found)
		}
	}
	maps.Copy(into, found)
}

// The filter gives what the text of the RFC says, for random filters and data.
func TestSubtreeModel(t *testing.T) {
	w := newWorld(t, worldOptions{})
	m, err := w.mgmt.Login(actor("admin"), loginOfTests)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close("", false)
	top := w.schema.Root.Child("test", "top")
	selected := 0
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		ed := tree.NewEditor(tree.New(w.schema.Root))
		randomData(t, rng, ed, tree.Path{{Schema: top}}, top)
		root := ed.Root()
		var siblings []element
		for range 1 + rng.IntN(2) {
			siblings = append(siblings, element{name: "top", kids: randomFilter(rng, top, 0)})
		}
		var b strings.Builder
		b.WriteString(`<filter xmlns="urn:test">`)
		for _, e := range siblings {
			e.xml(&b)
		}
		b.WriteString(`</filter>`)
		r := xmlstream.NewReader(strings.NewReader(b.String()), xmlstream.Limits{})
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		q := &request{ss: &session{server: w.server, mgmt: m}, r: r}
		f, err := q.subtree()
		if err != nil {
			t.Fatal(err)
		}
		part, err := f.apply(root, 0)
		if err != nil {
			t.Fatalf("seed %d: %v in %s", seed, err, b.String())
		}
		got, want := make(map[string]bool), make(map[string]bool)
		for _, i := range instances(part, "") {
			leaves(i, "", got)
		}
		naive(root, "", siblings, want)
		if !maps.Equal(got, want) {
			t.Fatalf("seed %d: %s\n got %q\nwant %q", seed, b.String(), slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		if len(got) > 0 {
			selected++
		}
	}
	if selected < 500 {
		t.Errorf("only %d filters selected anything", selected)
	}
}
