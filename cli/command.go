// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
)

// command is one verb of a mode.
type command struct {
	name, usage, help string
	prints            bool // its output can go through |
	run               func(sh *Shell, ctx context.Context, in *invocation) error
	complete          func(sh *Shell, ctx context.Context, words []word, c *Completion) error
}

// commands are the verbs of the present mode, in the order of help.
func (sh *Shell) commands() []command {
	if sh.configuring {
		return configuration()
	}
	return sh.operations()
}

// operations are the verbs of operational mode, with that for programs where there is a
// way to them.
func (sh *Shell) operations() []command {
	all := operational()
	if sh.dial == nil {
		all = slices.DeleteFunc(all, func(c command) bool { return c.name == "execute" })
	}
	return all
}

func operational() []command {
	return []command{
		{"configure", "", "enter configuration mode", false, (*Shell).configure, completeNone},
		{"execute", "COMMAND [ARGUMENT VALUE]...", "run a program outside of the daemon", true, (*Shell).execProgram, (*Shell).completeExecute},
		{"exit", "", "leave", false, (*Shell).exit, completeNone},
		{"help", "", "this list", true, (*Shell).help, completeNone},
		{"quit", "", "leave", false, (*Shell).exit, completeNone},
		{"request", "[PATH...] OPERATION [INPUT...]", "do an rpc or action of the models", true, (*Shell).request, (*Shell).completeRequest},
		{"set", "cli display curly | set", "choose how configuration and data are shown", false, (*Shell).setDisplay, (*Shell).completeDisplay},
		{"show", "[configuration | sessions | status] [PATH...]", "show data, the configuration alone, sessions or the daemon", true, (*Shell).show, (*Shell).completeShow},
	}
}

func configuration() []command {
	return []command{
		{"commit", "[check | comment TEXT | label TEXT | force | and-quit]...", "make the changes effective", false, (*Shell).commit, (*Shell).completeCommit},
		{"compare", "", "show the changes", true, (*Shell).compare, completeNone},
		{"copy", "PATH... KEY... to KEY...", "make an entry of a list like another one", false, (*Shell).copyEntry, (*Shell).completeTwoEntries},
		{"delete", "PATH...", "delete what is there", false, (*Shell).delete, pathCompletion(toDelete)},
		{"edit", "PATH...", "go to a container or list entry", false, (*Shell).edit, pathCompletion(toEdit)},
		{"exit", "[configuration-mode]", "go back, or leave configuration mode", false, (*Shell).exit, (*Shell).completeExit},
		{"help", "", "this list", true, (*Shell).help, completeNone},
		{"insert", "PATH... first | last | before KEY... | after KEY...", "move an entry of a list that the user orders", false, (*Shell).insert, (*Shell).completeInsert},
		{"load", "merge | replace xml | json FILE, or set FILE", "load a file, or from the terminal", false, (*Shell).load, (*Shell).completeLoad},
		{"quit", "", "go back, or leave configuration mode", false, (*Shell).exit, (*Shell).completeExit},
		{"rename", "PATH... KEY... to KEY...", "give an entry of a list other keys", false, (*Shell).rename, (*Shell).completeTwoEntries},
		{"rollback", "", "give up the changes", false, (*Shell).rollback, completeNone},
		{"run", "COMMAND...", "run a command of operational mode", true, (*Shell).run, (*Shell).completeRun},
		{"save", "set | json | xml | curly FILE", "write the configuration from here on to a file", false, (*Shell).save, (*Shell).completeSave},
		{"set", "PATH... [VALUE]", "set a value, or make an entry", false, (*Shell).set, pathCompletion(toSet)},
		{"show", "[PATH...]", "show the configuration with the changes", true, (*Shell).showEdited, (*Shell).completeShowEdited},
		{"status", "", "who else is here, and what is not committed", true, (*Shell).editing, completeNone},
		{"top", "", "go to the top", false, (*Shell).goTop, completeNone},
		{"up", "[NUMBER]", "go up one level", false, (*Shell).goUp, completeUp},
		{"validate", "", "check the configuration with the changes", false, (*Shell).validate, completeNone},
	}
}

// command finds the verb that a word is.
func (sh *Shell) command(w word) (*command, error) {
	all := sh.commands()
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	name, err := pick(w, names)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].name == name {
			return &all[i], nil
		}
	}
	return nil, err
}

func (sh *Shell) help(ctx context.Context, in *invocation) error {
	if err := in.none(); err != nil {
		return err
	}
	all, err := sh.offered(ctx, sh.commands())
	if err != nil {
		return err
	}
	for _, c := range all {
		usage := c.name
		if c.usage != "" {
			usage += " " + c.usage
		}
		if len(usage) > 24 {
			fmt.Fprintf(in.out, "  %s\n  %-24s  %s\n", usage, "", c.help)
		} else {
			fmt.Fprintf(in.out, "  %-24s  %s\n", usage, c.help)
		}
	}
	_, err = fmt.Fprint(in.out, "? shows what can follow, Tab completes it; | pipes output: match, except, find, count, last, save, display.\n")
	return err
}

func completeNone(_ *Shell, _ context.Context, words []word, c *Completion) error {
	if len(words) == 0 {
		c.hint(enter, "run this")
	}
	return nil
}

func pathCompletion(p purpose) func(*Shell, context.Context, []word, *Completion) error {
	return func(sh *Shell, ctx context.Context, words []word, c *Completion) error {
		_, err := sh.completePath(ctx, words, p, c)
		return err
	}
}
