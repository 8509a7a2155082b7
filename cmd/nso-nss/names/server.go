// SPDX-License-Identifier: Apache-2.0

package names

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/ipc/varlink"
)

const (
	database = "io.systemd.UserDatabase"
	inFlight = 16 // lookups
	patience = 8 * time.Second
)

const description = `# Users and groups, as the name service knows them
interface io.systemd.UserDatabase

# A user, by number, by name or by both
method GetUserRecord(uid: ?int, userName: ?string, service: string) -> (record: object, incomplete: bool)

# A group, by number, by name or by both
method GetGroupRecord(gid: ?int, groupName: ?string, service: string) -> (record: object, incomplete: bool)

# The groups of a user, a reply each
method GetMemberships(userName: ?string, groupName: ?string, service: string) -> (userName: string, groupName: string)

error NoRecordFound()
error ConflictingRecordFound()
error BadService()
error ServiceNotAvailable()
error EnumerationNotSupported()
`

type server struct {
	source Source
	log    *slog.Logger
	slots  chan struct{}
	wait   time.Duration
}

// NewServer answers the daemon and root from a name service.
func NewServer(source Source, daemon uint32, version string, log *slog.Logger) (*varlink.Server, error) {
	s := &server{source: source, log: log, slots: make(chan struct{}, inFlight), wait: patience}
	return s.build(daemon, version)
}

func (s *server) build(daemon uint32, version string) (*varlink.Server, error) {
	all := func(context.Context, *varlink.Conn) error { return nil } // Identify has looked
	method := func(name string, h varlink.Handler) varlink.Method {
		return varlink.Method{Name: name, Access: all, States: varlink.AnyState, Handler: h}
	}
	return varlink.NewServer(varlink.Config{
		Vendor: "nso", Product: "nso-nss", Version: version, URL: "https://nso.example/", Log: s.log,
		Interfaces: []varlink.Interface{{Name: database, Description: description, Methods: []varlink.Method{
			method("GetUserRecord", s.user), method("GetGroupRecord", s.group), method("GetMemberships", s.memberships),
		}}},
		Limits: varlink.Limits{Message: 4096, Connections: 256, Memory: 1 << 20, Idle: time.Minute},
		Identify: func(_ context.Context, c *varlink.Conn) (varlink.Origin, error) {
			conn, ok := c.NetConn().(*net.UnixConn)
			if !ok {
				return varlink.Origin{}, errors.New("this is no Unix socket")
			}
			p, err := ident.FromUnix(conn, "nss")
			switch {
			case err != nil:
				return varlink.Origin{}, err
			case p.UID != daemon && p.UID != 0:
				return varlink.Origin{}, fmt.Errorf("only the daemon and root ask here, not uid %d", p.UID)
			}
			return varlink.Origin{Key: fmt.Sprintf("uid %d", p.UID)}, nil
		},
	})
}

// asked are the parameters of all three methods.
type asked struct {
	UID       *int64  `json:"uid"`
	UserName  *string `json:"userName"`
	GID       *int64  `json:"gid"`
	GroupName *string `json:"groupName"`
	Service   string  `json:"service"`
}

func decode(call *varlink.Call) (asked, error) {
	var a asked
	if err := call.Decode(&a); err != nil {
		return a, err
	}
	if a.Service != ident.NameServiceName {
		return a, &varlink.Error{Name: database + ".BadService"}
	}
	for _, id := range []*int64{a.UID, a.GID} {
		if id != nil && (*id < 0 || *id > 1<<32-2) {
			return a, &varlink.Error{Name: database + ".NoRecordFound"}
		}
	}
	return a, nil
}

// within runs a lookup for as long as there is patience. One that hangs keeps its
// place until it ends.
func within[T any](ctx context.Context, s *server, lookup func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	type result struct {
		value T
		err   error
	}
	var none T
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return none, fmt.Errorf("%d lookups are under way: %w", inFlight, ctx.Err())
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-s.slots }()
		value, err := lookup()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, fmt.Errorf("the name service does not answer: %w", ctx.Err())
	}
}

// failed says what an error of the name service is to the client.
func (s *server) failed(err error) error {
	if errors.Is(err, ErrNone) {
		return &varlink.Error{Name: database + ".NoRecordFound"}
	}
	s.log.Warn("cannot ask the name service", "err", err)
	return &varlink.Error{Name: database + ".ServiceNotAvailable"}
}

func (s *server) user(ctx context.Context, call *varlink.Call) error {
	q, err := decode(call)
	if err != nil {
		return err
	}
	if q.UID == nil && q.UserName == nil {
		return &varlink.Error{Name: database + ".EnumerationNotSupported"}
	}
	a, err := within(ctx, s, func() (Account, error) {
		if q.UID != nil {
			return s.source.ByUID(uint32(*q.UID))
		}
		return s.source.ByName(*q.UserName)
	})
	switch {
	case err != nil:
		return s.failed(err)
	case q.UserName != nil && a.Name != *q.UserName || q.UID != nil && int64(a.UID) != *q.UID:
		return &varlink.Error{Name: database + ".ConflictingRecordFound"}
	}
	record := map[string]any{"userName": a.Name, "uid": a.UID, "gid": a.GID, "service": ident.NameServiceName}
	if a.Home != "" {
		record["homeDirectory"] = a.Home
	}
	return call.Reply(map[string]any{"record": record, "incomplete": false})
}

func (s *server) group(ctx context.Context, call *varlink.Call) error {
	q, err := decode(call)
	if err != nil {
		return err
	}
	if q.GID == nil && q.GroupName == nil {
		return &varlink.Error{Name: database + ".EnumerationNotSupported"}
	}
	g, err := within(ctx, s, func() (Group, error) {
		if q.GID != nil {
			return s.source.GroupByGID(uint32(*q.GID))
		}
		return s.source.GroupByName(*q.GroupName)
	})
	switch {
	case err != nil:
		return s.failed(err)
	case q.GroupName != nil && g.Name != *q.GroupName || q.GID != nil && int64(g.GID) != *q.GID:
		return &varlink.Error{Name: database + ".ConflictingRecordFound"}
	}
	return call.Reply(map[string]any{"record": map[string]any{"groupName": g.Name, "gid": g.GID, "service": ident.NameServiceName}, "incomplete": false})
}

func (s *server) memberships(ctx context.Context, call *varlink.Call) error {
	q, err := decode(call)
	switch {
	case err != nil:
		return err
	case q.UserName == nil: // the members of a group would be a list
		return &varlink.Error{Name: database + ".EnumerationNotSupported"}
	case !call.More():
		return varlink.ExpectedMore()
	}
	groups, err := within(ctx, s, func() ([]Group, error) { return s.source.Memberships(*q.UserName) })
	if err != nil {
		return s.failed(err)
	}
	if q.GroupName != nil {
		kept := groups[:0]
		for _, g := range groups {
			if g.Name == *q.GroupName {
				kept = append(kept, g)
			}
		}
		groups = kept
	}
	if len(groups) == 0 {
		return &varlink.Error{Name: database + ".NoRecordFound"}
	}
	for i, g := range groups {
		reply := map[string]any{"userName": *q.UserName, "groupName": g.Name}
		if i == len(groups)-1 {
			return call.Reply(reply)
		}
		if err := call.ReplyContinues(reply); err != nil {
			return err
		}
	}
	return nil
}
