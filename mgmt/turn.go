// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"fmt"
	"time"

	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt/party"
)

// stuck is longer than a validation may take, and who takes part, and a disk.
const stuck = 5 * time.Minute

// Member takes part in commits to running, from Join until leave.
type Member = party.Member

// Join lets m take part in commits: see party.Member. One that was made before goes
// on without it.
func (s *Server) Join(m Member) (leave func()) { return s.party.Join(m) }

func (s *Server) expelled(e party.Expulsion) {
	s.log.Error("participant expelled", event.Key, event.Expelled, "participant", e.Name, "op", e.Phase, "err", e.Err, "stack", string(e.Stack))
}

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
