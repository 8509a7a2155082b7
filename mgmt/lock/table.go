// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"nso.example/nso/mgmterr"
)

// Owner is the session that holds a lock.
type Owner struct {
	Session uint32
	User    string
}

// Global is the lock of a whole datastore.
type Global struct {
	Owner
	Since time.Time
}

// Table is the locks of whole datastores. The zero Table is empty.
type Table struct{ global map[string]Global }

// Denied is the refusal of a lock. RFC 6241, 7.5: error-info names the session that is in
// the way, 0 if that is none.
func Denied(what string, by uint32, format string, args ...any) *mgmterr.Error {
	return mgmterr.New(mgmterr.LockDenied, "", "cannot lock %s: %s", what, fmt.Sprintf(format, args...)).
		OfType(mgmterr.Protocol).WithInfo("session-id", strconv.FormatUint(uint64(by), 10))
}

func inUse(path string, by Owner, format string, args ...any) *mgmterr.Error {
	return mgmterr.New(mgmterr.InUse, path, format, args...).WithInfo("session-id", strconv.FormatUint(uint64(by.Session), 10))
}

// Free refuses a lock of a datastore, or of parts of it, that is locked whole, be it by
// the same session (RFC 6241, 7.5; RFC 5717, 2.1.1).
func (t *Table) Free(store string) error {
	if h, held := t.global[store]; held {
		return Denied(store, h.Session, "session %d (%s) holds the lock", h.Session, h.User)
	}
	return nil
}

// Lock takes a datastore that is free.
func (t *Table) Lock(store string, o Owner, now time.Time) error {
	if err := t.Free(store); err != nil {
		return err
	}
	if t.global == nil {
		t.global = make(map[string]Global)
	}
	t.global[store] = Global{o, now}
	return nil
}

// Unlock frees a datastore (RFC 6241, 7.6).
func (t *Table) Unlock(store string, session uint32) error {
	if h, held := t.global[store]; !held || h.Session != session {
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot unlock %s: this session does not hold its lock", store).OfType(mgmterr.Protocol)
	}
	delete(t.global, store)
	return nil
}

// Held is the lock of a whole datastore.
func (t *Table) Held(store string) (Global, bool) {
	h, held := t.global[store]
	return h, held
}

// MayWrite refuses when another session holds the datastore (RFC 6241, 7.5).
func (t *Table) MayWrite(store string, session uint32) error {
	if h, held := t.global[store]; held && h.Session != session {
		return inUse("", h.Owner, "cannot change %s: session %d (%s) holds its lock", store, h.Session, h.User)
	}
	return nil
}

// Of are the datastores that a session holds whole, by name.
func (t *Table) Of(session uint32) (stores []string) {
	for store, h := range t.global {
		if h.Session == session {
			stores = append(stores, store)
		}
	}
	slices.Sort(stores)
	return stores
}

// Release frees what a session holds: its locks end with it (RFC 6241, 7.5). It returns
// the datastores.
func (t *Table) Release(session uint32) (stores []string) {
	stores = t.Of(session)
	for _, store := range stores {
		delete(t.global, store)
	}
	return stores
}
