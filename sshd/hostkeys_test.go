// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func prints(t *testing.T, keys []ssh.Signer, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, k := range keys {
		all = append(all, k.PublicKey().Type()+" "+ssh.FingerprintSHA256(k.PublicKey()))
	}
	return strings.Join(all, "\n")
}

// TestHostKeys: made once, and the same ever after.
func TestHostKeys(t *testing.T) {
	state := filepath.Join(t.TempDir(), "ssh")
	keys, err := HostKeys("", state)
	first := prints(t, keys, err)
	if len(keys) != 2 || keys[0].PublicKey().Type() != ssh.KeyAlgoED25519 || keys[1].PublicKey().Type() != ssh.KeyAlgoECDSA256 {
		t.Errorf("the keys are %s", first)
	}
	entries, err := os.ReadDir(state)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %s, %v", e.Name(), info.Mode(), err)
		}
	}
	for _, credentials := range []string{"", t.TempDir(), filepath.Join(state, "not-there")} {
		keys, err = HostKeys(credentials, state)
		if again := prints(t, keys, err); again != first {
			t.Errorf("with credentials %q: %s, and before %s", credentials, again, first)
		}
	}

	// A credential wins, alone; a blank one is none, and blanks around one do nothing.
	other := t.TempDir()
	keys, err = HostKeys("", other)
	given := prints(t, keys[:1], err)
	text, err := os.ReadFile(filepath.Join(other, "ssh_host_ed25519_key"))
	if err != nil {
		t.Fatal(err)
	}
	credentials := t.TempDir()
	for name, text := range map[string][]byte{"ssh_host_ed25519_key": append([]byte("\n\t "), append(bytes.TrimSpace(text), "\r\n\n"...)...), "ssh_host_ecdsa_key": []byte(" \n\t\n")} {
		if err := os.WriteFile(filepath.Join(credentials, name), text, 0o440); err != nil {
			t.Fatal(err)
		}
	}
	keys, err = HostKeys(credentials, state)
	if got := prints(t, keys, err); got != given {
		t.Errorf("with a credential: %s, want %s", got, given)
	}
}

// TestHostKeysRefused: a key that cannot be used is said, and not replaced.
func TestHostKeysRefused(t *testing.T) {
	for _, c := range []struct {
		name, want string
		spoil      func(path string) error
	}{
		{"garbage", "no private key", func(p string) error { return os.WriteFile(p, []byte("what"), 0o600) }},
		{"empty", "it is empty", func(p string) error { return os.WriteFile(p, nil, 0o600) }},
		{"too long", "more than 32768 bytes", func(p string) error { return os.WriteFile(p, make([]byte, maxHostKey+1), 0o600) }},
		{"readable", "others may read it", func(p string) error { return os.Chmod(p, 0o640) }},
		{"of another kind", "of the kind ecdsa", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Link(filepath.Join(filepath.Dir(p), "ssh_host_ecdsa_key"), p)
		}},
		{"a link", "symbolic links", func(p string) error {
			if err := os.Rename(p, p+".real"); err != nil {
				return err
			}
			return os.Symlink(p+".real", p)
		}},
		{"a folder", "it is no file", func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Mkdir(p, 0o700)
		}},
		{"somebody else's", "belongs to uid 1", func(p string) error {
			if os.Getuid() != 0 {
				t.Skip("to give a file away takes root")
			}
			return os.Chown(p, 1, 1)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := t.TempDir()
			if _, err := HostKeys("", state); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(state, "ssh_host_ed25519_key")
			if err := c.spoil(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			if _, err := HostKeys("", state); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the key is another one")
			}
		})
	}
	if _, err := New(Options{}); err == nil {
		t.Error("a door without a host key opens")
	}
}
