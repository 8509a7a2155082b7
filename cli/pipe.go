// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// filter is one command after a |.
type filter struct {
	name, help, arg string
	// make returns the filter with its argument, "" if there is none. out takes
	// whole lines without their end.
	make func(arg string, out func(line []byte) error) (line func([]byte) error, end func() error, err error)
}

// filters are in the order of help.
func filters() []filter {
	return []filter{
		{"match", "only lines that match a pattern", "<pattern>", matching(true)},
		{"except", "only lines that do not match a pattern", "<pattern>", matching(false)},
		{"find", "from the first line that matches a pattern on", "<pattern>", findFrom},
		{"begin", "from the first line that matches a pattern on", "<pattern>", findFrom},
		{"count", "the number of lines", "", count},
		{"last", "the last lines", "[<number>]", last},
		{"more", "page by page, as a terminal does anyway", "", noMore},
		{"save", "to a file, opened as you", "<file>", nil},
		{"no-more", "all at once, without pages", "", noMore},
		{"display", "in another format: set, xml, json, curly", "<format>", nil},
	}
}

func formats() []string { return []string{"set", "xml", "json", "curly"} }

// pattern compiles what the user is looking for. RE2 takes linear time.
func pattern(arg string) (*regexp.Regexp, error) { return regexp.Compile(arg) }

type lineFunc = func([]byte) error

func nothing() error { return nil }

func matching(want bool) func(string, func([]byte) error) (lineFunc, func() error, error) {
	return func(arg string, out func([]byte) error) (lineFunc, func() error, error) {
		re, err := pattern(arg)
		if err != nil {
			return nil, nil, err
		}
		return func(line []byte) error {
			if re.Match(line) != want {
				return nil
			}
			return out(line)
		}, nothing, nil
	}
}

func findFrom(arg string, out func([]byte) error) (lineFunc, func() error, error) {
	re, err := pattern(arg)
	if err != nil {
		return nil, nil, err
	}
	found := false
	return func(line []byte) error {
		if found = found || re.Match(line); !found {
			return nil
		}
		return out(line)
	}, nothing, nil
}

func count(_ string, out func([]byte) error) (lineFunc, func() error, error) {
	n := 0
	return func([]byte) error { n++; return nil },
		func() error { return out(fmt.Appendf(nil, "Count: %d lines", n)) }, nil
}

// maxLast bounds what "last" keeps in memory.
const maxLast = 100_000

func last(arg string, out func([]byte) error) (lineFunc, func() error, error) {
	n := 10
	if arg != "" {
		var err error
		if n, err = strconv.Atoi(arg); err != nil || n < 1 || n > maxLast {
			return nil, nil, fmt.Errorf("expected a number from 1 to %d", maxLast)
		}
	}
	var ring [][]byte
	seen := 0
	return func(line []byte) error {
			if len(ring) < n {
				ring = append(ring, bytes.Clone(line))
			} else {
				ring[seen%n] = append(ring[seen%n][:0], line...)
			}
			seen++
			return nil
		}, func() error {
			for i := range ring {
				if err := out(ring[(seen+i)%len(ring)]); err != nil {
					return err
				}
			}
			return nil
		}, nil
}

func noMore(_ string, out func([]byte) error) (lineFunc, func() error, error) {
	return out, nothing, nil
}

// output is where a command prints to, through its filters.
type output struct {
	w      io.Writer
	format string // that "display" asks for, "" if none does
	lines  lineFunc
	ends   []func() error
	rest   []byte // the beginning of a line
	last   byte   // what was written last, without filters
	err    error
	close  func() error // of the file that all goes to, if it does
	whole  bool         // what is printed is not shown by pages
}

// newOutput builds the filters of a line; segments are the words after each |.
func (sh *Shell) newOutput(segments [][]word) (*output, error) {
	w := sh.out
	o := &output{w: w}
	if len(segments) == 0 {
		return o, nil
	}
	var buf []byte
	o.lines = func(line []byte) error {
		buf = append(append(buf[:0], line...), '\n')
		_, err := w.Write(buf)
		return err
	}
	plain := true
	for i := len(segments) - 1; i >= 0; i-- {
		f, arg, err := readFilter(segments[i])
		if err != nil {
			return nil, err
		}
		if f.name == "display" {
			o.format = arg
			continue
		}
		o.whole = o.whole || f.name == "no-more"
		if f.name == "save" {
			if i != len(segments)-1 {
				bar := segments[i+1][0]
				return nil, at(bar.start, bar.end, "cannot go on after save: nothing comes out of it")
			}
			file, err := sh.create(segments[i][2])
			if err != nil {
				return nil, err
			}
			o.saveTo(file, arg)
			plain = false
			continue
		}
		plain = false
		line, end, err := f.make(arg, o.lines)
		if err != nil {
			w := segments[i][len(segments[i])-1]
			return nil, at(w.start, w.end, "cannot use "+shown(w)+" with "+f.name+": "+err.Error())
		}
		o.lines = line
		o.ends = append([]func() error{end}, o.ends...)
	}
	if plain {
		o.lines = nil
	}
	return o, nil
}

// saveTo has the lines go to a file.
func (o *output) saveTo(file io.WriteCloser, name string) {
	buf := bufio.NewWriter(file)
	bytes := 0
	o.lines = func(line []byte) error {
		bytes += len(line) + 1
		if _, err := buf.Write(line); err != nil {
			return cannotFile("save", name, err)
		}
		return buf.WriteByte('\n')
	}
	o.close = func() error {
		err := buf.Flush()
		if cerr := file.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return cannotFile("save", name, err)
		}
		_, err = fmt.Fprintf(o.w, "saved %d bytes\n", bytes)
		return err
	}
}

// readFilter reads the words after one |; the first of them is the | itself.
func readFilter(words []word) (filter, string, error) {
	bar := words[0]
	all := filters()
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	if len(words) == 1 {
		return filter{}, "", at(bar.end, bar.end+1, "cannot go on without a filter", names...)
	}
	name, err := pick(words[1], names)
	if err != nil {
		return filter{}, "", err
	}
	var f filter
	for _, c := range all {
		if c.name == name {
			f = c
		}
	}
	args := words[2:]
	switch {
	case len(args) == 0 && f.arg != "" && f.arg[0] == '<':
		w := words[1]
		return f, "", at(w.end, w.end+1, "cannot go on without an argument of "+f.name, f.arg)
	case len(args) > 0 && f.arg == "", len(args) > 1:
		w := args[len(args)-1]
		return f, "", at(w.start, w.end, "cannot read "+shown(w)+": nothing can follow", "|")
	case len(args) == 0:
		return f, "", nil
	}
	if f.name == "display" {
		format, err := pick(args[0], formats())
		return f, format, err
	}
	return f, args[0].text, nil
}

// Write passes whole lines on.
func (o *output) Write(b []byte) (int, error) {
	if o.lines == nil {
		if len(b) > 0 {
			o.last = b[len(b)-1]
		}
		return o.w.Write(b)
	}
	n := len(b)
	for o.err == nil {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		line := b[:i]
		if len(o.rest) > 0 {
			o.rest = append(o.rest, line...)
			line = o.rest
		}
		o.err = o.lines(line)
		o.rest, b = o.rest[:0], b[i+1:]
	}
	if o.err != nil {
		return 0, o.err
	}
	o.rest = append(o.rest, b...)
	return n, nil
}

// end ends the last line, and lets the filters say what they kept.
func (o *output) end() error {
	if o.lines == nil {
		if o.last != 0 && o.last != '\n' {
			_, o.err = o.w.Write([]byte{'\n'})
		}
		return o.err
	}
	if o.err == nil && len(o.rest) > 0 {
		o.err = o.lines(o.rest)
	}
	for _, end := range o.ends {
		if o.err == nil {
			o.err = end()
		}
	}
	if o.close != nil {
		err := o.close()
		return cmp.Or(o.err, err)
	}
	return o.err
}

func completeFilter(words []word) (c []Candidate) {
	if len(words) == 0 {
		for _, f := range filters() {
			c = append(c, Candidate{Text: f.name, Help: f.help})
		}
		return c
	}
	for _, f := range filters() {
		switch {
		case f.name != words[0].text || len(words) > 1:
		case f.name == "display":
			for _, name := range formats() {
				c = append(c, Candidate{Text: name})
			}
		case f.arg != "":
			c = append(c, Candidate{Text: f.arg, Help: f.help, Hint: true})
		}
	}
	return append(c, Candidate{Text: "|", Help: "pipe through one more filter", Hint: true})
}
