// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/netconf/framing"
	"nso.example/nso/yang"
)

// action does an operation whose parameters have been read, and returns what
// writes the body of the reply; nil is <ok/>.
type action func(ctx context.Context, ss *session) (body func(w *xmlstream.Writer) error, err error)

// operation is a row of the table.
type operation struct {
	name xmlstream.Name
	// parse reads the operation's parameters, from its Start to its End.
	parse func(q *request) (action, error)
	// module is what access control knows the operation by (RFC 8341, 3.4.4);
	// "" if the operation asks for itself.
	module string
}

// operations is the table: everything a client can ask for.
var operations = []operation{
	{base("get"), parseGet, "ietf-netconf"},
	{base("get-config"), parseGetConfig, "ietf-netconf"},
	{base("edit-config"), parseEditConfig, "ietf-netconf"},
	{base("copy-config"), parseCopyConfig, "ietf-netconf"},
	{base("delete-config"), parseDeleteConfig, "ietf-netconf"},
	{base("validate"), parseValidate, "ietf-netconf"},
	{base("commit"), parseCommit, "ietf-netconf"},
	{base("cancel-commit"), parseCancelCommit, "ietf-netconf"},
	{base("discard-changes"), parseDiscardChanges, "ietf-netconf"},
	{base("lock"), parseLock, ""},
	{base("unlock"), parseUnlock, ""},
	{partialLock("partial-lock"), parsePartialLock, ""},
	{partialLock("partial-unlock"), parsePartialUnlock, ""},
	{nmda("get-data"), parseGetData, "ietf-netconf-nmda"},
	{xmlstream.Name{Space: nsCompare, Local: "compare"}, parseCompare, "ietf-nmda-compare"},
	{nmda("edit-data"), parseEditData, "ietf-netconf-nmda"},
	{xmlstream.Name{Space: nsNotification, Local: "create-subscription"}, parseCreateSubscription, "notifications"},
	{subscribedName("establish-subscription"), parseEstablish, subscribed},
	{subscribedName("modify-subscription"), parseModify, subscribed},
	{subscribedName("delete-subscription"), onID((*session).remove), subscribed},
	{subscribedName("kill-subscription"), onID((*session).killSubscription), subscribed},
	{xmlstream.Name{Space: nsPush, Local: "resync-subscription"}, onID((*session).resync), yangPush},
	{base("close-session"), parseCloseSession, ""},
	{base("kill-session"), parseKillSession, ""},
	{xmlstream.Name{Space: nsMonitoring, Local: "get-schema"}, parseGetSchema, "ietf-netconf-monitoring"},
	{xmlstream.Name{Space: nsYang, Local: "action"}, parseAction, ""},
}

func base(local string) xmlstream.Name { return xmlstream.Name{Space: nsBase, Local: local} }

func nmda(local string) xmlstream.Name { return xmlstream.Name{Space: nsNMDA, Local: local} }

// request is one <rpc> being read.
type request struct {
	ss *session
	r  *xmlstream.Reader
	// attrs and declared are the attributes of <rpc> and the prefixes that it
	// declares, to be given back (RFC 6241, 4.1).
	attrs    []attr
	declared []declaration
	op       xmlstream.Name
	open     []string         // the elements around what is read, outermost first
	tok      *xmlstream.Token // the Start of the parameter being read
}

type (
	attr        struct{ prefix, space, local, value string }
	declaration struct{ prefix, uri string }
)

// token is the Start of the parameter being read, before anything of it is.
func (q *request) token() *xmlstream.Token { return q.tok }

func (q *request) schema() *yang.Schema { return q.ss.mgmt.Schema() }

// request answers one message. An error ends the session.
func (ss *session) request() error {
	q := &request{ss: ss, r: ss.xml}
	ss.head.src, ss.head.seen = ss.in, ss.head.seen[:0]
	q.r.Reset(&ss.head)
	ss.w.Reset(ss.out)
	act, bad := q.read()
	if broken(bad) {
		return bad // the stream itself: there is nobody to answer
	}
	if bad != nil {
		return ss.refuse(q, bad)
	}
	if ss.first {
		// A peer that is known by its socket is asked for again before anything
		// is done for it.
		if ss.peer.Verify != nil {
			if err := ss.peer.Verify(); err != nil {
				return err
			}
		}
		ss.first = false
	}
	body, bad := act(ss.ctx, ss)
	if bad != nil {
		return ss.refuse(q, bad)
	}
	if !ss.ending { // else it is counted and the session is over
		ss.mgmt.Count(mgmt.SessionCounters{InRPCs: 1})
	}
	if err := ss.answer(q, body); err != nil {
		return err
	}
	if f := ss.afterwards; f != nil {
		ss.afterwards = nil
		f()
	}
	return nil
}

// broken reports whether the stream is unusable: the connection failed or the
// framing is wrong (RFC 6242, 4.2).
func broken(err error) bool {
	if err == nil {
		return false
	}
	var x *xmlstream.Error
	if errors.As(err, &x) {
		return x.Kind == xmlstream.IO
	}
	var f *framing.Error
	return errors.As(err, &f)
}

// malformed says that a message is not XML as it must be. The framing tells where
// it ends, so that the session goes on.
type malformed struct{ error }

// read reads the whole message and returns what to do.
func (q *request) read() (action, error) {
	t, err := q.r.Next()
	if err != nil {
		return nil, xmlFault(err)
	}
	if t.Kind != xmlstream.Start || t.Name != base("rpc") {
		return nil, malformed{fmt.Errorf("cannot use this message: it is <%s> and not an rpc of %s", t.Name.Local, nsBase)}
	}
	q.open = append(q.open, t.Name.Local)
	id := false
	for _, a := range t.Attrs {
		q.attrs = append(q.attrs, attr{a.Prefix, a.Name.Space, a.Name.Local, string(a.Value)})
		id = id || a.Name == xmlstream.Name{Local: "message-id"}
	}
	q.declarations()
	if !id {
		// RFC 6241, 4.1: message-id is mandatory.
		return nil, mgmterr.New(mgmterr.MissingAttribute, "", "cannot answer an rpc without message-id").OfType(mgmterr.RPC).
			WithInfo("bad-attribute", "message-id").WithInfo("bad-element", "rpc")
	}
	t, err = q.element()
	if err != nil {
		return nil, err
	}
	if t.Kind != xmlstream.Start {
		return nil, mgmterr.New(mgmterr.MissingElement, "", "cannot answer an rpc without an operation").OfType(mgmterr.RPC).
			WithInfo("bad-element", "rpc")
	}
	q.op = t.Name
	op := q.ss.server.ops[t.Name]
	if op == nil {
		if rpc := q.schema().RPC(t.Name.Space, t.Name.Local); rpc != nil {
			op = &operation{name: t.Name, parse: func(q *request) (action, error) { return parseRPC(q, rpc) }}
		} else {
			return nil, q.unknownOperation(t.Name)
		}
	}
	if op.module != "" {
		if err := q.ss.mgmt.MayExec(op.module, op.name.Local); err != nil {
			return nil, err
		}
	}
	act, err := op.parse(q)
	if err != nil {
		return nil, xmlFault(err)
	}
	return act, q.end()
}

// head remembers the beginning of a message, as far as <rpc> may reach.
type head struct {
	src  io.Reader
	seen []byte
}

const headSize = 4 << 10

func (h *head) Read(p []byte) (int, error) {
	n, err := h.src.Read(p)
	if room := headSize - len(h.seen); room > 0 {
		h.seen = append(h.seen, p[:min(n, room)]...)
	}
	return n, err
}

// declarations finds the prefixes that <rpc> declares: RFC 6241, 4.1 counts xmlns
// among the attributes that are given back, and the reader does not. The reader
// says what they mean; all that is looked for is their names.
func (q *request) declarations() {
	tag := q.ss.head.seen
	tag = tag[:min(int64(len(tag)), q.r.Position().Offset)]
	const xmlns = "xmlns:"
	for {
		i := bytes.Index(tag, []byte(xmlns))
		if i < 0 {
			return
		}
		tag = tag[i+len(xmlns):]
		end := bytes.IndexAny(tag, "= \t\r\n")
		if end < 0 {
			return
		}
		d := declaration{prefix: string(tag[:end])}
		var ok bool
		if d.uri, ok = q.r.Lookup(d.prefix); ok && !slices.Contains(q.declared, d) {
			q.declared = append(q.declared, d)
		}
	}
}

func (q *request) unknownOperation(n xmlstream.Name) error {
	if q.schema().ByNamespace(n.Space) == nil && n.Space != nsBase {
		return mgmterr.New(mgmterr.UnknownNamespace, "", "cannot run %s: no module has the namespace %q", n.Local, n.Space).
			OfType(mgmterr.Protocol).WithInfo("bad-element", n.Local).WithInfo("bad-namespace", n.Space)
	}
	return mgmterr.New(mgmterr.OperationNotSupported, "", "cannot run %s: this server does not offer it", n.Local).OfType(mgmterr.Protocol)
}

// end reads to the end of the message: an rpc has one operation.
func (q *request) end() error {
	for {
		t, err := q.r.Next()
		if err != nil {
			return xmlFault(err)
		}
		switch {
		case t.Kind == xmlstream.EOF:
			return nil
		case t.Kind == xmlstream.Start:
			return mgmterr.New(mgmterr.UnknownElement, "", "cannot use <%s> here: an rpc has one operation", t.Name.Local).
				OfType(mgmterr.RPC).WithInfo("bad-element", t.Name.Local)
		case t.Kind == xmlstream.Text && !t.White:
			return q.strayText(1)
		}
	}
}

// element reads on to a Start or End.
func (q *request) element() (*xmlstream.Token, error) {
	for {
		t, err := q.r.Next()
		if err != nil {
			return nil, xmlFault(err)
		}
		depth := q.r.Depth()
		switch t.Kind {
		case xmlstream.Start:
			q.open = append(q.open[:min(len(q.open), depth-1)], t.Name.Local)
			return t, nil
		case xmlstream.Text:
			if !t.White {
				return nil, q.strayText(depth)
			}
		default:
			return t, nil
		}
	}
}

// strayText is the error for text in the element at a depth.
func (q *request) strayText(depth int) error {
	in := "rpc"
	if depth > 0 && depth <= len(q.open) {
		in = q.open[depth-1]
	}
	return mgmterr.New(mgmterr.BadElement, "", "cannot use text in <%s>: only elements belong there", in).
		OfType(mgmterr.Protocol).WithInfo("bad-element", in)
}

// params reads the parameters of an operation: f is called at the Start of each,
// which must be named in known and come once, or be named with a star; it reads to its
// End. One of another namespace than the operation's is named with it.
func (q *request) params(op string, known map[string]func() error) error {
	space := q.op.Space
	seen := make(map[string]bool)
	for {
		t, err := q.element()
		if err != nil {
			return err
		}
		if t.Kind != xmlstream.Start {
			return nil
		}
		name := t.Name
		known := func(suffix string) func() error {
			if name.Space == space {
				return known[name.Local+suffix]
			}
			return known[name.Space+" "+name.Local+suffix]
		}
		f := known("")
		if f == nil {
			if f = known("*"); f != nil {
				delete(seen, name.Local)
			}
		}
		switch {
		case name.Space != space && q.schema().ByNamespace(name.Space) == nil && name.Space != nsBase:
			return mgmterr.New(mgmterr.UnknownNamespace, "", "cannot use <%s> in %s: no module has the namespace %q", name.Local, op, name.Space).
				OfType(mgmterr.Protocol).WithInfo("bad-element", name.Local).WithInfo("bad-namespace", name.Space)
		case f == nil:
			return mgmterr.New(mgmterr.UnknownElement, "", "cannot use <%s> in %s", name.Local, op).
				OfType(mgmterr.Protocol).WithInfo("bad-element", name.Local)
		case seen[name.Local]:
			return mgmterr.New(mgmterr.BadElement, "", "cannot use <%s> twice in %s", name.Local, op).
				OfType(mgmterr.Protocol).WithInfo("bad-element", name.Local)
		}
		seen[name.Local] = true
		q.tok = t
		if err := f(); err != nil {
			return err
		}
	}
}

// missing is the error for a parameter that must be there.
func missing(op, name string) error {
	return mgmterr.New(mgmterr.MissingElement, "", "cannot run %s without <%s>", op, name).
		OfType(mgmterr.Protocol).WithInfo("bad-element", name)
}

// datastore reads a parameter that names a datastore by an empty element.
func (q *request) datastore(into *mgmt.Datastore) func() error {
	return q.oneOf("datastore", func(t *xmlstream.Token) (err error) {
		*into, err = q.store(t)
		return err
	})
}

// oneOf reads a parameter with one element in it, which f is called for and reads.
func (q *request) oneOf(what string, f func(t *xmlstream.Token) error) func() error {
	return func() error {
		t, err := q.element()
		if err != nil {
			return err
		}
		if t.Kind != xmlstream.Start {
			return mgmterr.New(mgmterr.MissingElement, "", "cannot tell which %s is meant", what).OfType(mgmterr.Protocol).WithInfo("bad-element", string(mgmt.Running))
		}
		q.tok = t
		if err := f(t); err != nil {
			return err
		}
		t, err = q.element()
		if err == nil && t.Kind == xmlstream.Start {
			err = mgmterr.New(mgmterr.BadElement, "", "cannot use two elements where one names a %s", what).OfType(mgmterr.Protocol).WithInfo("bad-element", t.Name.Local)
		}
		return err
	}
}

// store is the datastore that an empty element names.
func (q *request) store(t *xmlstream.Token) (mgmt.Datastore, error) {
	ds := mgmt.Datastore(t.Name.Local)
	switch {
	case t.Name == nmda("datastore"): // RFC 8526, 3.2
		if err := q.identity(&ds)(); err != nil {
			return "", err
		}
		if q.writable(ds) {
			return ds, nil
		}
		return "", noStore(ds)
	case t.Name.Space != nsBase:
	case q.writable(ds):
		return ds, q.r.Skip()
	case ds == mgmt.Startup, ds == "url": // of capabilities that this server does not have
		return "", mgmterr.New(mgmterr.OperationNotSupported, "", "cannot use %s: this server has running and candidate", ds).OfType(mgmterr.Protocol)
	}
	return "", mgmterr.New(mgmterr.BadElement, "", "cannot use <%s> as a datastore: this server has running and candidate", ds).
		OfType(mgmterr.Protocol).WithInfo("bad-element", t.Name.Local)
}

// text reads a parameter that is a word.
func (q *request) text(into *string) func() error {
	return func() error {
		b, err := q.r.Text()
		*into = strings.Trim(string(b), " \t\r\n")
		return err
	}
}

// xmlFault sorts an error of the XML reader: a limit is too-big, the rest is a
// malformed message.
func xmlFault(err error) error {
	var x *xmlstream.Error
	if !errors.As(err, &x) || x.Kind == xmlstream.IO {
		return err
	}
	switch x.Kind {
	case xmlstream.Limit:
		return mgmterr.New(mgmterr.TooBig, "", "cannot take this message: %s", x.Message).OfType(mgmterr.RPC)
	case xmlstream.Content:
		return mgmterr.New(mgmterr.BadElement, "", "cannot use an element where text is expected").OfType(mgmterr.Protocol)
	}
	return malformed{x}
}
