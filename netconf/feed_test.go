// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"testing"
	"time"

	"nso.example/nso/tree"
)

// TestBoundary: updates fall on the anchor-time and multiples of the period from it,
// before and after (RFC 8641, 4.2).
func TestBoundary(t *testing.T) {
	day := func(clock string) time.Time {
		at, err := time.Parse(time.DateTime, "2026-01-02 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct{ now, anchor, period, want string }{
		{"12:00:01", "12:00:00", "1m", "12:01:00"},
		{"12:00:00", "12:00:00", "1m", "12:01:00"},
		{"11:58:30", "12:00:00", "1m", "11:59:00"},
		{"11:59:00", "12:00:00", "1m", "12:00:00"},
		{"23:00:00", "01:00:05", "10s", "23:00:05"},
	} {
		period, err := time.ParseDuration(c.period)
		if err != nil {
			t.Fatal(err)
		}
		if got := boundary(day(c.now), day(c.anchor), period); !got.Equal(day(c.want)) {
			t.Errorf("%+v: %s", c, got)
		}
	}
	// However far the anchor is, the next one is within a period.
	now := day("12:00:00")
	for _, anchor := range []time.Time{{}, time.Unix(1<<40, 0), time.Unix(-1<<40, 0)} {
		if got := boundary(now, anchor, time.Second).Sub(now); got <= 0 || got > time.Second {
			t.Error(anchor, got)
		}
	}
}

// TestResource: a target names entries as RESTCONF does (RFC 8040, 3.5.3).
func TestResource(t *testing.T) {
	s := compiled()(t)
	for path, want := range map[string]string{
		"/test:top/entry[name='a,b=c/d %']/value":   "/test:top/entry=a%2Cb%3Dc%2Fd%20%25/value",
		"/test:top/pair[a='1'][b='']":               "/test:top/pair=1,",
		"/test:top/tag[.='é:1']":                    "/test:top/tag=%C3%A9%3A1",
		"/test:top/other:note":                      "/test:top/other:note",
		"/ietf-netconf-acm:nacm/groups/group":       "/ietf-netconf-acm:nacm/groups/group",
		"/test:top/entry[name='plain-1.2_3~']/word": "/test:top/entry=plain-1.2_3~/word",
	} {
		p, err := tree.ParsePath(s, path)
		if err != nil {
			t.Fatal(err)
		}
		if got := resource(p); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
