// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// may says which kinds of node have a property (RFC 7950, 7.13.2 and 7.20.3.2).
func may(kind yang.Kind, k parse.Keyword) bool {
	switch k {
	case parse.Config:
		return kind != yang.KindCase && kind <= yang.KindAnyxml
	case parse.Mandatory:
		return kind == yang.KindLeaf || kind == yang.KindChoice || kind == yang.KindAnydata || kind == yang.KindAnyxml
	case parse.Presence:
		return kind == yang.KindContainer
	case parse.Default:
		return kind == yang.KindLeaf || kind == yang.KindLeafList || kind == yang.KindChoice
	case parse.Must:
		return kind != yang.KindChoice && kind != yang.KindCase && kind != yang.KindRPC && kind != yang.KindAction
	case parse.MinElements, parse.MaxElements:
		return kind == yang.KindList || kind == yang.KindLeafList
	case parse.Unique:
		return kind == yang.KindList
	case parse.Type, parse.Units:
		return kind == yang.KindLeaf || kind == yang.KindLeafList
	}
	return true
}

// refine changes a node of a grouping that is used (RFC 7950, 7.13.2).
func (c *compiler) refine(d *draft, s *parse.Statement, sc *scope) {
	replaced := false
	for i := range s.Sub {
		p := &s.Sub[i]
		if !may(d.kind, p.Keyword) {
			c.fail(p, "cannot refine the %s of the %s %q", p.Keyword, d.kind, d.name)
			continue
		}
		switch p.Keyword {
		case parse.Default:
			if !replaced {
				replaced, d.defaults = true, nil
			} else if d.kind != yang.KindLeafList {
				c.fail(p, "cannot give the %s %q two defaults", d.kind, d.name)
				continue
			}
			d.defaults = append(d.defaults, located{p, sc})
		case parse.Description:
			d.description = p
		case parse.Reference:
			d.reference = p
		case parse.Config:
			d.config = p
		case parse.Mandatory:
			d.mandatory = p
		case parse.Presence:
			d.presence = p
		case parse.Must:
			d.musts = append(d.musts, located{p, sc})
		case parse.MinElements:
			d.minimum = p
		case parse.MaxElements:
			d.maximum = p
		case parse.IfFeature:
			if !c.ifFeature(p, sc.unit) {
				d.disabled = true
			}
		case parse.Unknown:
			d.extensions = append(d.extensions, located{p, sc})
		}
	}
}
