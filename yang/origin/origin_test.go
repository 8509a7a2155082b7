// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"slices"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const text = `module m { yang-version 1.1; namespace urn:m; prefix m; include part;
 feature a; feature b; feature c; feature d;
 grouping inner { leaf deep { if-feature a; type string; } container box { leaf in { type string; } } }
 grouping outer { uses inner { if-feature b; augment box { if-feature c; uses more { if-feature "a or d"; } leaf own { type string; } } } }
 grouping more { leaf extra { type string; } }
 container top { uses outer { if-feature d; refine deep { if-feature "a and
     b"; } } choice ch { leaf short { if-feature a; type string; } } }
 augment /m:top { if-feature c; leaf late { if-feature c; type string; } }
}`

const part = `submodule part { yang-version 1.1; belongs-to m { prefix m; } container lower { grouping local { leaf shadow { type string; } } uses local; } }`

func find(t *testing.T, s *yang.Schema, path ...string) *yang.Node {
	t.Helper()
	n := s.Root
	for _, name := range path {
		i := slices.IndexFunc(n.Children, func(k *yang.Node) bool { return k.Name == name })
		if i < 0 {
			t.Fatalf("no node %s", strings.Join(path, "/"))
		}
		n = n.Children[i]
	}
	return n
}

func TestFeatures(t *testing.T) {
	s := yangtest.Schema(t, text, part)
	o := New(s)
	for _, c := range []struct{ path, want string }{
		{"top", ""},
		{"top/deep", "a|d|b|a and b"},
		{"top/box", "d|b"},
		{"top/box/in", ""},
		{"top/box/own", "c"},
		{"top/box/extra", "c|a or d"},
		{"top/ch", ""},
		{"top/ch/short", ""},
		{"top/ch/short/short", "a"},
		{"top/late", "c"},
		{"lower/shadow", ""},
	} {
		if got := strings.Join(o.Features(find(t, s, strings.Split(c.path, "/")...)), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.path, got, c.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	s := yangtest.Schema(t, text, part)
	o := New(s)
	m := s.Module("m")
	if tops := o.Tops(m); len(tops) != 2 || tops[1].Stmt.Argument != "part" {
		t.Errorf("tops: %v", tops)
	}
	if p := o.Of(find(t, s, "top", "ch", "short")); p != nil {
		t.Errorf("an implied case comes from %s", p.Stmt.Name())
	}
	if p := o.Of(find(t, s, "lower", "shadow")); p == nil || p.Stmt.Argument != "shadow" || p.Up.Up.Stmt.Argument != "lower" {
		t.Errorf("shadow comes from %+v", p)
	}
	if got := o.Of(find(t, s, "top")).Names(); !slices.Equal(got, []string{"deep", "box", "ch"}) {
		t.Errorf("top brings %q", got)
	}
	if a := o.Augments(m); len(a) != 1 || a[0].Target != find(t, s, "top") {
		t.Errorf("augments: %+v", a)
	}
	broken := *s
	broken.Modules = []*yang.Module{{Name: "m", File: m.File, Source: []byte("no module")}}
	if p := New(&broken).Of(find(t, s, "top")); p != nil {
		t.Errorf("a text that is none gives %+v", p)
	}
}
