// SPDX-License-Identifier: Apache-2.0

package yang

// detached makes a root whose children are copies of nodes that stand nowhere in the
// data, as containers.
func detached(nodes []*Node) *Node {
	root := &Node{Kind: KindRoot, Index: -1}
	for i, n := range nodes {
		c := copied(n, root)
		c.Kind, c.HasPresence, c.Index = KindContainer, true, i
		root.DataChildren = append(root.DataChildren, c)
	}
	return root
}

func copied(n, parent *Node) *Node {
	c := *n
	c.Parent, c.DataParent, c.child = parent, parent, nil
	c.DataChildren, c.Keys = nil, nil
	for _, d := range n.DataChildren {
		below := copied(d, &c)
		c.DataChildren = append(c.DataChildren, below)
		if below.IsKey {
			c.Keys = append(c.Keys, below)
		}
	}
	c.Children = c.DataChildren
	return &c
}
