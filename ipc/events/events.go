// SPDX-License-Identifier: Apache-2.0

// Package events serves org.nso.Events on the IPC socket: what happens in the daemon, as
// a stream.
//
// It makes no events and decides nothing about who may see them: both are mgmt's.
//
// Invariants:
//  1. A client that reads slowly loses events beyond a number, is told how many, and
//     holds up nobody.
//  2. What a call holds (its place in the stream, its goroutine, the session) ends with
//     it or with its connection.
//
// RFC 5277 (streams), RFC 8341, 3.4.6 (access control), RFC 7951 (JSON).
package events

import (
	"bytes"
	"context"
	_ "embed" // the interface description
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
)

const name = "org.nso.Events"

//go:embed org.nso.Events.varlink
var description string

const (
	queueSize = 256
	maxNames  = 64
)

type room struct{ server *mgmt.Server }

func sessionKey() varlink.Key[*mgmt.Session] { return varlink.Key[*mgmt.Session]{Name: "events"} }

// New makes the interface.
func New(server *mgmt.Server) varlink.Interface {
	r := &room{server}
	return varlink.Interface{Name: name, Description: description, Methods: []varlink.Method{
		// Anyone who connects may ask: what he receives is asked of access control.
		{Name: "Watch", Access: peer.Anyone, States: varlink.Fresh, Stream: true, ExpectMore: true,
			Handler: func(ctx context.Context, c *varlink.Call) error { return peer.Failed(name, r.watch(ctx, c)) }},
	}}
}

// session is the one of the connection.
func (r *room) session(conn *varlink.Conn) (*mgmt.Session, error) {
	if ss, ok := sessionKey().Get(conn); ok {
		return ss, nil
	}
	ss, err := r.server.Login(peer.Actor(conn), mgmt.Login{
		Transport: "events", Kill: func(reason string) { conn.Close(errors.New(reason)) },
	})
	if err != nil {
		return nil, err
	}
	sessionKey().Set(conn, ss)
	conn.OnClose(func() { ss.Close("the connection closed", false) })
	return ss, nil
}

type event struct {
	Time string          `json:"time"`
	Name string          `json:"name"`
	Data json.RawMessage `json:"data"`
}

func (r *room) watch(ctx context.Context, c *varlink.Call) error {
	var in struct {
		Names *[]string `json:"names"`
		Since *string   `json:"since"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	var names []string
	if in.Names != nil {
		if names = *in.Names; len(names) > maxNames {
			return varlink.InvalidParameter("names")
		}
		for _, n := range names {
			if !slices.ContainsFunc(r.server.Schema().Events.DataChildren, func(k *yang.Node) bool { return full(k) == n }) {
				return varlink.InvalidParameter("names")
			}
		}
	}
	var from time.Time
	if in.Since != nil {
		var err error
		if from, err = time.Parse(time.RFC3339Nano, *in.Since); err != nil {
			return varlink.InvalidParameter("since")
		}
	}
	ss, err := r.session(c.Conn())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	q := &queue{wake: make(chan struct{}, 1)}
	sub := ss.Subscribe(in.Since != nil, from)
	var pump sync.WaitGroup
	defer func() {
		cancel()
		pump.Wait()
		sub.Close()
	}()
	pump.Go(func() {
		for {
			at, body, err := sub.Next(ctx)
			if err != nil {
				q.end(err)
				return
			}
			if kind := kindOf(body); kind != nil && (names == nil || slices.Contains(names, full(kind))) {
				q.put(waiting{at, full(kind), body})
			}
		}
	})
	for {
		w, lost, err := q.take(ctx)
		if err != nil {
			return err
		}
		var data bytes.Buffer
		if err := jsonenc.Encode(&data, w.body, jsonenc.Options{Schema: r.server.Schema()}); err != nil {
			return err
		}
		e := event{w.at.UTC().Format(time.RFC3339Nano), w.name, data.Bytes()}
		if err := c.ReplyContinues(map[string]any{"event": e, "lost": lost}); err != nil {
			return err
		}
	}
}

// full is the name of a notification with its module.
func full(n *yang.Node) string { return n.Module.Name + ":" + n.Name }

// kindOf is the notification that a body holds; nil without a body.
func kindOf(body *tree.Node) (kind *yang.Node) {
	if body != nil {
		for c := range body.Children() {
			kind = c.Schema
		}
	}
	return kind
}

// queue is what waits for the client.
type queue struct {
	wake chan struct{}

	mu     sync.Mutex
	all    []waiting
	lost   int // after the last of all
	before int // before the first of all
	err    error
}

type waiting struct {
	at   time.Time
	name string
	body *tree.Node
}

// put adds an event, or counts it as lost.
func (q *queue) put(w waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Once some are lost, none is taken before those before them are out: a mark is
	// where the gap is.
	if len(q.all) >= queueSize || q.lost > 0 && len(q.all) > 0 {
		q.lost++
	} else {
		q.all = append(q.all, w)
	}
	q.signal()
}

func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take is the next event, with how many were lost before it.
func (q *queue) take(ctx context.Context) (w waiting, lost int, err error) {
	for {
		q.mu.Lock()
		if len(q.all) > 0 {
			w, q.all[0] = q.all[0], waiting{}
			q.all = q.all[1:]
			lost, q.before = q.before, 0
			if len(q.all) == 0 {
				q.before, q.lost = q.lost, 0
			}
			q.mu.Unlock()
			return w, lost, nil
		}
		err = q.err
		q.mu.Unlock()
		if err != nil {
			return w, 0, err
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return w, 0, context.Cause(ctx)
		}
	}
}
