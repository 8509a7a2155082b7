// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"log/slog"
	"time"

	"nso.example/nso/journald/event"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Run is a command that runs outside of the daemon. What is not known is zero.
type Run struct {
	Session Session
	Rule    string
	RunAs   string   // user of the system
	Argv    []string // less what is secret
	Reason  string   // why it was refused, where that is not what the client was told
	Length  time.Duration
}

func (r Run) attrs() []slog.Attr {
	attrs := append(r.Session.attrs(), slog.String("op", "run"), slog.String("command", clip(r.Rule)))
	if r.RunAs != "" {
		attrs = append(attrs, slog.String("runas", r.RunAs), slog.Any("argv", r.Argv))
	}
	return attrs
}

// RunBegins is written when a command has been started.
func (t *Trail) RunBegins(r Run, pid int) {
	t.write(notice, "command started", event.Run, append(r.attrs(), slog.Int("child", pid)))
}

// RunEnds says how a command ended, and how many bytes it has written.
func (t *Trail) RunEnds(r Run, how string, bytes uint64) {
	t.write(notice, "command ended", event.RunEnded, append(r.attrs(), slog.String("reason", how), slog.Uint64("bytes", bytes), slog.Duration("dur", r.Length)))
}

// RunRefused is a command that was not started.
func (t *Trail) RunRefused(r Run, err error) {
	reason := err.Error()
	if r.Reason != "" {
		reason = r.Reason
	}
	t.refusal("command refused", event.RunRefused, uidKey(r.Session.Actor), append(r.attrs(), slog.String("reason", clip(reason))))
}

// Invocation is an rpc or action of a model that somebody had done.
type Invocation struct {
	Session   Session
	Operation *yang.Node
	At        tree.Path // instance that has the action
	Input     *tree.Node
	Err       error
	Length    time.Duration
}

// Invoked says that an rpc or action was done, or that and why it was not. Of the input
// it has the names of what was said, and no values.
func (t *Trail) Invoked(i Invocation) {
	attrs := append(i.Session.attrs(), slog.String("op", i.Operation.Module.Name+":"+i.Operation.Name))
	if len(i.At) > 0 {
		attrs = append(attrs, slog.Any("path", []string{Path(i.At)}))
	}
	if said := names(i.Input); len(said) > 0 {
		attrs = append(attrs, slog.Any("input", said))
	}
	if i.Err != nil {
		t.refusal("operation failed", event.InvokeFailed, uidKey(i.Session.Actor), append(attrs, slog.String("reason", t.kind(i.Err)), slog.Duration("dur", i.Length)))
		return
	}
	t.write(notice, "operation", event.Invoked, append(attrs, slog.Duration("dur", i.Length)))
}

// kind is what an error is and where. Its text may have values.
func (t *Trail) kind(err error) string {
	list := mgmterr.Of(err)
	if len(list) == 0 {
		return "internal error"
	}
	if list[0].Path == "" {
		return string(list[0].Tag)
	}
	return string(list[0].Tag) + " at " + PathText(t.schema, list[0].Path)
}

// names are those of what is in a node, its children's aside.
func names(n *tree.Node) (all []string) {
	for c := range n.Children() {
		if len(all) == maxChanges {
			return append(all, "...")
		}
		all = append(all, c.Schema.Name)
	}
	return all
}
