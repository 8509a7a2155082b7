// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Write draws the screen: what is on and off, then what to do.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	wide := 0
	for _, f := range r.Findings {
		wide = max(wide, len(f.Area))
	}
	last := ""
	for _, f := range r.Findings {
		area := f.Area
		if area == last {
			area = ""
		}
		last = f.Area
		fmt.Fprintf(&b, "%-*s  %-6s  %s\n", wide, area, f.State, f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(&b, "%*s          -> %s\n", wide, "", f.Remedy)
		}
	}
	verdict := "healthy"
	if n := r.count(Bad); n == 1 {
		verdict = "not healthy: one thing is wrong"
	} else if n > 1 {
		verdict = fmt.Sprintf("not healthy: %d things are wrong", n)
	}
	fmt.Fprintf(&b, "\n%s\n", verdict)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) count(s State) (n int) {
	for _, f := range r.Findings {
		if f.State == s {
			n++
		}
	}
	return n
}
