// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// ApplyEach makes what it can of an edit and returns what was refused, up to a number
// of errors: error-option continue-on-error (RFC 6241, 7.2).
func (t *Txn) ApplyEach(e *tree.Edit, limit int) mgmterr.List {
	var errs mgmterr.List
	t.applyEach([]*tree.Edit{e}, limit, &errs)
	if len(errs) > limit {
		errs = append(errs[:limit], mgmterr.New(mgmterr.OperationFailed, "",
			"cannot edit: more was refused than the %d errors above", limit))
	}
	return errs
}

// applyEach tries the last edit of chain inside its ancestors; where that is
// refused, it tries the node alone and then its children one by one.
func (t *Txn) applyEach(chain []*tree.Edit, limit int, errs *mgmterr.List) {
	last := chain[len(chain)-1]
	err := t.Apply(wrap(chain))
	if err == nil {
		return
	}
	apart := len(last.Children) > 0 && (last.Op == tree.OpMerge || last.Op == tree.OpNone)
	if apart {
		alone := *last
		alone.Children = nil
		err = t.Apply(wrap(append(chain[:len(chain)-1:len(chain)-1], &alone)))
	}
	if err != nil { // nothing can be done in it either
		if len(*errs) <= limit {
			*errs = append(*errs, Refusals(err)...)
		}
		return
	}
	for i := range last.Children {
		t.applyEach(append(chain[:len(chain):len(chain)], &last.Children[i]), limit, errs)
	}
}

// wrap makes one edit of a chain from the root down, each with one child.
func wrap(chain []*tree.Edit) *tree.Edit {
	e := *chain[len(chain)-1]
	for i := len(chain) - 2; i >= 0; i-- {
		up := *chain[i]
		up.Children = []tree.Edit{e}
		e = up
	}
	return &e
}

// Refusals are the errors for the client; another one is our bug.
func Refusals(err error) mgmterr.List {
	if err == nil {
		return nil
	}
	if list := mgmterr.Of(err); list != nil {
		return list
	}
	return mgmterr.List{mgmterr.New(mgmterr.OperationFailed, "", "cannot edit: %v", err).WithCause(err)}
}
