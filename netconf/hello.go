// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"nso.example/nso/internal/xmlstream"
)

// helloSize bounds the client's hello: some send hundreds of capabilities.
const helloSize = 1 << 20

// hello exchanges the hellos (RFC 6241, 8.1) and settles the framing (RFC 6242,
// 4.1). A hello that is not one ends the session without an answer.
func (ss *session) hello() error {
	w := ss.w
	w.Declaration()
	w.Start(nsBase, "hello")
	w.Start(nsBase, "capabilities")
	for _, c := range ss.server.capabilities {
		w.Leaf(nsBase, "capability", c)
	}
	w.End()
	w.Leaf(nsBase, "session-id", strconv.FormatUint(uint64(ss.mgmt.ID()), 10))
	w.End()
	if err := w.Flush(); err != nil {
		return err
	}
	if err := ss.out.End(); err != nil {
		return err
	}
	if ss.peer.Greeted != nil {
		ss.peer.Greeted()
	}
	if err := ss.in.Next(); err != nil {
		return err
	}
	theirs, err := readHello(xmlstream.NewReader(ss.in, xmlstream.Limits{Size: helloSize, Depth: 8}))
	if err != nil {
		return err
	}
	switch {
	case slices.Contains(theirs, base11):
		ss.v11 = true
		if err := ss.in.Chunked(); err != nil {
			return err
		}
		return ss.out.Chunked()
	case slices.Contains(theirs, base10):
		return nil
	}
	// RFC 6241, 8.1: no common base, no session.
	return errors.New("the client's hello offers neither base:1.0 nor base:1.1")
}

// readHello reads the capabilities of a client's hello, without their parameters.
func readHello(r *xmlstream.Reader) (capabilities []string, err error) {
	t, err := r.Next()
	if err != nil {
		return nil, err
	}
	if t.Kind != xmlstream.Start || t.Name != (xmlstream.Name{Space: nsBase, Local: "hello"}) {
		return nil, fmt.Errorf("the client began with <%s> and not with a hello", t.Name.Local)
	}
	for {
		t, err := r.Next()
		if err != nil {
			return nil, err
		}
		switch {
		case t.Kind == xmlstream.EOF:
			return capabilities, nil
		case t.Kind == xmlstream.Text && !t.White:
			return nil, errors.New("the client's hello has text between its elements")
		case t.Kind != xmlstream.Start:
		case t.Name.Space == nsBase && t.Name.Local == "capabilities":
		case t.Name.Space == nsBase && t.Name.Local == "capability":
			text, err := r.Text()
			if err != nil {
				return nil, err
			}
			if len(capabilities) >= 1000 {
				return nil, errors.New("the client's hello has more than 1,000 capabilities")
			}
			// RFC 6241, 8.1: parameters of a version do not count.
			uri, _, _ := strings.Cut(strings.TrimSpace(string(text)), "?")
			capabilities = append(capabilities, uri)
		case t.Name.Space == nsBase && t.Name.Local == "session-id":
			// RFC 6241, 8.1: a client that sends one gets no session.
			return nil, errors.New("the client's hello has a session-id")
		default:
			if err := r.Skip(); err != nil {
				return nil, err
			}
		}
	}
}
