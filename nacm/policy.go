// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

const module = "ietf-netconf-acm"

// AdminGroup is the group whose members steer the daemon.
const AdminGroup = "nso-admin"

// ops is a set of access operations (RFC 8341, access-operations-type).
type ops uint8

const (
	opCreate ops = 1 << iota
	opRead
	opUpdate
	opDelete
	opExec
	opAll = opCreate | opRead | opUpdate | opDelete | opExec
)

// rule is one entry of rule-list/rule.
type rule struct {
	module string // "*" is every module
	// At most one of the three is set: the choice rule-type.
	rpc, notification string
	path              []step
	everywhere        bool // path "/"
	hasPath           bool
	ops               ops
	permit            bool
}

type ruleList struct {
	groups map[string]bool
	all    bool // group "*"
	rules  []rule
}

// Policy is the access control that one /nacm container lays down.
type Policy struct {
	schema                             *yang.Schema
	enabled, external                  bool
	readPermit, writePermit, execPermt bool
	groups                             map[string][]string // user to groups
	lists                              []ruleList
	mistakes                           []Mistake

	mu    sync.Mutex
	views map[string]*View // by groups: what was asked for lately
}

// maxViews bounds Policy.views.
const maxViews = 1024

// Mistake is a rule that matches nothing because its path names no node of the
// schema.
type Mistake struct {
	At   string // path of the rule's leaf
	Path string // what it says
}

// Data returns the /nacm container of root, nil if there is none: what a Policy
// depends on and nothing else.
func Data(schema *yang.Schema, root *tree.Node) *tree.Node {
	n := schema.Root.Child(module, "nacm")
	if n == nil {
		return nil
	}
	return root.Container(n)
}

// Compile makes the policy of root. Without the module ietf-netconf-acm in the
// schema everything is denied.
func Compile(schema *yang.Schema, root *tree.Node) *Policy {
	p := &Policy{schema: schema, enabled: true, external: true, groups: make(map[string][]string)}
	top := schema.Root.Child(module, "nacm")
	if top == nil {
		return p
	}
	d := reader{node: root.Container(top), schema: top}
	p.enabled = d.leaf("enable-nacm") != "false"
	p.external = d.leaf("enable-external-groups") != "false"
	p.readPermit = d.leaf("read-default") == "permit"
	p.writePermit = d.leaf("write-default") == "permit"
	p.execPermt = d.leaf("exec-default") == "permit"
	for g := range d.container("groups").entries("group") {
		name := g.leaf("name")
		for user := range g.leafList("user-name") {
			p.groups[user] = append(p.groups[user], name)
		}
	}
	for l := range d.entries("rule-list") {
		rl := ruleList{groups: make(map[string]bool)}
		for g := range l.leafList("group") {
			rl.groups[g] = true
			rl.all = rl.all || g == "*"
		}
		for r := range l.entries("rule") {
			if c, ok := p.rule(r); ok {
				rl.rules = append(rl.rules, c)
				continue
			}
			leaf := tree.Path{{Schema: top}, {Schema: l.schema, Key: l.node.Key(), HasKey: true},
				{Schema: r.schema, Key: r.node.Key(), HasKey: true}, {Schema: r.schema.Child(module, "path")}}
			p.mistakes = append(p.mistakes, Mistake{leaf.String(), r.leaf("path")})
		}
		p.lists = append(p.lists, rl)
	}
	return p
}

func (p *Policy) rule(r reader) (rule, bool) {
	c := rule{
		module: r.leaf("module-name"), rpc: r.leaf("rpc-name"), notification: r.leaf("notification-name"),
		permit: r.leaf("action") == "permit",
	}
	switch text := r.leaf("access-operations"); text {
	case "*":
		c.ops = opAll
	default:
		for _, bit := range strings.Fields(text) {
			c.ops |= map[string]ops{"create": opCreate, "read": opRead, "update": opUpdate, "delete": opDelete, "exec": opExec}[bit]
		}
	}
	if text := r.leaf("path"); text != "" {
		c.hasPath = true
		if text == "/" {
			c.everywhere = true
			return c, true
		}
		path, ok := parsePath(p.schema, text)
		if !ok {
			return c, false // names no node of the schema: matches nothing
		}
		c.path = path
	}
	return c, true
}

// reader reads a container by names, with the schema's defaults in use.
type reader struct {
	node   *tree.Node
	schema *yang.Node
}

func (r reader) leaf(name string) string {
	s := r.schema.Child(module, name)
	if v, ok := r.node.Leaf(s); ok {
		return v
	}
	if len(s.Defaults) > 0 {
		return s.Defaults[0]
	}
	return ""
}

func (r reader) container(name string) reader {
	s := r.schema.Child(module, name)
	return reader{r.node.Container(s), s}
}

func (r reader) entries(name string) func(func(reader) bool) {
	s := r.schema.Child(module, name)
	return func(yield func(reader) bool) {
		for e := range r.node.List(s).All() {
			if !yield(reader{e, s}) {
				return
			}
		}
	}
}

func (r reader) leafList(name string) func(func(string) bool) {
	return r.node.LeafList(r.schema.Child(module, name)).All()
}

// groupsOf is the user's groups: those of the data and, if they count, those
// that the system knows (RFC 8341, 3.4.5, step 3).
func (p *Policy) groupsOf(user string, system []string) map[string]bool {
	all := make(map[string]bool)
	for _, g := range p.groups[user] {
		all[g] = true
	}
	if p.external {
		for _, g := range system {
			all[g] = true
		}
	}
	return all
}

// Admin reports whether the user is in the group nso-admin.
func (p *Policy) Admin(user string, system []string) bool {
	return p.groupsOf(user, system)[AdminGroup]
}

// Mistakes are the rules that match nothing.
func (p *Policy) Mistakes() []Mistake { return p.mistakes }

// View is what the policy lets one user do. system are the groups that came
// with the identity.
func (p *Policy) View(user string, system []string) *View {
	groups := p.groupsOf(user, system)
	key := strings.Join(slices.Sorted(maps.Keys(groups)), "\x00")
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.views[key]
	if v == nil {
		v = p.view(groups)
		if p.views == nil || len(p.views) >= maxViews {
			p.views = make(map[string]*View)
		}
		p.views[key] = v
	}
	return v
}

func (p *Policy) view(groups map[string]bool) *View {
	v := &View{policy: p}
	if !p.enabled {
		v.open = opAll // RFC 8341, 3.4.5, step 1
		return v
	}
	if len(groups) > 0 {
		for _, l := range p.lists {
			match := l.all
			for g := range groups {
				match = match || l.groups[g]
			}
			if match {
				v.rules = append(v.rules, l.rules...)
			}
		}
	}
	v.findOpen()
	return v
}
