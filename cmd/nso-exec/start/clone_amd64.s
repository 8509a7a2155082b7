// SPDX-License-Identifier: Apache-2.0

#include "textflag.h"

// func clone3(args *cloneArgs, size uintptr) (r uintptr)
//
// The child goes first, on the same stack, and writes over the place of the address to
// return to: that is kept in a register.
TEXT ·clone3(SB),NOSPLIT|NOFRAME,$0-24
	MOVQ	args+0(FP), DI
	MOVQ	size+8(FP), SI
	MOVQ	$435, AX
	POPQ	R12
	SYSCALL
	PUSHQ	R12
	MOVQ	AX, r+16(FP)
	RET
