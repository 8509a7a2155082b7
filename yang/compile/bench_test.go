// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
)

// BenchmarkPublished compiles the IETF and OpenConfig modules together. B/op is
// all that is ever allocated, live-MB what the schema keeps, texts included, and
// cpu-ms the processor's time, which other work on the machine does not change.
func BenchmarkPublished(b *testing.B) {
	published(b, "openconfig") // or skip
	var schema *yang.Schema
	b.ReportAllocs()
	before, runs := cpu(b), 0
	for b.Loop() {
		runs++
		var src compile.Sources
		for _, d := range []string{"openconfig", "ietf"} {
			if err := src.AddDir(published(b, d)); err != nil {
				b.Fatal(err)
			}
		}
		s, _, err := compile.Compile(&src, compile.Options{All: true})
		if err != nil {
			b.Fatal(err)
		}
		schema = s
	}
	b.ReportMetric(float64((cpu(b)-before).Milliseconds())/float64(runs), "cpu-ms")
	b.ReportMetric(float64(len(schema.Nodes)), "nodes")
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/1e6, "live-MB")
	runtime.KeepAlive(schema)
}

// cpu is the processor's time of this process, the collector's included.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
