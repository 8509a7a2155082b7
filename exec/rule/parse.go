// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Error is what is wrong with a file, and where.
type Error struct {
	File string
	Line int // 0 where it is not known
	Text string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// file is a text as TOML has it, before anything is asked of it.
type file struct {
	Rule map[string]*written
}

type written struct {
	Description string
	Help        string
	Confirm     string
	Program     string
	Arguments   []string
	Argument    map[string]*writtenArgument
	RunAs       string `toml:"run-as"`
	Users       []string
	Groups      []string
	Terminal    bool
	Directory   string
	Environment map[string]string
	Pass        []string
	Umask       string
	Limits      writtenLimits
	Alone       bool
	Authorize   bool
	Deadline    string
	writtenServes
}

type writtenArgument struct {
	Description string
	Type        string
	Pattern     string
	Values      []string
	Text        string
	Min, Max    *int64
	Default     any
	Optional    bool
	Many        int
	Secret      bool
}

type writtenLimits struct {
	CPU       *int64
	Memory    any
	Processes *int64
	Files     *int64
	FileSize  any `toml:"file-size"`
	Core      any
	Nice      int
}

// Parse reads and checks the text of a file; name is for the errors, which are of type
// *Error, joined when there are several.
func Parse(name, text string) ([]*Rule, error) {
	if len(text) > MaxFile {
		return nil, &Error{File: name, Text: fmt.Sprintf("cannot read the rules: the file has more than %d KiB", MaxFile>>10)}
	}
	if n := tooDeep(text); n > 0 {
		return nil, &Error{name, n, "cannot read the rules: tables or lists are in each other too deeply"}
	}
	var f file
	md, err := toml.Decode(text, &f)
	if err != nil {
		return nil, decodeError(name, err)
	}
	where := locate(text)
	p := parser{name: name, where: where}
	p.spelling(md.Keys())
	for _, key := range md.Keys() { // the library would take one of them
		if md.Type(key...) == "ArrayHash" {
			p.say(key, "cannot use a list of tables for %s: write one table, [%[1]s]", strings.Join(key, "."))
		}
	}
	if len(f.Rule) > maxRules {
		p.say(nil, "cannot read the rules: there are more than %d in one file", maxRules)
	}
	if len(p.errs) > 0 { // what a wrong key was to say is not known
		return nil, errors.Join(p.errs...)
	}
	var rules []*Rule
	for _, n := range slices.SortedFunc(maps.Keys(f.Rule), func(a, b string) int {
		return cmp.Or(cmp.Compare(where["rule."+a], where["rule."+b]), cmp.Compare(a, b))
	}) {
		rules = append(rules, p.rule(n, f.Rule[n]))
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return rules, nil
}

type parser struct {
	name  string
	where map[string]int
	at    []string // the rule that is looked at
	errs  []error
}

// say notes what is wrong with a key of the rule that is looked at.
func (p *parser) say(key []string, format string, args ...any) {
	if len(p.errs) >= 20 {
		return
	}
	full, line := slices.Concat(p.at, key), 0
	for i := len(full); i > 0 && line == 0; i-- {
		line = p.where[strings.Join(full[:i], ".")]
	}
	p.errs = append(p.errs, &Error{p.name, line, fmt.Sprintf(format, args...)})
}

// keys are the keys that there are; "*" is a name.
func keys() []string {
	list := []string{"rule", "rule.*"}
	for _, k := range []string{
		"description", "help", "confirm", "program", "arguments", "argument", "argument.*", "run-as", "users", "groups", "terminal",
		"directory", "environment", "environment.*", "pass", "umask", "limits", "alone", "authorize", "deadline",
		"operations", "input", "output", "validate", "ipc",
		"limits.cpu", "limits.memory", "limits.processes", "limits.files", "limits.file-size", "limits.core", "limits.nice",
		"argument.*.description", "argument.*.type", "argument.*.pattern", "argument.*.values", "argument.*.text", "argument.*.min",
		"argument.*.max", "argument.*.default", "argument.*.optional", "argument.*.many", "argument.*.secret",
	} {
		list = append(list, "rule.*."+k)
	}
	return list
}

// spelling names each key that there is not. The library matches names in any case; a
// key here is written one way only.
func (p *parser) spelling(found []toml.Key) {
	known := keys()
	bad := make(map[string]bool)
	for _, key := range found {
		for i := range key {
			pattern := slices.Clone(key[:i+1])
			for _, at := range []int{1, 3} { // names of rules; of arguments and variables
				if at < len(pattern) && (at == 1 || pattern[2] == "argument" || pattern[2] == "environment") {
					pattern[at] = "*"
				}
			}
			if slices.Contains(known, strings.Join(pattern, ".")) {
				continue
			}
			full := strings.Join(key[:i+1], ".")
			if !bad[full] {
				bad[full] = true
				p.say(key[:i+1], "cannot use the key %q: there is no such key; nso-exec(8) lists them", full)
			}
			break
		}
	}
}

func (p *parser) rule(name string, w *written) *Rule {
	p.at = []string{"rule", name}
	r := &Rule{
		Name: name, File: p.name, Line: p.where["rule."+name],
		Description: w.Description, Help: w.Help, Confirm: w.Confirm, Program: w.Program, Arguments: w.Arguments,
		RunAs: w.RunAs, Users: w.Users, Groups: w.Groups, Terminal: w.Terminal, Directory: cmp.Or(w.Directory, "/"),
		Environment: w.Environment, Pass: w.Pass, Alone: w.Alone, Authorize: w.Authorize, Umask: 0o022, Argument: make(map[string]Argument, len(w.Argument)),
	}
	if !ValidName(name) {
		p.say(nil, "cannot use the name %q: letters a-z, digits and \"-\", at most 64, and a letter first", name)
	}
	for _, t := range []struct{ key, text string }{{"description", w.Description}, {"confirm", w.Confirm}} {
		if len(t.text) > maxText || strings.ContainsFunc(t.text, control) {
			p.say([]string{t.key}, "cannot use the %s: it is a line of printable characters", t.key)
		}
	}
	if len(w.Help) > maxText || strings.ContainsFunc(w.Help, func(c rune) bool { return control(c) && c != '\n' && c != '\t' }) {
		p.say([]string{"help"}, "cannot use the help: it is printable text of at most %d bytes", maxText)
	}
	switch {
	case w.Program == "":
		p.say(nil, "cannot use the rule: it says no program")
	case !clean(w.Program) || w.Program == "/":
		p.say([]string{"program"}, "cannot use the program %q: write it as an absolute path, without \"..\" and double \"/\"", w.Program)
	}
	p.who(r)
	p.arguments(r, w)
	p.surroundings(r, w)
	p.limits(r, &w.Limits)
	p.serves(r, w)
	return r
}

func (p *parser) who(r *Rule) {
	switch {
	case r.RunAs == "":
		p.say(nil, "cannot use the rule: it does not say whom it runs as; add run-as = \"caller\", or the name of an account")
	case r.RunAs != Caller && !ValidUser(r.RunAs):
		p.say([]string{"run-as"}, "cannot run as %q: it is \"caller\" or the name of an account, and no number", r.RunAs)
	}
	if len(r.Users)+len(r.Groups) > maxNames {
		p.say([]string{"users"}, "cannot use the rule: it names more than %d users and groups; make a group of them", maxNames)
	}
	for _, l := range []struct {
		key   string
		names []string
	}{{"users", r.Users}, {"groups", r.Groups}} {
		for _, n := range l.names {
			if n == "" || len(n) > 256 || strings.ContainsFunc(n, control) || strings.ContainsAny(n, ",: ") || n == Anybody && l.key == "groups" {
				p.say([]string{l.key}, "cannot use %q in %s: it is no name", n, l.key)
			}
		}
	}
}

func (p *parser) surroundings(r *Rule, w *written) {
	if r.Directory != "home" && !clean(r.Directory) {
		p.say([]string{"directory"}, "cannot use the directory %q: it is \"home\", or an absolute path without \"..\"", r.Directory)
	}
	if w.Umask != "" {
		n, err := strconv.ParseUint(w.Umask, 8, 32)
		if err != nil || n > 0o777 {
			p.say([]string{"umask"}, "cannot use the umask %q: it is octal, as in \"0022\"", w.Umask)
		}
		r.Umask = uint32(n)
	}
	if len(r.Environment)+len(r.Pass) > maxEnviron {
		p.say([]string{"environment"}, "cannot use the rule: it has more than %d variables", maxEnviron)
	}
	for _, n := range slices.Sorted(maps.Keys(r.Environment)) {
		key := []string{"environment", n}
		if !variable(n) {
			p.say(key, "cannot set %q: it is no name of a variable", n)
		} else if reserved(n) {
			p.say(key, "cannot set %s: nso-exec sets it", n)
		} else if v := r.Environment[n]; len(v) > maxEnvValue || strings.Contains(v, "\x00") {
			p.say(key, "cannot set %s: the value has a NUL or more than %d bytes", n, maxEnvValue)
		}
	}
	for _, n := range r.Pass {
		if why := notPassable(n); why != "" {
			p.say([]string{"pass"}, "cannot let %q through: %s", n, why)
		} else if _, twice := r.Environment[n]; twice {
			p.say([]string{"pass"}, "cannot let %s through: the rule sets it", n)
		}
	}
	r.Deadline = DefaultDeadline
	if r.Terminal {
		r.Deadline = DefaultTerminalDeadline
	}
	if w.Deadline != "" {
		d, err := time.ParseDuration(w.Deadline)
		if err != nil || d < time.Second || d > maxDeadline {
			p.say([]string{"deadline"}, "cannot use the deadline %q: it is from \"1s\" to \"744h\"", w.Deadline)
		}
		r.Deadline = d
	}
}

func (p *parser) limits(r *Rule, w *writtenLimits) {
	for _, l := range []struct {
		key   string
		value *int64
		to    **uint64
	}{{"cpu", w.CPU, &r.Limits.CPU}, {"processes", w.Processes, &r.Limits.Processes}, {"files", w.Files, &r.Limits.Files}} {
		if l.value == nil {
			continue
		}
		if *l.value < 1 {
			p.say([]string{"limits", l.key}, "cannot use the limit %d: it is at least 1", *l.value)
			continue
		}
		n := uint64(*l.value)
		*l.to = &n
	}
	for _, l := range []struct {
		key   string
		value any
		to    **uint64
	}{{"memory", w.Memory, &r.Limits.Memory}, {"file-size", w.FileSize, &r.Limits.FileSize}, {"core", w.Core, &r.Limits.Core}} {
		if l.value == nil {
			continue
		}
		n, ok := bytes(l.value)
		if !ok || n == 0 && l.key == "memory" {
			p.say([]string{"limits", l.key}, "cannot use the limit %v: it is a number of bytes, or \"64M\", or \"unlimited\"", l.value)
			continue
		}
		*l.to = &n
	}
	if w.Nice < 0 || w.Nice > 19 {
		p.say([]string{"limits", "nice"}, "cannot use the nice value %d: it is from 0 to 19", w.Nice)
	}
	r.Limits.Nice = w.Nice
}

// bytes reads a number of bytes: 1024, "64K", "64M", "2G" or "unlimited".
func bytes(v any) (uint64, bool) {
	switch v := v.(type) {
	case int64:
		return uint64(v), v >= 0
	case string:
		if v == "unlimited" {
			return unlimited, true
		}
		shift := 0
		if n := len(v); n > 0 {
			shift = map[byte]int{'K': 10, 'M': 20, 'G': 30}[v[n-1]]
			if shift > 0 {
				v = v[:n-1]
			}
		}
		n, err := strconv.ParseUint(v, 10, 32)
		return n << shift, err == nil
	}
	return 0, false
}

func (p *parser) arguments(r *Rule, w *written) {
	used := make(map[string]bool)
	if len(r.Arguments) > maxElements {
		p.say([]string{"arguments"}, "cannot use the rule: it has more than %d arguments", maxElements)
		return
	}
	for _, e := range r.Arguments {
		if strings.Contains(e, "\x00") || len(e) > maxValue {
			p.say([]string{"arguments"}, "cannot use an argument: it has a NUL or more than %d bytes", maxValue)
			continue
		}
		pl, ok, err := split(e)
		if err != nil {
			p.say([]string{"arguments"}, "%v", err)
			continue
		}
		if !ok {
			continue
		}
		a := w.Argument[pl.name]
		switch {
		case a == nil:
			p.say([]string{"arguments"}, "cannot use the place {%s}: add [rule.%s.argument.%[1]s] with its type", pl.name, r.Name)
		case used[pl.name]:
			p.say([]string{"arguments"}, "cannot use the place {%s} twice", pl.name)
		case a.Type == string(Flag) && (pl.before != "" || pl.after != ""):
			p.say([]string{"arguments"}, "cannot use the place {%s}: a flag is an element by itself", pl.name)
		}
		used[pl.name] = true
	}
	for _, n := range slices.Sorted(maps.Keys(w.Argument)) {
		if !ValidName(n) {
			p.say([]string{"argument", n}, "cannot use the name %q: letters a-z, digits and \"-\", at most 64, and a letter first", n)
		} else if !used[n] {
			p.say([]string{"argument", n}, "cannot use the argument %s: no element of arguments has the place {%[1]s}", n)
		}
		r.Argument[n] = p.argument(n, w.Argument[n])
	}
}

func (p *parser) argument(name string, w *writtenArgument) Argument {
	key := func(k string) []string { return []string{"argument", name, k} }
	a := Argument{Description: w.Description, Type: Type(cmp.Or(w.Type, string(String))), Values: w.Values, Text: w.Text,
		Optional: w.Optional, Many: w.Many, Secret: w.Secret}
	if !slices.Contains(types(), string(a.Type)) {
		p.say(key("type"), "cannot use the type %q: there are %s", w.Type, strings.Join(types(), ", "))
		return a
	}
	only := func(set bool, k string, allowed ...Type) {
		if set && !slices.Contains(allowed, a.Type) {
			p.say(key(k), "cannot use %s with the type %s", k, a.Type)
		}
	}
	only(w.Pattern != "", "pattern", String, Text, Host, Path)
	only(w.Values != nil, "values", Choice)
	only(w.Text != "", "text", Flag)
	only(w.Min != nil, "min", Integer, String, Text)
	only(w.Max != nil, "max", Integer, String, Text)
	only(w.Many != 0, "many", String, Text, Integer, Choice, Address, Prefix, Host, Path)
	if w.Pattern != "" {
		var err error
		if len(w.Pattern) > maxPattern {
			err = fmt.Errorf("it has more than %d bytes", maxPattern)
		} else {
			a.Pattern, err = regexp.Compile(`\A(?:` + w.Pattern + `)\z`)
		}
		if _, alone := regexp.Compile(w.Pattern); err == nil && alone != nil { // "a)|(b" would break out
			err = alone
		}
		if err != nil {
			p.say(key("pattern"), "cannot use the pattern %q: %v", w.Pattern, err)
		}
	}
	switch a.Type {
	case Choice:
		if len(w.Values) == 0 || len(w.Values) > maxElements {
			p.say(key("values"), "cannot use the choice %s: values has none, or more than %d", name, maxElements)
		}
		if slices.ContainsFunc(w.Values, func(v string) bool { return v == "" || strings.ContainsFunc(v, control) }) {
			p.say(key("values"), "cannot use the choice %s: a value is empty, or not printable", name)
		}
	case Flag:
		if w.Text == "" || strings.Contains(w.Text, "\x00") {
			p.say(key("text"), "cannot use the flag %s: text says what it puts in its place", name)
		}
		a.Optional = true
	case Integer:
		a.Min, a.Max = -1<<63, 1<<63-1
	case String:
		a.Min, a.Max = 1, 255
	case Text:
		a.Min, a.Max = 0, maxValue
	}
	if w.Min != nil {
		a.Min = *w.Min
	}
	if w.Max != nil {
		a.Max = *w.Max
	}
	if a.Min > a.Max || (a.Type == String || a.Type == Text) && (a.Min < 0 || a.Max > maxValue) {
		p.say(key("max"), "cannot use the bounds %d to %d of %s", a.Min, a.Max, name)
	}
	if a.Many < 0 || a.Many > maxValues {
		p.say(key("many"), "cannot use the number %d: it is from 1 to %d", a.Many, maxValues)
	}
	p.fallback(name, w, &a)
	return a
}

// fallback reads what an argument is where nobody says it.
func (p *parser) fallback(name string, w *writtenArgument, a *Argument) {
	key := []string{"argument", name, "default"}
	switch v := w.Default.(type) {
	case nil:
		return
	case string:
		a.Default = []string{v}
	case int64:
		a.Default = []string{strconv.FormatInt(v, 10)}
	case bool:
		a.Default = []string{strconv.FormatBool(v)}
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				p.say(key, "cannot use the default of %s: it is a list of strings", name)
				return
			}
			a.Default = append(a.Default, s)
		}
	default:
		p.say(key, "cannot use the default of %s: it is a string or a list of strings", name)
		return
	}
	if w.Optional {
		p.say(key, "cannot use the default of %s: optional says that there is none", name)
	}
	if a.Secret {
		p.say(key, "cannot use the default of %s: it is a secret, and the rules are no place for one", name)
	}
	if err := a.check(name, a.Default); err != nil {
		p.say(key, "%v", err)
	}
}
