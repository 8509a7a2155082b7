// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
)

const flatModule = `module flat { namespace "urn:nso:test:bigtree"; prefix f;
	container table { list entry { key name; leaf name { type string; } leaf value { type string; } } } }`

// model is the schema, and the nodes in it that are measured.
type model struct {
	schema                                       *yang.Schema
	interfaces, list, name, description, enabled *yang.Node
	ipv4, mtu                                    *yang.Node
	table, entry                                 *yang.Node
}

// newModel compiles the interfaces and addresses of RFC 8343 and RFC 8344 with a
// flat list beside them.
func newModel() (*model, error) {
	var src compile.Sources
	if err := src.AddText("flat.yang", []byte(flatModule)); err != nil {
		return nil, err
	}
	if err := src.AddFS(builtin.FS()); err != nil {
		return nil, err
	}
	s, _, err := compile.Compile(&src, compile.Options{Implement: []string{"flat", "iana-if-type", "ietf-interfaces", "ietf-ip"}})
	if err != nil {
		return nil, err
	}
	m := &model{schema: s, interfaces: s.Root.Child("ietf-interfaces", "interfaces"), table: s.Root.Child("flat", "table")}
	m.list = m.interfaces.Child("", "interface")
	m.name, m.description, m.enabled = m.list.Child("", "name"), m.list.Child("", "description"), m.list.Child("", "enabled")
	m.ipv4 = m.list.Child("ietf-ip", "ipv4")
	m.mtu = m.ipv4.Child("", "mtu")
	m.entry = m.table.Child("", "entry")
	return m, nil
}

func ifName(i int) string { return "eth" + strconv.Itoa(i) }

// filler puts data in and keeps the first mistake.
type filler struct {
	*tree.Builder
	err error
}

func (f *filler) leaf(s *yang.Node, v string) {
	if err := f.Leaf(s, v); f.err == nil {
		f.err = err
	}
}

func (f *filler) close() {
	if err := f.Close(); f.err == nil {
		f.err = err
	}
}

func (f *filler) done() (*tree.Node, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Done()
}

// leavesEach is how many leaves an interface has.
const leavesEach = 8

// fill makes n interfaces of leavesEach leaves.
func (m *model) fill(n int) (*tree.Node, error) {
	f := &filler{Builder: tree.NewBuilder(m.schema.Root)}
	typ := m.list.Child("", "type")
	on, address := m.ipv4.Child("", "enabled"), m.ipv4.Child("", "address")
	ip, length := address.Child("", "ip"), address.Child("", "prefix-length")
	f.Open(m.interfaces)
	for i := range n {
		f.Open(m.list)
		f.leaf(m.name, ifName(i))
		f.leaf(m.description, "port "+strconv.Itoa(i))
		f.leaf(typ, "iana-if-type:ethernetCsmacd")
		f.leaf(m.enabled, "true")
		f.Open(m.ipv4)
		f.leaf(on, "true")
		f.leaf(m.mtu, "1500")
		f.Open(address)
		f.leaf(ip, fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255))
		f.leaf(length, "24")
		f.close()
		f.close()
		f.close()
	}
	f.close()
	return f.done()
}

// fillFlat makes n entries of two short strings.
func (m *model) fillFlat(n int) (*tree.Node, error) {
	f := &filler{Builder: tree.NewBuilder(m.schema.Root)}
	f.Open(m.table)
	for i := range n {
		f.Open(m.entry)
		f.leaf(m.entry.Child("", "name"), fmt.Sprintf("n%08d", i))
		f.leaf(m.entry.Child("", "value"), "value "+strconv.Itoa(i))
		f.close()
	}
	f.close()
	return f.done()
}

// path is that of a leaf of an interface.
func (m *model) path(i int, leaf *yang.Node) tree.Path {
	p := tree.Path{{Schema: m.interfaces}, {Schema: m.list, Key: tree.MakeKey(m.list, ifName(i)), HasKey: true}}
	if leaf.DataParent == m.ipv4 {
		p = append(p, tree.Step{Schema: m.ipv4})
	}
	return append(p, tree.Step{Schema: leaf})
}
