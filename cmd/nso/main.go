// SPDX-License-Identifier: Apache-2.0

// Command nso is the operator's and the developer's tool: it runs an instance,
// is its command line, and asks and steers the daemon over the IPC socket, all
// with the rights of the caller.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// version is set by the linker.
var version = "unknown"

// command is one subcommand of nso.
type command struct {
	name, usage, help string
	run               func(ctx context.Context, t *tool) error
}

func commands() []command {
	return []command{
		{"run", "[--dir DIR] [--config FILE] ...", "run an instance of your own, and its command line", runInstance},
		{"cli", "[-u USER] [--recovery] [--no-files] [-c COMMAND]...", "the command line; commands from a pipe too", runCLI},
		{"status", "[--json]", "what the daemon says of itself", status},
		{"sessions", "[--json]", "who is logged in", sessions},
		{"kick", "ID [REASON]", "end a session", kick},
		{"reload", "[--json]", "put an edited nso.toml in force", reload},
		{"log-level", "[--json] [debug|info|warn|error]", "what the daemon logs, or change it until it restarts", logLevel},
		{"stop", "", "end the daemon", stop},
		{"doctor", "[--json]", "look at this machine, and say what is wrong and what to do; exit status 0 or 1", healthy},
		{"check", "[--json] FILE", "read nso.toml, and print what was understood", check},
		{"units", "[--diff] [--config FILE]", "print the unit files of nso.toml, or how they differ from those of this machine; exit status 0, 1 (they differ) or 2", printUnits},
		{"schema check", "[--path DIR]... [--strict] FILE...", "read YANG modules, and say what is wrong with them", schemaCheck},
		{"schema tree", "[--path DIR]... [--groupings] [--depth N] FILE...", "draw the tree of a module (RFC 8340)", schemaTree},
		{"schema diff", "[--path DIR]... [--all] OLD NEW", "say which changes of a module RFC 7950, section 11, forbids; exit status 0 or 1", schemaDiff},
		{"data validate", "[--path DIR]... [--module M]... [--type config|data|rpc|reply|notification] [--data FILE] [--json] FILE", "say what is wrong with a configuration or other data, in XML or JSON", dataValidate},
		{"data convert", "[--path DIR]... [--module M]... --to xml|json [--with-defaults all|explicit|trim|all-tagged] FILE", "write data in another encoding", dataConvert},
		{"data diff", "[--path DIR]... [--module M]... [--set | --json] A B", "say what B changes in A; exit status 0, 1 (it differs) or 2", dataDiff},
		{"data xpath", "[--path DIR]... [--module M]... --data FILE [--json] EXPR", "evaluate an XPath expression on data", dataXPath},
		{"exec list", "[--json] [FOLDER]", "the rules of what nso may run as another user", execList},
		{"exec check", "[FOLDER]", "say what is wrong with the rules and with the programs that they name; exit status 0 or 1", execCheck},
		{"exec explain", "[--user USER] [--groups GROUP,...] RULE [NAME=VALUE]...", "say who may run a rule, and what it would run", execExplain},
		{"exec run", "RULE [NAME=VALUE]...", "run what a rule allows you; the exit status is the program's", execRun},
		{"exec allow", "[--terminal] USER", "let nso run commands as an account", execAllow},
		{"exec deny", "[--terminal] USER", "take that back, and end what runs", execDeny},
		{"netconf", "", "a raw NETCONF session on standard input and output", netconf},
		{"whoami", "[--json]", "who the daemon takes you for", whoami},
		{"explain nacm", "[--json] USER read|create|update|delete|exec|notify|command PATH", "whether access control lets a user do something, and what decides", explainAccess},
		{"explain login", "[--json] [USER]", "what a login of a user would come to, without one", explainLogin},
		{"completion", "bash|zsh|fish", "what makes a shell complete these command lines", completion},
		{"version", "", "print the version", printVersion},
		{"help", "", "this list", help},
	}
}

// tool is one invocation of a subcommand.
type tool struct {
	name     string
	args     []string
	in       *os.File
	out, err io.Writer
	json     bool
}

// usageError is a wrong invocation: exit status 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// exitStatus is an exit status of a command that has said all itself.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	args := byName(os.Args[0], os.Getenv("SHELL"), os.Args[1:])
	os.Exit(dispatch(context.Background(), args, os.Stdin, os.Stdout, os.Stderr))
}

// dispatch runs one command line and returns the exit status.
func dispatch(ctx context.Context, args []string, in *os.File, out, errs io.Writer) int {
	err := find(args, func(c command, rest []string) error {
		return c.run(ctx, &tool{name: c.name, args: rest, in: in, out: out, err: errs})
	})
	var usage *usageError
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &usage):
		fmt.Fprintf(errs, "nso: %v\n", err)
		return 2
	}
	fmt.Fprintf(errs, "nso: %v\n", err)
	return 1
}

func find(args []string, run func(command, []string) error) error {
	if len(args) == 0 {
		return &usageError{"cannot run without a command; \"nso help\" lists them"}
	}
	name := args[0]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-version", "--version":
		name = "version"
	}
	for _, c := range commands() {
		switch first, second, _ := strings.Cut(c.name, " "); {
		case first != name:
		case second == "":
			return run(c, args[1:])
		case len(args) > 1 && args[1] == second:
			return run(c, args[2:])
		}
	}
	return &usageError{fmt.Sprintf("cannot run %q: there is no such command; \"nso help\" lists them", name)}
}

// flags makes the set of flags of a command, with --json if it has that.
func (t *tool) flags(withJSON bool) *flag.FlagSet {
	fs := flag.NewFlagSet("nso "+t.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	if withJSON {
		fs.BoolVar(&t.json, "json", false, "")
	}
	return fs
}

// parse reads the flags and checks the number of arguments that are left.
func (t *tool) parse(fs *flag.FlagSet, least, most int) error {
	err := fs.Parse(t.args)
	if err == nil {
		switch t.args = fs.Args(); {
		case len(t.args) < least:
			err = errors.New("an argument is missing")
		case len(t.args) > most:
			err = fmt.Errorf("%q is too much", t.args[most])
		default:
			return nil
		}
	}
	return &usageError{fmt.Sprintf("cannot run %s: %v; use: %s", t.name, err, t.usage())}
}

func (t *tool) usage() string {
	for _, c := range commands() {
		if c.name == t.name {
			return strings.TrimSpace("nso " + c.name + " " + c.usage)
		}
	}
	return "nso help"
}

func printVersion(_ context.Context, t *tool) error {
	if err := t.parse(t.flags(false), 0, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(t.out, "nso", version)
	return err
}

func help(_ context.Context, t *tool) error {
	fmt.Fprint(t.out, "nso, a network-management daemon that is never root\n\n")
	for _, c := range commands() {
		use := strings.TrimSpace("nso " + c.name + " " + c.usage)
		if len(use) > 38 { // its help stands below it
			use += fmt.Sprintf("\n  %38s", "")
		}
		fmt.Fprintf(t.out, "  %-38s %s\n", use, c.help)
	}
	_, err := fmt.Fprint(t.out, "\nThe daemon's socket is /run/nso/ipc, or that of your own instance, or what NSO_IPC_PATH says.\n")
	return err
}
