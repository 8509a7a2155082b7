// SPDX-License-Identifier: Apache-2.0

// Command nso-pam asks PAM about one login, in a unit of its own. It is not built yet: this
// binary only says so, and does nothing.
package main

import (
	"fmt"
	"os"
)

// version is set by the linker.
var version = "unknown"

func main() {
	fmt.Fprintf(os.Stderr, "nso-pam %s: cannot start: this part of nso is not built yet; see docs/known-issues.md\n", version)
	os.Exit(69) // EX_UNAVAILABLE, sysexits.h
}
