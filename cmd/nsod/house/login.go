// SPDX-License-Identifier: Apache-2.0

package house

import (
	"nso.example/nso/auth"
	"nso.example/nso/helper"
)

// keysDir is where the administrator lists the keys of users.
const keysDir = "/etc/nso/ssh/keys.d"

// authenticator lets in who comes through a door over SSH and says what he wants there.
func (h *House) authenticator(door string, method helper.Method) (*auth.Authenticator, error) {
	return auth.New(auth.Options{Keys: auth.Keys{Dir: keysDir, Owner: 0}, Resolver: h.resolver, Method: method,
		PAM: &helper.PAM{Queue: helper.NewQueue(helper.DefaultQueueLimits())}})
}
