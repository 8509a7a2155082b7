// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"encoding/json"
	"fmt"
	"time"
)

// writeError sends an error reply.
func (c *Conn) writeError(e *Error) error {
	call := Call{conn: c, entry: &entry{Method: &Method{}, full: e.Name}}
	err := call.ReplyError(e.Name, e.Parameters)
	if err == nil || c.ctx.Err() != nil {
		return err
	}
	number := c.server.incidents.Add(1)
	c.log.Error("internal error: cannot send an error", "number", number, "err", err)
	fault := internalError(number)
	call.replied = false
	return call.ReplyError(fault.Name, fault.Parameters)
}

// write sends one message. A client that does not read in time is closed.
func (c *Conn) write(b []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	span := c.server.limits.Write
	if now := time.Now(); c.writeDeadline.Sub(now) < span {
		// Set for twice the time, it holds for many writes.
		c.writeDeadline = now.Add(2 * span)
		if err := c.nc.SetWriteDeadline(c.writeDeadline); err != nil {
			return err
		}
	}
	if _, err := c.nc.Write(b); err != nil {
		err = fmt.Errorf("cannot write to the client: %w", err)
		c.cancel(err)
		c.nc.Close()
		return err
	}
	return nil
}

// encode appends v as JSON, without the escapes that only HTML needs.
func (c *Conn) encode(out []byte, v any) ([]byte, error) {
	if c.encoder == nil {
		c.encoder = json.NewEncoder((*appendWriter)(&c.encoded))
		c.encoder.SetEscapeHTML(false)
	}
	c.encoded = out
	err := c.encoder.Encode(v)
	out, c.encoded = c.encoded, nil
	if n := len(out); err == nil && out[n-1] == '\n' {
		out = out[:n-1]
	}
	return out, err
}

// appendWriter is a slice that grows at its end.
type appendWriter []byte

func (w *appendWriter) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}
