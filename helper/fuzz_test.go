// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// tape is a connection whose other end has said all it will say.
type tape struct {
	net.Conn // not used
	in       io.Reader
	out      bytes.Buffer
}

func (t *tape) Read(p []byte) (int, error)       { return t.in.Read(p) }
func (t *tape) Write(p []byte) (int, error)      { return t.out.Write(p) }
func (t *tape) SetDeadline(time.Time) error      { return nil }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }

func frame(kind byte, payload string) string {
	return string([]byte{kind, byte(len(payload) >> 8), byte(len(payload))}) + payload
}

// FuzzDaemon: whatever a daemon that was taken over sends, the helper gives PAM only
// names and answers that PAM may see.
func FuzzDaemon(f *testing.F) {
	f.Add([]byte(frame('L', `{"v":1,"user":"ann","source":"192.0.2.1","method":"cli","deadline_ms":1000}`) + frame('A', "secret") + frame('A', "123456")))
	f.Add([]byte(frame('C', "")))
	f.Add([]byte(frame('L', `{"v":2}`) + frame('A', "a\x00b")))
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := Serve(&tape{in: bytes.NewReader(sent)})
		r, err := s.Request()
		if err != nil {
			return
		}
		if r.Deadline <= 0 || r.Deadline > WholeTime {
			t.Fatalf("deadline %s", r.Deadline)
		}
		if !r.Check && (CheckUser(r.User) != nil || !r.Method.valid() || r.Source.Zone() != "") {
			t.Fatalf("%+v", r)
		}
		for n := 0; ; n++ {
			answer, err := s.Ask("? ", n%2 == 0)
			if err != nil {
				break
			}
			if n >= MaxPrompts || len(answer) > MaxAnswer || bytes.IndexByte(answer, 0) >= 0 {
				t.Fatalf("answer %d: %q", n, answer)
			}
		}
		s.Forget()
	})
}

// FuzzHelper: whatever a helper that was taken over sends, it is about the user that
// was asked for, it is bounded, and it can be shown on a terminal.
func FuzzHelper(f *testing.F) {
	f.Add([]byte(frame('i', "hello\x1b") + frame('p', "Password: ") + frame('P', "Code: ") + frame('e', "no") +
		frame('V', `{"ok":true,"user":"ann","uid":1000,"gid":1000,"groups":[{"gid":27,"name":"sudo"}],"home":"/home/ann"}`)))
	f.Add([]byte(frame('V', `{"ok":false,"class":"auth","reason":"authentication failure"}`)))
	f.Add([]byte(frame('V', `{"ok":true,"user":"root","uid":0,"gid":0}`)))
	f.Fuzz(func(t *testing.T, sent []byte) {
		asked, said := 0, 0
		look := func(texts []Text) {
			said += len(texts)
			for _, s := range texts {
				if strings.ContainsAny(s.Text, "\x00\x1b\r\x07\u202e") || len(s.Text) > maxText {
					t.Fatalf("%q", s.Text)
				}
			}
		}
		v, err := converse(context.Background(), &tape{in: bytes.NewReader(sent)}, Conversation{User: "ann", Method: CLI,
			Answer: func(_ context.Context, p Prompt) ([]byte, error) {
				asked++
				look(append(p.Said, Text{Text: p.Text}))
				return []byte("x"), nil
			}})
		var r *Refusal
		switch {
		case err == nil:
			look(v.Said)
			if v.User != "ann" || v.UID == 65534 || v.UID == ^uint32(0) {
				t.Fatalf("%+v", v)
			}
		case errors.As(err, &r):
			look(r.Said)
			if !r.Class.valid() {
				t.Fatalf("%+v", r)
			}
			fallthrough
		default:
			if v.User != "" || v.UID != 0 || v.Groups != nil {
				t.Fatalf("%+v with %v", v, err)
			}
		}
		if asked > MaxPrompts || said > MaxTexts+MaxPrompts {
			t.Fatalf("%d questions, %d texts", asked, said)
		}
		_, _ = check(&tape{in: bytes.NewReader(sent)})
	})
}
