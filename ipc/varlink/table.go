// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// State is a set of states that a connection can be in; a connection is in
// exactly one. The interface packages define the bits, but the first.
type State uint32

const (
	// Fresh is the state of a connection when it begins.
	Fresh State = 1
	// AnyState marks a method that is legal in all of them.
	AnyState State = ^State(0)
)

// Authorizer decides whether the peer of a connection may call a method; the
// error is the reason, which is logged and not shown to the peer.
type Authorizer func(ctx context.Context, conn *Conn) error

// Handler answers one call. It replies through call, or returns an *Error; any
// other error is logged under a number, and the client gets the number.
type Handler func(ctx context.Context, call *Call) error

// Method is a row in the table: the only way to offer something.
type Method struct {
	Name    string     // as in the description: "GetInfo"
	Access  Authorizer // who may call it; required
	States  State      // in which states it is legal; required
	Handler Handler    // required

	// Stream marks a call that lasts as long as the client likes (a
	// subscription, an upgraded stream, a hand-over): its context is cancelled
	// as soon as Shutdown begins, and it is watched for the client's leaving
	// from the start.
	Stream bool
	// ExpectMore refuses a call without "more".
	ExpectMore bool
	// Upgrade allows a call with "upgrade".
	Upgrade bool
	// MaxMessage is the size of a message in bytes, where the server's limit is
	// too small. Only a peer with access gets it.
	MaxMessage int
	// MaxDescriptors is how many descriptors the message may carry. They are
	// only taken from a peer that has access when it connects.
	MaxDescriptors int
}

// Interface is an interface description with the rows that carry it out.
type Interface struct {
	Name        string
	Description string // the text that introspection shows
	Methods     []Method
}

// Check reports every mistake in the table: a row without access rule, states
// or handler, a description that cannot be read by us or by varlinkctl, and any
// difference between the methods described and the rows.
func (i *Interface) Check() error {
	_, err := i.parse()
	return err
}

func (i *Interface) parse() (*Description, error) {
	d, err := ParseIDL(i.Description)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", i.Name, err)
	}
	var errs []error
	add := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("interface "+i.Name+": "+format, args...))
	}
	if d.Name != i.Name {
		add("cannot serve it: its description is of %s", d.Name)
	}
	if d.Unportable != "" {
		add("cannot serve it: varlinkctl does not read %s", d.Unportable)
	}
	rows := map[string]bool{}
	for k := range i.Methods {
		m := &i.Methods[k]
		if rows[m.Name] {
			add("cannot serve %s: it is in the table twice", m.Name)
		}
		rows[m.Name] = true
		if m.Access == nil {
			add("cannot serve %s: it has no access rule", m.Name)
		}
		if m.States == 0 {
			add("cannot serve %s: it is legal in no state", m.Name)
		}
		if m.Handler == nil {
			add("cannot serve %s: it has no handler", m.Name)
		}
		if m.MaxDescriptors < 0 || m.MaxDescriptors > 253 { // unix(7): SCM_MAX_FD
			add("cannot serve %s: a message carries 0 to 253 descriptors", m.Name)
		}
		if d.Lookup(MethodMember, m.Name) == nil {
			add("cannot serve %s: the description does not have it", m.Name)
		}
	}
	for _, m := range d.Members {
		if m.Kind == MethodMember && !rows[m.Name] {
			add("cannot serve %s: the description has it, the table has not", m.Name)
		}
	}
	return d, errors.Join(errs...)
}

// entry is a method ready to be called.
type entry struct {
	*Method
	full    string
	in, out *Type
}

// table is all that a server offers. It does not change once built.
type table struct {
	names        []string // of interfaces, in order
	descriptions map[string]string
	methods      map[string]*entry
	errors       map[string]*Type
	withFDs      []*entry
}

func newTable(interfaces []Interface) (*table, error) {
	t := &table{
		descriptions: map[string]string{},
		methods:      map[string]*entry{},
		errors:       map[string]*Type{},
	}
	var errs []error
	for i := range interfaces {
		face := &interfaces[i]
		d, err := face.parse()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if _, ok := t.descriptions[face.Name]; ok {
			errs = append(errs, fmt.Errorf("cannot serve the interface %s twice", face.Name))
			continue
		}
		t.names = append(t.names, face.Name)
		t.descriptions[face.Name] = face.Description
		for k := range face.Methods {
			m := &face.Methods[k]
			shape := d.Lookup(MethodMember, m.Name)
			e := &entry{Method: m, full: face.Name + "." + m.Name, in: shape.In, out: shape.Out}
			t.methods[e.full] = e
			if m.MaxDescriptors > 0 {
				t.withFDs = append(t.withFDs, e)
			}
		}
		for _, m := range d.Members {
			if m.Kind == ErrorMember {
				t.errors[face.Name+"."+m.Name] = m.Body
			}
		}
	}
	return t, errors.Join(errs...)
}

// missing says which of interface and method is not there.
func (t *table) missing(method string) *Error {
	face := method
	if i := strings.LastIndexByte(method, '.'); i >= 0 {
		face = method[:i]
	}
	if _, ok := t.descriptions[face]; !ok {
		return interfaceNotFound(face)
	}
	return methodNotFound(method)
}
