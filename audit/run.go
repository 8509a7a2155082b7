// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"log/slog"
	"time"

	"nso.example/nso/journald/event"
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
