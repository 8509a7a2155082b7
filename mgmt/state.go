// SPDX-License-Identifier: Apache-2.0

package mgmt

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

// part makes the tree below one top-level node.
func (s *Server) part(top *yang.Node, fill func(build)) *tree.Node {
	root := &tree.Edit{Schema: s.schema.Root}
	build{root}.add(tree.Edit{Schema: top}, fill)
	n, err := tree.Apply(tree.New(s.schema.Root), root, nil)
	if err != nil {
		s.log.Error("internal error: cannot build state", "err", err, "op", top.Name)
		return nil
	}
	return n
}

// addOwnState registers the state that the server itself has: RFC 6022, RFC 8341
// and RFC 8525.
func (s *Server) addOwnState() {
	if top := s.schema.Root.Child("ietf-netconf-acm", "nacm"); top != nil {
		s.AddState(top, func() *tree.Node {
			return s.part(top, func(b build) {
				b.number("denied-operations", s.deniedOps.Load())
				b.number("denied-data-writes", s.deniedWrites.Load())
				b.number("denied-notifications", 0)
			})
		})
	}
	if top := s.schema.Root.Child("ietf-netconf-monitoring", "netconf-state"); top != nil {
		s.AddState(top, func() *tree.Node { return s.monitoring(top) })
	}
	for name, fill := range map[string]func(build){"yang-library": s.library, "modules-state": s.modulesState} {
		if top := s.schema.Root.Child("ietf-yang-library", name); top != nil {
			whole := s.part(top, fill) // does not change while the daemon runs
			s.AddState(top, func() *tree.Node { return whole })
		}
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// monitoring is /netconf-state (RFC 6022, 2.1), without the capabilities, which
// the NETCONF room knows.
func (s *Server) monitoring(top *yang.Node) *tree.Node {
	sessions := s.List()
	st := s.Status()
	s.mu.Lock()
	locked, holder := s.lockTime[Running], s.locks[Running]
	s.mu.Unlock()
	return s.part(top, func(b build) {
		b.container("datastores", func(b build) {
			b.entry("datastore", func(b build) {
				if holder == nil {
					return
				}
				b.container("locks", func(b build) {
					b.container("global-lock", func(b build) {
						b.number("locked-by-session", holder.id)
						b.leaf("locked-time", stamp(locked))
					})
				})
			}, string(Running))
		})
		b.container("schemas", func(b build) {
			for _, m := range s.schema.Modules {
				b.schema(m.Name, m.Revision, m.Namespace)
				for _, sub := range m.Submodules {
					b.schema(sub.Name, sub.Revision, m.Namespace)
				}
			}
		})
		b.container("sessions", func(b build) {
			for _, i := range sessions {
				b.entry("session", func(b build) {
					b.leaf("transport", transport(i.Transport))
					b.leaf("username", i.User)
					b.leaf("source-host", i.Host())
					b.leaf("login-time", stamp(i.Since))
					b.number("in-rpcs", i.Counters.InRPCs)
					b.number("in-bad-rpcs", i.Counters.InBadRPCs)
					b.number("out-rpc-errors", i.Counters.OutRPCErrors)
					b.number("out-notifications", 0)
				}, strconv.FormatUint(uint64(i.ID), 10))
			}
		})
		b.container("statistics", func(b build) {
			b.leaf("netconf-start-time", stamp(st.Start))
			b.number("in-bad-hellos", st.Counters.BadHellos)
			b.number("in-sessions", st.Counters.InSessions)
			b.number("dropped-sessions", st.Counters.DroppedSessions)
			b.number("in-rpcs", st.RPCs.InRPCs)
			b.number("in-bad-rpcs", st.RPCs.InBadRPCs)
			b.number("out-rpc-errors", st.RPCs.OutRPCErrors)
			b.number("out-notifications", 0)
		})
	})
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
		b.leaf("location", "NETCONF") // RFC 6022, 2.1.4: by get-schema
	}, name, revision, "ietf-netconf-monitoring:yang")
}

// library is /yang-library (RFC 8525, 3): one schema for both datastores.
func (s *Server) library(b build) {
	const set, schema = "complete", "complete"
	b.entry("module-set", func(b build) {
		for _, m := range s.schema.Modules {
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
	for _, ds := range []Datastore{Running, Operational} {
		b.entry("datastore", func(b build) { b.leaf("schema", schema) }, "ietf-datastores:"+string(ds))
	}
	b.leaf("content-id", s.ContentID())
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

// modulesState is /modules-state (RFC 7895), for clients that know no newer.
func (s *Server) modulesState(b build) {
	b.leaf("module-set-id", s.ContentID())
	for _, m := range s.schema.Modules {
		b.entry("module", func(b build) {
			b.leaf("namespace", m.Namespace)
			for _, f := range m.Features {
				b.leaf("feature", f)
			}
			for _, sub := range m.Submodules {
				b.entry("submodule", func(build) {}, sub.Name, sub.Revision)
			}
			for _, d := range m.Deviations {
				if by := s.schema.Module(d); by != nil {
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
func (s *Server) ContentID() string {
	h := fnv.New64a()
	for _, m := range s.schema.Modules {
		fmt.Fprintln(h, m.Name, m.Revision, m.Implemented, m.Features, m.Deviations)
		for _, sub := range m.Submodules {
			fmt.Fprintln(h, sub.Name, sub.Revision)
		}
	}
	return strconv.FormatUint(h.Sum64(), 16)
}
