// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
)

// completion writes what makes a shell complete the command lines of nso, out of
// the same table that nso runs.
func completion(_ context.Context, t *tool) error {
	if err := t.parse(t.flags(false), 1, 1); err != nil {
		return err
	}
	var text string
	switch t.args[0] {
	case "bash":
		text = completeBash()
	case "zsh":
		text = completeZsh()
	case "fish":
		text = completeFish()
	default:
		return &usageError{fmt.Sprintf("cannot complete for %q; use: %s", t.args[0], t.usage())}
	}
	_, err := fmt.Fprint(t.out, text)
	return err
}

// option is a word of a command line that is known beforehand.
type option struct {
	name   string   // "--to"; "" for an argument
	value  string   // what follows it, as the usage says: "DIR"; "" for nothing
	values []string // or one of these
}

// options reads the usage of a command: "[--path DIR]... --to xml|json FILE".
func (c command) options() (all []option) {
	words := strings.Fields(strings.NewReplacer("[", " ", "]", " ", " | ", " ", "...", " ").Replace(c.usage))
	for i := 0; i < len(words); i++ {
		var o option
		if strings.HasPrefix(words[i], "-") {
			o.name = words[i]
			if i+1 == len(words) || strings.HasPrefix(words[i+1], "-") || !follows(c.usage, words[i], words[i+1]) {
				all = append(all, o)
				continue
			}
			i++
		}
		if o.value = words[i]; strings.ToUpper(o.value) != o.value {
			o.value, o.values = "", strings.Split(words[i], "|")
		}
		all = append(all, o)
	}
	return all
}

// follows tells whether a usage has the two words side by side, with no bracket
// between them: then the second is the value of the first.
func follows(usage, first, second string) bool { return strings.Contains(usage, first+" "+second) }

// takesFile tells whether an argument or a value, as the usage calls it, is a file.
func takesFile(value string) bool {
	switch value {
	case "FILE", "OLD", "NEW", "A", "B":
		return true
	}
	return false
}

// groups returns the first words of the commands in their order, with the second
// words of those that have some.
func groups() (first []string, second map[string][]command) {
	second = make(map[string][]command)
	seen := make(map[string]bool)
	for _, c := range commands() {
		name, rest, two := strings.Cut(c.name, " ")
		if !seen[name] {
			seen[name] = true
			first = append(first, name)
		}
		if two {
			c.name = rest
			second[name] = append(second[name], c)
		}
	}
	return first, second
}

// about is the help of a first word.
func about(name string) string {
	for _, c := range commands() {
		if c.name == name {
			return c.help
		}
	}
	_, second := groups()
	var names []string
	for _, c := range second[name] {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// single puts text between single quotes, as all three shells read them.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func namesOf(cs []command) (all []string) {
	for _, c := range cs {
		all = append(all, c.name)
	}
	return all
}

// flagsOf are the names of the options, and whether a file can follow.
func flagsOf(c command) (flags []string, files bool) {
	for _, o := range c.options() {
		if o.name != "" {
			flags = append(flags, o.name)
		} else {
			flags = append(flags, o.values...)
			files = files || takesFile(o.value)
		}
	}
	return flags, files
}

func completeBash() string {
	var b strings.Builder
	first, second := groups()
	b.WriteString("# bash completion for nso\n\n_nso() {\n" +
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} key=${COMP_WORDS[1]} words= files=\n" +
		"\tCOMPREPLY=()\n" +
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n")
	fmt.Fprintf(&b, "\t\tCOMPREPLY=($(compgen -W %s -- \"$cur\"))\n\t\treturn\n\tfi\n", single(strings.Join(first, " ")))
	b.WriteString("\tcase $key in\n")
	for _, name := range first {
		if cs := second[name]; cs != nil {
			fmt.Fprintf(&b, "\t%s)\n\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n\t\t\tCOMPREPLY=($(compgen -W %s -- \"$cur\"))\n\t\t\treturn\n\t\tfi\n\t\tkey=\"$key ${COMP_WORDS[2]}\"\n\t\t;;\n",
				name, single(strings.Join(namesOf(cs), " ")))
		}
	}
	b.WriteString("\tesac\n\tcase \"$key $prev\" in\n")
	for _, c := range commands() {
		for _, o := range c.options() {
			switch {
			case o.name == "":
			case o.values != nil:
				fmt.Fprintf(&b, "\t%s)\n\t\tCOMPREPLY=($(compgen -W %s -- \"$cur\"))\n\t\treturn\n\t\t;;\n", single(c.name+" "+o.name), single(strings.Join(o.values, " ")))
			case o.value == "DIR":
				fmt.Fprintf(&b, "\t%s)\n\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n\t\treturn\n\t\t;;\n", single(c.name+" "+o.name))
			case takesFile(o.value):
				fmt.Fprintf(&b, "\t%s)\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n\t\treturn\n\t\t;;\n", single(c.name+" "+o.name))
			case o.value != "":
				fmt.Fprintf(&b, "\t%s)\n\t\treturn\n\t\t;;\n", single(c.name+" "+o.name))
			}
		}
	}
	b.WriteString("\tesac\n\tcase $key in\n")
	for _, c := range commands() {
		if flags, files := flagsOf(c); len(flags) > 0 || files {
			fmt.Fprintf(&b, "\t%s) words=%s", single(c.name), single(strings.Join(flags, " ")))
			if files {
				b.WriteString(" files=1")
			}
			b.WriteString(" ;;\n")
		}
	}
	b.WriteString("\tesac\n" +
		"\tif [ -n \"$files\" ]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\"; compgen -f -- \"$cur\")\n" +
		"\telse\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\tfi\n}\n\ncomplete -o filenames -F _nso nso\n")
	return b.String()
}

func completeZsh() string {
	var b strings.Builder
	first, second := groups()
	describe := func(indent, what string, lines []string) {
		fmt.Fprintf(&b, "%slocal -a list=(\n%s\t%s\n%s)\n%s_describe %s list\n", indent, indent, strings.Join(lines, "\n"+indent+"\t"), indent, indent, what)
	}
	entry := func(name, help string) string { return single(strings.ReplaceAll(name, ":", `\:`) + ":" + help) }
	b.WriteString("#compdef nso\n\nlocal key=$words[2]\nif (( CURRENT == 2 )); then\n")
	var lines []string
	for _, name := range first {
		lines = append(lines, entry(name, about(name)))
	}
	describe("\t", "command", lines)
	b.WriteString("\treturn\nfi\ncase $key in\n")
	for _, name := range first {
		cs := second[name]
		if cs == nil {
			continue
		}
		fmt.Fprintf(&b, "%s)\n\tif (( CURRENT == 3 )); then\n", name)
		lines = nil
		for _, c := range cs {
			lines = append(lines, entry(c.name, c.help))
		}
		describe("\t\t", "command", lines)
		b.WriteString("\t\treturn\n\tfi\n\tkey=\"$key $words[3]\"\n\t;;\n")
	}
	b.WriteString("esac\ncase \"$key $words[CURRENT-1]\" in\n")
	for _, c := range commands() {
		for _, o := range c.options() {
			does := ":"
			switch {
			case o.name == "":
				continue
			case o.values != nil:
				does = "compadd -- " + strings.Join(o.values, " ")
			case o.value == "DIR":
				does = "_files -/"
			case takesFile(o.value):
				does = "_files"
			case o.value == "":
				continue
			}
			fmt.Fprintf(&b, "%s) %s; return ;;\n", single(c.name+" "+o.name), does)
		}
	}
	b.WriteString("esac\ncase $key in\n")
	for _, c := range commands() {
		flags, files := flagsOf(c)
		var does []string
		if len(flags) > 0 {
			does = append(does, "compadd -- "+strings.Join(flags, " "))
		}
		if files {
			does = append(does, "_files")
		}
		if does != nil {
			fmt.Fprintf(&b, "%s) %s ;;\n", single(c.name), strings.Join(does, "; "))
		}
	}
	b.WriteString("esac\n")
	return b.String()
}

func completeFish() string {
	var b strings.Builder
	first, second := groups()
	b.WriteString("# fish completion for nso\n\ncomplete -c nso -f\n")
	for _, name := range first {
		fmt.Fprintf(&b, "complete -c nso -n __fish_use_subcommand -a %s -d %s\n", name, single(about(name)))
	}
	for _, name := range first {
		cs := second[name]
		for _, c := range cs {
			fmt.Fprintf(&b, "complete -c nso -n %s -a %s -d %s\n",
				single("__fish_seen_subcommand_from "+name+"; and not __fish_seen_subcommand_from "+strings.Join(namesOf(cs), " ")), c.name, single(c.help))
		}
	}
	for _, c := range commands() {
		var in []string
		for _, word := range strings.Fields(c.name) {
			in = append(in, "__fish_seen_subcommand_from "+word)
		}
		where := single(strings.Join(in, "; and "))
		for _, o := range c.options() {
			line := "complete -c nso -n " + where
			switch dashes := len(o.name) - len(strings.TrimLeft(o.name, "-")); {
			case dashes == 1:
				line += " -s " + o.name[1:]
			case dashes == 2:
				line += " -l " + o.name[2:]
			}
			switch {
			case o.values != nil && o.name != "":
				line += " -x -a " + single(strings.Join(o.values, " "))
			case o.values != nil:
				line += " -a " + single(strings.Join(o.values, " "))
			case o.value == "DIR":
				line += " -x -a '(__fish_complete_directories)'"
			case takesFile(o.value) && o.name != "":
				line += " -r -F"
			case takesFile(o.value):
				line += " -F"
			case o.value != "" && o.name != "":
				line += " -x"
			case o.name == "":
				continue
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
