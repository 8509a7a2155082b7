// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"encoding/json"
	"maps"
	"net/netip"
	"time"
)

// Known are the sources that places are kept for, as bytes for Restore: an attack that is
// under way when the daemon restarts finds them kept. It returns nil if none has been
// added since the last call.
func (q *Queue) Known() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.added {
		return nil
	}
	q.added = false
	now := q.now()
	known := maps.Clone(q.known)
	maps.DeleteFunc(known, func(_ netip.Prefix, until time.Time) bool { return !now.Before(until) })
	text, err := json.Marshal(known)
	if err != nil { // no such value can be in it
		return nil
	}
	return text
}

// Restore adds what Known has returned, of another queue or of this one. What cannot be
// one of its entries is left out.
func (q *Queue) Restore(text []byte) error {
	var known map[netip.Prefix]time.Time
	if err := json.Unmarshal(text, &known); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for key, until := range known {
		if !key.IsValid() || key != sourceOf(key.Addr()) || !now.Before(until) || until.After(now.Add(q.limits.Remember)) {
			continue
		}
		if len(q.known) < q.limits.MaxKnown {
			q.known[key] = until
		}
	}
	return nil
}
