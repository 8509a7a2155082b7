// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/tree"
	"nso.example/nso/tree/check"
	"nso.example/nso/yang/xpath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bigtree:", err)
		os.Exit(1)
	}
}

func run() error {
	m, err := newModel()
	if err != nil {
		return err
	}
	rules, err := check.Compile(m.schema)
	if err != nil {
		return err
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Printf("big trees: %d processors, load average %.14s\n\n", runtime.NumCPU(), load)
	}
	fmt.Printf("%-62s %14s   %s\n", "figure", "value", "goal")
	for _, part := range []func(*model, *check.Rules) error{memory, lookups, changes, collections} {
		if err := part(m, rules); err != nil {
			return err
		}
	}
	return nil
}

// show prints a figure; a goal of 0 is none. Smaller is better.
func show(name string, value float64, unit string, goal float64) {
	end := ""
	if goal > 0 {
		end = fmt.Sprintf("< %g %s", goal, unit)
		if value >= goal {
			end += "   MISSED"
		}
	}
	fmt.Printf("%-62s %14s   %s\n", name, strconv.FormatFloat(value, 'f', 3, 64)+" "+unit, end)
}

func us(d time.Duration) float64 { return float64(d) / 1e3 }
func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// heap is what lives.
func heap() float64 {
	var st runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&st)
	return float64(st.HeapAlloc)
}

// interfaces is the size that most goals are for: 1.6 million leaves.
const interfaces = 200_000

func memory(m *model, _ *check.Rules) error {
	before := heap()
	flat, err := m.fillFlat(interfaces * leavesEach / 2)
	if err != nil {
		return err
	}
	show("memory of a leaf, flat list of 800,000 entries of two strings", (heap()-before)/float64(flat.Count()), "bytes", 60)
	runtime.KeepAlive(flat)
	before = heap()
	root, err := m.fill(interfaces)
	if err != nil {
		return err
	}
	show("memory of a leaf, 200,000 interfaces with addresses", (heap()-before)/float64(root.Count()), "bytes", 100)
	runtime.KeepAlive(root)
	return nil
}

// each is the time of one call on its processor: the median of up to 200 rounds of
// equal length that n calls are made in. What else runs on the machine adds only
// what it drives out of the caches.
func each(n int, do func(i int) error) (time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rounds := min(n, 200)
	times := make([]time.Duration, rounds)
	for i := range times {
		begin := threadTime()
		for j := range n / rounds {
			if err := do(i*(n/rounds) + j); err != nil {
				return 0, err
			}
		}
		times[i] = (threadTime() - begin) / time.Duration(n/rounds)
	}
	slices.Sort(times)
	return times[rounds/2], nil
}

// threadTime is how long the thread has run.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0 // Linux has that clock
	}
	return time.Duration(t.Nano())
}

var errAnswer = errors.New("an answer is wrong")

func lookups(m *model, _ *check.Rules) error {
	root, err := m.fill(interfaces)
	if err != nil {
		return err
	}
	keys := make([]tree.Key, 1<<14)
	for i := range keys {
		keys[i] = tree.MakeKey(m.list, ifName(i*7919%interfaces))
	}
	list := root.Container(m.interfaces).List(m.list)
	d, err := each(400_000, func(i int) error {
		if _, ok := list.Get(keys[i%len(keys)]).Leaf(m.description); !ok {
			return errAnswer
		}
		return nil
	})
	if err != nil {
		return err
	}
	show("look-up of a leaf by key among 200,000", us(d), "us", 2)
	prefixes := func(p string) (string, bool) {
		module, ok := map[string]string{"if": "ietf-interfaces", "ip": "ietf-ip"}[p]
		return module, ok
	}
	var texts []string
	var exprs []*xpath.Expr
	for i := range 1 << 10 {
		texts = append(texts, "/if:interfaces/if:interface[if:name='"+ifName(i*7919%interfaces)+"']/ip:ipv4/ip:mtu")
		e, err := xpath.CompileText(m.schema, texts[i], prefixes, "")
		if err != nil {
			return err
		}
		exprs = append(exprs, e)
	}
	at := xpath.Context{Node: xpath.Root(root)}
	nodes := func(e *xpath.Expr) error {
		if n, err := e.EvalNodes(at); err != nil || len(n) != 1 || n[0].Value != "1500" {
			return errors.Join(errAnswer, err)
		}
		return nil
	}
	if d, err = each(200_000, func(i int) error { return nodes(exprs[i%len(exprs)]) }); err != nil {
		return err
	}
	show("XPath with a key predicate among 200,000", us(d), "us", 5)
	if d, err = each(20_000, func(i int) error {
		e, err := xpath.CompileText(m.schema, texts[i%len(texts)], prefixes, "")
		if err != nil {
			return err
		}
		return nodes(e)
	}); err != nil {
		return err
	}
	show("the same from its text", us(d), "us", 0)
	all, err := xpath.CompileText(m.schema, "//ip:mtu", prefixes, "")
	if err != nil {
		return err
	}
	if d, err = each(20, func(int) error {
		if n, err := all.EvalNodes(at); err != nil || len(n) != interfaces {
			return errors.Join(errAnswer, err)
		}
		return nil
	}); err != nil {
		return err
	}
	show("//mtu over 200,000 interfaces", ms(d), "ms", 60)
	return nil
}

// commit is one leaf changed and the whole validated: all but the journal.
func (m *model) commit(rules *check.Rules, root *tree.Node, i int) (*tree.Node, error) {
	ed := tree.NewEditor(root)
	if err := ed.Set(m.path(i, m.mtu), strconv.Itoa(1000+i%500)); err != nil {
		return nil, err
	}
	next, errs := rules.Changed(root, ed.Root())
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return next, nil
}

func changes(m *model, rules *check.Rules) error {
	root, err := m.fill(interfaces)
	if err != nil {
		return err
	}
	const n = 20_000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d, err := each(n, func(i int) error {
		root, err = m.commit(rules, root, i*7919%interfaces)
		return err
	})
	if err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	show("one leaf of 1.6 million changed and validated", us(d), "us", 100)
	show("memory that it makes", float64(after.TotalAlloc-before.TotalAlloc)/n/1000, "kB", 0)
	if d, err = each(3, func(int) error {
		if _, errs := rules.Full(root); len(errs) > 0 {
			return errs[0]
		}
		return nil
	}); err != nil {
		return err
	}
	show("all of it validated", ms(d), "ms", 0)
	return nil
}
