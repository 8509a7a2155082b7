// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Resolver knows the names and groups of uids. It asks systemd's user database
// where that runs, else passwd(5) and group(5), and nso-nss for what is in neither;
// it believes an answer for a minute. It may be used by many goroutines.
type Resolver struct {
	db    source
	files source
	nss   source // nil: nobody
	now   func() time.Time

	mu     sync.Mutex
	uids   map[uint32]cached[Account]
	names  map[string]cached[Account]
	groups map[uint32]cached[string] // "": the group has no name
	asking map[question]chan struct{}
}

// question is one that is being asked: a crowd of one user asks once.
type question struct {
	of  string
	key any
}

type cached[T any] struct {
	value T
	until time.Time
}

const (
	cacheTime = time.Minute
	cacheSize = 4096 // entries of each kind; a full cache is emptied
)

// NewResolver is a Resolver of this system.
func NewResolver() *Resolver {
	r := newResolver(userdb{UserDatabase, multiplexer}, files{"/etc/passwd", "/etc/group"}, time.Now)
	r.nss = userdb{NameService, NameServiceName}
	return r
}

func newResolver(db, files source, now func() time.Time) *Resolver {
	return &Resolver{
		db: db, files: files, now: now,
		uids: make(map[uint32]cached[Account]), names: make(map[string]cached[Account]), groups: make(map[uint32]cached[string]),
		asking: make(map[question]chan struct{}),
	}
}

// ByUID finds the account of a uid. The error wraps ErrNoAccount when there is none.
func (r *Resolver) ByUID(ctx context.Context, uid uint32) (Account, error) {
	a, err := lookup(ctx, r, r.uids, question{"uid", uid}, uid, func() (Account, error) {
		return find(r, uid == 0, func(s source) (Account, error) { return s.byUID(ctx, uid) })
	})
	if err == nil && !validName(a.Name) {
		err = errors.New("its name has characters that no name can have")
	}
	if err != nil {
		return Account{}, fmt.Errorf("cannot find the account of uid %d: %w", uid, err)
	}
	return a, nil
}

// ByName finds the account of a name. The error wraps ErrNoAccount when there is none.
func (r *Resolver) ByName(ctx context.Context, name string) (Account, error) {
	if !validName(name) {
		return Account{}, fmt.Errorf("cannot find the account of %.100q: %w", name, ErrNoAccount)
	}
	a, err := lookup(ctx, r, r.names, question{"name", name}, name, func() (Account, error) {
		return find(r, name == "root", func(s source) (Account, error) { return s.byName(ctx, name) })
	})
	if err != nil {
		return Account{}, fmt.Errorf("cannot find the account of %q: %w", name, err)
	}
	return a, nil
}

// GroupNames returns the names of groups. One without a name is left out: no rule
// can speak of it.
func (r *Resolver) GroupNames(ctx context.Context, gids []uint32) ([]string, error) {
	names := make([]string, 0, len(gids))
	for _, gid := range gids {
		name, err := lookup(ctx, r, r.groups, question{"group", gid}, gid, func() (string, error) {
			name, err := find(r, gid == 0, func(s source) (string, error) { return s.groupName(ctx, gid) })
			if errors.Is(err, ErrNoAccount) {
				return "", nil // kept too: a peer can have many such groups
			}
			return name, err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot find the name of group %d: %w", gid, err)
		}
		if validName(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// find asks the database, then the files, then nso-nss. The files answer only where
// no database runs: one that fails is an unknown, which is refused. Root is the files'
// alone, so that no directory service can lock root out or rename it.
func find[T any](r *Resolver, root bool, ask func(source) (T, error)) (T, error) {
	var value T
	err := errNoDatabase
	if !root {
		value, err = ask(r.db)
	}
	if !errors.Is(err, errNoDatabase) {
		return value, err
	}
	value, err = ask(r.files)
	if errors.Is(err, ErrNoAccount) && !root && r.nss != nil {
		if v, nssErr := ask(r.nss); !errors.Is(nssErr, errNoDatabase) {
			return v, nssErr
		}
	}
	return value, err
}

// lookup asks the cache, then find. Who comes while the same is asked waits for that
// answer.
func lookup[K comparable, T any](ctx context.Context, r *Resolver, cache map[K]cached[T], q question, key K, find func() (T, error)) (T, error) {
	now := r.now()
	answered := make(chan struct{})
	for {
		r.mu.Lock()
		c, ok := cache[key]
		other := r.asking[q]
		if ok && now.Before(c.until) {
			r.mu.Unlock()
			return c.value, nil
		}
		if other == nil {
			r.asking[q] = answered
		}
		r.mu.Unlock()
		if other == nil {
			break
		}
		select {
		case <-other:
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
	}
	defer func() {
		r.mu.Lock()
		delete(r.asking, q)
		r.mu.Unlock()
		close(answered)
	}()
	value, err := find()
	if err != nil {
		return value, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(cache) >= cacheSize {
		clear(cache)
	}
	cache[key] = cached[T]{value, now.Add(cacheTime)}
	return value, nil
}

// Actor gives a peer its name and groups: those that it had at the time of the
// connect on a Unix socket, else those of its account.
func (r *Resolver) Actor(ctx context.Context, p Peer) (Actor, error) {
	if err := checkUID(p.UID); err != nil {
		return Actor{}, err
	}
	account, err := r.ByUID(ctx, p.UID)
	if err != nil {
		return Actor{}, refuse("%w", err)
	}
	a := Actor{User: account.Name, Peer: p, Own: account.Name}
	if p.PID == 0 {
		a.Peer.GID, a.Groups = account.GID, slices.Clone(account.Groups)
		return a, nil
	}
	a.Groups, err = r.GroupNames(ctx, append([]uint32{p.GID}, p.Groups...))
	if err != nil {
		return Actor{}, refuse("%w", err)
	}
	return a, nil
}

// As is the actor acting as another user, which a grant of the policy must allow.
// The other must have an account; its groups are the account's.
func (r *Resolver) As(ctx context.Context, a Actor, user string, policy Policy) (Actor, error) {
	if user == a.User {
		return a, nil
	}
	if a.Own != a.User || !allows(policy.Grants, a.Own, user) {
		return Actor{}, fmt.Errorf("cannot act as %.100q: no access.grant in nso.toml lets %s: %w", user, a.Own, ErrRefused)
	}
	account, err := r.ByName(ctx, user)
	if err == nil {
		err = checkUID(account.UID)
	}
	if err != nil {
		return Actor{}, fmt.Errorf("cannot act as %.100q: %w: %w", user, err, ErrRefused)
	}
	a.User, a.Groups = account.Name, slices.Clone(account.Groups)
	return a, nil
}
