// SPDX-License-Identifier: Apache-2.0

// Command asker asks nso-exec to run something, as the daemon does, for the tests: it
// reads a job on standard input and writes what came of it on standard output, both in
// JSON.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/exec/wire"
)

// Job is what to ask, and what to do while it runs.
type Job struct {
	Socket  string
	Request wire.Request
	Steps   []Step
	Repeat  int      // times, one after the other; the first that differs is the result
	At      int      // at once
	IPC     bool     // a socket goes along, and what is read from it is in the result
	Each    []string // values of the argument "more", one after the other
	EachEnv []string // variables NAME=VALUE, one after the other
	Raw     []byte
	Jobs    []Job  // instead: one after the other
	Plain   string // instead: this program by fork and exec, for comparison
	Seconds int
}

// Step is one thing to do; those that are empty are not done.
type Step struct {
	Wait   string // for this in the output
	Send   string
	Data   []byte // to be sent, too
	Bytes  int    // so many of input
	Close  bool
	Signal string
	Rows   uint16
	Cols   uint16
	Stall  int // read nothing for milliseconds
	Sleep  int // milliseconds
	HangUp bool
}

// Result is what came of it.
type Result struct {
	Refusal *wire.Refusal
	Start   *wire.StartError
	Started *wire.Started
	End     *wire.End
	Out     string // at most the first 64 KiB
	Err     string
	Hash    string // of all of Out
	Size    int64
	IPC     string
	Failed  string
	Times   []float64 // milliseconds of each
	Took    float64   // milliseconds of all
	Results []Result  // of each
}

func main() {
	var j Job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := json.NewEncoder(os.Stdout).Encode(do(j)); err != nil {
		os.Exit(2)
	}
}

func do(j Job) (r Result) {
	switch {
	case j.Jobs != nil:
		for _, one := range j.Jobs {
			r.Results = append(r.Results, do(one))
		}
	case j.Raw != nil:
		r = raw(j)
	case j.Each != nil || j.EachEnv != nil:
		for _, v := range j.Each {
			values := map[string][]string{"more": {v}}
			maps.Copy(values, j.Request.Values)
			j := j
			j.Request.Values = values
			r.Results = append(r.Results, once(j))
		}
		for _, v := range j.EachEnv {
			name, value, _ := strings.Cut(v, "=")
			j.Request.Environment = map[string]string{name: value}
			r.Results = append(r.Results, once(j))
		}
	default:
		r = repeat(j)
	}
	return r
}

// repeat does a job several times, and several of it at once.
func repeat(j Job) Result {
	var mu sync.Mutex
	var first *Result
	var times []float64
	var wg sync.WaitGroup
	begin := time.Now()
	for range max(j.At, 1) {
		wg.Go(func() {
			for range max(j.Repeat, 1) {
				t := time.Now()
				r := once(j)
				mu.Lock()
				times = append(times, float64(time.Since(t).Microseconds())/1000)
				same := first == nil || first.Hash == r.Hash && first.Size == r.Size && first.Failed == r.Failed && outcome(*first) == outcome(r)
				if first == nil || !same {
					first = &r
				}
				mu.Unlock()
				if !same {
					return
				}
			}
		})
	}
	wg.Wait()
	first.Times, first.Took = times, float64(time.Since(begin).Microseconds())/1000
	return *first
}

func outcome(r Result) string {
	switch {
	case r.Refusal != nil:
		return string(r.Refusal.Class)
	case r.Start != nil:
		return r.Start.Step
	case r.End != nil:
		return r.End.String()
	}
	return r.Failed
}

// sink keeps the beginning of what is written to it, and the sum of all.
type sink struct {
	mu   sync.Mutex
	keep bytes.Buffer
	size int64
	sum  io.Writer
	wait chan struct{} // closed and made anew with each write
	busy sync.Mutex    // held by who stalls
}

func (s *sink) Write(p []byte) (int, error) {
	s.busy.Lock()
	defer s.busy.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := 64<<10 - s.keep.Len(); n > 0 {
		s.keep.Write(p[:min(n, len(p))])
	}
	s.sum.Write(p)
	s.size += int64(len(p))
	close(s.wait)
	s.wait = make(chan struct{})
	return len(p), nil
}

func (s *sink) until(text string) bool {
	for end := time.After(20 * time.Second); ; {
		s.mu.Lock()
		found, wait := strings.Contains(s.keep.String(), text), s.wait
		s.mu.Unlock()
		if found {
			return true
		}
		select {
		case <-wait:
		case <-end:
			return false
		}
	}
}

// plain is what starting a program costs at least.
func plain(path string) (r Result) {
	pid, err := syscall.ForkExec(path, []string{path}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	if err != nil {
		return Result{Failed: err.Error()}
	}
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil {
		return Result{Failed: err.Error()}
	}
	status := ws.ExitStatus()
	return Result{End: &wire.End{Exit: &status}}
}

func once(j Job) (r Result) {
	if j.Plain != "" {
		return plain(j.Plain)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(max(j.Seconds, 60))*time.Second)
	defer cancel()
	var ipc, other *os.File
	if j.IPC {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return Result{Failed: err.Error()}
		}
		ipc, other = os.NewFile(uintptr(fds[0]), "ipc"), os.NewFile(uintptr(fds[1]), "other")
		defer other.Close()
	}
	c, err := wire.Run(ctx, j.Socket, j.Request, ipc)
	if ipc != nil {
		ipc.Close()
	}
	switch {
	case errors.As(err, &r.Refusal), errors.As(err, &r.Start):
		return r
	case err != nil:
		return Result{Failed: err.Error()}
	}
	defer c.Close()
	r.Started = &c.Started
	sum := sha256.New()
	out := &sink{sum: sum, wait: make(chan struct{})}
	errs := &sink{sum: io.Discard, wait: make(chan struct{})}
	go func() {
		for _, s := range j.Steps {
			if err := step(c, out, s); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
		}
	}()
	end, err := c.Wait(out, errs)
	if err != nil {
		r.Failed = err.Error()
	} else {
		r.End = &end
	}
	if other != nil {
		b, _ := io.ReadAll(other)
		r.IPC = string(b)
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	errs.mu.Lock()
	defer errs.mu.Unlock()
	r.Out, r.Err, r.Size, r.Hash = out.keep.String(), errs.keep.String(), out.size, hex.EncodeToString(sum.Sum(nil))
	return r
}

func step(c *wire.Command, out *sink, s Step) error {
	if s.Wait != "" && !out.until(s.Wait) {
		c.Close()
		return fmt.Errorf("no %q in the output", s.Wait)
	}
	if s.Send != "" {
		if _, err := c.Write([]byte(s.Send)); err != nil {
			return err
		}
	}
	if len(s.Data) > 0 {
		if _, err := c.Write(s.Data); err != nil {
			return err
		}
	}
	if s.Bytes > 0 {
		if _, err := c.Write(bytes.Repeat([]byte("x"), s.Bytes)); err != nil {
			return err
		}
	}
	if s.Close {
		if err := c.CloseInput(); err != nil {
			return err
		}
	}
	if s.Signal != "" {
		if err := c.Signal(s.Signal); err != nil {
			return err
		}
	}
	if s.Rows > 0 {
		if err := c.Resize(wire.Window{Rows: s.Rows, Columns: s.Cols}); err != nil {
			return err
		}
	}
	if s.Stall > 0 {
		out.busy.Lock()
		time.Sleep(time.Duration(s.Stall) * time.Millisecond)
		out.busy.Unlock()
	}
	time.Sleep(time.Duration(s.Sleep) * time.Millisecond)
	if s.HangUp {
		return c.Close()
	}
	return nil
}

// raw sends bytes as they are, and returns what comes.
func raw(j Job) (r Result) {
	conn, err := net.Dial("unix", j.Socket)
	if err != nil {
		return Result{Failed: err.Error()}
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(j.Raw); err != nil {
		r.Failed = err.Error()
	}
	b, err := io.ReadAll(conn)
	r.Out = string(b)
	if err != nil {
		r.Failed = err.Error()
	}
	return r
}
