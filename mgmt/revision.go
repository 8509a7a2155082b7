// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"

	"nso.example/nso/cdb"
	"nso.example/nso/tree"
)

// Version is running as it was at one revision. What is in it, See shows.
type Version struct {
	Revision uint64
	root     *tree.Node
}

// VersionOf is the version of a root that a Member was handed.
func VersionOf(root *tree.Node, rev uint64) Version { return Version{rev, root} }

// ErrNotKept says that a revision is older than what is kept, or was never made.
var ErrNotKept = cdb.ErrNotKept

// Version is running as it is.
func (s *Server) Version() Version {
	root, rev := s.db.Current()
	return Version{rev, root}
}

// VersionAt is running as it was at a revision. It reads the disk, and holds nobody up.
func (s *Server) VersionAt(ctx context.Context, rev uint64) (Version, error) {
	root, err := s.db.At(ctx, rev)
	return Version{rev, root}, err
}

// See is what the session may read of a version by the access control of now. Any
// goroutine may call it.
func (ss *Session) See(v Version) *tree.Node { return ss.user.Now().Prune(v.root) }

// Members are those who take part in commits, in the order in which they are asked.
func (s *Server) Members() []string { return s.party.Names() }
