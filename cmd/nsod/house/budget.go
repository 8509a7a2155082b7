// SPDX-License-Identifier: Apache-2.0

package house

import (
	"fmt"

	"golang.org/x/sys/unix"

	"nso.example/nso/config"
	"nso.example/nso/units"
)

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
	need := uint64(units.Need(c))
	if need <= limit {
		return nil
	}
	return fmt.Errorf("cannot hold the connections of limits.connections, which is %d: with what else is open they take %d open files, and %d are allowed; raise LimitNOFILE of nso.service, or lower limits.connections in nso.toml",
		c.Limits.Connections, need, limit)
}
