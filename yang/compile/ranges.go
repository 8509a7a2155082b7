// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// interval is a part of a range in one of the two number spaces.
type interval[N int64 | uint64] struct{ lo, hi N }

// narrow reads a range within what is allowed so far (RFC 7950, 9.2.4): parts
// in ascending order, apart from each other, each within one allowed part.
func narrow[N int64 | uint64](arg string, length bool, allowed []interval[N], number func(string) (N, error)) ([]interval[N], error) {
	parts, err := parse.Ranges(arg, length)
	if err != nil {
		return nil, err
	}
	var out []interval[N]
	for _, p := range parts {
		var i interval[N]
		for _, end := range []struct {
			to   *N
			text string
		}{{&i.lo, p.Min}, {&i.hi, p.Max}} {
			switch end.text {
			case "min":
				*end.to = allowed[0].lo
			case "max":
				*end.to = allowed[len(allowed)-1].hi
			default:
				if *end.to, err = number(end.text); err != nil {
					return nil, err
				}
			}
		}
		if i.lo > i.hi {
			return nil, fmt.Errorf("%s..%s goes down", p.Min, p.Max)
		}
		if n := len(out); n > 0 && i.lo <= out[n-1].hi {
			return nil, fmt.Errorf("its parts are not in ascending order or touch each other")
		}
		if !contained(i, allowed) {
			return nil, fmt.Errorf("%s..%s is more than the type allows", p.Min, p.Max)
		}
		out = append(out, i)
	}
	return out, nil
}

// contained: i lies within allowed, whose adjacent parts count as one.
func contained[N int64 | uint64](i interval[N], allowed []interval[N]) bool {
	for k := 0; k < len(allowed); k++ {
		lo, hi := allowed[k].lo, allowed[k].hi
		for k+1 < len(allowed) && allowed[k+1].lo == hi+1 {
			k++
			hi = allowed[k].hi
		}
		if i.lo >= lo && i.hi <= hi {
			return true
		}
	}
	return false
}

// ranges applies a range statement.
func (r *restrictor) ranges() {
	s := r.s.First(parse.Range)
	if s == nil {
		return
	}
	t := r.t
	var err error
	if t.Base >= yang.Uint8 && t.Base <= yang.Uint64 {
		most := t.Base.Unsigned()
		allowed := []interval[uint64]{{0, most}}
		if t.Ranges != nil {
			allowed = allowed[:0]
			for _, a := range t.Ranges {
				allowed = append(allowed, interval[uint64]{a.UMin, a.UMax})
			}
		}
		var list []interval[uint64]
		list, err = narrow(s.Argument, false, allowed, func(v string) (uint64, error) {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s is no %s", v, t.Base)
			}
			return n, nil
		})
		t.Ranges = nil
		for _, i := range list {
			t.Ranges = append(t.Ranges, yang.Range{UMin: i.lo, UMax: i.hi})
		}
	} else {
		lo, hi := t.Base.Signed()
		allowed := []interval[int64]{{lo, hi}}
		if t.Ranges != nil {
			allowed = allowed[:0]
			for _, a := range t.Ranges {
				allowed = append(allowed, interval[int64]{a.Min, a.Max})
			}
		}
		var list []interval[int64]
		list, err = narrow(s.Argument, false, allowed, func(v string) (int64, error) { return scaled(v, t) })
		t.Ranges = nil
		for _, i := range list {
			t.Ranges = append(t.Ranges, yang.Range{Min: i.lo, Max: i.hi})
		}
	}
	if err != nil {
		r.c.fail(s, "cannot use the range %q: %s", s.Argument, err)
	}
	t.RangeError = complaint(s)
}

// scaled reads a number of a signed type, or a decimal64 times 10^digits.
func scaled(v string, t *yang.Type) (int64, error) {
	whole, fraction, _ := strings.Cut(v, ".")
	digits := int(t.FractionDigits)
	if t.Base == yang.Decimal64 {
		fraction = strings.TrimRight(fraction, "0")
	}
	if len(fraction) > digits || strings.Contains(v, ".") && t.Base != yang.Decimal64 {
		return 0, fmt.Errorf("%s has more than %d fraction digits", v, digits)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no %s", v, t.Base)
	}
	return n, nil
}

// lengths applies a length statement (RFC 7950, 9.4.4).
func (r *restrictor) lengths() {
	s := r.s.First(parse.Length)
	if s == nil {
		return
	}
	allowed := []interval[uint64]{{0, math.MaxUint64}}
	if r.t.Lengths != nil {
		allowed = allowed[:0]
		for _, a := range r.t.Lengths {
			allowed = append(allowed, interval[uint64]{a.Min, a.Max})
		}
	}
	list, err := narrow(s.Argument, true, allowed, func(v string) (uint64, error) {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s is no length", v)
		}
		return n, nil
	})
	if err != nil {
		r.c.fail(s, "cannot use the length %q: %s", s.Argument, err)
	}
	r.t.Lengths = nil
	for _, i := range list {
		r.t.Lengths = append(r.t.Lengths, yang.Length{Min: i.lo, Max: i.hi})
	}
	r.t.LengthError = complaint(s)
}
