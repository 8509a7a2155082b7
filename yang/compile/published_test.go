// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
)

func dir(t testing.TB) string {
	if d := os.Getenv("NSO_YANG_DIR"); d != "" {
		return d
	}
	return "../../../shared/yang"
}

func TestBuiltin(t *testing.T) {
	var src compile.Sources
	if err := src.AddFS(builtin.FS()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	s, w, err := compile.Compile(&src, compile.Options{All: true})
	t.Log(time.Since(start))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(s.Nodes), w)
}

func TestTmpIETF(t *testing.T) {
	for _, ds := range [][]string{{"ietf"}, {"openconfig", "ietf"}, {"micro"}} {
		var src compile.Sources
		for _, d := range ds {
			if err := src.AddDir(dir(t) + "/" + d); err != nil {
				t.Fatal(err)
			}
		}
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		start := time.Now()
		s, w, err := compile.Compile(&src, compile.Options{All: true})
		el := time.Since(start)
		runtime.ReadMemStats(&m1)
		t.Log(ds, el, (m1.TotalAlloc-m0.TotalAlloc)>>20, "MB")
		if err != nil {
			t.Error(err)
			continue
		}
		t.Log(len(s.Nodes))
		for i := range w {
			t.Log(w[i].Error())
		}
	}
}
