// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"nso.example/nso/auth"
	"nso.example/nso/config"
	"nso.example/nso/helper"
	"nso.example/nso/netconf"
	"nso.example/nso/sshd"
)

// The doors over SSH. They share host keys, limits, and what is held against a source.
const (
	doorNETCONFSSH = "netconf-ssh"
	doorCLISSH     = "cli-ssh"
)

// Keys are those of the users: the administrator's, or, of an instance with a
// configuration file of its own, those of who runs it, beside that.
func Keys(file string) auth.Keys {
	if file == "" {
		return auth.Keys{Dir: "/etc/nso/ssh/keys.d", Owner: 0}
	}
	return auth.Keys{Dir: filepath.Join(filepath.Dir(file), "keys.d"), Owner: uint32(os.Getuid())}
}

func overSSH(name string) bool { return name == doorNETCONFSSH || name == doorCLISSH }

// sshServer is what the doors over SSH share, nil while nobody has wanted one.
func (h *House) sshServer() *sshd.Server {
	h.sshMu.Lock()
	defer h.sshMu.Unlock()
	return h.ssh
}

// sshDoor is a door over SSH, nil while nobody has wanted it.
func (h *House) sshDoor(name string) *sshd.Door {
	h.sshMu.Lock()
	defer h.sshMu.Unlock()
	return h.sshDoors[name]
}

// openSSH makes a door over SSH when it is first wanted: a host that has no such door
// gets no host keys either.
func (h *House) openSSH(name string) error {
	h.sshMu.Lock()
	defer h.sshMu.Unlock()
	if h.sshDoors[name] != nil {
		return nil
	}
	if h.ssh == nil {
		keys, err := sshd.HostKeys(os.Getenv("CREDENTIALS_DIRECTORY"), filepath.Join(h.opts.Config.State.Dir, "ssh"))
		if err != nil {
			return err
		}
		limits := h.opts.Config.Limits
		h.ssh, err = sshd.New(sshd.Options{
			HostKeys: keys, Audit: h.server.Audit(), Banner: h.opts.Config.Login.Banner, Admin: h.server.Admin,
			Connections: limits.Connections, Reserve: limits.SessionsReserved, PerUser: perUser(limits), HelloTimeout: time.Duration(limits.HelloTimeout), Log: h.log,
		})
		if err != nil {
			return err
		}
		h.sshDoors = make(map[string]*sshd.Door)
	}
	method, programs := helper.NETCONF, sshd.Programs{Subsystems: map[string]sshd.Program{"netconf": h.netconfProgram}} // RFC 6242, 3
	if name == doorCLISSH {
		method, programs = helper.CLI, sshd.Programs{Shell: h.commandLine}
	}
	in, err := h.authenticator(name, method)
	if err != nil {
		return err
	}
	h.sshDoors[name] = h.ssh.Door(name, in, programs)
	return nil
}

// perUser is how many connections a user may have at a door.
func perUser(l config.Limits) int { return max(512, l.SessionsPerUser) }

// netconfProgram is a NETCONF session on a channel.
func (h *House) netconfProgram(ctx context.Context, s *sshd.Session) int {
	h.netconf.Serve(ctx, s, netconf.Peer{Actor: s.Actor, Transport: doorNETCONFSSH, Greeted: s.Greeted}, s.Began)
	return 0
}
