// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package start

// clone3 is clone3(2), for a child that runs in the memory and on the stack of this
// thread until it has become the program. It returns twice; an error is negative.
//
//go:noescape
func clone3(args *cloneArgs, size uintptr) (r uintptr)
