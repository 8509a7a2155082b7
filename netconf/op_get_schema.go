// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
)

// parseGetSchema is <get-schema> (RFC 6022, 3.1).
func parseGetSchema(q *request) (action, error) {
	var identifier, version, format string
	err := q.params("get-schema", map[string]func() error{
		"identifier": q.text(&identifier), "version": q.text(&version), "format": q.text(&format),
	})
	if err != nil {
		return nil, err
	}
	if identifier == "" {
		return nil, missing("get-schema", "identifier")
	}
	// The prefix of the format is not looked at: there is one format.
	if format != "" && format != "yang" && !hasSuffixName(format, "yang") {
		return nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot give the schema as %.40q: the format is yang", format)
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		var found [][]byte
		for _, m := range ss.mgmt.Schema().Modules {
			if m.Name == identifier && (version == "" || m.Revision == version) {
				found = append(found, m.Source)
			}
			for _, sub := range m.Submodules {
				if sub.Name == identifier && (version == "" || sub.Revision == version) {
					found = append(found, sub.Source)
				}
			}
		}
		switch {
		case len(found) == 0:
			return nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot give the schema %.80q: there is none of that name and version", identifier)
		case len(found) > 1:
			// RFC 6022, 3.1
			return nil, mgmterr.New(mgmterr.OperationFailed, "", "cannot give the schema %s: there are several revisions; name one", identifier).
				WithAppTag("data-not-unique")
		}
		return func(w *xmlstream.Writer) error {
			w.Start(nsMonitoring, "data")
			w.TextBytes(found[0])
			w.End()
			return w.Err()
		}, nil
	}, nil
}

// hasSuffixName reports whether text is a name with a prefix.
func hasSuffixName(text, name string) bool {
	n := len(text) - len(name)
	return n > 1 && text[n-1] == ':' && text[n:] == name
}
