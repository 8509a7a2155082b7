// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"testing"
	"time"
)

// TestSilence: an origin with many silent connections does not hold up the others for
// long, and the others are borne as before.
func TestSilence(t *testing.T) {
	limits := Limits{Crowd: time.Second}
	b := books{limits: &limits, silent: map[string]*silence{}}
	var all []*quiet
	for range manySilent - 1 {
		q := &quiet{key: "uid 1"}
		b.hush(q)
		all = append(all, q)
	}
	if b.borne("uid 1") != limits.Crowd {
		t.Error("some silent connections are held against it")
	}
	q := &quiet{key: "uid 1"}
	b.hush(q)
	all = append(all, q)
	if b.borne("uid 1") >= limits.Crowd/100 || b.borne("uid 2") != limits.Crowd {
		t.Errorf("uid 1 is borne %v, uid 2 %v", b.borne("uid 1"), b.borne("uid 2"))
	}
	for _, q := range all {
		b.heard(q)
		b.heard(q) // once
	}
	if b.borne("uid 1") == limits.Crowd {
		t.Error("it is forgotten at once, and could begin again")
	}
	b.silent["uid 1"].until = time.Now().Add(-time.Second)
	if b.borne("uid 1") != limits.Crowd || len(b.silent) != 0 {
		t.Error("it is not forgotten")
	}
	// Heard before the time is over: it was not silent.
	q = &quiet{key: "uid 3"}
	b.heard(q)
	b.hush(q)
	if len(b.silent) != 0 {
		t.Error("who was heard counts as silent")
	}
}
