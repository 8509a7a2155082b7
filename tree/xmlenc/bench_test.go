// SPDX-License-Identifier: Apache-2.0

package xmlenc_test

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree/check"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

// interfaces is a configuration of ietf-interfaces and ietf-ip, as a device may
// have it, of at least that many bytes.
func interfaces(size int) []byte {
	var b strings.Builder
	b.WriteString("<data xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\n <interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `  <interface>
   <name>eth%d/%d</name>
   <description>to customer %d, line %d</description>
   <type xmlns:ianaift="urn:ietf:params:xml:ns:yang:iana-if-type">ianaift:ethernetCsmacd</type>
   <enabled>%t</enabled>
   <ipv4 xmlns="urn:ietf:params:xml:ns:yang:ietf-ip">
    <forwarding>true</forwarding>
    <mtu>1500</mtu>
    <address>
     <ip>10.%d.%d.1</ip>
     <prefix-length>24</prefix-length>
    </address>
   </ipv4>
   <ipv6 xmlns="urn:ietf:params:xml:ns:yang:ietf-ip">
    <address>
     <ip>2001:db8:%x::1</ip>
     <prefix-length>64</prefix-length>
    </address>
   </ipv6>
  </interface>
`, i/48, i%48, i*7, i, i%5 > 0, i>>8&0xff, i&0xff, i&0xffff)
	}
	b.WriteString(" </interfaces>\n</data>\n")
	return []byte(b.String())
}

// processor reports megabytes a second of processor time, garbage collection
// included: the figure that counts on a machine that does other things, too.
func processor(b *testing.B, size int) func() {
	used := func() float64 {
		var u syscall.Rusage
		must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	before := used()
	return func() { b.ReportMetric(float64(size)*float64(b.N)/1e6/(used()-before), "MB/cpu-s") }
}

func benchSchema(b *testing.B) *yang.Schema {
	return yangtest.Schema(b, "ietf-interfaces", "ietf-ip", "iana-if-type")
}

// BenchmarkXMLIntoValidatedTree10MBInterfaces: to reach, 120 MB/s on one core.
func BenchmarkXMLIntoValidatedTree10MBInterfaces(b *testing.B) {
	s := benchSchema(b)
	rules, err := check.Compile(s)
	must(b, err)
	text := interfaces(10 << 20)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	defer processor(b, len(text))()
	for b.Loop() {
		n, err := xmlenc.DecodeTree(xmlstream.NewBytes(text, xmlstream.Limits{}), s, xmlenc.DecodeOptions{ConfigOnly: true})
		must(b, err)
		if errs := rules.Document(n); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}

// BenchmarkXMLIntoTree10MBInterfaces is that without the validation.
func BenchmarkXMLIntoTree10MBInterfaces(b *testing.B) {
	s := benchSchema(b)
	text := interfaces(10 << 20)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	defer processor(b, len(text))()
	for b.Loop() {
		_, err := xmlenc.DecodeTree(xmlstream.NewBytes(text, xmlstream.Limits{}), s, xmlenc.DecodeOptions{ConfigOnly: true})
		must(b, err)
	}
}

// BenchmarkTreeToXML10MBInterfaces: to reach, 600 MB/s on one core.
func BenchmarkTreeToXML10MBInterfaces(b *testing.B) {
	s := benchSchema(b)
	n, err := xmlenc.DecodeTree(xmlstream.NewBytes(interfaces(10<<20), xmlstream.Limits{}), s, xmlenc.DecodeOptions{})
	must(b, err)
	size := len(encode(b, n, ""))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	defer processor(b, size)()
	for b.Loop() {
		w := xmlstream.NewWriter(io.Discard)
		w.Start("", "data")
		must(b, xmlenc.Encode(w, n, xmlenc.Options{Modules: s.Module}))
		w.End()
		must(b, w.Flush())
	}
}
