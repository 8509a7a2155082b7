// SPDX-License-Identifier: Apache-2.0

// Package sudo starts the sockets of the helpers by way of sudo, for systems without
// polkit: sudo's rules decide.
//
// It starts sudo and nothing else, with arguments that mediate.Target made.
package sudo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"nso.example/nso/mediate"
)

// Way is the mediator's way by sudo.
type Way struct{}

const (
	sudo      = "/usr/bin/sudo"
	systemctl = "/usr/bin/systemctl"
	limit     = 20 * time.Second
)

// Start starts the socket of a target.
func (Way) Start(ctx context.Context, t mediate.Target) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// -n: nobody is there to be asked.
	cmd := exec.CommandContext(ctx, sudo, "-n", "--", systemctl, "start", t.Unit())
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &short{&said}, &short{&said}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot start %s: %s (%w); see /etc/sudoers.d/nso, which is off as installed", t.Unit(), strings.TrimSpace(said.String()), err)
	}
	return nil
}

// Authorize refuses: sudo has no answer to who wants what by which door.
func (Way) Authorize(_ context.Context, c mediate.Command) error {
	return errors.New("cannot ask about " + c.Rule + ": sudo decides about units, not about commands; install nso-polkit, or take authorize from the rule")
}

// short keeps the first KiB of what is written.
type short struct{ to *bytes.Buffer }

func (s *short) Write(p []byte) (int, error) {
	if room := 1024 - s.to.Len(); room > 0 {
		s.to.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
