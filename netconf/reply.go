// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"errors"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree/xmlenc"
)

// startReply opens rpc-reply with the attributes of the rpc (RFC 6241, 4.2).
func (ss *session) startReply(q *request) {
	ss.w.Start(nsBase, "rpc-reply")
	for _, d := range q.declared {
		ss.w.Namespace(d.prefix, d.uri)
	}
	for _, a := range q.attrs {
		if a.space == "" {
			ss.w.Attr(a.local, a.value)
		} else {
			ss.w.AttrNS(a.prefix, a.space, a.local, a.value)
		}
	}
}

func (ss *session) endReply() error {
	ss.w.End()
	if err := ss.w.Flush(); err != nil {
		return err
	}
	return ss.out.End()
}

// answer writes a reply: <ok/>, or what body writes.
func (ss *session) answer(q *request, body func(*xmlstream.Writer) error) error {
	ss.writing.Lock()
	defer ss.writing.Unlock()
	ss.startReply(q)
	if body == nil {
		ss.w.Leaf(nsBase, "ok", "")
	} else if err := body(ss.w); err != nil {
		return err // the reply has begun: nothing but the end of the session is left
	}
	return ss.endReply()
}

// refuse writes the errors of a request. What is left of the message is read
// first, so that the next one is found.
func (ss *session) refuse(q *request, bad error) error {
	counters := mgmt.SessionCounters{InRPCs: 1, OutRPCErrors: 1}
	var wrong malformed
	list := mgmterr.Of(bad)
	switch {
	case errors.As(bad, &wrong):
		counters = mgmt.SessionCounters{InBadRPCs: 1, OutRPCErrors: 1}
		if !ss.v11 {
			// RFC 6241, Appendix A: malformed-message is not for sessions of
			// base:1.0, whose framing leaves nothing else to say.
			ss.mgmt.Count(counters)
			return wrong
		}
		list = mgmterr.List{mgmterr.New(mgmterr.MalformedMessage, "", "%s", wrong.Error()).OfType(mgmterr.RPC)}
	case list == nil:
		number := ss.server.incidents.Add(1)
		ss.log.Error("internal error", event.Key, event.InternalError, "number", number, "err", bad)
		list = mgmterr.List{mgmterr.New(mgmterr.OperationFailed, "", "internal error: see number %d in the daemon's log", number)}
	}
	if len(list) > 0 && list[0].Type == mgmterr.RPC {
		// RFC 6022, 2.1.5: errors of the rpc layer are bad rpcs.
		counters = mgmt.SessionCounters{InBadRPCs: 1, OutRPCErrors: 1}
	}
	ss.mgmt.Count(counters)
	if err := ss.in.Skip(); err != nil {
		return err
	}
	ss.writing.Lock()
	defer ss.writing.Unlock()
	ss.startReply(q)
	for _, e := range list {
		ss.rpcError(e)
	}
	return ss.endReply()
}

// rpcError writes one rpc-error (RFC 6241, 4.3).
func (ss *session) rpcError(e *mgmterr.Error) {
	w := ss.w
	w.Start(nsBase, "rpc-error")
	kind := e.Type
	if kind == "" {
		kind = mgmterr.Application
	}
	w.Leaf(nsBase, "error-type", string(kind))
	w.Leaf(nsBase, "error-tag", string(e.Tag))
	w.Leaf(nsBase, "error-severity", "error")
	if e.AppTag != "" {
		w.Leaf(nsBase, "error-app-tag", e.AppTag)
	}
	if e.Path != "" {
		xmlenc.Path(w, nsBase, "error-path", ss.mgmt.Schema(), e.Path)
	}
	if e.Message != "" {
		w.Start(nsBase, "error-message")
		w.AttrNS("xml", xmlstream.XMLNamespace, "lang", "en")
		w.Text(e.Message)
		w.End()
	}
	if len(e.Info) > 0 {
		w.Start(nsBase, "error-info")
		for _, i := range e.Info {
			ns := i.Namespace
			if ns == "" {
				ns = nsBase
			}
			outer, inner, nested := strings.Cut(i.Name, "/")
			if nested {
				w.Start(ns, outer)
				w.Leaf(ns, inner, i.Value)
				w.End()
				continue
			}
			if i.Name == "non-unique" { // RFC 7950, 15.1: the path of an instance
				xmlenc.Path(w, ns, i.Name, ss.mgmt.Schema(), i.Value)
				continue
			}
			w.Leaf(ns, i.Name, i.Value)
		}
		w.End()
	}
	w.End()
}
