// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/yang/yangtest"
)

const errorsModel = `module errs {
  yang-version 1.1; namespace "urn:errs"; prefix e;
  revision 2026-01-01;
  container c {
    leaf a { type uint8 { range "1..10" { error-app-tag "out-of-ten"; error-message "It is one to ten."; } } }
    leaf b { type string { pattern "[a-z]*"; length "1..5"; } }
    leaf plain { type string; must "../a"; }
    leaf said { type string; must "../a" { error-app-tag "needs-a"; error-message "There must be an a."; } }
    leaf ref { type leafref { path "../l/k"; } }
    leaf inst { type instance-identifier { require-instance true; } }
    list l { key k; unique "u"; max-elements 3; leaf k { type string; } leaf u { type string; } }
    container few { presence "p"; leaf-list x { type string; min-elements 2; } }
    container need { presence "p"; leaf m { type string; mandatory true; } choice ch { mandatory true; leaf y { type empty; } leaf z { type empty; } } }
    leaf w { when "../a = 5"; type string; }
    list o { key k; ordered-by user; leaf k { type string; } }
  }
}`

// told is what an rpc-error says: tag, app-tag, path with the module for each prefix, infos.
func told(t *testing.T, reply string) (all []string) {
	t.Helper()
	r := xmlstream.NewReader(strings.NewReader(reply), xmlstream.Limits{})
	var e []string
	for {
		tok, err := r.Next()
		if err != nil {
			t.Fatal(err, reply)
		}
		switch {
		case tok.Kind == xmlstream.EOF:
			return all
		case tok.Kind != xmlstream.Start:
		case tok.Name == base("rpc-error"):
			if e != nil {
				all = append(all, strings.Join(e, " "))
			}
			e = []string{}
		case tok.Name == base("error-path"), tok.Name.Local == "non-unique":
			label := map[bool]string{true: "non-unique="}[tok.Name.Local == "non-unique"]
			b, _ := r.Text()
			path := string(b)
			for _, m := range regexp.MustCompile(`([\w-]+):`).FindAllStringSubmatch(path, -1) {
				if uri, ok := r.Lookup(m[1]); !ok || uri != "urn:errs" {
					t.Errorf("the prefix %s of %s is declared as %q", m[1], path, uri)
				}
			}
			e = append(e, label+regexp.MustCompile(`[\w-]+:`).ReplaceAllString(path, ""))
		case tok.Name == base("rpc-reply"), tok.Name == base("error-severity"), tok.Name == base("error-type"), tok.Name == base("error-message"), tok.Name == base("error-info"):
			if tok.Name.Local == "error-info" && e != nil {
				continue
			}
		case e != nil:
			name := tok.Name.Local
			b, _ := r.Text()
			if name != "error-tag" && name != "error-app-tag" {
				e = append(e, name+"="+string(b))
			} else {
				e = append(e, string(b))
			}
		}
	}
}

// TestAllErrors: every error of an edit is told at once, each with its tag, app-tag, path and
// info (RFC 6241, 4.3 and appendix A; RFC 7950, 8.3.1 and 15).
func TestAllErrors(t *testing.T) {
	w := newWorld(t, worldOptions{schema: yangtest.Schema(t, "ietf-netconf", "ietf-netconf-acm", errorsModel)})
	c := w.open("admin")
	for _, tt := range []struct {
		config string
		want   []string
	}{
		// What is read: types and names.
		{`<a>11</a><b>TOO LONG</b><none/><o xmlns:y="urn:ietf:params:xml:ns:yang:1" y:insert="sideways"><k>x</k></o><l><u>1</u></l><far xmlns="urn:far"/>`, []string{
			"invalid-value out-of-ten /c/a", "invalid-value /c/b", "unknown-element /c bad-element=none", "bad-attribute /c/o bad-attribute=insert bad-element=o",
			"missing-element /c/l bad-element=k", "unknown-namespace /c bad-element=far bad-namespace=urn:far"}},
		// What is valid.
		{`<plain>x</plain><said>x</said><ref>nobody</ref><inst xmlns:e="urn:errs">/e:c/e:b</inst><few><x>1</x></few><need/>`, []string{
			"operation-failed must-violation /c/plain", "operation-failed needs-a /c/said", "data-missing instance-required /c/ref", "data-missing instance-required /c/inst",
			"operation-failed too-few-elements /c/few/x", "data-missing /c/need/m", "data-missing missing-choice /c/need missing-choice=ch"}},
		{`<l><k>1</k><u>x</u></l><l><k>2</k><u>x</u></l><l><k>3</k></l><l><k>4</k></l>`, []string{
			"operation-failed data-not-unique /c/l[k='2'] non-unique=/c/l[k='1']/u non-unique=/c/l[k='2']/u", "operation-failed too-many-elements /c/l"}},
		{`<o xmlns:y="urn:ietf:params:xml:ns:yang:1" y:insert="before" y:key="[k='none']"><k>x</k></o>`, []string{"bad-attribute missing-instance /c/o[k='x'] bad-attribute=insert bad-element=o"}},
	} {
		reply := w.rpc(c, config+`<c xmlns="urn:errs">`+tt.config+`</c>`+endConfig)
		got := told(t, strings.Replace(reply, "</rpc-reply>", "<rpc-error/></rpc-reply>", 1))
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s\n%s", tt.config, strings.Join(got, "\n"), strings.Join(tt.want, "\n"), reply)
		}
	}
	// They are bounded.
	var many strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, "<none%d/>", i)
	}
	reply := w.rpc(c, config+`<c xmlns="urn:errs">`+many.String()+`</c>`+endConfig)
	if n := strings.Count(reply, "<rpc-error>"); n != 100 {
		t.Errorf("%d errors", n)
	}
}
