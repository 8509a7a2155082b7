// SPDX-License-Identifier: Apache-2.0

// Command ask asks the mediator, as the daemon does: ask start KIND [USER], or
// ask run RULE USER [PID UID]. It prints ok, or the reason.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"nso.example/nso/mediate"
)

func main() {
	args := append(os.Args[1:], "", "", "", "")
	var err error
	switch args[0] {
	case "start":
		err = mediate.Client{}.Start(context.Background(), mediate.Target{Kind: mediate.Kind(args[1]), User: args[2]})
	case "run":
		c := mediate.Command{Rule: args[1], Program: "/usr/bin/id", RunAs: "bob", User: args[2], Door: "cli-ssh", Source: "192.0.2.1:4711"}
		if args[3] != "" {
			pid, _ := strconv.Atoi(args[3])
			uid, _ := strconv.Atoi(args[4])
			c.Process, c.UID = int32(pid), uint32(uid)
		}
		err = mediate.Client{}.Authorize(context.Background(), c)
	default:
		fmt.Fprintln(os.Stderr, "usage: ask start|run ...")
		os.Exit(2)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
}
