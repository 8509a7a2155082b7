// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
)

const sshDoor = "[listen.netconf-ssh]\nenabled = true\n"

// knock is how far a stranger comes: to the host key, and to the methods.
func knock(address string) (host ssh.PublicKey, said string) {
	var refused error
	c, err := ssh.Dial("tcp", address, &ssh.ClientConfig{User: "stranger",
		HostKeyCallback:   func(_ string, _ net.Addr, key ssh.PublicKey) error { host = key; return nil },
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		Auth: []ssh.AuthMethod{ssh.Password("wrong"), ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
			return make([]string, len(questions)), nil
		})}})
	if err == nil {
		c.Close()
		refused = errors.New("is in")
	} else {
		refused = err
	}
	return host, refused.Error()
}

// TestSSHDoor: the door netconf-ssh is handed over as any other, may listen anywhere,
// and shows the same host key after a restart.
func TestSSHDoor(t *testing.T) {
	p := newPlace(t, sshDoor)
	nsod := p.daemon()
	keys := filepath.Join(p.dir, "state", "ssh")
	if _, err := os.Lstat(keys); err == nil {
		t.Error("there are host keys before there is a door")
	}
	listener, at := p.listener("0.0.0.0:0")
	_, port, err := net.SplitHostPort(at)
	p.must(err)
	near := "127.0.0.1:" + port
	p.door("netconf-ssh", listener).ready(p)
	if got := p.doors(); got != "netconf-ssh "+at {
		t.Errorf("status shows %q", got)
	}
	host, said := knock(near)
	if host == nil || !strings.Contains(said, "unable to authenticate, attempted methods [none") {
		t.Fatalf("a stranger gets %v, %s", host, said)
	}
	for _, name := range []string{"ssh_host_ed25519_key", "ssh_host_ecdsa_key"} {
		info, err := os.Stat(filepath.Join(keys, name))
		p.must(err)
		if st := info.Sys().(*syscall.Stat_t); info.Mode() != 0o600 || st.Uid != p.uid {
			t.Errorf("%s: %s of uid %d", name, info.Mode(), st.Uid)
		}
	}
	p.must(nsod.Process.Signal(syscall.SIGTERM))
	if status, said := nsod.end(p); status != 0 || !strings.Contains(said, `"stranger" by `) && !strings.Contains(said, `\"stranger\" by `) {
		t.Errorf("the daemon ends with %d and has said\n%s", status, said)
	}

	p.daemon()
	p.door("netconf-ssh", listener).ready(p)
	if again, _ := knock(near); again == nil || string(again.Marshal()) != string(host.Marshal()) {
		t.Error("after a restart the host key is another one")
	}
}

// TestSSHDoorRefused: without a host key there is no door, and a daemon all the same.
func TestSSHDoorRefused(t *testing.T) {
	p := newPlace(t, sshDoor)
	p.daemon()
	keys := filepath.Join(p.dir, "state", "ssh")
	p.must(os.Mkdir(keys, 0o755))
	p.must(os.WriteFile(filepath.Join(keys, "ssh_host_ed25519_key"), []byte("broken"), 0o600))
	p.must(os.Chown(filepath.Join(keys, "ssh_host_ed25519_key"), int(p.uid), -1))
	listener, _ := p.listener("127.0.0.1:0")
	status, said := p.door("netconf-ssh", listener).end(p)
	if status != 1 || !strings.Contains(said, "ssh_host_ed25519_key: it is no private key") || strings.Count(said, "\n") != 1 {
		t.Errorf("it ends with %d and says %q", status, said)
	}
	if got := p.doors(); got != "" {
		t.Errorf("a door is open: %s", got)
	}
	p.must(os.Remove(filepath.Join(keys, "ssh_host_ed25519_key")))
	p.must(os.Chown(keys, int(p.uid), -1))
	p.door("netconf-ssh", listener).ready(p) // mended
}
