// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintf(os.Stderr, "nso-pam %s: cannot ask PAM: this program was built without cgo; install gcc and libpam0g-dev (pam-devel) and build it again\n", version)
	os.Exit(69) // EX_UNAVAILABLE, sysexits.h
}
