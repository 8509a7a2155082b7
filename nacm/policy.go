// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

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
	list, name string
	module     string // "*" is every module
	// At most one of the three is set: the choice rule-type.
	rpc, notification string
	path              []step
	everywhere        bool // path "/"
	hasPath           bool
	ops               ops
	permit            bool
}

type ruleList struct {
	name     string
	groups   map[string]bool
	all      bool // group "*"
	rules    []rule
	commands []commandRule
}

// Policy is the access control that one /nacm container lays down.
type Policy struct {
	schema                             *yang.Schema
	enabled, external                  bool
	readPermit, writePermit, execPermt bool
	commandDeny                        bool
	groups                             map[string][]string // user to groups
	lists                              []ruleList
	personal                           bool // some path has the variable USER
	mistakes                           []Mistake

	mu    sync.Mutex
	views map[string]*View // by groups, and user if personal: what was asked for lately
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
		p.commandDeny = true
		return p
	}
	d := reader{node: root.Container(top), schema: top}
	p.enabled = d.leaf("enable-nacm") != "false"
	p.external = d.leaf("enable-external-groups") != "false"
	p.readPermit = d.leaf("read-default") == "permit"
	p.writePermit = d.leaf("write-default") == "permit"
	p.execPermt = d.leaf("exec-default") == "permit"
	p.compileCommandDefault(d)
	for g := range d.container("groups").entries("group") {
		name := g.leaf("name")
		for user := range g.leafList("user-name") {
			p.groups[user] = append(p.groups[user], name)
		}
	}
	for l := range d.entries("rule-list") {
		rl := ruleList{name: l.leaf("name"), groups: make(map[string]bool), commands: compileCommands(l)}
		for g := range l.leafList("group") {
			rl.groups[g] = true
			rl.all = rl.all || g == "*"
		}
		for r := range l.entries("rule") {
			if c, ok := p.rule(r); ok {
				c.list = l.leaf("name")
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
		name: r.leaf("name"), module: r.leaf("module-name"), rpc: r.leaf("rpc-name"), notification: r.leaf("notification-name"),
		ops: parseOps(r.leaf("access-operations")), permit: r.leaf("action") == "permit",
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
		for _, s := range path {
			p.personal = p.personal || len(s.user) > 0
		}
	}
	return c, true
}

// parseOps reads a value of access-operations.
func parseOps(text string) (o ops) {
	if text == "*" {
		return opAll
	}
	for _, bit := range strings.Fields(text) {
		o |= map[string]ops{"create": opCreate, "read": opRead, "update": opUpdate, "delete": opDelete, "exec": opExec}[bit]
	}
	return o
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

// Groups are the groups that count for a user, in order: those of the data and, if
// they count, those of the system.
func (p *Policy) Groups(user string, system []string) []string {
	return slices.Sorted(maps.Keys(p.groupsOf(user, system)))
}

// Lists are the names of the rule lists that count for a user, in order.
func (p *Policy) Lists(user string, system []string) (names []string) {
	for _, l := range p.listsOf(p.groupsOf(user, system)) {
		names = append(names, l.name)
	}
	return names
}

// Enabled reports whether access control is in force, and External whether the
// groups of the system count.
func (p *Policy) Enabled() bool  { return p.enabled }
func (p *Policy) External() bool { return p.external }

// Recovery is the view of a recovery session: access control is not enforced
// (RFC 8341, 1.1 and 3.4.4, step 2).
func (p *Policy) Recovery() *View { return &View{policy: p, open: opAll, total: byRecovery} }

// View is what the policy lets one user do. system are the groups that came
// with the identity.
func (p *Policy) View(user string, system []string) *View {
	groups := p.groupsOf(user, system)
	key := strings.Join(slices.Sorted(maps.Keys(groups)), "\x00")
	if p.personal {
		key += "\x00\x00" + user
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.views[key]
	if v == nil {
		v = p.view(user, groups)
		if p.views == nil || len(p.views) >= maxViews {
			p.views = make(map[string]*View)
		}
		p.views[key] = v
	}
	return v
}

func (p *Policy) view(user string, groups map[string]bool) *View {
	v := &View{policy: p}
	if !p.enabled {
		v.open, v.total = opAll, byDisabled // RFC 8341, 3.4.5, step 1
		return v
	}
	for _, l := range p.listsOf(groups) {
		for _, r := range l.rules {
			if r.forUser(p.schema, user) {
				v.rules = append(v.rules, r)
			}
		}
		v.commands = append(v.commands, l.commands...)
	}
	v.near = make([]atomic.Pointer[[]nearRule], len(p.schema.Nodes))
	v.findOpen()
	return v
}

// listsOf are the rule lists of some of the groups. Who is in no group has none, not
// even those for every group (RFC 8341, 3.4.5, step 4).
func (p *Policy) listsOf(groups map[string]bool) (lists []*ruleList) {
	for i := range p.lists {
		l := &p.lists[i]
		match := l.all && len(groups) > 0
		for g := range groups {
			match = match || l.groups[g]
		}
		if match {
			lists = append(lists, l)
		}
	}
	return lists
}
