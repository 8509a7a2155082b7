// SPDX-License-Identifier: Apache-2.0

package load

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSchema(t *testing.T) {
	s, _, err := Schema(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range own() {
		if m := s.Module(name); m == nil || !m.Implemented {
			t.Errorf("%s is not implemented", name)
		}
	}
	nc := s.Module("ietf-netconf")
	if !slices.Equal(nc.Features, []string{"candidate", "confirmed-commit", "rollback-on-error", "url", "validate", "writable-running", "xpath"}) {
		t.Errorf("features of NETCONF: %v", nc.Features)
	}
	if s.Root.Child("ietf-interfaces", "interfaces").Index < 0 || s.Root.DataChildren[0].Index != 0 {
		t.Error("top-level nodes have no places")
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "site.yang", `module site { namespace "urn:site"; prefix s; import ietf-interfaces { prefix if; }
		augment "/if:interfaces/if:interface" { leaf site { type string; } } }`)
	// A newer revision of a built-in module is taken, one of the same is too.
	write(t, dir, "nso-transports@2099-01-01.yang", `module nso-transports { namespace "urn:nso:transports"; prefix nsot;
		import ietf-netconf-monitoring { prefix ncm; } revision 2099-01-01; identity newer { base ncm:transport; } }`)
	s, _, err := Schema([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if s.Root.Child("ietf-interfaces", "interfaces").Child("", "interface").Child("site", "site") == nil {
		t.Error("the folder's module is not implemented")
	}
	if m := s.Module("nso-transports"); m.Revision != "2099-01-01" {
		t.Errorf("revision %s of nso-transports", m.Revision)
	}
	write(t, dir, "bad.yang", "module bad { namespace \"urn:bad\"; prefix b; leaf x { type nothing; } }")
	if _, _, err := Schema([]string{dir}); err == nil || !strings.Contains(err.Error(), "bad.yang:1:") {
		t.Errorf("a bad module gave %v", err)
	}
	if _, _, err := Schema([]string{filepath.Join(dir, "gone")}); err == nil || !strings.Contains(err.Error(), "yang.path") {
		t.Errorf("a folder that is not there gave %v", err)
	}
}
