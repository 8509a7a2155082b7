// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Daemon is who asks where nobody has: for what validates commits.
const Daemon = "nso"

// Form is how a program is told of an input, or tells an output.
type Form string

// The forms.
const (
	None Form = "none" // not at all
	JSON Form = "json" // RFC 7951
	XML  Form = "xml"
)

// Named stands in operations for those whose model names the rule.
const Named = "*"

// How long what validates a commit may take: everybody waits for it.
const (
	DefaultValidation = 20 * time.Second
	MaxValidation     = 45 * time.Second
)

// What may be in ipc, beside names of methods.
const (
	Reads  = "read"
	Writes = "write"
)

const (
	maxPaths = 64
	maxPath  = 1024
)

// Serves are the keys of a rule for what is no command.
type Serves struct {
	Operations    []string // rpcs and actions that it does, as schema paths; Named
	Input, Output Form     // of these
	Validate      []string // schema paths below which it validates commits
	IPC           []string // what may be called on the connection that it is given; nil: it has none
}

// Command reports whether the rule is for people to run.
func (r *Rule) Command() bool { return len(r.Operations)+len(r.Validate) == 0 }

type writtenServes struct {
	Operations    []string
	Input, Output string
	Validate      []string
	IPC           []string `toml:"ipc"`
}

func (p *parser) serves(r *Rule, w *written) {
	r.Serves = Serves{w.Operations, Form(cmp.Or(w.Input, string(None))), Form(cmp.Or(w.Output, string(JSON))), w.Validate, w.IPC}
	for _, l := range []struct {
		key   string
		paths []string
	}{{"operations", r.Operations}, {"validate", r.Validate}} {
		if len(l.paths) > maxPaths {
			p.say([]string{l.key}, "cannot use the rule: %s has more than %d paths", l.key, maxPaths)
		}
		for _, path := range l.paths {
			if path != Named && !schemaPath(path) || path == Named && l.key == "validate" {
				p.say([]string{l.key}, "cannot use %q in %s: it is no path of a schema, as /module:name/name is", path, l.key)
			}
		}
	}
	for _, f := range []struct{ key, word string }{{"input", w.Input}, {"output", w.Output}} {
		key, word := f.key, f.word
		switch {
		case word == "":
		case len(r.Operations) == 0:
			p.say([]string{key}, "cannot use %s without operations, whose %[1]s it is", key)
		case !slices.Contains([]Form{None, JSON, XML}, Form(word)):
			p.say([]string{key}, "cannot use the %s %q: there are none, json, xml", key, word)
		}
	}
	for _, word := range r.IPC {
		if word != Reads && word != Writes && !method(word) {
			p.say([]string{"ipc"}, "cannot use %q in ipc: it is \"read\", \"write\", or the name of a method as org.nso.Maapi.Invoke", word)
		}
	}
	switch {
	case r.Command():
	case r.Terminal:
		p.say([]string{"terminal"}, "cannot use a terminal: what does operations or validates has none")
	case len(r.Operations) > 0 && len(r.Validate) > 0:
		p.say([]string{"validate"}, "cannot do operations and validate by one rule: write two")
	}
	if len(r.Validate) == 0 {
		return
	}
	if r.RunAs == Caller {
		p.say([]string{"run-as"}, "cannot run as the caller: what validates has none; name an account, as nso-cmd")
	}
	if r.IPC != nil {
		p.say([]string{"ipc"}, "cannot give what validates a connection: the commit that it would ask about waits for it")
	}
	for _, n := range r.Names() {
		if a := r.Argument[n]; a.Default == nil && !a.Optional {
			p.say([]string{"argument", n}, "cannot use the argument %s without default: what validates is given none", n)
		}
	}
	if w.Deadline == "" {
		r.Deadline = DefaultValidation
	} else if r.Deadline > MaxValidation {
		p.say([]string{"deadline"}, "cannot use the deadline %q: everybody waits for what validates; it is at most %v", w.Deadline, MaxValidation)
	}
	if len(r.Users)+len(r.Groups) > 0 {
		p.say([]string{"users"}, "cannot use users and groups: nobody runs what validates")
	}
}

// schemaPath reports whether a text can be the path of a schema node.
func schemaPath(s string) bool {
	if len(s) > maxPath || !strings.HasPrefix(s, "/") {
		return false
	}
	first, _, _ := strings.Cut(s[1:], "/")
	if !strings.Contains(first, ":") {
		return false
	}
	for step := range strings.SplitSeq(s[1:], "/") {
		if step == "" || strings.Trim(step, ":") != step || strings.Count(step, ":") > 1 || strings.ContainsFunc(step, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.:", r)
		}) {
			return false
		}
	}
	return true
}

// method reports whether a word can be the name of a method.
func method(s string) bool {
	i := strings.LastIndexByte(s, '.')
	return strings.HasPrefix(s, "org.") && i > 4 && i < len(s)-1 && s[i+1] >= 'A' && s[i+1] <= 'Z' && len(s) < maxNames
}

// MayCall reports whether the connection that the rule gives may call a method with
// these parameters, which are a JSON object.
func (r *Rule) MayCall(method string, parameters []byte) error {
	if slices.Contains(r.IPC, method) {
		return nil
	}
	const maapi = "org.nso.Maapi."
	name, ours := strings.CutPrefix(method, maapi)
	reads, writes := slices.Contains(r.IPC, Reads), slices.Contains(r.IPC, Writes)
	switch {
	case method == "org.varlink.service.GetInfo", method == "org.varlink.service.GetInterfaceDescription":
		return nil
	case !ours || !reads && !writes:
	case name == "OpenSession":
		var in struct {
			User     *string `json:"user"`
			Recovery *bool   `json:"recovery"`
		}
		if json.Unmarshal(parameters, &in) == nil && in.User == nil && (in.Recovery == nil || !*in.Recovery) {
			return nil
		}
	case name == "Begin":
		var in struct {
			ReadWrite bool `json:"readWrite"`
		}
		if json.Unmarshal(parameters, &in) == nil && (writes || !in.ReadWrite) {
			return nil
		}
	case slices.Contains([]string{"CloseSession", "Get", "Exists", "Show", "Keys", "Diff", "Abort", "Describe", "Commands"}, name):
		return nil
	case writes && slices.Contains([]string{"Set", "Create", "Delete", "Move", "Load", "Revert", "Validate", "Prepare", "Commit", "Lock", "Unlock"}, name):
		return nil
	}
	return fmt.Errorf("the rule %s does not let its command call %s so", r.Name, method)
}
