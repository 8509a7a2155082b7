// SPDX-License-Identifier: Apache-2.0

// Command scrapligo is what somebody does with the library scrapligo:
//
//	scrapligo PORT USER standard|system PASSWORD|/KEY OPERATION...
//
// The transport is Go's SSH or the program ssh. The operations: get, hostname=NAME, lock.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/scrapli/scrapligo/driver/netconf"
	"github.com/scrapli/scrapligo/driver/opoptions"
	"github.com/scrapli/scrapligo/driver/options"
	"github.com/scrapli/scrapligo/response"
	"github.com/scrapli/scrapligo/util"
)

const (
	filter = `<system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"/>`
	edit   = `<config><system xmlns="urn:ietf:params:xml:ns:yang:ietf-system"><hostname>%s</hostname></system></config>`
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 4 {
		return errors.New("use: scrapligo PORT USER standard|system PASSWORD|/KEY OPERATION...")
	}
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	with := []util.Option{
		options.WithPort(port), options.WithAuthUsername(args[1]), options.WithTransportType(args[2]), options.WithAuthNoStrictKey(),
		options.WithTimeoutSocket(20 * time.Second), options.WithTimeoutOps(20 * time.Second),
	}
	if strings.HasPrefix(args[3], "/") {
		with = append(with, options.WithAuthPrivateKey(args[3], ""))
	} else {
		with = append(with, options.WithAuthPassword(args[3]))
	}
	d, err := netconf.NewDriver("127.0.0.1", with...)
	if err != nil {
		return err
	}
	if err := d.Open(); err != nil {
		return err
	}
	for _, op := range args[4:] {
		var r *response.NetconfResponse
		switch name, value, _ := strings.Cut(op, "="); name {
		case "get":
			r, err = d.GetConfig("running", opoptions.WithFilter(filter))
		case "hostname":
			r, err = d.EditConfig("running", fmt.Sprintf(edit, value))
		case "lock":
			if r, err = d.Lock("running"); err == nil && r.Failed == nil {
				r, err = d.Unlock("running")
			}
		default:
			err = fmt.Errorf("cannot do %q", op)
		}
		if err == nil {
			err = r.Failed
		}
		if err != nil {
			return err
		}
		fmt.Println(d.SelectedVersion, r.Result)
	}
	return d.Close()
}
