// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

func (sh *Shell) configure(ctx context.Context, in *invocation) error {
	if err := in.none(); err != nil {
		return err
	}
	th, err := sh.agent.Begin(ctx, "running", true)
	if err != nil {
		return err
	}
	sh.th, sh.configuring, sh.dirty, sh.at, sh.back = th, true, false, sh.top(), nil
	return nil
}

// Words that show takes before a path; they win over nodes of the same name,
// which can be named with their module.
const (
	wordConfiguration = "configuration"
	wordSessions      = "sessions"
	wordStatus        = "status"
)

// showWord tells whether a word after show is one of its own, among the nodes
// that it could be too.
func (sh *Shell) showWord(ctx context.Context, w word) (string, error) {
	if w.quoted {
		return "", nil
	}
	own := []string{wordConfiguration, wordSessions, wordStatus}
	name, err := pick(w, own)
	if err != nil || name == w.text {
		return name, nil // a path, then, and explained as one
	}
	nodes, err := newResolver(sh.schemas, sh.top(), toShowState).offered(ctx)
	if err != nil {
		return "", err
	}
	n, near := find(nodes, w.text)
	switch {
	case n != nil && (n.label == w.text || n.Module+":"+n.Name == w.text):
		return "", nil
	case n != nil:
		near = []*node{n}
	}
	if len(near) > 0 {
		return "", at(w.start, w.end, "cannot tell which "+shown(w)+" is meant", append([]string{name}, labels(near)...)...)
	}
	return name, nil
}

func (sh *Shell) show(ctx context.Context, in *invocation) error {
	if len(in.args) > 0 {
		name, err := sh.showWord(ctx, in.args[0])
		if err != nil {
			return err
		}
		switch name {
		case wordConfiguration:
			return sh.showPath(ctx, in, in.args[1:], toShowConfig)
		case wordSessions, wordStatus:
			if len(in.args) > 1 {
				w := in.args[1]
				return at(w.start, w.end, "cannot read "+shown(w)+": nothing can follow")
			}
			return sh.showDaemon(ctx, in, name)
		}
	}
	return sh.showPath(ctx, in, in.args, toShowState)
}

func (sh *Shell) showPath(ctx context.Context, in *invocation, words []word, p purpose) error {
	r := newResolver(sh.schemas, sh.origin(p), p)
	if len(words) > 0 {
		if err := r.resolve(ctx, words, in.end); err != nil {
			return err
		}
	}
	th, end, err := sh.reading(ctx, p)
	if err != nil {
		return err
	}
	defer end()
	return sh.agent.Show(ctx, th, r.at.path, in.format("curly"), in.out)
}

func (sh *Shell) completeShow(ctx context.Context, words []word, c *Completion) error {
	purpose := toShowState
	if len(words) == 0 {
		err := sh.offerPermitted(ctx, c, "show", [2]string{wordConfiguration, "the configuration alone"},
			[2]string{wordSessions, "who is logged in"}, [2]string{wordStatus, "the daemon itself"})
		if err != nil {
			return err
		}
	} else {
		name, err := sh.showWord(ctx, words[0])
		if err != nil {
			return err
		}
		switch name {
		case wordConfiguration:
			words, purpose = words[1:], toShowConfig
		case wordSessions, wordStatus:
			return completeNone(sh, ctx, words[1:], c)
		}
	}
	return sh.completeShowPath(ctx, words, purpose, c)
}

func (sh *Shell) completeShowPath(ctx context.Context, words []word, p purpose, c *Completion) error {
	r, err := sh.completePath(ctx, words, p, c)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		c.hint(enter, "run this")
	}
	if len(words) == 0 || r.done {
		c.hint("|", "pipe through a filter")
	}
	return nil
}

func (sh *Shell) showDaemon(ctx context.Context, in *invocation, what string) error {
	var data any
	var err error
	var text func(io.Writer) error
	if what == wordSessions {
		var s []SessionInfo
		s, err = sh.agent.Sessions(ctx)
		data, text = s, func(w io.Writer) error { return WriteSessions(w, s) }
	} else {
		var s *Status
		s, err = sh.agent.Status(ctx)
		data, text = s, func(w io.Writer) error { return WriteStatus(w, s) }
	}
	if err != nil {
		return err
	}
	switch in.out.format {
	case "json":
		return WriteJSON(in.out, data)
	case "", "curly":
		return text(in.out)
	}
	return fmt.Errorf("cannot display %s as %s: only as json", what, in.out.format)
}

// WriteJSON writes what a tool prints with --json.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// WriteSessions writes a table of sessions.
func WriteSessions(w io.Writer, sessions []SessionInfo) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tUSER\tTRANSPORT\tSOURCE\tSINCE\tLOCKS")
	for _, s := range sessions {
		locks := "-"
		if len(s.Locks) > 0 {
			locks = strings.Join(s.Locks, ",")
		}
		user := cell(s.User)
		if s.Own != "" {
			user += " (" + oneLine(s.Own) + ")"
		}
		if s.Recovery {
			user += " (recovery)"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", s.ID, user, cell(s.Transport), cell(s.Source), cell(s.Since), cell(locks))
	}
	return t.Flush()
}

func cell(text string) string {
	if text == "" {
		return "-"
	}
	return oneLine(text)
}

// WriteStatus writes what the daemon says of itself.
func WriteStatus(w io.Writer, s *Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	row("version", "%s", cell(s.Version))
	row("running", "pid %d, uid %d, up %s (since %s)", s.PID, s.UID, time.Duration(s.UptimeSeconds)*time.Second, cell(s.Started))
	for i, d := range s.Doors {
		name := ""
		if i == 0 {
			name = "doors"
		}
		row(name, "%s on %s, %d open", cell(d.Name), cell(d.Address), d.Connections)
	}
	row("sessions", "%d", s.Sessions)
	row("datastore", "revision %d", s.Revision)
	implemented := 0
	for _, m := range s.Modules {
		if m.Implemented {
			implemented++
		}
	}
	row("schema", "%d modules, %d implemented", len(s.Modules), implemented)
	row("memory", "%.1f MB resident", float64(s.Resident)/1e6)
	if s.Panics > 0 {
		row("panics", "%d: this is a bug, see the log", s.Panics)
	}
	return t.Flush()
}

// editing tells who else may be at work, and what of one's own is not committed.
func (sh *Shell) editing(ctx context.Context, in *invocation) error {
	if err := in.none(); err != nil {
		return err
	}
	if err := sh.showDaemon(ctx, in, wordSessions); err != nil || in.out.format == "json" {
		return err
	}
	var n lineCounter
	if err := sh.agent.Diff(ctx, sh.th, "set", &n); err != nil {
		return err
	}
	text := "nothing to commit"
	if n > 0 {
		text = fmt.Sprintf("not committed: %d changes, which compare shows", n)
	}
	_, err := fmt.Fprintln(in.out, text)
	return err
}

// lineCounter counts the lines that are written to it.
type lineCounter int64

func (c *lineCounter) Write(b []byte) (int, error) {
	*c += lineCounter(bytes.Count(b, []byte{'\n'}))
	return len(b), nil
}

// setDisplay chooses how configuration and data are shown.
func (sh *Shell) setDisplay(_ context.Context, in *invocation) error {
	var names [3]string
	for i, choices := range [][]string{{"cli"}, {"display"}, styles()} {
		if len(in.args) <= i {
			return at(in.end, in.end+1, "cannot go on without a word", choices...)
		}
		var err error
		if names[i], err = pick(in.args[i], choices); err != nil {
			return err
		}
	}
	if len(in.args) > len(names) {
		w := in.args[len(names)]
		return at(w.start, w.end, "cannot read "+shown(w)+": nothing can follow")
	}
	sh.display = names[2]
	return nil
}

// styles are the formats that everything can be shown in.
func styles() []string { return []string{"curly", "set"} }

func (sh *Shell) completeDisplay(_ context.Context, words []word, c *Completion) error {
	switch len(words) {
	case 0:
		c.offer("cli", "this command line")
	case 1:
		c.offer("display", "how configuration and data are shown")
	case 2:
		c.offer("curly", "with braces")
		c.offer("set", "as lines of set")
	default:
		c.hint(enter, "run this")
	}
	return nil
}
