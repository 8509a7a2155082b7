// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/test/instance"
	"nso.example/nso/test/peer"
)

// TestConfirmedCommit ends a real daemon while a commit waits to be confirmed: one that
// persists goes on waiting, any other is reverted before the daemon answers (RFC 6241,
// 8.4.1).
func TestConfirmedCommit(t *testing.T) {
	dir := instance.ForTest(t)
	in, err := instance.New(filepath.Join(dir, "i"), "--yang", filepath.Join(dir, "models"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Kill()
	start := func() *peer.Conn {
		t.Helper()
		if err := in.Start(); err != nil {
			t.Fatal(err)
		}
		c, err := in.Dial()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ok := func(c *peer.Conn, op string) {
		t.Helper()
		if err := c.OK(op); err != nil {
			t.Fatal(err)
		}
	}
	there := func(c *peer.Conn) bool {
		t.Helper()
		reply, err := c.RPC(`<get-config><source><running/></source><filter><table ` + ns + `/></filter></get-config>`)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(reply, "<name>tried</name>")
	}
	try := func(c *peer.Conn, persist string) {
		t.Helper()
		ok(c, `<edit-config><target><candidate/></target><config><table `+ns+`><entry><name>tried</name></entry></table></config></edit-config>`)
		ok(c, `<commit><confirmed/>`+persist+`</commit>`)
	}
	stop := func() {
		if err := in.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	c := start()
	for name, end := range map[string]func(){"killed": in.Kill, "stopped": stop} {
		try(c, "")
		end()
		if c = start(); there(c) {
			t.Errorf("%s: what did not persist is there", name)
		}
		try(c, "<persist>token</persist>")
		end()
		if c = start(); !there(c) {
			t.Errorf("%s: what persists is gone", name)
		}
		if reply, err := c.RPC(edit(0, 1)); err != nil || !strings.Contains(reply, "in-use") {
			t.Errorf("%s: running can be changed: %v, %s", name, err, reply)
		}
		ok(c, `<cancel-commit><persist-id>token</persist-id></cancel-commit>`)
		if there(c) {
			t.Errorf("%s: cancelled, and there", name)
		}
		ok(c, edit(0, 1))
	}
}
