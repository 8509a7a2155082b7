// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
)

const (
	nsDatastores = "urn:ietf:params:xml:ns:yang:ietf-datastores"
	nsOrigin     = "urn:ietf:params:xml:ns:yang:ietf-origin"
	intended     = "intended" // here always what running is (RFC 8342, 5.1.4)
)

// parseGetData is <get-data> (RFC 8526, 3.1.1).
func parseGetData(q *request) (action, error) {
	var r reading
	filters := 0
	once := func(f func() error) func() error {
		return func() error {
			if filters++; filters > 1 {
				return mgmterr.New(mgmterr.BadElement, "", "cannot use two filters at once").OfType(mgmterr.Protocol).WithInfo("bad-element", q.token().Name.Local)
			}
			return f()
		}
	}
	origin := func(negated bool) func() error {
		return func() error {
			if r.only.origins != nil && r.only.negated != negated {
				return mgmterr.New(mgmterr.BadElement, "", "cannot use both origin-filter and negated-origin-filter").OfType(mgmterr.Protocol)
			}
			name, err := q.identityOf(nsOrigin)
			if err != nil {
				return err
			}
			if r.only.origins == nil {
				r.only.origins, r.only.negated = make(map[string]bool), negated
			}
			if len(r.only.origins) < 100 {
				r.only.origins[name] = true
			}
			if name == "origin" { // the base of all
				r.only.origins[originDefault], r.only.origins[originIntended] = true, true
			}
			return nil
		}
	}
	err := q.params("get-data", map[string]func() error{
		"datastore": q.identity(&r.store),
		"subtree-filter": once(func() (err error) {
			r.filter, err = q.subtree()
			return err
		}),
		"xpath-filter": once(func() error {
			text, err := q.r.Text()
			if err != nil {
				return err
			}
			r.filter, err = q.xpath(string(text))
			return err
		}),
		"config-filter":          q.configFilter(&r.only),
		"origin-filter*":         origin(false),
		"negated-origin-filter*": origin(true),
		"max-depth":              q.depth(&r.depth),
		"with-origin":            q.empty(&r.origin),
		"with-defaults":          q.defaults(&r.defaults),
	})
	switch {
	case err != nil:
		return nil, err
	case r.store == "":
		return nil, missing("get-data", "datastore")
	case r.store == intended:
		r.store = mgmt.Running
	case r.store == mgmt.Operational && r.defaults == "":
		r.defaults = reportAll // RFC 8342, 5.3: all that is in use
	}
	if r.store != mgmt.Operational && (r.only.byOrigin() || r.origin) {
		// RFC 8526, 3.1.1: "when" of the parameters.
		return nil, mgmterr.New(mgmterr.UnknownElement, "", "cannot tell origins in %s: only operational has them", r.store).
			OfType(mgmterr.Protocol).WithInfo("bad-element", "with-origin")
	}
	return r.action(nsNMDA), nil
}

func (q *request) configFilter(into *only) func() error {
	return func() error {
		var text string
		if err := q.text(&text)(); err != nil {
			return err
		}
		switch text {
		case "true":
			into.config = true
		case "false":
			into.state = true
		default:
			return mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.20q as config-filter: it is true or false", text).
				OfType(mgmterr.Protocol).WithInfo("bad-element", "config-filter")
		}
		return nil
	}
}

func (q *request) depth(into *int) func() error {
	return func() error {
		var text string
		if err := q.text(&text)(); err != nil || text == "unbounded" {
			return err
		}
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.20q as max-depth: it is 1..65535 or unbounded", text).
				OfType(mgmterr.Protocol).WithInfo("bad-element", "max-depth")
		}
		*into = int(n)
		return nil
	}
}

// identity reads the name of a datastore (RFC 8342, 7).
func (q *request) identity(into *mgmt.Datastore) func() error {
	return func() error {
		space, name, err := q.identityName(nsDatastores, nsFactory)
		if err != nil {
			return err
		}
		*into = mgmt.Datastore(name)
		switch {
		case *into == mgmt.Factory && space == nsFactory: // RFC 8808, 3
			return nil
		case space != nsDatastores:
		case q.writable(*into), *into == mgmt.Operational, *into == intended:
			return nil
		}
		return noStore(*into)
	}
}

// writable reports whether a datastore is there and can be written.
func (q *request) writable(ds mgmt.Datastore) bool {
	return ds == mgmt.Running || ds == mgmt.Candidate || ds == mgmt.Startup && q.ss.server.mgmt.HasStartup()
}

func noStore(ds mgmt.Datastore) error {
	return mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.80q as a datastore here", ds).OfType(mgmterr.Protocol).WithInfo("bad-element", "datastore")
}

// identityOf reads a prefixed name whose namespace must be the one.
func (q *request) identityOf(space string) (string, error) {
	_, name, err := q.identityName(space)
	return name, err
}

// identityName is identityOf for one of several namespaces.
func (q *request) identityName(spaces ...string) (space, name string, err error) {
	element := q.token().Name.Local
	var text string
	if err := q.text(&text)(); err != nil {
		return "", "", err
	}
	prefix, name, ok := strings.Cut(text, ":")
	if !ok {
		prefix, name = "", text
	}
	uri, known := q.r.Lookup(prefix)
	if !known || !slices.Contains(spaces, uri) {
		return "", "", mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.80q as %s: it names nothing of the namespace %s", text, element, spaces[0]).
			OfType(mgmterr.Protocol).WithInfo("bad-element", element)
	}
	return uri, name, nil
}

// parseEditData is <edit-data> (RFC 8526, 3.1.2).
func parseEditData(q *request) (action, error) {
	var target mgmt.Datastore
	var edit *tree.Edit
	op, url := "merge", ""
	late := false
	err := q.params("edit-data", map[string]func() error{
		"datastore": q.identity(&target),
		"default-operation": func() error {
			late = edit != nil
			return q.word(&op, "default-operation", "merge", "replace", "none")
		},
		"config": func() (err error) {
			edit, err = xmlenc.DecodeConfig(q.r, q.schema(), xmlenc.ConfigOptions{DefaultOperation: operationOf(op)})
			return err
		},
		"url": func() (err error) {
			url, err = q.url()
			return err
		},
	})
	switch {
	case err != nil:
		return nil, err
	case target == "":
		return nil, missing("edit-data", "datastore")
	case edit == nil && url == "":
		return nil, missing("edit-data", "config")
	case edit != nil && url != "":
		return nil, mgmterr.New(mgmterr.BadElement, "", "cannot use both <config> and <url>").OfType(mgmterr.Protocol).WithInfo("bad-element", "url")
	case !q.writable(target):
		// RFC 8526, 3.1.2: a datastore that cannot be written.
		return nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot edit %s: it is read only", target).OfType(mgmterr.Protocol).WithInfo("bad-element", "datastore")
	case late && op != "merge":
		return nil, mgmterr.New(mgmterr.BadElement, "", "cannot use <default-operation> after <config>: put it before").
			OfType(mgmterr.Protocol).WithInfo("bad-element", "default-operation")
	}
	return func(ctx context.Context, ss *session) (_ func(*xmlstream.Writer) error, err error) {
		if url != "" {
			if edit, err = ss.load(url, operationOf(op)); err != nil {
				return nil, err
			}
		}
		return nil, ss.edit(ctx, target, edit, "", "rollback-on-error")
	}, nil
}
