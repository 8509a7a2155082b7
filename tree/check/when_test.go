// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang/yangtest"
)

const whenModel = `module w { yang-version 1.1; namespace "urn:w"; prefix w;
	grouping g { leaf used { type string; } leaf used-default { type int32; default 3; } }
	container top {
		leaf kind { type string; }
		leaf gate { when "../kind = 'a'"; type string; mandatory true; }
		uses g { when "w:kind = 'b'"; }
		choice way { when "w:kind != 'closed'"; mandatory true;
			case one { when "w:kind = 'a' or w:kind = 'b'"; leaf x { type string; } container box { leaf y { type string; } } }
			case two { leaf z { type string; } }
		}
		choice lazy { default first;
			case first { when "w:kind = 'b'"; leaf f { type int32; default 7; } }
			case second { leaf s { type string; } } }
		container np { when "../kind = 'np'"; leaf need { type string; mandatory true; } }
		leaf needs-default { type string; must "../used-default = 3"; }
		list l { key k; when "../kind"; leaf k { type string; } leaf v { when "../../kind = 'b'"; type string; } }
		leaf-list ll { when "../kind = 'b'"; type string; }
	}
	augment "/w:top" { when "w:kind = 'a'"; leaf more { type string; } leaf more-needed { type string; mandatory true; } }
	augment "/w:top/w:way" { when "w:kind = 'b'"; case three { leaf t { type string; } } }
}`

// Conditions of augment, uses, choice, case and nodes of all kinds; yanglint is
// asked about the documents, too.
func TestWhenDocuments(t *testing.T) {
	s := yangtest.Schema(t, whenModel)
	r := compile(t, s)
	documents := []struct{ text, errors string }{
		{`{"w:top":{"kind":"c","z":"1"}}`, ""},
		{`{"w:top":{"kind":"c"}}`, "data-missing missing-choice /w:top cannot leave way out: one of one, two, three is needed {missing-choice way}"},
		{`{"w:top":{"kind":"closed"}}`, ""},
		{`{"w:top":{"kind":"closed","z":"1"}}`, "unknown-element z"},
		{`{"w:top":{"kind":"a","gate":"1","x":"1","more-needed":"1"}}`, ""},
		{`{"w:top":{"kind":"a","x":"1","more-needed":"1"}}`, "data-missing gate"},
		{`{"w:top":{"kind":"a","gate":"1","x":"1"}}`, "data-missing more-needed"},
		{`{"w:top":{"kind":"c","more":"1","z":"1"}}`, "unknown-element more"},
		{`{"w:top":{"kind":"c","x":"1"}}`, "unknown-element x"},
		{`{"w:top":{"kind":"c","box":{"y":"1"}}}`, "unknown-element box"},
		{`{"w:top":{"kind":"b","box":{"y":"1"},"used":"1","ll":["1"],"l":[{"k":"1","v":"1"}]}}`, ""},
		{`{"w:top":{"kind":"c","z":"1","used":"1"}}`, "unknown-element used"},
		{`{"w:top":{"kind":"c","z":"1","ll":["1"]}}`, "unknown-element ll"},
		{`{"w:top":{"kind":"c","z":"1","l":[{"k":"1"}]}}`, ""},
		{`{"w:top":{"kind":"c","z":"1","l":[{"k":"1","v":"1"}]}}`, "unknown-element v"},
		{`{"w:top":{"l":[{"k":"1"}]}}`, "unknown-element l"},
		{`{"w:top":{"kind":"b","t":"1"}}`, ""},
		{`{"w:top":{"kind":"c","t":"1"}}`, "unknown-element t"},
		{`{"w:top":{"kind":"np","z":"1"}}`, "data-missing need"},
		{`{"w:top":{"kind":"np","z":"1","np":{"need":"1"}}}`, ""},
		{`{"w:top":{"kind":"b","t":"1","needs-default":"1"}}`, ""},
		{`{"w:top":{"kind":"c","z":"1","needs-default":"1"}}`, "operation-failed needs-default"},
		{`{"w:top":{"kind":"c","z":"1","f":1}}`, "unknown-element f"},
		{`{"w:top":{"kind":"c","z":"1","s":"1"}}`, ""},
	}
	var texts []string
	for _, d := range documents {
		texts = append(texts, d.text)
		root, err := jsonenc.Decode(strings.NewReader(d.text), s, jsonenc.DecodeOptions{})
		if err != nil {
			t.Fatalf("%s: %v", d.text, err)
		}
		errs := r.Document(root)
		tag, name, _ := strings.Cut(d.errors, " ")
		switch {
		case len(errs) == 0 && d.errors == "":
		case len(errs) != 1 || show(errs) != d.errors && (string(errs[0].Tag) != tag || !strings.HasPrefix(errs[0].Path[strings.LastIndex(errs[0].Path, "/")+1:], name)):
			t.Errorf("%s: got %q, want %q", d.text, show(errs), d.errors)
		}
	}
	t.Run("yanglint", func(t *testing.T) {
		for i, said := range yanglintSays(t, whenModel, texts) {
			if (said == "") != (documents[i].errors == "") {
				t.Errorf("%s: we say %q, yanglint %q", texts[i], documents[i].errors, said)
			}
		}
	})
}

// yanglintSays is what it says against each document as configuration.
func yanglintSays(t *testing.T, module string, documents []string) (said []string) {
	program, err := exec.LookPath("yanglint")
	if err != nil {
		t.Skip("cannot compare with yanglint: install the package libyang2-tools")
	}
	dir := t.TempDir()
	schema, file := filepath.Join(dir, "m.yang"), filepath.Join(dir, "d.json")
	do(t, os.WriteFile(schema, []byte(module), 0o600))
	for _, d := range documents {
		do(t, os.WriteFile(file, []byte(d), 0o600))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := exec.CommandContext(ctx, program, "-t", "config", schema, file).CombinedOutput()
		cancel()
		if err == nil {
			out = nil
		} else if len(out) == 0 {
			out = []byte(err.Error())
		}
		said = append(said, string(out))
	}
	return said
}

// What an edit makes a condition false for goes, with all that hangs on it.
func TestWhenDeletes(t *testing.T) {
	s := yangtest.Schema(t, whenModel)
	r := compile(t, s)
	for _, c := range []struct{ before, edit, after string }{
		{`{"w:top":{"kind":"a","gate":"1","x":"1","more":"1","more-needed":"1"}}`, "+/w:top/kind=b", `{"w:top":{"kind":"b","x":"1"}}`},
		{`{"w:top":{"kind":"b","box":{"y":"1"},"used":"1","ll":["1","2"],"l":[{"k":"1","v":"1"},{"k":"2"}]}}`, "+/w:top/kind=closed",
			`{"w:top":{"kind":"closed","l":[{"k":"1"},{"k":"2"}]}}`},
		{`{"w:top":{"kind":"c","z":"1","l":[{"k":"1"}]}}`, "-/w:top/kind", `{}`}, // without kind there is no choice
		{`{"w:top":{"kind":"b","t":"1"}}`, "+/w:top/kind=closed", `{"w:top":{"kind":"closed"}}`},
		{`{"w:top":{"kind":"np","z":"1","np":{"need":"1"}}}`, "+/w:top/kind=c", `{"w:top":{"kind":"c","z":"1"}}`},
		{`{"w:top":{"kind":"b","t":"1","f":1}}`, "+/w:top/kind=closed", `{"w:top":{"kind":"closed"}}`},
		// Another case takes the place of the one that goes.
		{`{"w:top":{"kind":"b","x":"1"}}`, "+/w:top/kind=c; +/w:top/z=1", `{"w:top":{"kind":"c","z":"1"}}`},
	} {
		root, err := jsonenc.Decode(strings.NewReader(c.before), s, jsonenc.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if errs := r.Document(root); len(errs) > 0 {
			t.Errorf("%s: %s", c.before, show(errs))
			continue
		}
		next := edit(t, s, root, c.edit)
		same(t, c.before+" "+c.edit, r, root, next)
		made, errs := r.Changed(root, next)
		var b strings.Builder
		if err := jsonenc.Encode(&b, made, jsonenc.Options{}); err != nil || b.String() != c.after || len(errs) > 0 {
			t.Errorf("%s %s: got %s %s (%v), want %s", c.before, c.edit, b.String(), show(errs), err, c.after)
		}
		if again, errs := r.Full(made); again != made || len(errs) > 0 {
			t.Errorf("%s %s: what is left is not valid: %s", c.before, c.edit, show(errs))
		}
	}
}

// A condition does not see what it decides about (RFC 7950, 7.21.5). yanglint
// refuses such conditions.
func TestWhenDummy(t *testing.T) {
	s := yangtest.Schema(t, `module w { yang-version 1.1; namespace "urn:w"; prefix w;
		grouping g { leaf u { type string; } leaf v { type string; } }
		container top { presence "here";
			leaf never { when ". = 'x'"; type string; }
			leaf always { when ". = ''"; type string; }
			leaf one { when "count(../one) = 1"; type string; default d; }
			container own { when "not(child)"; leaf child { type string; default c; } }
			list l { key k; when "count(../l) = 1 and not(k) and not(../l[w:k = '1'])"; leaf k { type string; } leaf other { type string; } }
			leaf-list ll { when "count(../ll) = 1 and not(../ll[. = '1'])"; type string; }
			uses g { when "not(w:u)"; }
			choice c { when "not(w:p or w:q)"; case p { leaf p { type string; } } leaf q { type string; } }
			choice d { case r { when "not(w:r)"; leaf r { type string; } } leaf s { when "../r"; type string; } }
			leaf sees { type string; must "not(../u)"; }
		}
		augment /w:top { when "not(w:e)"; leaf e { type string; } }
	}`)
	r := compile(t, s)
	for _, c := range []struct {
		edit, path string
		there      bool
	}{
		{"+/w:top/never=x", "/w:top/never", false},
		{"+/w:top/always=x", "/w:top/always", true},
		{"+/w:top/one=x", "/w:top/one", true},
		{"+/w:top/own/child=x", "/w:top/own/child", true},
		{"+/w:top/l[k='1']; +/w:top/l[k='2']/other=1", "/w:top/l[k='2']/other", true},
		{"+/w:top/ll[.='1']; +/w:top/ll[.='2']", "/w:top/ll[.='1']", true},
		{"+/w:top/u=x; +/w:top/v=x", "/w:top/u", true},
		{"+/w:top/p=x", "/w:top/p", true},
		{"+/w:top/q=x", "/w:top/q", true},
		{"+/w:top/r=x", "/w:top/r", true},
		{"+/w:top/e=x", "/w:top/e", true},
	} {
		empty := edit(t, s, tree.New(s.Root), "+/w:top")
		root := edit(t, s, empty, c.edit)
		errs := r.Document(root)
		if c.there != (len(errs) == 0) || len(errs) > 0 && (errs[0].Path != c.path || errs[0].Tag != "unknown-element") {
			t.Errorf("%s: %s", c.edit, show(errs))
		}
		same(t, c.edit, r, empty, root)
	}
	// A must does see it.
	if errs := r.Document(edit(t, s, tree.New(s.Root), "+/w:top/u=1; +/w:top/sees=1")); len(errs) != 1 || errs[0].AppTag != "must-violation" {
		t.Errorf("%s", show(errs))
	}
}

// A default that a condition takes away is no instance any more.
func TestInstanceOfDefault(t *testing.T) {
	s := yangtest.Schema(t, `module w { yang-version 1.1; namespace "urn:w"; prefix w;
		leaf on { type string; }
		container c { when "../on"; leaf d { type string; default x; } }
		leaf e { when "../on"; type string; default x; }
		leaf to { type instance-identifier; } leaf any { type instance-identifier { require-instance false; } } }`)
	r := compile(t, s)
	for _, target := range []string{"/w:c/d", "/w:e", "/w:c"} {
		set := func(root *tree.Node, leaf, v string) *tree.Node {
			ed := tree.NewEditor(root)
			do(t, ed.Set(tree.Path{{Schema: s.Root.Child("w", leaf)}}, v))
			return ed.Root()
		}
		root := set(set(edit(t, s, tree.New(s.Root), "+/w:on=1"), "to", target), "any", target)
		if _, errs := r.Full(root); len(errs) > 0 {
			t.Errorf("%s: %s", target, show(errs))
		}
		off := edit(t, s, root, "-/w:on")
		want := fmt.Sprintf("data-missing instance-required /w:to cannot refer to %q: it does not exist", target)
		if _, errs := r.Changed(root, off); show(errs) != want {
			t.Errorf("%s: %s", target, show(errs))
		}
		same(t, target, r, root, off)
	}
}

// The errors of RFC 7950, 15, all at once, each at its place.
func TestErrorsOfSection15(t *testing.T) {
	s := yangtest.Schema(t, `module e { yang-version 1.1; namespace "urn:e"; prefix e;
		container c { presence "here";
			list u { key k; unique "a b"; leaf k { type string; } leaf a { type string; } leaf b { type string; } }
			leaf-list few { type string; min-elements 2; }
			leaf-list many { type string; max-elements 1; }
			leaf m { type int32; must ". > 5" { error-message "it is more than five"; error-app-tag "five"; } must ". > 6"; }
			leaf ref { type leafref { path "../u/k"; } }
			leaf inst { type instance-identifier; }
			choice way { mandatory true; leaf x { type string; } leaf y { type string; } }
			leaf need { type string; mandatory true; } } }`)
	r := compile(t, s)
	good := edit(t, s, tree.New(s.Root), "+/e:c/u[k='1']/a=1; +/e:c/u[k='1']/b=1; +/e:c/few[.='1']; +/e:c/few[.='2']; +/e:c/m=7; +/e:c/ref=1; +/e:c/x=1; +/e:c/need=1")
	if errs := r.Document(good); len(errs) > 0 {
		t.Fatal(show(errs))
	}
	bad := edit(t, s, good, "+/e:c/u[k='2']/a=1; +/e:c/u[k='2']/b=1; -/e:c/few[.='1']; +/e:c/many[.='1']; +/e:c/many[.='2']; +/e:c/m=3; +/e:c/ref=9; -/e:c/x; -/e:c/need")
	ed := tree.NewEditor(bad)
	c := s.Root.Child("e", "c")
	do(t, ed.Set(tree.Path{{Schema: c}, {Schema: c.Child("", "inst")}}, "/e:c/e:u[e:k='7']"))
	same(t, "all at once", r, good, ed.Root())
	_, errs := r.Changed(good, ed.Root())
	want := map[string]string{
		"/e:c/u[k='2']": "operation-failed data-not-unique {non-unique /e:c/u[k='1']/a} {non-unique /e:c/u[k='1']/b} {non-unique /e:c/u[k='2']/a} {non-unique /e:c/u[k='2']/b}", // 15.1
		"/e:c/many":     "operation-failed too-many-elements",                                                                                                                   // 15.2
		"/e:c/few":      "operation-failed too-few-elements",                                                                                                                    // 15.3
		"/e:c/m":        "operation-failed five it is more than five, operation-failed must-violation",                                                                          // 15.4, 7.5.4
		"/e:c/ref":      "data-missing instance-required",                                                                                                                       // 15.5
		"/e:c/inst":     "data-missing instance-required",                                                                                                                       // 15.5
		"/e:c":          "data-missing missing-choice {missing-choice way}",                                                                                                     // 15.6
		"/e:c/need":     "data-missing ",                                                                                                                                        // 7.6.5
	}
	got := map[string]string{}
	for _, e := range errs {
		text := fmt.Sprintf("%s %s", e.Tag, e.AppTag)
		if !strings.HasPrefix(e.Message, "cannot ") {
			text += " " + e.Message
		}
		for _, i := range e.Info {
			text += fmt.Sprintf(" {%s %s}", i.Name, i.Value)
			if i.Namespace != "urn:ietf:params:xml:ns:yang:1" {
				t.Errorf("%s is of %s", i.Name, i.Namespace)
			}
		}
		if got[e.Path] != "" {
			text = got[e.Path] + ", " + text
		}
		got[e.Path] = text
	}
	for p, w := range want {
		if got[p] != w {
			t.Errorf("%s: got %q, want %q", p, got[p], w)
		}
		delete(got, p)
	}
	if len(got) > 0 {
		t.Errorf("unexpected: %v", got)
	}
}
