// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"nso.example/nso/cli"
	"nso.example/nso/cmd/nso/doctor"
)

// healthy looks at the machine; exit status 0 says that nothing is wrong.
func healthy(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 0); err != nil {
		return err
	}
	report := doctor.Judge(doctor.Look(ctx, version))
	var err error
	if t.json {
		err = cli.WriteJSON(t.out, report)
	} else {
		err = report.Write(t.out)
	}
	if err == nil && !report.Healthy {
		return exitStatus(1)
	}
	return err
}
