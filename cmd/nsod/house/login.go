// SPDX-License-Identifier: Apache-2.0

package house

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/audit"
	"nso.example/nso/auth"
	"nso.example/nso/helper"
)

// logins is whom the doors over SSH ask together, so that what one source may take of the
// helpers is what it may take at all doors.
type logins struct {
	pam      *helper.PAM      // nil: there is none
	external *helper.External // nil: there is none
	own      *helper.UserKeys // nil: there are none
}

// authenticator lets in who comes through a door over SSH and says what he wants there.
// Under sshMu.
func (h *House) authenticator(_ string, method helper.Method) (*auth.Authenticator, error) {
	if h.logins == nil {
		h.logins = h.newLogins()
	}
	conf := h.opts.Config.Login
	o := auth.Options{Keys: h.opts.Keys, UserKeys: h.logins.own, Users: h.server.Users, Resolver: h.resolver,
		PAM: h.logins.pam, External: h.logins.external, Backends: []auth.Backend{}, Method: method, Tried: h.tried}
	for _, m := range conf.Methods {
		b := auth.Backend(m)
		if b == auth.PAM && o.PAM == nil || b == auth.External && o.External == nil {
			continue // it would say nothing
		}
		o.Backends = append(o.Backends, b)
	}
	var err error
	if o.Chains, err = auth.ParseChains(conf.SSH); err != nil {
		return nil, err
	}
	if len(o.Backends) == 0 {
		if o.Chains = auth.WithoutPasswords(o.Chains); len(o.Chains) == 0 {
			return nil, errors.New("cannot open a door over SSH: each way of login.ssh in nso.toml takes a password, and login.methods names nobody here who knows one")
		}
	}
	return auth.New(o)
}

// newLogins are the helpers that can be reached. An instance that is its user's own (nso
// run) has none: they serve the installed daemon alone.
func (h *House) newLogins() *logins {
	if h.opts.Keys.Owner != 0 && unix.Access(helper.PAMSocket, unix.W_OK) != nil {
		return &logins{}
	}
	l := &logins{
		pam:      &helper.PAM{Queue: helper.NewQueue(helper.DefaultQueueLimits())},
		external: &helper.External{Format: helper.Format(h.opts.Config.Login.External), Queue: helper.NewQueue(helper.ExternalLimits())},
		own:      &helper.UserKeys{},
	}
	if text, err := readSources(h.sourcesFile()); err == nil {
		err = l.pam.Queue.Restore(text)
		if err != nil {
			h.log.Warn("cannot read which sources have logged in lately; their places are kept again when they do", "err", err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		h.log.Warn("cannot read which sources have logged in lately; their places are kept again when they do", "err", err)
	}
	go h.keepSources()
	return l
}

// tried writes an attempt to the audit.
func (h *House) tried(a auth.Attempt) {
	p := audit.Proof{User: a.User, Door: a.Door, Source: a.Source.String(), Method: string(a.Method), By: a.By}
	if a.Err != nil {
		h.server.Audit().NotProved(p, a.Err)
		return
	}
	h.server.Audit().Proved(p)
}

// Sources that have logged in are remembered across a restart: at most 4,096, in a file
// that is replaced at most once in sourcesTime. A crash forgets those since.
const (
	sourcesTime = time.Minute
	maxSources  = 1 << 20 // bytes
)

func (h *House) sourcesFile() string {
	return filepath.Join(h.opts.Config.State.Dir, "ssh", "sources.json")
}

func readSources(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSources+1))
	if err == nil && len(text) > maxSources {
		err = errors.New("cannot read " + path + ": it is too long")
	}
	return text, err
}

func (h *House) keepSources() {
	for {
		select {
		case <-h.life.Done(): // Close writes them
			return
		case <-time.After(sourcesTime):
			h.rememberSources()
		}
	}
}

// rememberSources writes the sources if there are new ones.
func (h *House) rememberSources() {
	h.sshMu.Lock()
	l := h.logins
	h.sshMu.Unlock()
	if l == nil || l.pam == nil {
		return
	}
	text := l.pam.Queue.Known()
	if text == nil {
		return
	}
	path := h.sourcesFile()
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		h.log.Warn("cannot write which sources have logged in lately", "err", err)
	}
}
