// SPDX-License-Identifier: Apache-2.0

// Command sshbench measures a real instance over SSH: how many clients a second
// connect, log in with a key, get the hello and close, one after the other and a hundred
// at a time; and what an idle session holds in the daemon. Both ends are on this
// machine, so what the clients compute is in the rates too; the time of the processor
// that each end takes for a session is what can be compared where others work too.
package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/test/instance"
	"nso.example/nso/test/peer"
)

func main() {
	span := flag.Duration("for", 5*time.Second, "how long each rate is measured")
	idle := flag.Int("idle", 1000, "how many idle sessions are opened")
	settle := flag.Duration("settle", 10*time.Second, "how long they are left alone")
	flag.Parse()
	if err := run(*span, *settle, *idle); err != nil {
		fmt.Fprintln(os.Stderr, "sshbench:", err)
		os.Exit(1)
	}
}

// conf makes room for the idle sessions of one user.
const conf = "[limits]\nsessions = 4096\nsessions-per-user = 4096\nconnections = 8192\n"

func run(span, settle time.Duration, idle int) error {
	dir, err := instance.Folder()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "limits.toml")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return err
	}
	address, err := instance.FreeAddress()
	if err != nil {
		return err
	}
	// Two instances: what is idle is measured in one that has done nothing else.
	i, c, err := start(filepath.Join(dir, "idle"), file, address)
	if err != nil {
		return err
	}
	err = c.idle(i, idle, settle)
	i.Kill()
	if err != nil {
		return err
	}
	if i, c, err = start(filepath.Join(dir, "busy"), file, address); err != nil {
		return err
	}
	defer i.Kill()
	pid, err := i.Daemon()
	if err != nil {
		return err
	}
	for _, n := range []int{1, 10, 100} {
		daemon, own := processor(pid), processor(os.Getpid())
		sessions, rate, refused, err := c.rate(n, span)
		if err != nil {
			return err
		}
		each := func(pid int, before time.Duration) float64 {
			return float64((processor(pid) - before).Microseconds()) / 1000 / float64(sessions)
		}
		fmt.Printf("SSH, connect to close, %3d clients: %4.0f/s, %d refused; of the processor %.2f ms in the daemon and %.2f ms in the client\n",
			n, rate, refused, each(pid, daemon), each(os.Getpid(), own))
	}
	return nil
}

// start starts an instance that the present user can log in to.
func start(dir, file, address string) (*instance.Instance, *clients, error) {
	i, err := instance.New(dir, "--config", file, "--netconf-ssh", address)
	if err != nil {
		return nil, nil, err
	}
	if err := i.Start(); err != nil {
		return nil, nil, err
	}
	c, err := newClients(i.Dir, address)
	if err == nil {
		if err = c.once(); err != nil {
			err = fmt.Errorf("%w\n%s", err, i.Log())
		}
	}
	if err != nil {
		i.Kill()
		return nil, nil, err
	}
	return i, c, nil
}

type clients struct {
	address string
	config  *ssh.ClientConfig
}

// newClients lists a new key for the present user.
func newClients(dir, address string) (*clients, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	if err := instance.Authorize(dir, me.Username, ssh.MarshalAuthorizedKey(signer.PublicKey())); err != nil {
		return nil, err
	}
	return &clients{address, &ssh.ClientConfig{User: me.Username, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, Timeout: 30 * time.Second}}, nil
}

// tunnel is a channel as a connection.
type tunnel struct {
	io.Reader
	io.WriteCloser
	net.Conn
}

func (t *tunnel) Read(p []byte) (int, error)  { return t.Reader.Read(p) }
func (t *tunnel) Write(p []byte) (int, error) { return t.WriteCloser.Write(p) }
func (t *tunnel) Close() error                { return t.WriteCloser.Close() }
func (t *tunnel) SetDeadline(time.Time) error { return nil }

// open opens a session and greets.
func (c *clients) open() (*ssh.Client, *peer.Conn, error) {
	client, err := ssh.Dial("tcp", c.address, c.config)
	if err != nil {
		return nil, nil, err
	}
	p, err := greet(client)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return client, p, nil
}

func greet(client *ssh.Client) (*peer.Conn, error) {
	s, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	in, err := s.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.RequestSubsystem("netconf"); err != nil {
		return nil, err
	}
	p := peer.New(&tunnel{Reader: out, WriteCloser: in})
	return p, p.Open()
}

func (c *clients) once() error {
	client, p, err := c.open()
	if err != nil {
		return err
	}
	defer client.Close()
	return p.OK("<close-session/>")
}

// rate is how many of n clients at a time come and go in a second.
func (c *clients) rate(n int, span time.Duration) (sessions int64, rate float64, refused int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), span)
	defer cancel()
	var done, failed atomic.Int64
	var mu sync.Mutex
	var errs error
	var wait sync.WaitGroup
	began := time.Now()
	for range n {
		wait.Go(func() {
			for ctx.Err() == nil {
				if err := c.once(); err != nil {
					if failed.Add(1) == 1 {
						mu.Lock()
						errs = errors.Join(errs, err)
						mu.Unlock()
					}
					continue
				}
				done.Add(1)
			}
		})
	}
	wait.Wait()
	if done.Load() == 0 {
		return 0, 0, failed.Load(), errs
	}
	return done.Load(), float64(done.Load()) / time.Since(began).Seconds(), failed.Load(), nil
}

// processor is how long a process has had the processor (proc_pid_stat(5): fields 14
// and 15, in hundredths of a second).
func processor(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// idle opens n sessions and says what they hold in the daemon.
func (c *clients) idle(i *instance.Instance, n int, settle time.Duration) error {
	time.Sleep(time.Second)
	before, err := i.Resident()
	if err != nil {
		return err
	}
	var all []*ssh.Client
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for range n {
		client, _, err := c.open()
		if err != nil {
			return fmt.Errorf("after %d idle sessions: %w", len(all), err)
		}
		all = append(all, client)
	}
	for _, after := range []time.Duration{time.Second, settle} {
		time.Sleep(after)
		now, err := i.Resident()
		if err != nil {
			return err
		}
		fmt.Printf("SSH, %d idle sessions: %.1f KB resident each after %v (%d MB, %d MB before)\n", n, float64(now-before)/float64(n)/1024, after, now>>20, before>>20)
	}
	return nil
}
