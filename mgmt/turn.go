// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"fmt"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// Limits of a commit.
const (
	participantTime = 30 * time.Second
	// stuck is longer than a validation may take, and a participant, and a disk.
	stuck = 5 * time.Minute
)

// Healthy takes the locks that everything takes, and returns what is wrong: a
// commit that does not come to an end.
func (s *Server) Healthy() error {
	s.Status()
	return healthy(s.turn.Held())
}

func healthy(d time.Duration) error {
	if d > stuck {
		return fmt.Errorf("a commit has not ended in %v", d.Round(time.Second))
	}
	return nil
}

// timely is a participant that has so long to prepare.
type timely struct{ txn.Participant }

func (p timely) Prepare(ctx context.Context, before, after *tree.Node) (txn.Ticket, error) {
	ctx, cancel := context.WithTimeout(ctx, participantTime)
	defer cancel()
	return p.Participant.Prepare(ctx, before, after)
}
