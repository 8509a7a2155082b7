// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"errors"

	"nso.example/nso/mgmterr"
)

// Told tells the client what became of a commit that the database did not
// take; how the disk is laid out is for the log.
func Told(err error) error {
	tag, text := mgmterr.OperationFailed, "cannot commit: the database could not write it, and nothing has changed; the log says why"
	switch {
	case errors.Is(err, ErrUnsure):
		text = "cannot say whether this was committed: the disk failed while it was written. It is known after a restart of the daemon, and nothing can be committed before"
	case errors.Is(err, ErrStopped):
		text = "cannot commit: the disk of the database failed earlier, and nothing has changed; mend it and restart the daemon"
	case errors.Is(err, ErrFull):
		tag, text = mgmterr.ResourceDenied, "cannot commit: the disk of the database is full, and nothing has changed; make room and try again"
	case errors.Is(err, ErrTooLarge):
		tag, text = mgmterr.TooBig, "cannot commit: it is too large for one commit; make it in parts"
	}
	return mgmterr.New(tag, "", "%s", text).WithCause(err)
}
