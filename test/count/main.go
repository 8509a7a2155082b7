// SPDX-License-Identifier: Apache-2.0

// Command count runs `go test -json` and closes with one line that counts the
// tests: passed, failed, skipped. Failed tests are printed with their output,
// skipped ones with their reason, so that no skip looks green.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		fail(err)
	}
	if err := cmd.Start(); err != nil {
		fail(err)
	}
	begin := time.Now()
	text := make(map[string][]string)
	var passed, failed, skipped int
	var broken []string
	var skips []string
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
		case "build-output":
			fmt.Print(e.Output)
		case "pass", "fail", "skip":
			lines := text[key]
			delete(text, key)
			if e.Test == "" {
				if e.Action == "fail" {
					broken = append(broken, e.Package)
					fmt.Print(strings.Join(lines, ""))
				} else if e.Action == "pass" && e.Elapsed > 0 {
					fmt.Printf("%-4s %s %.1fs\n", e.Action, e.Package, e.Elapsed)
				}
				continue
			}
			switch e.Action {
			case "pass":
				passed++
			case "fail":
				failed++
				fmt.Printf("FAIL %s\n%s", key, strings.Join(lines, ""))
			case "skip":
				skipped++
				skips = append(skips, key+": "+reason(lines))
			}
		}
	}
	err = cmd.Wait()
	if failed == 0 && (err != nil || len(broken) > 0) {
		failed++ // a package that did not build or ended badly
		fmt.Printf("FAIL %v %s\n", err, strings.Join(broken, " "))
	}
	sort.Strings(skips)
	for _, s := range skips {
		fmt.Println("not run:", s)
	}
	if os.Getuid() != 0 {
		fmt.Println("not run: what needs root, booted systems first of all; to run it: sudo make test")
	}
	fmt.Printf("in %s\n", time.Since(begin).Round(time.Second))
	fmt.Printf("tests: %d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
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
