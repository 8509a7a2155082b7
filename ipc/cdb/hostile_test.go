// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestHostile: whatever a client sends, in whatever state, it gets an error or an answer
// and the connection goes on; nothing panics (ipctest counts).
func TestHostile(t *testing.T) {
	w := start(t)
	deep := strings.Repeat("[", 60) + strings.Repeat("]", 60)
	var inputs []string
	for _, v := range []string{`null`, `1`, `-1`, `1e400`, `99999999999999999999`, `true`, `""`, `"/"`, `"/net:top"`, `"/net:top/port"`, `"/net:top/port[name=']"`,
		`"/net:top/port[name='a'][name='b']"`, `"\u0000"`, `[]`, `[""]`, `["/net:top", 1]`, `{}`, deep, `"` + strings.Repeat("/a", 5000) + `"`} {
		for _, k := range []string{"path", "paths", "snapshot", "revision", "datastore", "after", "limit", "name", "deadline", "priority", "since", "message", "x"} {
			inputs = append(inputs, `{"`+k+`":`+v+`}`, `{"path":"/net:top/port","paths":[],"name":"n","message":"m","`+k+`":`+v+`}`)
		}
	}
	methods := New(nil).Methods
	c := w.Dial("admin")
	for _, m := range methods {
		if m.Name == "Next" { // which waits
			continue
		}
		for _, in := range inputs {
			if !json.Valid([]byte(in)) {
				t.Fatal(in)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			err := c.Call(ctx, name+"."+m.Name, json.RawMessage(in), nil)
			cancel()
			if err != nil && strings.Contains(err.Error(), "number") && strings.Contains(err.Error(), "internal error") {
				t.Errorf("%s %.200s: %v", m.Name, in, err)
			}
			if err != nil && strings.Contains(err.Error(), "connection") {
				t.Logf("%s %.200s: %v", m.Name, in, err)
				c.Close()
				c = w.Dial("admin")
			}
		}
	}
	c.Close()
	w.settled(0)
	w.commit("/net:top/name = n")
}
