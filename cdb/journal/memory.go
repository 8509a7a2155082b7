// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"io"
	"io/fs"
	"sync"
	"syscall"
)

// ErrPowerCut is what Memory.Step returns for the step during which, and all
// after which, the power is gone.
var ErrPowerCut = errors.New("power cut")

// Memory is a directory in memory that tells what was synced from what was not,
// so that PowerCut can make of it every directory that a disk may hold when it
// starts again. It is sparse: zeros take no memory.
type Memory struct {
	// Capacity, if above 0, is how many bytes its files may have in all.
	Capacity int64
	// Step, if set, is called before each change and sync with its name and file.
	// If it returns an error the step fails with it. A sync then has, as on Linux,
	// lost what it should have made durable. With ErrPowerCut the step may have
	// happened in part, and nothing happens after it.
	Step func(op, name string) error

	mu     sync.Mutex
	names  map[string]*inode // as seen now
	disk   map[string]*inode // as synced
	moves  []move            // since the last SyncDir
	locked bool
	dead   bool // no power
}

// move is a change of the directory: from == "" creates, to == "" removes.
type move struct {
	from, to string
	ino      *inode
}

type block [page]byte

// inode is a file. Blocks are shared by live and disk until written; nil is zeros.
type inode struct {
	live, disk         []*block
	liveSize, diskSize int64
	writes             []memWrite // since the last sync
}

type memWrite struct {
	off  int64
	data []byte // nil: n zeros
	n    int64
}

// NewMemory makes an empty directory.
func NewMemory() *Memory {
	return &Memory{names: make(map[string]*inode), disk: make(map[string]*inode)}
}

// Name implements FS.
func (m *Memory) Name() string { return "(memory)" }

// Lock implements FS.
func (m *Memory) Lock() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return ErrLocked
	}
	m.locked = true
	return nil
}

// Close implements FS. The directory stays and can be opened again.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locked = false
	return nil
}

// step says whether a change happens and what error it returns: in the step of a
// power cut it may happen, after that nothing does. m.mu is held.
func (m *Memory) step(op, name string) (happens bool, err error) {
	if m.dead {
		return false, ErrPowerCut
	}
	if m.Step == nil {
		return true, nil
	}
	err = m.Step(op, name)
	m.dead = errors.Is(err, ErrPowerCut)
	return err == nil || m.dead, err
}

// List implements FS.
func (m *Memory) List(keep func(string) bool) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for n := range m.names {
		if keep(n) {
			names = append(names, n)
		}
	}
	return names, nil
}

func notExist(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// Open implements FS.
func (m *Memory) Open(name string, write bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ino := m.names[name]
	if ino == nil {
		return nil, notExist("open", name)
	}
	return &memFile{m: m, ino: ino, name: name, write: write}, nil
}

// Create implements FS.
func (m *Memory) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	ino := new(inode)
	happens, err := m.step("create", name)
	if happens {
		m.change(move{to: name, ino: ino})
	}
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, ino: ino, name: name, write: true}, nil
}

// change does a move now and remembers it. m.mu is held.
func (m *Memory) change(v move) {
	v.apply(m.names)
	m.moves = append(m.moves, v)
}

func (v move) apply(names map[string]*inode) {
	if v.from != "" {
		if names[v.from] != v.ino {
			return // what it builds on did not happen
		}
		delete(names, v.from)
	}
	if v.to != "" {
		names[v.to] = v.ino
	}
}

// Rename implements FS.
func (m *Memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	ino := m.names[from]
	if ino == nil {
		return notExist("rename", from)
	}
	happens, err := m.step("rename", from)
	if happens {
		m.change(move{from: from, to: to, ino: ino})
	}
	return err
}

// Remove implements FS.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	ino := m.names[name]
	if ino == nil {
		return notExist("remove", name)
	}
	happens, err := m.step("remove", name)
	if happens {
		m.change(move{from: name, ino: ino})
	}
	return err
}

// SyncDir implements FS.
func (m *Memory) SyncDir() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.step("syncdir", ""); err != nil {
		return err
	}
	m.disk = make(map[string]*inode, len(m.names))
	for n, ino := range m.names {
		m.disk[n] = ino
	}
	m.moves = nil
	return nil
}

// used is the bytes of all files. m.mu is held.
func (m *Memory) used() (n int64) {
	for _, ino := range m.names {
		n += ino.liveSize
	}
	return n
}

// PowerCut returns the directory that the disk holds after the power failed now:
// of what was not synced, each sector and each name may be old or new. pick(n)
// chooses between 0 and n-1; every sequence of choices gives a legal state.
func (m *Memory) PowerCut(pick func(n int) int) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := make(map[string]*inode, len(m.disk))
	for n, ino := range m.disk {
		names[n] = ino
	}
	how := pick(4)
	for _, v := range m.moves {
		if how == 1 || how == 2 && pick(4) > 0 || how == 3 && pick(2) > 0 {
			v.apply(names)
		} else if how == 2 {
			break // in order, up to here
		}
	}
	after := NewMemory()
	after.Capacity = m.Capacity
	done := make(map[*inode]*inode) // a file may have two names
	for n, ino := range names {
		if done[ino] == nil {
			done[ino] = ino.powerCut(pick)
		}
		after.names[n], after.disk[n] = done[ino], done[ino]
	}
	return after
}

func (ino *inode) powerCut(pick func(n int) int) *inode {
	after := &inode{live: append([]*block(nil), ino.disk...), liveSize: ino.diskSize}
	if len(ino.writes) > 0 || ino.liveSize != ino.diskSize {
		if how := pick(5); how > 0 {
			sector := int64(512)
			if pick(2) == 1 {
				sector = page
			}
			for _, w := range ino.writes {
				switch {
				case how == 1 || how == 2 && pick(4) > 0:
					after.put(w.off, w.data, w.n) // whole
				case how == 2:
					how = 4 // in order up to here, then in part
					fallthrough
				case how >= 3:
					w.sectors(sector, func(off int64, data []byte, n int64) {
						if pick(2) == 1 {
							after.put(off, data, n)
						}
					})
				}
				if how == 4 && pick(2) == 1 {
					break
				}
			}
			if pick(2) == 1 {
				after.resize(ino.liveSize)
			}
		}
	}
	after.disk, after.diskSize = append([]*block(nil), after.live...), after.liveSize
	return after
}

// sectors cuts w where sectors begin.
func (w memWrite) sectors(size int64, do func(off int64, data []byte, n int64)) {
	if w.data == nil {
		do(w.off, nil, w.n) // zeros are not worth cutting
		return
	}
	for i := int64(0); i < w.n; {
		n := min(size-(w.off+i)%size, w.n-i)
		do(w.off+i, w.data[i:i+n], n)
		i += n
	}
}

// put writes n bytes, zeros if data is nil, into the live blocks.
func (ino *inode) put(off int64, data []byte, n int64) {
	if off+n > ino.liveSize {
		ino.resize(off + n)
	}
	for i := int64(0); i < n; {
		p, at := (off+i)/page, (off+i)%page
		k := min(page-at, n-i)
		old := ino.live[p]
		if data == nil && (old == nil || k == page) {
			ino.live[p] = nil
		} else {
			b := new(block)
			if old != nil {
				*b = *old
			}
			if data == nil {
				clear(b[at : at+k])
			} else {
				copy(b[at:at+k], data[i:])
			}
			ino.live[p] = b
		}
		i += k
	}
}

func (ino *inode) resize(size int64) {
	blocks := int((size + page - 1) / page)
	if size < ino.liveSize {
		if at := size % page; at > 0 && ino.live[blocks-1] != nil {
			b := *ino.live[blocks-1]
			clear(b[at:])
			ino.live[blocks-1] = &b
		}
		ino.live = append([]*block(nil), ino.live[:blocks]...)
	} else if blocks > len(ino.live) {
		ino.live = append(ino.live, make([]*block, blocks-len(ino.live))...)
	}
	ino.liveSize = size
}

// sync makes the pages written since the last one durable.
func (ino *inode) sync() {
	n := len(ino.live)
	if n < len(ino.disk) {
		ino.disk = ino.disk[:n:n]
		if n > 0 {
			ino.disk[n-1] = ino.live[n-1]
		}
	} else {
		ino.disk = append(ino.disk, make([]*block, n-len(ino.disk))...)
	}
	ino.diskSize = ino.liveSize
	for _, w := range ino.writes {
		for p := w.off / page; p < int64(n) && p*page < w.off+w.n; p++ {
			ino.disk[p] = ino.live[p]
		}
	}
	ino.writes = nil
}

type memFile struct {
	m     *Memory
	ino   *inode
	name  string
	write bool
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n := 0
	for n < len(b) && off < f.ino.liveSize {
		p, at := off/page, off%page
		k := min(page-at, int64(len(b)-n), f.ino.liveSize-off)
		if src := f.ino.live[p]; src != nil {
			copy(b[n:n+int(k)], src[at:])
		} else {
			clear(b[n : n+int(k)])
		}
		n, off = n+int(k), off+k
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

var errReadOnly = errors.New("file is open for reading only")

// grow checks that there is space for the file to have size bytes. m.mu is held.
func (f *memFile) grow(op string, size int64) error {
	if !f.write {
		return &fs.PathError{Op: op, Path: f.name, Err: errReadOnly}
	}
	if more := size - f.ino.liveSize; more > 0 && f.m.Capacity > 0 && f.m.used()+more > f.m.Capacity {
		return &fs.PathError{Op: op, Path: f.name, Err: syscall.ENOSPC}
	}
	return nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.grow("write", off+int64(len(b))); err != nil {
		return 0, err
	}
	happens, err := f.m.step("write", f.name)
	if !happens {
		return 0, err
	}
	w := memWrite{off: off, n: int64(len(b))}
	for _, c := range b {
		if c != 0 {
			w.data = append([]byte(nil), b...)
			break
		}
	}
	f.ino.put(off, w.data, w.n)
	f.ino.writes = append(f.ino.writes, w)
	if err != nil {
		return len(b) / 2, err
	}
	return len(b), nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.ino.liveSize, nil
}

func (f *memFile) Allocate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.grow("fallocate", size); err != nil {
		return err
	}
	happens, err := f.m.step("allocate", f.name)
	if happens && size > f.ino.liveSize {
		f.ino.resize(size)
	}
	return err
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.grow("truncate", size); err != nil {
		return err
	}
	happens, err := f.m.step("truncate", f.name)
	if happens {
		f.ino.resize(size)
	}
	return err
}

func (f *memFile) Datasync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if _, err := f.m.step("sync", f.name); err != nil {
		if !errors.Is(err, ErrPowerCut) {
			f.ino.writes = nil // the pages count as clean, and are not on the disk
		}
		return err
	}
	f.ino.sync()
	return nil
}

func (f *memFile) Sync() error { return f.Datasync() }

func (f *memFile) Close() error { return nil }
