// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"nso.example/nso/cli"
	"nso.example/nso/config"
	"nso.example/nso/exec/bind"
	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/program"
	"nso.example/nso/exec/rule"
	"nso.example/nso/yang/load"
)

// execRule is what is said of a rule with --json.
type execRule struct {
	Name        string   `json:"name"`
	File        string   `json:"file"`
	Line        int      `json:"line"`
	Description string   `json:"description,omitempty"`
	Program     string   `json:"program"`
	Arguments   []string `json:"arguments,omitempty"`
	RunAs       string   `json:"runAs"`
	Users       []string `json:"users,omitempty"`
	Groups      []string `json:"groups,omitempty"`
	Terminal    bool     `json:"terminal,omitempty"`
	Operations  []string `json:"operations,omitempty"`
	Validate    []string `json:"validate,omitempty"`
	IPC         []string `json:"ipc,omitempty"`
}

// execFolders are the folders of rules of this machine, or the one that was given.
func execFolders(args []string) []*folder.Folder {
	if len(args) > 0 {
		return []*folder.Folder{{Path: strings.TrimSuffix(args[0], "/"), Owner: uint32(os.Getuid())}}
	}
	return []*folder.Folder{{Path: folder.Commands}, {Path: folder.AsRoot}}
}

// execList prints the rules, and whom they are for.
func execList(_ context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 1); err != nil {
		return err
	}
	list := []execRule{}
	var errs []error
	for _, f := range execFolders(t.args) {
		s := f.Read()
		for _, r := range s.Sorted() {
			list = append(list, execRule{r.Name, r.File, r.Line, r.Description, r.Program, r.Arguments, r.RunAs, r.Users, r.Groups, r.Terminal, r.Operations, r.Validate, r.IPC})
		}
		errs = append(errs, execErrors(s)...)
	}
	if t.json {
		if err := cli.WriteJSON(t.out, list); err != nil {
			return err
		}
		return execStatus(t, errs)
	}
	for _, r := range list {
		who := slices.Clone(r.Users)
		for _, g := range r.Groups {
			who = append(who, "%"+g)
		}
		whom := strings.Join(who, ",")
		switch {
		case len(r.Validate) > 0:
			whom = "commits"
		case whom == "":
			whom = "nobody"
		}
		how := ""
		if r.Terminal {
			how = ", with a terminal"
		}
		fmt.Fprintf(t.out, "%-20s as %s, for %s%s\n", r.Name, r.RunAs, whom, how)
		if r.Description != "" {
			fmt.Fprintf(t.out, "%20s %s\n", "", r.Description)
		}
		fmt.Fprintf(t.out, "%20s %s\n", "", strings.Join(append([]string{r.Program}, r.Arguments...), " "))
		for _, text := range execServes(r.Operations, r.Validate, r.IPC) {
			fmt.Fprintf(t.out, "%20s %s\n", "", text)
		}
	}
	return execStatus(t, errs)
}

// execServes says what a rule does that is no command, and what its connection may.
func execServes(operations, validate, ipc []string) (lines []string) {
	for _, p := range operations {
		if p == rule.Named {
			p = "what models name it for"
		}
		lines = append(lines, "does "+p)
	}
	for _, p := range validate {
		lines = append(lines, "validates "+p)
	}
	if ipc != nil {
		lines = append(lines, "may call "+strings.Join(append([]string{"the daemon"}, ipc...), " "))
	}
	return lines
}

// execBound says what is wrong with what rules are bound to in the models of this
// machine. The error says that these cannot be read.
func execBound(rules map[string]*rule.Rule) ([]string, error) {
	c, _, err := config.InForce(config.Applied, config.File)
	if errors.Is(err, fs.ErrNotExist) {
		c, err = config.Default(), nil
	}
	if err != nil {
		return nil, err
	}
	s, _, err := load.Schema(c.YANG.Path)
	if err != nil {
		return nil, err
	}
	return bind.Mistakes(rules, s), nil
}

// execErrors are the errors of a set, but that a folder is not there: a package or a
// site need not have it.
func execErrors(s *folder.Set) []error {
	return slices.DeleteFunc(slices.Clone(s.Errs), folder.Missing)
}

// execStatus prints errors, and is exit status 1 if there are any.
func execStatus(t *tool, errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	for _, err := range errs {
		fmt.Fprintln(t.err, err)
	}
	return exitStatus(1)
}

// execCheck says what is wrong with the rules, and with the programs that they name.
func execCheck(_ context.Context, t *tool) error {
	if err := t.parse(t.flags(false), 0, 1); err != nil {
		return err
	}
	var errs []error
	n, all := 0, make(map[string]*rule.Rule)
	for _, f := range execFolders(t.args) {
		s := f.Read()
		errs = append(errs, execErrors(s)...)
		for _, r := range s.Sorted() {
			n++
			all[r.Name] = r
			for _, text := range execLint(r, filepath.Clean(f.Path) == folder.AsRoot) {
				errs = append(errs, &rule.Error{File: r.File, Line: r.Line, Text: r.Name + ": " + text})
			}
		}
	}
	bound, err := execBound(all)
	if err != nil {
		errs = append(errs, fmt.Errorf("cannot tell what the rules are bound to: %w", err))
	}
	for _, text := range bound {
		errs = append(errs, errors.New(text))
	}
	if err := execStatus(t, errs); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%d rules, and nothing to say of them\n", n)
	return err
}

// execLint is what the helper would find when the rule is used, and what is unwise.
func execLint(r *rule.Rule, asRoot bool) (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	uid := uint32(0)
	switch {
	case asRoot && r.RunAs != rule.Root:
		say("it runs as %s, and %s is for what runs as root; move it to %s", r.RunAs, folder.AsRoot, folder.Commands)
	case !asRoot && r.RunAs == rule.Root:
		say("it runs as root, which no unit does that reads this folder; move it to %s", folder.AsRoot)
	case r.RunAs != rule.Caller && r.RunAs != rule.Root:
		u, err := user.Lookup(r.RunAs)
		if err != nil {
			say("cannot find the account %s that it runs as", r.RunAs)
			break
		}
		n, _ := strconv.ParseUint(u.Uid, 10, 32)
		uid = uint32(n)
	}
	p, err := program.Open(r.Program, uid)
	if err != nil {
		say("%v", err)
	} else {
		p.Close()
	}
	if len(r.Users)+len(r.Groups)+len(r.Validate) == 0 {
		say("it is for nobody: add users or groups")
	}
	if d := r.Directory; d != "home" {
		if info, err := os.Stat(d); err != nil && !errors.Is(err, fs.ErrPermission) {
			say("cannot use the folder %s: %v", d, err)
		} else if err == nil && !info.IsDir() {
			say("cannot use the folder %s: it is none", d)
		}
	}
	if slices.Contains([]string{"sh", "bash", "dash", "zsh", "ksh", "python3", "perl", "env"}, filepath.Base(r.Program)) && !r.Terminal {
		for name, a := range r.Argument {
			if (a.Type == rule.Text || a.Type == rule.String) && a.Pattern == nil {
				say("whoever may run it says with %s what %s does; give it a pattern", name, r.Program)
			}
		}
	}
	for name, a := range r.Argument {
		if a.Secret {
			say("%s is a secret, and arguments can be seen by all users of the machine; have the program read it from its input", name)
		}
	}
	slices.Sort(found)
	return found
}

// execExplain says what a rule would run, of values NAME=VALUE.
func execExplain(_ context.Context, t *tool) error {
	fset := t.flags(false)
	as := fset.String("user", "", "")
	groups := fset.String("groups", "", "")
	if err := t.parse(fset, 1, 100); err != nil {
		return err
	}
	var r *rule.Rule
	var errs []error
	for _, f := range execFolders(nil) {
		s := f.Read()
		errs = append(errs, execErrors(s)...)
		if r == nil {
			r = s.Rules[t.args[0]]
		}
	}
	if r == nil {
		for _, err := range errs {
			fmt.Fprintln(t.err, err)
		}
		return fmt.Errorf("cannot explain %q: there is no rule of that name that can be used", t.args[0])
	}
	fmt.Fprintf(t.out, "%s is at %s:%d\n", r.Name, r.File, r.Line)
	if *as != "" {
		var in []string
		if *groups != "" {
			in = strings.Split(*groups, ",")
		}
		ok, why := r.Allows(*as, in)
		fmt.Fprintf(t.out, "%s may run it: %s; %s\n", *as, map[bool]string{true: "yes", false: "no"}[ok], why)
	}
	for _, text := range execServes(r.Operations, r.Validate, r.IPC) {
		fmt.Fprintf(t.out, "it %s\n", text)
	}
	if len(r.Operations) > 0 {
		fmt.Fprintf(t.out, "its input is %s beside the arguments, its output %s\n", r.Input, r.Output)
	}
	whom, unit := r.RunAs, "nso-exec"
	if whom == rule.Caller {
		if whom = *as; whom == "" {
			whom = "USER"
		}
	}
	if r.Terminal {
		unit = "nso-pty"
	}
	if r.RunAs == rule.Root {
		fmt.Fprintf(t.out, "it runs as root, in %s-root.service\n", unit)
	} else {
		fmt.Fprintf(t.out, "it runs as %s, in %s@%s.service\n", r.RunAs, unit, whom)
	}
	values := make(map[string][]string)
	for _, a := range t.args[1:] {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return &usageError{fmt.Sprintf("cannot use %q: write NAME=VALUE; use: %s", a, t.usage())}
		}
		values[name] = append(values[name], value)
	}
	_, shown, err := r.Argv(values)
	if err != nil {
		return err
	}
	for i, a := range shown {
		fmt.Fprintf(t.out, "argument %d: %q\n", i, a)
	}
	env, err := r.Environ(rule.Account{Name: whom, Home: "HOME OF " + whom, Root: r.RunAs == rule.Root}, rule.Asker{User: *as}, nil)
	if err != nil {
		return err
	}
	for _, e := range env {
		fmt.Fprintf(t.out, "environment: %s\n", e)
	}
	fmt.Fprintf(t.out, "folder %s, umask %04o, for %v at most\n", r.Directory, r.Umask, r.Deadline)
	return nil
}

// execAllow lets nso run commands as an account: it enables and starts the socket.
func execAllow(ctx context.Context, t *tool) error { return execEnable(ctx, t, true) }

// execDeny takes that back, and ends what runs.
func execDeny(ctx context.Context, t *tool) error { return execEnable(ctx, t, false) }

func execEnable(ctx context.Context, t *tool, allow bool) error {
	fset := t.flags(false)
	terminal := fset.Bool("terminal", false, "")
	if err := t.parse(fset, 1, 1); err != nil {
		return err
	}
	name, unit := t.args[0], "nso-exec@"
	if *terminal {
		unit = "nso-pty@"
	}
	if !rule.ValidUser(name) || name == rule.Root {
		return fmt.Errorf("cannot use the account %q: it has letters a-z, digits, \"_\", \"-\" and \".\", is no number and not root; for root there is %s-root.socket, which root enables with systemctl: whoever controls the daemon can then do as root all that the rules in /etc/nso/exec-root.d allow", name, strings.TrimSuffix(unit, "@"))
	}
	unit += name
	commands := [][]string{{"disable", "--now", unit + ".socket"}, {"stop", unit + ".service"}}
	if allow {
		if u, err := user.Lookup(name); err != nil {
			return fmt.Errorf("cannot find the account %s: %w", name, err)
		} else if u.Uid == "0" {
			return fmt.Errorf("cannot use the account %s: it is root by another name", name)
		}
		commands = [][]string{{"enable", "--now", unit + ".socket"}}
	}
	for _, args := range commands {
		cmd := exec.CommandContext(ctx, "systemctl", args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = t.in, t.out, t.err // it may ask for a password
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("cannot change who nso runs commands as: systemctl %s: %w; do it as root", strings.Join(args, " "), err)
		}
	}
	return nil
}
