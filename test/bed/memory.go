// SPDX-License-Identifier: Apache-2.0

package bed

import (
	"strconv"
	"strings"
)

// scan counts how often a text is in the memory of a process that can be read.
const scan = `import sys
pid, text = sys.argv[1], sys.argv[2].encode()
found = 0
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
    for line in maps:
        span, mode = line.split()[:2]
        if "r" not in mode or "[v" in line:
            continue
        at, end = (int(x, 16) for x in span.split("-"))
        rest = b""
        while at < end:
            try:
                mem.seek(at)
                part = mem.read(min(1 << 20, end - at))
            except OSError:
                break
            if not part:
                break
            found += (rest + part).count(text)
            rest, at = part[1 - len(text):], at + len(part)
print(found)
`

// Memory is how often a text is in the memory of a process of the box. Only root sees
// that; the process need not be dumpable.
func (b *Box) Memory(pid, text string) int {
	b.t.Helper()
	out := b.Run("python3", "-c", scan, pid, text)
	n, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		b.t.Fatalf("%s: cannot look at the memory of %s: %s", b.name, pid, out)
	}
	return n
}
