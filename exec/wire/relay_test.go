// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestRelay: what the two ends say to each other is the same with the daemon between
// them, in order, and more than either would hold.
func TestRelay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const size = 3 << 20
	signals := make(chan string, 1)
	go func() { // a command that says back what it is told, and ends
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s := Serve(conn)
		defer s.Close()
		r, _, err := s.Request()
		if err != nil || r.User != "ann" {
			_ = s.Refuse(Refusal{BadRequest, "not ann"})
			return
		}
		_ = s.Started(Started{PID: 77})
		_ = s.Credit(Credit)
		total, status := uint64(0), 3
		for {
			f, err := s.Next()
			if err != nil {
				return
			}
			switch f.Kind {
			case Input:
				total += uint64(len(f.Data))
				_ = s.Credit(len(f.Data))
				_ = s.Output(Output, append(make([]byte, HeaderSize), f.Data...))
			case SendSignal:
				signals <- string(f.Data)
			case EndOfInput:
				_ = s.Output(Error, append(make([]byte, HeaderSize), "done"...))
				_ = s.End(End{Exit: &status, Output: total})
				return
			}
		}
	}()
	near, far := net.Pipe()
	relayed := make(chan End, 1)
	go func() { // the daemon, which says who asks
		defer far.Close()
		s := Serve(far)
		r, _, err := s.Request()
		if err != nil {
			return
		}
		r.User = "ann"
		cmd, err := Run(context.Background(), path, r, nil)
		if err != nil {
			return
		}
		_ = s.Started(cmd.Started)
		end, err := Relay(s, cmd)
		if err == nil {
			relayed <- end
		}
	}()
	cmd, err := Over(t.Context(), near, Request{Rule: "echo", Input: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cmd.PID != 77 {
		t.Errorf("its process is %d", cmd.PID)
	}
	sent := bytes.Repeat([]byte("0123456789abcde\n"), size/16)
	go func() {
		_ = cmd.Signal("INT")
		_, _ = cmd.Write(sent)
		_ = cmd.CloseInput()
	}()
	var out, errs bytes.Buffer
	end, err := cmd.Wait(&out, &errs)
	if err != nil || end.Exit == nil || *end.Exit != 3 || end.Output != size {
		t.Fatalf("the end is %v, %v", end, err)
	}
	if !bytes.Equal(out.Bytes(), sent) || errs.String() != "done" {
		t.Errorf("%d bytes and %q came back", out.Len(), errs.String())
	}
	if s := <-signals; s != "INT" {
		t.Errorf("the signal is %s", s)
	}
	if e := <-relayed; *e.Exit != 3 {
		t.Errorf("the daemon was told %v", e)
	}
}

// TestRelayHangUp: when the client goes, so does the command's connection.
func TestRelayHangUp(t *testing.T) {
	toHelper, helper := net.Pipe()
	near, far := net.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := Relay(Serve(far), newCommand(toHelper))
		ended <- err
	}()
	near.Close()
	if _, err := helper.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("error is %v", err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("error is %v", err)
	}
}
