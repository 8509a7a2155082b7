// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"strconv"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Who is the session that something is said of.
type Who struct {
	Session    uint32
	User, Host string
}

// maxEdits is how many changes an event lists one by one.
const maxEdits = 100

// body builds the body of an event; what the schema lacks is left out.
type body struct {
	b   *tree.Builder
	err error
}

func (f *body) leaf(name, value string) {
	if s := f.b.Schema().Child("", name); s != nil && value != "" && f.err == nil {
		f.err = f.b.Leaf(s, value)
	}
}

func (f *body) who(w Who) {
	if f.leaf("username", w.User); w.User == "" {
		f.leaf("username", "unknown")
	}
	f.leaf("session-id", strconv.FormatUint(uint64(w.Session), 10))
	f.leaf("source-host", w.Host)
}

// publishBase publishes an event of RFC 6470.
func (s *Stream) publishBase(name string, before, after *tree.Node, fill func(*body)) {
	n := s.names[name]
	if n == nil {
		return
	}
	f := &body{b: tree.NewBuilder(s.root)}
	f.b.Open(n)
	fill(f)
	if f.err == nil {
		f.err = f.b.Close()
	}
	root, err := f.b.Done()
	if f.err != nil || err != nil {
		return // a value that the model does not take: there is nobody to tell
	}
	s.publish(&Event{Kind: s.kind(n), Body: root, before: before, after: after})
}

// kind is the node of the schema that n is a copy of.
func (s *Stream) kind(n *yang.Node) *yang.Node { return s.schema.Notifications[n.Index] }

// SessionStart is netconf-session-start (RFC 6470, 2.2).
func (s *Stream) SessionStart(w Who) {
	s.publishBase("netconf-session-start", nil, nil, func(f *body) { f.who(w) })
}

// SessionEnd is netconf-session-end: closed, killed, dropped (RFC 6470, 2.2). by is the
// session that killed it, 0 if none did.
func (s *Stream) SessionEnd(w Who, reason string, by uint32) {
	s.publishBase("netconf-session-end", nil, nil, func(f *body) {
		f.who(w)
		if by != 0 {
			f.leaf("killed-by", strconv.FormatUint(uint64(by), 10))
		}
		f.leaf("termination-reason", reason)
	})
}

// ConfirmedCommit is netconf-confirmed-commit: start, cancel, timeout, extend or
// complete (RFC 6470, 2.2).
func (s *Stream) ConfirmedCommit(w Who, event string, timeout time.Duration) {
	s.publishBase("netconf-confirmed-commit", nil, nil, func(f *body) {
		if event != "timeout" {
			f.who(w)
		}
		f.leaf("confirm-event", event)
		if event == "start" || event == "extend" {
			f.leaf("timeout", strconv.FormatInt(int64(timeout/time.Second), 10))
		}
	})
}

// ConfigChange is netconf-config-change of running (RFC 6470, 2.2). Of many changes only
// the top-level nodes are named. Without a session it was the server.
func (s *Stream) ConfigChange(w Who, before, after *tree.Node) {
	s.Board.Publish(after)
	s.configChange("running", w, before, after)
}

// StartupChange is netconf-config-change of startup.
func (s *Stream) StartupChange(w Who, before, after *tree.Node) {
	s.configChange("startup", w, before, after)
}

func (s *Stream) configChange(datastore string, w Who, before, after *tree.Node) {
	if s.names["netconf-config-change"] == nil {
		return
	}
	s.publishBase("netconf-config-change", before, after, func(f *body) {
		if by := f.b.Schema().Child("", "changed-by"); by != nil {
			f.b.Open(by)
			if w.Session == 0 {
				f.err = f.b.Leaf(by.Child("", "server"), "")
			} else {
				f.who(w)
			}
			if f.err == nil {
				f.err = f.b.Close()
			}
		}
		f.leaf("datastore", datastore)
	})
}

func changes(before, after *tree.Node) (edits []Edit) {
	many := false
	for c := range tree.Diff(before, after) {
		op := [...]string{tree.Created: "create", tree.Deleted: "delete", tree.Modified: "replace", tree.Moved: "merge"}[c.Kind]
		if len(edits) == maxEdits && !many {
			many = true
			edits = tops(edits)
		}
		p := c.Path
		if many {
			if p, op = p[:1], "merge"; len(edits) > 0 && edits[len(edits)-1].Target[0].Schema == p[0].Schema {
				continue
			}
		}
		edits = append(edits, Edit{p.Clone(), op})
	}
	return edits
}

// tops are the top-level nodes of edits.
func tops(edits []Edit) (out []Edit) {
	for _, e := range edits {
		if n := len(out); n == 0 || out[n-1].Target[0].Schema != e.Target[0].Schema {
			out = append(out, Edit{e.Target[:1], "merge"})
		}
	}
	return out
}

// with is the body of e with those of its edits that may be seen; nil if there were
// some and none may.
func (s *Stream) with(e *Event, may func(tree.Path) bool) (*tree.Node, error) {
	if len(e.Edits) == 0 {
		return e.Body, nil
	}
	b := tree.NewBuilder(s.root)
	n := s.names["netconf-config-change"]
	b.Open(n)
	for c := range e.Body.Container(n).Children() {
		err := error(nil)
		if c.Node != nil {
			err = b.Add(c.Node)
		} else {
			err = b.Leaf(c.Schema, c.Value)
		}
		if err != nil {
			return nil, err
		}
	}
	edit := n.Child("", "edit")
	some := false
	for _, d := range e.Edits {
		if !may(d.Target) {
			continue
		}
		some = true
		b.Open(edit)
		err := b.Leaf(edit.Child("", "target"), d.Target.String())
		if err == nil {
			err = b.Leaf(edit.Child("", "operation"), d.Operation)
		}
		if err == nil {
			err = b.Close()
		}
		if err != nil {
			return nil, err
		}
	}
	if !some {
		return nil, nil
	}
	if err := b.Close(); err != nil {
		return nil, err
	}
	return b.Done()
}
