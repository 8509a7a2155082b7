// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"nso.example/nso/yang/compile"
)

func compileText(text string, opt compile.Options) error {
	var src compile.Sources
	if err := src.AddText("m.yang", []byte(text)); err != nil {
		return err
	}
	opt.Implement = []string{"m"}
	_, _, err := compile.Compile(&src, opt)
	return err
}

// TestHostile: short texts that ask for very much are refused with a place, and
// long ones do not take more than their length.
func TestHostile(t *testing.T) {
	module := func(body func(b *strings.Builder)) string {
		var b strings.Builder
		b.WriteString("module m { yang-version 1.1; namespace urn:m; prefix m;\n")
		body(&b)
		b.WriteString("}")
		return b.String()
	}
	// repeat writes a line with N and P for a number and the one before it.
	repeat := func(n int, line string) func(*strings.Builder) {
		return func(b *strings.Builder) {
			for i := range n {
				b.WriteString(strings.NewReplacer("N", fmt.Sprint(i), "P", fmt.Sprint(i-1)).Replace(line))
			}
		}
	}
	const many = 3000
	// often uses a grouping with that in it 10,000 times.
	often := func(before, in string) string {
		return module(func(b *strings.Builder) {
			b.WriteString(before + "grouping g { " + in + " }\n")
			repeat(10000, "container cN { uses g; }\n")(b)
		})
	}
	for _, tc := range []struct {
		name, text, want string // want "" is accepted
	}{
		{"groupings doubling nodes", module(func(b *strings.Builder) {
			b.WriteString("grouping g0 { leaf x { type string; } }")
			for i := 1; i < 60; i++ {
				fmt.Fprintf(b, "grouping g%d { container a { uses g%d; } container b { uses g%d; } }\n", i, i-1, i-1)
			}
			b.WriteString("uses g59;")
		}), "cannot make a schema of more than"},
		{"empty groupings doubling", module(func(b *strings.Builder) {
			b.WriteString("grouping g0 { }")
			for i := 1; i < 60; i++ {
				fmt.Fprintf(b, "grouping g%d { uses g%d; uses g%d; }\n", i, i-1, i-1)
			}
			b.WriteString("uses g59;")
		}), "cannot make a schema of more than"},
		{"unused groupings doubling", module(func(b *strings.Builder) {
			b.WriteString("grouping g0 { }")
			for i := 1; i < 60; i++ {
				fmt.Fprintf(b, "grouping g%d { uses g%d; uses g%d; }\n", i, i-1, i-1)
			}
		}), "cannot make a schema of more than"},
		{"unions doubling", module(func(b *strings.Builder) {
			b.WriteString("typedef t0 { type string; }")
			for i := 1; i < 60; i++ {
				fmt.Fprintf(b, "typedef t%d { type union { type t%d; type t%d; } }\n", i, i-1, i-1)
			}
			b.WriteString("leaf l { type t59; }")
		}), "cannot use a union of more than"},
		{"leafrefs doubling", module(func(b *strings.Builder) {
			b.WriteString("leaf l0 { type string; }")
			for i := 1; i < 30; i++ {
				fmt.Fprintf(b, "leaf l%d { type union { type leafref { path ../l%d; } type leafref { path ../l%d; } } }\n", i, i-1, i-1)
			}
		}), "cannot use a type that comes to more than"},
		{"long chain of typedefs", module(repeat(many, "typedef tN { type tP; }\n")), "cannot find the type"},
		{"long chain of typedefs with an end", module(func(b *strings.Builder) {
			b.WriteString("typedef t0 { type string; }\n")
			for i := 1; i < many; i++ {
				fmt.Fprintf(b, "typedef t%d { type t%d; }\n", i, i-1)
			}
		}), "cannot derive more than"},
		{"long chain of leafrefs", module(func(b *strings.Builder) {
			b.WriteString("leaf l0 { type string; }\n")
			for i := 1; i < many; i++ {
				fmt.Fprintf(b, "leaf l%d { type leafref { path ../l%d; } }\n", i, i-1)
			}
		}), "cannot follow more than"},
		{"long chain of groupings", module(func(b *strings.Builder) {
			b.WriteString("grouping g0 { leaf x { type string; } }\n")
			for i := 1; i < many; i++ {
				fmt.Fprintf(b, "grouping g%d { container c { uses g%d; } }\n", i, i-1)
			}
			fmt.Fprintf(b, "uses g%d;", many-1)
		}), "cannot nest schema nodes more than"},
		{"long chain of identities", module(func(b *strings.Builder) {
			b.WriteString("identity i0;\n")
			for i := 1; i < many; i++ {
				fmt.Fprintf(b, "identity i%d { base i%d; }\n", i, i-1)
			}
		}), "cannot derive so many"},
		{"long chain of features", module(func(b *strings.Builder) {
			b.WriteString("feature f0;\n")
			for i := 1; i < many; i++ {
				fmt.Fprintf(b, "feature f%d { if-feature f%d; }\n", i, i-1)
			}
		}), ""},
		{"whens around whens", module(func(b *strings.Builder) {
			for i := range 100 {
				fmt.Fprintf(b, "choice c%d { case k { when 1; ", i)
			}
			b.WriteString("leaf x { type string; }" + strings.Repeat("}}", 100))
		}), "when statements"},
		{"many leaves", module(repeat(many, "leaf lN { type leafref { path ../x; } } ")), "there is no node"},
		{"many leaves and leafrefs", module(func(b *strings.Builder) {
			repeat(many, "leaf lN { type string; }\n")(b)
			repeat(many, "leaf rN { type leafref { path ../lN; } }\n")(b)
		}), ""},
		{"many refines", module(func(b *strings.Builder) {
			b.WriteString("grouping g {")
			repeat(many, "leaf lN { type string; }\n")(b)
			b.WriteString("} uses g {")
			repeat(many, "refine lN { default x; }\n")(b)
			b.WriteString("}")
		}), ""},
		{"many augments in reverse", module(func(b *strings.Builder) {
			path := "/m:c0"
			var lines []string
			for i := 1; i < 200; i++ {
				lines = append(lines, fmt.Sprintf("augment %s { container c%d; }\n", path, i))
				path += fmt.Sprintf("/m:c%d", i)
			}
			for i := len(lines) - 1; i >= 0; i-- {
				b.WriteString(lines[i])
			}
			b.WriteString("container c0;")
		}), ""},
		{"many typedefs in a scope", module(func(b *strings.Builder) {
			b.WriteString("container c {")
			repeat(many, "typedef tN { type string; } leaf lN { type tN; }\n")(b)
			b.WriteString("}")
		}), ""},
		{"a pattern that explodes", module(func(b *strings.Builder) {
			b.WriteString("leaf l { type string { pattern '(((a{1,1000}){1,1000}){1,1000}){1,1000}'; } }")
		}), "cannot use the pattern"},
		{"a must that nests", module(func(b *strings.Builder) {
			b.WriteString("leaf l { must '" + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000) + "'; type string; }")
		}), "cannot"},
		{"deref of itself", module(func(b *strings.Builder) {
			b.WriteString("leaf a { type leafref { path 'deref(../a)/../b'; } } leaf b { type string; }")
		}), "comes back to itself"},
		{"deref of each other", module(func(b *strings.Builder) {
			b.WriteString("leaf a { type leafref { path 'deref(../b)/../c'; } } leaf b { type leafref { path 'deref(../a)/../c'; } } leaf c { type string; }")
		}), "comes back to itself"},
		{"derefs doubling", module(func(b *strings.Builder) {
			b.WriteString("leaf x { type string; } leaf l0 { type leafref { path ../x; } }\n")
			for i := 1; i < 40; i++ {
				fmt.Fprintf(b, "leaf l%d { type leafref { path 'deref(deref(../l%d)/../l%d)/../x'; } }\n", i, i-1, i-1)
			}
		}), ""},
		{"long chain of derefs", module(func(b *strings.Builder) {
			b.WriteString("leaf x { type string; } leaf l0 { type leafref { path ../x; } }\n")
			for i := many; i > 0; i-- {
				fmt.Fprintf(b, "leaf l%d { type leafref { path 'deref(../l%d)/../x'; } }\n", i, i-1)
			}
		}), "cannot follow more than"},
		{"long refines, often", often("grouping h { leaf a { type string; } } ", "uses h { "+strings.Repeat("refine a { description x; } ", 1000)+"}"), "cannot make a schema of more than"},
		{"a union of leafrefs, often", often("leaf x { type string; } ", "leaf l { type union { "+strings.Repeat("type leafref { path /x; } ", 1000)+"} }"), "cannot make a schema of more than"},
		{"a long unique, often", often("", "list l { key k; leaf k { type string; } leaf u { type string; } unique '"+strings.Repeat("u ", 100000)+"'; }"), "cannot make a schema of more than"},
		{"nested extensions, often", often("extension e; ", "leaf l { type string; m:e { "+strings.Repeat("m:e; ", 10000)+"} }"), ""},
		{"a long if-feature, often", often("feature f; ", "leaf l { type string; if-feature '"+strings.Repeat("f or ", 10000)+"f'; }"), ""},
		{"a long must, often", often("", `leaf l { type string; must '. = "`+strings.Repeat("x", 50000)+`"'; }`), ""},
		{"a long default, often", often("", "leaf l { type string { pattern '(ab|a|b)*'; } default '"+strings.Repeat("ab", 10000)+"'; }"), ""},
		{"a long default of a leafref, often", often("leaf x { type string { pattern '(ab|a|b)*'; } } ", "leaf l { type leafref { path /x; } default '"+strings.Repeat("ab", 10000)+"'; }"),
			"cannot check defaults as long"},
		{"large patterns", module(repeat(many, "leaf lN { type string { pattern '(a{1,999}N){1,99}'; } }\n")), "cannot use patterns of more than"},
		{"a large pattern and a long default", module(func(b *strings.Builder) {
			b.WriteString("leaf l { type string { pattern '((a|b){1,999}c?){1,30}'; } default '" + strings.Repeat("ab", 500000) + "'; }")
		}), "cannot check defaults as long"},
		{"errors, often", often("", "list l { key x; leaf k { type string; } }"), "it has no such leaf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := compileText(tc.text, compile.Options{MaxNodes: 100000})
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("%.500s", err.Error())
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "m.yang:")):
				t.Errorf("got %.500s, want %q", fmt.Sprint(err), tc.want)
			}
		})
	}
}
