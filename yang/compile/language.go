// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"regexp"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
	"nso.example/nso/yang/value"
	"nso.example/nso/yang/xpath"
)

// This file is where the languages inside YANG come in: values, patterns and
// XPath.

func translatePattern(source string) (*regexp.Regexp, error) { return value.TranslatePattern(source) }

// canonical checks a default against its type and returns its canonical form.
// Prefixes in it are those of the text that it stands in (RFC 7950, 9.10.3).
func (c *compiler) canonical(t *yang.Type, def located) (string, error) {
	text, err := value.ParseDefault(t, def.stmt.Argument, value.SchemaText{Text: def.sc.unit.names})
	if err != nil {
		return "", fmt.Errorf("cannot use the default %q: %w", def.stmt.Argument, err)
	}
	return text, nil
}

// checkedXPath is an expression whose syntax and prefixes were looked at.
type checkedXPath struct {
	source string
	unit   *unit
}

// xpath makes the noun of an expression and checks its syntax and prefixes.
// node is where it is evaluated, user the module that the using text is in.
func (c *compiler) xpath(at located, node *yang.Node, user *yang.Module) *yang.XPath {
	u := at.sc.unit
	key := checkedXPath{at.stmt.Argument, u}
	if !c.checked[key] {
		c.checked[key] = true
		ast, err := xpath.Parse(at.stmt.Argument)
		if err != nil {
			c.fail(at.stmt, "%s", err)
		} else {
			for _, p := range ast.Prefixes() {
				if c.module(u, p, at.stmt) == nil {
					break
				}
			}
		}
	}
	return &yang.XPath{Source: at.stmt.Argument, Module: u.names, Default: user, Context: node, Pos: position(at.stmt)}
}

// checkSyntax is for expressions of groupings that nobody uses.
func (c *compiler) checkSyntax(s *parse.Statement, sc *scope) { c.xpath(located{s, sc}, nil, nil) }
