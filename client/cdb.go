// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

const cdb = "org.nso.Cdb."

// What some errors of org.nso.Cdb are (errors.Is).
var (
	// ErrStartAnew: the revision is not kept any more; read all there is.
	ErrStartAnew = errors.New("the revision is not kept")
	// ErrExpelled: the subscriber did not answer in time, and is none any more.
	ErrExpelled = errors.New("the subscription is ended")
	// ErrNotAsked: no commit waits for the answer, or not any more.
	ErrNotAsked = errors.New("no commit waits for the answer")
)

// Is tells the errors that programs act on.
func (e *Error) Is(target error) bool {
	switch e.Name {
	case cdb + "StartAnew":
		return target == ErrStartAnew
	case cdb + "Expelled":
		return target == ErrExpelled
	case cdb + "NotAsked":
		return target == ErrNotAsked
	}
	return false
}

// At says what is read: a snapshot, running at a revision, or a datastore. The zero At is
// running as it is.
type At struct {
	Datastore string `json:"datastore,omitempty"`
	Revision  int64  `json:"revision,omitempty"`
	Snapshot  int64  `json:"snapshot,omitempty"`
}

type atPath struct {
	Path string `json:"path"`
	At
}

// Snapshot keeps what there is for reads that belong together.
func (c *Client) Snapshot(ctx context.Context, at At) (snapshot At, revision int64, err error) {
	var out struct{ Snapshot, Revision int64 }
	err = c.Call(ctx, cdb+"Snapshot", at, &out)
	return At{Snapshot: out.Snapshot}, out.Revision, err
}

// Release gives a snapshot up.
func (c *Client) Release(ctx context.Context, snapshot At) error {
	return c.Call(ctx, cdb+"Release", snapshot, nil)
}

// Get is the value of a leaf; ok says whether it is there.
func (c *Client) Get(ctx context.Context, path string, at At) (value string, ok bool, err error) {
	var out struct{ Value *string }
	if err = c.Call(ctx, cdb+"Get", atPath{path, at}, &out); err != nil || out.Value == nil {
		return "", false, err
	}
	return *out.Value, true, nil
}

// Exists says whether there is something at a path.
func (c *Client) Exists(ctx context.Context, path string, at At) (exists bool, err error) {
	var out struct{ Exists bool }
	err = c.Call(ctx, cdb+"Exists", atPath{path, at}, &out)
	return out.Exists, err
}

// Count is how many entries a list or leaf-list has.
func (c *Client) Count(ctx context.Context, path string, at At) (count int, err error) {
	var out struct{ Count int }
	err = c.Call(ctx, cdb+"Count", atPath{path, at}, &out)
	return out.Count, err
}

// Subtree writes what is at a path as JSON (RFC 7951).
func (c *Client) Subtree(ctx context.Context, path string, at At, w io.Writer) error {
	for raw, err := range c.CallMore(ctx, cdb+"Subtree", atPath{path, at}) {
		if err != nil {
			return err
		}
		var out struct{ Text string }
		if err := json.Unmarshal(raw, &out); err != nil {
			return fmt.Errorf("cannot understand the reply: %w", err)
		}
		if _, err := io.WriteString(w, out.Text); err != nil {
			return err
		}
	}
	return nil
}

// Entry is one of a list, with the JSON object of what is in it; of a leaf-list its value
// is the only key.
type Entry struct {
	Keys []string
	Data json.RawMessage
}

// Entries are those of a list or leaf-list. Name a snapshot for those of one moment.
func (c *Client) Entries(ctx context.Context, path string, at At) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		in := struct {
			atPath
			After []string `json:"after,omitempty"`
		}{atPath: atPath{path, at}}
		for {
			var out struct {
				Entries []Entry
				More    bool
			}
			if err := c.Call(ctx, cdb+"Entries", in, &out); err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range out.Entries {
				if !yield(e, nil) {
					return
				}
				in.After = e.Keys
			}
			if !out.More {
				return
			}
		}
	}
}

// Edit is one node that is new, gone, other or elsewhere: see org.nso.Cdb.
type Edit struct {
	Path, Kind      string
	Old, New, After *string
}

// Notice is what a subscriber is told, or a part of it.
type Notice struct {
	Phase          string
	From, Revision int64
	Edits          []Edit
	More           bool // the next one goes on with it
	Answer         bool

	refused *refusal
}

type refusal struct {
	Message string `json:"message"`
	Path    string `json:"path,omitempty"`
}

// Refuse has the commit that is prepared fail; path may be "".
func (n *Notice) Refuse(message, path string) { n.refused = &refusal{message, path} }

// Subscription says what is subscribed to: see org.nso.Cdb.
type Subscription struct {
	Paths    []string
	Replay   bool
	Since    int64 // revision that is known; 0 if none is
	Name     string
	TwoPhase bool
	Sync     bool
	Priority int
	Deadline time.Duration
}

// Watch yields what commits change, after each, until ctx is done or the loop is left;
// then the connection is closed.
func (c *Client) Watch(ctx context.Context, s Subscription) iter.Seq2[*Notice, error] {
	return func(yield func(*Notice, error) bool) {
		for raw, err := range c.CallMore(ctx, cdb+"Watch", s.parameters(false)) {
			var out struct{ Notice Notice }
			if err == nil {
				err = json.Unmarshal(raw, &out)
			}
			if !yield(&out.Notice, err) || err != nil {
				return
			}
		}
	}
}

func (s Subscription) parameters(asked bool) map[string]any {
	paths := s.Paths
	if paths == nil {
		paths = []string{}
	}
	in := map[string]any{"paths": paths}
	if s.Replay {
		in["replay"] = true
	}
	if s.Since > 0 {
		in["since"] = s.Since
	}
	if asked {
		in["name"], in["twoPhase"], in["sync"], in["priority"] = s.Name, s.TwoPhase, s.Sync, s.Priority
		if s.Deadline > 0 {
			in["deadline"] = s.Deadline.Milliseconds()
		}
	}
	return in
}

// Subscribe yields what commits change to one whom they wait for. The body of the loop is
// the work: when it comes to its end, the notice is answered, with what Refuse said or with
// yes. When the loop is left the subscription ends.
func (c *Client) Subscribe(ctx context.Context, s Subscription) iter.Seq2[*Notice, error] {
	return func(yield func(*Notice, error) bool) {
		if err := c.Call(ctx, cdb+"Subscribe", s.parameters(true), nil); err != nil {
			yield(nil, err)
			return
		}
		for {
			var out struct{ Notice Notice }
			n := &out.Notice
			if err := c.Call(ctx, cdb+"Next", nil, &out); err != nil {
				yield(nil, err)
				return
			}
			if !yield(n, nil) {
				_ = c.Call(ctx, cdb+"Unsubscribe", nil, nil) // or the connection is gone already
				return
			}
			var err error
			switch {
			case n.refused != nil:
				err = c.Call(ctx, cdb+"Refuse", n.refused, nil)
			case n.Answer:
				err = c.Call(ctx, cdb+"Done", nil, nil)
			}
			if err != nil && !errors.Is(err, ErrNotAsked) {
				yield(nil, err)
				return
			}
		}
	}
}

// Event is something that happened: data holds the notification (RFC 7951). Lost is how
// many were lost before it.
type Event struct {
	Time time.Time
	Name string
	Data json.RawMessage
	Lost int `json:"-"`
}

// Events yields what happens in the daemon, of some names or all, until ctx is done or the
// loop is left; then the connection is closed.
func (c *Client) Events(ctx context.Context, names ...string) iter.Seq2[Event, error] {
	in := map[string]any{}
	if len(names) > 0 {
		in["names"] = names
	}
	return func(yield func(Event, error) bool) {
		for raw, err := range c.CallMore(ctx, "org.nso.Events.Watch", in) {
			var out struct {
				Event Event
				Lost  int
			}
			if err == nil {
				err = json.Unmarshal(raw, &out)
			}
			out.Event.Lost = out.Lost
			if !yield(out.Event, err) || err != nil {
				return
			}
		}
	}
}
