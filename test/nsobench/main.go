// SPDX-License-Identifier: Apache-2.0

// Command nsobench measures a real instance over NETCONF, one client, beside the
// machine's own fdatasync and loopback round trip in the same run. Times are
// medians of many; the ratio is what can be compared between machines.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/test/instance"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "nsobench:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := instance.Folder()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var sync, trip time.Duration
	raw := func() error {
		if sync, err = fdatasync(dir); err != nil {
			return err
		}
		trip, err = loopback()
		return err
	}
	if err := raw(); err != nil {
		return err
	}
	fmt.Printf("raw: fdatasync of 4 KiB %s, loopback round trip %s\n\n", us(sync), us(trip))
	fmt.Println("entries   edit p50   - fdatasync   get (subtree)   get (xpath)   /loopback   resident   fill      whole get-config   start")
	var first time.Duration
	for _, n := range []int{1, 1000, 100000} {
		m, err := measure(filepath.Join(dir, fmt.Sprint(n)), filepath.Join(dir, "models"), n)
		if err != nil {
			return fmt.Errorf("%d entries: %w", n, err)
		}
		if err := raw(); err != nil { // the disk of a shared machine changes its mind
			return err
		}
		if first == 0 {
			first = m.edit
		}
		fmt.Printf("%-9d %-10s %-13s %-15s %-13s %-11.1f %-10s %-9s %-18s %s\n", n, us(m.edit), us(m.edit-sync), us(m.get), us(m.xpath),
			float64(m.get)/float64(trip), fmt.Sprintf("%d MB", m.resident>>20), ms(m.fill), ms(m.whole), ms(m.start))
		fmt.Printf("          fdatasync then %s; edit is %.2f of it, and %.2f of the edit with 1 entry; in the candidate, with its commit, %s, %.2f of the edit\n",
			us(sync), float64(m.edit)/float64(sync), float64(m.edit)/float64(first), us(m.candidate), float64(m.candidate)/float64(m.edit))
	}
	return nil
}

type figures struct {
	edit, candidate, get, xpath, fill, whole, start time.Duration
	resident                                        int64
}

func name(i int) string { return fmt.Sprintf("entry-%06d", i) }

const (
	ns   = `xmlns="urn:nso:test:flat"`
	into = `<edit-config><target><running/></target><config>`
	end  = `</config></edit-config>`
)

func measure(dir, models string, n int) (m figures, err error) {
	in, err := instance.New(dir, "--yang", models)
	if err != nil {
		return m, err
	}
	if err := in.Start(); err != nil {
		return m, err
	}
	defer in.Kill()
	c, err := in.Dial()
	if err != nil {
		return m, err
	}
	var b strings.Builder
	b.WriteString(into + `<table ` + ns + `>`)
	for i := range n {
		fmt.Fprintf(&b, "<entry><name>%s</name><value>value of %d</value></entry>", name(i), i)
	}
	b.WriteString(`</table>` + end)
	begin := time.Now()
	if err := c.OK(b.String()); err != nil {
		return m, err
	}
	m.fill = time.Since(begin)
	one := name(n / 2)
	i := 0
	m.edit, err = median(400, func() error {
		i++
		return c.OK(fmt.Sprintf(`%s<table %s><entry><name>%s</name><value>edited %d</value></entry></table>%s`, into, ns, one, i, end))
	})
	if err != nil {
		return m, err
	}
	m.candidate, err = median(400, func() error {
		i++
		err := c.OK(fmt.Sprintf(`<edit-config><target><candidate/></target><config><table %s><entry><name>%s</name><value>edited %d</value></entry></table>%s`, ns, one, i, end))
		if err == nil {
			err = c.OK(`<commit/>`)
		}
		return err
	})
	if err != nil {
		return m, err
	}
	want := fmt.Sprintf("edited %d", i)
	get := func(filter string) func() error {
		return func() error {
			b, err := c.Call(`<get>` + filter + `</get>`)
			if err == nil && !strings.Contains(string(b), want) {
				err = fmt.Errorf("wrong answer: %.500s", b)
			}
			return err
		}
	}
	if m.get, err = median(1000, get(fmt.Sprintf(`<filter type="subtree"><table %s><entry><name>%s</name></entry></table></filter>`, ns, one))); err != nil {
		return m, err
	}
	if m.xpath, err = median(1000, get(fmt.Sprintf(`<filter type="xpath" xmlns:f="urn:nso:test:flat" select="/f:table/f:entry[f:name='%s']"/>`, one))); err != nil {
		return m, err
	}
	if m.whole, err = median(10, func() error {
		b, err := c.Call(`<get-config><source><running/></source></get-config>`)
		if err == nil && strings.Count(string(b), "<entry") < n {
			err = fmt.Errorf("only %d entries in %d bytes", strings.Count(string(b), "<entry"), len(b))
		}
		return err
	}); err != nil {
		return m, err
	}
	if m.resident, err = in.Resident(); err != nil {
		return m, err
	}
	c.Close()
	if err := in.Stop(); err != nil {
		return m, err
	}
	begin = time.Now()
	if err := in.Start(); err != nil {
		return m, err
	}
	if c, err = in.Dial(); err != nil {
		return m, err
	}
	if err := get(fmt.Sprintf(`<filter type="subtree"><table %s><entry><name>%s</name></entry></table></filter>`, ns, one))(); err != nil {
		return m, err
	}
	m.start = time.Since(begin)
	return m, in.Stop()
}

func median(n int, f func() error) (time.Duration, error) {
	all := make([]time.Duration, n)
	for i := range all {
		begin := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		all[i] = time.Since(begin)
	}
	slices.Sort(all)
	return all[n/2], nil
}

// fdatasync is the median of overwriting a block of a preallocated file, made
// durable: what no durable commit can beat.
func fdatasync(dir string) (time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	for range 512 {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	i := int64(0)
	return median(400, func() error {
		i++
		if _, err := f.WriteAt(block, i*4096); err != nil {
			return err
		}
		return unix.Fdatasync(int(f.Fd()))
	})
}

// loopback is the median round trip of 200 bytes over TCP between two goroutines.
func loopback() (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.Copy(conn, conn)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	b := make([]byte, 200)
	return median(2000, func() error {
		if _, err := conn.Write(b); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, b)
		return err
	})
}

func us(d time.Duration) string { return fmt.Sprintf("%.0f us", float64(d)/1e3) }
func ms(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d)/1e6) }
