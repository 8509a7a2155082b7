// SPDX-License-Identifier: Apache-2.0

// Command nso-listen hands one listener over to the daemon. It is not built yet: this
// binary only says so, and does nothing.
package main

import (
	"fmt"
	"os"
)

// version is set by the linker.
var version = "unknown"

func main() {
	fmt.Fprintf(os.Stderr, "nso-listen %s: cannot start: this part of nso is not built yet; see docs/known-issues.md\n", version)
	os.Exit(69) // EX_UNAVAILABLE, sysexits.h
}
