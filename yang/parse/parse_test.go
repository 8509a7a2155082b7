// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"os"
	"path/filepath"
	"testing"
)

// texts are all published modules beside the checkout, by file name.
func texts(t testing.TB) map[string][]byte {
	t.Helper()
	dir := os.Getenv("NSO_YANG_DIR")
	if dir == "" {
		dir = "../../../shared/yang"
	}
	out := map[string][]byte{}
	for _, pattern := range []string{dir + "/*/*.yang", "../builtin/modules/*.yang"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(f)] = b
		}
	}
	return out
}

// TestPublished: every published module is read without complaint.
func TestPublished(t *testing.T) {
	for name, text := range texts(t) {
		if _, err := Parse(name, text); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkPublished reads all published modules, one after the other.
func BenchmarkPublished(b *testing.B) {
	all := texts(b)
	n := 0
	for _, t := range all {
		n += len(t)
	}
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		for name, text := range all {
			if _, err := Parse(name, text); err != nil {
				b.Fatal(err)
			}
		}
	}
}
