// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"strings"
	"testing"
)

// TestVarlinkctl talks to the daemon with systemd's own client, as it is.
func TestVarlinkctl(t *testing.T) {
	t.Parallel()
	s := install(t, "trixie")
	const ipc = "/run/nso/ipc"
	ctl := func(args ...string) []string { return append([]string{"varlinkctl", "--no-pager"}, args...) }
	s.want("ann", ctl("info", ipc), "nsod", "org.nso.Control", "org.nso.Maapi", "org.varlink.service")
	list := s.want("ann", ctl("list-interfaces", ipc))
	for name := range strings.FieldsSeq(list) {
		out := s.want("ann", ctl("introspect", ipc, name), "interface "+name)
		// What it prints is what it understood: our parser is not the only one.
		if strings.Contains(out, "\nmethod ") != (name != "org.nso.Protocol") {
			t.Errorf("%s has no methods:\n%s", name, out)
		}
	}
	s.want("ann", ctl("list-methods", ipc, "org.nso.Control"), "org.nso.Control.Status")
	s.want("ann", ctl("-j", "call", ipc, "org.nso.Control.WhoAmI", "{}"), `"user":"ann"`)
	s.want("ann", ctl("-j", "call", ipc, "org.nso.Control.Status", "{}"), `"revision":`)
	s.want("ann", ctl("-j", "call", "--more", ipc, "org.nso.Control.Sessions", "{}"), `"sessions":`)
	s.want("bob", ctl("-j", "call", ipc, "org.nso.Control.WhoAmI", "{}"), `"user":"bob"`, `"admin":false`)
	s.refused("bob", ctl("-j", "call", ipc, "org.nso.Control.Status", "{}"), "PermissionDenied")
	s.refused("ann", ctl("-j", "call", ipc, "org.nso.Control.Kick", `{"id":77}`), "Failed")
	s.refused("ann", ctl("-j", "call", ipc, "org.nso.Control.Kick", `{}`), "arameter")
	s.refused("ann", ctl("-j", "call", ipc, "org.nso.Control.Nothing", "{}"), "MethodNotFound")
	s.refused("ann", ctl("-j", "call", ipc, "org.nso.Maapi.Begin", `{"datastore":"running","readWrite":false}`), "WrongState")
	s.refused("eve", ctl("info", ipc), "denied")
}
