// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
)

// What callers tell apart with errors.Is.
var (
	// ErrConflict: somebody else appended since the expected revision.
	ErrConflict = errors.New("conflict")
	// ErrNoSpace: the disk is full. Nothing was written and the log goes on when
	// there is space again.
	ErrNoSpace = errors.New("no space left")
	// ErrFailed: a write or sync failed. Whether the record is there is known when
	// the log is opened again; until then nothing is appended.
	ErrFailed = errors.New("journal failed")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("journal is closed")
	// ErrLocked: another process, or this one, has the directory open.
	ErrLocked = errors.New("journal is in use")
	// ErrTrimmed: the record was older than what is kept.
	ErrTrimmed = errors.New("revision is no longer kept")
	// ErrFuture: no such revision yet.
	ErrFuture = errors.New("revision does not exist yet")
	// ErrTooLarge: the record is larger than Options.MaxRecord.
	ErrTooLarge = errors.New("record is too large")
	// ErrNoSnapshot: there is no snapshot to read.
	ErrNoSnapshot = errors.New("no snapshot")
	// ErrCorrupt: damage; errors.As gives the CorruptError.
	ErrCorrupt = errors.New("journal is damaged")
)

// CorruptError says what is damaged, where, and what to do about it.
type CorruptError struct {
	File   string // name inside the directory
	Offset int64
	Reason string
	Remedy string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged at byte %d: %s; %s", e.File, e.Offset, e.Reason, e.Remedy)
}

// Is makes a CorruptError an ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

const (
	remedyRestore = "restore the directory from a backup, or move the file away together with all newer seg- files to go back to what is before it"
	remedyVersion = "use the release that wrote it"
)

func corrupt(file string, off int64, remedy, format string, args ...any) *CorruptError {
	return &CorruptError{File: file, Offset: off, Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}
