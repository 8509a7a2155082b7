// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"cmp"
	"encoding/binary"
	"strconv"
	"strings"

	"nso.example/nso/yang"
)

// Key is the encoded key of one list entry. Keys of one list are comparable
// with ==; their order is that of List.All and is not that of the bytes. The
// Key of an entry of a list without key is its position, from 1, in decimal.
type Key string

// MakeKey encodes canonical values given in the order of list.Keys. For a list
// without key the only value is the position.
func MakeKey(list *yang.Node, values ...string) Key {
	if len(list.Keys) == 0 {
		if len(values) == 0 {
			return ""
		}
		return Key(values[0])
	}
	n := 0
	for _, v := range values {
		n += len(v) + 3
	}
	b := make([]byte, 0, n)
	for i, v := range values {
		b = appendLeaf(b, i, v)
	}
	return Key(b)
}

// fits reports whether k is a key as MakeKey makes them for that list, which has
// keys. Nothing else here may see one that is not.
func (k Key) fits(list *yang.Node) bool {
	rest := string(k)
	for i := range list.Keys {
		index, a := anyUvarint(rest)
		size, b := anyUvarint(rest[a:])
		if a == 0 || b == 0 || index != i || size > len(rest)-a-b {
			return false
		}
		rest = rest[a+b+size:]
	}
	return rest == ""
}

// anyUvarint is uvarint for any text; size is 0 where it begins with none.
func anyUvarint(s string) (v, size int) {
	for i := 0; i < len(s) && i < 5; i++ {
		if s[i] < 0x80 {
			return uvarint(s)
		}
	}
	return 0, 0
}

// Values decodes the key of an entry of that list.
func (k Key) Values(list *yang.Node) []string {
	if len(list.Keys) == 0 {
		return []string{string(k)}
	}
	values := make([]string, 0, len(list.Keys))
	for rest := string(k); rest != ""; {
		var v string
		_, v, rest = nextLeaf(rest)
		values = append(values, v)
	}
	return values
}

// position is the 0-based place that a key of a keyless list names, or -1.
func (k Key) position() int {
	n, err := strconv.Atoi(string(k))
	if err != nil || n < 1 {
		return -1
	}
	return n - 1
}

func positionKey(i int) Key { return Key(strconv.Itoa(i + 1)) }

// Packed leaves: for each leaf its Index and length as uvarints, then the value.

func appendLeaf(b []byte, index int, value string) []byte {
	b = binary.AppendUvarint(b, uint64(index))
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// uvarint reads from a string that appendLeaf wrote.
func uvarint[T string | []byte](s T) (v, size int) {
	if c := s[0]; c < 0x80 {
		return int(c), 1
	}
	for shift := 0; ; shift += 7 {
		c := s[size]
		size++
		v |= int(c&0x7f) << shift
		if c < 0x80 {
			return v, size
		}
	}
}

func nextLeaf(s string) (index int, value, rest string) {
	index, a := uvarint(s)
	n, b := uvarint(s[a:])
	a += b
	return index, s[a : a+n], s[a+n:]
}

// keyPrefix is the part of packed leaves that the first n leaves make up.
func keyPrefix(leaves string, n int) string {
	rest := leaves
	for range n {
		if rest == "" {
			break
		}
		_, _, rest = nextLeaf(rest)
	}
	return leaves[:len(leaves)-len(rest)]
}

// ordering says which keys of a list compare as numbers, a bit for each.
type ordering uint64

func orderingOf(s *yang.Node) ordering {
	if s.Kind == yang.KindLeafList {
		if numeric(s.Type) {
			return 1
		}
		return 0
	}
	var o ordering
	for i, k := range s.Keys {
		if i < 64 && numeric(k.Type) {
			o |= 1 << i
		}
	}
	return o
}

func numeric(t *yang.Type) bool {
	for depth := 0; t != nil && depth < 64; depth++ {
		switch t.Base {
		case yang.Int8, yang.Int16, yang.Int32, yang.Int64, yang.Uint8, yang.Uint16, yang.Uint32, yang.Uint64,
			yang.Decimal64:
			return true
		case yang.Leafref:
			if t.Target == nil {
				return false
			}
			t = t.Target.Type
		default:
			return false
		}
	}
	return false
}

// compareKeys compares the first n packed values of a and b.
func (o ordering) compareKeys(a, b string, n int) int {
	if n == 1 && o == 0 && len(a) > 1 && len(b) > 1 && a[1]|b[1] < 0x80 && a[0]|b[0] < 0x80 {
		// One text of less than 128 bytes: nearly all lists.
		return strings.Compare(a[2:2+int(a[1])], b[2:2+int(b[1])])
	}
	for i := range n {
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		var va, vb string
		_, va, a = nextLeaf(a)
		_, vb, b = nextLeaf(b)
		if c := o.compare(i, va, vb); c != 0 {
			return c
		}
	}
	return 0
}

func (o ordering) compare(i int, a, b string) int {
	if o != 0 && i < 64 && o&(1<<i) != 0 {
		return compareNumbers(a, b)
	}
	return strings.Compare(a, b)
}

// digest makes a number of the first value in packed leaves: if two digests
// differ, the values do, and in that order.
func (o ordering) digest(leaves string) uint64 {
	if leaves == "" {
		return 0
	}
	_, v, _ := nextLeaf(leaves)
	if o&1 == 0 {
		return firstBytes(v)
	}
	// As compareNumbers: sign, number of digits before the point, digits.
	digits, negative := strings.CutPrefix(v, "-")
	if i := strings.IndexByte(digits, '.'); i >= 0 {
		digits = digits[:i]
	}
	size := uint64(min(len(digits), 127)) << 56
	size |= firstBytes(digits) >> 8
	if negative {
		return 1<<63 - 1 - size
	}
	return 1<<63 | size
}

// firstBytes are the first eight bytes as a number, with zeros for what lacks.
func firstBytes(v string) uint64 {
	if len(v) >= 8 {
		return uint64(v[7]) | uint64(v[6])<<8 | uint64(v[5])<<16 | uint64(v[4])<<24 |
			uint64(v[3])<<32 | uint64(v[2])<<40 | uint64(v[1])<<48 | uint64(v[0])<<56
	}
	d := uint64(0)
	for i := range len(v) {
		d |= uint64(v[i]) << (56 - 8*i)
	}
	return d
}

// compareNumbers compares canonical integers and decimals (RFC 7950, 9.2.2 and
// 9.3.2): no superfluous zeros. Texts that are none still get a total order.
func compareNumbers(a, b string) int {
	na, nb := strings.HasPrefix(a, "-"), strings.HasPrefix(b, "-")
	if na != nb {
		if na {
			return -1
		}
		return 1
	}
	if na {
		a, b = b[1:], a[1:]
	}
	ia, fa, _ := strings.Cut(a, ".")
	ib, fb, _ := strings.Cut(b, ".")
	return cmp.Or(cmp.Compare(len(ia), len(ib)), strings.Compare(ia, ib), strings.Compare(fa, fb),
		strings.Compare(a, b))
}
