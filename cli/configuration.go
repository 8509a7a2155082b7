// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (sh *Shell) set(ctx context.Context, in *invocation) error {
	r := newResolver(sh.schemas, sh.at, toSet)
	for _, w := range in.args {
		if err := r.read(ctx, w); err != nil {
			return err
		}
	}
	if n := r.at.node; r.next == expectValue && n.Secret != "" && sh.hidden != nil {
		text, err := sh.hidden(ctx, n.label)
		if err != nil {
			return err
		}
		if n.Secret == secretHashed {
			text = "$0$" + text // in clear, to be hashed (RFC 7317, 4)
		}
		r.edits = append(r.edits, edit{path: r.at.path, value: &text, word: r.last})
		r.valueDone()
	}
	if err := r.finish(ctx, in.end); err != nil {
		return err
	}
	for _, e := range r.edits {
		if err := sh.apply(ctx, e); err != nil {
			return blame(err, in.args, e.path, e.word)
		}
	}
	return nil
}

// secretHashed marks what the daemon keeps a hash of.
const secretHashed = "hashed"

func (sh *Shell) apply(ctx context.Context, e edit) error {
	if !e.create {
		sh.dirty = true
		return sh.agent.Set(ctx, sh.th, e.path, e.value)
	}
	// To set what exists already changes nothing.
	there, err := sh.agent.Exists(ctx, sh.th, e.path)
	if err != nil || there {
		return err
	}
	sh.dirty = true
	return sh.agent.Create(ctx, sh.th, e.path)
}

// blame gives the daemon's word about one value its place in the line: that of
// the edit at path, or that of a key that it names.
func blame(err error, args []word, path string, w word) error {
	var f Failures
	if !errors.As(err, &f) || len(f) != 1 || f[0].Tag != "invalid-value" {
		return err
	}
	if f[0].Path != nil && *f[0].Path == path {
		return at(w.start, w.end, f.Error())
	}
	for _, w := range args {
		if strings.Contains(f[0].Message, " value "+strconv.Quote(w.text)) {
			return at(w.start, w.end, f.Error())
		}
	}
	return err
}

func (sh *Shell) delete(ctx context.Context, in *invocation) error {
	r := newResolver(sh.schemas, sh.at, toDelete)
	if err := r.resolve(ctx, in.args, in.end); err != nil {
		return err
	}
	if err := sh.do(ctx, r); err != nil {
		return blame(err, in.args, r.at.path, r.last)
	}
	return nil
}

func (sh *Shell) edit(ctx context.Context, in *invocation) error {
	r := newResolver(sh.schemas, sh.at, toEdit)
	if err := r.resolve(ctx, in.args, in.end); err != nil {
		return err
	}
	sh.back = append(sh.back, sh.at)
	sh.at = r.at
	return nil
}

func (sh *Shell) goTop(_ context.Context, in *invocation) error {
	if err := in.none(); err != nil {
		return err
	}
	sh.at, sh.back = sh.top(), nil
	return nil
}

func (sh *Shell) goUp(_ context.Context, in *invocation) error {
	n := 1
	if len(in.args) > 0 {
		var err error
		w := in.args[0]
		if n, err = strconv.Atoi(w.text); err != nil || n < 1 || len(in.args) > 1 {
			return at(w.start, in.end, "cannot read this", "the number of levels")
		}
	}
	for ; n > 0 && sh.at.up != nil; n-- {
		sh.at = sh.at.up
	}
	return nil
}

func completeUp(_ *Shell, _ context.Context, words []word, c *Completion) error {
	if len(words) == 0 {
		c.hint(enter, "go up one level")
		c.hint("<number>", "of levels")
	}
	return nil
}

const wordConfigurationMode = "configuration-mode"

// exit leaves a level of edit, then configuration mode, then the CLI.
func (sh *Shell) exit(ctx context.Context, in *invocation) error {
	whole := false
	if len(in.args) > 0 {
		if !sh.configuring {
			return in.none()
		}
		if _, err := pick(in.args[0], []string{wordConfigurationMode}); err != nil {
			return err
		}
		whole = true
	}
	if !sh.configuring {
		sh.leave = true
		return nil
	}
	if len(sh.at.words) == 0 || whole {
		return sh.leaveConfiguration(ctx)
	}
	from := sh.at.path
	sh.at = sh.top()
	for len(sh.back) > 0 {
		last := sh.back[len(sh.back)-1]
		sh.back = sh.back[:len(sh.back)-1]
		if last.path != from { // up may have come back to it by itself
			sh.at = last
			break
		}
	}
	return nil
}

func (sh *Shell) completeExit(ctx context.Context, words []word, c *Completion) error {
	if len(words) == 0 {
		c.offer(wordConfigurationMode, "leave configuration mode at once")
	}
	return completeNone(sh, ctx, words, c)
}

// leaveConfiguration ends the transaction. Changes are given up only if somebody
// says so.
func (sh *Shell) leaveConfiguration(ctx context.Context) error {
	changed, err := sh.changed(ctx)
	if err != nil {
		return err
	}
	if changed {
		if sh.ask == nil {
			return errors.New("cannot leave configuration mode: there are changes that are not committed; commit or rollback first")
		}
		yes, err := sh.ask(ctx, "There are changes that are not committed. Give them up?")
		if err != nil || !yes {
			return err
		}
	}
	if err := sh.agent.Abort(ctx, sh.th); err != nil {
		return err
	}
	sh.quitConfiguration()
	return nil
}

func (sh *Shell) quitConfiguration() {
	sh.configuring, sh.dirty, sh.at, sh.back = false, false, sh.top(), nil
}

// changed reports whether there is anything to commit.
func (sh *Shell) changed(ctx context.Context) (bool, error) {
	if !sh.configuring || !sh.dirty {
		return false, nil
	}
	var n counter
	err := sh.agent.Diff(ctx, sh.th, "set", &n)
	return n > 0, err
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (sh *Shell) showEdited(ctx context.Context, in *invocation) error {
	return sh.showPath(ctx, in, in.args, toShowConfig)
}

func (sh *Shell) completeShowEdited(ctx context.Context, words []word, c *Completion) error {
	return sh.completeShowPath(ctx, words, toShowConfig, c)
}

func (sh *Shell) compare(ctx context.Context, in *invocation) error {
	if err := in.none(); err != nil {
		return err
	}
	format := in.format("curly")
	if format != "curly" && format != "set" {
		return errors.New("cannot compare in " + format + ": use curly or set")
	}
	return sh.agent.Diff(ctx, sh.th, format, in.out)
}

func (sh *Shell) rollback(ctx context.Context, in *invocation) error {
	if len(in.args) > 0 && (len(in.args) > 1 || in.args[0].text != "0") {
		w := in.args[0]
		return at(w.start, in.end, "cannot roll back to an earlier commit: only the changes that are not committed can be given up", "nothing more")
	}
	if err := sh.agent.Revert(ctx, sh.th); err != nil {
		return err
	}
	sh.dirty = false
	return nil
}

func (sh *Shell) validate(ctx context.Context, in *invocation) error {
	if err := in.none(); err != nil {
		return err
	}
	if err := sh.agent.Validate(ctx, sh.th); err != nil {
		return err
	}
	_, err := fmt.Fprintln(sh.out, "configuration is valid")
	return err
}

const (
	wordCheck   = "check"
	wordComment = "comment"
	wordLabel   = "label"
	wordAndQuit = "and-quit"
	wordForce   = "force"
)

func commitWords() []string {
	return []string{wordCheck, wordComment, wordLabel, wordForce, wordAndQuit}
}

// commitOptions are the words after commit.
type commitOptions struct {
	check, quit    bool
	force          bool
	comment, label *string
}

// read takes the options; pending is the one whose text is missing at the end.
func (o *commitOptions) read(args []word, end int) (pending string, err error) {
	for i := 0; i < len(args); i++ {
		w := args[i]
		name, err := pick(w, commitWords())
		if err != nil {
			return "", err
		}
		switch name {
		case wordCheck:
			o.check = true
		case wordAndQuit:
			o.quit = true
		case wordForce:
			o.force = true
		default:
			if i++; i == len(args) {
				return name, at(end, end+1, "cannot go on without a text after "+name, "<text>")
			}
			text := args[i].text
			if name == wordComment {
				o.comment = &text
			} else {
				o.label = &text
			}
		}
		if o.check && (o.quit || o.force || o.comment != nil || o.label != nil) {
			return "", at(w.start, w.end, "cannot use this with check: nothing is committed then")
		}
	}
	return "", nil
}

func (sh *Shell) commit(ctx context.Context, in *invocation) error {
	var o commitOptions
	if _, err := o.read(in.args, in.end); err != nil {
		return err
	}
	if o.check {
		return sh.validate(ctx, &invocation{})
	}
	changed, err := sh.changed(ctx)
	if err != nil {
		return err
	}
	said := "nothing to commit"
	if changed {
		revision, err := sh.agent.Commit(ctx, sh.th, o.label, o.comment, o.force)
		if err != nil {
			return err
		}
		// The transaction has ended with its commit.
		said = fmt.Sprintf("commit complete: revision %d", revision)
		if sh.th, err = sh.agent.Begin(ctx, "running", true); err != nil {
			sh.quitConfiguration()
			fmt.Fprintln(sh.out, said)
			return err
		}
		sh.dirty = false
	}
	if _, err := fmt.Fprintln(sh.out, said); err != nil {
		return err
	}
	if o.quit {
		return sh.leaveConfiguration(ctx)
	}
	return nil
}

func (sh *Shell) completeCommit(_ context.Context, words []word, c *Completion) error {
	var o commitOptions
	if pending, err := o.read(words, c.Start); err != nil {
		if pending == "" {
			return err
		}
		c.hint("<text>", "the "+pending+", in quotes if it has blanks")
		return nil
	}
	if len(words) == 0 {
		c.offer(wordCheck, "only check")
	}
	if !o.check {
		if o.comment == nil {
			c.offer(wordComment, "a comment on this commit")
		}
		if o.label == nil {
			c.offer(wordLabel, "a name for this commit")
		}
		if !o.force {
			c.offer(wordForce, "even if you could change access control no more")
		}
		if !o.quit {
			c.offer(wordAndQuit, "leave configuration mode afterwards")
		}
	}
	c.hint(enter, "run this")
	return nil
}

// run runs a command of operational mode.
func (sh *Shell) run(ctx context.Context, in *invocation) error {
	if len(in.args) == 0 {
		return at(in.end, in.end+1, "cannot go on without a command", "show")
	}
	cmd, err := pick(in.args[0], []string{"show"})
	if err != nil || cmd == "" {
		return err
	}
	sub := *in
	sub.args = in.args[1:]
	return sh.show(ctx, &sub)
}

func (sh *Shell) completeRun(ctx context.Context, words []word, c *Completion) error {
	if len(words) == 0 {
		c.offer("show", "show data, the configuration alone, sessions or the daemon")
		return nil
	}
	if _, err := pick(words[0], []string{"show"}); err != nil {
		return err
	}
	return sh.completeShow(ctx, words[1:], c)
}

// moves are the words of insert after the entry.
func moves() []string { return []string{"first", "last", "before", "after"} }

// entryBefore reads the words of an entry up to the first of stops.
func (sh *Shell) entryBefore(ctx context.Context, args []word, p purpose, stops []string) (r *resolver, rest []word, err error) {
	r = newResolver(sh.schemas, sh.at, p)
	for i, w := range args {
		if r.done && !w.quoted && slices.Contains(stops, w.text) {
			return r, args[i:], nil
		}
		if err := r.read(ctx, w); err != nil {
			return nil, nil, err
		}
	}
	return r, nil, nil
}

func (sh *Shell) insert(ctx context.Context, in *invocation) error {
	r, rest, err := sh.entryBefore(ctx, in.args, toInsert, moves())
	if err != nil {
		return err
	}
	if err := r.finish(ctx, in.end); err != nil {
		return err
	}
	if len(rest) == 0 {
		return at(in.end, in.end+1, "cannot go on without the new place", moves()...)
	}
	entry := r.at
	if len(r.targets) > 0 {
		entry = r.targets[0]
	}
	where, keys := rest[0], rest[1:]
	var anchor *string
	if where.text == "before" || where.text == "after" {
		other, err := sh.anchor(r, keys, in.end)
		if err != nil {
			return err
		}
		anchor, keys = &other.path, nil
	}
	if len(keys) > 0 {
		return at(keys[0].start, in.end, "cannot read "+shown(keys[0])+": nothing can follow "+where.text)
	}
	if err := sh.agent.Move(ctx, sh.th, entry.path, where.text, anchor); err != nil {
		return blame(err, in.args, entry.path, r.last)
	}
	sh.dirty = true
	return nil
}

// anchor reads the keys of another entry of the list that r came to.
func (sh *Shell) anchor(r *resolver, words []word, end int) (*place, error) {
	nodes := r.keyName
	if r.at.node.isLeafList() {
		nodes = []*node{r.at.node}
	}
	if len(words) < len(nodes) {
		return nil, at(end, end+1, "cannot go on without the other entry", "<"+nodes[len(words)].label+">")
	}
	if len(words) > len(nodes) {
		return nil, at(words[len(nodes)].start, end, "cannot read on: nothing can follow the other entry")
	}
	keys := make([]string, len(nodes))
	for i, n := range nodes {
		var err error
		if keys[i], err = r.value(n, words[i]); err != nil {
			return nil, err
		}
	}
	return r.at.up.child(r.at.node).entry(keys), nil
}

func (sh *Shell) completeInsert(ctx context.Context, words []word, c *Completion) error {
	r, rest, err := sh.entryBefore(ctx, words, toInsert, moves())
	if err != nil {
		return err
	}
	switch {
	case len(rest) == 0:
		if r.done {
			c.offer("first", "to the beginning")
			c.offer("last", "to the end")
			c.offer("before", "before another entry")
			c.offer("after", "after another entry")
		}
		if r.next == expectEnd {
			return nil
		}
		r.done = false
		return sh.completeNext(ctx, r, c)
	case rest[0].text == "before" || rest[0].text == "after":
		if r.at.node.isList() && len(rest)-1 < len(r.keyName) {
			other := newResolver(sh.schemas, r.at.up.child(r.at.node), toDelete)
			other.next, other.keyName = expectKey, r.keyName
			for _, w := range rest[1:] {
				if err := other.read(ctx, w); err != nil {
					return err
				}
			}
			return sh.completeNext(ctx, other, c)
		}
	}
	c.hint(enter, "run this")
	return nil
}
