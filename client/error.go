// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"strings"

	"nso.example/nso/ipc/varlink"
)

// Error is an error reply of the daemon.
type Error struct {
	Name       string          // fully qualified
	Parameters json.RawMessage // an object
}

// Error says it in words where there are some: most of our errors have a
// "message", and the standard ones have words here.
func (e *Error) Error() string {
	var p struct {
		Message   string `json:"message"`
		Parameter string `json:"parameter"`
		Interface string `json:"interface"`
		Method    string `json:"method"`
	}
	// The parameters of foreign errors may be anything; then p stays empty.
	_ = json.Unmarshal(e.Parameters, &p)
	if standard, ok := strings.CutPrefix(e.Name, varlink.ServiceInterface+"."); ok {
		switch standard {
		case "PermissionDenied":
			return "cannot do this: the daemon lets only its administrators; \"nso whoami\" says who you are to it"
		case "InvalidParameter":
			return "cannot take the parameter " + p.Parameter + ": it is missing, unknown or has a wrong value"
		case "InterfaceNotFound":
			return "cannot call anything of " + p.Interface + ": the daemon does not have this interface"
		case "MethodNotFound", "MethodNotImplemented":
			return "cannot call " + p.Method + ": the daemon does not have this method"
		case "ExpectedMore":
			return "cannot call this method without taking more than one reply"
		}
	}
	if p.Message != "" {
		return p.Message
	}
	if len(e.Parameters) > 2 {
		return e.Name + " " + string(e.Parameters)
	}
	return e.Name
}
