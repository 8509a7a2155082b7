// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"strings"
	"testing"
)

func TestIDLReadsEverything(t *testing.T) {
	d, err := ParseIDL(`# About
# it all

# Directly above
interface org.example.all-things2
type Kind (one, two)   
# The thing
type Thing (
	# flag
	flag: bool,
	whole: int, half: float, text: string,
	any_object: object,
	kind: Kind,
	list: []Thing,
	dict: [string]int,
	maybe: ?string,
	lists: ?[](first: int, second: ?string),
	upperCase: (A, b_c)
)
method Do(thing: Thing) -> (ok: bool)
method Nothing() -> ()
error Bad (why: string)
error Worse ()
`)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "org.example.all-things2" || d.Doc != "Directly above" || len(d.Members) != 6 || d.Unportable != "" {
		t.Fatalf("%+v", d)
	}
	thing := d.Lookup(TypeMember, "Thing")
	if thing.Doc != "The thing" || len(thing.Body.Fields) != 11 || thing.Body.Fields[0].Doc != "flag" {
		t.Fatalf("%+v", thing)
	}
	lists := thing.Body.Fields[9].Type
	if !lists.Nullable || lists.Kind != Array || lists.Elem.Kind != Struct || !lists.Elem.Fields[1].Type.Nullable {
		t.Fatalf("%+v", lists)
	}
	if k := thing.Body.Fields[5].Type; k.Ref == nil || k.Ref.Kind != Enum || k.Ref.Values[1] != "two" {
		t.Fatalf("%+v", k)
	}
	if d.Lookup(MethodMember, "Thing") != nil || d.Lookup(ErrorMember, "Worse") == nil {
		t.Fatal("lookup by kind")
	}
}

func TestIDLRefusals(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `line 1, column 1: expected "interface", found the end`},
		{"interface nodot", `"nodot" is not an interface name`},
		{"interface org.-x", `"org.-x" is not an interface name`},
		{"interface 1.x", `not an interface name`},
		{"interface a.b\nfoo", `line 2, column 1: expected "type"`},
		{"interface a.b\nmethod lower() -> ()", `"lower" is not a name for a method`},
		{"interface a.b\nmethod X()", `expected "->", found the end`},
		{"interface a.b\nmethod X(a) -> ()", `expected fields with types, found an enum`},
		{"interface a.b\nmethod X(a: int,) -> ()", `expected the name of a field, found ")"`},
		{"interface a.b\nmethod X(a: int a: int) -> ()", `expected "," or ")", found "a"`},
		{"interface a.b\nmethod X(a: int, a: int) -> ()", `a is there twice`},
		{"interface a.b\nmethod X(a: Nope) -> ()", `line 2, column 13: the type Nope is not defined here`},
		{"interface a.b\nmethod X(a: ??int) -> ()", `"?" is there twice`},
		{"interface a.b\nmethod X(a: integer) -> ()", `expected a type, found "integer"`},
		{"interface a.b\nmethod X(a_: int) -> ()", `expected the name of a field`},
		{"interface a.b\nmethod X(_a: int) -> ()", `expected the name of a field`},
		{"interface a.b\nmethod X(a__b: int) -> ()", `expected the name of a field`},
		{"interface a.b\ntype T (a, b: int)", `b has a type, but the fields before it have none`},
		{"interface a.b\ntype T (a: int, b)", `b needs a type`},
		{"interface a.b\ntype T (a: int", `expected "," or ")", found the end`},
		{"interface a.b\ntype T (a: int)\nerror T ()", `line 3, column 1: T is defined twice`},
		{"interface a.b\nerror E (a: E)", `the type E is not defined here`},
		{"interface a.b\ntype T (a: " + strings.Repeat("[]", 40) + "int)", `nested deeper`},
		{"interface a.b\ntype T (a: " + strings.Repeat("(a: ", 40), `nested deeper`},
		{"interface a.b # \xff", `not valid UTF-8`},
		{strings.Repeat(" ", maxIDL+1), `longer than`},
	} {
		_, err := ParseIDL(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestIDLUnportable(t *testing.T) {
	for _, c := range []struct{ field, want string }{
		{"a: []string", ""},
		{"a: ?[]string", ""},
		{"a: [][]string", "a list or map of"},
		{"a: [string][]string", "a list or map of"},
		{"a: []?string", "a list or map of"},
		{"a: any", "the type any"},
		{"a: [string]()", "an empty type"},
		{"a: int # after", "a comment"},
		{"# before\n a: int", ""},
	} {
		d, err := ParseIDL("interface a.b\nerror E (" + c.field + "\n)")
		if err != nil {
			t.Errorf("%s: %v", c.field, err)
		} else if !strings.HasPrefix(d.Unportable, c.want) || (c.want == "") != (d.Unportable == "") {
			t.Errorf("%s: unportable %q, want %q", c.field, d.Unportable, c.want)
		}
	}
}

func TestIDLPrintsWhatItReads(t *testing.T) {
	for _, text := range []string{testIDL, serviceIDL, protocolIDL} {
		reprint(t, text)
	}
}

func reprint(t *testing.T, text string) {
	d, err := ParseIDL(text)
	if err != nil {
		return
	}
	once := d.String()
	again, err := ParseIDL(once)
	if err != nil {
		t.Fatalf("%v\nfrom\n%s\nof\n%s", err, once, text)
	}
	if twice := again.String(); twice != once {
		t.Fatalf("not the same:\n%s\n---\n%s", once, twice)
	}
}

func FuzzIDL(f *testing.F) {
	f.Add(testIDL)
	f.Add(serviceIDL)
	f.Add("interface a.b\ntype T (a, b)\ntype U (t: ?[]T, u: [string](x: any))\n")
	f.Add("# c\ninterface a.b # d\n#e\nmethod M(#f\na: int #g\n,b: bool) #h\n-> ()")
	f.Fuzz(reprint)
}
