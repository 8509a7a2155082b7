// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"

	"nso.example/nso/exec/wire"
)

// Shell is one operator at work: a mode, a place in the configuration, and a
// transaction. It is not safe for use by several goroutines.
type Shell struct {
	agent   Agent
	out     io.Writer
	schemas *schemas

	configuring bool
	th          int64 // transaction of configuration mode
	dirty       bool  // something was edited since the transaction began
	at          *place
	back        []*place // where edit came from, for exit
	leave       bool
	permits     permits
	noFiles     string // why no file is opened; "": they are

	// dial is nil where no programs are executed; hand gives one the terminal, and is nil
	// where there is none; interrupt takes interrupts while it is there.
	dial      Dialer
	hand      func(context.Context, *Program, wire.Request) (wire.End, error)
	interrupt atomic.Pointer[func()]

	// authorizer and prompt are nil where nobody asks, or nobody can answer.
	authorizer Authorizer
	prompt     Prompt

	// lines gives what is typed, or what follows in a script, line by line, to whoever takes
	// more than one of them: up to io.EOF. It is nil where there is nothing more.
	lines func(ctx context.Context) (string, error)

	// paged has what a command prints be shown page by page, and show ends it. hidden reads
	// what is not to be seen. Both are nil where nobody looks.
	paged   func() (show func(context.Context) error)
	hidden  func(ctx context.Context, what string) (string, error)
	history string // the file that keeps it, "": none
	display string // the format of configuration and data where none is named; "": curly

	// ask puts a question with the answer yes or no; nil where nobody can answer.
	ask func(ctx context.Context, question string) (bool, error)
}

// New makes a shell over an agent that prints to out.
func New(a Agent, out io.Writer) *Shell {
	sh := &Shell{agent: a, out: out, schemas: newSchemas(a)}
	sh.at = sh.top()
	return sh
}

// RefuseFiles has the shell open no file, and say why: where it runs, files are not the
// operator's.
func (sh *Shell) RefuseFiles(reason string) { sh.noFiles = reason }

func (sh *Shell) top() *place { return &place{node: sh.schemas.root, path: "/"} }

// origin is where paths begin: the place of edit in configuration mode.
func (sh *Shell) origin(p purpose) *place {
	if sh.configuring && p != toShowState {
		return sh.at
	}
	return sh.top()
}

// Prompt is what stands before a line.
func (sh *Shell) Prompt() string {
	if sh.configuring {
		return "nso# "
	}
	return "nso> "
}

// Banner is the line above the prompt: the place of edit, "" at the top.
func (sh *Shell) Banner() string {
	if sh.configuring && len(sh.at.words) > 0 {
		return "[edit " + sh.at.String() + "]"
	}
	return ""
}

// Done reports whether the operator has left.
func (sh *Shell) Done() bool { return sh.leave }

// Execute runs one line.
func (sh *Shell) Execute(ctx context.Context, line string) error {
	if strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") {
		return nil
	}
	words, err := split(line, false)
	if err != nil || len(words) == 0 {
		return err
	}
	words, segments := cutPipes(words)
	if len(words) == 0 {
		return at(0, 1, "cannot begin with |: a command comes first")
	}
	return sh.execute(ctx, words, segments, len(line))
}

func (sh *Shell) execute(ctx context.Context, words []word, segments [][]word, end int) error {
	cmd, err := sh.command(words[0])
	if err != nil {
		return err
	}
	if len(segments) > 0 {
		bar := segments[0][0]
		if !cmd.prints {
			return at(bar.start, bar.end, "cannot use | after "+cmd.name+": it prints nothing; put a value with | in quotes")
		}
		end = bar.start
	}
	if err := sh.permit(ctx, cmd, words[1:], words[0]); err != nil {
		return err
	}
	out, err := sh.newOutput(segments)
	if err != nil {
		return err
	}
	var show func(context.Context) error
	if sh.paged != nil && cmd.prints && cmd.name != "execute" && !out.whole {
		show = sh.paged()
	}
	err = cmd.run(sh, ctx, &invocation{args: words[1:], end: end, out: out, segments: segments, display: sh.display})
	if errors.Is(err, errInterrupted) {
		return err
	}
	if endErr := out.end(); err == nil {
		err = endErr
	}
	if show != nil {
		err = cmp.Or(show(ctx), err)
	}
	return err
}

// invocation is one command as it was typed.
type invocation struct {
	args     []word
	end      int // where its words end in the line
	out      *output
	segments [][]word // the words after each |
	display  string   // of the shell
}

// none refuses words that a command does not take.
func (in *invocation) none() error {
	if len(in.args) == 0 {
		return nil
	}
	w := in.args[0]
	return at(w.start, w.end, "cannot read "+shown(w)+": nothing can follow")
}

// format is the one that display asks for.
func (in *invocation) format(standard string) string {
	if in.out.format != "" {
		return in.out.format
	}
	if in.display != "" && standard == "curly" {
		return in.display
	}
	return standard
}

func cutPipes(words []word) (first []word, segments [][]word) {
	for i, w := range words {
		switch {
		case w.special("|"):
			segments = append(segments, words[i:i+1:i+1])
		case len(segments) == 0:
			first = words[:i+1]
		default:
			s := &segments[len(segments)-1]
			*s = append(*s, w)
		}
	}
	return first, segments
}

// pick finds the one of names that a word is, or is the beginning of.
func pick(w word, names []string) (string, error) {
	var matches []string
	for _, n := range names {
		if w.quoted {
			break
		}
		if n == w.text {
			return n, nil
		}
		if strings.HasPrefix(n, w.text) {
			matches = append(matches, n)
		}
	}
	switch len(matches) {
	case 1:
		return matches[0], nil
	case 0:
		return "", at(w.start, w.end, "cannot read "+shown(w), names...)
	}
	return "", at(w.start, w.end, "cannot tell which "+shown(w)+" is meant", matches...)
}

// reading gives a transaction to read in, and how to end it.
func (sh *Shell) reading(ctx context.Context, p purpose) (th int64, end func(), err error) {
	if sh.configuring && p != toShowState {
		return sh.th, func() {}, nil
	}
	datastore := "running"
	if p == toShowState {
		datastore = "operational"
	}
	if th, err = sh.agent.Begin(ctx, datastore, false); err != nil {
		return 0, nil, err
	}
	// The transaction only reads: that it cannot be ended has no consequence
	// that the next call would not tell.
	return th, func() { _ = sh.agent.Abort(ctx, th) }, nil
}

var errInterrupted = errors.New("interrupted")
