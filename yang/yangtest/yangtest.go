// SPDX-License-Identifier: Apache-2.0

// Package yangtest makes schemas for tests out of module texts.
//
// It is used by tests alone. The built-in modules are there to be imported, and
// may be named to be implemented.
package yangtest

import (
	"fmt"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
	"nso.example/nso/yang/parse"
)

// Schema compiles modules and submodules and implements the modules among
// them. A text without any brace is the name of a built-in module to implement:
// Schema(t, "ietf-interfaces", "ietf-ip").
func Schema(t testing.TB, moduleTexts ...string) *yang.Schema {
	t.Helper()
	s, err := compileTexts(moduleTexts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compileTexts(moduleTexts []string) (*yang.Schema, error) {
	var src compile.Sources
	var opt compile.Options
	for i, text := range moduleTexts {
		if !strings.Contains(text, "{") {
			opt.Implement = append(opt.Implement, text)
			continue
		}
		file := fmt.Sprintf("text-%d.yang", i+1)
		f, err := parse.Parse(file, []byte(text))
		if err != nil {
			return nil, err
		}
		if err := src.AddText(file, []byte(text)); err != nil {
			return nil, err
		}
		if f.Root.Keyword == parse.Module {
			opt.Implement = append(opt.Implement, f.Root.Argument)
		}
	}
	if err := src.AddFS(builtin.FS()); err != nil {
		return nil, err
	}
	s, _, err := compile.Compile(&src, opt)
	return s, err
}
