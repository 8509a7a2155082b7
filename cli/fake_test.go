// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// table is a daemon whose schema is a table and whose data are keys of lists:
// enough for words, paths, completion and help. What it is asked to do it logs.
type table struct {
	nodes map[string][]Schema // children by schema path
	keys  map[string][][]string
	there map[string]bool
	text  string
	log   []string
	next  int64
	fail  map[string]error // by the first words of a log line
	not   []string         // commands that are neither offered nor may be run
}

func (f *table) did(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	f.log = append(f.log, line)
	for prefix, err := range f.fail {
		if strings.HasPrefix(line, prefix) {
			return err
		}
	}
	return nil
}

func (f *table) Begin(_ context.Context, datastore string, rw bool) (int64, error) {
	f.next++
	return f.next, f.did("Begin %s %v", datastore, rw)
}
func (f *table) Exists(_ context.Context, _ int64, path string) (bool, error) {
	return f.there[path], nil
}
func (f *table) Show(_ context.Context, _ int64, path, format string, w io.Writer) error {
	if err := f.did("Show %s %s", path, format); err != nil {
		return err
	}
	_, err := io.WriteString(w, f.text)
	return err
}
func (f *table) Keys(_ context.Context, _ int64, path, prefix string, _ []string, limit int) (found [][]string, more bool, err error) {
	for _, e := range f.keys[path] {
		if strings.HasPrefix(e[0], prefix) {
			if len(found) == limit {
				return found, true, nil
			}
			found = append(found, e)
		}
	}
	return found, false, nil
}
func (f *table) Set(_ context.Context, _ int64, path string, value *string) error {
	if value == nil {
		return f.did("Set %s", path)
	}
	return f.did("Set %s = %q", path, *value)
}
func (f *table) Create(_ context.Context, _ int64, path string) error {
	return f.did("Create %s", path)
}
func (f *table) Delete(_ context.Context, _ int64, path string) error {
	return f.did("Delete %s", path)
}
func (f *table) Move(_ context.Context, _ int64, path, where string, anchor *string) error {
	if anchor == nil {
		return f.did("Move %s %s", path, where)
	}
	return f.did("Move %s %s %s", path, where, *anchor)
}
func (f *table) Load(_ context.Context, _ int64, format, operation, text string) error {
	return f.did("Load %s %s %d bytes", format, operation, len(text))
}
func (f *table) Diff(_ context.Context, _ int64, format string, w io.Writer) error {
	changed := slices.ContainsFunc(f.log, func(l string) bool {
		return strings.HasPrefix(l, "Set") || strings.HasPrefix(l, "Create") || strings.HasPrefix(l, "Delete")
	})
	if changed {
		_, _ = io.WriteString(w, "the difference in "+format+"\n")
	}
	return nil
}
func (f *table) Revert(context.Context, int64) error   { return f.did("Revert") }
func (f *table) Validate(context.Context, int64) error { return f.did("Validate") }
func (f *table) Commands(_ context.Context, commands []string) (all []CommandAccess, _ error) {
	for _, c := range commands {
		ok := !slices.Contains(f.not, c)
		all = append(all, CommandAccess{ok, ok})
	}
	return all, nil
}
func (f *table) Commit(_ context.Context, _ int64, label, comment *string, force bool) (int64, error) {
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	if force {
		return 7, f.did("Commit force label %s comment %s", text(label), text(comment))
	}
	return 7, f.did("Commit label %s comment %s", text(label), text(comment))
}
func (f *table) Abort(context.Context, int64) error { return nil }
func (f *table) Invoke(_ context.Context, path string, _ []edit, _ string) (string, error) {
	return "", f.did("Invoke %s", path)
}
func (f *table) Describe(_ context.Context, path string) (n *Schema, nodes, operations []Schema, err error) {
	children, ok := f.nodes[path]
	if ok {
		return &Schema{Name: path}, children, nil, nil
	}
	i := strings.LastIndexByte(path, '/')
	parent := path[:max(i, 0)]
	for _, s := range f.nodes[parent] {
		if s.Name == path[i+1:] {
			return &s, nil, nil, nil
		}
	}
	return nil, nil, nil, Failures{{Tag: "unknown-element", Message: "cannot describe " + path}}
}
func (f *table) Sessions(context.Context) ([]SessionInfo, error) {
	return []SessionInfo{{ID: 3, User: "ann", Transport: "ipc", Source: "pid 7", Since: "2024-01-01T00:00:00Z"}}, nil
}
func (f *table) Status(context.Context) (*Status, error) {
	return &Status{Version: "1", PID: 2, UID: 3, Started: "2024-01-01T00:00:00Z", UptimeSeconds: 3700,
		Doors: []Door{{"ipc", "/run/x", 1}, {"netconf-tcp", "127.0.0.1:2023", 0}}, Sessions: 1, Revision: 9,
		Modules: []Module{{"a", "", true}, {"b", "", false}}, Resident: 21e6}, nil
}

// newTable is a small network: interfaces, an ordered list, a state container.
func newTable() *table {
	const ifs = "/if:interfaces/interface"
	leaf := func(name, typ, typeText string, more ...func(*Schema)) Schema {
		s := Schema{Name: name, Module: "if", Kind: "leaf", Config: true, Type: typ, TypeText: typeText}
		for _, m := range more {
			m(&s)
		}
		return s
	}
	key := func(s *Schema) { s.IsKey, s.Mandatory = true, true }
	state := func(s *Schema) { s.Config = false }
	values := func(v ...string) func(*Schema) { return func(s *Schema) { s.Values = v } }
	described := func(text string) func(*Schema) { return func(s *Schema) { s.Description = text } }
	in := func(module string) func(*Schema) { return func(s *Schema) { s.Module = module } }
	kind := func(k string) func(*Schema) { return func(s *Schema) { s.Kind = k } }
	return &table{
		nodes: map[string][]Schema{
			"/": {
				{Name: "interfaces", Module: "if", Kind: "container", Config: true, Description: "Interface parameters. More text."},
				{Name: "rules", Module: "acl", Kind: "container", Config: true},
				{Name: "system", Module: "sys", Kind: "container", Config: true},
				{Name: "system", Module: "other", Kind: "container", Config: true},
				{Name: "sessions-state", Module: "st", Kind: "container", Config: false},
				{Name: "flag", Module: "sys", Kind: "container", Config: true, Presence: true},
			},
			"/if:interfaces": {{Name: "interface", Module: "if", Kind: "list", Config: true, Keys: []string{"name"}}},
			ifs: {
				leaf("name", "string", "string, 1..15 characters", key),
				leaf("type", "identityref", "identity", values("iana:ethernetCsmacd", "iana:tunnel", "x:tunnel"),
					func(s *Schema) { s.Mandatory = true }, described("The type of the interface")),
				leaf("mtu", "uint16", "uint16, 68..max", func(s *Schema) { s.Units, s.Defaults = "octets", []string{"1500"} }),
				leaf("enabled", "boolean", "boolean", values("true", "false"), func(s *Schema) { s.Defaults = []string{"true"} }),
				leaf("description", "string", "string"),
				leaf("oper-status", "enumeration", "up, down", state),
				leaf("tag", "string", "string", kind("leaf-list")),
				leaf("passive", "empty", "empty"),
				leaf("parent", "leafref", "leafref", func(s *Schema) { s.Leafref = ifs + "/name" }),
				{Name: "ipv4", Module: "ip", Kind: "container", Config: true, Presence: true},
				{Name: "blob", Module: "if", Kind: "anydata", Config: true},
			},
			ifs + "/ip:ipv4": {{Name: "address", Module: "ip", Kind: "list", Config: true, Keys: []string{"ip"}}},
			ifs + "/ip:ipv4/address": {
				leaf("ip", "string", "ipv4-address", key, in("ip")),
				leaf("prefix-length", "uint8", "uint8, 0..32", in("ip")),
			},
			"/acl:rules": {
				{Name: "rule", Module: "acl", Kind: "list", Config: true, Keys: []string{"proto", "port"}, OrderedByUser: true},
				{Name: "server", Module: "acl", Kind: "leaf-list", Config: true, OrderedByUser: true, Type: "string"},
			},
			"/acl:rules/rule": {
				leaf("proto", "enumeration", "tcp, udp", key, values("tcp", "udp"), in("acl")),
				leaf("port", "uint16", "uint16", key, in("acl")),
				leaf("action", "enumeration", "permit, deny", values("permit", "deny"), in("acl")),
			},
			"/sys:system":            {leaf("host-name", "string", "string", in("sys"))},
			"/other:system":          {leaf("x", "string", "string", in("other"))},
			"/st:sessions-state":     {{Name: "row", Module: "st", Kind: "list"}},
			"/st:sessions-state/row": {leaf("v", "int32", "int32", state, in("st"))},
			"/sys:flag":              {},
		},
		keys: map[string][][]string{
			ifs:               {{"eth0"}, {"eth1"}, {"lo 0"}},
			"/acl:rules/rule": {{"tcp", "22"}, {"tcp", "80"}, {"udp", "53"}},
		},
		there: map[string]bool{ifs + "[name='eth0']": true},
		text:  "interface eth0 {\n    mtu 1500;\n}\ninterface eth1 {\n    enabled false;\n}\n",
		fail: map[string]error{
			`Set /if:interfaces/interface[name='eth0']/mtu = "1"`: Failures{{Tag: "invalid-value",
				Message: "cannot use 1: expected 68..max", Path: ptr(ifs + "[name='eth0']/mtu")}},
		},
	}
}

func ptr(s string) *string { return &s }
