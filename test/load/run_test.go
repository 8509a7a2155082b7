// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nso.example/nso/client"
	"nso.example/nso/test/instance"
)

// tools are the binaries where every user can reach them.
func tools(t *testing.T) string {
	t.Helper()
	dir := instance.ForTest(t)
	for _, name := range []string{"nso", "nsod"} {
		from, err := instance.Bin(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	peer := exec.Command("go", "build", "-o", filepath.Join(dir, "ncpeer"), "nso.example/nso/test/ncpeer")
	peer.Env = append(peer.Environ(), "CGO_ENABLED=0")
	if out, err := peer.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// running is a `nso run`.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan error
}

// run starts a command and waits until it has printed part.
func run(t *testing.T, part string, command ...string) *running {
	t.Helper()
	r := &running{t: t, cmd: exec.Command(command[0], command[1:]...), done: make(chan error, 1)}
	r.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
	log := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r.cmd.Stdout, r.cmd.Stderr = f, f
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.done <- r.cmd.Wait() }()
	t.Cleanup(func() { syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) })
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(log)
		r.out.Reset()
		r.out.Write(text)
		if strings.Contains(r.out.String(), part) {
			return r
		}
		select {
		case err := <-r.done:
			t.Fatalf("%q ended: %v\n%s", command, err, &r.out)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%q does not print %q:\n%s", command, part, &r.out)
		}
	}
}

// term ends it as a terminal's or a service manager's stop does.
func (r *running) term() {
	r.t.Helper()
	r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Errorf("after SIGTERM: %v\n%s", err, &r.out)
		}
	case <-time.After(20 * time.Second):
		r.t.Errorf("does not end on SIGTERM:\n%s", &r.out)
	}
	// Nothing of its group is left.
	if err := syscall.Kill(-r.cmd.Process.Pid, 0); err != syscall.ESRCH {
		r.t.Errorf("a process is left: %v", err)
	}
}

// TestRunAsRoot becomes the user nso; root may do everything, others nothing.
func TestRunAsRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: run make test as root")
	}
	nso, err := user.Lookup("nso")
	if err != nil {
		t.Fatal("the user nso is missing; test/setup test makes it")
	}
	bin := tools(t)
	dir := filepath.Join(bin, "instance")
	address, err := instance.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, address, bin+"/nso", "run", "--dir", dir, "--netconf-tcp", address)
	if !strings.Contains(r.out.String(), filepath.Join(dir, "ipc")) {
		t.Errorf("it does not say how to connect:\n%s", &r.out)
	}
	reply := eventually(t, bin+"/ncpeer", "-address", address, get)
	if !strings.Contains(reply, "<data") {
		t.Errorf("root is answered %s", reply)
	}
	status := strings.Fields(strings.ReplaceAll(command(t, []string{"NSO_IPC_PATH=" + dir + "/ipc"}, bin+"/nso", "status", "--json"), ",", " "))
	if uid := after(status, `"uid":`); uid != nso.Uid {
		t.Errorf("the daemon is uid %s, want %s", uid, nso.Uid)
	}
	if info, err := os.Stat(dir); err != nil || owner(info) != nso.Uid || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v %v", info, err)
	}
	// Everybody else: a session, and no right in it; and no way to the socket.
	out, _ := exec.Command("setpriv", "--reuid", "games", "--regid", "games", "--clear-groups", "--", bin+"/ncpeer", "-address", address, get, edit).CombinedOutput()
	if strings.Contains(string(out), "<hostname>") || strings.Contains(string(out), "<ok/>") || !strings.Contains(string(out), "denied") {
		t.Errorf("somebody else is answered %s", out)
	}
	cmd := exec.Command("setpriv", "--reuid", "games", "--regid", "games", "--clear-groups", "--", bin+"/nso", "whoami")
	cmd.Env = []string{"NSO_IPC_PATH=" + dir + "/ipc", "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("somebody else has a connection: %s", out)
	}
	second(t, bin, dir)
	r.term()
	// Again, in the same folder.
	run(t, address, bin+"/nso", "run", "--dir", dir, "--netconf-tcp", address).term()
}

// TestRunAsUser is an instance of whoever runs the tests, or of nso.
func TestRunAsUser(t *testing.T) {
	bin := tools(t)
	var as []string
	uid := strconv.Itoa(os.Getuid())
	dir := filepath.Join(bin, "instance")
	if os.Getuid() == 0 {
		nso, err := user.Lookup("nso")
		if err != nil {
			t.Fatal("the user nso is missing; test/setup test makes it")
		}
		uid = nso.Uid
		as = []string{"setpriv", "--reuid", "nso", "--regid", "nso", "--clear-groups", "--"}
		command(t, nil, "install", "-d", "-o", "nso", dir)
	}
	address, err := instance.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, address, append(as, bin+"/nso", "run", "--dir", dir, "--netconf-tcp", address)...)
	reply := eventually(t, append(as, bin+"/ncpeer", "-address", address, edit, get)...)
	if !strings.Contains(reply, "<hostname>mine</hostname>") {
		t.Errorf("the user is answered %s", reply)
	}
	if os.Getuid() == 0 { // root is somebody else here, and over TCP not even let in
		if out, err := exec.Command(bin+"/ncpeer", "-address", address, get).CombinedOutput(); err == nil {
			t.Errorf("root is answered %s", out)
		}
	}
	info, err := os.Stat(dir)
	if err != nil || owner(info) != uid {
		t.Errorf("the folder: %v %v", info, err)
	}
	r.term()
	r = run(t, address, append(as, bin+"/nso", "run", "--dir", dir, "--netconf-tcp", address)...)
	if reply := eventually(t, append(as, bin+"/ncpeer", "-address", address, get)...); !strings.Contains(reply, "<hostname>mine</hostname>") {
		t.Errorf("after a restart: %s", reply)
	}
	r.term()
}

// second is refused: a folder has one instance.
func second(t *testing.T, bin, dir string) {
	t.Helper()
	out, err := exec.Command(bin+"/nso", "run", "--dir", dir, "--netconf-tcp", "none").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use") {
		t.Errorf("a second instance: %v %s", err, out)
	}
}

const (
	sysNS = `xmlns="urn:ietf:params:xml:ns:yang:ietf-system"`
	edit  = `<edit-config><target><running/></target><config><system ` + sysNS + `><hostname>mine</hostname></system></config></edit-config>`
	get   = `<get-config><source><running/></source><filter type="subtree"><system ` + sysNS + `/></filter></get-config>`
)

// eventually runs a command until it succeeds: what nso run prints may be before
// the daemon answers.
func eventually(t *testing.T, command ...string) string {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err == nil {
			return string(out)
		}
		if time.Now().After(end) {
			t.Fatalf("%q: %v\n%s", command, err, out)
		}
	}
}

func command(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func after(words []string, w string) string {
	for i := range words {
		if words[i] == w && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}

func owner(info fs.FileInfo) string { return fmt.Sprint(info.Sys().(*syscall.Stat_t).Uid) }

// TestIdle ends sessions of the management agent that are silent for as long as
// nso.toml says.
func TestIdle(t *testing.T) {
	dir := instance.ForTest(t)
	toml := filepath.Join(dir, "nso.toml")
	if err := os.WriteFile(toml, []byte("[limits]\nidle-timeout = \"1s\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in, err := instance.New(filepath.Join(dir, "i"), "--config", toml)
	if err != nil {
		t.Fatal(err)
	}
	start(t, in)
	c, err := client.Dial(context.Background(), filepath.Join(in.Dir, "ipc"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Call(context.Background(), "org.nso.Maapi.OpenSession", nil, nil); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out := command(t, []string{"NSO_IPC_PATH=" + in.Dir + "/ipc"}, nso(t), "sessions", "--json")
		if !strings.Contains(out, "maapi") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the session is still there: %s", out)
		}
	}
	if err := in.Stop(); err != nil {
		t.Error(err)
	}
}

func nso(t *testing.T) string {
	t.Helper()
	path, err := instance.Bin("nso")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
