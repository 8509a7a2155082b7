// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// unread is how long a client may read nothing: somebody who has stopped his screen.
const unread = 10 * time.Minute

// Relay passes what the two sides of a command say on, until its end, which is returned
// when the client has it: the daemon is between nso-exec and who asked. No more is in
// memory than a frame each way. When the client goes, the command is hung up.
func Relay(client *Served, cmd *Command) (End, error) {
	defer cmd.Close()
	go func() {
		for {
			f, err := client.Next()
			if err == nil {
				err = cmd.send(f.Kind, f.Data)
			}
			if err != nil {
				cmd.Close()
				return
			}
		}
	}()
	buf := make([]byte, HeaderSize, HeaderSize+4096)
	for {
		f, err := cmd.in.next("coxE")
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return End{}, fmt.Errorf("cannot tell how the command ended: its connection has gone: %w", err)
		}
		if f.Kind == end {
			var e End
			if err := errors.Join(decode(f.Data, &e), e.check()); err != nil {
				return End{}, err
			}
			return e, client.End(e)
		}
		buf = append(buf[:HeaderSize], f.Data...)
		if err := client.Expire(time.Now().Add(unread)); err != nil {
			return End{}, fmt.Errorf("cannot pass the output on: %w", err)
		}
		if err := client.send(buf, f.Kind); err != nil {
			return End{}, fmt.Errorf("cannot pass the output on: %w", err)
		}
	}
}
