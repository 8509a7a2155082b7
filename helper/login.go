// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Method is what the user wants to use: PAM sees it as the terminal "nso-METHOD".
type Method string

// The methods there are.
const (
	CLI      Method = "cli"
	NETCONF  Method = "netconf"
	RESTCONF Method = "restconf"
	Web      Method = "web"
)

func (m Method) valid() bool {
	switch m {
	case CLI, NETCONF, RESTCONF, Web:
		return true
	}
	return false
}

// Request is the login that the helper is asked for.
type Request struct {
	User     string
	Source   netip.Addr // the zero Addr: on this machine, not over IP
	Method   Method
	Account  bool          // the account alone is asked about: the user has shown a key
	Deadline time.Duration // how long the daemon waits; more than WholeTime is WholeTime

	// Check asks for a report of the sandbox; all else is unset.
	Check bool
}

// protocolVersion is in each request: a helper of another version says so in its verdict.
const protocolVersion = 1

type requestWire struct {
	V          int    `json:"v"`
	User       string `json:"user"`
	Source     string `json:"source,omitempty"`
	Method     string `json:"method"`
	Account    bool   `json:"account,omitempty"`
	DeadlineMS int64  `json:"deadline_ms"`
}

func (r Request) encode() ([]byte, error) {
	w := requestWire{V: protocolVersion, User: r.User, Method: string(r.Method), Account: r.Account, DeadlineMS: r.Deadline.Milliseconds()}
	if r.Source.IsValid() {
		w.Source = r.Source.Unmap().WithZone("").String()
	}
	return json.Marshal(w)
}

// ErrVersion is wrapped when the daemon is of another version than the helper.
var ErrVersion = errors.New("the daemon and nso-pam are of different versions: install the same version of the packages nso and nso-pam")

func parseRequest(payload []byte) (Request, error) {
	var version struct{ V int }
	if err := json.Unmarshal(payload, &version); err == nil && version.V != protocolVersion {
		return Request{}, ErrVersion
	}
	var w requestWire
	if err := decode(payload, &w); err != nil {
		return Request{}, err
	}
	r := Request{User: w.User, Method: Method(w.Method), Account: w.Account, Deadline: WholeTime}
	if err := CheckUser(r.User); err != nil {
		return Request{}, err
	}
	if !r.Method.valid() {
		return Request{}, fmt.Errorf("a method %.40q that does not exist", w.Method)
	}
	if w.Source != "" {
		a, err := netip.ParseAddr(w.Source)
		if err != nil || a.String() != w.Source || a.Zone() != "" {
			return Request{}, fmt.Errorf("a source %.60q that is no address", w.Source)
		}
		r.Source = a
	}
	if w.DeadlineMS <= 0 {
		return Request{}, errors.New("a deadline that is over")
	}
	if w.DeadlineMS < WholeTime.Milliseconds() {
		r.Deadline = time.Duration(w.DeadlineMS) * time.Millisecond
	}
	return r, nil
}

// CheckUser says what is wrong with a name to log in by, nil if nothing is. Modules
// make file names, commands and queries of it: it is letters, digits and . _ - @ \ +,
// begins with a letter, a digit or _, has at most 255 bytes, and is no number, which
// could be taken for a uid.
func CheckUser(name string) error {
	switch {
	case name == "":
		return errors.New("cannot log in without a user name")
	case len(name) > 255:
		return fmt.Errorf("cannot log in with a user name of %d bytes; 255 are allowed", len(name))
	}
	number := true
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && (i == 0 || strings.IndexByte(`.-@\+`, c) < 0) {
			return fmt.Errorf("cannot log in as %.40q: a user name has letters, digits and . _ - @ \\ + and begins with a letter, a digit or _", name)
		}
		number = number && digit
	}
	if number {
		return fmt.Errorf("cannot log in as %.40q: a user name is more than a number", name)
	}
	return nil
}

// Class is why a login was refused. It is for the log.
type Class string

// The classes there are.
const (
	Auth            Class = "auth"             // wrong name or password, locked
	AccountExpired  Class = "account-expired"  // the account is no longer valid
	PasswordExpired Class = "password-expired" // right, and must be changed first
	Denied          Class = "denied"           // a module refuses this user here and now
	Unavailable     Class = "unavailable"      // PAM, a module or a directory does not work
	Internal        Class = "internal"         // our bug, or a daemon that does not keep to the protocol
)

func (c Class) valid() bool {
	switch c {
	case Auth, AccountExpired, PasswordExpired, Denied, Unavailable, Internal:
		return true
	}
	return false
}

// Group is a group of an account.
type Group struct {
	GID  uint32 `json:"gid"`
	Name string `json:"name,omitempty"` // "": the group has no name
}

// Verdict is a login that PAM allows: the account as this system's name service knows
// it, which sees directories too.
type Verdict struct {
	User     string
	UID, GID uint32
	Groups   []Group // all of them, the primary one among them
	Home     string
	Said     []Text // what modules said last, for the user
}

// GroupNames are the names of the groups that have one.
func (v Verdict) GroupNames() []string {
	var names []string
	for _, g := range v.Groups {
		if g.Name != "" {
			names = append(names, g.Name)
		}
	}
	return names
}

// Text is something that a module says.
type Text struct {
	Error bool
	Text  string
}

// Refusal is a login that PAM, or something before it, does not allow.
type Refusal struct {
	Class  Class
	Reason string // in PAM's words or ours, for the log
	Said   []Text // what modules said last; for the user if the class is PasswordExpired, else for the log
}

func (r *Refusal) Error() string { return fmt.Sprintf("cannot log in: %s (%s)", r.Reason, r.Class) }

// Outward is what somebody at a door may be told of an error of Converse: the same for
// whatever happened, so that nobody learns which names exist, which are locked, or
// what is out of order. Only who has given the right password hears that it must be
// changed.
func Outward(err error) string {
	var r *Refusal
	if errors.As(err, &r) && r.Class == PasswordExpired {
		return "cannot log in: the password must be changed first; change it with 'passwd' in a login to the machine itself, or ask its administrator"
	}
	return "cannot log in: permission denied"
}

type verdictWire struct {
	OK     bool    `json:"ok"`
	User   string  `json:"user,omitempty"`
	UID    *uint32 `json:"uid,omitempty"`
	GID    *uint32 `json:"gid,omitempty"`
	Groups []Group `json:"groups,omitempty"`
	Home   string  `json:"home,omitempty"`
	Class  Class   `json:"class,omitempty"`
	Reason string  `json:"reason,omitempty"`
}

// nameable reports whether a group can be called that: what a log and a rule can hold.
func nameable(group string) bool {
	return len(group) <= 256 && clean(group) == group && !strings.ContainsAny(group, "\n,:")
}

func (v Verdict) encode() ([]byte, error) {
	groups := slices.Clone(v.Groups)
	for i := range groups {
		if !nameable(groups[i].Name) {
			groups[i].Name = "" // it stays a number, which no rule speaks of
		}
	}
	b, err := json.Marshal(verdictWire{OK: true, User: v.User, UID: &v.UID, GID: &v.GID, Groups: groups, Home: v.Home})
	if err == nil && len(b) > maxVerdict {
		err = fmt.Errorf("cannot tell of %d groups: they do not fit into one verdict", len(v.Groups))
	}
	return b, err
}

func (r *Refusal) encode() ([]byte, error) {
	return json.Marshal(verdictWire{Class: r.Class, Reason: clean(r.Reason)})
}

// parseVerdict believes a verdict only if it is about the user that was asked for and
// names an account that can be one.
func parseVerdict(payload []byte, user string) (Verdict, error) {
	var w verdictWire
	if err := decode(payload, &w); err != nil {
		return Verdict{}, err
	}
	if !w.OK {
		if !w.Class.valid() || w.User != "" || w.UID != nil || w.GID != nil || w.Groups != nil || w.Home != "" {
			return Verdict{}, errors.New("a verdict that contradicts itself")
		}
		return Verdict{}, &Refusal{Class: w.Class, Reason: clean(w.Reason)}
	}
	if w.Class != "" || w.Reason != "" || w.UID == nil || w.GID == nil {
		return Verdict{}, errors.New("a verdict that contradicts itself")
	}
	if w.User != user {
		return Verdict{}, fmt.Errorf("a verdict about %.40q, who was not asked for", w.User)
	}
	if *w.UID == 65534 || *w.UID == ^uint32(0) {
		return Verdict{}, fmt.Errorf("a verdict with uid %d, which is nobody's", int32(*w.UID))
	}
	for _, g := range w.Groups {
		if !nameable(g.Name) {
			return Verdict{}, fmt.Errorf("a group name %.40q that no group can have", g.Name)
		}
	}
	return Verdict{User: w.User, UID: *w.UID, GID: *w.GID, Groups: w.Groups, Home: clean(w.Home)}, nil
}

// clean makes text fit for a terminal and a log: what is not printable goes, but for
// ends of lines.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		case r == '\t':
			return ' '
		}
		return -1
	}, text)
}
