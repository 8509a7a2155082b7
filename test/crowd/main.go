// SPDX-License-Identifier: Apache-2.0

// Command crowd is many clients for tests inside a booted system. Each connects,
// waits for its greeting and leaves: over NETCONF (the server's hello) or, with an
// -ipc path or address, over Varlink (the answer to WhoAmI). It prints one line of
// JSON: how many connected, how many were greeted, what went wrong, and the longest
// wait.
//
//	crowd -for 10s -clients 4        one connection after the other; SIGTERM ends it
//	crowd -n 10000                   all of them at once
//	crowd -hold                      one session that asks all the time, until it is told to end
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"nso.example/nso/ipc/varlink"
	"nso.example/nso/test/peer"
)

type result struct {
	Connected, Greeted int
	Errors             map[string]int
	Longest            int // ms from connect to greeting
}

type crowd struct {
	address, ipc string
	mu           sync.Mutex
	result       result
}

func main() {
	c := crowd{result: result{Errors: map[string]int{}}}
	flag.StringVar(&c.address, "address", "127.0.0.1:2023", "of NETCONF")
	flag.StringVar(&c.ipc, "ipc", "", "path or address of the IPC")
	span := flag.Duration("for", 0, "how long")
	clients := flag.Int("clients", 4, "how many at a time")
	n := flag.Int("n", 0, "how many at once")
	hold := flag.Bool("hold", false, "one session, until SIGTERM")
	flag.Parse()
	switch {
	case *hold:
		if err := c.hold(); err != nil {
			c.result.Errors[err.Error()]++
		}
	case *n > 0:
		c.all(*n)
	default:
		var wg sync.WaitGroup
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, *span)
		defer cancel()
		for range *clients {
			wg.Go(func() {
				for ctx.Err() == nil {
					c.one()
				}
			})
		}
		wg.Wait()
	}
	_ = json.NewEncoder(os.Stdout).Encode(c.result)
}

func (c *crowd) one() {
	conn, err := c.connect()
	if err == nil {
		err = c.greet(conn)
	}
	c.note(err)
}

// all is n clients at the same time.
func (c *crowd) all(n int) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(c.one)
	}
	wg.Wait()
}

func (c *crowd) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		text := err.Error()
		if i := strings.LastIndex(text, ": "); i >= 0 && len(text) > 200 {
			text = text[i:]
		}
		c.result.Errors[text]++
	}
}

type client struct {
	net.Conn
	began time.Time
}

const patience = 60 * time.Second

func (c *crowd) connect() (*client, error) {
	began := time.Now()
	network, address := "tcp", c.address
	if c.ipc != "" {
		if address = c.ipc; strings.HasPrefix(address, "/") {
			network = "unix"
		}
	}
	for {
		conn, err := net.DialTimeout(network, address, patience)
		if errors.Is(err, syscall.EAGAIN) && time.Since(began) < patience {
			// A program that waits in connect(2) would wait here (unix(7)).
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("connect: %w", cause(err))
		}
		c.mu.Lock()
		c.result.Connected++
		c.mu.Unlock()
		conn.SetDeadline(time.Now().Add(patience))
		return &client{conn, began}, nil
	}
}

// cause is an error without the address, so that the same ones are counted together.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func (c *crowd) greet(conn *client) error {
	defer conn.Close()
	var err error
	if c.ipc != "" {
		err = whoAmI(conn)
	} else {
		err = hello(conn)
	}
	if err != nil {
		return cause(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Greeted++
	c.result.Longest = max(c.result.Longest, int(time.Since(conn.began).Milliseconds()))
	return nil
}

func hello(conn net.Conn) error {
	if _, err := io.WriteString(conn, peer.Header(conn)); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	text, err := peer.New(conn).Receive()
	if err == nil && !strings.Contains(string(text), "<session-id>") {
		err = fmt.Errorf("no hello: %.100q", text)
	}
	if err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	return nil
}

func whoAmI(conn net.Conn) error {
	if _, err := io.WriteString(conn, `{"method":"org.nso.Control.WhoAmI"}`+"\x00"); err != nil {
		return fmt.Errorf("call: %w", err)
	}
	text, err := varlink.NewReader(conn, 0).Next(1 << 20)
	if err == nil && !strings.Contains(string(text), `"uid"`) {
		err = fmt.Errorf("no answer: %.200s", text)
	}
	return err
}

// hold asks all the time on one session, until it is told to end: then it must still
// be there.
func (c *crowd) hold() error {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	s, err := peer.DialTCP(c.address)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("holding")
	for {
		if _, err := s.RPC("<get-config><source><running/></source></get-config>"); err != nil {
			return err
		}
		c.result.Greeted++
		select {
		case <-told:
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}
