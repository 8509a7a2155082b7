// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
)

// Report is what Verify found.
type Report struct {
	FirstRevision uint64 // of the oldest record; above LastRevision if there is none
	LastRevision  uint64
	Records       uint64
	Segments      int
	Snapshots     []uint64 // revisions of the whole ones, oldest first
	TornBytes     int64    // behind the last record, never acknowledged; not a problem
	Problems      []*CorruptError
}

// Err is nil if nothing is damaged.
func (r *Report) Err() error {
	var err error
	for _, p := range r.Problems {
		err = errors.Join(err, p)
	}
	return err
}

// Verify reads every byte of the journal in dir, which nobody may have open, and
// changes nothing. The error says that it could not; what is damaged is in the
// report. Of the options only FS is used.
func Verify(dir string, o Options) (*Report, error) {
	fsys := o.FS
	if fsys == nil {
		d, err := openDir(dir, false)
		if err != nil {
			return nil, fmt.Errorf("cannot verify journal %s: %w", dir, err)
		}
		fsys = d
	}
	err := lockOrClose(fsys, o.FS == nil)
	if err == nil {
		defer fsys.Close()
		var r *Report
		if r, err = verify(fsys); err == nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("cannot verify journal %s: %w", fsys.Name(), err)
}

// note adds a CorruptError to the report and passes other errors on.
func (r *Report) note(err error) error {
	var c *CorruptError
	if errors.As(err, &c) {
		r.Problems = append(r.Problems, c)
		return nil
	}
	return err
}

func verify(fsys FS) (*Report, error) {
	d, err := list(fsys)
	if err != nil {
		return nil, err
	}
	r := &Report{Segments: len(d.segs), FirstRevision: 1}
	id, err := d.readHeaders(fsys)
	if err := r.note(err); err != nil {
		return nil, err
	}
	if len(r.Problems) > 0 {
		return r, nil // without headers nothing can be said
	}
	for i, seg := range d.segs {
		var next *segment
		if i+1 < len(d.segs) {
			next = d.segs[i+1]
		}
		if err := r.verifySegment(fsys, seg, next); err != nil {
			return nil, err
		}
	}
	for _, rev := range d.snaps {
		sid, _, err := checkSnapshot(fsys, rev)
		switch {
		case err != nil:
		case len(d.segs) == 0:
			err = corrupt(snapName(rev), 0, "restore the seg- files from a backup", "there is no segment beside it")
		case sid != id:
			err = corrupt(snapName(rev), 32, "move it away", "it belongs to another journal than %s", d.segs[0].name)
		case rev > r.LastRevision:
			err = corrupt(snapName(rev), 0, remedyRestore, "it is of revision %d and the last record is of %d", rev, r.LastRevision)
		default:
			r.Snapshots = append(r.Snapshots, rev)
		}
		if err := r.note(err); err != nil {
			return nil, err
		}
	}
	if len(d.segs) > 0 {
		r.FirstRevision = d.segs[0].first
		if n := len(r.Snapshots); r.FirstRevision > 1 && (n == 0 || r.Snapshots[n-1]+1 < r.FirstRevision) {
			r.Problems = append(r.Problems, corrupt(d.segs[0].name, 0, remedyRestore,
				"it begins with revision %d, and no whole snapshot reaches up to that", r.FirstRevision))
		}
	}
	return r, nil
}

func (r *Report) verifySegment(fsys FS, seg, next *segment) error {
	f, err := fsys.Open(seg.name, false)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := scan(f, seg)
	r.LastRevision = s.last
	r.Records += s.last + 1 - seg.first
	switch {
	case err != nil:
	case next != nil:
		err = joint(seg, s, next)
	case s.ended:
		err = missing(s.last + 1)
	default:
		var wipe int64
		if wipe, err = judgeTail(f, seg, s); err == nil {
			r.TornBytes = wipe - s.end
		}
	}
	return r.note(err)
}
