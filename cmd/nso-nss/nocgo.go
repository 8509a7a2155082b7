// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintf(os.Stderr, "nso-nss %s: cannot ask the name service: this program was built without cgo; install gcc and libc6-dev and build it again\n", version)
	os.Exit(69) // EX_UNAVAILABLE, sysexits.h
}
