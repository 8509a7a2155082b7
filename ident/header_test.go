// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const bobHeader = "[bob;192.0.2.7/4711;ssh;1000;1000;4,6;/home/bob;adm,ops;]"

func TestParseHeader(t *testing.T) {
	want := Header{User: "bob", Address: netip.MustParseAddrPort("192.0.2.7:4711"), Proto: "ssh", UID: 1000, GID: 1000,
		GIDs: []uint32{4, 6}, Directory: "/home/bob", Groups: []string{"adm", "ops"}}
	for _, text := range []string{bobHeader, bobHeader + "\n"} {
		h, err := ParseHeader(text)
		if err != nil || !reflect.DeepEqual(h, want) {
			t.Errorf("%q is %+v, %v", text, h, err)
		}
	}
	if s := want.String(); s != bobHeader {
		t.Errorf("it is written as %s", s)
	}
	if h, err := ParseHeader("[a;::1/0;tcp;1;2;;;;]"); err != nil || h.GIDs != nil || h.Groups != nil || !h.Address.Addr().Is6() {
		t.Errorf("%+v, %v", h, err)
	}
	for _, bad := range []string{
		"", "[", "[]", "bob", "<hello/>", "[;]", bobHeader[1:], bobHeader[:len(bobHeader)-1], bobHeader + "\n\n", bobHeader + " ",
		"[bob;192.0.2.7/4711;ssh;1000;1000;4,6;/home/bob;adm,ops]",
		"[bob;192.0.2.7/4711;ssh;1000;1000;4,6;/home/bob;adm,ops;;]",
		"[bob;192.0.2.7/4711;ssh;1000;1000;;/home/bob;]",
		"[;192.0.2.7/4711;ssh;1000;1000;;;;]", "[b b;192.0.2.7/4711;ssh;1000;1000;;;;]", "[b\nb;192.0.2.7/4711;ssh;1000;1000;;;;]",
		"[b;192.0.2.7;ssh;1000;1000;;;;]", "[b;192.0.2.7/65536;ssh;1000;1000;;;;]", "[b;host/1;ssh;1000;1000;;;;]", "[b;fe80::1%eth0/1;ssh;1000;1000;;;;]",
		"[b;192.0.2.7/1;;1000;1000;;;;]", "[b;192.0.2.7/1;SSH;1000;1000;;;;]",
		"[b;192.0.2.7/1;ssh;;1000;;;;]", "[b;192.0.2.7/1;ssh;-1;1000;;;;]", "[b;192.0.2.7/1;ssh;4294967295;1000;;;;]", "[b;192.0.2.7/1;ssh;4294967296;1000;;;;]",
		"[b;192.0.2.7/1;ssh;+1;1000;;;;]", "[b;192.0.2.7/1;ssh; 1;1000;;;;]", "[b;192.0.2.7/1;ssh;0x1;1000;;;;]",
		"[b;192.0.2.7/1;ssh;1;;;;;]", "[b;192.0.2.7/1;ssh;1;1;,;;;]", "[b;192.0.2.7/1;ssh;1;1;1,;;;]",
		"[b;192.0.2.7/1;ssh;1;1;;home;;]", "[b;192.0.2.7/1;ssh;1;1;;/a\x01;;]", "[b;192.0.2.7/1;ssh;1;1;;;a,,b;]", "[b;192.0.2.7/1;ssh;1;1;;;a b;]",
		"[b\xff;192.0.2.7/1;ssh;1;1;;;;]", "[b\u202e;192.0.2.7/1;ssh;1;1;;;;]",
		"[" + strings.Repeat("b", maxHeader) + ";]",
	} {
		if h, err := ParseHeader(bad); !errors.Is(err, ErrRefused) {
			t.Errorf("%q is %+v, %v", bad, h, err)
		}
	}
}

func TestReadHeader(t *testing.T) {
	for _, tc := range []struct{ sent, rest string }{
		{bobHeader, ""}, {bobHeader + "\n", ""}, {bobHeader + "\n<hello/>", "<hello/>"}, {bobHeader + "<hello/>", "<hello/>"},
		{bobHeader + "\n\n<hello>", "\n<hello>"}, {bobHeader + "\r\n", "\r\n"}, {bobHeader + strings.Repeat("x", 5000), strings.Repeat("x", 5000)},
	} {
		for name, slow := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "data and EOF": iotest.DataErrReader} {
			h, rest, err := ReadHeader(slow(strings.NewReader(tc.sent)))
			if err != nil || h.User != "bob" {
				t.Fatalf("%s %.80q: %+v, %v", name, tc.sent, h, err)
			}
			got, err := io.ReadAll(rest)
			if err != nil || string(got) != tc.rest {
				t.Errorf("%s %.80q: the rest is %.80q, %v", name, tc.sent, got, err)
			}
		}
	}
	for _, bad := range []string{"", "[bob", "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">", strings.Repeat("[", 5000), bobHeader[:20] + "]"} {
		if h, _, err := ReadHeader(iotest.OneByteReader(strings.NewReader(bad))); !errors.Is(err, ErrRefused) {
			t.Errorf("%.80q is %+v, %v", bad, h, err)
		}
	}
}

// TestReadHeaderDoesNotWait: behind the ] there may be nothing for a while.
func TestReadHeaderDoesNotWait(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go func() { _, _ = io.WriteString(w, bobHeader) }()
	if h, _, err := ReadHeader(r); err != nil || h.User != "bob" {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestCheck(t *testing.T) {
	r := newResolver(userdb{path: "/nonexistent"}, writeFiles(t, somePasswd, someGroup), time.Now)
	bob, err := r.Actor(t.Context(), Peer{UID: 1000, Source: "127.0.0.1:9", Door: "netconf-tcp"})
	if err != nil {
		t.Fatal(err)
	}
	grant := Policy{Grants: []Grant{{User: "bob", As: []string{"nogroup", "root"}}}}
	claimed := Policy{Claimed: true}
	for _, tc := range []struct {
		header string
		policy Policy
		user   string
		groups string
		err    string
	}{
		{bobHeader, Policy{}, "bob", "bob,adm,ops", ""},
		{"[bob;127.0.0.1/1;tcp;1000;1000;;;;]", Policy{}, "bob", "bob,adm,ops", ""},
		{"[bob;127.0.0.1/1;tcp;1000;6;;;;]", Policy{}, "bob", "bob,adm,ops", ""},
		{"[root;127.0.0.1/1;tcp;1000;1000;;;;]", Policy{}, "", "", `the header says user "root" and the kernel says "bob"`},
		{"[bob;127.0.0.1/1;tcp;0;1000;;;;]", Policy{}, "", "", "it says uid 0 and the kernel says 1000"},
		{"[bob;127.0.0.1/1;tcp;1000;0;;;;]", Policy{}, "", "", "it says gid 0, which is no group of bob"},
		{"[bob;127.0.0.1/1;tcp;1000;1000;4,5;;;]", Policy{}, "", "", "it says gid 5, which is no group of bob"},
		{"[bob;127.0.0.1/1;tcp;1000;1000;999;;;]", Policy{}, "", "", "it says gid 999"},
		{"[bob;127.0.0.1/1;tcp;1000;1000;;;adm,nso-admin;]", Policy{}, "", "", `it says group "nso-admin", which is no group of bob`},
		{"[nogroup;127.0.0.1/1;tcp;1000;77;;;;]", grant, "nogroup", "", ""},
		{"[nogroup;127.0.0.1/1;tcp;1001;77;;;;]", grant, "nogroup", "", ""},
		{"[nogroup;127.0.0.1/1;tcp;0;77;;;;]", grant, "", "", "it says uid 0"},
		{"[nogroup;127.0.0.1/1;tcp;1001;77;;;adm;]", grant, "", "", `it says group "adm"`},
		{"[root;127.0.0.1/1;tcp;0;0;;;root;]", grant, "root", "root", ""},
		{"[bob;127.0.0.1/1;tcp;1000;1000;;;;]", grant, "bob", "bob,adm,ops", ""},
		{"[root;127.0.0.1/1;tcp;0;0;5;;wheel;]", claimed, "root", "wheel,root,bobby", ""},
		{"[whoever;127.0.0.1/1;tcp;9;9;;;;]", claimed, "whoever", "", ""},
	} {
		h, err := ParseHeader(tc.header)
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Check(t.Context(), h, bob, tc.policy)
		if tc.err != "" {
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: %+v, %v, not %q", tc.header, a, err, tc.err)
			}
			continue
		}
		groups := strings.FieldsFunc(tc.groups, func(r rune) bool { return r == ',' })
		if err != nil || a.User != tc.user || !slices.Equal(a.Groups, groups) || a.Own != "bob" || a.Peer.UID != 1000 || a.Source() != "127.0.0.1:9" {
			t.Errorf("%s: %+v, %v", tc.header, a, err)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte(bobHeader + "\n<hello/>"))
	f.Add([]byte("[a;::1/0;tcp;1;2;;;;]"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		h, rest, err := ReadHeader(bytes.NewReader(sent))
		h2, rest2, err2 := ReadHeader(iotest.OneByteReader(bytes.NewReader(sent)))
		if (err == nil) != (err2 == nil) || !reflect.DeepEqual(h, h2) {
			t.Fatalf("%+v, %v at once and %+v, %v in bytes", h, err, h2, err2)
		}
		if err != nil {
			return
		}
		a, _ := io.ReadAll(rest)
		b, _ := io.ReadAll(rest2)
		if !bytes.Equal(a, b) {
			t.Fatalf("the rest is %q and %q", a, b)
		}
		again, err := ParseHeader(h.String())
		if err != nil || !reflect.DeepEqual(h, again) {
			t.Fatalf("%+v is written as %s and read as %+v, %v", h, h, again, err)
		}
	})
}

func FuzzDiagReply(f *testing.F) {
	f.Add(request(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2"), 7), uint32(7))
	f.Add(make([]byte, replyLen), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, seq uint32) {
		o, err := reply(b, seq)
		if err == nil && len(b) < replyLen {
			t.Fatalf("%d bytes are an answer: %+v", len(b), o)
		}
	})
}

func FuzzFiles(f *testing.F) {
	f.Add("root:x:0:0::/:\n", "a:x:0:b,c\n")
	f.Fuzz(func(t *testing.T, passwd, group string) {
		a, err := writeFiles(t, passwd, group).find(t.Context(), func(string, uint32) bool { return true })
		if err == nil && a.UID == NoUID {
			t.Fatalf("account %+v", a)
		}
	})
}
