// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ScriptError is the error that ended a script.
type ScriptError struct {
	Line int    // from 1; 0 at the end of the script
	Text string // the line
	Err  error
}

func (e *ScriptError) Unwrap() error { return e.Err }

// Error names the line, and shows the place in it where one is to blame.
func (e *ScriptError) Error() string {
	var l *lineError
	switch {
	case e.Line == 0:
		return "end of input: " + e.Err.Error()
	case !errors.As(e.Err, &l) || len(e.Text) > 200 || printable(e.Text) != e.Text:
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d: %v\n  %s\n  %s", e.Line, e.Err, e.Text, l.caret(e.Text, 0))
}

// Script runs lines until the first that fails. Lines that begin with # are
// comments. Changes that are left uncommitted at the end are an error.
func (sh *Shell) Script(ctx context.Context, in io.Reader) error {
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 0, 4096), maxLine)
	out := bufio.NewWriter(sh.out)
	direct := sh.out
	sh.out = out
	defer func() { sh.out = direct }()
	number := 0
	next := func() bool {
		if sh.leave || !sc.Scan() {
			return false
		}
		number++
		return true
	}
	sh.lines = func(context.Context) (string, error) {
		if !next() {
			return "", cmp.Or(sc.Err(), io.EOF)
		}
		return strings.TrimSuffix(sc.Text(), "\r"), nil
	}
	defer func() { sh.lines = nil }()
	for next() {
		line, began := strings.TrimSuffix(sc.Text(), "\r"), number
		err := sh.Execute(ctx, line)
		if flushErr := out.Flush(); err == nil {
			err = flushErr
		}
		if err != nil {
			return &ScriptError{Line: began, Text: line, Err: err}
		}
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		return &ScriptError{Line: number + 1, Err: fmt.Errorf("cannot read this line: it has more than %d bytes", maxLine)}
	} else if err != nil {
		return fmt.Errorf("cannot read the commands: %w", err)
	}
	if changed, err := sh.changed(ctx); err != nil {
		return err
	} else if changed {
		return &ScriptError{Err: errors.New("changes were not committed, and are given up")}
	}
	return nil
}
