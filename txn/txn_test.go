// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// flat is a schema with /c/l[name]/value and /other.
func flat() *yang.Schema {
	m := &yang.Module{Name: "m", Namespace: "urn:m", Prefix: "m", Implemented: true}
	str := &yang.Type{Base: yang.String, Name: "string"}
	s := &yang.Schema{Modules: []*yang.Module{m}}
	add := func(parent *yang.Node, kind yang.Kind, name string) *yang.Node {
		n := &yang.Node{ID: len(s.Nodes), Kind: kind, Name: name, Module: m, Parent: parent, DataParent: parent, Config: true, Index: -1}
		if kind == yang.KindLeaf {
			n.Type = str
		}
		if parent != nil {
			n.Index = len(parent.DataChildren)
			parent.Children = append(parent.Children, n)
			parent.DataChildren = append(parent.DataChildren, n)
		}
		s.Nodes = append(s.Nodes, n)
		return n
	}
	s.Root = add(nil, yang.KindRoot, "")
	l := add(add(s.Root, yang.KindContainer, "c"), yang.KindList, "l")
	name := add(l, yang.KindLeaf, "name")
	name.IsKey = true
	l.Keys = []*yang.Node{name}
	add(l, yang.KindLeaf, "value")
	add(s.Root, yang.KindLeaf, "other")
	s.Seal()
	return s
}

type world struct {
	t *testing.T
	s *yang.Schema
}

func (w world) path(text string) tree.Path {
	p, err := tree.ParsePath(w.s, text)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// with is root with values set: "path=value".
func (w world) with(root *tree.Node, sets ...string) *tree.Node {
	ed := tree.NewEditor(root)
	for _, s := range sets {
		i := strings.LastIndexByte(s, '=')
		if err := ed.Set(w.path(s[:i]), s[i+1:]); err != nil {
			w.t.Fatal(err)
		}
	}
	return ed.Root()
}

// edit sets values in the transaction: "path=value", or deletes: "-path".
func (w world) edit(t *Txn, sets ...string) error {
	for _, s := range sets {
		op := tree.OpMerge
		value := ""
		if strings.HasPrefix(s, "-") {
			op, s = tree.OpDelete, s[1:]
		} else if i := strings.LastIndexByte(s, '='); i > strings.LastIndexByte(s, ']') {
			s, value = s[:i], s[i+1:]
		}
		p := w.path(s)
		root := &tree.Edit{Schema: w.s.Root}
		last := root
		for _, step := range p {
			last.Children = []tree.Edit{{Schema: step.Schema, Key: step.Key}}
			last = &last.Children[0]
		}
		last.Op, last.Value = op, value
		if err := t.Apply(root); err != nil {
			return err
		}
	}
	return nil
}

func fine(_, after *tree.Node) (*tree.Node, mgmterr.List) { return after, nil }

// fake is a participant that notes what it is told and fails on cue.
type fake struct {
	name   string
	refuse error
	log    *[]string
}

func (f fake) Prepare(context.Context, *tree.Node, *tree.Node) (Ticket, error) {
	*f.log = append(*f.log, f.name+" prepare")
	if f.refuse != nil {
		return nil, f.refuse
	}
	return f, nil
}
func (f fake) Commit() { *f.log = append(*f.log, f.name+" commit") }
func (f fake) Abort()  { *f.log = append(*f.log, f.name+" abort") }

// TestOrder walks every move in every state against the table's promise.
func TestOrder(t *testing.T) {
	w := world{t, flat()}
	bring := map[State]func(*Txn){
		Work:      func(x *Txn) {},
		Validated: func(x *Txn) { x.Validate(fine) },
		Prepared:  func(x *Txn) { x.Validate(fine); x.Prepare(context.Background(), nil) },
		Committed: func(x *Txn) { x.Validate(fine); x.Prepare(context.Background(), nil); x.Commit() },
		Aborted:   func(x *Txn) { x.Abort() },
	}
	moves := map[move]func(*Txn) error{
		moveEdit:     func(x *Txn) error { return w.edit(x, "/m:other=2") },
		moveRebase:   func(x *Txn) error { return x.Rebase(x.Base()) },
		moveValidate: func(x *Txn) error { return x.Validate(fine) },
		movePrepare:  func(x *Txn) error { return x.Prepare(context.Background(), nil) },
	}
	want := map[State]map[move]bool{
		Work:      {moveEdit: true, moveRebase: true, moveValidate: true},
		Validated: {moveEdit: true, moveRebase: true, moveValidate: true, movePrepare: true},
		Prepared:  {}, Committed: {}, Aborted: {},
	}
	for state, to := range bring {
		for m, do := range moves {
			x := New(w.with(tree.New(w.s.Root), "/m:other=1"), nil)
			to(x)
			if x.State() != state {
				t.Fatalf("brought to %s, is %s", state, x.State())
			}
			err := do(x)
			var bad *StateError
			if ok := !errors.As(err, &bad); ok != want[state][m] {
				t.Errorf("%s in %s: %v, want legal %v", m, state, err, want[state][m])
			}
		}
	}
	x := New(tree.New(w.s.Root), nil)
	defer func() {
		if recover() == nil {
			t.Error("Commit of an unprepared transaction did not panic")
		}
	}()
	x.Commit()
}

func TestParticipant(t *testing.T) {
	w := world{t, flat()}
	no := errors.New("port is gone")
	for _, c := range []struct {
		name   string
		refuse error
		end    func(*Txn)
		want   string
	}{
		{"it agrees", nil, (*Txn).Commit, "a prepare, a commit"},
		{"it refuses", no, (*Txn).Abort, "a prepare"},
		{"the decision fails", nil, (*Txn).Unprepare, "a prepare, a abort"},
		{"aborted when prepared", nil, func(x *Txn) { x.Abort(); x.Abort() }, "a prepare, a abort"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log []string
			x := New(tree.New(w.s.Root), nil)
			if err := w.edit(x, "/m:other=1"); err != nil {
				t.Fatal(err)
			}
			x.Validate(fine)
			if err := x.Prepare(context.Background(), fake{"a", c.refuse, &log}); !errors.Is(err, c.refuse) {
				t.Errorf("refusal is told as %v", err)
			}
			c.end(x)
			if got := strings.Join(log, ", "); got != c.want {
				t.Errorf("it saw %q, want %q", got, c.want)
			}
		})
	}
}

// TestRebaseEmpty: two sides that begin with nothing both make the container.
func TestRebaseEmpty(t *testing.T) {
	w := world{t, flat()}
	x, y := New(tree.New(w.s.Root), nil), New(tree.New(w.s.Root), nil)
	w.edit(x, "/m:c/l[name='a']/value=1")
	w.edit(y, "/m:c/l[name='b']/value=2")
	if err := x.Rebase(y.Root()); err != nil {
		t.Fatal(err)
	}
	if !tree.Equal(x.Root(), w.with(y.Root(), "/m:c/l[name='a']/value=1")) {
		t.Error("the merge lost something")
	}
	// One empties it, the other adds to it.
	x, y = New(y.Root(), nil), New(y.Root(), nil)
	w.edit(x, "-/m:c/l[name='b']")
	w.edit(y, "/m:c/l[name='c']/value=3")
	if err := x.Rebase(y.Root()); err != nil {
		t.Fatal(err)
	}
	if !tree.Equal(x.Root(), w.with(tree.New(w.s.Root), "/m:c/l[name='c']/value=3")) {
		t.Error("the merge is wrong")
	}
}

func TestEditAfterValidate(t *testing.T) {
	w := world{t, flat()}
	x := New(tree.New(w.s.Root), nil)
	w.edit(x, "/m:other=1")
	x.Validate(fine)
	w.edit(x, "/m:other=2")
	if x.State() != Work {
		t.Errorf("an edit left the transaction %s: what it changed was never validated", x.State())
	}
}

func TestRebase(t *testing.T) {
	w := world{t, flat()}
	base := w.with(tree.New(w.s.Root), "/m:c/l[name='a']/value=1", "/m:c/l[name='b']/value=1", "/m:other=x")
	for _, c := range []struct {
		name         string
		mine, theirs []string
		conflict     string // path, "" for none
		want         []string
	}{
		{"apart", []string{"/m:c/l[name='a']/value=2"}, []string{"/m:c/l[name='b']/value=3"}, "", []string{"/m:c/l[name='a']/value=2", "/m:c/l[name='b']/value=3"}},
		{"same leaf", []string{"/m:c/l[name='a']/value=2"}, []string{"/m:c/l[name='a']/value=3"}, "/m:c/l[name='a']/value", nil},
		{"they removed the entry", []string{"/m:c/l[name='a']/value=2"}, []string{"-/m:c/l[name='a']"}, "/m:c/l[name='a']", nil},
		{"I removed the entry", []string{"-/m:c/l[name='a']"}, []string{"/m:c/l[name='a']/value=3"}, "/m:c/l[name='a']", nil},
		{"both made it", []string{"/m:c/l[name='c']"}, []string{"/m:c/l[name='c']"}, "/m:c/l[name='c']", nil},
		{"two new ones", []string{"/m:c/l[name='c']/value=1"}, []string{"/m:c/l[name='d']/value=1"}, "", []string{"/m:c/l[name='c']/value=1", "/m:c/l[name='d']/value=1"}},
		{"nothing of mine", nil, []string{"/m:other=y"}, "", []string{"/m:other=y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, y := New(base, nil), New(base, nil)
			if err := w.edit(x, c.mine...); err != nil {
				t.Fatal(err)
			}
			if err := w.edit(y, c.theirs...); err != nil {
				t.Fatal(err)
			}
			before := x.Root()
			err := x.Rebase(y.Root())
			if c.conflict != "" {
				l := mgmterr.Of(err)
				if len(l) != 1 || l[0].Path != c.conflict || l[0].AppTag != "conflict" {
					t.Errorf("error %v, want a conflict at %s", err, c.conflict)
				}
				if x.Root() != before || x.Base() != base {
					t.Error("a conflict changed the transaction")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := w.with(y.Root(), c.want...); !tree.Equal(x.Root(), want) {
				t.Error("the merge lost or invented something")
			}
		})
	}
}

// TestRebaseRandom: the merge of changes to different entries is the same as
// making both sets of changes on one tree.
func TestRebaseRandom(t *testing.T) {
	w := world{t, flat()}
	for seed := range 200 {
		var base, mine, theirs []string
		for i := range 40 {
			entry := fmt.Sprintf("/m:c/l[name='%d']", i)
			if (seed+i)%3 == 0 {
				base = append(base, entry+"/value=0")
			}
			set := fmt.Sprintf("%s/value=%d", entry, seed*100+i+1)
			switch (seed * 7 / (i + 1)) % 4 {
			case 0:
				mine = append(mine, set)
			case 1:
				theirs = append(theirs, set)
			}
		}
		start := w.with(tree.New(w.s.Root), base...)
		x, y, both := New(start, nil), New(start, nil), New(start, nil)
		w.edit(x, mine...)
		w.edit(y, theirs...)
		w.edit(both, append(mine, theirs...)...)
		if err := x.Rebase(y.Root()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !tree.Equal(x.Root(), both.Root()) {
			t.Fatalf("seed %d: the merge differs from making both changes", seed)
		}
	}
}
