// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"slices"

	"nso.example/nso/yang/parse"
)

// feature is a feature of a module (RFC 7950, 7.20.1).
type feature struct {
	located
	state state
	on    bool
}

// features decides which features are supported.
func (c *compiler) features() {
	for name, list := range c.opt.Features {
		m := c.byName[name]
		if m == nil {
			continue // restricting what is not there costs nothing
		}
		for _, f := range list {
			if m.features[f] == nil {
				c.errs = append(c.errs, &parse.Error{Message: fmt.Sprintf("cannot support the feature %q: the module %s has no such feature", f, name)})
			}
		}
	}
	clear(c.met)
	for _, m := range c.modules {
		for _, f := range m.features {
			f.state, f.on = fresh, false
		}
	}
	for _, m := range c.modules {
		m.ym.Features = nil
		for name := range m.features {
			if on, err := c.feature(m, name); err == nil && on {
				m.ym.Features = append(m.ym.Features, name)
			}
		}
		slices.Sort(m.ym.Features)
	}
}

// feature reports whether a feature is supported: its module is implemented,
// the options allow it, and what it depends on is supported.
func (c *compiler) feature(m *module, name string) (bool, error) {
	f := m.features[name]
	switch {
	case f == nil:
		return false, fmt.Errorf("cannot find the feature %q in %s", name, m.ym.Name)
	case f.state == busy: // RFC 7950, 7.20.1
		return false, fmt.Errorf("cannot let the feature %q depend on itself", name)
	case f.state == done:
		return f.on, nil
	}
	f.state = busy
	list, restricted := c.opt.Features[m.ym.Name]
	f.on = m.ym.Implemented && (!restricted || slices.Contains(list, name))
	for s := range f.stmt.All(parse.IfFeature) {
		if !c.ifFeature(s, f.sc.unit) {
			f.on = false
		}
	}
	f.state = done
	return f.on, nil
}

// ifFeature evaluates one if-feature statement, once.
func (c *compiler) ifFeature(s *parse.Statement, u *unit) bool {
	on, known := c.met[s]
	if !known {
		on = c.evaluate(s, u)
		c.met[s] = on
	}
	return on || c.always
}

func (c *compiler) evaluate(s *parse.Statement, u *unit) bool {
	e, err := parse.IfFeatureExpr(s.Argument)
	var on bool
	if err == nil {
		on, err = e.Eval(func(f parse.Step) (bool, error) {
			m := u.mod
			if f.Prefix != "" {
				if m = u.prefixes[f.Prefix]; m == nil {
					return false, fmt.Errorf("cannot find the prefix %q among the imports of %s", f.Prefix, u.root.Argument)
				}
			}
			if other := c.byName[m.ym.Name]; other != nil && other.features[f.Name] != nil {
				m = other // the implemented revision decides
			}
			return c.feature(m, f.Name)
		})
	}
	if err != nil {
		c.fail(s, "%s", err)
		return true
	}
	return on
}

// enabled evaluates all if-feature statements of s.
func (c *compiler) enabled(s *parse.Statement, u *unit) bool {
	on := true
	for f := range s.All(parse.IfFeature) {
		if !c.ifFeature(f, u) {
			on = false
		}
	}
	return on
}
