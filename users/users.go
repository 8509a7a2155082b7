// SPDX-License-Identifier: Apache-2.0

package users

import (
	"encoding/base64"
	"errors"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

const system = "ietf-system"

// Users are the users of one version of the data. A nil *Users has none. Many
// goroutines may use it.
type Users struct {
	list *tree.List
	cost int // of the costliest hash, and at least that of one as we make it

	password, key, algorithm, data *yang.Node
}

// Key is a key of a user (RFC 7317, 3.5.2).
type Key struct {
	Name      string
	Algorithm string // as "ssh-ed25519"
	Data      []byte // as on the wire (RFC 4253, 6.6)
}

// MaxKeys is how many keys of a user count: the first in the order of their names.
const MaxKeys = 128

// Data returns the container of root that Users depend on and nothing else, nil if
// there is none.
func Data(schema *yang.Schema, root *tree.Node) *tree.Node {
	s := schema.Root.Child(system, "system")
	if s == nil {
		return nil
	}
	a := s.Child(system, "authentication")
	if a == nil { // the feature is off
		return nil
	}
	return root.Container(s).Container(a)
}

// Compile makes the Users of a container as Data returns it.
func Compile(data *tree.Node) *Users {
	u := &Users{cost: nobody().cost()}
	if data == nil {
		return u
	}
	user := data.Schema().Child(system, "user")
	if user == nil { // the feature is off
		return u
	}
	u.list = data.List(user)
	u.password = user.Child(system, "password")
	if u.key = user.Child(system, "authorized-key"); u.key != nil {
		u.algorithm, u.data = u.key.Child(system, "algorithm"), u.key.Child(system, "key-data")
	}
	for entry := range u.list.All() {
		if h, err := u.hash(entry); err == nil {
			u.cost = max(u.cost, h.cost())
		}
	}
	return u
}

// hash is the hash of a user; an error says why no password is right.
func (u *Users) hash(entry *tree.Node) (hash, error) {
	if entry == nil {
		return nobody(), errors.New("there is no such user in the data")
	}
	if u.password == nil {
		return nobody(), errors.New("the model has no passwords")
	}
	value, ok := entry.Leaf(u.password)
	if !ok {
		return nobody(), errors.New("the user in the data has no password")
	}
	h, err := parse(value)
	if err != nil {
		return nobody(), errors.New("the user in the data has a password that cannot be checked: " + err.Error())
	}
	return h, nil
}

func (u *Users) entry(name string) *tree.Node {
	if u == nil || u.list == nil {
		return nil
	}
	return u.list.Get(tree.MakeKey(u.list.Schema(), name))
}

// Check says whether the password is that of the user, nil if it is. The error is for
// the log.
func (u *Users) Check(name string, password []byte) error {
	if len(password) > MaxPassword {
		return errors.New("the password is too long")
	}
	cost := nobody().cost()
	if u != nil {
		cost = u.cost
	}
	h, err := u.hash(u.entry(name))
	right := h.of(password)
	burn(cost-h.cost(), password)
	switch {
	case err != nil:
		return err
	case !right || len(password) == 0:
		return errors.New("the password is not that of the user in the data")
	}
	return nil
}

// Checkable says why no password of the user can be right, nil if one can.
func (u *Users) Checkable(name string) error {
	entry := u.entry(name)
	if entry == nil {
		return errors.New("there is no such user in the data")
	}
	_, err := u.hash(entry)
	return err
}

// Keys are the keys of the user.
func (u *Users) Keys(name string) []Key {
	entry := u.entry(name)
	if entry == nil || u.algorithm == nil || u.data == nil {
		return nil
	}
	var keys []Key
	for e := range entry.List(u.key).All() {
		if len(keys) == MaxKeys {
			break
		}
		k := Key{Name: e.Key().Values(u.key)[0]}
		k.Algorithm, _ = e.Leaf(u.algorithm)
		text, _ := e.Leaf(u.data)
		var err error
		if k.Data, err = base64.StdEncoding.DecodeString(text); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}
