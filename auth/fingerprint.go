// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"

	"golang.org/x/crypto/ssh"
)

// Fingerprints are those of the keys in a user's file, options or none. The error is
// that of a login with a key: fs.ErrNotExist where there is no file.
func (k Keys) Fingerprints(user string) (prints []string, err error) {
	text, err := k.read(user)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		if key, _, _, _, err := ssh.ParseAuthorizedKey(line); err == nil {
			prints = append(prints, ssh.FingerprintSHA256(key))
		}
	}
	return prints, nil
}

// Fingerprint is that of a key as it is on the wire; "" if it is none.
func Fingerprint(wire []byte) string {
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return ""
	}
	return ssh.FingerprintSHA256(key)
}
