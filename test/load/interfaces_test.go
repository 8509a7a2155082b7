// SPDX-License-Identifier: Apache-2.0

// Package load drives a real instance with much data, foreign models, many
// connections and the ways to start it.
package load

import (
	"encoding/xml"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/test/instance"
	"nso.example/nso/test/peer"
)

const (
	interfaces = 10000
	ifNS       = `xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"`
)

// entry is one interface, the part that matters.
type entry struct {
	Name        string `xml:"name"`
	Description string `xml:"description"`
	Type        string `xml:"type"`
	Enabled     string `xml:"enabled"`
	IP          string `xml:"ipv4>address>ip"`
	Length      int    `xml:"ipv4>address>prefix-length"`
}

func wanted(i int) entry {
	return entry{Name: fmt.Sprintf("eth%d", i), Description: fmt.Sprintf("port <%d> & more", i), Type: "ianaift:ethernetCsmacd",
		Enabled: "false", IP: fmt.Sprintf("10.%d.%d.1", i/256, i%256), Length: 24}
}

// TestInterfaces puts 10,000 interfaces with addresses in by NETCONF, starts the
// daemon again, reads them back, edits one and finds that one changed.
func TestInterfaces(t *testing.T) {
	dir := instance.ForTest(t)
	in, err := instance.New(filepath.Join(dir, "i"))
	if err != nil {
		t.Fatal(err)
	}
	start(t, in)
	c := dial(t, in)
	var b strings.Builder
	b.WriteString(`<edit-config><target><running/></target><config><interfaces ` + ifNS +
		` xmlns:ianaift="urn:ietf:params:xml:ns:yang:iana-if-type">`)
	all := make(map[string]entry, interfaces)
	for i := range interfaces {
		e := wanted(i)
		all[e.Name] = e
		fmt.Fprintf(&b, `<interface><name>%s</name><description>port &lt;%d&gt; &amp; more</description><type>%s</type><enabled>false</enabled>`+
			`<ipv4 xmlns="urn:ietf:params:xml:ns:yang:ietf-ip"><address><ip>%s</ip><prefix-length>24</prefix-length></address></ipv4></interface>`,
			e.Name, i, e.Type, e.IP)
	}
	b.WriteString(`</interfaces></config></edit-config>`)
	if err := c.OK(b.String()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := in.Stop(); err != nil {
		t.Fatal(err)
	}
	start(t, in)
	c = dial(t, in)
	compare(t, read(t, c), all)

	// One more commit, of one interface: by the CLI, which says what it will be.
	nso, err := instance.Bin("nso")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nso, "cli")
	cmd.Env = append(cmd.Environ(), "NSO_IPC_PATH="+filepath.Join(in.Dir, "ipc"))
	cmd.Stdin = strings.NewReader("configure\nset interfaces interface eth4711 description changed\ncompare\ncommit\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nso cli: %v\n%s", err, out)
	}
	if n := strings.Count(string(out), "eth"); n != 1 || !strings.Contains(string(out), "eth4711") {
		t.Errorf("the CLI's compare names %d interfaces:\n%s", n, out)
	}
	e := all["eth4711"]
	e.Description = "changed"
	all["eth4711"] = e
	compare(t, read(t, c), all)
	if err := in.Stop(); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, in *instance.Instance) {
	t.Helper()
	if err := in.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Kill)
}

func dial(t *testing.T, in *instance.Instance) *peer.Conn {
	t.Helper()
	c, err := in.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func read(t *testing.T, c *peer.Conn) map[string]entry {
	t.Helper()
	reply, err := c.Call(`<get-config><source><running/></source><filter type="subtree"><interfaces ` + ifNS + `/></filter></get-config>`)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Interface []entry `xml:"data>interfaces>interface"`
	}
	if err := xml.Unmarshal(reply, &r); err != nil {
		t.Fatalf("%v in %.1000s", err, reply)
	}
	m := make(map[string]entry, len(r.Interface))
	for _, e := range r.Interface {
		// The prefix is the server's to choose.
		e.Type = "ianaift:" + e.Type[strings.IndexByte(e.Type, ':')+1:]
		m[e.Name] = e
	}
	return m
}

func compare(t *testing.T, got, want map[string]entry) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	wrong := 0
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			if wrong++; wrong < 5 {
				t.Errorf("%s is %+v, want %+v", name, got[name], want[name])
			}
		}
	}
	t.Errorf("%d interfaces, %d of %d not as they should be", len(got), wrong, len(want))
}
