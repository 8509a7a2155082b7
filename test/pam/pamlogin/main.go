// SPDX-License-Identifier: Apache-2.0

// Command pamlogin asks nso-pam for logins as the daemon does, and as a daemon would
// that somebody has taken over. It is for the tests in booted systems.
//
//	pamlogin [flags] USER [ANSWER...]     one login; what comes of it as JSON
//	pamlogin -times N -at-once P USER ANSWER...   N good logins, their figures as JSON
//	pamlogin -flood N USER ANSWER...      N wrong logins a second from elsewhere, through
//	                                      the queue, and the good one among them
//	pamlogin -storm N                     N connections a second for five seconds
//	pamlogin -hostile KIND                garbage, silence, descriptors, leave ...
//	pamlogin -account USER                who that is, as the daemon finds it out
//
// An answer @FILE is read from a file just before it is sent.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/helper"
	"nso.example/nso/ident"
)

// result is what came of a login.
type result struct {
	OK      bool
	Class   helper.Class `json:",omitempty"`
	Reason  string       `json:",omitempty"`
	Outward string       `json:",omitempty"`
	Error   string       `json:",omitempty"`
	Verdict helper.Verdict
	Prompts []helper.Prompt
	Said    []helper.Text
	MS      int64
}

type options struct {
	ctx     context.Context
	pam     helper.PAM
	source  netip.Addr
	method  helper.Method
	user    string
	answers []string
}

func main() {
	var o options
	flag.StringVar(&o.pam.Socket, "socket", helper.PAMSocket, "")
	source := flag.String("source", "192.0.2.7", "")
	method := flag.String("method", "netconf", "")
	times := flag.Int("times", 0, "")
	atOnce := flag.Int("at-once", 1, "")
	flood := flag.Int("flood", 0, "")
	storm := flag.Int("storm", 0, "")
	hostile := flag.String("hostile", "", "")
	account := flag.Bool("account", false, "")
	patience := flag.Duration("patience", time.Hour, "")
	flag.Parse()
	if *source != "" {
		o.source = netip.MustParseAddr(*source)
	}
	o.method = helper.Method(*method)
	if flag.NArg() > 0 {
		o.user, o.answers = flag.Arg(0), flag.Args()[1:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()
	o.ctx = ctx
	switch {
	case *account:
		a, err := ident.NewResolver().ByName(ctx, o.user)
		print(map[string]any{"Account": a, "Error": fmt.Sprint(err)})
	case *hostile != "":
		print(o.hostile(*hostile))
	case *storm > 0:
		print(o.storm(*storm))
	case *flood > 0:
		print(o.flood(*flood))
	case *times > 0:
		print(o.times(*times, *atOnce))
	default:
		print(o.login())
	}
}

func print(v any) {
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		panic(err)
	}
}

func (o options) login() (r result) {
	begin := time.Now()
	answers := slices.Clone(o.answers)
	v, err := o.pam.Converse(o.ctx, helper.Conversation{User: o.user, Source: o.source, Method: o.method,
		Answer: func(_ context.Context, p helper.Prompt) ([]byte, error) {
			r.Prompts = append(r.Prompts, p)
			if len(answers) == 0 {
				return nil, errors.New("no further answer")
			}
			a := answers[0]
			answers = answers[1:]
			if file, ok := strings.CutPrefix(a, "@"); ok {
				text, err := os.ReadFile(file)
				return []byte(strings.TrimSpace(string(text))), err
			}
			return []byte(a), nil
		}})
	r.MS = time.Since(begin).Milliseconds()
	r.Verdict, r.OK, r.Said = v, err == nil, v.Said
	if err != nil {
		r.Outward, r.Error = helper.Outward(err), err.Error()
	}
	var refusal *helper.Refusal
	if errors.As(err, &refusal) {
		r.Class, r.Reason, r.Said = refusal.Class, refusal.Reason, refusal.Said
	}
	return r
}

// figures are of many logins.
type figures struct {
	Failed       int64
	Seconds      float64
	PerSecond    float64
	P50MS, P99MS int64
	FirstError   string
}

func (o options) times(n, atOnce int) (f figures) {
	var wait sync.WaitGroup
	var next, failed atomic.Int64
	var mu sync.Mutex
	var took []int64
	begin := time.Now()
	for range atOnce {
		wait.Go(func() {
			for next.Add(1) <= int64(n) {
				r := o.login()
				mu.Lock()
				took = append(took, r.MS)
				if !r.OK {
					failed.Add(1)
					f.FirstError = r.Error
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	f.Seconds = time.Since(begin).Seconds()
	f.Failed, f.PerSecond = failed.Load(), float64(n)/f.Seconds
	slices.Sort(took)
	f.P50MS, f.P99MS = took[len(took)/2], took[len(took)*99/100]
	return f
}

// flooded is what a login among floods took.
type flooded struct {
	Login  result
	Wrong  int64 // answered
	Turned int64 // turned away by the queue
	Other  int64 // neither: must be none
	Error  string
}

// flood tries wrong passwords from one source, perSecond of them a second, and logs
// in from another one when the flood is four seconds old.
func (o options) flood(perSecond int) (f flooded) {
	o.pam.Queue = helper.NewQueue(helper.DefaultQueueLimits())
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var wrong, turned, other atomic.Int64
	var firstError atomic.Value
	wait.Go(func() {
		for tick := time.NewTicker(time.Second / time.Duration(perSecond)); ctx.Err() == nil; <-tick.C {
			wait.Go(func() {
				_, err := o.pam.Converse(ctx, helper.Conversation{User: "nobody-here", Source: netip.MustParseAddr("198.51.100.66"), Method: helper.NETCONF,
					Answer: func(context.Context, helper.Prompt) ([]byte, error) { return []byte("wrong"), nil }})
				var refusal *helper.Refusal
				switch {
				case errors.As(err, &refusal):
					wrong.Add(1)
				case errors.Is(err, helper.ErrBusy):
					turned.Add(1)
				case ctx.Err() == nil:
					other.Add(1)
					firstError.Store(fmt.Sprint(err))
				}
			})
		}
	})
	time.Sleep(4 * time.Second)
	f.Login = o.login()
	time.Sleep(2 * time.Second)
	cancel()
	wait.Wait()
	f.Wrong, f.Turned, f.Other = wrong.Load(), turned.Load(), other.Load()
	f.Error, _ = firstError.Load().(string)
	return f
}

// stormed is what became of connections.
type stormed struct{ Connected, Refused int }

// storm connects and says nothing, perSecond times a second for five seconds, ten at
// once. Each connection is closed when the next ten of its kind have been made.
func (o options) storm(perSecond int) stormed {
	const atOnce = 10
	var connected, refused atomic.Int64
	var wait sync.WaitGroup
	for range atOnce {
		wait.Go(func() {
			var open []net.Conn
			tick := time.NewTicker(atOnce * time.Second / time.Duration(perSecond))
			for end := time.Now().Add(5 * time.Second); time.Now().Before(end); <-tick.C {
				conn, err := net.Dial("unix", o.pam.Socket)
				if err != nil {
					refused.Add(1)
					continue
				}
				connected.Add(1)
				if open = append(open, conn); len(open) > 10 {
					open[0].Close()
					open = open[1:]
				}
			}
			for _, conn := range open {
				conn.Close()
			}
		})
	}
	wait.Wait()
	return stormed{int(connected.Load()), int(refused.Load())}
}

// hostile does what a daemon does not, and says how the connection ended.
func (o options) hostile(kind string) string {
	conn, err := net.Dial("unix", o.pam.Socket)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	frame := func(kind byte, payload string) {
		_, _ = conn.Write(append([]byte{kind, byte(len(payload) >> 8), byte(len(payload))}, payload...))
	}
	login := fmt.Sprintf(`{"v":1,"user":%q,"method":"cli","deadline_ms":60000}`, o.user)
	switch kind {
	case "garbage":
		_, _ = conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	case "silence": // until the helper has had enough
	case "half":
		_, _ = conn.Write([]byte{'L', 0, 99, '{'})
	case "leave":
		frame('L', login)
		_, _ = conn.Read(make([]byte, 64)) // the first question
		return "left"
	case "linger": // at the first question
		frame('L', login)
	case "fields":
		frame('L', `{"v":1,"user":"root","method":"cli","deadline_ms":60000,"service":"su"}`)
	case "long":
		frame('L', `{"v":1,"user":"`+strings.Repeat("a", 5000)+`"}`)
	case "version":
		frame('L', `{"v":99}`)
	case "names": // that the daemon's side would not send
		frame('L', `{"v":1,"user":"../../etc/passwd","method":"cli","deadline_ms":60000}`)
	case "NUL": // an answer that C takes for another one
		frame('L', login)
		_, _ = conn.Read(make([]byte, 64))
		frame('A', o.answers[0]+"\x00x")
	case "descriptors":
		frame('L', login)
		_, _ = conn.Read(make([]byte, 64))
		fds := slices.Repeat([]int{0}, 200)
		raw, err := conn.(*net.UnixConn).SyscallConn()
		if err != nil {
			return err.Error()
		}
		answer := append([]byte{'A', 0, byte(len(o.answers[0]))}, o.answers[0]...)
		err2 := raw.Write(func(fd uintptr) bool {
			err = unix.Sendmsg(int(fd), answer, unix.UnixRights(fds...), nil, 0)
			return true
		})
		if err := errors.Join(err, err2); err != nil {
			return err.Error()
		}
	default:
		return "there is no such kind"
	}
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	all := make([]byte, 0, 4096)
	for buffer := make([]byte, 4096); ; {
		n, err := conn.Read(buffer)
		all = append(all, buffer[:n]...)
		if err != nil {
			return fmt.Sprintf("%q then %v", all, err)
		}
	}
}
