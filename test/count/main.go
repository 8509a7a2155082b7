// SPDX-License-Identifier: Apache-2.0

// Command count runs `go test -json` and closes with one line that counts the
// tests: passed, failed, skipped. Failed tests are printed with their output,
// skipped ones with their reason, so that no skip looks green.
//
// Booted systems on a machine with two processors and other work miss a deadline now
// and then. So a few tests that failed are run once more, by themselves; those that
// pass then are named as such in the last lines. A data race and a panic are never
// taken back, and many failures are no accident.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strings"
	"time"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string
	Elapsed                       float64
}

// again is how many top-level tests may be run once more.
const again = 3

// run is what one `go test -json` said.
type run struct {
	passed, failed, skipped int
	broken                  []string        // packages that failed
	skips                   []string        // tests with reasons
	tops                    map[string]bool // "package TestX" of the failed tests
	final                   bool            // a failure that is not taken back
}

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	begin := time.Now()
	r := test(args)
	var second []string
	if !r.final && len(r.tops) > 0 && len(r.tops) <= again {
		second = r.retry(args)
	}
	sort.Strings(r.skips)
	for _, s := range r.skips {
		fmt.Println("not run:", s)
	}
	if os.Getuid() != 0 {
		fmt.Println("not run: what needs root, booted systems first of all; to run it: sudo make test")
	}
	for _, s := range second {
		fmt.Println("passed only at the second try, alone:", s)
	}
	fmt.Printf("in %s\n", time.Since(begin).Round(time.Second))
	fmt.Printf("tests: %d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	if r.failed > 0 || r.passed == 0 {
		os.Exit(1)
	}
}

// test runs a command that prints events.
func test(args []string) *run {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		fail(err)
	}
	if err := cmd.Start(); err != nil {
		fail(err)
	}
	r := &run{tops: make(map[string]bool)}
	text := make(map[string][]string)
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var e event
		if json.Unmarshal(sc.Bytes(), &e) != nil {
			fmt.Println(sc.Text())
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			text[key] = append(text[key], e.Output)
			if strings.Contains(e.Output, "DATA RACE") || strings.HasPrefix(e.Output, "panic:") || strings.HasPrefix(e.Output, "fatal error:") {
				r.final = true
			}
		case "build-output":
			fmt.Print(e.Output)
		case "build-fail":
			r.final = true
		case "pass", "fail", "skip":
			lines := text[key]
			delete(text, key)
			if e.Test == "" {
				if e.Action == "fail" {
					r.broken = append(r.broken, e.Package)
					fmt.Print(strings.Join(lines, ""))
				} else if e.Action == "pass" && e.Elapsed > 0 {
					fmt.Printf("%-4s %s %.1fs\n", e.Action, e.Package, e.Elapsed)
				}
				continue
			}
			switch e.Action {
			case "pass":
				r.passed++
			case "fail":
				r.failed++
				top, _, _ := strings.Cut(e.Test, "/")
				r.tops[e.Package+" "+top] = true
				fmt.Printf("FAIL %s\n%s", key, strings.Join(lines, ""))
			case "skip":
				r.skipped++
				r.skips = append(r.skips, key+": "+reason(lines))
			}
		}
	}
	err = cmd.Wait()
	if r.failed == 0 && (err != nil || len(r.broken) > 0) {
		r.failed++ // a package that did not build or ended badly
		r.final = true
		fmt.Printf("FAIL %v %s\n", err, strings.Join(r.broken, " "))
	}
	return r
}

// retry runs the failed tests once more, one after the other with nothing beside
// them, and returns those that passed. If one fails again the count stays as it was.
func (r *run) retry(args []string) (passed []string) {
	last := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "./") || strings.HasPrefix(a, "nso.example/") })
	if last < 0 {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(r.tops)) {
		pkg, name, _ := strings.Cut(key, " ")
		fmt.Printf("once more, alone: %s\n", key)
		one := test(append(slices.Clone(args[:last]), "-count=1", "-run", "^"+name+"$", pkg))
		if one.failed > 0 || one.passed == 0 {
			return nil
		}
		passed = append(passed, key)
	}
	r.failed = 0
	r.passed += len(passed)
	return passed
}

// reason is the line of a skipped test that says why.
func reason(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if l := strings.TrimSpace(lines[i]); l != "" && !strings.HasPrefix(l, "---") && !strings.HasPrefix(l, "===") {
			return l
		}
	}
	return "no reason given"
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "cannot run the tests:", err)
	os.Exit(1)
}
