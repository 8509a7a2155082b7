// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"slices"
	"time"
)

// CommandAccess is what access control says about a command (type Command of
// org.nso.Maapi).
type CommandAccess struct {
	Offered bool `json:"offered"`
	Run     bool `json:"run"`
}

// permits is what access control has said about commands lately.
type permits struct {
	of map[string]CommandAccess
	at time.Time
}

// permitTime is how long an answer holds: a script asks once, and a rule that was
// changed is in force before anybody has typed a line. What a command does to data is
// asked for each time, by the daemon.
const permitTime = time.Second

// free are the commands that everybody may use: the way out, and the list.
func free() []string { return []string{"exit", "quit", "help"} }

// access asks about commands, as their words in full.
func (sh *Shell) access(ctx context.Context, names ...string) (map[string]CommandAccess, error) {
	if now := time.Now(); sh.permits.of == nil || now.Sub(sh.permits.at) > permitTime {
		sh.permits = permits{make(map[string]CommandAccess), now}
	}
	known := sh.permits.of
	var ask []string
	for _, n := range names {
		if _, ok := known[n]; ok {
			continue
		}
		if slices.Contains(free(), n) {
			known[n] = CommandAccess{Offered: true, Run: true}
			continue
		}
		ask = append(ask, n)
	}
	if len(ask) == 0 {
		return known, nil
	}
	answers, err := sh.agent.Commands(ctx, ask)
	if err != nil {
		return nil, err
	}
	for i, n := range ask {
		if i < len(answers) {
			known[n] = answers[i]
		}
	}
	return known, nil
}

// permit refuses a command that the user may not run.
func (sh *Shell) permit(ctx context.Context, cmd *command, args []word, w word) error {
	name, err := sh.fullName(ctx, cmd, args)
	if err != nil {
		return err
	}
	known, err := sh.access(ctx, name)
	if err != nil {
		return err
	}
	if !known[name].Run {
		return at(w.start, w.end, "cannot run "+quoted(name)+": a command rule of access control does not let you")
	}
	return nil
}

func quoted(name string) string { return "\"" + name + "\"" }

// fullName is a command as rules name it: its words in full, without values and paths.
func (sh *Shell) fullName(ctx context.Context, cmd *command, args []word) (string, error) {
	switch {
	case cmd.name == "show" && sh.configuring:
		return "show configuration", nil
	case cmd.name == "run" && len(args) > 0:
		args = args[1:]
		fallthrough
	case cmd.name == "show":
		if len(args) == 0 {
			return "show", nil
		}
		name, err := sh.showWord(ctx, args[0])
		if err != nil || name == "" {
			return "show", err
		}
		return "show " + name, nil
	case cmd.name == "execute" && len(args) > 0 && !args[0].quoted:
		return "execute " + args[0].text, nil
	case cmd.name == "load" && len(args) > 0:
		how, err := pick(args[0], []string{"merge", "replace", wordSet})
		return "load " + how, err
	case cmd.name == "commit":
		var o commitOptions
		// What is wrong with its words the command says itself.
		if _, err := o.read(args, 0); err == nil && o.check {
			return "commit check", nil
		}
	}
	return cmd.name, nil
}

// offered leaves out of commands those that the user is not to be offered.
func (sh *Shell) offered(ctx context.Context, all []command) ([]command, error) {
	var names []string
	for _, c := range all {
		names = append(names, sh.fullNames(c.name)...)
	}
	known, err := sh.access(ctx, names...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c command) bool {
		return !slices.ContainsFunc(sh.fullNames(c.name), func(n string) bool { return known[n].Offered })
	}), nil
}

// fullNames are what a command may come to.
func (sh *Shell) fullNames(name string) []string {
	switch {
	case name == "show" && sh.configuring:
		return []string{"show configuration"}
	case name == "show", name == "run":
		return []string{"show", "show " + wordConfiguration, "show " + wordSessions, "show " + wordStatus}
	case name == "load":
		return []string{"load merge", "load replace", "load " + wordSet}
	case name == "commit":
		return []string{"commit", "commit check"}
	}
	return []string{name}
}

// offerPermitted adds words that go on a command where the user is offered them.
func (sh *Shell) offerPermitted(ctx context.Context, c *Completion, before string, words ...[2]string) error {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = before + " " + w[0]
	}
	known, err := sh.access(ctx, names...)
	if err != nil {
		return err
	}
	for i, w := range words {
		if known[names[i]].Offered {
			c.offer(w[0], w[1])
		}
	}
	return nil
}
