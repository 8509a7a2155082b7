// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"reflect"
	"slices"

	"nso.example/nso/config"
	"nso.example/nso/mgmterr"
)

// config is the configuration that is in force.
func (h *House) config() *config.Config {
	h.reload.Lock()
	defer h.reload.Unlock()
	return h.conf
}

// Reload reads nso.toml again. The log level and what is believed of
// loopback peers change at once; the rest is named for the restart that it takes.
func (h *House) Reload(context.Context) (changed, needRestart []string, err error) {
	h.reload.Lock()
	defer h.reload.Unlock()
	next, err := h.opts.Load()
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
	if next.Access.Explain != h.conf.Access.Explain {
		h.server.ExplainDenials(next.Access.Explain)
		changed = append(changed, "access.explain")
	}
	for name, same := range map[string]bool{
		"yang": slices.Equal(next.YANG.Path, h.conf.YANG.Path), "state": next.State == h.conf.State, "ipc": next.IPC == h.conf.IPC,
		"netconf.startup": next.NETCONF.Startup == h.conf.NETCONF.Startup, "netconf.candidate": next.NETCONF.Candidate == h.conf.NETCONF.Candidate,
		"limits": next.Limits == h.conf.Limits, "login": reflect.DeepEqual(next.Login, h.conf.Login),
	} {
		if !same {
			needRestart = append(needRestart, name)
		}
	}
	before := h.conf.Listen.Doors()
	for i, d := range next.Listen.Doors() {
		switch name := "listen." + d.Name; {
		case reflect.DeepEqual(d, before[i]):
		case h.opts.Later && !h.doors.inherited(d.Name):
			changed = append(changed, name) // its unit brings it, or takes it away
		default:
			needRestart = append(needRestart, name)
		}
	}
	slices.Sort(needRestart)
	if !slices.Equal(next.Access.Admins, h.conf.Access.Admins) {
		needRestart = append(needRestart, "access.admins, which counts when a database is made: change the groups below /nacm instead")
	}
	running := *h.conf
	running.Log, running.NETCONF.TCP, running.Access = next.Log, next.NETCONF.TCP, next.Access
	if h.opts.Later {
		running.Listen = next.Listen
		for i, d := range before {
			if h.doors.inherited(d.Name) {
				*doorOf(&running.Listen, d.Name) = before[i].Door
			}
		}
		h.doors.keep(offered(&running))
	}
	h.conf = &running
	return changed, needRestart, nil
}

func doorOf(l *config.Listen, name string) *config.Door {
	switch name {
	case "netconf-tcp":
		return &l.NETCONFTCP
	case "netconf-ssh":
		return &l.NETCONFSSH
	case "cli-ssh":
		return &l.CLISSH
	default:
		return &l.IPCTCP
	}
}
