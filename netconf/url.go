// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"io"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/netconf/files"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
)

// url reads a <url> (RFC 6241, 8.8): file:///NAME is an entry that the user has put
// aside. No file of the system can be named.
func (q *request) url() (string, error) {
	var text string
	if err := q.text(&text)(); err != nil {
		return "", err
	}
	if q.ss.server.opts.Files == nil {
		return "", mgmterr.New(mgmterr.OperationNotSupported, "", "cannot use a url: this server does not offer it").OfType(mgmterr.Protocol)
	}
	return files.Name(text)
}

// load reads the <config> of an entry as an edit.
func (ss *session) load(name string, op tree.Op) (*tree.Edit, error) {
	f, err := ss.server.opts.Files.Read(ss.mgmt.Actor().User, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := xmlstream.NewReader(f, xmlstream.Limits{Size: ss.server.opts.MessageSize})
	t, err := r.Next()
	if err != nil {
		return nil, inFile(name, err)
	}
	if t.Kind != xmlstream.Start || t.Name != base("config") {
		return nil, mgmterr.New(mgmterr.BadElement, "", "cannot use file:///%s: it is no <config>", name).OfType(mgmterr.Protocol).WithInfo("bad-element", t.Name.Local)
	}
	edit, err := xmlenc.DecodeConfig(r, ss.mgmt.Schema(), xmlenc.ConfigOptions{DefaultOperation: op})
	if err != nil {
		return nil, inFile(name, err)
	}
	return edit, nil
}

// inFile is an error of the XML of an entry, which is no matter of the message.
func inFile(name string, err error) error {
	if l := mgmterr.Of(err); l != nil {
		return l
	}
	return mgmterr.New(mgmterr.OperationFailed, "", "cannot use file:///%s: it is not the XML that it must be", name).WithCause(err)
}

// save makes an entry of a tree.
func (ss *session) save(name string, root *tree.Node) error {
	return ss.server.opts.Files.Write(ss.mgmt.Actor().User, name, func(to io.Writer) error {
		w := xmlstream.NewWriter(to)
		w.Declaration()
		w.Start(nsBase, "config")
		if err := xmlenc.Encode(w, root, xmlenc.Options{ConfigOnly: true, Modules: ss.mgmt.Schema().Module}); err != nil {
			return err
		}
		w.End()
		return w.Flush()
	})
}
