// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hidden stands where a secret is.
const hidden = "***"

// Argv makes the arguments of a command, the program's name first, of the values of
// the arguments by name; and the same to be shown, with the secrets left out.
func (r *Rule) Argv(values map[string][]string) (argv, shown []string, err error) {
	for _, n := range slices.Sorted(maps.Keys(values)) {
		if _, ok := r.Argument[n]; !ok {
			return nil, nil, fmt.Errorf("cannot run %s with %.64q: there is no such argument", r.Name, n)
		}
	}
	argv, shown = []string{r.Program}, []string{r.Program}
	plain := false // whether options have ended
	for _, e := range r.Arguments {
		p, ok, err := split(e)
		if err != nil {
			return nil, nil, err // Parse has refused it
		}
		if !ok {
			argv, shown = append(argv, e), append(shown, e)
			plain = plain || e == "--"
			continue
		}
		a := r.Argument[p.name]
		v, given := values[p.name]
		if !given {
			v = a.Default
		}
		if v == nil {
			if a.Optional {
				continue
			}
			return nil, nil, fmt.Errorf("cannot run %s: the argument %s is missing", r.Name, p.name)
		}
		if err := a.check(p.name, v); err != nil {
			return nil, nil, err
		}
		for _, value := range v {
			if a.Type == Flag {
				if value == "true" {
					argv, shown = append(argv, a.Text), append(shown, a.Text)
				}
				continue
			}
			// Nobody makes an option of a value.
			if strings.HasPrefix(value, "-") && p.before == "" && !plain && a.Type != Integer && a.Type != Choice {
				return nil, nil, fmt.Errorf("cannot use %.64q for %s: it begins with \"-\", and would be taken for an option", a.show(value), p.name)
			}
			argv, shown = append(argv, p.before+value+p.after), append(shown, p.before+a.show(value)+p.after)
		}
	}
	n := 0
	for _, e := range argv {
		if n += len(e) + 1; n > maxArgv {
			return nil, nil, fmt.Errorf("cannot run %s: the arguments have more than %d KiB", r.Name, maxArgv>>10)
		}
	}
	return argv, shown, nil
}

func (a *Argument) show(value string) string {
	if a.Secret {
		return hidden
	}
	return value
}

// check refuses values that are not what the argument is.
func (a *Argument) check(name string, values []string) error {
	if len(values) == 0 || len(values) > max(a.Many, 1) {
		return fmt.Errorf("cannot use %d values for %s: it takes from 1 to %d", len(values), name, max(a.Many, 1))
	}
	for _, v := range values {
		if why := a.wrong(v); why != "" {
			return fmt.Errorf("cannot use %.64q for %s: %s", a.show(v), name, why)
		}
	}
	return nil
}

// wrong says why a value cannot be used, "" if it can.
func (a *Argument) wrong(v string) string {
	switch {
	case len(v) > maxValue:
		return fmt.Sprintf("it has more than %d bytes", maxValue)
	case !utf8.ValidString(v):
		return "it is not UTF-8"
	case strings.Contains(v, "\x00"):
		return "it has a NUL"
	case a.Type != Text && strings.ContainsFunc(v, func(r rune) bool { return control(r) || unicode.Is(unicode.Cf, r) }):
		return "it has a character that is not printable"
	}
	switch a.Type {
	case String, Text:
		if n := int64(len(v)); n < a.Min || n > a.Max {
			return fmt.Sprintf("it has %d bytes, not %d to %d", n, a.Min, a.Max)
		}
	case Integer:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != v {
			return "it is no integer in its shortest form"
		}
		if n < a.Min || n > a.Max {
			return fmt.Sprintf("it is not from %d to %d", a.Min, a.Max)
		}
	case Choice:
		if !slices.Contains(a.Values, v) {
			return "it is none of " + strings.Join(a.Values, ", ")
		}
	case Address:
		if ip, err := netip.ParseAddr(v); err != nil || ip.Zone() != "" {
			return "it is no IP address"
		}
	case Prefix:
		if _, err := netip.ParsePrefix(v); err != nil {
			return "it is no IP prefix"
		}
	case Host:
		if ip, err := netip.ParseAddr(v); (err != nil || ip.Zone() != "") && !hostname(v) {
			return "it is neither a name of the DNS nor an IP address"
		}
	case Path:
		if !strings.HasPrefix(v, "/") || path.Clean(v) != v {
			return "it is no absolute path without \"..\" and double \"/\""
		}
	case Flag:
		if v != "true" && v != "false" {
			return "it is neither true nor false"
		}
	}
	if a.Pattern != nil && !a.Pattern.MatchString(v) {
		return "the rule's pattern does not match it"
	}
	return ""
}

// hostname: RFC 1123, 2.1.
func hostname(v string) bool {
	if len(v) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(v, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return true
}
