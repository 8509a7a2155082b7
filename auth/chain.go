// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Method is a method of RFC 4252 or RFC 4256, by its name there.
type Method string

// The methods there are.
const (
	PublicKey           Method = "publickey"
	Password            Method = "password"
	KeyboardInteractive Method = "keyboard-interactive"
)

// Chain is what it takes to come in: each method, one after the other.
type Chain []Method

// DefaultChains ask for one method of three. With several factors, PAM asks for those
// beyond the key or the password.
func DefaultChains() []Chain {
	return []Chain{{PublicKey}, {KeyboardInteractive}, {Password}}
}

// ParseChains reads ways in as login.ssh of nso.toml has them: "publickey,password".
func ParseChains(ways []string) ([]Chain, error) {
	chains := make([]Chain, len(ways))
	for i, way := range ways {
		for word := range strings.SplitSeq(way, ",") {
			chains[i] = append(chains[i], Method(word))
		}
	}
	return chains, checkChains(chains)
}

// asks reports whether a chain has a method by which something is typed.
func (c Chain) asks() bool {
	return slices.Contains(c, Password) || slices.Contains(c, KeyboardInteractive)
}

// WithoutPasswords are those of the chains that ask for nothing that is typed.
func WithoutPasswords(chains []Chain) []Chain {
	return slices.DeleteFunc(slices.Clone(chains), Chain.asks)
}

func checkChains(chains []Chain) error {
	if len(chains) == 0 {
		return errors.New("cannot let anybody in without a login method")
	}
	for _, c := range chains {
		if len(c) == 0 {
			return errors.New("cannot use a chain of no login methods: it would let everybody in")
		}
		for i, m := range c {
			switch m {
			case PublicKey, Password, KeyboardInteractive:
			default:
				return fmt.Errorf("cannot use the login method %.40q; there are publickey, password and keyboard-interactive", m)
			}
			if slices.Contains(c[:i], m) {
				return fmt.Errorf("cannot use the login method %s twice in a chain", m)
			}
		}
	}
	return nil
}

// next says which methods may follow those that have succeeded, and whether these are
// enough.
func next(chains []Chain, done []Method) (methods []Method, enough bool) {
	for _, c := range chains {
		switch {
		case len(c) < len(done) || !slices.Equal(c[:len(done)], done):
		case len(c) == len(done):
			enough = true
		case !slices.Contains(methods, c[len(done)]):
			methods = append(methods, c[len(done)])
		}
	}
	return methods, enough
}
