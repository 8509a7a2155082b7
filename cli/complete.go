// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Candidate is one way to go on with a line.
type Candidate struct {
	Text string // the word, or what stands for it in angle brackets
	Help string
	// Mark is '>' for what has more below it, '+' for several values, '*' for
	// what must be there, else 0.
	Mark byte
	// Hint is set where Text is no word to insert: a value to think of.
	Hint bool
}

// Completion is what can follow in a line.
type Completion struct {
	Start      int // where the word that is being typed begins, in bytes
	Partial    string
	Quoted     bool
	Candidates []Candidate
	More       bool // there are more than these
}

// enter stands for the end of the line in help.
const enter = "<enter>"

// maxOffered bounds the existing keys that are offered.
const maxOffered = 200

// Complete says how the line, as far as the cursor, can go on. The error is
// about a word before the one that is being typed.
func (sh *Shell) Complete(ctx context.Context, line string) (Completion, error) {
	words, err := split(line, true)
	if err != nil {
		return Completion{}, err
	}
	c := Completion{Start: len(line)}
	if n := len(words); n > 0 && (words[n-1].open || words[n-1].end == len(line) && !words[n-1].special("|")) {
		last := words[n-1]
		c.Start, c.Partial, c.Quoted = last.start, last.text, last.quoted
		words = words[:n-1]
	}
	if i := lastPipe(words); i >= 0 {
		c.Candidates = completeFilter(words[i+1:])
	} else if err := sh.completeCommand(ctx, words, &c); err != nil {
		return c, err
	}
	c.Candidates = slices.DeleteFunc(c.Candidates, func(o Candidate) bool {
		if o.Hint {
			return c.Partial != "" && o.Text[0] != '<' || o.Text == enter && c.Partial != ""
		}
		// The module of a name that siblings share may be left to the help.
		_, name, _ := strings.Cut(o.Text, ":")
		return !strings.HasPrefix(o.Text, c.Partial) && (name == "" || c.Quoted || !strings.HasPrefix(name, c.Partial))
	})
	return c, nil
}

func lastPipe(words []word) int {
	for i := len(words) - 1; i >= 0; i-- {
		if words[i].special("|") {
			return i
		}
	}
	return -1
}

func (sh *Shell) completeCommand(ctx context.Context, words []word, c *Completion) error {
	if len(words) == 0 {
		all, err := sh.offered(ctx, sh.commands())
		if err != nil {
			return err
		}
		for _, cmd := range all {
			c.Candidates = append(c.Candidates, Candidate{Text: cmd.name, Help: cmd.help})
		}
		return nil
	}
	cmd, err := sh.command(words[0])
	if err != nil || cmd.complete == nil {
		return err
	}
	return cmd.complete(sh, ctx, words[1:], c)
}

// offer adds a word.
func (c *Completion) offer(text, help string) {
	c.Candidates = append(c.Candidates, Candidate{Text: text, Help: help})
}

// hint adds what stands for a word.
func (c *Completion) hint(text, help string) {
	c.Candidates = append(c.Candidates, Candidate{Text: text, Help: help, Hint: true})
}

// completePath offers what can follow the words of a path.
func (sh *Shell) completePath(ctx context.Context, words []word, p purpose, c *Completion) (*resolver, error) {
	r := newResolver(sh.schemas, sh.origin(p), p)
	for _, w := range words {
		if err := r.read(ctx, w); err != nil {
			return r, err
		}
	}
	return r, sh.completeNext(ctx, r, c)
}

func (sh *Shell) completeNext(ctx context.Context, r *resolver, c *Completion) error {
	switch r.next {
	case expectChild:
		nodes, err := r.offered(ctx)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			c.Candidates = append(c.Candidates, Candidate{Text: n.label, Help: helpOf(&n.Schema), Mark: markOf(n)})
		}
	case expectKey:
		return sh.completeKey(ctx, r, c)
	case expectValue, expectMember:
		if r.next == expectMember && len(r.edits)+len(r.targets) > 0 {
			c.offer("]", "end of the values")
		}
		offerValues(r.at.node, c)
		if r.next == expectValue && r.at.node.isLeafList() {
			c.hint("[", "several values, up to ]")
		}
		sh.offerReferred(ctx, r.at.node, c)
	}
	if r.done && r.next != expectMember {
		c.hint(enter, "run this")
	}
	return nil
}

// completeKey offers the keys that exist, and the type of a new one.
func (sh *Shell) completeKey(ctx context.Context, r *resolver, c *Completion) error {
	i := len(r.keys)
	if len(r.keyName) == 0 {
		c.hint("<position>", "the position of an entry, from 1")
		return nil
	}
	key := r.keyName[i]
	seen := sh.offerKeys(ctx, r, c)
	if len(key.Values) > 0 && (r.purpose == toSet || r.purpose == toEdit) {
		for j, v := range shortValues(key) {
			if !seen[v] && !seen[key.Values[j]] {
				c.offer(v, "")
			}
		}
	}
	if len(key.Values) == 0 || key.Type == "union" {
		c.hint("<"+key.label+">", helpWithType(&key.Schema))
	}
	return nil
}

// offerKeys offers the keys of entries that exist. That none can be read is no
// reason to refuse the rest of the help.
func (sh *Shell) offerKeys(ctx context.Context, r *resolver, c *Completion) map[string]bool {
	seen := make(map[string]bool)
	th, end, err := sh.reading(ctx, r.purpose)
	if err != nil {
		return seen
	}
	defer end()
	i, prefix := len(r.keys), c.Partial
	if i > 0 {
		prefix = r.keys[0]
	}
	short := shortNames(r.keyName[i])
	if len(short) > 0 && i == 0 {
		prefix = "" // what is typed may be an identity without its module
	}
	entries, more, err := sh.agent.Keys(ctx, th, r.at.path, prefix, nil, maxOffered)
	if err != nil {
		return seen
	}
	c.More = more
	for _, e := range entries {
		if len(e) <= i || !slices.Equal(e[:i], r.keys) || seen[e[i]] {
			continue
		}
		seen[e[i]] = true
		text := e[i]
		if s, ok := short[text]; ok {
			text = s
		}
		c.offer(text, "")
	}
	return seen
}

func shortNames(n *node) map[string]string {
	if n.Type != "identityref" {
		return nil
	}
	m := make(map[string]string, len(n.Values))
	for i, s := range shortValues(n) {
		m[n.Values[i]] = s
	}
	return m
}

// offerValues offers the values of a leaf or leaf-list.
func offerValues(n *node, c *Completion) {
	for i, v := range shortValues(n) {
		help := ""
		if slices.Contains(n.Defaults, n.Values[i]) {
			help = "(default)"
		}
		c.offer(v, help)
	}
	if len(n.Values) == 0 || n.Type == "union" || n.Type == "bits" {
		c.hint("<"+n.label+">", helpWithType(&n.Schema))
	}
}

// offerReferred offers the keys that a leafref may name, where the path to them
// goes through no other list.
func (sh *Shell) offerReferred(ctx context.Context, n *node, c *Completion) {
	i := strings.LastIndexByte(n.Leafref, '/')
	if i <= 0 {
		return
	}
	leaf, _, _, err := sh.agent.Describe(ctx, n.Leafref)
	if err != nil || leaf == nil || !leaf.IsKey {
		return
	}
	th, end, err := sh.reading(ctx, toSet)
	if err != nil {
		return
	}
	defer end()
	// A path that goes through another list is refused; then there is no offer.
	entries, more, err := sh.agent.Keys(ctx, th, n.Leafref[:i], c.Partial, nil, maxOffered)
	if err != nil {
		return
	}
	for _, e := range entries {
		if len(e) == 1 {
			c.offer(e[0], "")
		}
	}
	c.More = more
}

func markOf(n *node) byte {
	switch {
	case n.Mandatory:
		return '*'
	case n.isLeafList():
		return '+'
	case n.inner():
		return '>'
	}
	return 0
}

// helpOf is one line about a node: its description, or else its type.
func helpOf(s *Schema) string {
	text := firstSentence(s.Description)
	if text == "" {
		text = typeText(s)
	}
	var notes []string
	if s.Mandatory && !s.IsKey {
		notes = append(notes, "mandatory")
	}
	if len(s.Defaults) > 0 {
		notes = append(notes, "default "+strings.Join(s.Defaults, " "))
	}
	if s.Units != "" && !strings.Contains(text, s.Units) {
		notes = append(notes, s.Units)
	}
	if s.Status == "deprecated" || s.Status == "obsolete" {
		notes = append(notes, s.Status)
	}
	if len(notes) > 0 {
		text = strings.TrimSpace(text + " (" + strings.Join(notes, ", ") + ")")
	}
	return text
}

// helpWithType is helpOf with the type said even where there is a description.
func helpWithType(s *Schema) string {
	text, t := helpOf(s), typeText(s)
	if t != "" && !strings.Contains(text, t) {
		return fmt.Sprintf("%s: %s", t, text)
	}
	return text
}

// typeText is a type in words, "" for nodes without.
func typeText(s *Schema) string {
	if s.TypeText != "" {
		return oneLine(s.TypeText)
	}
	return s.Type
}

// firstSentence is the first sentence of a description, on one line.
func firstSentence(text string) string {
	text = oneLine(text)
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '.' && text[i+1] == ' ' {
			return text[:i]
		}
	}
	return strings.TrimSuffix(text, ".")
}

func oneLine(text string) string { return printable(strings.Join(strings.Fields(text), " ")) }

// insertion is what Tab puts in place of the word being typed: the word that is
// meant, or as much as all candidates have in common. changed is false if there
// is nothing to add.
func (c *Completion) insertion() (text string, whole, changed bool) {
	var words []string
	hints := 0
	for _, o := range c.Candidates {
		if o.Hint {
			hints++
			continue
		}
		words = append(words, o.Text)
	}
	if len(words) == 0 || c.More && len(words) == 1 {
		return "", false, false
	}
	common := words[0]
	for _, w := range words[1:] {
		n := 0
		for n < len(common) && n < len(w) && common[n] == w[n] {
			n++
		}
		common = strings.ToValidUTF8(common[:n], "")
	}
	if len(words) == 1 && (hints == 0 || c.Partial != "") {
		return quote(common) + " ", true, true
	}
	if len(common) <= len(c.Partial) || c.Quoted || !isBare(common) || len(words) == 1 {
		return "", false, false
	}
	return common, false, true
}

// help writes the candidates in columns, for ?.
func (c *Completion) help(width int) string {
	if len(c.Candidates) == 0 {
		return "Nothing can follow here.\n"
	}
	widest := 0
	for _, o := range c.Candidates {
		widest = max(widest, len(quoteHint(o)))
	}
	widest = min(widest, 32)
	var b strings.Builder
	b.WriteString("Possible completions:\n")
	for _, o := range c.Candidates {
		mark := o.Mark
		if mark == 0 {
			mark = ' '
		}
		line := fmt.Sprintf("%c %-*s  %s", mark, widest, quoteHint(o), o.Help)
		b.WriteString(clip(strings.TrimRight(line, " "), width) + "\n")
	}
	if c.More {
		b.WriteString("  ...\n")
	}
	return b.String()
}

func quoteHint(o Candidate) string {
	if o.Hint || o.Text == "]" {
		return o.Text
	}
	return quote(o.Text)
}

// clip cuts a line to a number of columns.
func clip(line string, width int) string {
	if r := []rune(line); width > 8 && len(r) > width {
		return string(r[:width-3]) + "..."
	}
	return line
}
