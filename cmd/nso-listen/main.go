// SPDX-License-Identifier: Apache-2.0

// Command nso-listen hands one door over to the running daemon: the listeners that
// systemd passed to it. The daemon serves them for as long as nso-listen is there,
// and nso-listen is there for as long as the daemon is.
//
//	nso-listen NAME
//
// It exits with 0 when it is told to end (SIGTERM), with 75 (EX_TEMPFAIL) when the
// daemon has gone or is going, so that systemd watches the listeners again at once,
// and with 1 for everything else, each with a line that says why.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/activation"
	"nso.example/nso/client"
	"nso.example/nso/ipc/varlink"
)

// version is set by the linker.
var version = "unknown"

const (
	defaultSocket = "/run/nso/ipc"
	// patience is for the daemon to start and to answer.
	patience = 60 * time.Second
	tempFail = 75 // EX_TEMPFAIL, sysexits.h
)

// errGone is the end of the daemon's connection.
var errGone = errors.New("the daemon has ended")

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(version)
		return
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-told
		os.Exit(0) // the daemon sees the connection end
	}()
	err := run(os.Args[1:], os.Getenv)
	if errors.Is(err, errGone) {
		fmt.Fprintf(os.Stderr, "nso-listen: %v; systemd watches the door again\n", err)
		os.Exit(tempFail)
	}
	fmt.Fprintln(os.Stderr, "nso-listen:", err)
	os.Exit(1)
}

// run is the life of the program, in order. It returns only with an error.
func run(args []string, getenv func(string) string) error {
	if len(args) != 1 || args[0] == "" || strings.HasPrefix(args[0], "-") {
		return errors.New("cannot start: usage is nso-listen NAME")
	}
	name := args[0]
	if err := activation.RefusePrivilege(); err != nil {
		return err
	}
	listeners, err := inherit(name)
	if err != nil {
		return err
	}
	path := getenv("NSO_IPC_PATH")
	if path == "" {
		path = defaultSocket
	}
	conn, err := connect(path)
	if err != nil {
		return err
	}
	defer conn.Close()

	addresses, err := handOver(conn, name, listeners)
	if err != nil {
		return err
	}
	for _, f := range listeners {
		f.Close() // the daemon has its own
	}
	activation.Notifier{Log: slog.New(slog.DiscardHandler)}.Ready(name + " at " + strings.Join(addresses, " and ") + " is the daemon's")
	return await(conn)
}

// inherit takes what systemd passed: listeners of this name and nothing else.
func inherit(name string) ([]*os.File, error) {
	files, names, err := activation.Files(activation.Self())
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if n != name {
			return nil, fmt.Errorf("cannot hand over the door %s: a descriptor of the name %q was passed; mend FileDescriptorName= of %s", name, n, activation.Unit(name))
		}
	}
	return files, nil
}

// connect waits in the queue of the socket: where the daemon is started by it, it
// comes.
func connect(path string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, fmt.Errorf("cannot connect to %s: %w; is nso.socket started, and nso a member of the socket's group?", path, err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	// The socket blocks while it connects: one that does not is refused when the
	// queue is full (connect(2), EAGAIN).
	limit := unix.NsecToTimeval(patience.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return fail(err)
	}
	for {
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return fail(err)
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return fail(err)
	}
	return conn, nil
}

// handOver passes the listeners with the call, and waits for the answer.
func handOver(conn net.Conn, name string, listeners []*os.File) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out struct {
		Addresses []string `json:"addresses"`
	}
	in := struct {
		Name string `json:"name"`
	}{name}
	err := client.New(conn).CallWithFiles(ctx, "org.nso.Control.Listen", in, &out, listeners...)
	var refused *client.Error
	switch {
	case err == nil:
		return out.Addresses, nil
	case errors.As(err, &refused):
		if refused.Name == "org.nso.Protocol.ShuttingDown" {
			return nil, fmt.Errorf("%w: it is stopping", errGone)
		}
		return nil, fmt.Errorf("cannot hand over the door %s: the daemon refuses: %s", name, reason(refused))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return nil, fmt.Errorf("%w before it took the door %s", errGone, name)
	}
	return nil, fmt.Errorf("cannot hand over the door %s: %w", name, err)
}

// reason is the text in a refusal.
func reason(e *client.Error) string {
	var p struct {
		Message string
		Errors  []struct{ Message string }
	}
	if err := json.Unmarshal(e.Parameters, &p); err == nil {
		for _, one := range p.Errors {
			return one.Message
		}
		if p.Message != "" {
			return p.Message
		}
	}
	if e.Name == "org.varlink.service.PermissionDenied" {
		return "only the daemon's own user may; set User= of the service to that of nso.service"
	}
	return e.Name
}

// await returns when the connection has ended. The daemon may say why it ends it.
func await(conn net.Conn) error {
	r := varlink.NewReader(conn, 0)
	why := ""
	for {
		msg, err := r.Next(64 << 10)
		if err != nil {
			return fmt.Errorf("%w%s", errGone, why)
		}
		var last struct {
			Parameters struct{ Message string }
		}
		if json.Unmarshal(msg, &last) == nil && last.Parameters.Message != "" {
			why = ": " + last.Parameters.Message
		}
	}
}
