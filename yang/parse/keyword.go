// SPDX-License-Identifier: Apache-2.0

package parse

// Keyword is a statement of the YANG language, Unknown for the use of an
// extension (RFC 7950, 14).
type Keyword uint8

// All keywords.
const (
	Unknown Keyword = iota
	Action
	Anydata
	Anyxml
	Argument
	Augment
	Base
	BelongsTo
	Bit
	Case
	Choice
	Config
	Contact
	Container
	Default
	Description
	Deviate
	Deviation
	Enum
	ErrorAppTag
	ErrorMessage
	Extension
	Feature
	FractionDigits
	Grouping
	Identity
	IfFeature
	Import
	Include
	Input
	Key
	Leaf
	LeafList
	Length
	List
	Mandatory
	MaxElements
	MinElements
	Modifier
	Module
	Must
	Namespace
	Notification
	OrderedBy
	Organization
	Output
	Path
	Pattern
	Position
	Prefix
	Presence
	Range
	Reference
	Refine
	RequireInstance
	Revision
	RevisionDate
	Rpc
	Status
	Submodule
	Type
	Typedef
	Unique
	Units
	Uses
	Value
	When
	YangVersion
	YinElement

	keywords // how many there are
)

func (k Keyword) String() string { return keywordNames[k] }

// keywordNames is indexed by Keyword.
var keywordNames = [keywords]string{
	Unknown:         "unknown",
	Action:          "action",
	Anydata:         "anydata",
	Anyxml:          "anyxml",
	Argument:        "argument",
	Augment:         "augment",
	Base:            "base",
	BelongsTo:       "belongs-to",
	Bit:             "bit",
	Case:            "case",
	Choice:          "choice",
	Config:          "config",
	Contact:         "contact",
	Container:       "container",
	Default:         "default",
	Description:     "description",
	Deviate:         "deviate",
	Deviation:       "deviation",
	Enum:            "enum",
	ErrorAppTag:     "error-app-tag",
	ErrorMessage:    "error-message",
	Extension:       "extension",
	Feature:         "feature",
	FractionDigits:  "fraction-digits",
	Grouping:        "grouping",
	Identity:        "identity",
	IfFeature:       "if-feature",
	Import:          "import",
	Include:         "include",
	Input:           "input",
	Key:             "key",
	Leaf:            "leaf",
	LeafList:        "leaf-list",
	Length:          "length",
	List:            "list",
	Mandatory:       "mandatory",
	MaxElements:     "max-elements",
	MinElements:     "min-elements",
	Modifier:        "modifier",
	Module:          "module",
	Must:            "must",
	Namespace:       "namespace",
	Notification:    "notification",
	OrderedBy:       "ordered-by",
	Organization:    "organization",
	Output:          "output",
	Path:            "path",
	Pattern:         "pattern",
	Position:        "position",
	Prefix:          "prefix",
	Presence:        "presence",
	Range:           "range",
	Reference:       "reference",
	Refine:          "refine",
	RequireInstance: "require-instance",
	Revision:        "revision",
	RevisionDate:    "revision-date",
	Rpc:             "rpc",
	Status:          "status",
	Submodule:       "submodule",
	Type:            "type",
	Typedef:         "typedef",
	Unique:          "unique",
	Units:           "units",
	Uses:            "uses",
	Value:           "value",
	When:            "when",
	YangVersion:     "yang-version",
	YinElement:      "yin-element",
}

// keywordOf is Unknown if the language has no such statement.
func keywordOf(s string) Keyword {
	switch s {
	case "action":
		return Action
	case "anydata":
		return Anydata
	case "anyxml":
		return Anyxml
	case "argument":
		return Argument
	case "augment":
		return Augment
	case "base":
		return Base
	case "belongs-to":
		return BelongsTo
	case "bit":
		return Bit
	case "case":
		return Case
	case "choice":
		return Choice
	case "config":
		return Config
	case "contact":
		return Contact
	case "container":
		return Container
	case "default":
		return Default
	case "description":
		return Description
	case "deviate":
		return Deviate
	case "deviation":
		return Deviation
	case "enum":
		return Enum
	case "error-app-tag":
		return ErrorAppTag
	case "error-message":
		return ErrorMessage
	case "extension":
		return Extension
	case "feature":
		return Feature
	case "fraction-digits":
		return FractionDigits
	case "grouping":
		return Grouping
	case "identity":
		return Identity
	case "if-feature":
		return IfFeature
	case "import":
		return Import
	case "include":
		return Include
	case "input":
		return Input
	case "key":
		return Key
	case "leaf":
		return Leaf
	case "leaf-list":
		return LeafList
	case "length":
		return Length
	case "list":
		return List
	case "mandatory":
		return Mandatory
	case "max-elements":
		return MaxElements
	case "min-elements":
		return MinElements
	case "modifier":
		return Modifier
	case "module":
		return Module
	case "must":
		return Must
	case "namespace":
		return Namespace
	case "notification":
		return Notification
	case "ordered-by":
		return OrderedBy
	case "organization":
		return Organization
	case "output":
		return Output
	case "path":
		return Path
	case "pattern":
		return Pattern
	case "position":
		return Position
	case "prefix":
		return Prefix
	case "presence":
		return Presence
	case "range":
		return Range
	case "reference":
		return Reference
	case "refine":
		return Refine
	case "require-instance":
		return RequireInstance
	case "revision":
		return Revision
	case "revision-date":
		return RevisionDate
	case "rpc":
		return Rpc
	case "status":
		return Status
	case "submodule":
		return Submodule
	case "type":
		return Type
	case "typedef":
		return Typedef
	case "unique":
		return Unique
	case "units":
		return Units
	case "uses":
		return Uses
	case "value":
		return Value
	case "when":
		return When
	case "yang-version":
		return YangVersion
	case "yin-element":
		return YinElement
	}
	return Unknown
}
