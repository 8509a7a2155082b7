// SPDX-License-Identifier: Apache-2.0

package value

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a pattern. maxStates bounds what its counts expand to, for a match
// costs at most the length of the value times that number.
const (
	maxPattern   = 16 << 10
	maxGroups    = 200 // nesting
	maxCount     = 65535
	maxStates    = 150_000
	maxGoRepeat  = 1000 // Go's limit for a count, and for the product of nested ones
	maxClassText = 4 << 20
)

// TranslatePattern compiles a regular expression of XML Schema part 2,
// appendix F, as RFC 7950, 9.4.5, wants it: it matches the whole value, ^ and $
// stand for themselves, classes can be subtracted, and \d, \w, \i, \c and
// \p{...} have XML's meaning. Matching is linear in the length of the value.
func TranslatePattern(xsd string) (*regexp.Regexp, error) {
	n, err := readPattern(xsd)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(`\A(?:` + n.text + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("cannot use the pattern %s: %w", quote(xsd), err)
	}
	return re, nil
}

// PatternStates is about how many states a pattern has when it is compiled: a
// measure of the memory it takes, and of the time a match takes for each
// character.
func PatternStates(xsd string) (int, error) {
	n, err := readPattern(xsd)
	return n.states, err
}

func readPattern(xsd string) (piece, error) {
	if len(xsd) > maxPattern {
		return piece{}, fmt.Errorf("cannot use a pattern of %d bytes: at most %d", len(xsd), maxPattern)
	}
	if !utf8.ValidString(xsd) {
		return piece{}, fmt.Errorf("cannot use the pattern: it is not valid UTF-8")
	}
	x := xsdParser{text: xsd}
	n, err := x.alternation(0)
	if err == nil && x.pos < len(xsd) {
		err = x.errorf("a ) has no (")
	}
	if err != nil {
		return piece{}, err
	}
	if n.states > maxStates {
		return piece{}, fmt.Errorf("cannot use the pattern %s: its counts expand to more than %d states", quote(xsd), maxStates)
	}
	if len(n.text) > maxClassText {
		return piece{}, fmt.Errorf("cannot use the pattern %s: it is too large", quote(xsd))
	}
	return n, nil
}

// piece is a translated part: its text in Go's syntax, how many states it
// makes, and the greatest product of nested counts in it.
type piece struct {
	text   string
	states int
	count  int
	atom   bool // needs no group when a quantifier follows
}

type xsdParser struct {
	text string
	pos  int
}

func (x *xsdParser) errorf(format string, args ...any) error {
	return fmt.Errorf("cannot use the pattern %s: column %d: %s", quote(x.text),
		utf8.RuneCountInString(x.text[:x.pos])+1, fmt.Sprintf(format, args...))
}

func (x *xsdParser) more() bool { return x.pos < len(x.text) }

func (x *xsdParser) peek() byte {
	if x.pos < len(x.text) {
		return x.text[x.pos]
	}
	return 0
}

func (x *xsdParser) rune() rune {
	r, n := utf8.DecodeRuneInString(x.text[x.pos:])
	x.pos += n
	return r
}

// alternation is regExp ::= branch ( '|' branch )*.
func (x *xsdParser) alternation(depth int) (piece, error) {
	if depth > maxGroups {
		return piece{}, x.errorf("groups are nested more than %d deep", maxGroups)
	}
	var b strings.Builder
	out := piece{count: 1}
	for {
		branch, err := x.branch(depth)
		if err != nil {
			return piece{}, err
		}
		b.WriteString(branch.text)
		out.states += branch.states + 1
		out.count = max(out.count, branch.count)
		if x.peek() != '|' {
			break
		}
		x.pos++
		b.WriteByte('|')
	}
	out.text = b.String()
	return out, nil
}

// branch is piece*.
func (x *xsdParser) branch(depth int) (piece, error) {
	var b strings.Builder
	out := piece{count: 1}
	for x.more() && x.peek() != '|' && x.peek() != ')' {
		p, err := x.atom(depth)
		if err == nil {
			p, err = x.quantified(p)
		}
		if err != nil {
			return piece{}, err
		}
		b.WriteString(p.text)
		out.states += p.states
		out.count = max(out.count, p.count)
		if out.states > maxStates || b.Len() > maxClassText {
			return piece{}, x.errorf("its counts expand to more than %d states", maxStates)
		}
	}
	out.text = b.String()
	return out, nil
}

func (x *xsdParser) atom(depth int) (piece, error) {
	switch c := x.peek(); c {
	case '(':
		x.pos++
		p, err := x.alternation(depth + 1)
		if err != nil {
			return piece{}, err
		}
		if x.peek() != ')' {
			return piece{}, x.errorf("a ( is not closed")
		}
		x.pos++
		p.text, p.atom = "(?:"+p.text+")", true
		return p, nil
	case '[':
		x.pos++
		set, err := x.classExpr(0)
		if err != nil {
			return piece{}, err
		}
		return classPiece(set), nil
	case '.':
		x.pos++
		return piece{text: `[^\n\r]`, states: 1, count: 1, atom: true}, nil
	case '\\':
		set, _, err := x.escape()
		if err != nil {
			return piece{}, err
		}
		return classPiece(set), nil
	case '*', '+', '?':
		return piece{}, x.errorf("there is nothing before %c to repeat", c)
	case ']':
		return piece{}, x.errorf(`a ] stands alone; write \]`)
	}
	r := x.rune()
	return classPiece(class{r, r}), nil
}

func classPiece(c class) piece {
	var b strings.Builder
	if len(c) == 2 && c[0] == c[1] {
		b.WriteString(regexp.QuoteMeta(string(c[0])))
	} else {
		c.write(&b)
	}
	return piece{text: b.String(), states: 1 + len(c)/64, count: 1, atom: true}
}

// quantified reads what may follow an atom: ? * + {n} {n,} {n,m}.
func (x *xsdParser) quantified(p piece) (piece, error) {
	lo, hi := 1, 1 // hi -1 is unbounded
	switch x.peek() {
	case '?':
		lo = 0
	case '*':
		lo, hi = 0, -1
	case '+':
		hi = -1
	case '{':
		end := strings.IndexByte(x.text[x.pos:], '}')
		if end < 0 {
			return piece{}, x.errorf(`a { is not closed; write \{ for the character`)
		}
		from, to, two := strings.Cut(x.text[x.pos+1:x.pos+end], ",")
		var err error
		if lo, err = count(from); err == nil {
			switch {
			case !two:
				hi = lo
			case to == "":
				hi = -1
			default:
				hi, err = count(to)
			}
		}
		if err != nil {
			return piece{}, x.errorf("%s", err)
		}
		if hi >= 0 && hi < lo {
			return piece{}, x.errorf("the count {%d,%d} goes down", lo, hi)
		}
		x.pos += end
	default:
		return p, nil
	}
	x.pos++
	if c := x.peek(); c == '*' || c == '+' || c == '?' || c == '{' {
		return piece{}, x.errorf("a second quantifier follows the first")
	}
	return repeat(p, lo, hi)
}

func count(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || !allDigits(s) {
		return 0, fmt.Errorf("%q is not a count", s)
	}
	if n > maxCount {
		return 0, fmt.Errorf("the count %d is more than %d", n, maxCount)
	}
	return n, nil
}

// repeat writes p repeated. Go refuses a count over 1000, and nested counts
// whose product is: such a count becomes several in a row.
func repeat(p piece, lo, hi int) (piece, error) {
	out := piece{atom: false, count: p.count}
	most := max(lo, hi, 1)
	if p.states = max(p.states, 1); most > maxStates/p.states {
		return piece{}, fmt.Errorf("cannot use the pattern: a count of %d expands to more than %d states", most, maxStates)
	}
	out.states = p.states*most + 1
	if hi-lo > maxGoRepeat {
		out.states *= 2
	}
	unit := p.text
	if !p.atom {
		unit = "(?:" + unit + ")"
	}
	switch {
	case lo == 0 && hi == 1:
		out.text = unit + "?"
		return out, nil
	case lo == 0 && hi < 0:
		out.text = unit + "*"
		return out, nil
	case lo == 1 && hi < 0:
		out.text = unit + "+"
		return out, nil
	case lo == 1 && hi == 1:
		return p, nil
	case hi == 0:
		out.text = "(?:)"
		return out, nil
	}
	step := max(maxGoRepeat/p.count, 1)
	var b strings.Builder
	b.WriteString("(?:")
	for n := lo; n > 0; n -= step {
		fmt.Fprintf(&b, "%s{%d}", unit, min(n, step))
		out.count = max(out.count, p.count*min(n, step))
	}
	if hi < 0 {
		b.WriteString(unit + "*")
	}
	if n := hi - lo; n > 0 {
		out.count = max(out.count, p.count*min(n, step))
		// Up to n more, so that few threads are alive at any time: a full
		// chunk and then the rest, or less than a chunk.
		chunks := n / step
		if n > step {
			for range chunks {
				fmt.Fprintf(&b, "(?:%s{%d}", unit, step)
			}
			n %= step
		} else {
			chunks = 0
		}
		if n > 0 {
			fmt.Fprintf(&b, "%s{0,%d}", unit, n)
		}
		for range chunks {
			if step > 1 {
				fmt.Fprintf(&b, "|%s{0,%d})", unit, step-1)
			} else {
				b.WriteString("|)")
			}
		}
	}
	b.WriteByte(')')
	if b.Len() > maxClassText {
		return piece{}, fmt.Errorf("cannot use the pattern: its counts make it too large")
	}
	out.text, out.atom = b.String(), true
	return out, nil
}

// escape reads a backslash and what it escapes; single means one character.
func (x *xsdParser) escape() (set class, single bool, err error) {
	x.pos++
	if !x.more() {
		return nil, false, x.errorf("a backslash ends it")
	}
	one := func(r rune) (class, bool, error) { return class{r, r}, true, nil }
	c := x.peek()
	switch c {
	case 'n':
		x.pos++
		return one('\n')
	case 'r':
		x.pos++
		return one('\r')
	case 't':
		x.pos++
		return one('\t')
	case 's', 'd', 'w', 'i', 'c':
		x.pos++
		return multiClass(c), false, nil
	case 'S', 'D', 'W', 'I', 'C':
		x.pos++
		return multiClass(c + 'a' - 'A').negate(), false, nil
	case 'p', 'P':
		x.pos++
		end := strings.IndexByte(x.text[x.pos:], '}')
		if x.peek() != '{' || end < 0 {
			return nil, false, x.errorf(`\%c needs a name in braces`, c)
		}
		name := x.text[x.pos+1 : x.pos+end]
		set, ok := property(name)
		if !ok {
			return nil, false, x.errorf(`there is no category or block %q`, name)
		}
		x.pos += end + 1
		if c == 'P' {
			set = set.negate()
		}
		return set, false, nil
	}
	// XML Schema lets only its own signs be escaped; modules in use escape
	// others as well, and no sign of ASCII can mean anything else.
	if c > ' ' && c < utf8.RuneSelf && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
		x.pos++
		return one(rune(c))
	}
	return nil, false, x.errorf(`there is no escape \%c`, x.rune())
}

// classExpr reads the rest of a [...].
func (x *xsdParser) classExpr(depth int) (class, error) {
	if depth > maxGroups {
		return nil, x.errorf("classes are nested more than %d deep", maxGroups)
	}
	negated := false
	if x.peek() == '^' {
		negated = true
		x.pos++
	}
	var pairs, minus []rune
	empty, subtract := true, false
loop:
	for {
		if !x.more() {
			return nil, x.errorf("a [ is not closed")
		}
		switch {
		case x.peek() == ']':
			x.pos++
			break loop
		case !empty && strings.HasPrefix(x.text[x.pos:], "-["):
			x.pos += 2
			sub, err := x.classExpr(depth + 1)
			if err != nil {
				return nil, err
			}
			if x.peek() != ']' {
				return nil, x.errorf("a subtraction must end its class")
			}
			x.pos++
			minus, subtract = sub, true
			break loop
		}
		empty = false
		set, single, err := x.classAtom()
		if err != nil {
			return nil, err
		}
		// A range, unless the - is the last sign or begins a subtraction.
		if rest := x.text[x.pos:]; single && len(rest) > 1 && rest[0] == '-' && rest[1] != ']' && rest[1] != '[' {
			x.pos++
			last, single, err := x.classAtom()
			if err != nil {
				return nil, err
			}
			if !single {
				return nil, x.errorf("a range ends in a class")
			}
			if last[0] < set[0] {
				return nil, x.errorf("the range %c-%c goes down", set[0], last[0])
			}
			set = class{set[0], last[0]}
		}
		pairs = append(pairs, set...)
	}
	if empty {
		return nil, x.errorf("a class is empty")
	}
	out := newClass(pairs...)
	if negated {
		out = out.negate()
	}
	if subtract {
		out = out.minus(minus)
	}
	return out, nil
}

func (x *xsdParser) classAtom() (class, bool, error) {
	if x.peek() == '\\' {
		return x.escape()
	}
	r := x.rune()
	return class{r, r}, true, nil
}
