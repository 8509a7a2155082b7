// SPDX-License-Identifier: Apache-2.0

// Package state makes the operational state that a server has of itself: trees of
// /netconf-state, /yang-library and /modules-state.
//
// Pure: values in, trees out. It knows no session and asks nobody; mgmt hands it
// what is so.
//
// Invariants:
//  1. What the schema does not have is left out; what it has is checked by it.
//
// RFC 6022 (monitoring), RFC 8525 and RFC 7895 (YANG library).
package state

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// build makes a part of a tree by names: state is data like any other and is
// checked by the schema when it is applied.
type build struct{ edit *tree.Edit }

func (b build) child(name string) *yang.Node {
	return b.edit.Schema.Child("", name)
}

// Leaf gives a leaf, or adds to a leaf-list. A node that the schema lacks, or an
// empty value, is left out.
func (b build) leaf(name, value string) {
	if c := b.child(name); c != nil && value != "" {
		b.edit.Children = append(b.edit.Children, tree.Edit{Schema: c, Value: value})
	}
}

func (b build) number(name string, v uint32) { b.leaf(name, strconv.FormatUint(uint64(v), 10)) }

func (b build) container(name string, fill func(build)) {
	if c := b.child(name); c != nil {
		b.add(tree.Edit{Schema: c}, fill)
	}
}

func (b build) entry(name string, fill func(build), keys ...string) {
	if c := b.child(name); c != nil {
		b.add(tree.Edit{Schema: c, Key: tree.MakeKey(c, keys...)}, fill)
	}
}

func (b build) add(e tree.Edit, fill func(build)) {
	fill(build{&e})
	b.edit.Children = append(b.edit.Children, e)
}

// part makes the tree below one top-level node; nil if the schema has no such node.
func part(schema *yang.Schema, module, name string, fill func(build)) (*tree.Node, error) {
	top := schema.Root.Child(module, name)
	if top == nil {
		return nil, nil
	}
	root := &tree.Edit{Schema: schema.Root}
	build{root}.add(tree.Edit{Schema: top}, fill)
	return tree.Apply(tree.New(schema.Root), root, nil)
}

// AccessControl counts what access control has denied (RFC 8341, 3.5.1).
type AccessControl struct{ Operations, Writes, Notifications uint32 }

// Tree is /nacm with the counters.
func (a AccessControl) Tree(schema *yang.Schema) (*tree.Node, error) {
	return part(schema, "ietf-netconf-acm", "nacm", func(b build) {
		b.number("denied-operations", a.Operations)
		b.number("denied-data-writes", a.Writes)
		b.number("denied-notifications", a.Notifications)
	})
}

// Counters are those of a session, or of all (RFC 6022, 2.1.4 and 2.1.5).
type Counters struct{ InRPCs, InBadRPCs, OutRPCErrors, OutNotifications uint32 }

// Add sums up.
func (sum *Counters) Add(c Counters) {
	sum.InRPCs += c.InRPCs
	sum.InBadRPCs += c.InBadRPCs
	sum.OutRPCErrors += c.OutRPCErrors
	sum.OutNotifications += c.OutNotifications
}

// Session is one of /netconf-state/sessions.
type Session struct {
	ID                    uint32
	Transport, User, Host string
	Login                 time.Time
	Counters              Counters
}

// Datastore is one of /netconf-state/datastores; Holder of its lock is 0 for none.
type Datastore struct {
	Name   string
	Holder uint32
	Locked time.Time
	Parts  []Part
}

// Part is a partial lock (RFC 5717); Nodes are instance-identifiers.
type Part struct {
	ID, Holder    uint32
	Locked        time.Time
	Select, Nodes []string
}

// Monitoring is what /netconf-state tells (RFC 6022, 2.1), but the capabilities,
// which the NETCONF room knows.
type Monitoring struct {
	Datastores                     []Datastore
	Sessions                       []Session
	Start                          time.Time
	BadHellos, InSessions, Dropped uint32
	Counters                       Counters // over all sessions
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// Tree is /netconf-state.
func (m Monitoring) Tree(schema *yang.Schema) (*tree.Node, error) {
	return part(schema, "ietf-netconf-monitoring", "netconf-state", func(b build) {
		b.container("datastores", func(b build) {
			for _, d := range m.Datastores {
				b.entry("datastore", func(b build) {
					if d.Holder == 0 && len(d.Parts) == 0 {
						return
					}
					b.container("locks", func(b build) {
						for _, p := range d.Parts {
							b.entry("partial-lock", func(b build) {
								b.lock(p.Holder, p.Locked)
								b.leaves("select", p.Select)
								b.leaves("locked-node", p.Nodes)
							}, strconv.FormatUint(uint64(p.ID), 10))
						}
						if d.Holder != 0 {
							b.container("global-lock", func(b build) { b.lock(d.Holder, d.Locked) })
						}
					})
				}, d.Name)
			}
		})
		b.container("schemas", func(b build) {
			for _, m := range schema.Modules {
				b.schema(m.Name, m.Revision, m.Namespace)
				for _, sub := range m.Submodules {
					b.schema(sub.Name, sub.Revision, m.Namespace)
				}
			}
		})
		b.container("sessions", func(b build) {
			for _, s := range m.Sessions {
				b.entry("session", func(b build) {
					b.leaf("transport", transport(s.Transport))
					b.leaf("username", s.User)
					b.leaf("source-host", s.Host)
					b.leaf("login-time", stamp(s.Login))
					b.counters(s.Counters)
				}, strconv.FormatUint(uint64(s.ID), 10))
			}
		})
		b.container("statistics", func(b build) {
			b.leaf("netconf-start-time", stamp(m.Start))
			b.number("in-bad-hellos", m.BadHellos)
			b.number("in-sessions", m.InSessions)
			b.number("dropped-sessions", m.Dropped)
			b.counters(m.Counters)
		})
	})
}

func (b build) lock(holder uint32, since time.Time) {
	b.number("locked-by-session", holder)
	b.leaf("locked-time", stamp(since))
}

// leaves is a leaf-list.
func (b build) leaves(name string, values []string) {
	for _, v := range values {
		b.leaf(name, v)
	}
}

// Streams is /netconf/streams (RFC 5277, 3.2.5): there is one, with the time that its log
// was made and that of the last event that has left it, if one has.
func Streams(schema *yang.Schema, created, aged time.Time) (*tree.Node, error) {
	return part(schema, "nc-notifications", "netconf", func(b build) {
		b.container("streams", func(b build) {
			b.entry("stream", func(b build) {
				b.leaf("description", "what happens in the server (RFC 6470)")
				b.leaf("replaySupport", "true")
				b.leaf("replayLogCreationTime", stamp(created))
				if !aged.IsZero() {
					b.leaf("replayLogAgedTime", stamp(aged))
				}
			}, "NETCONF")
		})
	})
}

func (b build) counters(c Counters) {
	b.number("in-rpcs", c.InRPCs)
	b.number("in-bad-rpcs", c.InBadRPCs)
	b.number("out-rpc-errors", c.OutRPCErrors)
	b.number("out-notifications", c.OutNotifications)
}

// transport is the identity of a transport: the published ones are of RFC 6022,
// the others ours.
func transport(name string) string {
	if name == "netconf-ssh" || name == "netconf-tls" {
		return "ietf-netconf-monitoring:" + name
	}
	return "nso-transports:" + name
}

func (b build) schema(name, revision, namespace string) {
	b.entry("schema", func(b build) {
		b.leaf("namespace", namespace)
		b.leaf("location", "NETCONF") // RFC 6022, 2.1.3: by get-schema
	}, name, revision, "ietf-netconf-monitoring:yang")
}

// Library is /yang-library (RFC 8525, 3): one schema for all datastores.
func Library(schema *yang.Schema, datastores ...string) (*tree.Node, error) {
	return part(schema, "ietf-yang-library", "yang-library", func(b build) { b.library(schema, datastores) })
}

func (b build) library(s *yang.Schema, datastores []string) {
	const set, schema = "complete", "complete"
	b.entry("module-set", func(b build) {
		for _, m := range s.Modules {
			if m.Implemented {
				b.entry("module", func(b build) {
					b.module(m)
					for _, f := range m.Features {
						b.leaf("feature", f)
					}
					for _, d := range m.Deviations {
						b.leaf("deviation", d)
					}
				}, m.Name)
			} else {
				b.entry("import-only-module", func(b build) { b.module(m) }, m.Name, m.Revision)
			}
		}
	}, set)
	b.entry("schema", func(b build) { b.leaf("module-set", set) }, schema)
	for _, ds := range datastores {
		module := "ietf-datastores:"
		if ds == "factory-default" { // RFC 8808, 3
			if module = "ietf-factory-default:"; s.Module("ietf-factory-default") == nil {
				continue
			}
		}
		b.entry("datastore", func(b build) { b.leaf("schema", schema) }, module+ds)
	}
	b.leaf("content-id", ContentID(s))
}

// module fills what module and import-only-module share.
func (b build) module(m *yang.Module) {
	if m.Implemented {
		b.leaf("revision", m.Revision)
	}
	b.leaf("namespace", m.Namespace)
	for _, sub := range m.Submodules {
		b.entry("submodule", func(b build) { b.leaf("revision", sub.Revision) }, sub.Name)
	}
}

// ModulesState is /modules-state (RFC 7895), for clients that know no newer.
func ModulesState(schema *yang.Schema) (*tree.Node, error) {
	return part(schema, "ietf-yang-library", "modules-state", func(b build) { b.modulesState(schema) })
}

func (b build) modulesState(s *yang.Schema) {
	b.leaf("module-set-id", ContentID(s))
	for _, m := range s.Modules {
		b.entry("module", func(b build) {
			b.leaf("namespace", m.Namespace)
			for _, f := range m.Features {
				b.leaf("feature", f)
			}
			for _, sub := range m.Submodules {
				b.entry("submodule", func(build) {}, sub.Name, sub.Revision)
			}
			for _, d := range m.Deviations {
				if by := s.Module(d); by != nil {
					b.entry("deviation", func(build) {}, by.Name, by.Revision)
				}
			}
			conformance := "import"
			if m.Implemented {
				conformance = "implement"
			}
			b.leaf("conformance-type", conformance)
		}, m.Name, m.Revision)
	}
}

// ContentID changes when the set of modules does (RFC 8525, 3).
func ContentID(s *yang.Schema) string {
	h := fnv.New64a()
	for _, m := range s.Modules {
		fmt.Fprintln(h, m.Name, m.Revision, m.Implemented, m.Features, m.Deviations)
		for _, sub := range m.Submodules {
			fmt.Fprintln(h, sub.Name, sub.Revision)
		}
	}
	return strconv.FormatUint(h.Sum64(), 16)
}
