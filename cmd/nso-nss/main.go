// SPDX-License-Identifier: Apache-2.0

// Command nso-nss looks up accounts that are not in the files. It is not built yet: this
// binary only says so, and does nothing.
package main

import (
	"fmt"
	"os"
)

// version is set by the linker.
var version = "unknown"

func main() {
	fmt.Fprintf(os.Stderr, "nso-nss %s: cannot start: this part of nso is not built yet; see docs/known-issues.md\n", version)
	os.Exit(69) // EX_UNAVAILABLE, sysexits.h
}
