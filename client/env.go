// SPDX-License-Identifier: Apache-2.0

package client

import (
	"fmt"
	"net"
	"strconv"
)

// DefaultPath is the IPC socket of an installed daemon.
const DefaultPath = "/run/nso/ipc"

// Address is where the daemon is, and which setting says so.
type Address struct {
	Network    string // "unix" or "tcp"
	Path       string // of the socket, for unix
	HostPort   string // for tcp
	AccessFile string // with the secret for tcp
	Source     string // the environment variable, or "" for the default
}

func (a Address) String() string {
	if a.Network == "tcp" {
		return a.HostPort
	}
	return a.Path
}

const (
	defaultHost = "127.0.0.1"
	defaultPort = "4565"
)

// FromEnv finds the address in the environment: NSO_IPC_PATH, then
// NCS_IPC_PATH, then NCS_IPC_ADDR and NCS_IPC_PORT with NCS_IPC_ACCESS_FILE,
// then the default path. An empty variable counts as unset.
func FromEnv(getenv func(string) string) (Address, error) {
	for _, name := range []string{"NSO_IPC_PATH", "NCS_IPC_PATH"} {
		path := getenv(name)
		if path == "" {
			continue
		}
		if err := checkPath(path); err != nil {
			return Address{}, fmt.Errorf("cannot use %s: %w", name, err)
		}
		return Address{Network: "unix", Path: path, Source: name}, nil
	}
	host, port := getenv("NCS_IPC_ADDR"), getenv("NCS_IPC_PORT")
	if host == "" && port == "" {
		return Address{Network: "unix", Path: DefaultPath}, nil
	}
	a := Address{Network: "tcp", AccessFile: getenv("NCS_IPC_ACCESS_FILE"), Source: "NCS_IPC_ADDR"}
	if host == "" {
		host, a.Source = defaultHost, "NCS_IPC_PORT"
	}
	if port == "" {
		port = defaultPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Address{}, fmt.Errorf("cannot use NCS_IPC_PORT: %q is not a port number from 1 to 65535", port)
	}
	if net.ParseIP(host) == nil {
		return Address{}, fmt.Errorf("cannot use NCS_IPC_ADDR: %q is not an IP address", host)
	}
	a.HostPort = net.JoinHostPort(host, port)
	return a, nil
}

// maxPath is what sun_path can hold (unix(7)), without its NUL.
const maxPath = 107

func checkPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("the path has %d bytes, a socket's has at most %d", len(path), maxPath)
	}
	return nil
}
