// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"sync"
	"testing"

	"nso.example/nso/client"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
)

var update = flag.Bool("update", false, "rewrite the dialogues in testdata")

// compiled is the schema that all tests share.
var compiled struct {
	once   sync.Once
	schema *yang.Schema
}

func schema(t testing.TB) *yang.Schema {
	compiled.once.Do(func() { compiled.schema = ipctest.Schema(t) })
	return compiled.schema
}

func steering(stop func()) Steering {
	return Steering{
		Version: "1", PID: 2, UID: 3,
		Doors:    func() []Door { return []Door{{"ipc", "/run/nso/ipc", 1}} },
		Resident: func() int64 { return 4096 },
		Panics:   func() uint64 { return 0 },
		Reload: func(context.Context) ([]string, []string, error) {
			return []string{"log.level"}, nil, nil
		},
		Stop: stop, Level: new(slog.LevelVar),
		Explain: Explaining{
			Account: func(_ context.Context, user string) (*Account, error) {
				if user == "nobody-such" {
					return nil, nil
				}
				return &Account{7, 8, []string{"users"}}, nil
			},
			Ways: func(context.Context, string, bool) []Way {
				return []Way{{"pam", "unknown", "the package nso-pam is not there"}}
			},
			Denials:  func() bool { return false },
			Sessions: func() (int, int) { return 128, 1024 },
		},
	}
}

func TestTable(t *testing.T) {
	i := New(nil, steering(nil))
	if err := i.Check(); err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{"WhoAmI": true, "ExplainAccess": true, "ExplainLogin": true}
	b := ipctest.Start(t, schema(t), func(s *mgmt.Server) []varlink.Interface { i = New(s, steering(nil)); return []varlink.Interface{i} })
	c := b.Dial("reader")
	for _, m := range i.Methods {
		if open[m.Name] {
			continue
		}
		// Access comes before parameters: none are needed to be refused.
		err := c.Call(context.Background(), name+"."+m.Name, nil, nil)
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Name != "org.varlink.service.PermissionDenied" {
			t.Errorf("%s by somebody not in nso-admin: %v", m.Name, err)
		}
	}
}

func TestDialogues(t *testing.T) {
	ipctest.Dialogues(t, schema(t), *update, func(s *mgmt.Server) []varlink.Interface {
		return []varlink.Interface{New(s, steering(func() {}))}
	})
}

func TestStatus(t *testing.T) {
	b := ipctest.Start(t, schema(t), func(s *mgmt.Server) []varlink.Interface { return []varlink.Interface{New(s, steering(nil))} })
	var out struct {
		Revision int
		Started  string
		Modules  []moduleReply
		Doors    []Door
	}
	if err := b.Dial("admin").Call(context.Background(), name+".Status", nil, &out); err != nil {
		t.Fatal(err)
	}
	if out.Revision != 1 || len(out.Modules) < 3 || len(out.Doors) != 1 || out.Started == "" {
		t.Errorf("status is %+v", out)
	}
}

func TestReloadRefused(t *testing.T) {
	s := steering(nil)
	s.Reload = func(context.Context) ([]string, []string, error) {
		return nil, nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot read nso.toml: line 3")
	}
	b := ipctest.Start(t, schema(t), func(m *mgmt.Server) []varlink.Interface { return []varlink.Interface{New(m, s)} })
	err := b.Dial("admin").Call(context.Background(), name+".Reload", nil, nil)
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Name != name+".Failed" {
		t.Fatalf("got %v", err)
	}
	var p struct{ Errors []peer.RPCError }
	if err := json.Unmarshal(refused.Parameters, &p); err != nil || len(p.Errors) != 1 || p.Errors[0].Message != "cannot read nso.toml: line 3" {
		t.Errorf("got %s", refused.Parameters)
	}
}

// TestStop answers before the daemon ends.
func TestStop(t *testing.T) {
	stopped := make(chan struct{})
	b := ipctest.Start(t, schema(t), func(s *mgmt.Server) []varlink.Interface {
		return []varlink.Interface{New(s, steering(func() { close(stopped) }))}
	})
	if err := b.Dial("admin").Call(context.Background(), name+".Stop", nil, nil); err != nil {
		t.Fatal(err)
	}
	<-stopped
}

func TestLogLevel(t *testing.T) {
	st := steering(nil)
	c := ipctest.Start(t, schema(t), func(s *mgmt.Server) []varlink.Interface { return []varlink.Interface{New(s, st)} }).Dial("admin")
	for _, l := range []struct{ set, want string }{{"", "info"}, {"error", "error"}, {"", "error"}, {"debug", "debug"}, {"warn", "warn"}} {
		in := map[string]any{}
		if l.set != "" {
			in["level"] = l.set
		}
		var out struct{ Level string }
		if err := c.Call(context.Background(), name+".LogLevel", in, &out); err != nil || out.Level != l.want {
			t.Errorf("set to %q the level is %q, %v", l.set, out.Level, err)
		}
	}
	for _, bad := range []string{"loud", "DEBUG", "info+2", ""} {
		if err := c.Call(context.Background(), name+".LogLevel", map[string]any{"level": bad}, nil); err == nil {
			t.Errorf("the level %q is taken", bad)
		}
	}
	if st.Level.Level() != slog.LevelWarn {
		t.Errorf("the level is %v", st.Level)
	}
}

// TestKick ends a session of another door.
func TestKick(t *testing.T) {
	b := ipctest.Start(t, schema(t), func(s *mgmt.Server) []varlink.Interface { return []varlink.Interface{New(s, steering(nil))} })
	why := make(chan string, 1)
	ss, err := b.Mgmt.Login(ipctest.Actor("reader"), mgmt.Login{Transport: "netconf-tcp", Kill: func(r string) { why <- r }})
	if err != nil {
		t.Fatal(err)
	}
	c := b.Dial("admin")
	if err := c.Call(context.Background(), name+".Kick", map[string]any{"id": ss.ID(), "reason": "enough"}, nil); err != nil {
		t.Fatal(err)
	}
	if got := <-why; got != "kicked by admin (uid 1000): enough" {
		t.Errorf("the client is told %q", got)
	}
	b.Sessions(0)
}
