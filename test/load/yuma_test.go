// SPDX-License-Identifier: Apache-2.0

package load

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/test/instance"
)

const yuma = "/usr/share/yuma/modules"

// TestYuma loads the modules of another NETCONF server, as they are: of those
// that yanglint accepts, each must be there and be told.
func TestYuma(t *testing.T) {
	if _, err := os.Stat(yuma); err != nil {
		t.Skip("needs the modules of yuma: apt install libyuma-base")
	}
	if _, err := exec.LookPath("yanglint"); err != nil {
		t.Skip("needs yanglint to say which are good: apt install libyang2-tools")
	}
	var args, paths []string
	dirs := []string{"ietf", "ietf-derived", "ietf-draft", "netconfcentral", "yuma123", "examples"}
	for _, d := range dirs {
		args = append(args, "--yang", filepath.Join(yuma, d))
		paths = append(paths, "-p", filepath.Join(yuma, d))
	}
	good := map[string]bool{}
	for _, d := range dirs {
		files, err := filepath.Glob(filepath.Join(yuma, d, "*.yang"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".yang"), "@")
			if out, err := exec.Command("yanglint", append(paths, f)...).CombinedOutput(); err == nil {
				good[name] = true
			} else {
				t.Logf("yanglint refuses %s: %.120s", filepath.Base(f), out)
			}
		}
	}
	if len(good) < 60 {
		t.Errorf("yanglint accepts only %d modules", len(good))
	}
	in, err := instance.New(filepath.Join(instance.ForTest(t), "i"), args...)
	if err != nil {
		t.Fatal(err)
	}
	start(t, in)
	c := dial(t, in)
	reply, err := c.RPC(`<get><filter type="subtree"><yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/></filter></get>`)
	if err != nil {
		t.Fatal(err)
	}
	for name := range good {
		if !strings.Contains(reply, "<name>"+name+"</name>") {
			t.Errorf("%s is not in yang-library", name)
		}
	}
	schema, err := c.RPC(`<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><identifier>toaster</identifier></get-schema>`)
	if err != nil || !strings.Contains(schema, "module toaster") {
		t.Errorf("get-schema of toaster: %v %.300s", err, schema)
	}
	if err := c.OK(`<edit-config><target><running/></target><config><toaster xmlns="http://netconfcentral.org/ns/toaster"/></config></edit-config>`); err != nil {
		t.Error(err)
	}
	if err := in.Stop(); err != nil {
		t.Error(err)
	}
	t.Logf("%d modules", len(good))
}
