// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Account is whom a command runs as.
type Account struct {
	Name, Home string
	Root       bool
}

// Asker is who had the command run, for the variables NSO_*.
type Asker struct {
	User    string
	Groups  []string
	Session string
	Address string
	IPCPath string
	IPCFD   string // "" where there is none
	// Of what does an rpc or action: its schema path, and the node that an action is of.
	Operation, Path string
}

// The search paths of programs.
const (
	userPath = "/usr/local/bin:/usr/bin:/bin"
	rootPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// Environ makes the environment of a command from nothing, sorted.
func (r *Rule) Environ(a Account, who Asker, asked map[string]string) ([]string, error) {
	env := map[string]string{
		"PATH": userPath, "HOME": cmp.Or(a.Home, "/"), "USER": a.Name, "LOGNAME": a.Name, "SHELL": "/bin/sh",
		"LANG": "C.UTF-8", "NSO_USER": who.User, "NSO_GROUPS": strings.Join(who.Groups, ","), "NSO_SESSION": who.Session,
		"NSO_ADDRESS": who.Address, "NSO_IPC_PATH": who.IPCPath, "NSO_IPC_FD": who.IPCFD,
		"NSO_OPERATION": who.Operation, "NSO_PATH": who.Path,
	}
	if a.Root {
		env["PATH"] = rootPath
	}
	if r.Terminal {
		env["TERM"] = "dumb"
	}
	for n, v := range env {
		if strings.ContainsFunc(v, control) || len(v) > maxEnvValue {
			return nil, fmt.Errorf("cannot set %s: the value is not printable, or has more than %d bytes", n, maxEnvValue)
		}
		if v == "" {
			delete(env, n)
		}
	}
	maps.Copy(env, r.Environment)
	if len(asked) > maxEnviron {
		return nil, fmt.Errorf("cannot set more than %d variables", maxEnviron)
	}
	for _, n := range slices.Sorted(maps.Keys(asked)) {
		if !slices.Contains(r.Pass, n) && (n != "TERM" || !r.Terminal) || notPassable(n) != "" {
			return nil, fmt.Errorf("cannot set %.64q: the rule %s does not let it through", n, r.Name)
		}
		if why := wrongValue(n, asked[n]); why != "" {
			return nil, fmt.Errorf("cannot set %s to %.64q: %s", n, asked[n], why)
		}
		env[n] = asked[n]
	}
	list := make([]string, 0, len(env))
	for n, v := range env {
		list = append(list, n+"="+v)
	}
	slices.Sort(list)
	return list, nil
}

// variable reports whether a name is one of environ(7): no "=", no NUL, no function.
func variable(n string) bool {
	if n == "" || len(n) > 64 || n[0] >= '0' && n[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(n, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

// reserved reports whether a variable is set by Environ and by nobody else. PATH,
// LANG and TERM are for rules to set.
func reserved(n string) bool {
	switch strings.ToUpper(n) {
	case "HOME", "USER", "LOGNAME", "SHELL":
		return true
	}
	return strings.HasPrefix(strings.ToUpper(n), "NSO_")
}

// powers are variables that change what a program loads, runs, opens or connects to:
// whole names, and beginnings of names with "*".
func powers() []string {
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "ENV", "IFS", "CDPATH", "PS4", "PROMPT_COMMAND", "SHELLOPTS", "GLOBIGNORE",
		"PWD", "OLDPWD", "TMPDIR", "TMP", "TEMP", "TMPPREFIX", "MAIL", "MAILCAPS", "EDITOR", "VISUAL", "PAGER", "BROWSER", "FCEDIT",
		"NSO_*", "LD_*", "DYLD_*", "_RLD*", "LIBPATH", "SHLIB_PATH", "LIBRARY_PATH", "BASH*", "ZDOTDIR", "FPATH", "KSH*", "RC_*",
		"PYTHON*", "PERL*", "RUBY*", "GEM_*", "NODE_*", "NPM_*", "JAVA*", "_JAVA*", "JDK_*", "CLASSPATH", "LUA_*", "TCL*", "PHP*",
		"R_*", "GO*", "CGO_*", "GIT_*", "SSH_*", "HG*", "SVN_*", "CVS_*", "RSYNC_*", "GCONV_PATH", "NLSPATH", "LOCPATH", "LOCALDOMAIN",
		"RES_OPTIONS", "HOSTALIASES", "RESOLV_*", "GETCONF_DIR", "MALLOC_*", "GLIBC_TUNABLES", "NIS_PATH", "TERMINFO*", "TERMCAP",
		"TERMPATH", "LESS*", "MORE", "MANPAGER", "SYSTEMD_*", "DBUS_*", "XDG_*", "DISPLAY", "WAYLAND_*", "XAUTHORITY", "KRB5*",
		"GSS_*", "OPENSSL_*", "SSL*", "CURL_*", "HTTP_*", "HTTPS_*", "FTP_*", "ALL_PROXY", "NO_PROXY", "SUDO_*", "PKEXEC_*",
		"LISTEN_*", "NOTIFY_SOCKET", "WATCHDOG_*", "MAINPID", "INVOCATION_ID", "JOURNAL_STREAM", "CREDENTIALS_DIRECTORY",
		"GTK*", "QT_*", "GIO_*", "GST_*", "EMACS*", "VIM*", "MYVIM*", "EXINIT", "AWK*", "GAWK*", "POSIXLY_CORRECT", "GREP_*",
		"TAR_*", "GZIP", "BZIP*", "XZ_*", "ZIP*", "UNZIP*", "CC", "CXX", "MAKE*", "MFLAGS", "COMPILER_PATH", "GCC_*", "HISTFILE",
	}
}

// notPassable says why no rule may let a variable through, "" if one may.
func notPassable(n string) string {
	if !variable(n) {
		return "it is no name of a variable"
	}
	if strings.ToUpper(n) != n {
		return "its name has small letters" // http_proxy, and case variants of the rest
	}
	for _, p := range powers() {
		if head, wild := strings.CutSuffix(p, "*"); n == p || wild && strings.HasPrefix(n, head) {
			return "it changes what a program loads, runs or connects to"
		}
	}
	return ""
}

// wrongValue says why a variable that is let through may not have a value.
func wrongValue(n, v string) string {
	switch {
	case v == "" || len(v) > maxPassValue:
		return fmt.Sprintf("it has no, or more than %d bytes", maxPassValue)
	case strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 || r > 0x7e }):
		return "it has a character that is not printable ASCII"
	case strings.Contains(v, "()"):
		return "a shell would take it for a function"
	case strings.Contains(v, "%"):
		return "it has a \"%\", which a program may take for a format"
	}
	allowed := ""
	switch {
	case n == "TERM":
		allowed = "._+-"
	case n == "LANG" || n == "LANGUAGE" || strings.HasPrefix(n, "LC_"):
		allowed = "_.@:-"
	case n == "TZ":
		// POSIX forms and names of zones, and no file of the asker's choice.
		if strings.HasPrefix(v, "/") || strings.HasPrefix(v, ":") || strings.Contains(v, "..") {
			return "it names a file"
		}
		allowed = "_+-,./:<>"
	default:
		return ""
	}
	if strings.ContainsFunc(v, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(allowed, r)
	}) {
		return "it has a character that no such value has"
	}
	return ""
}
