// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"strings"
)

// Agent is the daemon as the CLI needs it: org.nso.Maapi, and the list of
// sessions of org.nso.Control. Paths are instance paths in the form of
// RFC 7951, 6.11; th is a transaction.
type Agent interface {
	Begin(ctx context.Context, datastore string, readWrite bool) (th int64, err error)
	Exists(ctx context.Context, th int64, path string) (bool, error)
	// Show writes a subtree to w; format is curly, set, xml or json.
	Show(ctx context.Context, th int64, path, format string, w io.Writer) error
	Keys(ctx context.Context, th int64, path, prefix string, after []string, limit int) (entries [][]string, more bool, err error)
	Set(ctx context.Context, th int64, path string, value *string) error
	Create(ctx context.Context, th int64, path string) error
	Delete(ctx context.Context, th int64, path string) error
	Move(ctx context.Context, th int64, path, where string, anchor *string) error
	Load(ctx context.Context, th int64, format, operation, text string) error
	// Diff writes what commit would change; format is curly or set.
	Diff(ctx context.Context, th int64, format string, w io.Writer) error
	Revert(ctx context.Context, th int64) error
	Validate(ctx context.Context, th int64) error
	// Commit makes the changes effective; with force even those after which the user
	// could change access control no more.
	Commit(ctx context.Context, th int64, label, comment *string, force bool) (revision int64, err error)
	Abort(ctx context.Context, th int64) error
	// Describe returns a schema node, nil for the root, its data children, and its rpcs or
	// actions.
	Describe(ctx context.Context, path string) (n *Schema, children, operations []Schema, err error)
	// Invoke does an rpc or action. The settings are its input; format is that of Show.
	Invoke(ctx context.Context, path string, settings []edit, format string) (output string, err error)
	// Commands asks access control about commands, as their words in full.
	Commands(ctx context.Context, commands []string) ([]CommandAccess, error)
	Sessions(ctx context.Context) ([]SessionInfo, error)
	Status(ctx context.Context) (*Status, error)
}

// Schema is one schema node (type Schema of org.nso.Maapi).
type Schema struct {
	Name          string   `json:"name"`
	Module        string   `json:"module"`
	Kind          string   `json:"kind"`
	Config        bool     `json:"config"`
	Mandatory     bool     `json:"mandatory"`
	Presence      bool     `json:"presence"`
	Keys          []string `json:"keys"`
	IsKey         bool     `json:"isKey"`
	OrderedByUser bool     `json:"orderedByUser"`
	Type          string   `json:"type"`
	TypeText      string   `json:"typeText"`
	Values        []string `json:"values"`
	Leafref       string   `json:"leafref"`
	Secret        string   `json:"secret"` // hashed, hidden or ""
	Defaults      []string `json:"defaults"`
	Units         string   `json:"units"`
	Status        string   `json:"status"`
	Operates      bool     `json:"operates"` // something does it, or an rpc or action below it
	Description   string   `json:"description"`
}

// SessionInfo is one session (type Session of org.nso.Control).
type SessionInfo struct {
	ID        int64    `json:"id"`
	User      string   `json:"user"`
	Transport string   `json:"transport"`
	Source    string   `json:"source"`
	Since     string   `json:"since"` // RFC 3339
	Locks     []string `json:"locks"`
	Own       string   `json:"own"`      // who acts as User, if that is another
	Recovery  bool     `json:"recovery"` // access control is not enforced
}

// Door is one way into the daemon.
type Door struct {
	Name        string `json:"name"`
	Address     string `json:"address"`
	Connections int64  `json:"connections"`
}

// Module is one loaded YANG module.
type Module struct {
	Name        string `json:"name"`
	Revision    string `json:"revision"`
	Implemented bool   `json:"implemented"`
}

// Status is what the daemon says of itself (Status of org.nso.Control).
type Status struct {
	Version       string   `json:"version"`
	PID           int64    `json:"pid"`
	UID           int64    `json:"uid"`
	Started       string   `json:"started"` // RFC 3339
	UptimeSeconds int64    `json:"uptimeSeconds"`
	Doors         []Door   `json:"doors"`
	Sessions      int64    `json:"sessions"`
	Revision      int64    `json:"revision"`
	Modules       []Module `json:"modules"`
	Resident      int64    `json:"resident"` // bytes
	Panics        int64    `json:"panics"`
}

// Failure is one error of the daemon (type RpcError).
type Failure struct {
	Type    string  `json:"type"`
	Tag     string  `json:"tag"`
	AppTag  *string `json:"appTag"`
	Path    *string `json:"path"`
	Message string  `json:"message"`
}

// Failures are the errors of one call, in the daemon's words.
type Failures []Failure

func (f Failures) Error() string {
	lines := make([]string, 0, len(f))
	for _, e := range f {
		text := e.Message
		if rest, ok := strings.CutPrefix(text, "cannot use path "); ok {
			// The words say where it is; what is wrong there follows.
			if _, why, ok := strings.Cut(rest, `": `); ok {
				text = why
			}
		}
		text = printable(text)
		if e.Path != nil && *e.Path != "" && *e.Path != "/" {
			text = pathWords(*e.Path) + ": " + text
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}
