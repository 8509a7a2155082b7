// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Whom a rule runs as, beside the name of an account.
const (
	Caller = "caller" // who asks
	Nobody = "nso-cmd"
	Root   = "root"
)

// Anybody stands in users for everybody whom the daemon knows.
const Anybody = "*"

// Bounds of what a file and a request may hold.
const (
	MaxFile      = 1 << 20
	maxRules     = 1000
	maxElements  = 256
	maxValue     = 4096
	maxValues    = 64
	maxArgv      = 64 << 10
	maxNames     = 256
	maxText      = 4096
	maxPattern   = 1024
	maxEnviron   = 64
	maxEnvValue  = 4096
	maxPassValue = 256
)

// How long a command may take where its rule does not say.
const (
	DefaultDeadline         = 10 * time.Minute
	DefaultTerminalDeadline = 12 * time.Hour
	maxDeadline             = 31 * 24 * time.Hour
)

// Rule is one thing that may be run.
type Rule struct {
	Name        string
	File        string // where it is
	Line        int
	Description string
	Help        string
	Confirm     string // what to ask before it is run, "" to ask nothing

	Program   string   // absolute, without links
	Arguments []string // the elements of argv after the first; {name} is a place
	Argument  map[string]Argument

	RunAs    string
	Users    []string
	Groups   []string
	Terminal bool // it has one, or it has none

	Directory   string // "home", or absolute
	Environment map[string]string
	Pass        []string // names that are let through
	Umask       uint32
	Limits      Limits
	Alone       bool // one at a time
	Authorize   bool // polkit is asked each time (org.nso.exec.run)
	Deadline    time.Duration
	Serves
}

// Argument is what a value must be.
type Argument struct {
	Description string
	Type        Type
	Pattern     *regexp.Regexp // of the whole value; nil for any
	Values      []string       // of a choice
	Text        string         // what a flag puts in its place
	Min, Max    int64          // of an integer; of the bytes of a text
	Default     []string       // nil where there is none
	Optional    bool
	Many        int  // how many values at most, 0 for one
	Secret      bool // not to be logged
}

// Limits are resource limits; nil is that of the unit.
type Limits struct {
	CPU       *uint64 // seconds
	Memory    *uint64 // bytes, of all its processes together
	Processes *uint64 // of all that it has started
	Files     *uint64 // open ones, of each process
	FileSize  *uint64 // bytes
	Core      *uint64 // bytes
	Nice      int
}

// Type is the kind of a value.
type Type string

// The kinds of values.
const (
	String  Type = "string"  // printable, on one line
	Text    Type = "text"    // any characters but NUL
	Integer Type = "integer" // decimal
	Choice  Type = "choice"  // one of Values
	Address Type = "address" // of IPv4 or IPv6
	Prefix  Type = "prefix"  // the same, with a length
	Host    Type = "host"    // a name of the DNS, or an address
	Path    Type = "path"    // absolute, without ".."
	Flag    Type = "flag"    // true or false
)

func types() []string {
	return []string{string(String), string(Text), string(Integer), string(Choice), string(Address), string(Prefix), string(Host), string(Path), string(Flag)}
}

// ValidName reports whether a rule or an argument may have a name.
func ValidName(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// ValidUser reports whether an account may be the instance of a unit: a name, and no
// number, which systemd would take for a uid.
func ValidUser(s string) bool {
	if s == "" || len(s) > 31 || (s[0] < 'a' || s[0] > 'z') && s[0] != '_' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

// Allows reports whether a user who is in groups may run the rule, and why.
func (r *Rule) Allows(user string, groups []string) (bool, string) {
	if user == "" {
		return false, "it is not known who asks"
	}
	if len(r.Validate) > 0 { // nobody's but the daemon's
		return user == Daemon, "the rule validates commits, and the daemon alone runs it"
	}
	if slices.Contains(r.Users, user) {
		return true, fmt.Sprintf("the rule names the user %s", user)
	}
	for _, g := range groups {
		if slices.Contains(r.Groups, g) {
			return true, fmt.Sprintf("the rule names the group %s", g)
		}
	}
	if slices.Contains(r.Users, Anybody) {
		return true, "the rule is for everybody"
	}
	return false, fmt.Sprintf("the rule names neither the user %s nor a group of that user", user)
}

// Names are the arguments in the order in which they are in Arguments.
func (r *Rule) Names() []string {
	var names []string
	for _, e := range r.Arguments {
		if p, ok, err := split(e); ok && err == nil && !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// place is one {name} in an element, or the whole of it.
type place struct {
	before, name, after string
}

// split finds the place of an element; ok is false for a plain one.
func split(element string) (p place, ok bool, err error) {
	before, rest, found := strings.Cut(element, "{")
	if !found {
		if strings.Contains(element, "}") {
			return p, false, fmt.Errorf("cannot use the argument %q: a \"}\" has no \"{\" before it", element)
		}
		return p, false, nil
	}
	name, after, closed := strings.Cut(rest, "}")
	switch {
	case !closed:
		return p, false, fmt.Errorf("cannot use the argument %q: a \"{\" has no \"}\" behind it", element)
	case strings.ContainsAny(after, "{}") || strings.Contains(before, "}"):
		return p, false, fmt.Errorf("cannot use the argument %q: one element has one place; make it two elements", element)
	case !ValidName(name):
		return p, false, fmt.Errorf("cannot use the argument %q: %q is no name (letters a-z, digits and \"-\")", element, name)
	}
	return place{before, name, after}, true, nil
}

// clean reports whether a path is absolute and written in one way only.
func clean(p string) bool {
	return strings.HasPrefix(p, "/") && path.Clean(p) == p && !strings.ContainsFunc(p, control) && utf8.ValidString(p) && len(p) < maxValue
}

func control(r rune) bool { return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 }

const unlimited = math.MaxUint64
