// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"nso.example/nso/helper"
)

// Keys is a folder with a file for each user, named as the user, with authorized keys
// in the form of sshd(8).
type Keys struct {
	Dir string
	// Owner must own the files, the folder, and (or root) all folders above; nobody
	// else may be able to write them.
	Owner uint32
}

// Limits of a file of keys.
const (
	maxKeyFile = 64 << 10
	maxKeyLine = 8 << 10
	maxKeys    = 128
	minRSA     = 2048 // bits
)

// ErrNoKey is wrapped when no line allows a key.
var ErrNoKey = errors.New("no line allows this key")

// allow says whether user may come in with key from an address. What it returns are
// the options of a certificate that are the transport's to watch.
func (k Keys) allow(user string, key ssh.PublicKey, from netip.Addr, now time.Time) (*ssh.Permissions, error) {
	if err := helper.CheckUser(user); err != nil {
		return nil, err
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	text, err := k.read(user)
	if err != nil {
		return nil, err
	}
	return allowsText(text, user, key, from, now)
}

// allowsText is allow for the text of a file.
func allowsText(text []byte, user string, key ssh.PublicKey, from netip.Addr, now time.Time) (*ssh.Permissions, error) {
	reason := fmt.Errorf("%s: %w", ssh.FingerprintSHA256(key), ErrNoKey)
	lines, found := 0, false
	for line := range bytes.Lines(text) {
		lines++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		if lines > maxKeys {
			reason = errors.Join(reason, fmt.Errorf("only the first %d lines are read", maxKeys))
			break
		}
		perms, matches, err := allows(line, user, key, from, now)
		if err == nil && matches {
			return perms, nil
		}
		if err != nil && (matches || !found) { // of the mistakes the one that matters, else the first
			reason, found = fmt.Errorf("%w; line %d: %w", ErrNoKey, lines, err), true
		}
	}
	return nil, reason
}

// allows says whether a line is about key, and what is wrong with the line if
// something is.
func allows(line []byte, user string, key ssh.PublicKey, from netip.Addr, now time.Time) (perms *ssh.Permissions, matches bool, err error) {
	if len(line) > maxKeyLine {
		return nil, false, fmt.Errorf("it has more than %d bytes", maxKeyLine)
	}
	listed, _, options, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, false, errors.New("it is no key")
	}
	cert, isCert := key.(*ssh.Certificate)
	signer := key
	if isCert {
		signer = cert.SignatureKey
	}
	matches = bytes.Equal(listed.Marshal(), signer.Marshal())
	o, err := parseOptions(options)
	switch {
	case err != nil:
		return nil, matches, err
	case !matches || o.authority != isCert:
		return nil, false, nil
	case !o.from.allows(from):
		return nil, true, fmt.Errorf("its from= does not have %s", from)
	case !o.expiry.IsZero() && !now.Before(o.expiry):
		return nil, true, errors.New("its expiry-time is over")
	}
	if !isCert {
		return &ssh.Permissions{}, true, nil
	}
	perms, err = checkCertificate(cert, user, o.principals, now)
	return perms, true, err
}

// checkCertificate checks a certificate whose authority is known.
func checkCertificate(cert *ssh.Certificate, user string, principals []string, now time.Time) (*ssh.Permissions, error) {
	if cert.CertType != ssh.UserCert {
		return nil, errors.New("the certificate is not a user's")
	}
	if err := checkKey(cert.SignatureKey); err != nil {
		return nil, err
	}
	if cert.Signature == nil || !slices.Contains(KeyAlgorithms(), cert.Signature.Format) {
		return nil, errors.New("the certificate is signed with an algorithm that is not accepted")
	}
	principal := user
	if principals != nil {
		i := slices.IndexFunc(principals, func(p string) bool { return slices.Contains(cert.ValidPrincipals, p) })
		if i < 0 {
			return nil, errors.New("the certificate has none of the principals")
		}
		principal = principals[i]
	}
	// One without principals would be good for everybody.
	if !slices.Contains(cert.ValidPrincipals, principal) {
		return nil, fmt.Errorf("the certificate is not for %.40q", user)
	}
	// Others would be lost, such as force-command; this one the transport watches.
	checker := ssh.CertChecker{Clock: func() time.Time { return now }, SupportedCriticalOptions: []string{"source-address"}}
	if err := checker.CheckCert(principal, cert); err != nil {
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	return &ssh.Permissions{CriticalOptions: cert.CriticalOptions}, nil
}

// KeyAlgorithms are the signatures of users that are accepted: nothing with SHA-1 or
// DSA (RFC 8332, RFC 8709, RFC 5656, and those of FIDO keys).
func KeyAlgorithms() []string {
	return []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	}
}

// checkKey refuses kinds and sizes that are too weak.
func checkKey(key ssh.PublicKey) error {
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	switch key.Type() {
	case ssh.KeyAlgoRSA:
		c, ok := key.(ssh.CryptoPublicKey)
		if !ok {
			return errors.New("an RSA key that cannot be looked at")
		}
		if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); !ok || r.N.BitLen() < minRSA {
			return fmt.Errorf("an RSA key of less than %d bits", minRSA)
		}
		return nil
	default:
		if !slices.Contains(KeyAlgorithms(), key.Type()) {
			return fmt.Errorf("a key of the kind %.40q, which is not accepted", key.Type())
		}
		return nil
	}
}

// read reads a user's file, if only the owner can have written it. user is checked.
func (k Keys) read(user string) ([]byte, error) {
	dir, err := filepath.Abs(k.Dir)
	if err != nil {
		return nil, err
	}
	for above := filepath.Dir(dir); ; above = filepath.Dir(above) {
		info, err := os.Lstat(above)
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSticky == 0 || !info.IsDir() { // in a sticky folder nobody moves what is another's
			if err := k.strict(above, info, fs.ModeDir, true); err != nil {
				return nil, err
			}
		}
		if above == filepath.Dir(above) {
			break
		}
	}
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_RDONLY, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	folder := os.NewFile(uintptr(fd), dir)
	defer folder.Close()
	info, err := folder.Stat()
	if err == nil {
		err = k.strict(dir, info, fs.ModeDir, false)
	}
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, user)
	// Nothing but a file of this folder: no link, and no FIFO that would hold us up.
	if fd, err = unix.Openat(fd, user, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if info, err = f.Stat(); err == nil {
		err = k.strict(name, info, 0, false)
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("cannot use %s: it has more than %d KiB", name, maxKeyFile>>10)
	}
	return text, err
}

// strict refuses what others than the owner could write, or could have written.
func (k Keys) strict(name string, info fs.FileInfo, kind fs.FileMode, orRoot bool) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return fmt.Errorf("cannot use %s: nobody says whose it is", name)
	case info.Mode().Type() != kind:
		return fmt.Errorf("cannot use %s: it is of the wrong kind (%s)", name, info.Mode().Type())
	case st.Uid != k.Owner && !(orRoot && st.Uid == 0):
		return fmt.Errorf("cannot use %s: it belongs to uid %d and not to %d; chown it", name, st.Uid, k.Owner)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("cannot use %s: others than its owner may write it; chmod go-w it", name)
	}
	return nil
}

// fromList is the option from=.
type fromList struct {
	given   bool
	yes, no []netip.Prefix
}

func (l fromList) allows(a netip.Addr) bool {
	if !l.given {
		return true
	}
	a = a.Unmap().WithZone("")
	has := func(p netip.Prefix) bool { return p.Contains(a) }
	return a.IsValid() && !slices.ContainsFunc(l.no, has) && slices.ContainsFunc(l.yes, has)
}

// lineOptions are the options of a line.
type lineOptions struct {
	from       fromList
	expiry     time.Time
	authority  bool
	principals []string
}

// parseOptions understands options, or refuses the line: one that is not understood
// could restrict.
func parseOptions(options []string) (lineOptions, error) {
	var o lineOptions
	seen := make(map[string]bool)
	for _, text := range options {
		name, value, valued := strings.Cut(text, "=")
		name = strings.ToLower(name)
		if seen[name] {
			return o, fmt.Errorf("its option %s is there twice", name)
		}
		seen[name] = true
		if valued {
			if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
				return o, fmt.Errorf("its option %.40q has no quoted value", name)
			}
			value = value[1 : len(value)-1]
		}
		var err error
		switch {
		// There is nothing here that these would take away.
		case !valued && slices.Contains([]string{"restrict", "no-pty", "no-port-forwarding", "no-agent-forwarding", "no-x11-forwarding", "no-user-rc"}, name):
		case !valued && name == "cert-authority":
			o.authority = true
		case valued && name == "principals":
			o.principals = strings.Split(value, ",")
			if slices.Contains(o.principals, "") {
				err = errors.New("its option principals has an empty one")
			}
		case valued && name == "from":
			o.from, err = parseFrom(value)
		case valued && name == "expiry-time":
			o.expiry, err = parseExpiry(value)
		default:
			err = fmt.Errorf("its option %.40q is not understood", name)
		}
		if err != nil {
			return o, err
		}
	}
	if o.principals != nil && !o.authority {
		return o, errors.New("its option principals is for cert-authority only")
	}
	return o, nil
}

func parseFrom(value string) (fromList, error) {
	l := fromList{given: true}
	for item := range strings.SplitSeq(value, ",") {
		text, not := strings.CutPrefix(item, "!")
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p, err = a.Unmap().WithZone("").Prefix(a.Unmap().BitLen())
			}
		}
		if err != nil || p != p.Masked() {
			return l, fmt.Errorf("its from= has %.60q, which is no address and no network; names are not looked up", item)
		}
		if not {
			l.no = append(l.no, p)
		} else {
			l.yes = append(l.yes, p)
		}
	}
	return l, nil
}

// parseExpiry reads YYYYMMDD[HHMM[SS]][Z]; without Z it is the time of this machine.
func parseExpiry(value string) (time.Time, error) {
	text, utc := strings.CutSuffix(value, "Z")
	zone := time.Local
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(text) == len(layout) {
			if t, err := time.ParseInLocation(layout, text, zone); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("its expiry-time is %.40q and not YYYYMMDD[HHMM[SS]][Z]", value)
}
