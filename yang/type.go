// SPDX-License-Identifier: Apache-2.0

package yang

import (
	"math"
	"regexp"
)

// Base is a built-in type (RFC 7950, 4.2.4).
type Base uint8

// The built-in types.
const (
	Binary Base = iota + 1
	Bits
	Boolean
	Decimal64
	Empty
	Enumeration
	IdentityRef
	InstanceIdentifier
	Int8
	Int16
	Int32
	Int64
	Leafref
	String
	Uint8
	Uint16
	Uint32
	Uint64
	Union
)

func (b Base) String() string {
	return [...]string{"", "binary", "bits", "boolean", "decimal64", "empty", "enumeration", "identityref",
		"instance-identifier", "int8", "int16", "int32", "int64", "leafref", "string", "uint8", "uint16",
		"uint32", "uint64", "union"}[b]
}

// Signed are the least and greatest value of a signed integer base (RFC 7950,
// 9.2); those of int64 for any other, decimal64 among them (scaled: 9.3).
func (b Base) Signed() (least, greatest int64) {
	switch b {
	case Int8:
		return math.MinInt8, math.MaxInt8
	case Int16:
		return math.MinInt16, math.MaxInt16
	case Int32:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

// Unsigned is the greatest value of an unsigned integer base (RFC 7950, 9.2).
func (b Base) Unsigned() uint64 {
	switch b {
	case Uint8:
		return math.MaxUint8
	case Uint16:
		return math.MaxUint16
	case Uint32:
		return math.MaxUint32
	}
	return math.MaxUint64
}

// Type is a type with all restrictions of its typedef chain resolved.
type Type struct {
	Base Base
	// Name is the type as written where it is used (prefix:name), Typedefs
	// the chain of typedefs from the used one down to the built-in, as
	// module:name.
	Name     string
	Typedefs []string
	// Ranges and Lengths are what remains allowed after all narrowing, in
	// ascending order; nil means what the base allows.
	Ranges  []Range
	Lengths []Length
	// RangeError and LengthError, from error-message and error-app-tag.
	RangeError, LengthError Complaint
	// Patterns must all match (inherited ones included).
	Patterns       []*Pattern
	FractionDigits uint8
	Enums          []Enum
	Bits           []Bit // sorted by position
	// Bases of an identityref: a value must be derived from all of them
	// (RFC 7950, 9.10.2).
	Bases []*Identity
	// Path and Target of a leafref; Target is the leaf or leaf-list it names,
	// and the value space is that of Target.Type.
	Path            *XPath
	Target          *Node
	RequireInstance bool
	Union           []*Type
	// Named is true if values hold names whose module must be said in XML: an
	// identityref, an instance-identifier, a string that is an XPath expression
	// (ietf-yang-types:xpath1.0), or a union or leafref that can come to one.
	Named bool
	// Enumerated and Bitted are indexes by name, built by Seal.
	enumByName map[string]int
	bitByName  map[string]int
	// Default is the typedef's default, "" with HasDefault false if none.
	Default    string
	HasDefault bool
	Units      string
}

// Range is one part of a "range" (RFC 7950, 9.2.4). Signed types and decimal64
// (scaled by 10^fraction-digits) use Min and Max; unsigned ones UMin and UMax.
type Range struct {
	Min, Max   int64
	UMin, UMax uint64
}

// Length is one part of a "length" (RFC 7950, 9.4.4): octets of a binary,
// characters of a string.
type Length struct{ Min, Max uint64 }

// Pattern is a "pattern" (RFC 7950, 9.4.5), translated to Go's syntax, anchored.
type Pattern struct {
	Source string // as written
	Regexp *regexp.Regexp
	Invert bool // RFC 7950, 9.4.6
	Complaint
}

// Complaint is what a restriction says when it is broken (RFC 7950, 7.5.4).
type Complaint struct{ ErrorMessage, ErrorAppTag string }

// Enum is one name of an enumeration; Bit one of a bits type.
type Enum struct {
	Name        string
	Value       int32
	Status      Status
	Description string
}

// Bit is a bit of a bits type.
type Bit struct {
	Name        string
	Position    uint32
	Status      Status
	Description string
}

// Seal builds the look-up tables; compile calls it for every type it made.
func (t *Type) Seal() {
	if len(t.Enums) > 0 {
		t.enumByName = make(map[string]int, len(t.Enums))
		for i, e := range t.Enums {
			t.enumByName[e.Name] = i
		}
	}
	if len(t.Bits) > 0 {
		t.bitByName = make(map[string]int, len(t.Bits))
		for i, b := range t.Bits {
			t.bitByName[b.Name] = i
		}
	}
}

// Enum returns the enum of that name.
func (t *Type) Enum(name string) (Enum, bool) {
	i, ok := t.enumByName[name]
	if !ok {
		return Enum{}, false
	}
	return t.Enums[i], true
}

// Bit returns the bit of that name.
func (t *Type) Bit(name string) (Bit, bool) {
	i, ok := t.bitByName[name]
	if !ok {
		return Bit{}, false
	}
	return t.Bits[i], true
}
