// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// RefusePrivilege returns an error if the process has any: a real, effective, saved
// or file system uid of 0, or a capability that it has, can take or would pass on.
func RefusePrivilege() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("cannot start: it is not known with what rights: %w", err)
	}
	return refusePrivilege(string(status))
}

func refusePrivilege(status string) error {
	sets := map[string]string{
		"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective", "CapAmb": "ambient",
	}
	uids := false
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if name == "Uid" {
			words := strings.Fields(value)
			if len(words) != 4 {
				break
			}
			uids = true
			for i, kind := range []string{"real", "effective", "saved", "file system"} {
				if words[i] == "0" {
					return fmt.Errorf("cannot start as root: the %s uid is 0; start nso.service, whose User= is nso, or use 'nso run', which becomes another user first", kind)
				}
			}
		}
		if set, ok := sets[name]; ok {
			if value == "" || strings.Trim(value, "0") != "" {
				return fmt.Errorf("cannot start with capabilities: %s has %s; leave AmbientCapabilities= of the unit empty, and the file without capabilities (setcap -r)", set, value)
			}
			delete(sets, name)
		}
	}
	// CapAmb is there since Linux 4.3.
	if !uids || len(sets) > 0 {
		return errors.New("cannot start: /proc/self/status does not say with what rights; mount /proc")
	}
	return nil
}
