// SPDX-License-Identifier: Apache-2.0

package journal

import "io"

// FS is the one directory that a log lives in. Names have no slash. Every method
// may be called concurrently.
type FS interface {
	// Name is for messages.
	Name() string
	// Lock takes the directory for this opener alone, or fails with ErrLocked.
	// Close gives it back.
	Lock() error
	// List returns the names that keep accepts, in any order.
	List(keep func(name string) bool) ([]string, error)
	// Open opens a regular file for reading and, if write is set, writing.
	Open(name string, write bool) (File, error)
	// Create makes a file that must not exist, open for both.
	Create(name string) (File, error)
	// Rename is atomic and replaces what has the new name.
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes creations, renames and removals durable.
	SyncDir() error
	// Close gives back the lock and the directory.
	Close() error
}

// File is one open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Allocate reserves space up to size and makes the file that long.
	Allocate(size int64) error
	Truncate(size int64) error
	// Datasync makes data durable, and of the metadata what is needed to read it.
	Datasync() error
	// Sync makes data and all metadata durable.
	Sync() error
}
