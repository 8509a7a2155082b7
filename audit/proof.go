// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"log/slog"

	"nso.example/nso/journald/event"
)

// maxName bounds the name that a client says is his.
const maxName = 64

// Proof is one method by which somebody has tried to show who he is.
type Proof struct {
	User   string // as he says
	Door   string
	Source string
	Method string // of RFC 4252
	By     string // who has accepted it, or where the key was
}

func (p Proof) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("user", p.User[:min(len(p.User), maxName)]), slog.String("door", p.Door), slog.String("source", p.Source), slog.String("method", p.Method)}
	if p.By != "" {
		attrs = append(attrs, slog.String("by", p.By))
	}
	return attrs
}

// Proved is a method that has succeeded.
func (t *Trail) Proved(p Proof) { t.write(notice, "authenticated", event.Proved, p.attrs()) }

// NotProved is one that has not.
func (t *Trail) NotProved(p Proof, reason error) {
	t.refusal("not authenticated", event.NotProved, "at "+p.Door+" "+network(p.Source), append(p.attrs(), slog.Any("reason", reason)))
}
