// SPDX-License-Identifier: Apache-2.0

package seat

import (
	"fmt"
	"testing"
)

func TestTable(t *testing.T) {
	s := Table{Max: 4, PerUser: 2, Reserve: 1}
	take := func(user string, admin, want bool) {
		t.Helper()
		if err := s.Take(user, admin); (err == nil) != want {
			t.Errorf("%s: %v", user, err)
		}
	}
	take("a", false, true)
	take("a", false, true)
	take("a", false, false) // his two
	take("b", false, true)
	take("c", false, false) // the last is reserved
	take("c", true, true)
	take("d", true, false) // all
	s.Give("a")
	take("c", true, true)
	s.Give("c")
	s.Give("c")
	take("a", false, true)
	if !s.Patient("a") {
		t.Error("nobody has waited yet")
	}
	s.InVain("a")
	if s.Patient("a") || !s.Patient("b") {
		t.Error("who has waited in vain is waited for")
	}
	for i := range 5000 {
		s.InVain(fmt.Sprint(i))
	}
	if len(s.inVain) > 1001 {
		t.Errorf("%d users are remembered", len(s.inVain))
	}
}
