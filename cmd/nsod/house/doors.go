// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"

	"nso.example/nso/activation"
	"nso.example/nso/config"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/control"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmterr"
	"nso.example/nso/netconf/tcp"
)

const (
	doorIPC    = "ipc"
	doorDiag   = "inet-diag"
	doorIPCTCP = "ipc-tcp"
)

// Rules are the descriptors that the daemon may be given when it starts, and what
// each must be. Only the local socket must be among them, and inet-diag where it is
// asked who the peers of a door are: the other doors may come later (Listen).
func Rules(c *config.Config) activation.Rules {
	r := offered(c)
	r[doorIPC] = activation.Rule{Kind: activation.UnixStream, Path: c.IPC.Path, Mode: fs.FileMode(c.IPC.Mode), Owners: []uint32{uint32(os.Getuid())}}
	r[doorDiag] = activation.Rule{Kind: activation.SockDiag, Optional: !c.Listen.NETCONFTCP.Enabled && !c.Listen.IPCTCP.Enabled}
	return r
}

// offered are the doors that the configuration names and the daemon can serve.
func offered(c *config.Config) activation.Rules {
	r := activation.Rules{}
	for _, d := range c.Listen.Doors() {
		switch {
		case !d.Enabled:
		case d.Name == tcp.Name, d.Name == doorIPCTCP:
			r[d.Name] = activation.Rule{Kind: activation.LoopbackTCP, Optional: true}
		case overSSH(d.Name):
			r[d.Name] = activation.Rule{Kind: activation.TCP, Optional: true}
		}
	}
	return r
}

// doors are the listeners that are open now.
type doors struct {
	mu      sync.Mutex
	closed  bool // none is opened any more
	open    []*listening
	serving sync.WaitGroup
}

type listening struct {
	name     string
	listener net.Listener
	from     *handover // nil: inherited, and there until the end
}

// handover is one call of Listen.
type handover struct {
	name    string
	dropped func(reason error)
}

// add begins to serve listeners of one name, in place of those that were handed
// over under it before.
func (d *doors) add(name string, listeners []net.Listener, from *handover, serve func(name string, l net.Listener)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("the daemon is stopping")
	}
	var before *handover
	for _, o := range d.open {
		if o.name != name || from == nil {
			continue
		}
		if o.from == nil {
			return fmt.Errorf("the daemon was started with this door on %v; stop what hands it over", o.listener.Addr())
		}
		before = o.from
	}
	for _, l := range listeners {
		d.open = append(d.open, &listening{name, l, from})
		d.serving.Go(func() { serve(name, l) })
	}
	if before != nil {
		d.dropLocked(before, errors.New("the door was handed over again"))
	}
	return nil
}

// drop closes the listeners of a hand-over; a reason is for whoever made it.
func (d *doors) drop(from *handover, reason error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropLocked(from, reason)
}

func (d *doors) dropLocked(from *handover, reason error) {
	d.open = slices.DeleteFunc(d.open, func(o *listening) bool {
		if o.from == from {
			go o.listener.Close() // see close
		}
		return o.from == from
	})
	if reason != nil {
		from.dropped(reason)
	}
}

// keep drops what was handed over under other names.
func (d *doors) keep(names activation.Rules) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range slices.Clone(d.open) {
		if _, ok := names[o.name]; !ok && o.from != nil {
			d.dropLocked(o.from, errors.New("the configuration does not name the door any more"))
		}
	}
}

// close closes all listeners, and lets nobody open another. It returns when no
// connection is accepted any more, or ctx is done: whoever shares a socket with us
// can make it block (fcntl(2), O_NONBLOCK), and then closing takes until the next
// connection comes.
func (d *doors) close(ctx context.Context) {
	d.mu.Lock()
	d.closed = true
	for _, o := range d.open {
		go o.listener.Close()
	}
	d.mu.Unlock()
	done := make(chan struct{})
	go func() {
		d.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// inherited reports whether the daemon was started with the door.
func (d *doors) inherited(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.open, func(o *listening) bool { return o.name == name && o.from == nil })
}

// list is what status shows.
func (d *doors) list() []control.Door {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]control.Door, len(d.open))
	for i, o := range d.open {
		list[i] = control.Door{Name: o.name, Address: o.listener.Addr().String()}
	}
	return list
}

// serve accepts at one listener until it is closed.
func (h *House) serve(name string, l net.Listener) {
	var err error
	switch name {
	case tcp.Name:
		err = h.tcp.Serve(h.life, l)
	case doorNETCONFSSH, doorCLISSH:
		err = h.sshDoor(name).Serve(h.life, l)
	default:
		err = h.ipc.Serve(name, l)
	}
	if err != nil {
		h.log.Error("a door is closed", event.Key, event.DoorClosed, "door", name, "err", err)
	}
}

// Listen takes a door that its unit hands over while the daemon runs: each file is
// a listener of it. See control.Steering.
func (h *House) Listen(ctx context.Context, name string, files []*os.File, dropped func(reason error)) ([]string, func(), error) {
	refuse := func(err error) ([]string, func(), error) {
		h.log.Warn("a listener is refused", event.Key, event.ListenRefused, "op", "listen", "door", fmt.Sprintf("%.64s", name), "reason", err)
		return nil, nil, mgmterr.New(mgmterr.InvalidValue, "", "%s", err)
	}
	rules := offered(h.config())
	if _, ok := rules[name]; !ok {
		// A new door may be here before the word that there is one.
		changed, restart, err := h.Reload(ctx)
		h.server.Audit().Reloaded(ident.Actor{}, fmt.Sprintf("%.64s", name), changed, restart, err)
		if err == nil {
			rules = offered(h.config())
		}
	}
	listeners := make([]net.Listener, 0, len(files))
	var errs []error
	for _, f := range files {
		l, err := activation.InspectListener(rules, name, f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		listeners = append(listeners, l)
	}
	if len(errs) == 0 && overSSH(name) {
		if err := h.openSSH(name); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 && h.diag == nil && !overSSH(name) { // who is there, the login says
		errs = append(errs, fmt.Errorf("cannot use the listener %q without the socket %q: start %s and then nso.service again", name, doorDiag, activation.Unit(doorDiag)))
	}
	from := &handover{name, dropped}
	if len(errs) == 0 {
		if err := h.doors.add(name, listeners, from, h.serve); err != nil {
			errs = append(errs, fmt.Errorf("cannot use the listener %q: %w", name, err))
		}
	}
	if len(errs) > 0 {
		for _, l := range listeners {
			l.Close()
		}
		return refuse(errors.Join(errs...))
	}
	addresses := make([]string, len(listeners))
	for i, l := range listeners {
		addresses[i] = l.Addr().String()
	}
	h.log.Info("a door is open", event.Key, event.DoorOpened, "op", "listen", "door", name, "addresses", addresses)
	return addresses, func() {
		h.doors.drop(from, nil)
		h.log.Info("a door is closed", event.Key, event.DoorClosed, "op", "listen", "door", name, "addresses", addresses)
	}, nil
}
