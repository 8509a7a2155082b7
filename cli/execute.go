// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"nso.example/nso/client"
	"nso.example/nso/exec/wire"
)

// Program is a command outside of the daemon that the user may run (type Rule of
// org.nso.Exec).
type Program struct {
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Help        string            `json:"help"`
	Confirm     string            `json:"confirm"`
	RunAs       string            `json:"runAs"`
	Terminal    bool              `json:"terminal"`
	Authorize   bool              `json:"authorize"`
	Arguments   []ProgramArgument `json:"arguments"`
}

// ProgramArgument is a value that a Program takes.
type ProgramArgument struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Type        string   `json:"type"`
	Values      []string `json:"values"`
	Many        int      `json:"many"`
	Optional    bool     `json:"optional"`
	Secret      bool     `json:"secret"`
}

// Dialer makes another connection to the daemon, as the same user.
type Dialer func(ctx context.Context) (*client.Client, error)

// Programs are those that the user may run.
func (d Dialer) Programs(ctx context.Context) ([]Program, error) {
	c, err := d(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var out struct {
		Rules []Program `json:"rules"`
	}
	err = c.Call(ctx, "org.nso.Exec.List", nil, &out)
	return out.Rules, err
}

// Start starts one.
func (d Dialer) Start(ctx context.Context, r wire.Request) (*wire.Command, error) {
	c, err := d(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := c.OpenExec(ctx)
	if err != nil {
		c.Close()
		return nil, err
	}
	return wire.Over(ctx, conn, r, nil)
}

// Prompt puts a question to the operator: its last line, and before it what he is told.
// No answer is an error.
type Prompt func(ctx context.Context, question string, echo bool) (answer string, err error)

// Authorizer lets those who decide about a program ask the operator until end is called,
// which waits for the last question. Without a prompt it has to find a terminal itself.
type Authorizer func(ctx context.Context, ask Prompt) (end func())

// Executes lets the shell run programs outside of the daemon, each on a connection of
// its own.
func (sh *Shell) Executes(d Dialer) { sh.dial = d }

// AuthorizedBy says who may ask the operator when a program is to be authorized.
func (sh *Shell) AuthorizedBy(a Authorizer) { sh.authorizer = a }

// program finds the one that a word names.
func (sh *Shell) program(ctx context.Context, w word) (*Program, error) {
	all, err := sh.dial.Programs(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name
	}
	if len(all) == 0 {
		return nil, at(w.start, w.end, "cannot execute "+shown(w)+": there is no command for you; root makes them, in /etc/nso/exec.d")
	}
	name, err := pick(w, names)
	if err != nil {
		return nil, err
	}
	return &all[slices.Index(names, name)], nil
}

// values reads NAME VALUE, as often as there are. pending is the argument that a value
// is missing of.
func (p *Program) values(words []word) (values map[string][]string, pending *ProgramArgument, err error) {
	values = make(map[string][]string)
	for i := 0; i < len(words); i += 2 {
		names := p.free(values)
		name, err := pick(words[i], names)
		if err != nil {
			return nil, nil, err
		}
		j := slices.IndexFunc(p.Arguments, func(a ProgramArgument) bool { return a.Name == name })
		if j < 0 || !slices.Contains(names, name) {
			return nil, nil, at(words[i].start, words[i].end, "cannot use "+shown(words[i])+": "+p.Name+" has no such argument left", names...)
		}
		if i+1 == len(words) {
			return values, &p.Arguments[j], nil
		}
		values[name] = append(values[name], words[i+1].text)
	}
	return values, nil, nil
}

// free are the arguments that can take a value yet.
func (p *Program) free(values map[string][]string) (names []string) {
	for _, a := range p.Arguments {
		if len(values[a.Name]) < max(a.Many, 1) {
			names = append(names, a.Name)
		}
	}
	return names
}

func (p *Program) missing(values map[string][]string) (names []string) {
	for _, a := range p.Arguments {
		if !a.Optional && len(values[a.Name]) == 0 {
			names = append(names, a.Name)
		}
	}
	return names
}

func (sh *Shell) execProgram(ctx context.Context, in *invocation) error {
	if sh.dial == nil {
		return errors.New("cannot execute programs here")
	}
	if len(in.args) == 0 {
		return at(in.end, in.end+1, "cannot execute nothing: name a command; ? lists them")
	}
	p, err := sh.program(ctx, in.args[0])
	if err != nil {
		return err
	}
	values, pending, err := p.values(in.args[1:])
	switch {
	case err != nil:
		return err
	case pending != nil:
		return at(in.end, in.end+1, "cannot execute "+p.Name+": the value of "+pending.Name+" is missing")
	}
	if m := p.missing(values); len(m) > 0 {
		return at(in.end, in.end+1, "cannot execute "+p.Name+": it takes "+strings.Join(m, ", "))
	}
	if p.Confirm != "" {
		if sh.ask == nil {
			return fmt.Errorf("cannot execute %s here: it asks %q, and nobody can answer", p.Name, p.Confirm)
		}
		if yes, err := sh.ask(ctx, p.Confirm); err != nil || !yes {
			return err
		}
	}
	r := wire.Request{Rule: p.Name, Values: values}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Until it has been started an interrupt takes it back.
	started := sh.interruptedBy(func() { cancel(errInterrupted) })
	defer started()
	if p.Terminal {
		if sh.hand == nil {
			return fmt.Errorf("cannot execute %s here: it takes a terminal", p.Name)
		}
		if len(in.segments) > 0 {
			return errors.New("cannot use | after " + p.Name + ": it has the terminal")
		}
		return ended(ctx, p.Name)(sh.hand(ctx, p, r))
	}
	cmd, err := sh.start(ctx, p, r)
	if err != nil {
		return cmp.Or(interruption(ctx), err)
	}
	defer cmd.Close()
	first := true // the second is for a program that does not mind the first
	stop := sh.interruptedBy(func() {
		if !first {
			cancel(errInterrupted)
		}
		first = false
		_ = cmd.Signal("INT")
	})
	defer stop()
	return ended(ctx, p.Name)(cmd.Wait(in.out, in.out))
}

// start starts a program, about which the operator may be asked.
func (sh *Shell) start(ctx context.Context, p *Program, r wire.Request) (*wire.Command, error) {
	if p.Authorize && sh.authorizer != nil {
		defer sh.authorizer(ctx, sh.prompt)()
	}
	return sh.dial.Start(ctx, r)
}

// interruptedBy has f take the interrupts, one after the other, until it is undone.
func (sh *Shell) interruptedBy(f func()) (undo func()) {
	before := sh.interrupt.Swap(&f)
	return func() { sh.interrupt.Store(before) }
}

// interruption is the interrupt that a context ended with, if it was one.
func interruption(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errInterrupted) {
		return errInterrupted
	}
	return nil
}

// ended makes an error of an end that is none of success.
func ended(ctx context.Context, name string) func(wire.End, error) error {
	return func(e wire.End, err error) error {
		switch {
		case err != nil:
			return cmp.Or(interruption(ctx), err)
		case e.Reason == wire.Deadline:
			return fmt.Errorf("%s has taken too long, and was ended", name)
		case e.Exit != nil && *e.Exit == 0:
			return nil
		}
		return fmt.Errorf("%s has ended with %s", name, e)
	}
}

// Execute runs a program with the terminal, or with the standard files, of this process.
func (d Dialer) Execute(ctx context.Context, p Program, values map[string][]string, in, out *os.File, errs io.Writer) (wire.End, error) {
	r := wire.Request{Rule: p.Name, Values: values}
	if p.Terminal {
		at, err := OpenLocal(in, out)
		if err != nil {
			return wire.End{}, fmt.Errorf("cannot execute %s here, which takes a terminal: %w", p.Name, err)
		}
		defer at.Close()
		t := newTTY(&Shell{dial: d}, at)
		defer close(t.pump.over)
		stop := t.followSize()
		defer stop()
		return t.hand(ctx, &p, r)
	}
	r.Input = true
	cmd, err := d.Start(ctx, r)
	if err != nil {
		return wire.End{}, err
	}
	defer cmd.Close()
	go func() {
		if _, err := io.Copy(cmd, in); err == nil {
			_ = cmd.CloseInput()
		}
	}()
	return cmd.Wait(out, errs)
}

func (sh *Shell) completeExecute(ctx context.Context, words []word, c *Completion) error {
	if sh.dial == nil {
		return nil
	}
	if len(words) == 0 {
		all, err := sh.dial.Programs(ctx)
		if err != nil {
			return err
		}
		for _, p := range all {
			help := p.Description
			if p.RunAs != "" {
				help = strings.TrimSpace(help + " (as " + p.RunAs + ")")
			}
			c.offer(p.Name, help)
		}
		return nil
	}
	p, err := sh.program(ctx, words[0])
	if err != nil {
		return err
	}
	values, pending, err := p.values(words[1:])
	if err != nil {
		return err
	}
	if pending != nil {
		for _, v := range pending.Values {
			c.offer(v, "")
		}
		if len(pending.Values) == 0 {
			c.hint("<"+pending.Type+">", pending.Description)
		}
		return nil
	}
	for _, name := range p.free(values) {
		i := slices.IndexFunc(p.Arguments, func(a ProgramArgument) bool { return a.Name == name })
		c.offer(name, p.Arguments[i].Description)
	}
	if len(p.missing(values)) == 0 {
		c.hint(enter, "run this")
	}
	return nil
}

// chunk is what was typed at once.
type chunk struct {
	b   []byte
	err error
}

// pump reads the terminal for whoever has it: the editor, or a program. A program that
// ends leaves what was not for it.
type pump struct {
	typed chan chunk
	once  sync.Once
	over  chan struct{}
}

// start begins to read, once and for all: a read that waits cannot be taken back.
func (p *pump) start(from io.Reader) {
	p.once.Do(func() {
		go func() {
			buf := make([]byte, 4096)
			for {
				n, err := from.Read(buf)
				select {
				case p.typed <- chunk{slices.Clone(buf[:n]), err}:
				case <-p.over:
					return
				}
				if err != nil {
					close(p.typed)
					return
				}
			}
		}()
	})
}

// hand gives the terminal to a program until it ends.
func (t *tty) hand(ctx context.Context, p *Program, r wire.Request) (wire.End, error) {
	columns, rows := t.at.Size()
	r.Input, r.Terminal = true, &wire.Window{Rows: uint16(rows), Columns: uint16(columns)}
	if kind := t.at.Kind(); kind != "" {
		r.Environment = map[string]string{"TERM": kind}
	}
	cmd, err := t.sh.start(ctx, p, r)
	if err != nil {
		return wire.End{}, err
	}
	defer cmd.Close()
	t.at.Signals(false) // Ctrl-C is a key, and its terminal's to understand
	defer t.at.Signals(true)
	defer t.sh.interruptedBy(func() { _ = cmd.Signal("INT") })() // a break
	resize := func() {
		columns, rows := t.at.Size()
		_ = cmd.Resize(wire.Window{Rows: uint16(rows), Columns: uint16(columns)})
	}
	t.sized.Store(&resize)
	defer t.sized.Store(nil)
	t.pump.start(t.at)
	t.pumping = true
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case c := <-t.pump.typed:
				if _, err := cmd.Write(c.b); err != nil || c.err != nil || len(c.b) == 0 {
					cmd.Close() // the terminal has gone, or the program
					return
				}
			case <-done:
				return
			}
		}
	})
	shown := &watched{to: t.at}
	end, err := cmd.Wait(shown, shown)
	cmd.Close()
	close(done)
	wait.Wait()
	// On a terminal that is gone the next read tells.
	_, _ = io.WriteString(t.at, shown.modes.undo())
	return end, err
}

// watched is a terminal that a program writes to.
type watched struct {
	to    io.Writer
	modes modes
}

func (w *watched) Write(b []byte) (int, error) {
	w.modes.watch(b)
	return w.to.Write(b)
}

// lend is hand in the middle of the editor's work, which begins on a line of its own then.
func (t *tty) lend(ctx context.Context, p *Program, r wire.Request) (wire.End, error) {
	t.editor.SetBracketedPasteMode(false)
	end, err := t.hand(ctx, p, r)
	// Where the cursor is, nobody knows. As many blanks as a line has fill the one it is
	// at the beginning of, and reach into the next from anywhere else.
	fmt.Fprint(t.at, strings.Repeat(" ", int(t.columns()))+"\r")
	t.editor.SetBracketedPasteMode(true)
	return end, err
}
