// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"strconv"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
)

// parseLock is <lock> (RFC 6241, 7.5).
func parseLock(q *request) (action, error) { return q.onTarget("lock", (*mgmt.Session).Lock) }

// parseUnlock is <unlock> (RFC 6241, 7.6).
func parseUnlock(q *request) (action, error) { return q.onTarget("unlock", (*mgmt.Session).Unlock) }

func (q *request) onTarget(op string, do func(*mgmt.Session, mgmt.Datastore) error) (action, error) {
	var target mgmt.Datastore
	if err := q.params(op, map[string]func() error{"target": q.datastore(&target)}); err != nil {
		return nil, err
	}
	if target == "" {
		return nil, missing(op, "target")
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		return nil, do(ss.mgmt, target)
	}, nil
}

// parseCloseSession is <close-session> (RFC 6241, 7.8).
func parseCloseSession(q *request) (action, error) {
	if err := q.params("close-session", nil); err != nil {
		return nil, err
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		// RFC 6241, 7.8: locks are free when the client reads the answer.
		ss.ending = true
		ss.mgmt.Count(mgmt.SessionCounters{InRPCs: 1})
		ss.mgmt.Close(closedByClient, false)
		return nil, nil
	}, nil
}

// parseKillSession is <kill-session> (RFC 6241, 7.9).
func parseKillSession(q *request) (action, error) {
	var text string
	if err := q.params("kill-session", map[string]func() error{"session-id": q.text(&text)}); err != nil {
		return nil, err
	}
	if text == "" {
		return nil, missing("kill-session", "session-id")
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == 0 {
		return nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.20q as a session-id: it is 1..4294967295", text).
			OfType(mgmterr.Protocol).WithInfo("bad-element", "session-id")
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		return nil, ss.mgmt.Kill(uint32(id))
	}, nil
}
