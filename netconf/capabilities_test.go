// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"strings"
	"testing"
)

// TestCapabilities: what is announced is offered, in the hello, in the monitoring data
// and in the features of the modules alike.
func TestCapabilities(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a := w.open("admin")
	state := w.rpc(a, `<get><filter><netconf-state xmlns="`+nsMonitoring+`"><capabilities/></netconf-state></filter></get>`)
	const c = "urn:ietf:params:netconf:capability:"
	for _, want := range []string{"writable-running:1.0", "candidate:1.0", "confirmed-commit:1.1", "rollback-on-error:1.0", "validate:1.1", "xpath:1.0", "partial-lock:1.0", "url:1.0?scheme=file",
		"notification:1.0", "interleave:1.0", "with-defaults:1.0?basic-mode=explicit&amp;also-supported=report-all,report-all-tagged,trim",
		"with-operational-defaults:1.0?basic-mode=report-all&amp;also-supported=report-all-tagged,trim,explicit", "yang-library:1.1?"} {
		if !strings.Contains(a.Hello, c+want) || !strings.Contains(state, c+want) {
			t.Errorf("%s is not announced", want)
		}
	}
	for _, not := range []string{"startup"} {
		if strings.Contains(a.Hello, c+not) {
			t.Errorf("%s is announced", not)
		}
	}
	for _, op := range []string{"<commit/>", "<discard-changes/>", "<cancel-commit/>", "<validate><source><candidate/></source></validate>"} {
		if reply := w.rpc(a, op); strings.Contains(reply, "operation-not-supported") {
			t.Errorf("%s: %s", op, reply)
		}
	}
}
