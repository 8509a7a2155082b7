// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"io/fs"
	"time"
)

// Facts are what Look found. The zero value of a part means that it is not there.
type Facts struct {
	Now      time.Time
	Version  string // of the tool
	Caller   string // the user who asks
	Root     bool   // who asks is root
	Systemd  Systemd
	Config   Config
	Units    map[string]Unit // by name; what is not loaded is missing
	Files    map[string]bool // of Watched: whether they are there
	IPC      Path            // the socket of the configuration in force
	Folder   Path            // that it is in
	Users    map[string]bool // of the names that the packages make: whether they are there
	Members  []string        // of the group of the IPC socket
	Group    string          // of the IPC socket, as configured
	Process  Process         // the daemon
	Answer   Answer          // to org.varlink.service.GetInfo
	Disk     Disk            // under the state folder
	Doors    []Door          // that the configuration in force enables
	Folders  map[string]error
	PolkitOn bool // the system bus knows polkit's name
}

// Systemd is the service manager.
type Systemd struct {
	Version string // as it says itself; empty if it was not reached
	Error   error  // why it was not reached
	Booted  bool   // sd_booted(3)
}

// Config is nso.toml, as it lies and as it is in force.
type Config struct {
	File     string // in force
	Error    error  // of the file in force
	Edited   error  // of /etc/nso/nso.toml, if it is another one
	Differs  bool   // /etc/nso/nso.toml says something else than what is in force
	Path     Path   // of /etc/nso/nso.toml
	Unseen   bool   // the caller may not read it
	StateDir string
}

// Path is a file's owner and mode.
type Path struct {
	Name         string
	Exists       bool
	Mode         fs.FileMode
	Owner, Group string
	OwnerID      uint32
}

// Unit is a unit as systemd shows it.
type Unit struct {
	Load, Active, Sub, File string // LoadState, ActiveState, SubState, UnitFileState
	Result                  string
	Status                  int32     // ExecMainStatus
	Since                   time.Time // of the last change of state
	Restarts                uint32    // NRestarts
	NeedReload              bool      // NeedDaemonReload
	PID                     uint32
	Connections             uint32 // NConnections
	Files                   uint64 // LimitNOFILESoft
	Text                    string // StatusText
}

// Process is a process as /proc shows it.
type Process struct {
	PID          uint32
	Seen         bool
	UIDs         []string // real, effective, saved, of the file system
	Capabilities bool     // any set but the bounding one is not empty, or that one is not
	NoNewPrivs   bool
	Descriptors  int // open; -1: may not be seen
}

// Answer is what the daemon says to whoever can connect.
type Answer struct {
	Error   error
	Asked   bool // the socket is there, and the daemon runs
	Version string
	User    string // who it takes the caller for
	Admin   bool
}

// Disk is the file system below the state folder.
type Disk struct {
	Error           error
	Free, Size      uint64 // bytes
	FreeNodes, Node uint64
	ReadOnly        bool
}

// Door is a listener of the configuration.
type Door struct {
	Name      string
	Addresses []string
	Taken     []string // who else holds an address: "127.0.0.1:2023 by sshd (pid 12)"
}
