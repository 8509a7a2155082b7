// SPDX-License-Identifier: Apache-2.0

// Command conformance holds a NETCONF server, any one, to the sentences of RFC 6241
// and of the RFCs around it: 6242, 6243, 5277, 6470, 6022, 8525, 8526. Each check is one
// sentence, named after its section: 6241-7.2-03.
//
//	go run ./test/conformance --unix PATH | --tcp ADDRESS | --ssh [USER@]HOST[:PORT] | --command "PROGRAM ARG..."
//
// The stream of --unix and --command begins with the hello; --tcp says a cleartext
// header first. What the server does not announce is skipped, with the reason. Two kinds of
// data are written, and removed again: groups called conformance-... below /nacm (RFC
// 8341), and users and interfaces of the module in the folder model, which a server is to
// load before; without it the checks that need it are skipped.
//
// A server may end connections, hang or go away and come back: each check has a deadline
// and sessions of its own. If no session opens for several checks in a row, the run ends
// and says how many were not reached; --from goes on there.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	unix := flag.String("unix", "", "path of a Unix socket")
	tcp := flag.String("tcp", "", "address of a loopback server with a cleartext header")
	ssh := flag.String("ssh", "", "[USER@]HOST[:PORT], reached by the program ssh")
	command := flag.String("command", "", "a program that speaks NETCONF on its standard input and output")
	list := flag.Bool("list", false, "print all checks, and run none")
	only := flag.String("only", "", "the checks whose names begin with one of these, with commas between")
	from := flag.String("from", "", "begin with this check")
	deadline := flag.Duration("deadline", 20*time.Second, "of a check")
	pace := flag.Duration("pace", 0, "wait so long before each request, for a server that loses what comes too soon")
	quiet := flag.Bool("quiet", false, "do not print what passed")
	flag.Parse()
	begun := *from == ""
	o := Options{Deadline: *deadline, Pace: *pace, GiveUp: 5, Want: func(c check) bool {
		begun = begun || c.id == *from
		return begun && wanted(*only, c.id)
	}}
	switch {
	case *list:
		for _, c := range checks() {
			if o.Want(c) {
				fmt.Printf("%-18s %-7s %s\n", c.id, c.level, c.says)
			}
		}
		return
	case *unix != "":
		o.Dial = dialUnix(*unix)
	case *tcp != "":
		o.Dial = dialTCP(*tcp)
	case *ssh != "":
		o.Dial = dialSSH(*ssh)
	case strings.TrimSpace(*command) != "":
		words := strings.Fields(*command)
		o.Dial = dialProgram(words[0], words[1:]...)
	default:
		flag.Usage()
		os.Exit(2)
	}
	var t table
	o.Tell = func(r Result) {
		t.add(r)
		switch {
		case r.Skipped != "" && !*quiet:
			fmt.Printf("skip  %-18s %s: %s\n", r.id, r.says, r.Skipped)
		case r.Err != nil:
			fmt.Printf("FAIL  %-18s %s (%s)\n      %s\n", r.id, r.says, r.level, strings.ReplaceAll(strings.TrimSpace(r.Err.Error()), "\n", "\n      "))
		case r.Skipped == "" && !*quiet:
			fmt.Printf("ok    %-18s %s\n", r.id, r.says)
		}
		if r.Litter != nil {
			fmt.Printf("      after %s: %v\n", r.id, r.Litter)
		}
	}
	left := Run(o)
	fmt.Print("\n", t.String())
	if left > 0 {
		fmt.Printf("no session could be opened any more: %d checks were not reached\n", left)
	}
	if t.total.failed > 0 || left > 0 {
		os.Exit(1)
	}
}

// wanted tells whether a name begins with one of a list.
func wanted(list, id string) bool {
	for _, o := range strings.Split(list, ",") {
		if strings.HasPrefix(id, o) {
			return true
		}
	}
	return false
}

// table counts by RFC and chapter.
type table struct {
	rows  []*row
	total row
}

type row struct {
	name                             string
	passed, failed, shoulds, skipped int
}

func (t *table) add(r Result) {
	rfc, section, _ := strings.Cut(r.section(), "-")
	chapter, _, _ := strings.Cut(section, ".")
	name := rfc + ", " + chapter
	if len(t.rows) == 0 || t.rows[len(t.rows)-1].name != name {
		t.rows = append(t.rows, &row{name: name})
	}
	for _, into := range []*row{t.rows[len(t.rows)-1], &t.total} {
		switch {
		case r.Skipped != "":
			into.skipped++
		case r.Err != nil:
			into.failed++
			if r.level == should {
				into.shoulds++
			}
		default:
			into.passed++
		}
	}
}

func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-10s %7s %7s %7s\n", "RFC", "passed", "failed", "skipped")
	t.total.name = "all"
	for _, r := range append(t.rows, &t.total) {
		fmt.Fprintf(&b, "%-10s %7d %7d %7d", cmp.Or(r.name, "?"), r.passed, r.failed, r.skipped)
		if r.shoulds > 0 {
			fmt.Fprintf(&b, "   (%d of the failed are a SHOULD)", r.shoulds)
		}
		b.WriteString("\n")
	}
	return b.String()
}
