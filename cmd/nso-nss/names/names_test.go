// SPDX-License-Identifier: Apache-2.0

package names

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve starts a server for this process' uid and returns a client of it: a request in,
// the replies out.
func serve(t *testing.T, s *server, daemon uint32) func(request string, replies int) []string {
	t.Helper()
	s.slots = make(chan struct{}, inFlight)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	v, err := s.build(daemon, "test")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "nss")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go v.Serve("nss", l)
	t.Cleanup(func() { l.Close(); _ = v.Shutdown(t.Context()) })
	return func(request string, replies int) (all []string) {
		t.Helper()
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := conn.Write([]byte(request + "\x00")); err != nil {
			t.Fatal(err)
		}
		for r := bufio.NewReader(conn); len(all) < replies; {
			reply, err := r.ReadBytes(0)
			if err != nil {
				return append(all, err.Error())
			}
			all = append(all, string(bytes.TrimRight(reply, "\x00")))
		}
		return all
	}
}

func ask(method, parameters string, more bool) string {
	return fmt.Sprintf(`{"method":"io.systemd.UserDatabase.%s","more":%t,"parameters":{%s"service":"org.nso.NameService"}}`, method, more, parameters)
}

// TestSystem compares what is answered with what the name service of this machine says.
func TestSystem(t *testing.T) {
	call := serve(t, &server{source: System, wait: patience}, uint32(os.Getuid()))
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{`"uid":` + me.Uid + `,`, `"userName":"` + me.Username + `",`, `"userName":"` + me.Username + `","uid":` + me.Uid + `,`} {
		var reply struct {
			Parameters struct {
				Record struct {
					UserName      string
					UID, GID      int
					HomeDirectory string
				}
			}
		}
		text := call(ask("GetUserRecord", q, false), 1)[0]
		r := &reply.Parameters.Record
		if err := json.Unmarshal([]byte(text), &reply); err != nil || r.UserName != me.Username || fmt.Sprint(r.UID) != me.Uid || fmt.Sprint(r.GID) != me.Gid || r.HomeDirectory != me.HomeDir {
			t.Errorf("%s: %s", q, text)
		}
	}
	g, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{`"gid":` + g.Gid + `,`, `"groupName":"` + g.Name + `",`} {
		if text := call(ask("GetGroupRecord", q, false), 1)[0]; !strings.Contains(text, `"groupName":"`+g.Name+`"`) {
			t.Errorf("%s: %s", q, text)
		}
	}
	gids, err := me.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	found := call(ask("GetMemberships", `"userName":"`+me.Username+`",`, true), len(gids))
	if !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, `"groupName":"`+g.Name+`"`) }) {
		t.Errorf("groups: %q, among them should be %s", found, g.Name)
	}
}

func TestNoAnswers(t *testing.T) {
	call := serve(t, &server{source: System, wait: patience}, uint32(os.Getuid()))
	for _, tc := range []struct{ request, want string }{
		{ask("GetUserRecord", `"uid":4111222333,`, false), "NoRecordFound"},
		{ask("GetUserRecord", `"uid":-1,`, false), "NoRecordFound"},
		{ask("GetUserRecord", `"uid":4294967295,`, false), "NoRecordFound"},
		{ask("GetUserRecord", `"uid":99999999999,`, false), "NoRecordFound"},
		{ask("GetUserRecord", `"userName":"no-such-user",`, false), "NoRecordFound"},
		{ask("GetUserRecord", `"userName":"root\u0000x",`, false), "ConflictingRecordFound"},
		{ask("GetUserRecord", `"userName":"root","uid":1,`, false), "ConflictingRecordFound"},
		{ask("GetUserRecord", ``, true), "EnumerationNotSupported"},
		{ask("GetGroupRecord", ``, true), "EnumerationNotSupported"},
		{ask("GetGroupRecord", `"gid":4111222333,`, false), "NoRecordFound"},
		{ask("GetMemberships", `"groupName":"root",`, true), "EnumerationNotSupported"},
		{ask("GetMemberships", `"userName":"root\u0000x",`, true), "NoRecordFound"},
		{ask("GetMemberships", `"userName":"root",`, false), "ExpectedMore"},
		{ask("GetMemberships", `"userName":"no-such-user",`, true), "NoRecordFound"},
		{strings.Replace(ask("GetUserRecord", `"uid":0,`, false), "org.nso", "io.systemd", 1), "BadService"},
		{ask("GetUserRecord", `"uid":"0",`, false), "InvalidParameter"},
	} {
		if got := call(tc.request, 1)[0]; !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s, not %s", tc.request, got, tc.want)
		}
	}
}

// TestStrangers: nobody but the daemon and root is answered.
func TestStrangers(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root is answered: the tests of booted systems ask as another user")
	}
	call := serve(t, &server{source: System, wait: patience}, uint32(os.Getuid())+1)
	if got := call(ask("GetUserRecord", `"uid":0,`, false), 1)[0]; strings.Contains(got, "root") {
		t.Error(got)
	}
}

// TestHanging: a name service that hangs is an error in time, and does not fill the
// process with threads.
func TestHanging(t *testing.T) {
	release := make(chan struct{})
	var mu sync.Mutex
	running, most := 0, 0
	source := System
	source.ByUID = func(uint32) (Account, error) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		<-release
		mu.Lock()
		running--
		mu.Unlock()
		return Account{}, errors.New("too late")
	}
	call := serve(t, &server{source: source, wait: 50 * time.Millisecond}, uint32(os.Getuid()))
	var wait sync.WaitGroup
	for range 3 * inFlight {
		wait.Go(func() {
			if got := call(ask("GetUserRecord", `"uid":7,`, false), 1)[0]; !strings.Contains(got, "ServiceNotAvailable") {
				t.Error(got)
			}
		})
	}
	wait.Wait()
	mu.Lock()
	if most != inFlight {
		t.Errorf("%d lookups at once, not %d", most, inFlight)
	}
	mu.Unlock()
	close(release)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // and then it answers again
		got := call(ask("GetUserRecord", `"userName":"root",`, false), 1)[0]
		if strings.Contains(got, `"uid":0`) {
			break
		}
		if time.Now().After(end) {
			t.Fatal(got)
		}
	}
}
