// SPDX-License-Identifier: Apache-2.0

// Package house furnishes the daemon: the rooms behind the doors, what reload and
// stop do, and the end.
//
// It binds nothing: doors are listeners that were inherited and inspected.
//
// Invariants:
//  1. A door serves only what the configuration names (Rules).
//  2. Close tells every session why it ends, before the doors are closed.
package house

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/activation"
	"nso.example/nso/config"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/control"
	"nso.example/nso/ipc/maapi"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/netconf"
	"nso.example/nso/netconf/local"
	"nso.example/nso/netconf/tcp"
)

const doorIPC, doorDiag = "ipc", "inet-diag"

// Rules are the descriptors that the configuration names, and what each must be.
func Rules(c *config.Config) activation.Rules {
	r := activation.Rules{
		doorIPC: {Kind: activation.UnixStream, Path: c.IPC.Path, Mode: fs.FileMode(c.IPC.Mode), Owners: []uint32{uint32(os.Getuid())}},
	}
	if c.Listen.NETCONFTCP.Enabled {
		r[tcp.Name] = activation.Rule{Kind: activation.LoopbackTCP}
		r[doorDiag] = activation.Rule{Kind: activation.SockDiag}
	} else {
		r[doorDiag] = activation.Rule{Kind: activation.SockDiag, Optional: true}
	}
	return r
}

// Options are what a House is made of. All are required.
type Options struct {
	Version string
	Config  *config.Config
	File    string // that Config was read from, for reload
	Log     *slog.Logger
	Level   *slog.LevelVar // of Log
	Server  *mgmt.Server
	Stop    func() // asks the daemon to end
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
	doors   []control.Door
	// life ends when the sessions have been told why they end.
	life    context.Context
	end     context.CancelFunc
	serving sync.WaitGroup
}

// Open builds the rooms behind the doors and begins to serve.
func Open(o Options, in *activation.Inherited) (*House, error) {
	h := &House{opts: o, conf: o.Config, log: o.Log, server: o.Server}
	h.life, h.end = context.WithCancel(context.Background())
	p := h.conf.Policy()
	h.policy.Store(&p)
	resolver := ident.NewResolver()
	limits := h.conf.Limits
	h.netconf = netconf.New(h.server, netconf.Options{
		MessageSize: int64(limits.MessageSize), HelloTimeout: time.Duration(limits.HelloTimeout),
		IdleTimeout: time.Duration(limits.IdleTimeout), Log: h.log,
	})
	ipc, err := varlink.NewServer(varlink.Config{
		Vendor: "nso", Product: "nsod", Version: h.opts.Version, URL: "urn:nso",
		Interfaces: []varlink.Interface{
			control.New(h.server, h.steering()), maapi.New(h.server), local.New(h.netconf),
		},
		Limits: varlink.Limits{Connections: limits.Connections, FirstMessage: time.Duration(limits.HelloTimeout),
			IdleIn: map[varlink.State]time.Duration{maapi.InSession: idle(time.Duration(limits.IdleTimeout))}},
		Identify: peer.Identifier(h.server, func(ctx context.Context, conn *varlink.Conn) (ident.Actor, error) {
			unix := conn.UnixConn()
			if unix == nil {
				return ident.Actor{}, errors.New("cannot tell who is asking: this is no Unix socket")
			}
			p, err := ident.FromUnix(unix, conn.Door())
			if err != nil {
				return ident.Actor{}, err
			}
			return resolver.Actor(ctx, p)
		}),
		Log: h.log,
	})
	if err != nil {
		return nil, err
	}
	h.ipc = ipc
	// All doors are known before the first is open: status tells of them.
	inClear, onSocket := in.Listeners(tcp.Name), in.Listeners(doorIPC)
	for _, l := range inClear {
		h.doors = append(h.doors, control.Door{Name: tcp.Name, Address: l.Addr().String()})
	}
	for _, l := range onSocket {
		h.doors = append(h.doors, control.Door{Name: doorIPC, Address: l.Addr().String()})
	}
	if f := in.File(doorDiag); f != nil && h.conf.Listen.NETCONFTCP.Enabled {
		h.tcp = tcp.New(h.netconf, tcp.Options{
			Diag: ident.NewDiag(f), Resolver: resolver, Policy: func() ident.Policy { return *h.policy.Load() },
			Admin: h.server.Admin, Connections: limits.Connections, Reserve: limits.SessionsReserved,
			HelloTimeout: time.Duration(limits.HelloTimeout), Log: h.log,
		})
		h.serve(tcp.Name, inClear, func(l net.Listener) error { return h.tcp.Serve(h.life, l) })
	}
	h.serve(doorIPC, onSocket, func(l net.Listener) error { return h.ipc.Serve(doorIPC, l) })
	return h, nil
}

// idle is limits.idle-timeout in the words of varlink.
func idle(d time.Duration) time.Duration {
	if d == 0 {
		return varlink.NoLimit
	}
	return d
}

func (h *House) serve(name string, listeners []net.Listener, accept func(net.Listener) error) {
	for _, l := range listeners {
		h.serving.Go(func() {
			if err := accept(l); err != nil {
				h.log.Error("a door is closed", "door", name, "err", err)
			}
		})
	}
}

// Healthy is what the watchdog is told: the house answers.
func (h *House) Healthy() error { return h.server.Healthy() }

// Close ends every session with a reason, and then the doors.
func (h *House) Close(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := h.server.Shutdown(ctx, "the daemon is stopping")
	h.end()
	err = errors.Join(err, h.ipc.Shutdown(ctx))
	h.serving.Wait()
	return err
}

// steering is what org.nso.Control may ask of the daemon.
func (h *House) steering() control.Steering {
	return control.Steering{
		Version: h.opts.Version, PID: os.Getpid(), UID: os.Getuid(),
		Doors: func() []control.Door {
			doors := append([]control.Door(nil), h.doors...)
			for i := range doors {
				switch doors[i].Name {
				case doorIPC:
					doors[i].Connections = h.ipc.Stats().Connections
				case tcp.Name:
					doors[i].Connections = h.tcp.Connections()
				}
			}
			return doors
		},
		Resident: resident,
		Panics:   func() uint64 { return h.netconf.Panics() + h.ipc.Panics() },
		Reload:   h.Reload,
		Stop:     h.opts.Stop,
	}
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

// Reload reads nso.toml again. The log level and what is believed of
// loopback peers change at once; the rest is named for the restart that it takes.
func (h *House) Reload(context.Context) (changed, needRestart []string, err error) {
	h.reload.Lock()
	defer h.reload.Unlock()
	next, err := config.Load(h.opts.File)
	if err != nil {
		return nil, nil, mgmterr.New(mgmterr.OperationFailed, "", "%s", err)
	}
	if next.Log.Level != h.conf.Log.Level {
		h.opts.Level.Set(next.Log.Level.Slog())
		changed = append(changed, "log.level")
	}
	p := next.Policy()
	if !reflect.DeepEqual(p, h.conf.Policy()) {
		h.policy.Store(&p)
		changed = append(changed, "netconf.tcp, access.grant")
	}
	for name, same := range map[string]bool{
		"yang": slices.Equal(next.YANG.Path, h.conf.YANG.Path), "state": next.State == h.conf.State, "ipc": next.IPC == h.conf.IPC,
		"listen": reflect.DeepEqual(next.Listen, h.conf.Listen), "limits": next.Limits == h.conf.Limits,
	} {
		if !same {
			needRestart = append(needRestart, name)
		}
	}
	slices.Sort(needRestart)
	if !slices.Equal(next.Access.Admins, h.conf.Access.Admins) {
		needRestart = append(needRestart, "access.admins, which counts when a database is made: change the groups below /nacm instead")
	}
	running := *h.conf
	running.Log, running.NETCONF, running.Access = next.Log, next.NETCONF, next.Access
	h.conf = &running
	h.log.Info("configuration read again", "op", "reload", "changed", changed, "restart", needRestart)
	return changed, needRestart, nil
}
