// SPDX-License-Identifier: Apache-2.0

package binenc

import (
	"encoding/binary"
	"fmt"
	"io"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

const (
	treeMagic = "nso-tree-1\n"
	diffMagic = 'D'

	recordEnd    = 0
	recordDefine = 1
	firstNumber  = 2
)

const flushAt = 64 << 10

// encoder appends to buf and, where there is a writer, hands buf to it now and
// then.
type encoder struct {
	buf     []byte
	w       io.Writer
	err     error
	numbers []uint64 // by yang.Node.ID; 0: not defined yet
	next    uint64
}

// Encode writes the tree below root n as a snapshot.
func Encode(w io.Writer, n *tree.Node) error {
	e := &encoder{w: w, next: firstNumber, buf: make([]byte, 0, flushAt+4<<10)}
	e.buf = append(e.buf, treeMagic...)
	e.content(n)
	e.flush(0)
	if e.err != nil {
		return fmt.Errorf("cannot write the tree: %w", e.err)
	}
	return nil
}

func (e *encoder) flush(limit int) {
	if e.w == nil || len(e.buf) <= limit {
		return
	}
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

func (e *encoder) number(n uint64) { e.buf = binary.AppendUvarint(e.buf, n) }
func (e *encoder) text(v string)   { e.number(uint64(len(v))); e.buf = append(e.buf, v...) }
func (e *encoder) octet(b byte)    { e.buf = append(e.buf, b) }
func (e *encoder) any(a tree.Any)  { e.octet(byte(a.Format)); e.text(a.Text) }
func (e *encoder) end()            { e.octet(recordEnd) }

// child names a child, defining it where it is new.
func (e *encoder) child(s *yang.Node) {
	for s.ID >= len(e.numbers) {
		e.numbers = append(e.numbers, make([]uint64, s.ID+1)...)
	}
	if e.numbers[s.ID] == 0 {
		e.numbers[s.ID] = e.next
		e.next++
		e.octet(recordDefine)
		e.text(s.Module.Name)
		e.text(s.Name)
		e.octet(byte(s.Kind))
	}
	e.number(e.numbers[s.ID])
}

// content writes the children of n.
func (e *encoder) content(n *tree.Node) {
	if n.OnlyLeaves() {
		for s, v := range n.Leaves() {
			e.child(s)
			e.text(v)
		}
	} else {
		for c := range n.Children() {
			e.child(c.Schema)
			e.held(c)
		}
	}
	e.end()
	e.flush(flushAt)
}

// held writes what a child holds.
func (e *encoder) held(c tree.Child) {
	switch c.Schema.Kind {
	case yang.KindContainer:
		e.content(c.Node)
	case yang.KindList:
		e.number(uint64(c.List.Len()))
		for x := range c.List.All() {
			e.content(x)
		}
	case yang.KindLeafList:
		e.number(uint64(c.LeafList.Len()))
		for v := range c.LeafList.All() {
			e.text(v)
			e.flush(flushAt)
		}
	case yang.KindLeaf:
		e.text(c.Value)
	default:
		e.any(c.Any)
	}
}
