// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Error is an error reply. A handler returns one (it may be wrapped) to say
// something to the client; any other error is our fault and reaches the client
// only as a number.
type Error struct {
	Name       string // fully qualified: org.example.thing.NotThere
	Parameters any    // marshals to a JSON object; nil for none
}

func (e *Error) Error() string {
	if e.Parameters == nil {
		return e.Name
	}
	text, err := json.Marshal(e.Parameters)
	if err != nil {
		return e.Name
	}
	return e.Name + " " + string(text)
}

// The errors of org.varlink.service.
const (
	errInterfaceNotFound = ServiceInterface + ".InterfaceNotFound"
	errMethodNotFound    = ServiceInterface + ".MethodNotFound"
	errInvalidParameter  = ServiceInterface + ".InvalidParameter"
	errPermissionDenied  = ServiceInterface + ".PermissionDenied"
	errExpectedMore      = ServiceInterface + ".ExpectedMore"
)

// The errors of org.nso.Protocol, all with a parameter "message".
const (
	errMalformed      = ProtocolInterface + ".Malformed"
	errTooLarge       = ProtocolInterface + ".TooLarge"
	errTooMany        = ProtocolInterface + ".TooMany"
	errTimedOut       = ProtocolInterface + ".TimedOut"
	errWrongState     = ProtocolInterface + ".WrongState"
	errBadDescriptors = ProtocolInterface + ".BadDescriptors"
	errShuttingDown   = ProtocolInterface + ".ShuttingDown"
	errInternal       = ProtocolInterface + ".Internal"
)

// InvalidParameter is the standard error that names a parameter.
func InvalidParameter(name string) *Error {
	return &Error{errInvalidParameter, struct {
		Parameter string `json:"parameter"`
	}{name}}
}

// PermissionDenied is the standard refusal.
func PermissionDenied() *Error { return &Error{Name: errPermissionDenied} }

// ExpectedMore is the standard answer to a call that needs "more".
func ExpectedMore() *Error { return &Error{Name: errExpectedMore} }

func interfaceNotFound(name string) *Error {
	return &Error{errInterfaceNotFound, struct {
		Interface string `json:"interface"`
	}{name}}
}

func methodNotFound(name string) *Error {
	return &Error{errMethodNotFound, struct {
		Method string `json:"method"`
	}{name}}
}

type protocolParameters struct {
	Message string `json:"message"`
	Method  string `json:"method,omitempty"`
	Limit   *int   `json:"limit,omitempty"`
	Number  uint64 `json:"number,omitempty"`
}

func malformed(err error) *Error {
	return &Error{errMalformed, protocolParameters{Message: err.Error()}}
}

func tooLarge(limit int) *Error {
	return &Error{errTooLarge, protocolParameters{
		Message: fmt.Sprintf("cannot take a message of more than %d bytes here; send it in parts", limit), Limit: &limit}}
}

func noMemory() *Error {
	limit := smallBuffer
	return &Error{errTooLarge, protocolParameters{
		Message: "cannot take a large message now: too many are under way; try again later", Limit: &limit}}
}

func tooMany(whose string, limit int) *Error {
	return &Error{errTooMany, protocolParameters{
		Message: fmt.Sprintf("cannot open another connection: %s has %d of them; close one", whose, limit), Limit: &limit}}
}

func timedOut(what string) *Error {
	return &Error{errTimedOut, protocolParameters{Message: "cannot wait any longer for " + what}}
}

func wrongState(method string) *Error {
	return &Error{errWrongState, protocolParameters{
		Message: "cannot call " + method + " in the present state of the connection", Method: method}}
}

func badDescriptors(method string, limit int) *Error {
	return &Error{errBadDescriptors, protocolParameters{
		Message: fmt.Sprintf("cannot take more than %d descriptors with %s", limit, method), Limit: &limit}}
}

func shuttingDown() *Error {
	return &Error{errShuttingDown, protocolParameters{Message: "cannot begin anything: the daemon is stopping"}}
}

func internalError(number uint64) *Error {
	return &Error{errInternal, protocolParameters{
		Message: fmt.Sprintf("internal error: see number %d in the daemon's log", number), Number: number}}
}

var (
	// ErrShuttingDown is the cause of a context that Shutdown cancelled.
	ErrShuttingDown = errors.New("the server is shutting down")
	// ErrGone is the cause of a context whose client went away.
	ErrGone = errors.New("the client went away")
)
