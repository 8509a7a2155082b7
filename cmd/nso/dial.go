// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"nso.example/nso/client"
	"nso.example/nso/cmd/nso/run"
)

// dial connects to the daemon: where the environment says, else the installed
// one, else an instance of "nso run".
func dial(ctx context.Context) (*client.Client, error) {
	a, err := client.FromEnv(os.Getenv)
	if err != nil {
		return nil, err
	}
	if a.Source == "" && !exists(a.Path) {
		for _, path := range instances() {
			if exists(path) {
				return client.Dial(ctx, path)
			}
		}
	}
	return client.DialAddress(ctx, a)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// instances are the sockets of "nso run": one's own, and the one that root
// started.
func instances() (paths []string) {
	for _, uid := range []int{os.Geteuid(), 0} {
		if dir, err := run.DefaultDir(os.Getenv, uid); err == nil {
			paths = append(paths, filepath.Join(dir, "ipc"))
		}
	}
	return paths
}

// call makes one call of org.nso.Control on a connection of its own.
func call(ctx context.Context, method string, in, out any) error {
	c, err := dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return told(c.Call(ctx, "org.nso.Control."+method, in, out))
}

// told is the daemon's refusal in its own words.
func told(err error) error {
	var e *client.Error
	if !errors.As(err, &e) || !strings.HasSuffix(e.Name, ".Failed") {
		return err
	}
	var p struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(e.Parameters, &p) != nil || len(p.Errors) == 0 {
		return err
	}
	texts := make([]string, len(p.Errors))
	for i, m := range p.Errors {
		texts[i] = m.Message
	}
	return errors.New(strings.Join(texts, "\n"))
}
