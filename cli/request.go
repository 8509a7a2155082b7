// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"slices"
	"strings"
)

// asking is a request as far as its words were read: the way to the node that has the
// action, the rpc or action, and what is put in.
type asking struct {
	way   *resolver
	op    *node
	path  string // instance of op
	input *resolver
	given bool // something is put in
}

// readRequest reads the words after request.
func (sh *Shell) readRequest(ctx context.Context, words []word) (*asking, error) {
	a := &asking{way: newResolver(sh.schemas, sh.top(), toRequest)}
	for _, w := range words {
		if a.op != nil {
			a.given = true
			if err := a.input.read(ctx, w); err != nil {
				return a, err
			}
			continue
		}
		if a.way.next == expectChild && !w.quoted {
			if err := a.named(ctx, w); err != nil || a.op != nil {
				if err != nil {
					return a, err
				}
				continue
			}
		}
		if err := a.way.read(ctx, w); err != nil {
			return a, err
		}
	}
	return a, nil
}

// named looks for the rpc or action that a word means. A node further down is meant where
// the word says that better.
func (a *asking) named(ctx context.Context, w word) error {
	s := a.way.schemas
	ops, err := s.operationsOf(ctx, a.way.at.node)
	if err != nil {
		return err
	}
	nodes, err := a.way.offered(ctx)
	if err != nil {
		return err
	}
	op, near := find(ops, w.text)
	further, alike := find(nodes, w.text)
	exact := func(n *node) bool { return n != nil && (n.label == w.text || n.Module+":"+n.Name == w.text) }
	switch {
	case op == nil && len(near) == 0, exact(further) && !exact(op):
		return nil
	case exact(op):
	case further != nil || len(alike) > 0 || op == nil:
		if further != nil {
			alike = append(alike, further)
		}
		if op != nil {
			near = append(near, op)
		}
		return at(w.start, w.end, "cannot tell which "+shown(w)+" is meant", labels(append(slices.Clone(near), alike...))...)
	}
	a.op, a.path = op, strings.TrimSuffix(a.way.at.path, "/")+"/"+op.step()
	a.input = newResolver(s, &place{node: op, path: "/"}, toSet)
	a.input.done = true
	return nil
}

// request does an rpc of a model, or an action of a node.
func (sh *Shell) request(ctx context.Context, in *invocation) error {
	a, err := sh.readRequest(ctx, in.args)
	switch {
	case err != nil:
		return err
	case a.op == nil && a.way.next == expectKey:
		return a.way.finish(ctx, in.end)
	case a.op == nil:
		var c Completion
		if err := sh.completeRequest(ctx, in.args, &c); err != nil {
			return err
		}
		var names []string
		for _, o := range c.Candidates {
			names = append(names, o.Text)
		}
		if len(names) == 0 {
			return at(in.end, in.end+1, "cannot request anything here: nothing does an rpc or action of the models on this system")
		}
		return at(in.end, in.end+1, "cannot go on without the name of an rpc or action", names...)
	}
	if a.given {
		if err := a.input.finish(ctx, in.end); err != nil {
			return err
		}
	}
	text, err := sh.agent.Invoke(ctx, a.path, a.input.edits, in.format("curly"))
	if err != nil {
		return err
	}
	_, err = io.WriteString(in.out, text)
	return err
}

func (sh *Shell) completeRequest(ctx context.Context, words []word, c *Completion) error {
	a, err := sh.readRequest(ctx, words)
	switch {
	case err != nil:
		return err
	case a.op != nil:
		return sh.completeNext(ctx, a.input, c)
	case a.way.next == expectKey:
		return sh.completeKey(ctx, a.way, c)
	}
	ops, err := sh.schemas.operationsOf(ctx, a.way.at.node)
	if err != nil {
		return err
	}
	nodes, err := a.way.offered(ctx)
	if err != nil {
		return err
	}
	for _, n := range append(slices.Clone(ops), nodes...) {
		if n.Operates {
			c.Candidates = append(c.Candidates, Candidate{Text: n.label, Help: helpOf(&n.Schema), Mark: markOf(n)})
		}
	}
	return nil
}

// operationsOf are the rpcs or actions of a node.
func (s *schemas) operationsOf(ctx context.Context, n *node) ([]*node, error) {
	_, err := s.childrenOf(ctx, n)
	return n.operations, err
}

// Invoke does an rpc or action; settings are its input, by their paths in it.
func (r *Remote) Invoke(ctx context.Context, path string, settings []edit, format string) (string, error) {
	in := params{"path": path, "format": format}
	if len(settings) > 0 {
		all := make([]params, len(settings))
		for i, s := range settings {
			all[i] = params{"path": s.path}
			if s.value != nil {
				all[i]["value"] = *s.value
			}
		}
		in["settings"] = all
	}
	var out struct {
		Output string `json:"output"`
	}
	err := r.call(ctx, maapiDot+"Invoke", in, &out)
	return out.Output, err
}
