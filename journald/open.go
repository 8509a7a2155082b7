// SPDX-License-Identifier: Apache-2.0

package journald

import (
	"io"
	"log/slog"
	"os"

	"github.com/coreos/go-systemd/v22/journal"
)

// socketPath is where journald listens.
const socketPath = "/run/systemd/journal/socket"

// Log is the log of a program.
type Log struct {
	*slog.Logger
	socket *socket // nil: it goes to standard error
}

// Open makes the log of a program, whose standard error is given.
func Open(program string, stderr io.Writer, level slog.Leveler) *Log {
	// JOURNAL_STREAM is inherited; only device and inode say that it is meant.
	native := false
	if stderr == io.Writer(os.Stderr) {
		native, _ = journal.StderrIsJournalStream()
	}
	if native {
		if l, err := openNative(program, socketPath, level); err == nil {
			return l
		} else {
			l := text(stderr, level, true)
			l.Warn("the journal takes no fields, so this is text", "err", err)
			return l
		}
	}
	return text(stderr, level, false)
}

func openNative(program, path string, level slog.Leveler) (*Log, error) {
	s, err := dial(path, program)
	if err != nil {
		return nil, err
	}
	return &Log{Logger: slog.New(newHandler(s, program, level)), socket: s}, nil
}

// text is the log in lines; slog writes what is not printable in quotes.
func text(w io.Writer, level slog.Leveler, timed bool) *Log {
	return &Log{Logger: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if timed && len(groups) == 0 && a.Key == slog.TimeKey { // the journal has its own
				return slog.Attr{}
			}
			return a
		}}))}
}

// Native reports whether records go to the journal with their fields.
func (l *Log) Native() bool { return l.socket != nil }

// Close gives the journal what is left, for a moment.
func (l *Log) Close() {
	if l.socket != nil {
		l.socket.close()
	}
}
