// SPDX-License-Identifier: Apache-2.0

package tree

// Merge grafts b onto a: what b has is in the result, what it has not is as in
// a. Lists without key and leaf-lists of state are b's where b has any. Neither
// is changed. It is for parts that complete each other, as configuration and
// state do: choices are not looked at.
func Merge(a, b *Node) *Node {
	switch {
	case b.Empty():
		if a == nil {
			return b
		}
		return a
	case a.Empty():
		return b
	}
	n, err := ApplyExact(a, &Edit{Schema: a.schema, Op: OpMerge, Tree: b})
	if err != nil {
		return a // not of one schema: b has no place in a
	}
	return n
}
