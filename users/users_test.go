// SPDX-License-Identifier: Apache-2.0

package users

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m {
  yang-version 1.1; namespace "urn:m"; prefix m;
  import iana-crypt-hash { prefix ch; }
  typedef mine { type ch:crypt-hash; }
  container top {
    leaf one { type ch:crypt-hash; }
    leaf two { type mine; }
    leaf three { type union { type uint8; type ch:crypt-hash; } }
    leaf text { type string; }
    leaf-list many { type ch:crypt-hash; }
    list l { key k; leaf k { type string; } container in { leaf p { type ch:crypt-hash; } leaf q { type string; } } }
    list keyed { key k; leaf k { type ch:crypt-hash; } }
  }
}`

// data makes a tree of "path=value".
func data(t testing.TB, s *yang.Schema, from *tree.Node, sets ...string) *tree.Node {
	t.Helper()
	if from == nil {
		from = tree.New(s.Root)
	}
	ed := tree.NewEditor(from)
	for _, set := range sets {
		path, value := set, ""
		from := strings.LastIndex(set, "]") + 1
		if i := strings.Index(set[from:], "="); i >= 0 {
			path, value = set[:from+i], set[from+i+1:]
		}
		p, err := tree.ParsePath(s, path)
		if err == nil {
			err = ed.Set(p, value)
		}
		if err != nil {
			t.Fatal(set, err)
		}
	}
	return ed.Root()
}

func leaf(t testing.TB, s *yang.Schema, root *tree.Node, path string) string {
	t.Helper()
	p, err := tree.ParsePath(s, path)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := root.Find(p)
	return c.Value
}

func TestHasher(t *testing.T) {
	s := yangtest.Schema(t, model)
	h := NewHasher(s)
	before := data(t, s, nil, "/m:top/text=x", "/m:top/l[k='a']/in/q=x", "/m:top/l[k='b']/in/p=$1$abcdefgh$1s0bv7.OjNizlrMAOIQD7.")
	after := data(t, s, before, "/m:top/one=$0$secret", "/m:top/two=$0$secret", "/m:top/three=$0$secret", "/m:top/text=$0$secret",
		"/m:top/l[k='a']/in/p=$0$secret", "/m:top/l[k='c']/in/p=$0$secret", "/m:top/l[k='c']/in/q=$0$secret")
	root, err := h.Hash(before, after)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/m:top/one", "/m:top/two", "/m:top/three", "/m:top/l[k='a']/in/p", "/m:top/l[k='c']/in/p"} {
		value := leaf(t, s, root, path)
		if got, err := parse(value); err != nil || !got.of([]byte("secret")) || got.method != sha5 {
			t.Errorf("%s is %s: %v", path, value, err)
		}
	}
	for path, want := range map[string]string{"/m:top/text": "$0$secret", "/m:top/l[k='c']/in/q": "$0$secret",
		"/m:top/l[k='b']/in/p": "$1$abcdefgh$1s0bv7.OjNizlrMAOIQD7."} {
		if got := leaf(t, s, root, path); got != want {
			t.Errorf("%s is %s", path, got)
		}
	}
	if again, err := h.Hash(before, root); err != nil || again != root {
		t.Errorf("hashed again: %v", err)
	}
	if same, err := h.Hash(after, after); err != nil || same != after {
		t.Errorf("what is the same is changed: %v", err)
	}
	hash := leaf(t, s, root, "/m:top/one")
	stays := data(t, s, root, "/m:top/two="+hash)
	if got, err := h.Hash(root, stays); err != nil || got != stays {
		t.Errorf("a hash is hashed: %v", err)
	}
	for _, set := range []string{"/m:top/many[.='$0$secret']", "/m:top/keyed[k='$0$secret']", "/m:top/one=$0$",
		"/m:top/one=$0$" + strings.Repeat("x", MaxPassword+1)} {
		p, err := tree.ParsePath(s, strings.SplitN(set, "=$", 2)[0])
		if strings.Contains(set, "]") {
			p, err = tree.ParsePath(s, set)
		}
		if err != nil {
			t.Fatal(err)
		}
		ed := tree.NewEditor(before)
		value := ""
		if i := strings.Index(set, "=$"); i > 0 && !strings.Contains(set, "]") {
			value = set[i+1:]
		}
		if err := ed.Set(p, value); err != nil {
			t.Fatal(err)
		}
		if root, err := h.Hash(before, ed.Root()); err == nil || root != nil {
			t.Errorf("%.40s is accepted", set)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	none := NewHasher(yangtest.Schema(t, "ietf-interfaces"))
	if len(none.holds) != 0 {
		t.Error("a schema without such a leaf has one")
	}
}

const user = "/ietf-system:system/authentication/user"

func TestUsers(t *testing.T) {
	s := yangtest.Schema(t, "ietf-system", "iana-crypt-hash")
	key := base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x03abc"))
	sets := []string{user + "[name='ann']/password=$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
		user + "[name='bob']", user + "[name='old']/password=$1$abcdefgh$1s0bv7.OjNizlrMAOIQD7.",
		user + "[name='slow']/password=$6$rounds=9999999$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."}
	for i := range MaxKeys + 3 {
		at := user + fmt.Sprintf("[name='bob']/authorized-key[name='k%03d']/", i)
		sets = append(sets, at+"algorithm=ssh-x", at+"key-data="+key)
	}
	root := data(t, s, nil, sets...)
	u := Compile(Data(s, root))
	for _, c := range []struct{ name, password, want string }{
		{"ann", "Hello world!", ""},
		{"ann", "hello world!", "is not that of"},
		{"ann", "", "is not that of"},
		{"old", "pass", ""},
		{"old", "Hello world!", "is not that of"},
		{"bob", "", "has no password"},
		{"slow", "Hello world!", "more than 500000 rounds"},
		{"eve", "Hello world!", "no such user"},
		{"", "", "no such user"},
		{"ann", strings.Repeat("x", MaxPassword+1), "too long"},
	} {
		err := u.Check(c.name, []byte(c.password))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s with %.20q: %v", c.name, c.password, err)
		}
	}
	keys := u.Keys("bob")
	if len(keys) != MaxKeys || keys[0].Name != "k000" || keys[0].Algorithm != "ssh-x" || string(keys[0].Data) != "\x00\x00\x00\x03abc" {
		t.Errorf("%d keys, %v", len(keys), keys[:min(1, len(keys))])
	}
	if keys := append(u.Keys("ann"), u.Keys("eve")...); keys != nil {
		t.Errorf("keys of nobody: %v", keys)
	}
	if u.cost != 5000 { // that of ann: 10000 of SHA-256
		t.Errorf("the costliest hash is %d", u.cost)
	}
	var none *Users
	if err := none.Check("ann", []byte("x")); err == nil || none.Keys("ann") != nil {
		t.Error("no users have one")
	}
	if err := Compile(nil).Check("ann", []byte("x")); err == nil {
		t.Error("no users have one")
	}
}

// TestFeatures: what this room needs of the model is in the schema of the daemon, and a
// schema without it is none of its business.
func TestFeatures(t *testing.T) {
	s := yangtest.Schema(t, "ietf-system", "iana-crypt-hash")
	for module, want := range map[string][]string{
		"ietf-system":     {"authentication", "local-users"},
		"iana-crypt-hash": {"crypt-hash-md5", "crypt-hash-sha-256", "crypt-hash-sha-512"}, // RFC 7317, 4: each of them can be checked
	} {
		for _, f := range want {
			if !slices.Contains(s.Module(module).Features, f) {
				t.Errorf("%s is without %s", module, f)
			}
		}
	}
	none := yangtest.Schema(t, "ietf-interfaces")
	if Data(none, tree.New(none.Root)) != nil {
		t.Error("there is what is not in the schema")
	}
}
