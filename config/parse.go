// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"
)

// maxFile is the largest file that is read: a hundred times what a full one has.
const maxFile = 64 << 10

// Error is one thing that is wrong with a file. It prints as "FILE:LINE: cannot ...".
type Error struct {
	File string
	Line int    // from 1; 0: the value is not in the file
	Key  string // "limits.sessions"; "" for a syntax error
	Text string // "cannot ..."
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return e.File + ":" + strconv.Itoa(e.Line) + ": " + e.Text
}

// Load reads and checks a file.
func Load(path string) (*Config, error) {
	return load(path, func(fs.FileInfo) error { return nil })
}

// load is Load of a file whose owner and mode are accepted.
func load(path string, accept func(fs.FileInfo) error) (*Config, error) {
	// O_NONBLOCK: a FIFO must not hold the start up.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot read the configuration: %s is not a regular file", path)
	}
	if err := accept(info); err != nil {
		return nil, &Error{File: path, Text: err.Error()}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	return Parse(path, string(text))
}

// Parse reads and checks the text of a file; name is for the errors, which are of
// type *Error, joined when there are several.
func Parse(name, text string) (*Config, error) {
	if len(text) > maxFile {
		return nil, &Error{File: name, Text: fmt.Sprintf("cannot read the configuration: it has more than %d KiB", maxFile>>10)}
	}
	if line := tooDeep(text); line > 0 {
		return nil, &Error{File: name, Line: line, Text: fmt.Sprintf("cannot read the configuration: more than %d tables or lists are in each other", maxDepth)}
	}
	c := Default()
	md, err := toml.Decode(text, c)
	if err != nil {
		return nil, decodeError(name, err)
	}
	if err := unknownKeys(name, text, md.Keys()); err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range c.problems() {
		errs = append(errs, &Error{File: name, Line: locate(text, p.key, p.index), Key: strings.Join(p.key, "."), Text: p.text})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// decodeError puts an error of the library into our form.
func decodeError(name string, err error) error {
	e := &Error{File: name, Text: strings.TrimPrefix(err.Error(), "toml: ")}
	var pe toml.ParseError
	if errors.As(err, &pe) {
		e.Line, e.Key = pe.Position.Line, pe.LastKey
		if e.Text = pe.Message; e.Text == "" { // then it is in the one text, after the position
			_, e.Text, _ = strings.Cut(err.Error(), "): ")
		}
	} else if _, err := fmt.Sscanf(e.Text, "line %d (last key %q):", &e.Line, &e.Key); err == nil {
		// A value of the wrong type, which the library gives as text only.
		_, e.Text, _ = strings.Cut(e.Text, "): ")
	}
	switch {
	case strings.HasPrefix(e.Text, "cannot "): // ours
	case e.Key != "":
		e.Text = "cannot use the value of " + e.Key + ": " + e.Text
	default:
		e.Text = "cannot read this as TOML: " + e.Text
	}
	return e
}

// maxDepth is how many tables or lists may be in each other; the deepest field is
// at three. The library's time grows with the third power of it.
const maxDepth = 16

// tooDeep returns the line where keys or values are nested too deeply, else 0. It
// follows strings and comments as TOML has them; where the text is wrong, the
// library stops before this can have lost its way.
func tooDeep(text string) int {
	line, depth, dots := 1, 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\n':
			line++
			dots = 0
		case '#':
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case '"', '\'':
			quote := text[i : i+1]
			if strings.HasPrefix(text[i:], strings.Repeat(quote, 3)) {
				quote = strings.Repeat(quote, 3)
			}
			for i += len(quote); i < len(text) && !strings.HasPrefix(text[i:], quote); i++ {
				if text[i] == '\\' && c == '"' {
					i++
				} else if text[i] == '\n' && len(quote) == 1 {
					return 0
				}
				if i < len(text) && text[i] == '\n' {
					line++
				}
			}
			i += len(quote) - 1
		case '[', '{':
			depth++
			dots = 0
		case ']', '}':
			depth--
		case '=', ',':
			dots = 0
		case '.':
			dots++
		}
		if depth > maxDepth || dots > maxDepth {
			return line
		}
	}
	return 0
}

// unknownKeys names each key that is no field; not those inside an unknown table.
// The library matches fields in any case; a key here is written one way only.
func unknownKeys(name, text string, keys []toml.Key) error {
	known := make(map[string]bool)
	var names []string
	for _, f := range Describe() {
		known[f.Key] = true
		names = append(names, f.Key)
	}
	said := make(map[string]bool)
	var errs []error
next:
	for _, key := range keys {
		for i := 1; i <= len(key); i++ {
			full := strings.Join(key[:i], ".")
			if known[full] {
				continue
			}
			if !said[full] && len(errs) < 20 {
				said[full] = true
				errs = append(errs, &Error{File: name, Line: locate(text, key[:i], 0), Key: full,
					Text: fmt.Sprintf("cannot use the key %q: there is no such key; the nearest is %q", full, nearest(full, names))})
			}
			continue next
		}
	}
	return errors.Join(errs...)
}

// nearest is the name with the smallest edit distance to word.
func nearest(word string, names []string) string {
	word = word[:min(len(word), 100)]
	best, at := "", 1<<30
	for _, n := range names {
		if d := distance(word, n); d < at {
			best, at = n, d
		}
	}
	return best
}

// distance counts the insertions, deletions and exchanges of bytes between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// locate finds the line of a key, 0 if the file does not have it. With index over
// 0 it is the line of that table, from 1, of an array of tables.
func locate(text string, key []string, index int) int {
	if index > 0 {
		n := 0
		for i, line := range strings.Split(text, "\n") {
			head, ok := strings.CutPrefix(strings.ReplaceAll(strings.TrimSpace(line), " ", ""), "[["+strings.Join(key[:len(key)-1], ".")+"]]")
			if ok && (head == "" || head[0] == '#') {
				if n++; n == index {
					return i + 1
				}
			}
		}
	}
	for ; len(key) > 0; key = key[:len(key)-1] {
		var pe toml.ParseError
		v := reflect.New(failing(key))
		if _, err := toml.Decode(text, v.Interface()); errors.As(err, &pe) {
			return pe.Position.Line
		}
	}
	return 0
}

// failing is a type that the library cannot decode key into: its error has the
// position of the key, which it tells in no other way.
func failing(key []string) reflect.Type {
	t := reflect.TypeFor[refusal]()
	for i := len(key) - 1; i >= 0; i-- {
		if strings.ContainsAny(key[i], ",") || key[i] == "-" {
			t = reflect.TypeFor[struct{}]() // a tag cannot name it
			continue
		}
		if i < len(key)-1 && i == 1 && key[0] == "access" && key[1] == "grant" {
			t = reflect.SliceOf(t)
		}
		t = reflect.StructOf([]reflect.StructField{{Name: "F", Type: t, Tag: reflect.StructTag("toml:" + strconv.Quote(key[i]))}})
	}
	return t
}

type refusal struct{}

// UnmarshalTOML fails always.
func (*refusal) UnmarshalTOML(any) error { return errors.New("here") }
