// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/x/crypt"
)

// The methods of iana-crypt-hash.
const (
	clear0 = "0" // no hash: the password itself
	md5    = "1"
	sha2   = "5" // SHA-256
	sha5   = "6" // SHA-512
)

// Limits of what a hash may cost.
const (
	// MaxPassword is the longest password in bytes: the cost grows with it. It is that
	// of PAM.
	MaxPassword = 511

	defaultRounds = 5000   // where a hash does not say how many
	minRounds     = 1000   // fewer are taken for that many, as crypt(3) does
	maxRounds     = 500000 // some hundred milliseconds

	saltLength = 16
)

// hash is a value of the type crypt-hash that can be verified.
type hash struct {
	method string
	rounds int
	salt   []byte
	sum    []byte // as it is written
}

// parse takes a value apart that the type crypt-hash allows.
func parse(value string) (hash, error) {
	method, rest, ok := strings.Cut(strings.TrimPrefix(value, "$"), "$")
	h := hash{method: method}
	if !ok || value[0] != '$' {
		return h, errors.New("it is no hash")
	}
	longest := 16
	switch method {
	case md5:
		h.rounds, longest = 1000, 8
	case sha2, sha5:
		h.rounds = defaultRounds
		if number, after, ok := strings.Cut(rest, "$"); ok && strings.HasPrefix(number, "rounds=") {
			n, err := strconv.Atoi(strings.TrimPrefix(number, "rounds="))
			if err != nil || n > maxRounds {
				return h, fmt.Errorf("its hash has more than %d rounds", maxRounds)
			}
			h.rounds, rest = max(n, minRounds), after
		}
	case clear0:
		return h, errors.New("it is not hashed")
	default:
		return h, fmt.Errorf("its hash is of a method %.8q that is not known", method)
	}
	salt, sum, ok := strings.Cut(rest, "$")
	if !ok || len(salt) == 0 || len(salt) > longest || strings.Contains(sum, "$") {
		return h, errors.New("it is no hash")
	}
	h.salt, h.sum = []byte(salt), []byte(sum)
	return h, nil
}

// key is what the hash of a password is, with the method, rounds and salt of h.
func (h hash) key(password []byte) []byte {
	switch h.method {
	case md5:
		return crypt.KeyMD5Crypt(password, h.salt)
	case sha2:
		return crypt.KeySHACrypt(sha256.New, password, h.salt, h.rounds)
	}
	return crypt.KeySHACrypt(sha512.New, password, h.salt, h.rounds)
}

// of reports whether the password is the one that was hashed.
func (h hash) of(password []byte) bool {
	return subtle.ConstantTimeCompare(h.key(password), h.sum) == 1
}

// cost is what a check costs, in rounds of SHA-512. The other two are quicker; how much
// depends on the processor, and what is left of that hides in the beat of answers.
func (h hash) cost() int {
	if h.method == sha5 {
		return h.rounds
	}
	return (h.rounds + 1) / 2
}

// nobody is what stands in for the hash of who has none: no password is right.
func nobody() hash {
	return hash{method: sha5, rounds: defaultRounds, salt: bytes.Repeat([]byte("."), saltLength), sum: nil}
}

// burn costs so many rounds and does nothing.
func burn(rounds int, password []byte) {
	if rounds > 0 {
		crypt.KeySHACrypt(sha512.New, password, nobody().salt, rounds)
	}
}

// inClear is the password in a value that says it in clear.
func inClear(value string) (string, bool) { return strings.CutPrefix(value, "$"+clear0+"$") }

// sum hashes a password with SHA-512 and a salt at random.
func sum(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("an empty password")
	case len(password) > MaxPassword:
		return "", fmt.Errorf("a password of more than %d bytes", MaxPassword)
	case strings.ContainsAny(password, "\x00\n\r"):
		return "", errors.New("a password with an end of line in it")
	}
	h := nobody()
	h.salt = salt()
	return "$" + sha5 + "$" + string(h.salt) + "$" + string(h.key([]byte(password))), nil
}

// salt is 96 bits at random in the characters of crypt(3).
func salt() []byte {
	const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	s := make([]byte, saltLength)
	_, _ = rand.Read(s) // never fails (crypto/rand)
	for i, b := range s {
		s[i] = alphabet[b%byte(len(alphabet))]
	}
	return s
}
