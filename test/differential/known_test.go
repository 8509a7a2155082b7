// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"regexp"
	"testing"
)

// right is a difference in which we are right, and the sentence that says so.
type right struct {
	// what is our verdict and yanglint's words, or our words and its verdict, or
	// the difference in the data.
	what *regexp.Regexp
	// text, if set, is found in the document.
	text *regexp.Regexp
	rfc  string
}

func rights() []right {
	re := regexp.MustCompile
	const jsonBlank = `"( |\\n)[^",]|[^",]( |\\n)"`
	const blank = `(\s|&#x[0-9A-F];)+`
	return []right{
		{re(`^we refuse: .* or a value of type ietf-inet-types:host-name of 2..253 characters`), nil,
			"RFC 9911, 4: a host-name has at least two characters; yanglint has ietf-inet-types of 2013 built in, which has none"},
		{re(`^we refuse: .*it is not derived from types:other`), re(`<ids[^>]*>types:(one|two)<`),
			"RFC 7950, 9.10.2: an identity must be derived from all the bases; yanglint is content with one"},
		{re(`^we refuse: .*cannot use "[+-]?(\.[0-9]+)?"`), nil,
			"RFC 7950, 9.3.1: a decimal64 has at least one digit before the point; yanglint takes a sign alone for zero, and -.2"},
		{re(`^we refuse: .*cannot use "[+-]?0[xX]`), re(`"[+-]?0[xX][^"]*"`),
			"RFC 7950, 9.2.1: hexadecimal is for the default in a module, not for data; yanglint takes it in JSON"},
		{re(`^data differs:(\n(created|deleted|modified) \S*/[iu]64\b.*)+\n*$`), re(`"[-+]?0[0-9]+"`),
			"RFC 7950, 9.2.1: octal is for the default in a module, not for data; yanglint takes it in JSON"},
		{re(`^we refuse: /(types:t/(lu|un|un2|un3|k)|more:more/us?)\b`), re(jsonBlank),
			"RFC 7950, 9.2.1 and 9.3.1: white space is no part of a number, so that of a union a string is meant (9.12)"},
		{re(`^(data|JSON|XML) differs:`), re(`::([0-9a-fA-F]+:[0-9a-fA-F]+|[0-9.]+)[<"/]`),
			"RFC 5952, 5: the last 32 bits are written as an IPv4 address only where the prefix is known to have one in it"},
		{re(`^data differs:(\n(created|deleted|modified) \S*(physical-address|link-layer-address|host|domain|address|search|server)\b.*)+\n*$`), re(`>[^<]*[A-Z][^<]*<`),
			"RFC 9911, 3 and 4: the canonical form of phys-address and domain-name is in lower case"},
		{re(`^letters differ: .*(physical-address|link-layer-address|host|domain|address|search|server)`), re(`[>"][^<"]*[A-Z][^<"]*[<"]`),
			"RFC 9911, 3 and 4: the canonical form of phys-address and domain-name is in lower case"},
		{re(`^we accept: .*Invalid (boolean value|enumeration value|identityref|empty value|Base64 character '\s')`), re(`>` + blank + `[^<]|[^<]` + blank + `</|<nothing>` + blank + `<|` + jsonBlank),
			"RFC 7950, 9.5.1, 9.8.2, 9.10.3 and 9.11 say nothing of white space around a value, yanglint takes it around numbers only; " +
				"we do as XML Schema (Part 2, 4.3.6), for nothing else can be meant"},
		{re(`^we accept: .*Invalid position of the key`), nil,
			"RFC 7950, 7.8.5 says where a writer puts the keys; a reader loses nothing by taking them anywhere, as yanglint mostly does, too"},
		{re(`^data differs:(\n(created|deleted|modified) \S*/(lu|un|un2|un3|k|u|us)\b.*)+\n*$`), re(`"(\+[0-9]+|[-+]?0[0-9]+)"`),
			"RFC 7951, 6.1 and 6.10: an integer of 8 to 32 bits is a JSON number, so that of a union a string is a later type"},
		{re(`^we accept: .*(Not found node .* in path|Invalid union value "/[^"]*" - no matching)`), nil,
			"RFC 7950, 9.13 and 9.9.3: where no instance is required, that of a node which no module has is as good as any other that is missing"},
		{re(`^data differs:(\n(created|deleted|modified) .*='(t|mo|types|more):.*)+\n*$`), nil,
			"RFC 7950, 14: the value in a predicate is a quoted string; yanglint puts the prefixes of its module into that of an identity"},
		{re(`(types:t/(lu|un|un2|un3|k)|more:more/u)\b`), re(`<(lu|un|un2|un3|b|u)>(` + blank + `[^<]*|[^<]*` + blank + `)</`),
			"RFC 7950, 9.2.1: white space is no part of a number, so that of a union a later string is meant (9.12)"},
	}
}

// faults are differences in which yanglint is right and we are still wrong.
func faults() []right {
	return []right{
		{regexp.MustCompile(`^we accept: .*Invalid union value "[^"]* " - no matching subtype found`), regexp.MustCompile(`"un3":"[^"]* "`),
			"RFC 7951, 6.10: of a union of a number and a reference a JSON string is the reference; tree/check, which sees the text alone, takes it for the number with a blank"},
	}
}

// known is the sentence about a difference that is listed, "" if there is none.
func known(difference, text string) string {
	for _, r := range append(rights(), faults()...) {
		if r.what.MatchString(difference) && (r.text == nil || r.text.MatchString(text)) {
			return r.rfc
		}
	}
	return ""
}

// A sentence must not excuse what it does not speak of.
func TestKnown(t *testing.T) {
	for _, c := range []struct {
		difference, text string
		known            bool
	}{
		{"we accept: libyang[0]: Invalid boolean value \" true\n\".", "<a> true&#xA;</a>", true},
		{"we accept: libyang[0]: Invalid boolean value \"TRUE\".", "<a>TRUE</a>", false},
		{"we refuse: cannot use it", "<a> true</a>", false},
	} {
		if got := known(c.difference, c.text); (got != "") != c.known {
			t.Errorf("%s: %q", c.difference, got)
		}
	}
}
