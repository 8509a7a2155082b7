// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"strings"
	"sync"
)

// syntax is what an argument must look like.
type syntax uint8

const (
	synNone syntax = iota
	synText
	synNonEmpty
	synIdentifier
	synIdentifierRef
	synBoolean
	synDate
	synVersion
	synStatus
	synOrderedBy
	synDeviate
	synModifier
	synInteger
	synPosition
	synNonNegative
	synMaxElements
	synFractionDigits
	synRange
	synLength
	synIfFeature
	synPath
	synKey
	synUnique
	synSchemaAbsolute
	synRefine
	synAugment
	synEnum
)

// cardinality is how often a substatement may stand in its parent.
type cardinality uint8

const (
	never cardinality = iota
	optional
	one
	many
)

// rule is the grammar of one statement.
type rule struct {
	argument syntax
	// subs is indexed by version (0: YANG 1, 1: YANG 1.1), then keyword;
	// required lists the ones with cardinality one.
	subs     [2][keywords]cardinality
	required [2][]Keyword
}

// dataDefs are the statements of "data-def-stmt" (RFC 7950, 14), + marking
// those that RFC 6020 does not know.
const dataDefs = " container* leaf* leaf-list* list* choice* +anydata* anyxml* uses* "

// documented are the ones that most definitions may have.
const documented = " description? reference? status? "

const body = " extension* feature* identity* typedef* grouping* augment* rpc* notification* deviation*" + dataDefs +
	" import* include* organization? contact? description? reference? revision* "

const complaint = " description? reference? error-app-tag? error-message? "

// grammar is section 14 of RFC 7950. ? is 0..1, ! is 1, * is 0..n; + before a
// name: YANG 1.1 only; - before it: YANG 1 only. "uses augment" is said as the
// augment rule itself. What section 14 says of the number of data definitions
// in a list, input, output or notification is left to yang/compile, which
// knows what uses statements bring.
const grammar = `
module identifier: -yang-version? +yang-version! namespace! prefix! ` + body + `
submodule identifier: -yang-version? +yang-version! belongs-to! ` + body + `
action identifier: if-feature* typedef* grouping* input? output?` + documented + `
anydata identifier: when? if-feature* must* config? mandatory?` + documented + `
anyxml identifier: when? if-feature* must* config? mandatory?` + documented + `
argument identifier: yin-element?
augment augment: when? if-feature* case* +action* +notification*` + documented + dataDefs + `
base identifier-ref:
belongs-to identifier: prefix!
bit identifier: +if-feature* position?` + documented + `
case identifier: when? if-feature*` + documented + dataDefs + `
choice identifier: when? if-feature* default? config? mandatory? case* +choice* container* leaf* leaf-list* list* +anydata* anyxml*` + documented + `
config boolean:
contact text:
container identifier: when? if-feature* must* presence? config? typedef* grouping* +action* +notification*` + documented + dataDefs + `
default text:
description text:
deviate deviate: type? units? must* unique* default* config? mandatory? min-elements? max-elements?
deviation schema-absolute: description? reference? deviate*
enum enum: +if-feature* value?` + documented + `
error-app-tag text:
error-message text:
extension identifier: argument?` + documented + `
feature identifier: if-feature*` + documented + `
fraction-digits fraction-digits:
grouping identifier: typedef* grouping* +action* +notification*` + documented + dataDefs + `
identity identifier: +if-feature* +base* -base?` + documented + `
if-feature if-feature:
import identifier: prefix! revision-date? +description? +reference?
include identifier: revision-date? +description? +reference?
input none: +must* typedef* grouping*` + dataDefs + `
key key:
leaf identifier: when? if-feature* type! units? must* default? config? mandatory?` + documented + `
leaf-list identifier: when? if-feature* type! units? must* +default* config? min-elements? max-elements? ordered-by?` + documented + `
length length:` + complaint + `
list identifier: when? if-feature* must* key? unique* config? min-elements? max-elements? ordered-by? typedef* grouping* +action* +notification*` + documented + dataDefs + `
mandatory boolean:
max-elements max-elements:
min-elements non-negative:
modifier modifier:
must non-empty:` + complaint + `
namespace non-empty:
notification identifier: if-feature* +must* typedef* grouping*` + documented + dataDefs + `
ordered-by ordered-by:
organization text:
output none: +must* typedef* grouping*` + dataDefs + `
path path:
pattern text: +modifier?` + complaint + `
position position:
prefix identifier:
presence text:
range range:` + complaint + `
reference text:
refine refine: +if-feature* must* presence? +default* -default? config? mandatory? min-elements? max-elements? description? reference?
require-instance boolean:
revision date: description? reference?
revision-date date:
rpc identifier: if-feature* typedef* grouping* input? output?` + documented + `
status status:
type identifier-ref: fraction-digits? range? length? pattern* enum* bit* path? require-instance? +base* -base? type*
typedef identifier: type! units? default?` + documented + `
unique unique:
units text:
uses identifier-ref: when? if-feature* refine* augment*` + documented + `
value integer:
when non-empty: description? reference?
yang-version version:
yin-element boolean:
`

// syntaxOf names the syntaxes of the grammar's text.
func syntaxOf(name string) syntax {
	for i, n := range []string{"none", "text", "non-empty", "identifier", "identifier-ref", "boolean", "date", "version", "status",
		"ordered-by", "deviate", "modifier", "integer", "position", "non-negative", "max-elements", "fraction-digits", "range", "length",
		"if-feature", "path", "key", "unique", "schema-absolute", "refine", "augment", "enum"} {
		if n == name {
			return syntax(i)
		}
	}
	return synNone
}

// rules is the grammar as a table, made when first asked for.
var rules = sync.OnceValue(func() *[keywords]rule {
	var table [keywords]rule
	for line := range strings.Lines(grammar) {
		head, subs, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		name, arg, _ := strings.Cut(head, " ")
		r := &table[keywordOf(name)]
		r.argument = syntaxOf(arg)
		for _, sub := range strings.Fields(subs) {
			from, to := 0, 1
			switch sub[0] {
			case '+':
				from, sub = 1, sub[1:]
			case '-':
				to, sub = 0, sub[1:]
			}
			k := keywordOf(sub[:len(sub)-1])
			for v := from; v <= to; v++ {
				switch sub[len(sub)-1] {
				case '?':
					r.subs[v][k] = optional
				case '!':
					r.subs[v][k] = one
					r.required[v] = append(r.required[v], k)
				case '*':
					r.subs[v][k] = many
				}
			}
		}
	}
	return &table
})

// deviates says what each kind of deviate may hold (RFC 7950, 7.20.3.2).
func deviates(kind string, k Keyword) bool {
	switch k {
	case Unknown:
		return true
	case Config, Mandatory, MinElements, MaxElements:
		return kind == "add" || kind == "replace"
	case Type:
		return kind == "replace"
	case Units, Default:
		return kind != "not-supported"
	case Must, Unique:
		return kind == "add" || kind == "delete"
	}
	return false
}

// section is the part of a module that a statement belongs to; the parts have
// an order (RFC 7950, 14: module-stmt).
func section(k Keyword) int {
	switch k {
	case Unknown:
		return 0 // anywhere
	case YangVersion, Namespace, Prefix, BelongsTo:
		return 1
	case Import, Include:
		return 2
	case Organization, Contact, Description, Reference:
		return 3
	case Revision:
		return 4
	}
	return 5
}
