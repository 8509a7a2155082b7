// SPDX-License-Identifier: Apache-2.0

package packages

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nso.example/nso/config"
)

// TestConfigurationPage: the page nso.toml(5) says what config says of its fields.
func TestConfigurationPage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`% "NSO.TOML" "5" "@DATE@" "nso @VERSION@" "nso"

# NAME

nso.toml - configuration of the network management daemon nsod

# SYNOPSIS

*/etc/nso/nso.toml*

*/run/nso/applied.toml*

# DESCRIPTION

What root decides about **nsod**(8) before it starts, in TOML 1.0. Everything else is
data in its database.

An edit of */etc/nso/nso.toml* has no effect before **nso reload**, which checks it and
copies it to */run/nso/applied.toml*. That copy is what the daemon and
**nso-generator**(8) read; it is made of the file at boot and at installation.

A key that is not listed here is an error, which names the line and what was probably
meant. **nso check** *FILE* prints what is understood. The file must belong to root and
be writable for nobody else; the group **nso** must be able to read it.

Sizes are numbers with a unit, as in "64 MiB"; time spans are as in "90s", "10m" or
"1h30m"; addresses are numbers with a port, as in "192.0.2.1:830" or "[::]:830".

# KEYS
`)
	// The names of the tables stand in headings, as TOML has them.
	for _, f := range config.Describe() {
		switch {
		case f.Array:
			fmt.Fprintf(&b, "\n## [[%s]]\n\n%s\n", f.Key, plain(f.Doc))
		case f.Table:
			fmt.Fprintf(&b, "\n## [%s]\n\n%s\n", f.Key, plain(f.Doc))
		default:
			fmt.Fprintf(&b, "\n**%s** (%s, default %s)\n:   %s\n", f.Key[strings.LastIndexByte(f.Key, '.')+1:], f.Type, plain(f.Default), plain(f.Doc))
		}
	}
	b.WriteString(`
# EXAMPLES

NETCONF in clear on loopback, and an administrator beside root:

    [listen.netconf-tcp]
    enabled = true

    [access]
    admins = ["root", "ann"]

# FILES

*/etc/nso/nso.toml*
:   What the administrator edits.

*/run/nso/applied.toml*
:   What is in force.

*/etc/nso/yang*
:   YANG modules of this site, as installed.

# SEE ALSO

**nso-check**(1), **nso-doctor**(1), **nso-reload**(1), **nso-login**(5), **nso.socket**(5), **nsod**(8)
`)
	golden(t, "../../docs/man/nso.toml.5.md", b.String())
}

// plain keeps Markdown from reading a text.
func plain(s string) string {
	return regexp.MustCompile("[*_`<>\\[\\]\\\\]").ReplaceAllString(s, `\$0`)
}

// pages are the manual pages of all packages: "nso.1" to roff.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, name := range names {
		for path, e := range contents(t, name) {
			page, ok := strings.CutSuffix(filepath.Base(path), ".gz")
			if !ok || !strings.HasPrefix(path, "/usr/share/man/man") {
				continue
			}
			if path != "/usr/share/man/man"+page[len(page)-1:]+"/"+page+".gz" {
				t.Errorf("%s lies in the wrong folder", path)
			}
			z, err := gzip.NewReader(bytes.NewReader(e.data))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			all[page] = string(text)
		}
	}
	return all
}

// TestPages: each command of nso, each unit, each program and each page that a unit or
// the journal's catalogue names has its page, and that of a command names its options.
func TestPages(t *testing.T) {
	all := pages(t)
	// resolve follows ".so man1/nso.1".
	resolve := func(page string) (string, bool) {
		text, ok := all[page]
		if other, is := strings.CutPrefix(text, ".so "); is {
			text, ok = all[filepath.Base(strings.TrimSpace(other))]
		}
		return text, ok
	}

	help, err := exec.Command(filepath.Join(made.source, "bin", "nso"), "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, m := range regexp.MustCompile(`(?m)^  nso (\S+)( [a-z]+\b)?(.*)$`).FindAllStringSubmatch(string(help), -1) {
		page := "nso-" + m[1] + ".1"
		if m[1] == "schema" || m[1] == "data" {
			page = "nso-" + m[1] + "-" + strings.TrimSpace(m[2]) + ".1"
		}
		commands++
		text, ok := resolve(page)
		if !ok {
			t.Errorf("nso %s has no page %s", m[1], page)
			continue
		}
		text = strings.ReplaceAll(text, `\-`, "-")
		for _, option := range regexp.MustCompile(`--?[a-z][a-z-]*`).FindAllString(m[3], -1) {
			if strings.HasPrefix(option, "-") && !strings.Contains(text, option) {
				t.Errorf("%s does not know %s", page, option)
			}
		}
	}
	if commands < 20 {
		t.Errorf("nso help lists %d commands:\n%s", commands, help)
	}

	named := regexp.MustCompile(`man:([\w.@-]+)\((\d)\)`)
	for _, name := range names {
		for unit, text := range unitsIn(t, name) {
			if _, ok := resolve(unit + ".5"); !ok {
				if _, ok := resolve(unit + ".8"); !ok {
					t.Errorf("%s has no page", unit)
				}
			}
			for _, m := range named.FindAllStringSubmatch(text, -1) {
				if _, ok := resolve(m[1] + "." + m[2]); !ok {
					t.Errorf("%s names %s, which there is not", unit, m[0])
				}
			}
		}
		for path, e := range contents(t, name) {
			base := filepath.Base(path)
			if dir := filepath.Dir(path); strings.HasSuffix(dir, "bin") || dir == "/usr/libexec/nso" || strings.HasSuffix(dir, "-generators") {
				if _, ok := resolve(base + ".8"); !ok {
					if _, ok := resolve(base + ".1"); !ok {
						t.Errorf("%s has no page", path)
					}
				}
			}
			if strings.HasPrefix(path, "/usr/lib/systemd/catalog/") {
				for _, m := range named.FindAllStringSubmatch(string(e.data), -1) {
					if _, ok := resolve(m[1] + "." + m[2]); !ok {
						t.Errorf("%s names %s, which there is not", path, m[0])
					}
				}
			}
		}
	}
	// Pages refer to pages that there are.
	for page, text := range all {
		for _, m := range regexp.MustCompile(`\\fB(nso[\w.@\\-]*)\\fP\((\d)\)`).FindAllStringSubmatch(text, -1) {
			if _, ok := resolve(strings.ReplaceAll(m[1], `\`, "") + "." + m[2]); !ok {
				t.Errorf("%s names %s(%s), which there is not", page, m[1], m[2])
			}
		}
	}
}

// TestPagesAreClean: man and mandoc have nothing to say of the pages.
func TestPagesAreClean(t *testing.T) {
	dir := t.TempDir()
	for page, text := range pages(t) {
		if err := os.WriteFile(filepath.Join(dir, page), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		tool    string
		command string
	}{
		{"man", `for p in *.[0-9]; do man --warnings -E UTF-8 -l -Tutf8 -Z "$p" 2>&1 >/dev/null | grep -v '^ *$' | sed "s/^/$p: /"; done`},
		{"mandoc", `for p in *.[0-9]; do grep -q '^\.so' "$p" || mandoc -T lint -W warning "$p"; done`},
	} {
		t.Run(c.tool, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skipf("%s is not here to read the manual pages: test/setup test installs it as root", c.tool)
			}
			cmd := exec.Command("sh", "-c", c.command)
			cmd.Dir = dir
			// A redirection from section to section is looked up where man looks.
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=", "MANWIDTH=80")
			out, _ := cmd.CombinedOutput()
			for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
				if line != "" && !strings.Contains(line, "can't open") {
					t.Error(line)
				}
			}
		})
	}
}
