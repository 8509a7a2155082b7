// SPDX-License-Identifier: Apache-2.0

// Command sshcrowd is many clients of NETCONF over SSH at once, each with a session of
// its own that reads the configuration and closes. It prints one line of JSON: how many
// came in, how many were refused as who they said they were, what else went wrong, and
// how long all took.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/test/peer"
)

type result struct {
	In, Refused int
	Errors      map[string]int
	MS          int64
}

type crowd struct {
	address string
	from    *net.TCPAddr
	config  ssh.ClientConfig
	mu      sync.Mutex
	result  result
}

func main() {
	n := flag.Int("n", 100, "how many")
	clients := flag.Int("clients", 100, "how many at a time")
	user := flag.String("user", "ann", "")
	key := flag.String("key", "", "file of a private key")
	password := flag.String("password", "", "instead of a key")
	from := flag.String("from", "127.0.0.1", "address to come from")
	c := crowd{result: result{Errors: map[string]int{}}}
	flag.StringVar(&c.address, "address", "127.0.0.1:830", "")
	flag.Parse()
	c.config = ssh.ClientConfig{User: *user, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Auth: []ssh.AuthMethod{ssh.Password(*password)}}
	if *password == "" {
		text, err := os.ReadFile(*key)
		var signer ssh.Signer
		if err == nil {
			signer, err = ssh.ParsePrivateKey(text)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "sshcrowd:", err)
			os.Exit(1)
		}
		c.config.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	}
	c.from = &net.TCPAddr{IP: net.ParseIP(*from)}
	begin := time.Now()
	work := make(chan struct{}, *n)
	for range *n {
		work <- struct{}{}
	}
	close(work)
	var wg sync.WaitGroup
	for range *clients {
		wg.Go(func() {
			for range work {
				c.note(c.session())
			}
		})
	}
	wg.Wait()
	c.result.MS = time.Since(begin).Milliseconds()
	_ = json.NewEncoder(os.Stdout).Encode(c.result)
}

func (c *crowd) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.result.In++
	case strings.Contains(err.Error(), "unable to authenticate"):
		c.result.Refused++
	default:
		c.result.Errors[err.Error()]++
	}
}

// channel is what a NETCONF client needs of a channel.
type channel struct {
	io.Reader
	io.WriteCloser
	net.Conn // for its deadlines
}

func (c channel) Read(b []byte) (int, error)  { return c.Reader.Read(b) }
func (c channel) Write(b []byte) (int, error) { return c.WriteCloser.Write(b) }
func (c channel) Close() error                { return c.WriteCloser.Close() }

func (c *crowd) session() error {
	d := net.Dialer{LocalAddr: c.from, Timeout: 30 * time.Second}
	conn, err := d.Dial("tcp", c.address)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(150 * time.Second)); err != nil {
		return err
	}
	secure, channels, requests, err := ssh.NewClientConn(conn, c.address, &c.config)
	if err != nil {
		return err
	}
	client := ssh.NewClient(secure, channels, requests)
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		return fmt.Errorf("channel: %w", err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.RequestSubsystem("netconf"); err != nil {
		return fmt.Errorf("subsystem: %w", err)
	}
	p := peer.New(channel{out, in, conn})
	if err := p.Open(); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if reply, err := p.RPC(`<get-config><source><running/></source></get-config>`); err != nil || !strings.Contains(reply, "<data") {
		return fmt.Errorf("get-config: %w: %.200s", err, reply)
	}
	if err := p.OK("<close-session/>"); err != nil {
		return fmt.Errorf("close-session: %w", err)
	}
	return nil
}
