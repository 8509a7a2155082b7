// SPDX-License-Identifier: Apache-2.0

package confirm

import (
	"testing"

	"nso.example/nso/mgmterr"
)

// TestWait: who may do what while a commit waits (RFC 6241, 8.4.1). "" is permitted.
func TestWait(t *testing.T) {
	none := (*Wait)(nil)
	mine := &Wait{Session: 1}
	persists := &Wait{Token: Token("x")}
	for _, c := range []struct {
		name           string
		w              *Wait
		session        uint32
		id             string
		commit, change mgmterr.Tag
		cancel         mgmterr.Tag
	}{
		{"none", none, 1, "", "", "", mgmterr.OperationFailed},
		{"none, with an id", none, 1, "x", mgmterr.InvalidValue, mgmterr.InvalidValue, mgmterr.InvalidValue},
		{"one's own", mine, 1, "", "", mgmterr.InUse, ""},
		{"another's", mine, 2, "", mgmterr.InUse, mgmterr.InUse, mgmterr.InUse},
		{"another's, with an id that it has not", mine, 2, "x", mgmterr.InvalidValue, mgmterr.InvalidValue, mgmterr.InvalidValue},
		{"one that persists", persists, 1, "", mgmterr.InUse, mgmterr.InUse, mgmterr.InUse},
		{"with its id", persists, 2, "x", "", "", ""},
		{"with another", persists, 2, "y", mgmterr.InvalidValue, mgmterr.InvalidValue, mgmterr.InvalidValue},
	} {
		for what, pair := range map[string]struct {
			err  error
			want mgmterr.Tag
		}{
			"commit": {c.w.MayChange(c.session, true, c.id), c.commit},
			"change": {c.w.MayChange(c.session, false, c.id), c.change},
			"cancel": {c.w.MayCancel(c.session, c.id), c.cancel},
		} {
			var got mgmterr.Tag
			if l := mgmterr.Of(pair.err); len(l) > 0 {
				got = l[0].Tag
			}
			if got != pair.want || (pair.err == nil) != (pair.want == "") {
				t.Errorf("%s: %s gives %v, want %s", c.name, what, pair.err, pair.want)
			}
		}
	}
}
