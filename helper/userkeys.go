// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Where the sockets nso-keys@USER.socket are, and where nso-keys@USER.service puts what
// it has read.
const (
	KeysSockets = "/run/nso/keys"
	KeysTexts   = "/run/nso/authorized"
)

// Limits of nso-keys@.service.
const (
	// KeysTime is how long one may take.
	KeysTime = 3 * time.Second
	// MaxKeysText is how much of a file is used.
	MaxKeysText = 64 << 10
	// keysFresh is how long an answer counts: whoever offers keys without end starts one
	// process a second.
	keysFresh = time.Second
)

// UserKeys asks systemd to read ~/.ssh/authorized_keys of users, as these users: a
// connection to a user's socket starts a system program that writes it to a file of
// root's, and the end of that connection says that it is written. Which users have a
// socket is root's decision. Many goroutines may use it; none of its fields may be
// changed then.
type UserKeys struct {
	Sockets, Texts string // "": KeysSockets and KeysTexts

	mu     sync.Mutex
	asking map[string]*keysAnswer
}

// keysAnswer is what one process has read, or will.
type keysAnswer struct {
	done  chan struct{}
	text  []byte
	err   error
	until time.Time // since it is done
}

// Any reports whether any user has a socket.
func (k *UserKeys) Any() bool {
	d, err := os.Open(k.sockets())
	if err != nil {
		return false
	}
	defer d.Close()
	names, _ := d.Readdirnames(1)
	return len(names) > 0
}

func (k *UserKeys) sockets() string {
	if k.Sockets != "" {
		return k.Sockets
	}
	return KeysSockets
}

// Read returns the user's authorized keys. The error wraps fs.ErrNotExist if the user has
// no socket.
func (k *UserKeys) Read(ctx context.Context, user string) ([]byte, error) {
	if err := CheckUser(user); err != nil {
		return nil, err
	}
	socket := filepath.Join(k.sockets(), user)
	if info, err := os.Lstat(socket); err != nil {
		return nil, fmt.Errorf("cannot ask for the keys of %s: %w", user, err)
	} else if info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("cannot ask for the keys of %s: %s is no socket", user, socket)
	}
	k.mu.Lock()
	a := k.asking[user]
	if a == nil || a.over(time.Now()) {
		a = &keysAnswer{done: make(chan struct{})}
		k.forget()
		k.asking[user] = a
		k.mu.Unlock()
		// Its own deadline: others wait for it too.
		asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), KeysTime)
		go func() {
			defer cancel()
			a.text, a.err = k.read(asked, user, socket)
			a.until = time.Now().Add(keysFresh)
			close(a.done)
		}()
	} else {
		k.mu.Unlock()
	}
	select {
	case <-a.done:
		return a.text, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (a *keysAnswer) over(now time.Time) bool {
	select {
	case <-a.done:
		return now.After(a.until)
	default:
		return false
	}
}

// forget drops answers that count no more; under mu.
func (k *UserKeys) forget() {
	if k.asking == nil {
		k.asking = make(map[string]*keysAnswer)
	}
	now := time.Now()
	for user, a := range k.asking {
		if a.over(now) {
			delete(k.asking, user)
		}
	}
}

// read starts the process and waits for its end.
func (k *UserKeys) read(ctx context.Context, user, socket string) ([]byte, error) {
	began := time.Now()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the keys of %s: %w", user, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	// systemd closes it when the process has ended (FlushPending=).
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err != io.EOF && !isReset(err) {
		return nil, fmt.Errorf("cannot ask for the keys of %s: nso-keys@%s.service does not end: %w", user, user, err)
	}
	texts := k.Texts
	if texts == "" {
		texts = KeysTexts
	}
	f, err := os.OpenFile(filepath.Join(texts, user), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys of %s: %w", user, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the keys of %s: %w", user, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("cannot read the keys of %s: %s is no file", user, f.Name())
	case info.ModTime().Before(began.Add(-clockTick)):
		// The process could not start: what is there is what another one has read.
		return nil, fmt.Errorf("cannot read the keys of %s: nso-keys@%s.service did not run; its log says why", user, user)
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxKeysText+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys of %s: %w", user, err)
	}
	if len(text) > MaxKeysText { // not a line of which half is there
		text = text[:strings.LastIndexByte(string(text), '\n')+1]
	}
	return text, nil
}

// clockTick is how far the clock of files may be behind.
const clockTick = 50 * time.Millisecond

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
