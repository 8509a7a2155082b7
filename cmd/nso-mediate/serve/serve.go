// SPDX-License-Identifier: Apache-2.0

// Package serve answers the daemon: who is asking, which accounts may be started for
// at all, and then the way that the package of the mediator installed.
//
// It starts nothing and asks nobody itself.
//
// Invariants:
//  1. Only the daemon's user is answered, by SO_PEERCRED.
//  2. A helper is started for an account of a person, or for nso-cmd: not for root,
//     not for the accounts of services. Root enables those herself.
//  3. One question a connection; when it ends, so does the question.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/mediate"
)

// Way is how something is allowed and done: polkit or sudo. Any error is a no.
type Way interface {
	Start(ctx context.Context, t mediate.Target) error
	Authorize(ctx context.Context, c mediate.Command) error
}

// Accounts knows the accounts of the system.
type Accounts interface {
	ByName(ctx context.Context, name string) (ident.Account, error)
}

// Options of Serve. All are required but Idle.
type Options struct {
	Daemon   uint32 // uid that is answered
	Accounts Accounts
	Way      Way
	Log      *slog.Logger
	Idle     time.Duration // without a question, after which Serve ends; 5 min
}

// Questions at one time: the daemon asks about one at a time for each user.
const maxQuestions = 32

// FirstPerson is the least uid of a person (login.defs(5), UID_MIN as all
// distributions have it).
const FirstPerson = 1000

// commands is the account of commands that belong to nobody.
const commands = "nso-cmd"

// Serve answers until ctx ends, or nobody has asked for a while: systemd holds the
// socket, and starts the mediator again.
func Serve(ctx context.Context, l net.Listener, o Options) error {
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	listener, ok := l.(*net.UnixListener)
	if !ok {
		return errors.New("cannot serve: the socket is no Unix socket")
	}
	defer listener.Close()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var wait sync.WaitGroup
	defer wait.Wait()
	places := make(chan struct{}, maxQuestions)
	for {
		select {
		case places <- struct{}{}: // else who asks waits in the kernel's queue
		case <-ctx.Done():
			return nil
		}
		_ = listener.SetDeadline(time.Now().Add(o.Idle))
		conn, err := listener.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			if len(places) == 1 { // ours: nothing is at work
				return nil
			}
			<-places
			continue
		case err != nil:
			return fmt.Errorf("cannot accept a connection: %w", err)
		}
		wait.Go(func() {
			defer func() { <-places }()
			defer conn.Close()
			answer(ctx, conn, o)
		})
	}
}

func answer(ctx context.Context, conn *net.UnixConn, o Options) {
	peer, err := ident.FromUnix(conn, "mediate")
	if err == nil && peer.UID != o.Daemon {
		err = fmt.Errorf("uid %d asks, and only the daemon may", peer.UID)
	}
	if err != nil {
		o.Log.Warn("refused", "reason", err, "uid", peer.UID, "pid", peer.PID)
		return
	}
	_ = conn.SetDeadline(time.Now().Add(mediate.FirstTime))
	r, err := mediate.ReadRequest(conn)
	if err != nil {
		o.Log.Warn("refused", "reason", err, "pid", peer.PID)
		_ = mediate.WriteReply(conn, err)
		return
	}
	_ = conn.SetDeadline(time.Now().Add(mediate.WholeTime))
	ctx, cancel := context.WithTimeout(ctx, mediate.WholeTime)
	defer cancel()
	go func() { // nothing more is said by who asks: a byte or the end is the end
		_, _ = conn.Read(make([]byte, 1))
		cancel()
	}()
	began := time.Now()
	log := o.Log
	if r.Start != nil {
		log = log.With("op", "start", "unit", r.Start.Unit())
		err = start(ctx, *r.Start, o)
	} else {
		c := r.Run
		log = log.With("op", "run", "rule", c.Rule, "runas", c.RunAs, "user", c.User, "door", c.Door, "source", c.Source)
		err = o.Way.Authorize(ctx, *c)
	}
	if err != nil {
		log.Warn("refused", "reason", err, "dur", time.Since(began))
	} else {
		log.Info("allowed", "dur", time.Since(began))
	}
	_ = mediate.WriteReply(conn, err)
}

// start starts a helper for who may have one.
func start(ctx context.Context, t mediate.Target, o Options) error {
	if t.Kind != mediate.PAM && t.User != commands {
		account, err := o.Accounts.ByName(ctx, t.User)
		switch {
		case err != nil:
			return fmt.Errorf("cannot start %s: %w", t.Unit(), err)
		case account.UID < FirstPerson || account.UID >= 65534:
			return fmt.Errorf("cannot start %s: %s (uid %d) is the account of a service; enable it as root: systemctl enable --now %s", t.Unit(), t.User, account.UID, t.Unit())
		}
	}
	return o.Way.Start(ctx, t)
}
