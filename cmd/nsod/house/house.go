// SPDX-License-Identifier: Apache-2.0

// Package house furnishes the daemon: the rooms behind the doors, what reload and
// stop do, and the end.
//
// It binds nothing: doors are listeners that were inherited and inspected.
//
// Invariants:
//  1. A door serves only what the configuration names (Rules, Listen).
//  2. Close accepts nothing more, lets who was accepted have its hello, and tells
//     every session why it ends.
package house

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/activation"
	"nso.example/nso/auth"
	"nso.example/nso/config"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/cdb"
	"nso.example/nso/ipc/control"
	"nso.example/nso/ipc/events"
	"nso.example/nso/ipc/exec"
	"nso.example/nso/ipc/maapi"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/netconf"
	"nso.example/nso/netconf/files"
	"nso.example/nso/netconf/local"
	"nso.example/nso/netconf/tcp"
	"nso.example/nso/sshd"
)

// Options are what a House is made of. All are required.
type Options struct {
	Version string
	Config  *config.Config
	// Load reads the configuration again, for reload.
	Load func() (*config.Config, error)
	// Later says that the units of doors hand them over while the daemon runs.
	Later  bool
	Keys   auth.Keys // of those who log in over SSH
	Log    *slog.Logger
	Level  *slog.LevelVar // of Log
	Server *mgmt.Server
	Stop   func() // asks the daemon to end
}

// House is what the doors open into.
type House struct {
	opts   Options
	log    *slog.Logger
	server *mgmt.Server

	reload sync.Mutex
	conf   *config.Config // as it is in force; under reload

	policy  atomic.Pointer[ident.Policy]
	netconf *netconf.Server
	ipc     *varlink.Server
	tcp     *tcp.Door
	diag    *ident.Diag // nil: no inet-diag was passed

	sshMu    sync.Mutex
	ssh      *sshd.Server // see openSSH; under sshMu
	sshDoors map[string]*sshd.Door
	logins   *logins // what the doors over SSH ask; under sshMu
	resolver *ident.Resolver

	doors doors
	// life ends when the sessions have been told why they end.
	life context.Context
	end  context.CancelFunc
}

// Open builds the rooms behind the doors and begins to serve.
func Open(o Options, in *activation.Inherited) (*House, error) {
	h := &House{opts: o, conf: o.Config, log: o.Log, server: o.Server}
	h.life, h.end = context.WithCancel(context.Background())
	p := h.conf.Policy()
	h.policy.Store(&p)
	h.server.ExplainDenials(h.conf.Access.Explain)
	if f := in.File(doorDiag); f != nil {
		h.diag = ident.NewDiag(f)
	}
	h.resolver = ident.NewResolver()
	limits := h.conf.Limits
	store, err := files.Open(filepath.Join(h.conf.State.Dir, "files"))
	if err != nil {
		return nil, fmt.Errorf("cannot open the folder of what users put aside: %w; see state.dir in nso.toml", err)
	}
	h.netconf = netconf.New(h.server, netconf.Options{
		MessageSize: int64(limits.MessageSize), HelloTimeout: time.Duration(limits.HelloTimeout),
		IdleTimeout: time.Duration(limits.IdleTimeout), Log: h.log, Files: store,
		PrivateCandidate: h.conf.NETCONF.Candidate == config.CandidatePrivate,
	})
	door := &identifier{self: uint32(os.Getuid()), diag: h.diag, resolver: h.resolver}
	ipc, err := varlink.NewServer(varlink.Config{
		Vendor: "nso", Product: "nsod", Version: h.opts.Version, URL: "urn:nso",
		Interfaces: []varlink.Interface{
			control.New(h.server, h.steering()), maapi.New(h.server, h.as), local.New(h.netconf), cdb.New(h.server), events.New(h.server),
			exec.New(h.server, exec.Options{IPCPath: h.conf.IPC.Path, Connect: h.connect, Log: h.log}),
		},
		Limits: varlink.Limits{Connections: limits.Connections, FirstMessage: time.Duration(limits.HelloTimeout),
			IdleIn: map[varlink.State]time.Duration{
				maapi.InSession: idle(time.Duration(limits.IdleTimeout)), control.Holding: varlink.NoLimit}},
		Identify: door.origin(peer.Identifier(h.server, door.actor)), Narrow: narrow,
		Refused: func(c *varlink.Conn, op string, reason error) {
			if op == "" {
				h.server.Audit().Refused(peer.Actor(c), c.Door(), "", reason)
			} else {
				h.server.Audit().DeniedCall(peer.Actor(c), c.Door(), op, reason)
			}
		},
		Log: h.log,
	})
	if err != nil {
		return nil, err
	}
	h.ipc = ipc
	if h.diag != nil {
		h.tcp = tcp.New(h.netconf, tcp.Options{
			Diag: h.diag, Resolver: h.resolver, Policy: func() ident.Policy { return *h.policy.Load() },
			Admin: h.server.Admin, Connections: limits.Connections, Reserve: limits.SessionsReserved, PerUser: perUser(limits),
			HelloTimeout: time.Duration(limits.HelloTimeout), Log: h.log,
		})
	}
	for _, name := range []string{tcp.Name, doorNETCONFSSH, doorCLISSH, doorIPCTCP, doorIPC} {
		listeners := in.Listeners(name)
		if overSSH(name) && len(listeners) > 0 {
			if err := h.openSSH(name); err != nil {
				return nil, err
			}
		}
		if err := h.doors.add(name, listeners, nil, h.serve); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// idle is limits.idle-timeout in the words of varlink.
func idle(d time.Duration) time.Duration {
	if d == 0 {
		return varlink.NoLimit
	}
	return d
}

// Healthy is what the watchdog is told: the house answers.
func (h *House) Healthy() error { return h.server.Healthy() }

// grace is how long a connection that was accepted may take for its hello when the
// daemon stops.
const grace = 2 * time.Second

// Close accepts nothing more, answers who was accepted, ends every session with a
// reason, and then closes what is left. Who waits in the kernel's queues stays there,
// for the next daemon.
func (h *House) Close(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	short, over := context.WithTimeout(ctx, grace)
	defer over()
	h.doors.close(short)
	h.ipc.Drain(short)
	if h.tcp != nil {
		h.tcp.Drain(short)
	}
	if s := h.sshServer(); s != nil {
		s.Drain(short)
	}
	err := h.server.Shutdown(ctx, "the daemon is stopping")
	h.end()
	h.rememberSources()
	return errors.Join(err, h.ipc.Shutdown(ctx))
}

// steering is what org.nso.Control may ask of the daemon.
func (h *House) steering() control.Steering {
	return control.Steering{
		Version: h.opts.Version, PID: os.Getpid(), UID: os.Getuid(),
		Doors: func() []control.Door {
			doors := h.doors.list()
			for i := range doors {
				switch doors[i].Name {
				case tcp.Name:
					doors[i].Connections = h.tcp.Connections()
				case doorNETCONFSSH, doorCLISSH:
					doors[i].Connections = h.sshDoor(doors[i].Name).Connections()
				default:
					doors[i].Connections = h.ipc.Open(doors[i].Name)
				}
			}
			return doors
		},
		Level:    h.opts.Level,
		Explain:  h.explaining(),
		Resident: resident,
		Panics:   h.panics,
		Reload:   h.Reload,
		Stop:     h.opts.Stop,
		Listen:   h.Listen,
	}
}

// panics is how many there were at all doors. It is zero, or there is a bug.
func (h *House) panics() uint64 {
	n := h.netconf.Panics() + h.ipc.Panics()
	if s := h.sshServer(); s != nil {
		n += s.Panics()
	}
	return n
}

// resident is the resident memory in bytes, 0 if /proc does not say.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
