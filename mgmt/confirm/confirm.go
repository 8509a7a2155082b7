// SPDX-License-Identifier: Apache-2.0

// Package confirm is who may decide about a commit that waits to be confirmed
// (RFC 6241, 8.4).
//
// Pure: it knows no session but by number, no clock and no data.
//
// Invariants:
//  1. Only the session that made it, or who gives the persist-id of one that persists,
//     confirms, extends or cancels it; nobody else changes running meanwhile.
//  2. A persist-id is kept as a hash.
package confirm

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"nso.example/nso/mgmterr"
)

// Wait is a commit that waits to be confirmed.
type Wait struct {
	Session uint32 // whose end reverts it; 0 if it persists
	Token   string // hash of the persist-id; "" if it does not persist
	User    string // who made it
	Until   time.Time
}

// Label names a commit for people.
type Label struct{ Label, Comment string }

// Options say how a commit is made.
type Options struct {
	Label Label
	// Confirmed asks for a commit that is reverted unless it is confirmed within
	// Timeout (RFC 6241, 8.4). With Persist it outlives the session, and whoever
	// gives that as PersistID may confirm, extend or cancel it.
	Confirmed          bool
	Timeout            time.Duration
	Persist, PersistID string
}

// Token is the hash of a persist-id; "" of none.
func Token(id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

func wrongID() error {
	return mgmterr.New(mgmterr.InvalidValue, "", "cannot use this persist-id: no commit of it waits to be confirmed").
		OfType(mgmterr.Protocol).WithInfo("bad-element", "persist-id")
}

// MayChange lets nobody change running while w waits, but who confirms it with a
// commit. A nil w is none.
func (w *Wait) MayChange(session uint32, commit bool, id string) error {
	switch {
	case w == nil && id != "":
		return wrongID()
	case w == nil:
		return nil
	case !commit && w.Session == session:
		return mgmterr.New(mgmterr.InUse, "", "cannot change running: a commit of this session has to be confirmed or cancelled first")
	}
	return w.mine(session, id)
}

// MaySave lets nobody write startup while w waits: what is not confirmed is not to be
// what a start begins with. A nil w is none.
func (w *Wait) MaySave() error {
	if w == nil {
		return nil
	}
	return mgmterr.New(mgmterr.InUse, "", "cannot change startup: a commit of %s to running has to be confirmed or cancelled first", w.User)
}

// MayCancel says whether w may be cancelled. A nil w is none.
func (w *Wait) MayCancel(session uint32, id string) error {
	switch {
	case w == nil && id != "":
		return wrongID()
	case w == nil:
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot cancel: no commit waits to be confirmed").OfType(mgmterr.Protocol)
	}
	return w.mine(session, id)
}

func (w *Wait) mine(session uint32, id string) error {
	switch {
	case id != "" && Token(id) != w.Token:
		return wrongID()
	case id == "" && w.Session != session:
		return mgmterr.New(mgmterr.InUse, "", "cannot change running: a commit of %s has to be confirmed or cancelled first; else it is reverted at %s",
			w.User, w.Until.UTC().Format(time.RFC3339))
	}
	return nil
}
