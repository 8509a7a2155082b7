// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// maxHostKey is the most that is read of a host key, bytes.
const maxHostKey = 32 << 10

// hostKey is a kind of key that this host can have.
type hostKey struct {
	name       string   // of its file: ssh_host_NAME_key
	algorithms []string // that it signs with
	generate   func() (crypto.PrivateKey, error)
}

func hostKinds() []hostKey {
	return []hostKey{
		{"ed25519", []string{ssh.KeyAlgoED25519}, func() (crypto.PrivateKey, error) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			return key, err
		}},
		{"ecdsa", []string{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}, func() (crypto.PrivateKey, error) {
			return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		}},
		{"rsa", []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}, nil},
	}
}

func (k hostKey) file() string { return "ssh_host_" + k.name + "_key" }

// HostKeys are this host's keys: those in the folder of credentials (which is "" where
// there is none) if there is one at all, where a blank one counts as absent; else
// those in the folder state, which are made there once.
func HostKeys(credentials, state string) ([]ssh.Signer, error) {
	var keys []ssh.Signer
	if credentials != "" {
		for _, k := range hostKinds() {
			// Whose the folder is, the service manager decides (systemd.exec(5), CREDENTIALS).
			signer, err := k.read(filepath.Join(credentials, k.file()), false)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if signer != nil {
				keys = append(keys, signer)
			}
		}
		if len(keys) > 0 {
			return keys, nil
		}
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make a folder for host keys: %w", err)
	}
	for _, k := range hostKinds() {
		path := filepath.Join(state, k.file())
		signer, err := k.read(path, true)
		if errors.Is(err, fs.ErrNotExist) && k.generate != nil {
			if err = k.make(state, path); err == nil {
				signer, err = k.read(path, true)
			}
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case signer == nil:
			return nil, fmt.Errorf("cannot use the host key %s: it is empty; remove it, and the daemon makes a new one", path)
		default:
			keys = append(keys, signer)
		}
	}
	return keys, nil
}

// read reads a key; nil for a file with nothing but blanks. private asks that it is
// this user's and nobody else can read it.
func (k hostKey) read(path string, private bool) (ssh.Signer, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read the host key %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	bad := func(format string, args ...any) error {
		return fmt.Errorf("cannot use the host key %s: "+format, append([]any{path}, args...)...)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, bad("%w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular() || !ok:
		return nil, bad("it is no file")
	case private && st.Uid != uint32(os.Geteuid()):
		return nil, bad("it belongs to uid %d and not to the daemon's", st.Uid)
	case private && info.Mode().Perm()&0o077 != 0:
		return nil, bad("others may read it; if nobody has, chmod 600 it, else remove it, and the daemon makes a new one")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxHostKey+1))
	defer clear(text)
	switch {
	case err != nil:
		return nil, bad("%w", err)
	case len(text) > maxHostKey:
		return nil, bad("it has more than %d bytes", maxHostKey)
	}
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) == 0 {
		return nil, nil
	}
	signer, err := ssh.ParsePrivateKey(trimmed)
	var missing *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &missing):
		return nil, bad("it has a passphrase; remove that with ssh-keygen -p")
	case err != nil: // its text may be of the key
		return nil, bad("it is no private key in the form of OpenSSH or PEM")
	}
	if c, ok := signer.PublicKey().(ssh.CryptoPublicKey); ok {
		if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() < 2048 {
			return nil, bad("an RSA key of %d bits is too short; 2048 are the least", r.N.BitLen())
		}
	}
	with, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, bad("it does not say what it signs with")
	}
	algorithms := k.algorithms
	if k.name == "ecdsa" { // one curve each
		algorithms = nil
		for _, a := range k.algorithms {
			if a == signer.PublicKey().Type() {
				algorithms = []string{a}
			}
		}
	}
	if len(algorithms) == 0 {
		return nil, bad("it is of the kind %s", signer.PublicKey().Type())
	}
	limited, err := ssh.NewSignerWithAlgorithms(with, algorithms) // no ssh-rsa: that is SHA-1
	if err != nil {
		return nil, bad("it is of the kind %s", signer.PublicKey().Type())
	}
	return limited, nil
}

// make makes a key that is whole on the disk before it has its name, and that
// replaces nothing.
func (k hostKey) make(folder, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot make the host key %s: %w", path, err)
		}
	}()
	key, err := k.generate()
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(key, "nso")
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(block)
	defer clear(text)
	f, err := os.CreateTemp(folder, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err = f.Write(text); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
