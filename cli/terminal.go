// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/term"
)

// Terminal is where an operator types and reads: keys come as they are typed, and what
// is written is shown as it is.
type Terminal interface {
	io.ReadWriter
	// Kind is its name in terminfo(5), "" if it is not known.
	Kind() string
	// Size is how many columns and rows there are; 0: not known.
	Size() (columns, rows int)
	// Resized tells of a new size.
	Resized() <-chan struct{}
	// Signals says whether Ctrl-C is an interrupt, as while a command runs, or a key.
	Signals(on bool)
	// Interrupts tells of interrupts.
	Interrupts() <-chan struct{}
}

// tty is a shell on a terminal.
type tty struct {
	sh      *Shell
	at      Terminal
	editor  *term.Terminal // changed under mu
	mu      sync.Mutex     // held by followSize too
	history history
	width   atomic.Int64
	buf     [256]byte
	pump    pump
	pumping bool                   // it is the pump that reads
	sized   atomic.Pointer[func()] // what a new size does beside, if anything
	typed   []byte                 // read, and not yet taken by the editor

	pages     *pages // where what a command prints goes by; nil: it is shown at once
	searching bool   // the history, next
	query     string
	ctx       context.Context // of the line that is read
	wake      chan struct{}   // ends a line that nobody waits for any more

	interrupted atomic.Bool
	column      bool // the last byte of a command's output ended no line
}

// Interact runs the shell on a terminal until the operator leaves.
func (sh *Shell) Interact(ctx context.Context, at Terminal) error {
	t := newTTY(sh, at)
	defer close(t.pump.over)
	t.editor.SetBracketedPasteMode(true)
	defer func() { t.editor.SetBracketedPasteMode(false) }()
	stop := t.followSize()
	defer stop()
	direct := sh.out
	sh.out, sh.ask, sh.hand, sh.prompt = screen{t}, t.ask, t.lend, t.prompt
	sh.paged, sh.lines, sh.hidden = t.paged, t.nextLine, t.hidden
	if sh.history != "" {
		t.history.load(sh.history)
	}
	defer func() {
		sh.out, sh.ask, sh.hand, sh.prompt = direct, nil, nil, nil
		sh.paged, sh.lines, sh.hidden = nil, nil, nil
	}()
	return t.loop(ctx)
}

func newTTY(sh *Shell, at Terminal) *tty {
	t := &tty{sh: sh, at: at, pump: pump{typed: make(chan chunk), over: make(chan struct{})}, wake: make(chan struct{}, 1)}
	t.newEditor()
	return t
}

// newEditor makes an editor for the present size of the terminal.
func (t *tty) newEditor() {
	t.mu.Lock()
	t.editor = term.NewTerminal(t, "")
	t.editor.History = &t.history
	t.mu.Unlock()
	t.resize()
}

func (t *tty) resize() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w, h := t.at.Size(); w > 0 && h > 0 {
		t.width.Store(int64(w))
		// The editor refuses no size.
		_ = t.editor.SetSize(w, h)
	}
}

// Read gives the editor what was typed. Ctrl-C empties the line: the editor
// itself would end with it.
func (t *tty) Read(b []byte) (int, error) {
	if len(b) == 0 { // it waits for the end of what begins with Escape
		return 0, errors.New("cannot understand the terminal: there is no end to its escape sequence")
	}
	if t.searching {
		keys, err := t.search(t.ctx, t.query)
		if err != nil {
			return 0, err
		}
		t.typed = append(keys, t.typed...)
	}
	if len(t.typed) == 0 {
		if err := t.more(); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(t.typed, 3); i >= 0 {
			t.typed = append([]byte(cancelled), t.typed[i+1:]...)
		}
	}
	// The editor forgets what follows the Ctrl-D that ends it, and the search is to see
	// what follows its Ctrl-R.
	now := t.typed
	if i := bytes.IndexAny(now, "\x04\x12"); i >= 0 {
		now = now[:i+1]
	}
	n := copy(b, now)
	t.typed = t.typed[n:]
	return n, nil
}

// cancelled are the keys that give up a line: to the end, erase to the beginning, enter.
const cancelled = "\x05\x15\r"

// more has something typed be there.
func (t *tty) more() error {
	if len(t.typed) > 0 {
		return nil
	}
	if t.pumping {
		select {
		case c, ok := <-t.pump.typed:
			if !ok {
				return io.EOF
			}
			if len(c.b) == 0 {
				return cmp.Or(c.err, io.ErrNoProgress)
			}
			t.typed = c.b
		case <-t.wake:
			t.typed = []byte(cancelled)
		}
		return nil
	}
	n, err := t.at.Read(t.buf[:])
	if n <= 0 {
		return cmp.Or(err, io.ErrNoProgress)
	}
	t.typed = t.buf[:n]
	return nil
}

// Write is the editor's way to the terminal.
func (t *tty) Write(b []byte) (int, error) { return t.at.Write(b) }

// screen is where commands print to.
type screen struct{ t *tty }

func (s screen) Write(b []byte) (int, error) {
	if s.t.interrupted.Load() {
		return 0, errInterrupted
	}
	if s.t.pages != nil {
		return s.t.pages.Write(b)
	}
	if len(b) > 0 {
		s.t.column = b[len(b)-1] != '\n'
	}
	if _, err := s.t.at.Write(bytes.ReplaceAll(b, []byte{'\n'}, []byte{'\r', '\n'})); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (t *tty) followSize() (stop func()) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-t.at.Resized():
				t.resize()
				if f := t.sized.Load(); f != nil {
					(*f)()
				}
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

func (t *tty) loop(ctx context.Context) error {
	ends := 0
	for !t.sh.leave {
		if banner := t.sh.Banner(); banner != "" {
			fmt.Fprintf(t.editor, "%s\n", banner)
		}
		line, err := t.readLine(ctx, t.sh.Prompt(), true)
		switch {
		case errors.Is(err, io.EOF):
			if ends++; ends > 2 { // a terminal that is gone answers no question
				return errors.New("cannot read from the terminal any more; changes that were not committed are given up")
			}
			if !t.sh.configuring {
				return nil
			}
			line = "exit " + wordConfigurationMode
		case err != nil:
			return err
		default:
			ends = 0
		}
		if err := t.execute(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// execute runs a line. It returns only errors that end the session.
func (t *tty) execute(ctx context.Context, line string) error {
	if strings.TrimSpace(line) == "" {
		return nil
	}
	if utf8.RuneCountInString(line) >= maxEdited {
		fmt.Fprintf(t.editor, "%v\n", errLong)
		return nil
	}
	if t.sh.secret(ctx, line) {
		t.history.drop(line)
	} else {
		t.history.keep(line)
	}
	err := t.running(ctx, func(ctx context.Context) error { return t.sh.Execute(ctx, line) })
	t.pages = nil
	if t.column {
		t.column = false
		fmt.Fprint(t.editor, "\n")
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, errInterrupted) {
		fmt.Fprint(t.editor, "interrupted\n")
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var l *lineError
	if errors.As(err, &l) {
		before := len(t.sh.Prompt())
		if before+utf8.RuneCountInString(line) < int(t.columns()) {
			fmt.Fprintf(t.editor, "%s\n", l.caret(line, before))
		}
		fmt.Fprintf(t.editor, "%v\n", err)
		return nil
	}
	if broken(err) {
		if t.sh.dirty {
			return fmt.Errorf("cannot go on: the connection to the daemon has ended, and with it the changes that were not committed: %w", err)
		}
		return fmt.Errorf("cannot go on: the connection to the daemon has ended: %w", err)
	}
	fmt.Fprintf(t.editor, "%v\n", err)
	return nil
}

// maxEdited is where the editor takes no more characters into a line, and tells nobody.
const maxEdited = 4096

func (t *tty) columns() int64 {
	if w := t.width.Load(); w > 0 {
		return w
	}
	return 80
}

// running runs f while Ctrl-C is an interrupt. The first one drops what f still
// prints, so that the session lives on; the second ends the connection.
func (t *tty) running(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.interrupted.Store(false)
	select { // one that came between two commands
	case <-t.at.Interrupts():
	default:
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-t.at.Interrupts():
				if f := t.sh.interrupt.Load(); f != nil {
					(*f)() // a program is started, or runs
				} else if t.interrupted.Swap(true) {
					cancel()
				}
			case <-done:
				return
			}
		}
	}()
	t.at.Signals(true)
	defer t.at.Signals(false)
	return f(ctx)
}

// readLine reads a line, or ends with the context: the process ends then, and
// the reader with it.
func (t *tty) readLine(ctx context.Context, prompt string, help bool) (string, error) {
	t.editor.AutoCompleteCallback = nil
	if help {
		t.editor.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
			return t.key(ctx, line, pos, key)
		}
	}
	t.history.off, t.ctx = !help, ctx
	t.editor.SetPrompt(prompt)
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := t.editor.ReadLine()
		if errors.Is(err, term.ErrPasteIndicator) {
			err = nil
		}
		read <- result{line, err}
	}()
	select {
	case r := <-read:
		if errors.Is(r.err, io.EOF) {
			// The editor would find the same Ctrl-D again, for ever.
			t.newEditor()
			fmt.Fprint(t.editor, "\n")
		}
		return r.line, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// key handles Tab, ? and Ctrl-R; all other keys are the editor's.
func (t *tty) key(ctx context.Context, line string, pos int, key rune) (string, int, bool) {
	if key == 0x12 { // Ctrl-R: what was typed is what is searched first
		t.searching, t.query = true, line
		return "", 0, true
	}
	if key != '\t' && key != '?' {
		return "", 0, false
	}
	if words, err := split(line[:pos], true); key == '?' && err == nil && len(words) > 0 && words[len(words)-1].open {
		return "", 0, false // a ? inside quotes is a character
	}
	c, err := t.sh.Complete(ctx, line[:pos])
	if err != nil {
		fmt.Fprintf(t.editor, "%s\n", t.above(line, err))
		return line, pos, true
	}
	if key == '\t' {
		if text, _, changed := c.insertion(); changed {
			rest := line[pos:]
			if strings.HasSuffix(text, " ") && strings.HasPrefix(rest, " ") {
				rest = rest[1:]
			}
			return line[:c.Start] + text + rest, c.Start + len(text), true
		}
	}
	fmt.Fprint(t.editor, c.help(int(t.columns())))
	return line, pos, true
}

// above is an error about the line that is shown below it.
func (t *tty) above(line string, err error) string {
	var l *lineError
	if !errors.As(err, &l) || len(t.sh.Prompt())+utf8.RuneCountInString(line) >= int(t.columns()) {
		return err.Error()
	}
	return t.sh.Prompt() + line + "\n" + l.caret(line, len(t.sh.Prompt())) + "\n" + err.Error()
}

// ask puts a question; anything but a clear yes is a no.
func (t *tty) ask(ctx context.Context, question string) (bool, error) {
	t.at.Signals(false)
	defer t.at.Signals(true)
	line, err := t.readLine(ctx, question+" [yes,no] (no) ", false)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", err
}

// prompt asks for something else than a line: for a password, without echo. It is for
// another goroutine, while the one of the shell waits.
func (t *tty) prompt(ctx context.Context, question string, echo bool) (string, error) {
	t.at.Signals(false)
	defer t.at.Signals(true)
	t.pump.start(t.at) // a read of its own could not be taken back
	t.pumping = true
	told, question := question[:strings.LastIndexByte(question, '\n')+1], question[strings.LastIndexByte(question, '\n')+1:]
	fmt.Fprint(t.editor, told)
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { t.wake <- struct{}{}; close(woken) })
	var answer string
	var err error
	if echo {
		answer, err = t.readLine(context.WithoutCancel(ctx), question, false)
	} else {
		t.editor.AutoCompleteCallback = nil // ? is a letter of a password
		answer, err = t.editor.ReadPassword(question)
	}
	if !stop() {
		<-woken
		select {
		case <-t.wake: // it came too late
		default:
		}
	}
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil && !errors.Is(err, term.ErrPasteIndicator):
		return "", err
	case answer == "":
		return "", errInterrupted
	}
	return answer, nil
}

// nextLine reads a line that is no command.
func (t *tty) nextLine(ctx context.Context) (string, error) {
	t.at.Signals(false)
	defer t.at.Signals(true)
	line, err := t.readLine(ctx, "", false)
	if err == nil && utf8.RuneCountInString(line) >= maxEdited {
		err = errLong
	}
	return line, err
}

// hidden reads what is not shown, twice.
func (t *tty) hidden(ctx context.Context, what string) (string, error) {
	var text [2]string
	for i, question := range []string{what + ": ", what + " once more: "} {
		var err error
		if text[i], err = t.prompt(ctx, question, false); err != nil {
			return "", err
		}
	}
	if text[0] != text[1] {
		return "", errors.New("cannot use this: it was typed in two ways")
	}
	return text[0], nil
}
