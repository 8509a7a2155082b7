// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const wordTo = "to"

// rename gives a list entry other keys. What refers to it is left as it is: commit says
// what does.
func (sh *Shell) rename(ctx context.Context, in *invocation) error {
	from, to, err := sh.twoEntries(ctx, in)
	if err != nil {
		return err
	}
	if err := sh.duplicate(ctx, from, to); err != nil {
		return blame(err, in.args, to.path, in.args[len(in.args)-1])
	}
	if from.node.OrderedByUser {
		err = sh.agent.Move(ctx, sh.th, to.path, "before", &from.path)
	}
	if err == nil {
		err = sh.agent.Delete(ctx, sh.th, from.path)
	}
	if err != nil {
		// Nothing was renamed, then: that there are two of them nobody asked for.
		return errors.Join(err, sh.agent.Delete(ctx, sh.th, to.path))
	}
	return nil
}

// copyEntry makes another entry of a list, like one that is there.
func (sh *Shell) copyEntry(ctx context.Context, in *invocation) error {
	from, to, err := sh.twoEntries(ctx, in)
	if err != nil {
		return err
	}
	err = sh.duplicate(ctx, from, to)
	return blame(err, in.args, to.path, in.args[len(in.args)-1])
}

// twoEntries reads PATH KEY... to KEY...
func (sh *Shell) twoEntries(ctx context.Context, in *invocation) (from, to *place, err error) {
	r, rest, err := sh.entryBefore(ctx, in.args, toCopy, []string{wordTo})
	if err != nil {
		return nil, nil, err
	}
	if err := r.finish(ctx, in.end); err != nil {
		return nil, nil, err
	}
	if !r.at.node.isList() {
		return nil, nil, at(in.args[0].start, r.last.end, "cannot do this with "+quote(r.at.node.label)+": it is no entry of a list")
	}
	if len(rest) == 0 {
		return nil, nil, at(in.end, in.end+1, "cannot go on without the other keys", wordTo)
	}
	if to, err = sh.anchor(r, rest[1:], in.end); err != nil {
		return nil, nil, err
	}
	there, err := sh.agent.Exists(ctx, sh.th, r.at.path)
	if err == nil && !there {
		return nil, nil, at(in.args[0].start, r.last.end, "cannot find "+r.at.String()+": it does not exist")
	}
	if err != nil {
		return nil, nil, err
	}
	if there, err = sh.agent.Exists(ctx, sh.th, to.path); err == nil && there {
		return nil, nil, at(rest[1].start, in.end, "cannot make "+to.String()+": it exists already; delete it first")
	}
	return r.at, to, err
}

// duplicate loads what is at from once more, with the keys of to.
func (sh *Shell) duplicate(ctx context.Context, from, to *place) error {
	var text bytes.Buffer
	if err := sh.agent.Show(ctx, sh.th, from.path, "json", &text); err != nil {
		return err
	}
	d := json.NewDecoder(&text)
	d.UseNumber()
	var root map[string]any
	if err := d.Decode(&root); err != nil {
		return fmt.Errorf("cannot understand the daemon: %w", err)
	}
	entry := member(root, from)
	if entry == nil {
		return errors.New("cannot read " + from.String() + ": access control hides it, or somebody has deleted it")
	}
	for i, key := range from.node.Keys {
		entry[key] = likeBefore(entry[key], to.keys[i])
	}
	whole, err := json.Marshal(root)
	if err != nil {
		return fmt.Errorf("cannot copy %s: %w", from, err)
	}
	sh.dirty = true
	return sh.agent.Load(ctx, sh.th, "json", "merge", string(whole))
}

// member finds what is at p in the object of the root, in which there is nothing else
// (RFC 7951, 5).
func member(root map[string]any, p *place) map[string]any {
	object := root
	if p.up != nil {
		if object = member(root, p.up); object == nil {
			return nil
		}
	}
	if p.node.isRoot() {
		return object
	}
	switch v := object[p.node.step()].(type) {
	case map[string]any:
		return v
	case []any:
		if len(v) == 1 {
			entry, _ := v[0].(map[string]any)
			return entry
		}
	}
	return nil
}

// likeBefore is a key's value in JSON, of the kind that another value of it had: a number
// has no quotes, but for those of 64 bits (RFC 7951, 6).
func likeBefore(before any, text string) any {
	switch before.(type) {
	case json.Number:
		if json.Valid([]byte(text)) && strings.Trim(text, "-0123456789") == "" {
			return json.Number(text)
		}
	case bool:
		if text == "true" || text == "false" {
			return text == "true"
		}
	}
	return text
}

func (sh *Shell) completeTwoEntries(ctx context.Context, words []word, c *Completion) error {
	r, rest, err := sh.entryBefore(ctx, words, toCopy, []string{wordTo})
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		given := len(rest) - 1
		if given < len(r.keyName) {
			key := r.keyName[given]
			for _, v := range shortValues(key) {
				c.offer(v, "")
			}
			c.hint("<"+key.label+">", helpWithType(&key.Schema))
			return nil
		}
		c.hint(enter, "run this")
		return nil
	}
	if r.done {
		c.offer(wordTo, "the keys of the other entry")
	}
	r.done = false
	return sh.completeNext(ctx, r, c)
}
