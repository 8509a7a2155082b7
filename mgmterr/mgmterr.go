// SPDX-License-Identifier: Apache-2.0

// Package mgmterr is the error that a management client is told: the rpc-error
// of RFC 6241, 4.3, as a Go value.
//
// Message is safe to show to whoever asked; the cause is for the log alone.
// Rooms that render errors (netconf, ipc) look for an *Error or a List; any
// other error is our bug and is answered with a number.
package mgmterr

import (
	"errors"
	"fmt"
	"strings"
)

// Tag is an error-tag (RFC 6241, Appendix A).
type Tag string

// The tags of RFC 6241, Appendix A.
const (
	InUse                 Tag = "in-use"
	InvalidValue          Tag = "invalid-value"
	TooBig                Tag = "too-big"
	MissingAttribute      Tag = "missing-attribute"
	BadAttribute          Tag = "bad-attribute"
	UnknownAttribute      Tag = "unknown-attribute"
	MissingElement        Tag = "missing-element"
	BadElement            Tag = "bad-element"
	UnknownElement        Tag = "unknown-element"
	UnknownNamespace      Tag = "unknown-namespace"
	AccessDenied          Tag = "access-denied"
	LockDenied            Tag = "lock-denied"
	ResourceDenied        Tag = "resource-denied"
	RollbackFailed        Tag = "rollback-failed"
	DataExists            Tag = "data-exists"
	DataMissing           Tag = "data-missing"
	OperationNotSupported Tag = "operation-not-supported"
	OperationFailed       Tag = "operation-failed"
	MalformedMessage      Tag = "malformed-message"
)

// Type is an error-type: the layer at which the error occurred.
type Type string

// The layers of RFC 6241, 4.3.
const (
	Transport   Type = "transport"
	RPC         Type = "rpc"
	Protocol    Type = "protocol"
	Application Type = "application"
)

// Info is one child of error-info; Name may be OUTER/INNER for one inside another. Names
// without Namespace are NETCONF's own.
type Info struct{ Namespace, Name, Value string }

// Error is one rpc-error.
type Error struct {
	Type    Type // "" means Application
	Tag     Tag
	AppTag  string
	Path    string // instance path, names as module:name where the module changes (RFC 7951, 6.11)
	Message string // begins "cannot ..." where something was refused; safe to show
	Info    []Info
	cause   error
}

// New makes an error of the application layer.
func New(tag Tag, path, format string, args ...any) *Error {
	return &Error{Type: Application, Tag: tag, Path: path, Message: fmt.Sprintf(format, args...)}
}

// WithCause returns e with the cause for the log.
func (e *Error) WithCause(err error) *Error { e.cause = err; return e }

// WithInfo returns e with one more child of error-info.
func (e *Error) WithInfo(name, value string) *Error {
	e.Info = append(e.Info, Info{Name: name, Value: value})
	return e
}

// WithAppTag returns e with an error-app-tag.
func (e *Error) WithAppTag(tag string) *Error { e.AppTag = tag; return e }

// OfType returns e at another layer.
func (e *Error) OfType(t Type) *Error { e.Type = t; return e }

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Unwrap gives the cause, for the log.
func (e *Error) Unwrap() error { return e.cause }

// Denial is the cause of a refusal of access control: what decided, for the log.
type Denial struct {
	By    string // rule and rule list, or what stands for them
	Path  string // of the node that was asked about
	Quiet bool   // to tell By would tell of a node that the client may not read
}

func (d *Denial) Error() string { return "denied by " + d.By }

// List is several errors of one request, in the order found.
type List []*Error

func (l List) Error() string {
	texts := make([]string, len(l))
	for i, e := range l {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

// Of returns the errors that err is made of, or nil if it is none of ours.
func Of(err error) List {
	var l List
	if errors.As(err, &l) {
		return l
	}
	var e *Error
	if errors.As(err, &e) {
		return List{e}
	}
	return nil
}
