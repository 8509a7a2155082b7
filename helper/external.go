// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ExternalSocket is where systemd listens for nso-external@.service.
const ExternalSocket = "/run/nso/helper/external"

// Format is how the program of a site is spoken with.
type Format string

// The formats there are.
const (
	// JSON: an object in, {"v":1,"user":…,"password":…,"source":…,"method":…}, and one out,
	// {"ok":true,"groups":[…],"uid":…,"gid":…,"gids":[…],"home":…} or {"ok":false,"reason":…}.
	JSON Format = "json"
	// Classic: [user;password;] in, and out one of "accept GROUPS UID GID GIDS HOME",
	// accept_info and accept_warning with a text behind that, "reject TEXT", and
	// "abort TEXT", after which nobody else is asked.
	Classic Format = "classic"
)

// Limits of the program of a site.
const (
	ExternalTime = 10 * time.Second
	maxExternal  = 4 << 10 // bytes that it may write
)

// ExternalLimits belong to the shipped units.
func ExternalLimits() QueueLimits {
	l := DefaultQueueLimits()
	l.Places, l.Kept = 16, 4
	return l
}

// Errors of External.Ask.
var (
	// ErrNoAnswer is wrapped when the program cannot be asked, or gives no answer that can
	// be used.
	ErrNoAnswer = errors.New("the program of this site gives no answer")
	// ErrAbort is wrapped when the program says that nobody else is to be asked.
	ErrAbort = errors.New("the program of this site ends the login")
)

// External asks a program of the site. Many goroutines may use it.
type External struct {
	Socket string // "": ExternalSocket
	Format Format
	Queue  *Queue // nil: nobody waits, nobody is turned away
}

// Question is one login with a password.
type Question struct {
	User     string
	Password []byte // stays the caller's
	Source   netip.Addr
	Method   Method
}

// Accepted is who the program says has come in. No more of it is believed than what auth
// finds true of the account.
type Accepted struct {
	Groups []string
	UID    uint32
	HasUID bool
	Said   string // for the user
}

// Ask asks in the place that the queue gives it. The error is a *Refusal, or wraps
// ErrAbort, ErrNoAnswer or ErrBusy, and fs.ErrNotExist too where there is no such method.
func (e *External) Ask(ctx context.Context, q Question) (Accepted, error) {
	text, err := e.encode(q)
	if err != nil {
		return Accepted{}, &Refusal{Class: Auth, Reason: err.Error()}
	}
	defer clear(text)
	if e.Queue == nil {
		return e.ask(ctx, text)
	}
	place, err := e.Queue.Enter(ctx, q.Source)
	if err != nil {
		return Accepted{}, err
	}
	a, err := e.ask(ctx, text)
	place.Leave(err == nil)
	return a, err
}

func (e *External) ask(ctx context.Context, text []byte) (Accepted, error) {
	ctx, cancel := context.WithTimeout(ctx, ExternalTime)
	defer cancel()
	socket := e.Socket
	if socket == "" {
		socket = ExternalSocket
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return Accepted{}, fmt.Errorf("cannot log in: %w: %w; start nso-external.socket (package nso-exec)", ErrNoAnswer, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	answer, err := exchange(conn, text)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Accepted{}, fmt.Errorf("cannot log in: %w: %w", ErrNoAnswer, err)
	}
	a, err := e.parse(answer)
	var refusal *Refusal
	if err != nil && !errors.As(err, &refusal) && !errors.Is(err, ErrAbort) {
		err = fmt.Errorf("cannot log in: %w: %w", ErrNoAnswer, err)
	}
	return a, err
}

// exchange writes the question and reads all of the answer: the program is believed when
// it has ended, so that no half of an answer, and no second one, is taken for it.
func exchange(conn net.Conn, text []byte) ([]byte, error) {
	if _, err := conn.Write(text); err != nil {
		return nil, err
	}
	if half, ok := conn.(*net.UnixConn); ok { // for who reads to the end
		_ = half.CloseWrite()
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxExternal+1))
	switch {
	case err != nil && !(len(answer) > 0 && isReset(err)):
		return nil, err
	case len(answer) > maxExternal:
		return nil, fmt.Errorf("it says more than %d bytes", maxExternal)
	case len(answer) == 0:
		return nil, errors.New("it says nothing")
	}
	return answer, nil
}

// encode writes the question. What the form cannot carry is refused.
func (e *External) encode(q Question) ([]byte, error) {
	if err := CheckUser(q.User); err != nil {
		return nil, err
	}
	if err := checkAnswer(q.Password); err != nil {
		return nil, err
	}
	if !q.Method.valid() {
		return nil, fmt.Errorf("cannot ask for a method %.40q", string(q.Method))
	}
	b := make([]byte, 0, 1024+6*len(q.Password)) // never moved: no copy of the password stays
	if e.Format == Classic {
		if bytes.ContainsFunc(q.Password, func(r rune) bool { return r < ' ' || r == 0x7f || r == ';' || r == '[' || r == ']' }) {
			return nil, errors.New("cannot send a password with ; [ ] or a control character to the program of this site in the classic form; let it speak json")
		}
		b = append(append(append(b, '['), q.User...), ';')
		return append(append(b, q.Password...), ";]\n"...), nil
	}
	if !utf8.Valid(q.Password) {
		return nil, errors.New("cannot send a password that is not UTF-8 to the program of this site")
	}
	b = appendQuoted(append(b, `{"v":1,"user":`...), []byte(q.User))
	b = appendQuoted(append(b, `,"password":`...), q.Password)
	source := ""
	if q.Source.IsValid() {
		source = q.Source.Unmap().WithZone("").String()
	}
	b = appendQuoted(append(b, `,"source":`...), []byte(source))
	b = appendQuoted(append(b, `,"method":`...), []byte(q.Method))
	return append(b, "}\n"...), nil
}

// appendQuoted appends UTF-8 as a string of JSON (RFC 8259, 7). encoding/json would leave
// copies of a password behind.
func appendQuoted(b, text []byte) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func (e *External) parse(answer []byte) (Accepted, error) {
	if e.Format == Classic {
		return parseClassic(string(answer))
	}
	return parseJSON(answer)
}

type externalWire struct {
	OK     *bool    `json:"ok"`
	Groups []string `json:"groups"`
	UID    *uint32  `json:"uid"`
	GID    *uint32  `json:"gid"`
	GIDs   []uint32 `json:"gids"`
	Home   string   `json:"home"`
	Reason string   `json:"reason"`
}

func parseJSON(answer []byte) (Accepted, error) {
	var w externalWire
	if err := decode(answer, &w); err != nil {
		return Accepted{}, fmt.Errorf("it says what cannot be understood: %w", err)
	}
	switch {
	case w.OK == nil:
		return Accepted{}, errors.New("it does not say whether it is ok")
	case !*w.OK && (w.Groups != nil || w.UID != nil || w.GID != nil || w.GIDs != nil || w.Home != ""), *w.OK && w.Reason != "":
		return Accepted{}, errors.New("it contradicts itself")
	case !*w.OK:
		return Accepted{}, &Refusal{Class: Auth, Reason: "the program of this site: " + clean(w.Reason)}
	}
	a := Accepted{Groups: w.Groups}
	if w.UID != nil {
		a.UID, a.HasUID = *w.UID, true
	}
	return a, a.check(w.Home)
}

// parseClassic reads one line. Groups and gids are words, each with or without commas; the
// groups end where the first number is, and the gids where something else follows.
func parseClassic(text string) (Accepted, error) {
	line, ok := strings.CutSuffix(text, "\n")
	if !ok || strings.Contains(line, "\n") {
		return Accepted{}, errors.New("it says other than one line")
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch verb {
	case "reject":
		return Accepted{}, &Refusal{Class: Auth, Reason: "the program of this site: " + clean(rest)}
	case "abort":
		return Accepted{}, fmt.Errorf("cannot log in: %w: %s", ErrAbort, clean(rest))
	case "accept", "accept_info", "accept_warning":
	default:
		return Accepted{}, fmt.Errorf("it says %.40q, which is none of accept, accept_info, accept_warning, reject and abort", clean(verb))
	}
	words, err := words(rest)
	if err != nil {
		return Accepted{}, err
	}
	var a Accepted
	i := 0
	for ; i < len(words) && !numeric(words[i]); i++ {
		a.Groups = append(a.Groups, strings.FieldsFunc(words[i], func(r rune) bool { return r == ',' })...)
	}
	var ids []uint32
	for ; i < len(words) && numeric(words[i]); i++ {
		for id := range strings.SplitSeq(words[i], ",") {
			n, err := strconv.ParseUint(id, 10, 32)
			if err != nil {
				return Accepted{}, fmt.Errorf("it says a number %.20q that is no uid and no gid", id)
			}
			ids = append(ids, uint32(n))
		}
	}
	switch {
	case len(ids) < 2 || i == len(words):
		return Accepted{}, errors.New("it accepts without groups, uid, gid and home")
	case verb == "accept" && i+1 < len(words):
		return Accepted{}, errors.New("it says more than groups, uid, gid, gids and home")
	}
	a.UID, a.HasUID, a.Said = ids[0], true, clean(strings.Join(words[i+1:], " "))
	return a, a.check(words[i])
}

// numeric reports whether a word is a number, or numbers with commas.
func numeric(word string) bool { return word != "" && strings.Trim(word, "0123456789,") == "" }

// words takes a line apart. A word in quotes has blanks.
func words(line string) ([]string, error) {
	var all []string
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		end := strings.IndexAny(line, " \t")
		skip := 0
		if q := line[0]; q == '"' || q == '\'' {
			line, skip = line[1:], 1
			if end = strings.IndexByte(line, q); end < 0 {
				return nil, errors.New("it has a quote without its end")
			}
		}
		if end < 0 {
			end = len(line)
		}
		all = append(all, line[:end])
		line = line[min(len(line), end+skip):]
	}
	return all, nil
}

// check refuses what no account can be.
func (a Accepted) check(home string) error {
	switch {
	case a.HasUID && a.UID == 0:
		return errors.New("it says uid 0, which no program lets in")
	case a.HasUID && (a.UID == 65534 || a.UID == ^uint32(0)):
		return fmt.Errorf("it says uid %d, which is nobody's", int32(a.UID))
	case clean(home) != home:
		return fmt.Errorf("it says a home %.40q that no path is", clean(home))
	}
	if i := slices.IndexFunc(a.Groups, func(g string) bool { return g == "" || !nameable(g) || strings.ContainsAny(g, " \t") }); i >= 0 {
		return fmt.Errorf("it says a group %.40q that no group can be called", clean(a.Groups[i]))
	}
	return nil
}
