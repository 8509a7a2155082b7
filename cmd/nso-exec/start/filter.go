// SPDX-License-Identifier: Apache-2.0

package start

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// namespaces are the flags of clone(2) that make one; that of time is in the byte of
// the signal there, and is for unshare(2) alone.
const namespaces = unix.CLONE_NEWCGROUP | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUSER | unix.CLONE_NEWUTS

// Offsets in struct seccomp_data.
const (
	callAt = 0
	archAt = 4
	argsAt = 16 // the low half of the first argument, where that comes first
)

// withoutNamespaces is a filter that takes namespaces from a program, as
// RestrictNamespaces= of the unit would, which cannot be there: it takes clone3 from
// nso-exec, too. It is nil where the profile of the unit lets programs become more than
// their user: then this is not for who starts them to take.
func withoutNamespaces() *unix.SockFprog {
	arch := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	nnp, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil || nnp != 1 || arch == 0 || unix.Getuid() == 0 {
		return nil
	}
	stmt := func(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }
	jump := func(code uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: code, Jt: yes, Jf: no, K: k}
	}
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		bits  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		stmt(load, archAt),
		jump(equal, arch, 0, 9), // another one the unit refuses
		stmt(load, callAt),
		jump(equal, unix.SYS_CLONE3, 8, 0),
		jump(equal, unix.SYS_SETNS, 8, 0),
		jump(equal, unix.SYS_UNSHARE, 0, 2),
		stmt(load, argsAt),
		jump(bits, namespaces|unix.CLONE_NEWTIME, 5, 3),
		jump(equal, unix.SYS_CLONE, 0, 2),
		stmt(load, argsAt),
		jump(bits, namespaces, 2, 0),
		stmt(ret, unix.SECCOMP_RET_ALLOW),
		stmt(ret, unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)), // the flags are behind a pointer; libraries use clone then
		stmt(ret, unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)),
	}
	return &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
}
