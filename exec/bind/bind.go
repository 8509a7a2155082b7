// SPDX-License-Identifier: Apache-2.0

// Package bind says which rule does which rpc or action of a model, or validates what,
// and turns an input into what a program is given and what it says into an output.
//
// It runs nothing and reads no files: ipc/exec has the programs run, and the nso tool
// shows what is bound.
//
// Invariants:
//  1. A program does an operation only if a rule of root's says so: by the path of the
//     operation, or by "*" where the model names the rule (nso-exec:rule). A path wins
//     over what the model says.
//  2. Two rules for one operation are none.
//  3. Nothing of an input is dropped: it has a place in the arguments, or all of it is
//     on the standard input; else the rule does not do the operation.
//  4. What a program says is data of the output, whole, or an error.
//
// RFCs: 7950 (7.14, 7.15), 7951.
package bind

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"nso.example/nso/exec/rule"
	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
)

// Module is the module whose extension "rule" names the rule that does an operation.
const Module = "nso-exec"

// MaxAnswer is how much a program may say.
const MaxAnswer = 4 << 20

// Path is the path of a node of the schema as rules have it: without choices and cases,
// which nobody sees in data.
func Path(n *yang.Node) string {
	switch n.Kind {
	case yang.KindRoot:
		return ""
	case yang.KindChoice, yang.KindCase, yang.KindInput, yang.KindOutput:
		return Path(n.Parent)
	}
	if n.Parent == nil || n.Parent.Kind == yang.KindRoot {
		return "/" + n.Module.Name + ":" + n.Name
	}
	above := n.Parent
	for above.Kind == yang.KindChoice || above.Kind == yang.KindCase {
		above = above.Parent
	}
	if above.Kind != yang.KindRoot && above.Module == n.Module {
		return Path(above) + "/" + n.Name
	}
	return Path(above) + "/" + n.Module.Name + ":" + n.Name
}

// plain is a path of a rule without the prefixes that say nothing.
func plain(path string) string {
	var b strings.Builder
	module := ""
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		prefix, name, ok := strings.Cut(step, ":")
		b.WriteByte('/')
		if ok && prefix != module {
			module = prefix
			b.WriteString(prefix + ":")
		} else if !ok {
			name = step
		}
		b.WriteString(name)
	}
	return b.String()
}

// Operation is the rpc or action that a path of a rule names, nil if there is none.
func Operation(s *yang.Schema, path string) *yang.Node {
	want := plain(path)
	for _, n := range s.Nodes {
		if (n.Kind == yang.KindRPC || n.Kind == yang.KindAction) && Path(n) == want {
			return n
		}
	}
	return nil
}

// Data is the node of the configuration that a path of a rule names, nil if there is none.
func Data(s *yang.Schema, path string) *yang.Node {
	n, module := s.Root, ""
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		prefix, name, ok := strings.Cut(step, ":")
		if ok {
			module = prefix
		} else {
			name = step
		}
		if n = n.Child(module, name); n == nil || !n.Config {
			return nil
		}
	}
	return n
}

// Wanted is the rule that the model names for an operation, "" for none.
func Wanted(operation *yang.Node) string {
	for _, e := range operation.Extensions {
		if e.Name == "rule" && e.Module.Name == Module {
			return e.Argument
		}
	}
	return ""
}

// Find is the rule that does an operation, nil if none does. The error says why what is
// bound cannot be used.
func Find(rules map[string]*rule.Rule, operation *yang.Node) (*rule.Rule, error) {
	path := Path(operation)
	var found *rule.Rule
	for _, n := range slices.Sorted(maps.Keys(rules)) {
		r := rules[n]
		if !slices.ContainsFunc(r.Operations, func(p string) bool { return p != rule.Named && plain(p) == path }) {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("the rules %s and %s both do it; neither counts", found.Name, r.Name)
		}
		found = r
	}
	if name := Wanted(operation); found == nil && name != "" {
		switch found = rules[name]; {
		case found == nil:
			return nil, fmt.Errorf("the model wants the rule %s to do it, and there is none of that name that can be used; see: nso exec check", name)
		case !slices.Contains(found.Operations, rule.Named):
			return nil, fmt.Errorf("the model wants the rule %s to do it, and that rule does not permit it: add operations = [%q]", name, path)
		}
	}
	if found == nil {
		return nil, nil
	}
	return found, Fits(found, operation)
}

// keys are those of the entries on the way to an action, by name, the innermost one's.
func keys(operation *yang.Node) map[string]bool {
	all := make(map[string]bool)
	for n := operation.Parent; n != nil; n = n.Parent {
		for _, k := range n.Keys {
			all[k.Name] = true
		}
	}
	return all
}

// Fits says why a rule cannot do an operation.
func Fits(r *rule.Rule, operation *yang.Node) error {
	in, named := operation.Input(), keys(operation)
	for _, c := range in.DataChildren {
		_, placed := r.Argument[c.Name]
		leaf := c.Kind == yang.KindLeaf || c.Kind == yang.KindLeafList
		if r.Input == rule.None && (!placed || !leaf) {
			return fmt.Errorf("the rule %s has no place for %s of its input: add the argument {%s}, or input = \"json\"", r.Name, c.Name, c.Name)
		}
		if leaf {
			named[c.Name] = true
		}
	}
	for _, n := range r.Names() {
		if a := r.Argument[n]; !named[n] && a.Default == nil && !a.Optional {
			return fmt.Errorf("the rule %s has the argument {%s}, and neither a leaf of the input nor a key of the node has that name", r.Name, n)
		}
	}
	return nil
}

// Values are those of the arguments of a rule: leafs of the input by name, else keys of
// the entries that the action is of.
func Values(r *rule.Rule, operation *yang.Node, at tree.Path, input *tree.Node) map[string][]string {
	values := make(map[string][]string)
	in := operation.Input()
	for _, n := range r.Names() {
		if v := inputValues(input, in.Child(operation.Module.Name, n)); v != nil {
			values[n] = v
			continue
		}
		if in.Child("", n) != nil { // it could have been said, and was not
			continue
		}
		for i := len(at) - 1; i >= 0 && values[n] == nil; i-- {
			for k, key := range at[i].Schema.Keys {
				if key.Name == n && at[i].HasKey {
					values[n] = []string{at[i].Key.Values(at[i].Schema)[k]}
				}
			}
		}
	}
	return values
}

func inputValues(input *tree.Node, s *yang.Node) (all []string) {
	if s == nil {
		return nil
	}
	switch s.Kind {
	case yang.KindLeaf:
		if v, ok := input.Leaf(s); ok {
			if s.Type.Base == yang.Empty {
				v = "true"
			}
			return []string{v}
		}
	case yang.KindLeafList:
		for v := range input.LeafList(s).All() {
			all = append(all, v)
		}
	}
	return all
}

// Text is an input as the program reads it: of JSON an object with what is in the input,
// of XML the element of the operation.
func Text(r *rule.Rule, s *yang.Schema, operation *yang.Node, input *tree.Node) ([]byte, error) {
	var b bytes.Buffer
	switch r.Input {
	case rule.JSON:
		err := jsonenc.Encode(&b, input, jsonenc.Options{Schema: s})
		b.WriteByte('\n')
		return b.Bytes(), err
	case rule.XML:
		w := xmlstream.NewWriter(&b)
		w.Start(operation.Module.Namespace, operation.Name)
		if err := xmlenc.Encode(w, input, xmlenc.Options{Modules: s.Module}); err != nil {
			return nil, err
		}
		w.End()
		err := w.Flush()
		b.WriteByte('\n')
		return b.Bytes(), err
	}
	return nil, nil
}

// Answer is what a program has said as the output of an operation. Of an operation that
// has no output, and of a rule that says so, it is not looked at.
func Answer(r *rule.Rule, s *yang.Schema, operation *yang.Node, said []byte) (*tree.Node, error) {
	out := operation.Output()
	if r.Output == rule.None || len(out.DataChildren) == 0 || len(bytes.TrimSpace(said)) == 0 {
		return tree.New(out), nil
	}
	if r.Output == rule.JSON {
		return jsonenc.DecodeNode(bytes.NewReader(said), s, out, jsonenc.DecodeOptions{MaxBytes: MaxAnswer})
	}
	d := xmlstream.NewBytes(said, xmlstream.Limits{})
	for {
		t, err := d.Next()
		if err != nil {
			return nil, err
		}
		if t.Kind == xmlstream.Text && t.White {
			continue
		}
		if want := (xmlstream.Name{Space: operation.Module.Namespace, Local: operation.Name}); t.Kind != xmlstream.Start || t.Name != want {
			return nil, mgmterr.New(mgmterr.UnknownElement, "", "cannot read what it says: it is not the element %s of %s", want.Local, want.Space)
		}
		break
	}
	n, err := xmlenc.DecodeNode(d, s, out, xmlenc.DecodeOptions{})
	for err == nil {
		var t *xmlstream.Token
		if t, err = d.Next(); err == nil && t.Kind == xmlstream.EOF {
			return n, nil
		}
		if err == nil && (t.Kind != xmlstream.Text || !t.White) {
			err = mgmterr.New(mgmterr.MalformedMessage, "", "cannot read what it says: something follows the element %s", operation.Name)
		}
	}
	return nil, err
}

// Mistakes are what is wrong with what rules are bound to, and with what the models want
// of rules.
func Mistakes(rules map[string]*rule.Rule, s *yang.Schema) (all []string) {
	for _, n := range slices.Sorted(maps.Keys(rules)) {
		for _, p := range rules[n].Operations {
			if p != rule.Named && Operation(s, p) == nil {
				all = append(all, fmt.Sprintf("the rule %s does nothing for %s: no model in use has that rpc or action", n, p))
			}
		}
		for _, p := range rules[n].Validate {
			if Data(s, p) == nil {
				all = append(all, fmt.Sprintf("the rule %s validates nothing at %s: no model in use has that node of the configuration", n, p))
			}
		}
	}
	for _, n := range s.Nodes {
		if n.Kind == yang.KindRPC || n.Kind == yang.KindAction {
			if _, err := Find(rules, n); err != nil {
				all = append(all, fmt.Sprintf("nothing does %s: %s", Path(n), err))
			}
		}
	}
	return all
}
