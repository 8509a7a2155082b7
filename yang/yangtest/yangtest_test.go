// SPDX-License-Identifier: Apache-2.0

package yangtest

import "testing"

func TestSchema(t *testing.T) {
	s := Schema(t, `module m { namespace urn:m; prefix m; include s; import ietf-interfaces { prefix if; }
		augment /if:interfaces/if:interface { leaf extra { type string; } } }`, `submodule s { belongs-to m { prefix m; } leaf x { type string; } }`, "ietf-ip")
	i := s.Root.Child("ietf-interfaces", "interfaces").Child("", "interface")
	if i.Child("m", "extra") == nil || i.Child("ietf-ip", "ipv4") == nil || s.Root.Child("m", "x") == nil {
		t.Error("nodes are missing")
	}
	if _, err := compileTexts([]string{"module m { namespace urn:m; prefix m; leaf x { type y; } }"}); err == nil {
		t.Error("an error is hidden")
	}
}
