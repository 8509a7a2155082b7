// SPDX-License-Identifier: Apache-2.0

// Package crash kills a real daemon with SIGKILL under load and looks at what it
// remembers.
package crash

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"nso.example/nso/test/instance"
)

const (
	kills   = 200
	writers = 3
	ns      = `xmlns="urn:nso:test:flat"`
)

// TestKill kills the daemon 200 times at random moments while clients commit.
// Each writer counts up in two entries with one edit, so that a half-done commit
// shows; what was acknowledged must be there, and at most one commit more.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute: run without -short")
	}
	dir := instance.ForTest(t)
	in, err := instance.New(filepath.Join(dir, "i"), "--yang", filepath.Join(dir, "models"))
	if err != nil {
		t.Fatal(err)
	}
	var acked, sent [writers]int
	for kill := range kills {
		if err := in.Start(); err != nil {
			t.Fatalf("start %d: %v", kill, err)
		}
		check(t, in, kill, &acked, &sent)
		if t.Failed() {
			in.Kill()
			return
		}
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				c, err := in.Dial()
				if err != nil {
					return // killed before the session was open
				}
				defer c.Close()
				for {
					sent[w]++
					if c.OK(edit(w, sent[w])) != nil {
						return
					}
					acked[w] = sent[w]
				}
			})
		}
		time.Sleep(time.Duration(rand.IntN(60000)) * time.Microsecond)
		in.Kill()
		all.Wait()
	}
	if err := in.Start(); err != nil {
		t.Fatal(err)
	}
	check(t, in, kills, &acked, &sent)
	if err := in.Stop(); err != nil {
		t.Error(err)
	}
	t.Logf("%d kills, commits acknowledged by writer: %v", kills, acked)
	for w, n := range acked {
		if n < kills/10 {
			t.Errorf("writer %d had only %d commits acknowledged: the test did not load the daemon", w, n)
		}
	}
}

func edit(w, n int) string {
	return fmt.Sprintf(`<edit-config><target><running/></target><config><table %s>`+
		`<entry><name>a%d</name><value>%d</value></entry><entry><name>b%d</name><value>%d</value></entry>`+
		`</table></config></edit-config>`, ns, w, n, w, n)
}

var entry = regexp.MustCompile(`<name>([ab])(\d)</name><value>(\d+)</value>`)

// check compares what the daemon remembers with what was acknowledged, and takes
// over where the kill left it open.
func check(t *testing.T, in *instance.Instance, kill int, acked, sent *[writers]int) {
	t.Helper()
	c, err := in.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	reply, err := c.RPC(`<get-config><source><running/></source><filter type="subtree"><table ` + ns + `/></filter></get-config>`)
	if err != nil {
		t.Fatal(err)
	}
	var a, b [writers]int
	for _, m := range entry.FindAllStringSubmatch(reply, -1) {
		w, _ := strconv.Atoi(m[2])
		n, _ := strconv.Atoi(m[3])
		if m[1] == "a" {
			a[w] = n
		} else {
			b[w] = n
		}
	}
	for w := range writers {
		if a[w] != b[w] {
			t.Errorf("after kill %d: half a commit of writer %d: %d and %d", kill, w, a[w], b[w])
		}
		if a[w] < acked[w] {
			t.Errorf("after kill %d: commit %d of writer %d was acknowledged and is lost; found %d", kill, acked[w], w, a[w])
		}
		if a[w] > sent[w] {
			t.Errorf("after kill %d: writer %d finds %d, which it never sent", kill, w, a[w])
		}
		acked[w], sent[w] = a[w], a[w]
	}
}
