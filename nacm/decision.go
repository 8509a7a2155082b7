// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"strconv"

	"nso.example/nso/yang"
)

// Decision is the answer to one question, and what decided it.
type Decision struct {
	Permit     bool
	List, Rule string // the rule that decided; "" if none did
	By         string // what decided, in words, the rule included
}

// reason is what decided: a rule, a mark in the schema, or what words say.
type reason struct {
	rule  *rule
	mark  *yang.Node
	words string
}

// Why what has no rule was decided.
const (
	byDisabled    = "enable-nacm is false"
	byRecovery    = "the session is a recovery session"
	byReadDefault = "read-default"
	byWriteDeflt  = "write-default"
	byExecDefault = "exec-default"
	byCommands    = "cmd-exec-default"
	byAlways      = "the protocol permits it to everybody (RFC 8341, 3.4.4 and 3.4.6)"
	byNamed       = "no rule names it (RFC 8341, 3.4.4, step 11)"
	byNoModule    = "the daemon has no module " + module
)

func (r reason) String() string {
	switch {
	case r.rule != nil:
		return "rule " + strconv.Quote(r.rule.name) + " of rule-list " + strconv.Quote(r.rule.list)
	case r.mark != nil && r.mark.DefaultDenyAll:
		return "default-deny-all of " + r.mark.Path() + " in its model"
	case r.mark != nil:
		return "default-deny-write of " + r.mark.Path() + " in its model"
	}
	return r.words
}

func (r reason) decision(permit bool) Decision {
	d := Decision{Permit: permit, By: r.String()}
	if r.rule != nil {
		d.List, d.Rule = r.rule.list, r.rule.name
	}
	return d
}
