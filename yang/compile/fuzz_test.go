// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"fmt"
	"testing"

	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
	"nso.example/nso/yang/parse"
)

// FuzzCompile: no text makes the compiler panic or run on, and what it accepts
// is a schema as package yang says. The texts of a case are parted by a line
// "--"; the built-in modules are there to be imported.
func FuzzCompile(f *testing.F) {
	for _, v := range verdicts(f) {
		second := ""
		if len(v.texts) > 1 {
			second = v.texts[1]
		}
		f.Add([]byte(v.texts[0]), []byte(second))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var src compile.Sources
		var opt compile.Options
		opt.MaxNodes = 5000
		for i, text := range [][]byte{first, second} {
			file, err := parse.Parse(fmt.Sprint(i), text)
			if err != nil {
				if i == 0 {
					return
				}
				break
			}
			if err := src.AddText(fmt.Sprint(i), text); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				opt.Implement = []string{file.Root.Argument}
			}
		}
		if err := src.AddFS(builtin.FS()); err != nil {
			t.Fatal(err)
		}
		s, _, err := compile.Compile(&src, opt)
		if err != nil {
			_ = err.Error()
			return
		}
		checkSchema(t, s)
	})
}
