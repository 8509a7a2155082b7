// SPDX-License-Identifier: Apache-2.0

package hidden

import (
	"slices"
	"strings"
	"testing"

	"nso.example/nso/mgmt"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
)

// TestNotifications: what others change where a user may not read is no event for him,
// and is no part of one.
func TestNotifications(t *testing.T) {
	for _, p := range policies() {
		if p.name == "what is marked default-deny-all" {
			continue // its rules let ann receive nothing more than the others
		}
		t.Run(p.name, func(t *testing.T) {
			acm := append(slices.Clone(p.acm), acm+"rule-list[name='L']/rule[name='zz']/notification-name = *", acm+"rule-list[name='L']/rule[name='zz']/action = permit")
			var told [2]string
			for i := range told {
				d := start(t, slices.Concat(acm, p.common), nil)
				c := d.session()
				if reply, err := c.RPC(`<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>`); err != nil || !strings.Contains(reply, "<ok/>") {
					t.Fatalf("%s, %v", reply, err)
				}
				ss, err := d.mgmt.Login(rootActor(), mgmt.Login{})
				if err != nil {
					t.Fatal(err)
				}
				defer ss.Close("done", false)
				commit := func(lines ...string) {
					t.Helper()
					x, err := ss.Begin(t.Context(), mgmt.Running)
					if err != nil {
						t.Fatal(err)
					}
					root := set(t, tree.New(schema(t).Root), lines...)
					if err := x.Apply(&tree.Edit{Schema: schema(t).Root, Op: tree.OpMerge, Tree: root}); err != nil {
						t.Fatal(err)
					}
					if _, err := x.Commit(t.Context(), mgmt.Label{}); err != nil {
						t.Fatal(err)
					}
				}
				seen := "/h:top/item[k='mine']/v = "
				if i == 1 {
					commit(p.hidden...)
					commit(append([]string{seen + "5"}, hiddenAgain(p.hidden)...)...)
				} else {
					commit(seen + "5")
				}
				commit(seen + "6") // the mark: what came before it has come
				for strings.Count(told[i], "<netconf-config-change") < 2 {
					told[i] += times.ReplaceAllString(receive(t, c), "TIME") + "\n"
				}
			}
			if told[0] != told[1] {
				t.Errorf("it is told that there is something:\n%s\n%s", told[0], told[1])
			}
		})
	}
}

// hiddenAgain are other values of what is hidden.
func hiddenAgain(lines []string) (again []string) {
	for _, l := range lines {
		if path, _, ok := strings.Cut(l, " = "); ok && !strings.Contains(path, "/tag") && !strings.Contains(path, "/word") && !strings.Contains(path, "/step") && !strings.HasSuffix(path, "/v") {
			again = append(again, path+" = other")
		}
	}
	return again
}

func receive(t *testing.T, c *peer.Conn) string {
	t.Helper()
	text, err := c.Receive()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
