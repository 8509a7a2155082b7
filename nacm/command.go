// SPDX-License-Identifier: Apache-2.0

package nacm

import "strings"

// commandModule is the module of the rules about commands of a user interface.
const commandModule = "nso-access"

// commandRule is one entry of rule-list/command-rule.
type commandRule struct {
	list, name string
	context    string   // of the user interface: "cli"; "*": all
	words      []string // of the command
	further    bool     // more words may follow
	ops        ops      // opRead: it is offered; opExec: it may be run
	permit     bool
}

// compileCommandDefault reads the leaf cmd-exec-default.
func (p *Policy) compileCommandDefault(d reader) {
	if s := d.schema.Child(commandModule, "cmd-exec-default"); s != nil {
		v, _ := d.node.Leaf(s)
		p.commandDeny = v == "deny"
	}
}

func compileCommands(l reader) (rules []commandRule) {
	list := l.schema.Child(commandModule, "command-rule")
	if list == nil {
		return nil
	}
	for e := range l.node.List(list).All() {
		leaf := func(name string) string {
			s := list.Child(commandModule, name)
			if v, ok := e.Leaf(s); ok {
				return v
			}
			if len(s.Defaults) > 0 {
				return s.Defaults[0]
			}
			return ""
		}
		c := commandRule{list: l.leaf("name"), name: leaf("name"), context: leaf("context"),
			words: strings.Fields(leaf("command")), ops: parseOps(leaf("access-operations")), permit: leaf("action") == "permit"}
		if n := len(c.words); n > 0 && c.words[n-1] == "*" {
			c.words, c.further = c.words[:n-1], true
		}
		rules = append(rules, c)
	}
	return rules
}

// Command decides about a command of a user interface, as its words: whether it is
// offered and, with exec, whether it may be run. The first rule that matches decides.
// It is no border: what a command does is asked for by itself.
func (v *View) Command(context string, words []string, exec bool) Decision {
	permit, why := v.command(context, words, exec)
	return why.decision(permit)
}

// Commands is Command of each of the commands, which are given as their words with
// blanks between them: whether it is offered, and whether it may be run.
func (v *View) Commands(context string, commands []string) (offered, run []bool) {
	for _, c := range commands {
		words := strings.Fields(c)
		offered = append(offered, v.Command(context, words, false).Permit)
		run = append(run, v.Command(context, words, true).Permit)
	}
	return offered, run
}

func (v *View) command(context string, words []string, exec bool) (bool, reason) {
	if v.total != "" {
		return true, reason{words: v.total}
	}
	op := opRead
	if exec {
		op = opExec
	}
	for i := range v.commands {
		if c := &v.commands[i]; c.ops&op != 0 && (c.context == "*" || c.context == context) && c.fits(words) {
			return c.permit, reason{rule: &rule{list: c.list, name: c.name}}
		}
	}
	return !v.policy.commandDeny, reason{words: byCommands}
}

func (c *commandRule) fits(words []string) bool {
	if len(words) < len(c.words) || len(words) > len(c.words) && !c.further {
		return false
	}
	for i, w := range c.words {
		if w != words[i] {
			return false
		}
	}
	return true
}
