// SPDX-License-Identifier: Apache-2.0

// Command ncpeer is a raw NETCONF client over TCP for tests inside a booted
// system: it says the header that it is told, or the true one, sends the
// operations in its arguments and prints the replies.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"nso.example/nso/test/peer"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ncpeer:", err)
		os.Exit(1)
	}
}

func run() error {
	address := flag.String("address", "127.0.0.1:2023", "where")
	header := flag.String("header", "", "the header, with HOST/PORT for the true address; empty: the true one")
	hold := flag.Bool("hold", false, "stay until the other end closes, and print what it says")
	flag.Parse()
	conn, err := net.DialTimeout("tcp", *address, 10*time.Second)
	if err != nil {
		return err
	}
	text := peer.Header(conn)
	if *header != "" {
		host, port, _ := net.SplitHostPort(conn.LocalAddr().String())
		text = strings.ReplaceAll(*header, "HOST/PORT", host+"/"+port) + "\n"
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	c := peer.New(conn)
	if err := c.Open(); err != nil {
		return err
	}
	for _, op := range flag.Args() {
		reply, err := c.RPC(op)
		if err != nil {
			return err
		}
		fmt.Println(reply)
	}
	if *hold {
		fmt.Println("holding")
		rest, err := io.ReadAll(conn)
		fmt.Printf("ended: %s %v\n", rest, err)
	}
	return conn.Close()
}
