// SPDX-License-Identifier: Apache-2.0

package house

import (
	"os"
	"path/filepath"
	"time"

	"nso.example/nso/helper"
	"nso.example/nso/netconf/ssh"
)

// sshDoor is the door netconf-ssh, nil while nobody has wanted it.
func (h *House) sshDoor() *ssh.Door {
	h.sshMu.Lock()
	defer h.sshMu.Unlock()
	return h.ssh
}

// openSSH makes the door netconf-ssh when it is first wanted: a host that has no such
// door gets no host keys either.
func (h *House) openSSH() error {
	h.sshMu.Lock()
	defer h.sshMu.Unlock()
	if h.ssh != nil {
		return nil
	}
	keys, err := ssh.HostKeys(os.Getenv("CREDENTIALS_DIRECTORY"), filepath.Join(h.opts.Config.State.Dir, "ssh"))
	if err != nil {
		return err
	}
	in, err := h.authenticator("netconf-ssh", helper.NETCONF)
	if err != nil {
		return err
	}
	limits := h.opts.Config.Limits
	h.ssh, err = ssh.New(h.netconf, ssh.Options{
		Auth: in, HostKeys: keys, Admin: h.server.Admin, Connections: limits.Connections, Reserve: limits.SessionsReserved,
		HelloTimeout: time.Duration(limits.HelloTimeout), Log: h.log,
	})
	return err
}
