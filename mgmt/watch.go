// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"time"

	"nso.example/nso/mgmt/push"
)

// Watch is told when running changes, and sees what the session may read of it at that
// moment (RFC 8641, 3.9). It is to be closed.
func (ss *Session) Watch() *push.Watch {
	s := ss.server
	return s.stream.Board.Watch(s.db.Root, ss.user.Now)
}

// ReplayFrom is from when on events can be replayed (RFC 8639, 2.4.2.1).
func (ss *Session) ReplayFrom() time.Time {
	created, aged := ss.server.ReplayLog()
	if aged.After(created) {
		return aged
	}
	return created
}

// ReplayLog is when the log of events was begun, and the time of the last event that it
// has lost; zero if it has lost none.
func (s *Server) ReplayLog() (created, aged time.Time) { return s.stream.Log() }

// KeepEvents keeps the events in a folder over a restart. It is called before there are
// sessions, and what it returns at the end.
func (s *Server) KeepEvents(dir string) (end func() error, err error) {
	return s.stream.Close, s.stream.Keep(dir, s.log)
}
