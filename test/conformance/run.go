// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// level is how strongly a sentence asks.
type level string

const (
	must   level = "must" // MUST, MUST NOT, REQUIRED, SHALL; what a definition leaves no choice in
	should level = "should"
	tag    level = "tag" // an error-tag that is said
)

// check is one sentence of an RFC.
type check struct {
	id    string // RFC-SECTION-NUMBER
	level level
	needs string // what the server must announce, with blanks between: see dialogue.lacks
	says  string // the sentence, in our words
	run   func(d *dialogue)
}

// section is the RFC and section of a check.
func (c check) section() string { return c.id[:strings.LastIndex(c.id, "-")] }

// Result is what became of a check.
type Result struct {
	check
	Skipped string
	Err     error
	Litter  error // what the check changed could not be put back
	Took    time.Duration
}

// Options of a run.
type Options struct {
	Dial     dialer
	Want     func(c check) bool
	Tell     func(Result)
	Deadline time.Duration // of a check
	// Pace is waited before each request: some servers lose what comes too soon.
	Pace time.Duration
	// GiveUp is after how many checks in a row without any session the run ends.
	GiveUp int
}

// checks are all of them, in the order of the RFCs.
func checks() (all []check) {
	for _, some := range [][]check{messages(), filters(), operations(), edits(), locks(), capabilities(), candidates(), confirmed(), urls(), xpaths(), tags(),
		framings(), defaults(), notifications(), monitoring(), library(), nmda()} {
		all = append(all, some...)
	}
	return all
}

// Run runs the checks that are wanted, one after the other, and returns how many it did
// not come to.
func Run(o Options) (left int) {
	all := checks()
	without := 0
	for i, c := range all {
		if !o.Want(c) {
			continue
		}
		began := time.Now()
		r := Result{check: c}
		d := &dialogue{dial: o.Dial, pace: o.Pace, end: began.Add(o.Deadline)}
		r.Skipped, r.Err = d.do(c)
		if without++; len(d.sessions) > 0 {
			without = 0
		}
		r.Litter = d.tidy(o.Deadline)
		r.Took = time.Since(began)
		o.Tell(r)
		if without >= o.GiveUp {
			for _, c := range all[i+1:] {
				if o.Want(c) {
					left++
				}
			}
			return left
		}
	}
	return left
}

// stop ends a check.
type stop struct {
	err  error
	skip string
}

// do runs one check.
func (d *dialogue) do(c check) (skipped string, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stop:
			err, skipped = p.err, p.skip
		default:
			err = fmt.Errorf("internal error: the check broke on what the server said: %v\n%s", p, debug.Stack())
		}
	}()
	a := d.open()
	for _, n := range strings.Fields(c.needs) {
		if why := a.lacks(n); why != "" {
			return why, nil
		}
	}
	c.run(d)
	return "", nil
}
