// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
)

// TestBadPlaces: what is wrong around the daemon ends its start with one line that
// names the remedy.
func TestBadPlaces(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to make folders that the daemon's user cannot use: sudo make test")
	}
	for _, c := range []struct {
		name  string
		spoil func(*place)
		want  []string
	}{
		{"a state folder that cannot be made", func(p *place) { p.must(os.Chown(p.dir, 0, 0)) }, []string{"permission denied", "state.dir"}},
		{"a state folder of somebody else", func(p *place) { p.must(os.Mkdir(p.dir+"/state", 0o755)) }, []string{"permission denied"}},
		{"an unreadable YANG folder", func(p *place) {
			p.must(os.Mkdir(p.dir+"/yang", 0o700))
			p.configure("[yang]\npath = [\"" + p.dir + "/yang\"]\n")
		}, []string{"permission denied", p0 + "/yang"}},
		{"a broken configuration", func(p *place) { p.configure("[limits]\nconnections = \"many\"\n") }, []string{"nso.toml", "limits.connections"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t, "")
			c.spoil(p)
			status, said := p.start("nsod", []string{"--config", p.dir + "/nso.toml"}, "ipc:inet-diag", p.ipc, p.diag).end(p)
			lines := strings.Split(strings.TrimSpace(said), "\n")
			last := lines[len(lines)-1]
			if status != 1 || !strings.Contains(last, "cannot ") {
				t.Errorf("status %d, and it says %q", status, said)
			}
			for _, w := range c.want {
				if w = strings.ReplaceAll(w, p0, p.dir); !strings.Contains(last, w) {
					t.Errorf("there is no %q in %q", w, last)
				}
			}
		})
	}
}

// p0 stands for the folder of the place.
const p0 = "DIR"
