// SPDX-License-Identifier: Apache-2.0

#include "textflag.h"

// func clone3(args *cloneArgs, size uintptr) (r uintptr)
//
// The address to return to is in a register, which the child has a copy of.
TEXT ·clone3(SB),NOSPLIT,$0-24
	MOVD	args+0(FP), R0
	MOVD	size+8(FP), R1
	MOVD	$435, R8
	SVC
	MOVD	R0, r+16(FP)
	RET
