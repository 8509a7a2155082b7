// SPDX-License-Identifier: Apache-2.0

package house

import (
	"fmt"

	"golang.org/x/sys/unix"

	"nso.example/nso/config"
)

// otherFiles is what the daemon has open beside connections: listeners, the
// database, the log, and the questions that it is asking of others.
const otherFiles = 256

// Budget compares what connections may take with what the process may open, and
// says what cannot be held.
func Budget(c *config.Config) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("cannot tell how many files may be open: %w", err)
	}
	return budget(c, limit.Cur)
}

func budget(c *config.Config, limit uint64) error {
	// limits.connections counts the local socket and ipc-tcp together, and
	// netconf-tcp and netconf-ssh on their own.
	rooms := 1
	for _, d := range []config.Door{c.Listen.NETCONFTCP, c.Listen.NETCONFSSH} {
		if d.Enabled {
			rooms++
		}
	}
	need := uint64(rooms*c.Limits.Connections + otherFiles)
	if need <= limit {
		return nil
	}
	return fmt.Errorf("cannot hold the %d connections of limits.connections: they take %d open files and %d are allowed; raise LimitNOFILE of nso.service, or lower limits.connections in nso.toml",
		rooms*c.Limits.Connections, need, limit)
}
