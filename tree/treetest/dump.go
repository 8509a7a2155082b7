// SPDX-License-Identifier: Apache-2.0

package treetest

import (
	"fmt"
	"strings"

	"nso.example/nso/tree"
)

// Dump writes a tree as indented lines, in its own order.
func Dump(n *tree.Node) string {
	var b strings.Builder
	dump(&b, n, "")
	return b.String()
}

func dump(b *strings.Builder, n *tree.Node, indent string) {
	for c := range n.Children() {
		name := c.Schema.Name
		switch {
		case c.Node != nil:
			fmt.Fprintf(b, "%s%s\n", indent, name)
			dump(b, c.Node, indent+"  ")
		case c.List != nil:
			for e := range c.List.All() {
				fmt.Fprintf(b, "%s%s %q\n", indent, name, e.Key().Values(c.Schema))
				dump(b, e, indent+"  ")
			}
		case c.LeafList != nil:
			for v := range c.LeafList.All() {
				fmt.Fprintf(b, "%s%s = %q\n", indent, name, v)
			}
		case c.Any.Format != 0:
			fmt.Fprintf(b, "%s%s <%d %q>\n", indent, name, c.Any.Format, c.Any.Text)
		default:
			fmt.Fprintf(b, "%s%s %q\n", indent, name, c.Value)
		}
	}
}
