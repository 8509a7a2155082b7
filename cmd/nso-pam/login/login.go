// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package login

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"unsafe"

	"github.com/msteinert/pam/v2"

	"nso.example/nso/helper"
)

// service is the name of the file in /etc/pam.d.
const service = "nso"

// Authenticate asks PAM whether the user may log in, and the name service who it is.
func Authenticate(s *helper.Served, r helper.Request) (helper.Verdict, *helper.Refusal) {
	c := &conversation{served: s}
	t, err := pam.Start(service, r.User, c)
	if err != nil {
		return helper.Verdict{}, c.refusal("cannot start PAM", err)
	}
	defer t.End()
	items := []struct {
		item  pam.Item
		value string
	}{{pam.Tty, "nso-" + string(r.Method)}}
	if r.Source.IsValid() {
		items = append(items, struct {
			item  pam.Item
			value string
		}{pam.Rhost, r.Source.String()})
	}
	for _, i := range items {
		if err := t.SetItem(i.item, i.value); err != nil {
			return helper.Verdict{}, c.refusal("cannot tell PAM where the user is", err)
		}
	}
	// No empty passwords, even where a system's own stack says nullok for its console.
	// Who has shown a key has no password to give, as with sshd(8).
	if !r.Account {
		if err := t.Authenticate(pam.DisallowNullAuthtok); err != nil {
			return helper.Verdict{}, c.refusal("authentication", err)
		}
	}
	if err := t.AcctMgmt(pam.DisallowNullAuthtok); err != nil {
		r := c.refusal("account", err)
		if r.Class == helper.Auth { // the password was right; Debian's stack ends in pam_deny whatever it was
			r.Class = helper.Denied
		}
		return helper.Verdict{}, r
	}
	name, err := t.GetItem(pam.User)
	if err != nil || name != r.User {
		return helper.Verdict{}, &helper.Refusal{Class: helper.Denied, Reason: fmt.Sprintf("a module has changed the user's name to %.60q", name)}
	}
	v, err := account(name)
	if err != nil {
		return helper.Verdict{}, &helper.Refusal{Class: helper.Unavailable, Reason: err.Error()}
	}
	return v, nil
}

// refusal is what an error of PAM means.
func (c *conversation) refusal(phase string, err error) *helper.Refusal {
	r := &helper.Refusal{Class: helper.Denied, Reason: phase + ": " + err.Error()}
	switch {
	case c.err != nil:
		r.Reason = phase + ": " + c.err.Error()
	case c.said != "":
		r.Reason += ": " + c.said
	}
	var code pam.Error
	if !errors.As(err, &code) {
		r.Class = helper.Internal
		return r
	}
	switch code {
	case pam.ErrAuth, pam.ErrUserUnknown, pam.ErrMaxtries, pam.ErrCredInsufficient, pam.ErrConv, pam.ErrAuthtokRecovery:
		r.Class = helper.Auth
	case pam.ErrAcctExpired:
		r.Class = helper.AccountExpired
	case pam.ErrNewAuthtokReqd, pam.ErrAuthtokExpired:
		r.Class = helper.PasswordExpired
		r.Reason += "; the user changes it with passwd, on the machine itself"
	case pam.ErrAuthinfoUnavail, pam.ErrSystem, pam.ErrService, pam.ErrOpen, pam.ErrSymbol, pam.ErrModuleUnknown, pam.ErrBuf, pam.ErrAbort:
		r.Class = helper.Unavailable
	}
	return r
}

// conversation answers the modules with what the user answers.
type conversation struct {
	served *helper.Served
	err    error  // why there is no answer
	said   string // what a module has said last
}

// RespondPAM is called by libpam for each message of a module.
func (c *conversation) RespondPAM(style pam.Style, text string) (string, error) {
	var answer []byte
	var err error
	switch style {
	case pam.PromptEchoOff, pam.PromptEchoOn:
		answer, err = c.served.Ask(text, style == pam.PromptEchoOn)
	case pam.TextInfo, pam.ErrorMsg:
		c.said = text
		err = c.served.Tell(text, style == pam.ErrorMsg)
	default:
		err = fmt.Errorf("cannot answer a message of style %d", style)
	}
	if err != nil {
		c.err = err
		return "", err
	}
	// The answer itself, not a copy: it is copied once, to what the module overwrites,
	// and Served.Forget overwrites it here.
	return unsafe.String(unsafe.SliceData(answer), len(answer)), nil
}

// account looks a user up in the name service, which knows directories too.
func account(name string) (helper.Verdict, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return helper.Verdict{}, fmt.Errorf("cannot find the account: %w", err)
	}
	if u.Username != name {
		return helper.Verdict{}, fmt.Errorf("cannot log in by another name than the account's, %.60q", u.Username)
	}
	v := helper.Verdict{User: name, Home: u.HomeDir}
	if v.UID, err = number(u.Uid); err != nil {
		return helper.Verdict{}, err
	}
	if v.GID, err = number(u.Gid); err != nil {
		return helper.Verdict{}, err
	}
	gids, err := u.GroupIds() // getgrouplist(3)
	if err != nil {
		return helper.Verdict{}, fmt.Errorf("cannot find the groups: %w", err)
	}
	for _, gid := range gids {
		n, err := number(gid)
		if err != nil {
			return helper.Verdict{}, err
		}
		g := helper.Group{GID: n}
		if found, err := user.LookupGroupId(gid); err == nil {
			g.Name = found.Name
		} else if unknown := user.UnknownGroupIdError(""); !errors.As(err, &unknown) {
			return helper.Verdict{}, fmt.Errorf("cannot find the name of group %s: %w", gid, err)
		}
		v.Groups = append(v.Groups, g)
	}
	return v, nil
}

func number(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("cannot read the id %q", id)
	}
	return uint32(n), nil
}
