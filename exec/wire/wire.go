// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"
)

// Version is that of the words.
const Version = 1

// Sizes of frames.
const (
	HeaderSize = 4
	MaxRequest = 64 << 10
	MaxInput   = 64 << 10
	MaxOutput  = 256 << 10
	maxReport  = 4 << 10 // N, S and E
	// Credit is what may be sent as input before the command takes any.
	Credit = 256 << 10
)

// requestTime is what a request may take to arrive.
const requestTime = 10 * time.Second

// Kind is what a frame is.
type Kind byte

// The kinds of frames.
const (
	request    Kind = 'R'
	Input      Kind = 'i'
	EndOfInput Kind = 'e'
	WindowSize Kind = 'w'
	SendSignal Kind = 's'

	refused Kind = 'N'
	started Kind = 'S'
	credit  Kind = 'c'
	Output  Kind = 'o'
	Error   Kind = 'x'
	end     Kind = 'E'
)

// limit is how many bytes a frame may have: from least to most.
func (k Kind) limit() (least, most int) {
	switch k {
	case request:
		return 2, MaxRequest
	case Input:
		return 1, MaxInput
	case EndOfInput:
		return 0, 0
	case WindowSize, credit:
		return 4, 4
	case SendSignal:
		return 1, 8
	case refused, started, end:
		return 2, maxReport
	case Output, Error:
		return 1, MaxOutput
	}
	return 0, -1
}

// Request is what is to be run, for whom.
type Request struct {
	Version int                 `json:"v"`
	Rule    string              `json:"rule"`
	Values  map[string][]string `json:"values,omitempty"` // of the arguments of the rule

	// Who asks: the daemon's word.
	User    string   `json:"user"`
	UID     uint32   `json:"uid"`
	Groups  []string `json:"groups,omitempty"`
	Session string   `json:"session,omitempty"`
	Address string   `json:"address,omitempty"`
	// Of what does an rpc or action: its schema path, and the node that an action is of.
	Operation string `json:"operation,omitempty"`
	Path      string `json:"path,omitempty"`

	IPCPath     string            `json:"ipcPath,omitempty"`
	IPC         bool              `json:"ipc,omitempty"` // a socket comes with it
	Environment map[string]string `json:"environment,omitempty"`
	Input       bool              `json:"input,omitempty"` // else standard input is empty
	Terminal    *Window           `json:"terminal,omitempty"`
}

// Window is the size of a terminal in characters.
type Window struct {
	Rows    uint16 `json:"rows"`
	Columns uint16 `json:"columns"`
}

// Class sorts refusals.
type Class string

// The classes of refusals.
const (
	BadRequest  Class = "request"     // it does not say what it must
	NoRule      Class = "rule"        // there is no such rule, or it cannot be used
	Denied      Class = "denied"      // the rule is not for who asks, or not for this unit
	BadArgument Class = "argument"    // a value or variable that the rule does not allow
	Busy        Class = "busy"        // too many at once, or the rule is for one at a time
	Unavailable Class = "unavailable" // the unit cannot run anything
)

// Refusal says why nothing was started. Reason can be shown to who asks.
type Refusal struct {
	Class  Class  `json:"class"`
	Reason string `json:"reason"`
}

func (r *Refusal) Error() string { return r.Reason }

// Started says that the program runs.
type Started struct {
	PID        int      `json:"pid"`                  // for the log
	Unenforced []string `json:"unenforced,omitempty"` // limits of the rule that the system cannot set
}

// End says how a command ended: one of Exit, Signal and Start is set.
type End struct {
	Exit   *int          `json:"exit,omitempty"`
	Signal int           `json:"signal,omitempty"`
	Core   bool          `json:"core,omitempty"`
	Start  *StartError   `json:"start,omitempty"`
	Reason string        `json:"reason,omitempty"` // why nso-exec ended it: "deadline", "hang-up"
	Killed bool          `json:"killed,omitempty"` // processes that it had left were
	Output uint64        `json:"output"`           // bytes, standard error included
	Took   time.Duration `json:"took"`
}

// Why a command was ended.
const (
	Deadline = "deadline"
	HangUp   = "hang-up"
)

// String is an end in words.
func (e End) String() string {
	switch {
	case e.Start != nil:
		return e.Start.Error()
	case e.Exit != nil:
		return fmt.Sprintf("exit status %d", *e.Exit)
	case e.Core:
		return fmt.Sprintf("signal %d (%v), core dumped", e.Signal, syscall.Signal(e.Signal))
	}
	return fmt.Sprintf("signal %d (%v)", e.Signal, syscall.Signal(e.Signal))
}

func (e End) check() error {
	n := 0
	for _, set := range []bool{e.Exit != nil, e.Signal != 0, e.Start != nil} {
		if set {
			n++
		}
	}
	switch {
	case n != 1:
		return errors.New("the end is none of exit status, signal and error")
	case e.Exit != nil && (*e.Exit < 0 || *e.Exit > 255), e.Signal < 0 || e.Signal > 64, e.Core && e.Signal == 0:
		return errors.New("the end is none that there can be")
	}
	return nil
}

// StartError says what kept a program from being started. It is not the program's:
// what a program says by exit status 127 is an exit status.
type StartError struct {
	Step  string        `json:"step"` // "program", "directory", "limits", "fork", "exec", "terminal"
	Errno syscall.Errno `json:"errno,omitempty"`
	Text  string        `json:"text"`
}

func (e *StartError) Error() string { return e.Text }

// Unwrap gives the error of the system call.
func (e *StartError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// Signals are the signals that may be sent, by name.
func Signals() map[string]syscall.Signal {
	return map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "KILL": syscall.SIGKILL, "USR1": syscall.SIGUSR1,
		"USR2": syscall.SIGUSR2, "TERM": syscall.SIGTERM, "CONT": syscall.SIGCONT, "STOP": syscall.SIGSTOP, "TSTP": syscall.SIGTSTP,
	}
}

// Frame is a frame as it was read. Data is good until the next one is read.
type Frame struct {
	Kind Kind
	Data []byte
}

// put writes the header of a frame.
func put(b []byte, k Kind, n int) {
	binary.BigEndian.PutUint32(b, uint32(n)|uint32(k)<<24)
}

// reader reads frames into a buffer that grows to what its kinds need.
type reader struct {
	r      io.Reader
	header [HeaderSize]byte
	buf    []byte
}

var errOrder = errors.New("cannot go on: the other side sent what is not expected here")

// next reads a frame of one of the kinds.
func (r *reader) next(kinds string) (Frame, error) {
	if _, err := io.ReadFull(r.r, r.header[:]); err != nil {
		return Frame{}, err // io.EOF: the other side has gone
	}
	return r.body(kinds)
}

func (r *reader) body(kinds string) (Frame, error) {
	h := binary.BigEndian.Uint32(r.header[:])
	k, n := Kind(h>>24), int(h&0xffffff)
	if strings.IndexByte(kinds, byte(k)) < 0 {
		return Frame{}, errOrder
	}
	if least, most := k.limit(); n < least || n > most {
		return Frame{}, fmt.Errorf("cannot go on: a frame %q has %d bytes, not %d to %d", byte(k), n, least, most)
	}
	if n > len(r.buf) {
		r.buf = make([]byte, max(n, 4096))
	}
	if _, err := io.ReadFull(r.r, r.buf[:n]); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return Frame{k, r.buf[:n]}, nil
}

// decode reads the JSON of a frame, which must be one object without unknown fields.
func decode(b []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("cannot read a frame: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("cannot read a frame: something follows its JSON")
	}
	return nil
}

// Window is the size that a frame WindowSize sets.
func (f Frame) Window() Window {
	if f.Kind != WindowSize || len(f.Data) != 4 {
		return Window{}
	}
	return Window{binary.BigEndian.Uint16(f.Data), binary.BigEndian.Uint16(f.Data[2:])}
}

// Signal is the signal that a frame SendSignal names, 0 if there is no such.
func (f Frame) Signal() syscall.Signal {
	if f.Kind != SendSignal {
		return 0
	}
	return Signals()[string(f.Data)]
}
