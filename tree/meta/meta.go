// SPDX-License-Identifier: Apache-2.0

package meta

import (
	"strconv"

	"nso.example/nso/yang"
)

// Node holds the annotations of one instance and of all below it. The one of the
// root is the table of a tree.
type Node struct {
	// Annotations are of the instance itself, in the order in which they came.
	Annotations []Annotation
	below       map[step]*Node
}

// Annotation is one annotation of an instance.
type Annotation struct {
	Def *yang.Annotation
	// Value is canonical (RFC 7950, 6.1.4).
	Value string
}

type step struct {
	schema *yang.Node
	key    string
}

// Below is the table of a child; see Key. It is nil if nothing there is annotated.
func (n *Node) Below(s *yang.Node, key string) *Node {
	if n == nil || n.below == nil {
		return nil
	}
	return n.below[step{s, key}]
}

// Put sets the table of a child, whatever it was. An empty one is left out.
func (n *Node) Put(s *yang.Node, key string, child *Node) {
	if child.Empty() {
		return
	}
	if n.below == nil {
		n.below = make(map[step]*Node)
	}
	n.below[step{s, key}] = child
}

// Empty reports whether nothing is annotated.
func (n *Node) Empty() bool { return n == nil || len(n.Annotations) == 0 && len(n.below) == 0 }

// Key is what an instance of s is found by among its like: the key of a list entry
// or value of a leaf-list entry; the place, from 0, where entries have nothing else;
// "" for what there is one of.
func Key(s *yang.Node, value string, place int) string {
	switch {
	case Placed(s):
		return strconv.Itoa(place)
	case s.Kind == yang.KindList || s.Kind == yang.KindLeafList:
		return value
	}
	return ""
}

// Placed reports whether entries of s are known by their place alone: lists
// without key, and leaf-lists of state, whose values may repeat (RFC 7950, 7.7).
func Placed(s *yang.Node) bool {
	return s.Kind == yang.KindList && len(s.Keys) == 0 || s.Kind == yang.KindLeafList && !s.Config
}

const (
	// DefaultNamespace is that of the attribute "default" (RFC 6243, 6).
	DefaultNamespace = "urn:ietf:params:xml:ns:netconf:default:1.0"
	// DefaultModule is what JSON names in its stead (RFC 8040, 4.8.9).
	DefaultModule = "ietf-netconf-with-defaults"
)

// Default is the annotation that tags a default. It has no statement: RFC 6243 is
// older than RFC 7952.
func Default() *yang.Annotation {
	return &yang.Annotation{Name: "default", Type: &yang.Type{Base: yang.Boolean},
		Module: &yang.Module{Name: DefaultModule, Namespace: DefaultNamespace, Prefix: "wd"}}
}

func (a Annotation) isDefault() bool {
	return a.Def.Name == "default" && a.Def.Module.Name == DefaultModule
}

// ByNamespace finds an annotation as XML names it, nil if no implemented module
// defines it (RFC 7952, 5.1).
func ByNamespace(schema *yang.Schema, namespace, name string) *yang.Annotation {
	if namespace == DefaultNamespace {
		if name == "default" {
			return Default()
		}
		return nil
	}
	return find(schema.ByNamespace(namespace), name)
}

// ByModule is ByNamespace as JSON names it (RFC 7952, 5.2).
func ByModule(schema *yang.Schema, module, name string) *yang.Annotation {
	if module == DefaultModule && name == "default" {
		return Default()
	}
	return find(schema.Module(module), name)
}

func find(m *yang.Module, name string) *yang.Annotation {
	if m == nil || !m.Implemented {
		return nil
	}
	for _, a := range m.Annotations {
		if a.Name == name {
			return a
		}
	}
	return nil
}
