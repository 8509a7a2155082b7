// SPDX-License-Identifier: Apache-2.0

// Command worker is both ends of the test: "worker netconf" has the operations done that
// are lines of its input, over the daemon's socket; the other words are programs of rules.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/client"
	"nso.example/nso/test/peer"
)

// holder is where the holder listens, who is given a connection to keep.
const holder = "/usr/share/work/holder"

func main() {
	var err error
	switch os.Args[1] {
	case "netconf":
		err = netconf()
	case "whoami":
		err = whoami()
	case "restart":
		err = restart(os.Args[len(os.Args)-1])
	case "lies":
		fmt.Println(`{"work:truth":"none"}`)
	case "fails":
		fmt.Fprintln(os.Stderr, "worker: looking for it\nthe battery is empty")
		os.Exit(3)
	case "check":
		err = check()
	case "linked":
		err = linked()
	case "hold":
		err = hold(os.Args[2])
	default:
		err = errors.New("there is no such word")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func netconf() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, "/run/nso/ipc")
	if err != nil {
		return err
	}
	conn, err := c.OpenNETCONF(ctx)
	if err != nil {
		return err
	}
	p := peer.New(conn)
	if err := p.Open(peer.Base11); err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		reply, err := p.RPC(in.Text())
		if err != nil {
			return err
		}
		fmt.Println(strings.Join(strings.Fields(reply), " "))
	}
	return in.Err()
}

func whoami() error {
	u, err := user.Current()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"work:user": u.Username, "work:caller": os.Getenv("NSO_USER"), "work:operation": os.Getenv("NSO_OPERATION")})
}

func restart(name string) error {
	var in struct {
		Why string `json:"work:why"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	u, err := user.Current()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"user": u.Username, "name": name, "path": os.Getenv("NSO_PATH"), "why": in.Why})
}

func check() error {
	var in struct {
		Farm struct {
			Server []struct {
				Name string
				Size int
			}
		} `json:"work:farm"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	for _, s := range in.Farm.Server {
		if s.Size == 66 {
			time.Sleep(time.Minute)
		}
		if s.Size > 9 {
			return fmt.Errorf("server %s is too large for this site", s.Name)
		}
	}
	return nil
}

// linked uses the connection that it was given, and gives it away.
func linked() error {
	fd, err := strconv.Atoi(os.Getenv("NSO_IPC_FD"))
	if err != nil {
		return errors.New("there is no NSO_IPC_FD")
	}
	file := os.NewFile(uintptr(fd), "ipc")
	conn, err := net.FileConn(file)
	if err != nil {
		return err
	}
	c := client.New(conn)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	const maapi = "org.nso.Maapi."
	var session struct{ User string }
	if err := c.Call(ctx, maapi+"OpenSession", nil, &session); err != nil {
		return err
	}
	var txn struct{ TH int }
	reads := c.Call(ctx, maapi+"Begin", map[string]any{"datastore": "running", "readWrite": false}, &txn)
	if reads == nil {
		reads = c.Call(ctx, maapi+"Show", map[string]any{"th": txn.TH, "path": "/work:farm", "format": "json"}, nil)
	}
	writes := c.Call(ctx, maapi+"Begin", map[string]any{"datastore": "running", "readWrite": true}, nil)
	stops := c.Call(ctx, "org.nso.Control.Stop", nil, nil)
	to, err := net.Dial("unix", holder)
	if err != nil {
		return err
	}
	if _, _, err := to.(*net.UnixConn).WriteMsgUnix([]byte("x"), unix.UnixRights(int(file.Fd())), nil); err != nil {
		return err
	}
	if _, err := io.ReadFull(to, make([]byte, 1)); err != nil { // it has it
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"session": session.User, "reads": reads == nil, "writes": writes == nil, "stops": stops == nil})
}

// hold keeps a connection that it is given, and writes to a file what becomes of it.
func hold(file string) error {
	l, err := net.Listen("unix", holder)
	if err != nil {
		return err
	}
	if err := os.Chmod(holder, 0o666); err != nil {
		return err
	}
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.(*net.UnixConn).ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("%d messages, %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	kept, err := net.FileConn(os.NewFile(uintptr(fds[0]), "kept"))
	if err != nil {
		return err
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		return err
	}
	said := "alive"
	_ = kept.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := kept.Read(make([]byte, 1)); n == 0 && errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
		said = "dead"
	}
	return os.WriteFile(file, []byte(said), 0o644)
}
