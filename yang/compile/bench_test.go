// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"testing"

	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
)

// BenchmarkPublished compiles the IETF and OpenConfig modules together.
func BenchmarkPublished(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var src compile.Sources
		for _, d := range []string{"openconfig", "ietf"} {
			if err := src.AddDir(dir(b) + "/" + d); err != nil {
				b.Fatal(err)
			}
		}
		s, _, err := compile.Compile(&src, compile.Options{All: true})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(s.Nodes)), "nodes")
	}
}

// BenchmarkBuiltin compiles what a daemon without a model directory has.
func BenchmarkBuiltin(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var src compile.Sources
		if err := src.AddFS(builtin.FS()); err != nil {
			b.Fatal(err)
		}
		if _, _, err := compile.Compile(&src, compile.Options{All: true}); err != nil {
			b.Fatal(err)
		}
	}
}
