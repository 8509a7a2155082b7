// SPDX-License-Identifier: Apache-2.0

// Package builtin offers the standard YANG modules the server itself needs
// and the models it is shown with, as text, so that a daemon without a model
// directory still has a schema.
//
// It imports only the standard library, reads no file outside the binary, and
// neither parses nor compiles: the modules go through the same parser, compiler
// and limits as anyone's.
//
// Invariants:
//  1. A module here has the same name, namespace, prefix, revisions and schema
//     as the published edition, deprecated and obsolete nodes included; what it
//     leaves out are the statements that RFC 7950 makes optional and that carry
//     prose only: description, reference, organization and contact (RFC 7950,
//     7.1.7, 7.1.8, 7.21.3, 7.21.4). The text of a presence statement is ours;
//     that of an error-message is the published one, since clients see it
//     (RFC 7950, 7.5.4.1).
//  2. The file of a module is called NAME@REVISION.yang (RFC 7950, 5.2) and
//     REVISION is the newest revision in it. There is one file a name.
//  3. The set is closed: what a module here imports is here as well.
//  4. List is sorted by name and holds text of its own on every call: a caller
//     may change what it is given.
//
// A module of the same name and revision in the load path wins over one from
// here; that choice is the loader's, not this package's.
//
// RFCs, by module: 9911 (ietf-yang-types, ietf-inet-types), 6241 (ietf-netconf),
// 8341 (ietf-netconf-acm), 6022 (ietf-netconf-monitoring),
// 5277 (notifications, nc-notifications: the RFC has XML schemas only),
// 6243 (ietf-netconf-with-defaults), 6470 (ietf-netconf-notifications),
// 8525 (ietf-yang-library), 8342 (ietf-datastores, ietf-origin),
// 8526 (ietf-netconf-nmda), 7952 (ietf-yang-metadata),
// 8791 (ietf-yang-structure-ext), 8639 (ietf-subscribed-notifications),
// 8641 (ietf-yang-push), 8072 (ietf-yang-patch), 8040 (ietf-restconf),
// 8529 (ietf-network-instance), 8528 (ietf-yang-schema-mount), 7317 (ietf-system, iana-crypt-hash),
// 8343 (ietf-interfaces), 8344 (ietf-ip), 7224 (iana-if-type, kept by IANA).
package builtin

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

// modules is fixed when the program is built.
//
//go:embed modules/*.yang
var modules embed.FS

// Source is the text of one module.
type Source struct {
	Name     string // module name, as "ietf-interfaces"
	Revision string // its newest revision, as "2018-02-20"
	Text     []byte // YANG, UTF-8
}

// FileName is the name RFC 7950, 5.2 gives the file of the module, and the
// name of its file in FS.
func (s Source) FileName() string { return s.Name + "@" + s.Revision + ".yang" }

// FS offers the modules as files NAME@REVISION.yang, without folders.
func FS() fs.FS {
	sub, err := fs.Sub(modules, "modules")
	if err != nil { // only for an invalid name, and "modules" is none
		return embed.FS{}
	}
	return sub
}

// List offers the modules sorted by name.
func List() []Source {
	fsys := FS()
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil { // what is embedded can be read
		return nil
	}
	list := make([]Source, 0, len(entries))
	for _, e := range entries {
		name, revision, ok := strings.Cut(strings.TrimSuffix(e.Name(), ".yang"), "@")
		if !ok {
			continue
		}
		text, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			continue
		}
		list = append(list, Source{Name: name, Revision: revision, Text: text})
	}
	// By file name ietf-netconf@... comes behind ietf-netconf-acm@...
	slices.SortFunc(list, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return list
}
