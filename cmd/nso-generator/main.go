// SPDX-License-Identifier: Apache-2.0

// Command nso-generator turns nso.toml into unit files at boot. It is not built yet: this
// binary only says so, and does nothing.
package main

import (
	"fmt"
	"os"
)

// version is set by the linker.
var version = "unknown"

func main() {
	fmt.Fprintf(os.Stderr, "nso-generator %s: cannot start: this part of nso is not built yet; see docs/known-issues.md\n", version)
	os.Exit(69) // EX_UNAVAILABLE, sysexits.h
}
