// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nso.example/nso/ident"
)

// nobody is the uid that many things share; an instance of it would be theirs too.
const nobody = 65534

// account finds the user that an instance started by root becomes: who called sudo,
// else nso.
func account(ctx context.Context, getenv func(string) string, byName func(context.Context, string) (ident.Account, error)) (ident.Account, error) {
	name, from := "nso", ""
	if sudo := getenv("SUDO_USER"); sudo != "" && sudo != "root" {
		name, from = sudo, ", which SUDO_USER names"
	}
	a, err := byName(ctx, name)
	switch {
	case errors.Is(err, ident.ErrNoAccount) && from == "":
		return a, errors.New("cannot start as root: there is no user nso to become; use 'make run', or make it with " +
			"'useradd --system --user-group --no-create-home --home-dir /var/lib/nso --shell /usr/sbin/nologin nso'")
	case err != nil:
		return a, fmt.Errorf("cannot start as root: the user %q%s: %w", name, from, err)
	case a.UID == 0 || a.GID == 0:
		return a, fmt.Errorf("cannot start as root: the user %q%s is root, or in root's group, itself", name, from)
	case a.UID == nobody || name == "nobody":
		return a, fmt.Errorf("cannot start as root: the user %q%s is nobody, whom other programs share; unset SUDO_USER, and the instance becomes nso", name, from)
	}
	return a, nil
}

// become is the first stage of an instance that root started. It returns only with
// an error: else this process goes on as the user, with o and who started it.
func become(ctx context.Context, o options) error {
	a, err := account(ctx, os.Getenv, ident.NewResolver().ByName)
	if err != nil {
		return err
	}
	if err := prepare(o.dir, int(a.UID), int(a.GID)); err != nil {
		return err
	}
	// The user may not be able to reach the binaries, below /root for one.
	nsod, err := openNSOD()
	if err != nil {
		return err
	}
	if _, err := unix.FcntlInt(nsod.Fd(), unix.F_SETFD, 0); err != nil {
		return err
	}
	o.nsodFD = int(nsod.Fd())
	// The user itself is the one who started it; if that is nso, then because the CLI
	// at the end of this process is nso by then.
	o.startedBy = []string{"root", a.Name}
	argv := append([]string{"nso", "run"}, o.args()...)
	err = as(a, argv)
	runtime.KeepAlive(nsod)
	return err
}

// openNSOD opens the daemon, which is beside this program. The descriptor can be
// executed, not read.
func openNSOD() (*os.File, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find nsod: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), "nsod")
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot find the daemon: %s: %w; 'make build' makes it", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// as executes this program again as a user, with none of root's rights. The thread
// that changes is the one that executes; the others end with that.
func as(a ident.Account, argv []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_SETRESGID, uintptr(a.GID), uintptr(a.GID), uintptr(a.GID))
	}
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_SETRESUID, uintptr(a.UID), uintptr(a.UID), uintptr(a.UID))
	}
	if errno != 0 {
		return fmt.Errorf("cannot become %s: %w", a.Name, errno)
	}
	if err := errors.Join(dropThread(), verify("Uid:"), verify("Gid:")); err != nil {
		return fmt.Errorf("cannot become %s: %w", a.Name, err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("cannot become %s: %w", a.Name, err)
	}
	err := syscall.Exec(plainPath("/proc/self/exe"), argv, userEnv(os.Environ(), a))
	return fmt.Errorf("cannot start again as %s: %w", a.Name, err)
}

// plainPath is the path that a link of /proc stands for, if it leads to the same file
// and this thread may execute it: ps and pgrep show its last part as the name of the
// process. Else it is the link, which works where the way to the file is closed.
func plainPath(link string) string {
	path, err := os.Readlink(link)
	if err != nil {
		return link
	}
	var a, b unix.Stat_t
	if unix.Stat(link, &a) != nil || unix.Stat(path, &b) != nil || a.Dev != b.Dev || a.Ino != b.Ino || unix.Access(path, unix.X_OK) != nil {
		return link
	}
	return path
}

// dropThread takes every capability from the thread, and the way to get some by a
// program's file. What is executed from it has neither.
func dropThread() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return verify("Cap")
}

// verify looks at what the kernel says of the thread: no id may be 0, each set of
// capabilities must be.
func verify(name string) error {
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		if !strings.HasPrefix(line, name) || key == "CapBnd" {
			continue
		}
		for _, word := range strings.Fields(value) {
			if n, err := strconv.ParseUint(word, 16, 64); err != nil || (n == 0) != (name == "Cap") {
				return fmt.Errorf("%s is %s still", key, strings.TrimSpace(value))
			}
		}
	}
	return nil
}

// userEnv is the environment after becoming a user: what is root's is not passed on.
func userEnv(environ []string, a ident.Account) []string {
	home := a.Home
	if home == "" {
		home = "/"
	}
	env := []string{"HOME=" + home, "USER=" + a.Name, "LOGNAME=" + a.Name, "PATH=/usr/local/bin:/usr/bin:/bin"}
	return append(env, keep(environ, "TERM", "COLORTERM", "LANG", "LANGUAGE", "LC_*", "TZ", "NO_COLOR", "GO*")...)
}

// keep selects variables by name, or by the beginning of it.
func keep(environ []string, names ...string) []string {
	var kept []string
	for _, e := range environ {
		key, _, _ := strings.Cut(e, "=")
		for _, n := range names {
			if begin, ok := strings.CutSuffix(n, "*"); key == n || ok && strings.HasPrefix(key, begin) {
				kept = append(kept, e)
				break
			}
		}
	}
	return kept
}

// userName is who this process is, for messages.
func userName() string {
	a, err := ident.NewResolver().ByUID(context.Background(), uint32(os.Geteuid()))
	if err != nil {
		return "uid " + strconv.Itoa(os.Geteuid())
	}
	return a.Name
}
