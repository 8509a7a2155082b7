// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written as "16 MiB".
type Size int64

type unit struct {
	name  string
	bytes int64
}

func units() []unit {
	return []unit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
}

// String writes the size in the largest unit that it is a whole number of.
func (s Size) String() string {
	for _, u := range units() {
		if s != 0 && int64(s)%u.bytes == 0 {
			return fmt.Sprintf("%d %s", int64(s)/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%d B", int64(s))
}

// UnmarshalTOML reads "16 MiB", "512 KiB", "100 B".
func (s *Size) UnmarshalTOML(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf(`cannot use %v as a size; write it with its unit, as in "16 MiB"`, v)
	}
	for _, u := range units() {
		digits, found := strings.CutSuffix(text, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(digits, " "), 10, 63)
		if err != nil || int64(n) > math.MaxInt64/u.bytes {
			break
		}
		*s = Size(int64(n) * u.bytes)
		return nil
	}
	return fmt.Errorf(`cannot use %q as a size; write a whole number and B, KiB, MiB, GiB or TiB, as in "16 MiB"`, text)
}

// Duration is a time span, written as "30s", "10m" or "1h30m".
type Duration time.Duration

// String writes the shortest form.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// UnmarshalTOML reads "30s".
func (d *Duration) UnmarshalTOML(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf(`cannot use %v as a time span; write it with its unit, as in "30s"`, v)
	}
	t, err := time.ParseDuration(text)
	if err != nil || t < 0 {
		return fmt.Errorf(`cannot use %q as a time span; write it as "30s", "10m" or "1h30m"`, text)
	}
	*d = Duration(t)
	return nil
}

// Mode is a file's permissions, written as "0660".
type Mode fs.FileMode

// String writes four octal digits.
func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// UnmarshalTOML reads "0660".
func (m *Mode) UnmarshalTOML(v any) error {
	text, ok := v.(string)
	n, err := strconv.ParseUint(text, 8, 32)
	if !ok || err != nil || n > 0o777 {
		return fmt.Errorf(`cannot use %v as permissions; write octal digits in quotes, as in "0660"`, v)
	}
	*m = Mode(n)
	return nil
}

// Addresses is where a door listens: numeric addresses with ports.
type Addresses []netip.AddrPort

// UnmarshalTOML reads "127.0.0.1:2023" or a list of such.
func (a *Addresses) UnmarshalTOML(v any) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	found := make(Addresses, 0, len(list))
	for _, item := range list {
		text, _ := item.(string)
		ap, err := ParseAddress(text)
		if err != nil {
			return err
		}
		found = append(found, ap)
	}
	*a = found
	return nil
}

// ParseAddress reads "127.0.0.1:2023" or "[::1]:2023". The result is canonical:
// no zone, no IPv4 address in the form of an IPv6 one.
func ParseAddress(text string) (netip.AddrPort, error) {
	ap, err := netip.ParseAddrPort(text)
	if err != nil || ap.Addr().Zone() != "" {
		return ap, fmt.Errorf(`cannot use %q as an address; write numbers with a port, as in "127.0.0.1:2023" or "[::1]:2023"`, text)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}

// Trust is what is believed of a loopback TCP peer.
type Trust string

// The values of Trust.
const (
	TrustKernel  Trust = "kernel"
	TrustClaimed Trust = "claimed"
)

// Candidate is whose candidate it is over NETCONF.
type Candidate string

// The values of Candidate.
const (
	CandidateShared  Candidate = "shared"
	CandidatePrivate Candidate = "private"
)

// Format is how the program of the login method external is spoken with.
type Format string

// The values of Format.
const (
	FormatJSON    Format = "json"
	FormatClassic Format = "classic"
)

// Level is the least that is logged.
type Level string

// Slog is the level for log/slog.
func (l Level) Slog() slog.Level {
	var s slog.Level
	if s.UnmarshalText([]byte(l)) != nil {
		return slog.LevelInfo
	}
	return s
}
