// SPDX-License-Identifier: Apache-2.0

package house

import (
	"nso.example/nso/auth"
	"nso.example/nso/helper"
)

// authenticator lets in who comes through a door over SSH and says what he wants there.
func (h *House) authenticator(door string, method helper.Method) (*auth.Authenticator, error) {
	return auth.New(auth.Options{Keys: h.opts.Keys, Resolver: h.resolver, Method: method,
		PAM: h.pam()})
}
