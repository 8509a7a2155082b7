// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	wordSet      = "set"
	wordTerminal = "terminal" // in place of a file: what is typed, or what follows in a script
)

// maxFile bounds what load reads, in bytes.
const maxFile = 64 << 20

// loadOptions are the words after load.
type loadOptions struct {
	operation string // merge, replace or set
	format    string // xml or json; "" with set
	from      *word
}

// read takes the words; expected are those that can follow, where more must.
func (o *loadOptions) read(args []word) (expected []string, err error) {
	take := func(names ...string) (name string, err error) {
		if len(args) == 0 {
			expected = names
			return "", nil
		}
		name, err = pick(args[0], names)
		args = args[1:]
		return name, err
	}
	if o.operation, err = take("merge", "replace", wordSet); err != nil || expected != nil {
		return expected, err
	}
	if o.operation != wordSet {
		if o.format, err = take("xml", "json"); err != nil || expected != nil {
			return expected, err
		}
	}
	switch len(args) {
	case 0:
		return []string{"<file>", wordTerminal}, nil
	case 1:
		o.from = &args[0]
		return nil, nil
	}
	w := args[1]
	return nil, at(w.start, w.end, "cannot read "+shown(w)+": nothing can follow the name of a file")
}

// terminal reports whether it is the terminal that is loaded from. A file of that name is
// one with a path, or in quotes.
func (o *loadOptions) terminal() bool { return !o.from.quoted && o.from.text == wordTerminal }

func (sh *Shell) load(ctx context.Context, in *invocation) error {
	var o loadOptions
	expected, err := o.read(in.args)
	if err != nil {
		return err
	}
	if expected != nil {
		return at(in.end, in.end+1, "cannot go on without a word", expected...)
	}
	text, err := sh.loaded(ctx, &o)
	if err != nil {
		return err
	}
	if o.operation == wordSet {
		return sh.loadSet(ctx, text)
	}
	sh.dirty = true
	return sh.agent.Load(ctx, sh.th, o.format, o.operation, text)
}

// loaded is the text of the file, or of the terminal.
func (sh *Shell) loaded(ctx context.Context, o *loadOptions) (string, error) {
	if !o.terminal() {
		if sh.noFiles != "" {
			return "", at(o.from.start, o.from.end, "cannot load "+shown(*o.from)+": "+sh.noFiles)
		}
		return readFile(o.from.text)
	}
	if sh.lines == nil {
		return "", at(o.from.start, o.from.end, "cannot load from a terminal: there is none")
	}
	var b strings.Builder
	for {
		line, err := sh.lines(ctx)
		if errors.Is(err, io.EOF) || err == nil && line == "." {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		if b.Len()+len(line) >= maxFile {
			return "", cannotLoad("what was typed", fmt.Errorf("it has more than %d bytes", maxFile))
		}
		b.WriteString(line + "\n")
	}
}

// loadSet does lines of set and delete, whose paths begin where edit is. All of them are
// understood before the first is done.
func (sh *Shell) loadSet(ctx context.Context, text string) error {
	type step struct {
		number int
		line   string
		r      *resolver
	}
	var steps []step
	sc := bufio.NewScanner(strings.NewReader(text))
	sc.Buffer(nil, maxLine)
	blamed := func(number int, line string, err error) error {
		if broken(err) {
			return err
		}
		// The place that it names is one of that line, not of this command.
		return errors.New((&ScriptError{Line: number, Text: line, Err: err}).Error())
	}
	number := 0
	for sc.Scan() {
		number++
		line := strings.TrimSuffix(sc.Text(), "\r")
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") {
			continue
		}
		words, err := split(line, false)
		if err != nil {
			return blamed(number, line, err)
		}
		if len(words) == 0 {
			continue
		}
		verb, err := pick(words[0], []string{wordSet, "delete"})
		if err != nil {
			return blamed(number, line, err)
		}
		purpose := toSet
		if verb != wordSet {
			purpose = toDelete
		}
		r := newResolver(sh.schemas, sh.at, purpose)
		if err := r.resolve(ctx, words[1:], len(line)); err != nil {
			return blamed(number, line, err)
		}
		steps = append(steps, step{number, line, r})
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("line %d: cannot read this line: it has more than %d bytes", number+1, maxLine)
	}
	for i, s := range steps {
		if err := sh.do(ctx, s.r); err != nil {
			err = blamed(s.number, s.line, err)
			if i > 0 && !broken(err) {
				return fmt.Errorf("%w\nThe lines before it are done; rollback gives up all changes", err)
			}
			return err
		}
	}
	return nil
}

// do does what a resolved line of set or delete says.
func (sh *Shell) do(ctx context.Context, r *resolver) error {
	if r.purpose == toSet {
		for _, e := range r.edits {
			if err := sh.apply(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}
	targets := r.targets
	if len(targets) == 0 {
		targets = []*place{r.at}
	}
	for _, t := range targets {
		if err := sh.agent.Delete(ctx, sh.th, t.path); err != nil {
			return err
		}
		sh.dirty = true
	}
	return nil
}

func (sh *Shell) completeLoad(_ context.Context, words []word, c *Completion) error {
	var o loadOptions
	expected, err := o.read(words)
	if err != nil {
		return err
	}
	help := map[string]string{
		"merge": "add to what is there", "replace": "put in place of the whole configuration", wordSet: "lines of set and delete",
		"xml": "as NETCONF has it, in one element <config>", "json": "as RFC 7951 has it", "<file>": "a file, opened as you",
		wordTerminal: "what is typed, up to Ctrl-D or a line with a dot alone",
	}
	for _, name := range expected {
		switch {
		case name == "<file>" && sh.noFiles != "":
		case name == "<file>":
			c.hint(name, help[name])
		default:
			c.offer(name, help[name])
		}
	}
	if expected == nil {
		c.hint(enter, "run this")
	}
	return nil
}

func cannotLoad(name string, err error) error { return cannotFile("load", name, err) }

func cannotFile(what, name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("cannot %s %s: %w", what, quote(name), err)
}

func readFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", cannotLoad(name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", cannotLoad(name, err)
	}
	if len(text) > maxFile {
		return "", cannotLoad(name, fmt.Errorf("it has more than %d bytes", maxFile))
	}
	return string(text), nil
}

// save writes the configuration with the changes to a file, from where edit is.
func (sh *Shell) save(ctx context.Context, in *invocation) error {
	var format string
	if len(in.args) > 0 {
		var err error
		if format, err = pick(in.args[0], formats()); err != nil {
			return err
		}
	}
	switch {
	case format == "":
		return at(in.end, in.end+1, "cannot go on without a format", formats()...)
	case len(in.args) == 1:
		return at(in.end, in.end+1, "cannot go on without the name of a file", "<file>")
	case len(in.args) > 2:
		w := in.args[2]
		return at(w.start, w.end, "cannot read "+shown(w)+": nothing can follow the name of a file")
	}
	f, err := sh.create(in.args[1])
	if err != nil {
		return err
	}
	var n counter
	err = sh.agent.Show(ctx, sh.th, sh.at.path, format, io.MultiWriter(f, &n))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("%w; the file is not whole", cannotFile("save", in.args[1].text, err))
	}
	_, err = fmt.Fprintf(sh.out, "saved %d bytes\n", n)
	return err
}

// create makes the caller's file that a word names, for him alone: there may be secrets in
// it. One that is there already is overwritten, with the rights that it has.
func (sh *Shell) create(w word) (io.WriteCloser, error) {
	if sh.noFiles != "" {
		return nil, at(w.start, w.end, "cannot save "+shown(w)+": "+sh.noFiles)
	}
	f, err := os.OpenFile(w.text, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, cannotFile("save", w.text, err)
	}
	return f, nil
}

func (sh *Shell) completeSave(_ context.Context, words []word, c *Completion) error {
	switch {
	case sh.noFiles != "":
		return errors.New("cannot save to a file: " + sh.noFiles)
	case len(words) == 0:
		for _, f := range formats() {
			c.offer(f, "")
		}
	case !slices.Contains(formats(), words[0].text):
		_, err := pick(words[0], formats())
		return err
	case len(words) == 1:
		c.hint("<file>", "a file, opened as you")
	default:
		c.hint(enter, "run this")
	}
	return nil
}
