// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Account is a user of the system.
type Account struct {
	Name     string
	UID, GID uint32
	Groups   []string // names of its groups, the primary one first
	Home     string   // "" where it is not known
}

// ErrNoAccount is wrapped when the system knows no such user.
var ErrNoAccount = errors.New("no such account")

// source is one place that knows accounts.
type source interface {
	byUID(ctx context.Context, uid uint32) (Account, error)
	byName(ctx context.Context, name string) (Account, error)
	groupName(ctx context.Context, gid uint32) (string, error) // ErrNoAccount: the group has no name
}

// files are passwd(5) and group(5).
type files struct{ passwd, group string }

const (
	maxAccountFile = 64 << 20
	maxAccountLine = 1 << 20 // group(5) has its members on one line
)

// scan calls each for the entries of a file until it returns false: fields, of
// which an entry has at least n.
func scan(ctx context.Context, path string, n int, each func(fields []string) bool) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxAccountFile {
		return fmt.Errorf("cannot read %s: not a regular file of at most %d MiB", path, maxAccountFile>>20)
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, maxAccountLine)
	for sc.Scan() {
		if err := ctx.Err(); err != nil {
			return err
		}
		line := sc.Text()
		if line == "" || strings.ContainsRune("#+-", rune(line[0])) { // comments, and what NIS would add
			continue
		}
		if fields := strings.Split(line, ":"); len(fields) >= n && !each(fields) {
			return nil
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	return nil
}

func (f files) byUID(ctx context.Context, uid uint32) (Account, error) {
	return f.find(ctx, func(_ string, n uint32) bool { return n == uid })
}

func (f files) byName(ctx context.Context, name string) (Account, error) {
	return f.find(ctx, func(s string, _ uint32) bool { return s == name })
}

// find returns the first account that matches, as getpwent(3) does.
func (f files) find(ctx context.Context, match func(name string, uid uint32) bool) (Account, error) {
	var a Account
	err := scan(ctx, f.passwd, 7, func(fields []string) bool {
		uid, ok1 := parseID(fields[2])
		gid, ok2 := parseID(fields[3])
		if !ok1 || !ok2 || !match(fields[0], uid) {
			return true
		}
		a = Account{Name: fields[0], UID: uid, GID: gid, Home: fields[5]}
		return false
	})
	if err != nil {
		return Account{}, err
	}
	if a.Name == "" {
		return Account{}, ErrNoAccount
	}
	var primary string
	err = scan(ctx, f.group, 4, func(fields []string) bool {
		gid, ok := parseID(fields[2])
		switch {
		case !ok || !validName(fields[0]):
		case gid == a.GID && primary == "":
			primary = fields[0]
		case slices.Contains(strings.Split(fields[3], ","), a.Name):
			a.Groups = append(a.Groups, fields[0])
		}
		return len(a.Groups) < maxGroups
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Account{}, err
	}
	if primary != "" {
		a.Groups = slices.Insert(a.Groups, 0, primary)
	}
	return a, nil
}

func (f files) groupName(ctx context.Context, gid uint32) (string, error) {
	name := ""
	err := scan(ctx, f.group, 4, func(fields []string) bool {
		if n, ok := parseID(fields[2]); ok && n == gid {
			name = fields[0]
		}
		return name == ""
	})
	if err == nil && name == "" {
		err = ErrNoAccount
	}
	return name, err
}

// parseID reads a uid or gid as digits alone; -1 is none.
func parseID(text string) (uint32, bool) {
	if text == "" || len(text) > 10 {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && uint32(n) != NoUID
}

// validName reports whether a user or group can be called that: what a line of
// passwd(5), of the log and of the header can hold.
func validName(name string) bool {
	return name != "" && len(name) <= 256 && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return strings.ContainsRune(":;,/", r) || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}
