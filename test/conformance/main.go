// SPDX-License-Identifier: Apache-2.0

// Command conformance holds a NETCONF server, any one, to the sentences of RFC 6241
// and of some RFCs around it. Each check is named after its section.
//
//	go run ./test/conformance --unix PATH | --tcp ADDRESS | --ssh [USER@]HOST[:PORT] | --command "PROGRAM ARG..."
//
// The stream of --unix and --command begins with the hello; --tcp says a cleartext
// header first. What the server does not announce is skipped. It writes groups called
// conformance-... below /nacm of the server (RFC 8341), and removes them.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"nso.example/nso/test/peer"
)

func main() {
	unix := flag.String("unix", "", "path of a Unix socket")
	tcp := flag.String("tcp", "", "address of a loopback server with a cleartext header")
	ssh := flag.String("ssh", "", "[USER@]HOST[:PORT], reached by the program ssh")
	command := flag.String("command", "", "a program that speaks NETCONF on its standard input and output")
	only := flag.String("run", "", "checks whose name contains this, only")
	flag.Parse()
	var dial func() (net.Conn, error)
	switch {
	case *unix != "":
		dial = func() (net.Conn, error) { return net.Dial("unix", *unix) }
	case *tcp != "":
		dial = func() (net.Conn, error) {
			c, err := net.DialTimeout("tcp", *tcp, 10*time.Second)
			if err == nil {
				_, err = io.WriteString(c, peer.Header(c))
			}
			return c, err
		}
	case *ssh != "":
		args := []string{"-s", *ssh, "netconf"}
		if host, port, ok := strings.Cut(*ssh, ":"); ok {
			args = []string{"-p", port, "-s", host, "netconf"}
		}
		dial = func() (net.Conn, error) { return start("ssh", args...) }
	case *command != "":
		words := strings.Fields(*command)
		dial = func() (net.Conn, error) { return start(words[0], words[1:]...) }
	default:
		flag.Usage()
		os.Exit(2)
	}
	passed, failed, skipped := Run(dial, func(name string) bool { return strings.Contains(name, *only) }, func(r Result) {
		switch {
		case r.Skipped != "":
			fmt.Printf("skip  %s: %s\n", r.Name, r.Skipped)
		case r.Err != nil:
			fmt.Printf("FAIL  %s: %v\n", r.Name, r.Err)
		default:
			fmt.Printf("ok    %s\n", r.Name)
		}
	})
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 {
		os.Exit(1)
	}
}

// process is a connection to a program.
type process struct {
	io.Reader
	io.WriteCloser
	cmd   *exec.Cmd
	timer *time.Timer
}

func start(name string, args ...string) (net.Conn, error) {
	p := &process{cmd: exec.Command(name, args...)}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.Reader, p.WriteCloser = out, in
	return p, p.cmd.Start()
}

func (p *process) Close() error {
	p.WriteCloser.Close()
	if p.timer != nil {
		p.timer.Stop()
	}
	timer := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.cmd.Wait()
}

// SetDeadline ends the program then: a pipe has no deadline that all systems keep.
func (p *process) SetDeadline(t time.Time) error {
	p.timer = time.AfterFunc(time.Until(t), func() { p.cmd.Process.Kill() })
	return nil
}

func (p *process) LocalAddr() net.Addr              { return nil }
func (p *process) RemoteAddr() net.Addr             { return nil }
func (p *process) SetReadDeadline(time.Time) error  { return nil }
func (p *process) SetWriteDeadline(time.Time) error { return nil }
