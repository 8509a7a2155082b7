// SPDX-License-Identifier: Apache-2.0

package push

import (
	"sync"

	"nso.example/nso/tree"
)

// Delta is what changes one selection into another. It is shared: nobody changes it.
type Delta struct {
	once    sync.Once
	changes []tree.Change

	mu   sync.Mutex
	made map[string][]byte
}

// Changes are the changes in the order of tree.Diff.
func (d *Delta) Changes() []tree.Change { return d.changes }

// Made is what make gives, made once for each key.
func (d *Delta) Made(key string, make func([]tree.Change) ([]byte, error)) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b, ok := d.made[key]; ok {
		return b, nil
	}
	b, err := make(d.changes)
	if err == nil {
		if d.made == nil {
			d.made = map[string][]byte{}
		}
		d.made[key] = b
	}
	return b, err
}

// Delta is the difference between what the watcher saw before and sees in s.
func (w *Watch) Delta(s *Step, from, to *tree.Node) *Delta {
	s.mu.Lock()
	k := deltaKey{from, to}
	d := s.delta[k]
	if d == nil {
		d = new(Delta)
		s.delta[k] = d
	}
	s.mu.Unlock()
	d.once.Do(func() { w.Costly(func() { d.changes = changes(from, to) }) })
	return d
}

func changes(from, to *tree.Node) (all []tree.Change) {
	if from == nil && to == nil {
		return nil
	}
	for c := range tree.Diff(from, to) {
		c.Path = c.Path.Clone()
		all = append(all, c)
	}
	return all
}
