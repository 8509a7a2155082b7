// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/exec/bind"
	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/wire"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const operationModel = `module work { yang-version 1.1; namespace "urn:work"; prefix w; import net { prefix n; } import nso-exec { prefix x; }
  rpc ping { input { leaf host { type string; mandatory true; } leaf count { type uint8; default 3; } } output { leaf lost { type uint8; } } }
  rpc wanted { x:rule "absent"; }
  rpc linked;
  augment "/n:top/n:port" { action reset { input { leaf why { type string; } container more { leaf x { type string; } } } output { leaf took { type uint8; mandatory true; } } } }
}`

const operationRules = `[rule.ping]
program = "/usr/bin/ping"
arguments = ["-c", "{count}", "--", "{host}"]
run-as = "caller"
users = ["*"]
operations = ["/work:ping"]
deadline = "3s"
[rule.ping.argument.count]
type = "integer"
[rule.ping.argument.host]
type = "host"

[rule.reset]
program = "/usr/libexec/reset"
arguments = ["{name}"]
run-as = "nso-cmd"
users = ["admin"]
operations = ["/net:top/port/work:reset"]
input = "json"
[rule.reset.argument.name]

[rule.linked]
program = "/usr/libexec/linked"
run-as = "nso-cmd"
users = ["reader"]
operations = ["/work:linked"]
ipc = ["read"]

[rule.check-port]
program = "/usr/libexec/check"
run-as = "nso-cmd"
validate = ["/net:top/port"]
deadline = "1s"
`

// act is what a program does: it is given the request, its input and its connection.
type act func(r wire.Request, input string, ipc *os.File) (out, errs string, end wire.End)

func exit(n int) wire.End { return wire.End{Exit: &n} }

type shop struct {
	*ipctest.Bench
	dir  string
	mu   sync.Mutex
	do   act
	seen []wire.Request
}

// ask has the next programs do it.
func (s *shop) ask(do act) { s.mu.Lock(); s.do = do; s.mu.Unlock() }

func (s *shop) last() wire.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		return wire.Request{}
	}
	return s.seen[len(s.seen)-1]
}

func openShop(t *testing.T, connect Connect) *shop {
	s := &shop{dir: t.TempDir()}
	s.rules(t, operationRules)
	socket := filepath.Join(s.dir, "exec")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	schema := yangtest.Schema(t, ipctest.Module, operationModel, "nso-exec", "ietf-netconf-acm", "nso-access")
	s.Bench = ipctest.Start(t, schema, func(m *mgmt.Server) []varlink.Interface {
		return []varlink.Interface{New(m, Options{
			Rules:     &folder.Folder{Path: filepath.Join(s.dir, "rules"), Owner: uint32(os.Getuid())},
			RootRules: &folder.Folder{Path: filepath.Join(s.dir, "none"), Owner: uint32(os.Getuid())},
			Socket:    func(string, bool) string { return socket }, Connect: connect,
		})}
	})
	return s
}

func (s *shop) rules(t *testing.T, text string) {
	t.Helper()
	dir := filepath.Join(s.dir, "rules")
	err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "a.toml"), []byte(text), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shop) serve(conn net.Conn) {
	c := wire.Serve(conn)
	defer c.Close()
	r, ipc, err := c.Request()
	if err != nil {
		return
	}
	s.mu.Lock()
	do := s.do
	s.seen = append(s.seen, r)
	s.mu.Unlock()
	_ = c.Started(wire.Started{PID: 4711})
	_ = c.Credit(wire.Credit)
	var input bytes.Buffer
	for r.Input {
		f, err := c.Next()
		if err != nil || f.Kind == wire.EndOfInput {
			break
		}
		input.Write(f.Data)
	}
	out, errs, end := do(r, input.String(), ipc)
	if ipc != nil {
		ipc.Close()
	}
	for text := []byte(out); len(text) > 0; {
		n := min(len(text), wire.MaxOutput)
		if c.Output(wire.Output, append(make([]byte, wire.HeaderSize), text[:n]...)) != nil {
			return
		}
		text = text[n:]
	}
	if errs != "" {
		_ = c.Output(wire.Error, append(make([]byte, wire.HeaderSize), errs...))
	}
	_ = c.End(end)
}

// invoke has an operation done, of a user; at is the node of an action.
func (s *shop) invoke(user, operation, at, input string) (string, error) {
	s.T.Helper()
	schema := s.Mgmt.Schema()
	c := mgmt.Call{Operation: bind.Operation(schema, operation)}
	if at != "" {
		var err error
		if c.At, err = tree.ParsePath(schema, at); err != nil {
			s.T.Fatal(err)
		}
	}
	n, err := jsonenc.DecodeNode(strings.NewReader(input), schema, c.Operation.Children[slices.IndexFunc(c.Operation.Children, func(n *yang.Node) bool { return n.Kind == yang.KindInput })], jsonenc.DecodeOptions{})
	if err != nil {
		s.T.Fatal(err)
	}
	c.Input = n
	ss, err := s.Mgmt.Login(ipctest.Actor(user), mgmt.Login{Transport: "test"})
	if err != nil {
		s.T.Fatal(err)
	}
	defer ss.Close("done", false)
	out, err := ss.Invoke(s.T.Context(), c)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := jsonenc.Encode(&b, out, jsonenc.Options{}); err != nil {
		s.T.Fatal(err)
	}
	return b.String(), nil
}

// commit sets leafs, PATH = VALUE, and commits.
func (s *shop) commit(settings ...string) error {
	s.T.Helper()
	ss, err := s.Mgmt.Login(ipctest.Actor("admin"), mgmt.Login{Transport: "test"})
	if err != nil {
		s.T.Fatal(err)
	}
	defer ss.Close("done", false)
	txn, err := ss.Begin(s.T.Context(), mgmt.Running)
	if err != nil {
		s.T.Fatal(err)
	}
	ed := tree.NewEditor(tree.New(s.Mgmt.Schema().Root))
	for _, line := range settings {
		path, value, _ := strings.Cut(line, " = ")
		p, err := tree.ParsePath(s.Mgmt.Schema(), path)
		if err == nil {
			err = ed.Set(p, value)
		}
		if err != nil {
			s.T.Fatal(err)
		}
	}
	if err := txn.Apply(&tree.Edit{Schema: s.Mgmt.Schema().Root, Op: tree.OpMerge, Tree: ed.Root()}); err != nil {
		s.T.Fatal(err)
	}
	_, err = txn.Commit(s.T.Context(), mgmt.Label{})
	return err
}

func says(out string) act {
	return func(wire.Request, string, *os.File) (string, string, wire.End) { return out, "", exit(0) }
}

// TestOperation: an rpc and an action are done by programs, as whom their rules say.
func TestOperation(t *testing.T) {
	s := openShop(t, nil)
	s.ask(says(`{"lost":1}`))
	if out, err := s.invoke("reader", "/work:ping", "", `{"work:host":"a.example"}`); err != nil || out != `{"work:lost":1}` {
		t.Errorf("ping says %s, %v", out, err)
	}
	r := s.last()
	if r.Rule != "ping" || r.User != "reader" || r.UID != ipctest.Actor("reader").Peer.UID || fmt.Sprint(r.Values) != "map[count:[3] host:[a.example]]" ||
		r.Operation != "/work:ping" || r.Path != "" || r.Input || r.Session == "" {
		t.Errorf("nso-exec was asked %+v", r)
	}
	s.ask(says("{}")) // for the validator
	if err := s.commit("/net:top/port[name='a b']/number = 1"); err != nil {
		t.Fatal(err)
	}
	var input string
	s.ask(func(_ wire.Request, in string, _ *os.File) (string, string, wire.End) {
		input = in
		return `{"work:took":2}`, "a warning\n", exit(0)
	})
	out, err := s.invoke("admin", "/net:top/port/work:reset", "/net:top/port[name='a b']", `{"work:why":"x","work:more":{"x":"y"}}`)
	if err != nil || out != `{"work:took":2}` || input != `{"work:why":"x","work:more":{"x":"y"}}`+"\n" {
		t.Errorf("reset says %s, %v; it was told %s", out, err, input)
	}
	if r := s.last(); r.Path != "/net:top/port[name='a b']" || r.Operation != "/net:top/port/work:reset" || fmt.Sprint(r.Values) != "map[name:[a b]]" {
		t.Errorf("nso-exec was asked %+v", r)
	}
	log := s.Log()
	for _, want := range []string{"command started", "msg=operation", "op=work:ping", "input=[host]", "command=reset"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s:\n%s", want, log)
		}
	}
}

// TestOperationFails: what a program cannot do, or says wrongly, is told in its words.
func TestOperationFails(t *testing.T) {
	s := openShop(t, nil)
	end := func(out, errs string, e wire.End) act {
		return func(wire.Request, string, *os.File) (string, string, wire.End) { return out, errs, e }
	}
	for _, c := range []struct {
		do   act
		tag  mgmterr.Tag
		want string
	}{
		{end("", "first\n\x1b[31mcannot reach it\x1b[0m\n\n", exit(2)), mgmterr.OperationFailed, "cannot run ping: [31mcannot reach it [0m"},
		{end("", "", exit(7)), mgmterr.OperationFailed, "cannot run ping: its program has ended with exit status 7, and says nothing"},
		{end("", "", wire.End{Signal: 9}), mgmterr.OperationFailed, "cannot run ping: its program has ended with signal 9 (killed), and says nothing"},
		{end("", "x", wire.End{Signal: 15, Reason: wire.Deadline}), mgmterr.OperationFailed, "cannot run ping: its program has taken more than 3s"},
		{end("", "", wire.End{Start: &wire.StartError{Step: "exec", Text: "cannot start /usr/bin/ping: there is none"}}), mgmterr.OperationFailed, "cannot run ping: cannot start /usr/bin/ping: there is none"},
		{end(`{"lost":"many"}`, "", exit(0)), mgmterr.OperationFailed, "cannot use the answer of ping, which has run: it is not what the model says; /work:lost:"},
		{end(`all is well`, "", exit(0)), mgmterr.OperationFailed, "cannot use the answer of ping, which has run: it is not what the model says;"},
		{end(`{"other":1}`, "", exit(0)), mgmterr.OperationFailed, "cannot use the answer of ping, which has run: it is not what the model says;"},
		{end(strings.Repeat(" ", bind.MaxAnswer+1), "", exit(0)), mgmterr.TooBig, "cannot use the answer of ping: it has more than"},
	} {
		s.ask(c.do)
		_, err := s.invoke("reader", "/work:ping", "", `{"work:host":"a.example"}`)
		if l := mgmterr.Of(err); len(l) != 1 || l[0].Tag != c.tag || !strings.HasPrefix(l[0].Message, c.want) {
			t.Errorf("got %v\nwant %s: %s", err, c.tag, c.want)
		}
	}
	for _, c := range []struct {
		user, operation, input string
		tag                    mgmterr.Tag
		want                   string
	}{
		{"reader", "/work:ping", `{"work:host":"-rf"}`, mgmterr.InvalidValue, "cannot run ping: cannot use \"-rf\" for host"},
		{"admin", "/work:linked", `{}`, mgmterr.AccessDenied, "cannot run linked: the rule linked, whose program does it, is not for admin"},
		{"reader", "/work:wanted", `{}`, mgmterr.OperationNotSupported, "cannot run wanted: the model wants the rule absent to do it"},
	} {
		_, err := s.invoke(c.user, c.operation, "", c.input)
		if l := mgmterr.Of(err); len(l) != 1 || l[0].Tag != c.tag || !strings.HasPrefix(l[0].Message, c.want) {
			t.Errorf("got %v\nwant %s: %s", err, c.tag, c.want)
		}
	}
	// What does an operation is no command.
	conn, err := s.Dial("reader").OpenExec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Over(t.Context(), conn, wire.Request{Rule: "ping", Values: map[string][]string{"host": {"a"}, "count": {"1"}}}, nil); err == nil || !strings.Contains(err.Error(), "no rule") {
		t.Errorf("as a command: %v", err)
	}
}

// TestSessionEnds: who ends a session ends what it had done.
func TestSessionEnds(t *testing.T) {
	s := openShop(t, nil)
	began, over := make(chan bool), make(chan bool)
	s.ask(func(wire.Request, string, *os.File) (string, string, wire.End) {
		began <- true
		<-over
		return "", "", exit(0)
	})
	done := make(chan error)
	go func() {
		_, err := s.invoke("reader", "/work:ping", "", `{"work:host":"a.example"}`)
		done <- err
	}()
	<-began
	for _, i := range s.Mgmt.List() {
		go func() { _ = s.Mgmt.Kick(i.ID, "enough") }()
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "cannot finish ping: the session has ended") {
		t.Error(err)
	}
	close(over)
}

// TestValidator: a program refuses a commit below its paths, in its words, and one that
// cannot be asked refuses too.
func TestValidator(t *testing.T) {
	s := openShop(t, nil)
	var input string
	check := func(out, errs string, e wire.End) {
		s.ask(func(_ wire.Request, in string, _ *os.File) (string, string, wire.End) {
			input = in
			return out, errs, e
		})
	}
	check("", "", exit(0))
	if err := s.commit("/net:top/port[name='a']/number = 1", "/net:top/name = x"); err != nil {
		t.Fatal(err)
	}
	if input != `{"net:top":{"port":[{"name":"a","number":1}]}}`+"\n" {
		t.Errorf("it was told %s", input)
	}
	if r := s.last(); r.Rule != "check-port" || r.User != "nso" || r.Operation != "validate" {
		t.Errorf("nso-exec was asked %+v", r)
	}
	check("", "looking\nport a is taken\n", exit(1))
	err := s.commit("/net:top/port[name='a']/number = 2")
	l := mgmterr.Of(err)
	if len(l) != 1 || l[0].Tag != mgmterr.OperationFailed || l[0].AppTag != "check-port" || l[0].Path != "/net:top/port" || !strings.HasPrefix(l[0].Message, "port a is taken") {
		t.Errorf("the refusal is %v", err)
	}
	input = ""
	if err := s.commit("/net:top/name = y"); err != nil || input != "" {
		t.Errorf("elsewhere it is asked, too: %v", err)
	}
	for _, e := range []wire.End{{Signal: 9}, {Signal: 15, Reason: wire.Deadline}, {Start: &wire.StartError{Text: "cannot start it"}}} {
		check("", "", e)
		err := s.commit("/net:top/port[name='a']/number = 2")
		if l := mgmterr.Of(err); len(l) != 1 || l[0].AppTag != "validator-failed" || !strings.Contains(l[0].Message, "Root takes it out of use by taking validate out of the rule, in "+s.dir) {
			t.Errorf("%v: the refusal is %v", e, err)
		}
	}
	// A file that cannot be read does not take a validator out of use.
	check("", "still here", exit(1))
	s.rules(t, "[rule.broken")
	time.Sleep(fresh + 100*time.Millisecond)
	if err := s.commit("/net:top/port[name='a']/number = 3"); err == nil || !strings.Contains(err.Error(), "still here") {
		t.Errorf("with a broken file: %v", err)
	}
	s.rules(t, "")
	time.Sleep(fresh + 100*time.Millisecond)
	if err := s.commit("/net:top/port[name='a']/number = 3"); err != nil {
		t.Errorf("without the rule: %v", err)
	}
}

// TestConnection: a command is given a connection as its rule says, and it is dead when
// the command has ended.
func TestConnection(t *testing.T) {
	var kept *os.File
	hung := make(chan bool, 1)
	s := openShop(t, func(a ident.Actor, may func(string, []byte) error) (*os.File, func(), error) {
		if a.User != "reader" || may("org.nso.Maapi.Get", []byte("{}")) != nil || may("org.nso.Maapi.Set", []byte("{}")) == nil {
			t.Errorf("the connection is %s's, or may too much", a.User)
		}
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, nil, err
		}
		return os.NewFile(uintptr(fds[1]), "theirs"), func() { unix.Close(fds[0]); hung <- true }, nil
	})
	s.ask(func(r wire.Request, _ string, ipc *os.File) (string, string, wire.End) {
		if !r.IPC || ipc == nil {
			return "", "no connection", exit(1)
		}
		fd, err := unix.FcntlInt(ipc.Fd(), unix.F_DUPFD_CLOEXEC, 0) // as one who keeps it would
		if err != nil {
			return "", err.Error(), exit(1)
		}
		kept = os.NewFile(uintptr(fd), "kept")
		return "", "", exit(0)
	})
	if _, err := s.invoke("reader", "/work:linked", "", `{}`); err != nil {
		t.Fatal(err)
	}
	<-hung
	defer kept.Close()
	if n, err := kept.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}
