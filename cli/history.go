// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// history is what was typed, newest last; nothing twice in a row, no answers, and no
// secrets.
type history struct {
	lines []string
	off   bool
	file  string // the user's own, where it outlives the session; "": it does not
}

const (
	maxHistory = 500
	// maxHistoryFile is from where on the file is made short again, bytes.
	maxHistoryFile = 1 << 20
)

// Add adds a line.
func (h *history) Add(line string) {
	if h.off || strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	if len(h.lines) == maxHistory {
		h.lines = append(h.lines[:0], h.lines[1:]...)
	}
	h.lines = append(h.lines, line)
}

// Len is the number of lines.
func (h *history) Len() int { return len(h.lines) }

// At is a line, 0 the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

// find is the newest line but skip that has text in it.
func (h *history) find(text string, skip int) (string, bool) {
	seen := make(map[string]bool)
	for _, l := range slices.Backward(h.lines) {
		if strings.Contains(l, text) && !seen[l] {
			if skip == 0 {
				return l, text != ""
			}
			seen[l] = true
			skip--
		}
	}
	return "", false
}

// drop forgets a line that was added last.
func (h *history) drop(line string) {
	if n := len(h.lines); n > 0 && h.lines[n-1] == line {
		h.lines = h.lines[:n-1]
	}
}

// HistoryFile is where the history of this process's user is kept, "" if that is not known
// (XDG Base Directory Specification, XDG_STATE_HOME).
func HistoryFile() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "nso", "history")
}

// load reads the file. What cannot be read is no history, and no reason not to work.
func (h *history) load(file string) {
	h.file = file
	f, err := openHistory(file, os.O_RDONLY)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		h.file = ""
		return
	}
	if info.Size() > maxHistoryFile {
		if _, err := f.Seek(-maxHistoryFile, io.SeekEnd); err != nil {
			return
		}
	}
	sc := bufio.NewScanner(io.LimitReader(f, maxHistoryFile))
	for sc.Scan() {
		if line := sc.Text(); printable(line) == line {
			h.Add(line)
		}
	}
	if info.Size() > maxHistoryFile {
		h.rewrite()
	}
}

// openHistory opens no link, and waits for no pipe.
func openHistory(file string, flag int) (*os.File, error) {
	return os.OpenFile(file, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
}

// keep adds a line to the file; whether it can be kept is not what the user is here for.
func (h *history) keep(line string) {
	if h.file == "" || strings.TrimSpace(line) == "" || printable(line) != line {
		return
	}
	// That of root is of mode 0700 too: what somebody typed is nobody else's.
	if err := os.MkdirAll(filepath.Dir(h.file), 0o700); err != nil {
		return
	}
	f, err := openHistory(h.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return
	}
	_, _ = io.WriteString(f, line+"\n") // one write: lines of two sessions do not mix
	_ = f.Close()
}

// rewrite makes the file what is known now.
func (h *history) rewrite() {
	f, err := os.CreateTemp(filepath.Dir(h.file), ".history") // of mode 0600
	if err != nil {
		return
	}
	var b bytes.Buffer
	for _, l := range h.lines {
		fmt.Fprintln(&b, l)
	}
	_, err = f.Write(b.Bytes())
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), h.file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

// KeepHistory has what is typed on a terminal be kept in a file of the user's. It is for
// processes that run as the user.
func (sh *Shell) KeepHistory(file string) { sh.history = file }

// secret reports whether a line may hold one: a value that is not to be read, or what could
// not be told.
func (sh *Shell) secret(ctx context.Context, line string) bool {
	words, err := split(line, false)
	if err != nil {
		return true
	}
	words, _ = cutPipes(words)
	if len(words) == 0 {
		return false
	}
	cmd, err := sh.command(words[0])
	if err != nil {
		return true
	}
	switch cmd.name {
	case "execute":
		return sh.secretArgument(ctx, words[1:])
	case "request": // the input of any model
		return len(words) > 3
	case "set", "delete":
		r := newResolver(sh.schemas, sh.at, toSet)
		if cmd.name == "delete" {
			r.purpose = toDelete
		}
		for _, w := range words[1:] {
			if err := r.read(ctx, w); err != nil || r.at.node.Secret != "" {
				return true
			}
		}
	}
	return false
}

// secretArgument reports whether the program takes one, or is not known.
func (sh *Shell) secretArgument(ctx context.Context, words []word) bool {
	if len(words) < 2 {
		return false
	}
	p, err := sh.program(ctx, words[0])
	return err != nil || slices.ContainsFunc(p.Arguments, func(a ProgramArgument) bool { return a.Secret })
}
