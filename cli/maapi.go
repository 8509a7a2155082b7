// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"nso.example/nso/client"
)

const (
	maapiDot   = "org.nso.Maapi."
	controlDot = "org.nso.Control."
)

// Remote is the Agent of a connection to the daemon.
type Remote struct {
	Client *client.Client
	User   string // who the daemon takes the caller for
}

// Who says as whom a session is opened. The zero Who is the caller himself.
type Who struct {
	User     string // another user: that takes a grant in nso.toml
	Recovery bool   // access control is not enforced: for root on the Unix socket
}

// Open opens a session of the management agent on the connection.
func Open(ctx context.Context, c *client.Client, who Who) (*Remote, error) {
	r := &Remote{Client: c}
	var out struct {
		User string `json:"user"`
	}
	in := params{}
	if who.User != "" {
		in["user"] = who.User
	}
	if who.Recovery {
		in["recovery"] = true
	}
	if err := r.call(ctx, maapiDot+"OpenSession", in, &out); err != nil {
		return nil, err
	}
	r.User = out.User
	return r, nil
}

type params map[string]any

func (r *Remote) call(ctx context.Context, method string, in params, out any) error {
	if in == nil {
		return failures(r.Client.Call(ctx, method, nil, out))
	}
	return failures(r.Client.Call(ctx, method, in, out))
}

// failures turns the daemon's lists of errors into ours.
func failures(err error) error {
	var e *client.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Name {
	case maapiDot + "Failed", controlDot + "Failed":
		var p struct {
			Errors Failures `json:"errors"`
		}
		if json.Unmarshal(e.Parameters, &p) == nil && len(p.Errors) > 0 {
			return p.Errors
		}
	case maapiDot + "NoSession", maapiDot + "NoSuchTransaction":
		return errors.New("cannot go on: the daemon has ended this session or its transaction")
	}
	return err
}

// text calls a method whose replies are pieces of a text. A writer that fails
// gets no more, and the call still ends as it should: the session lives on.
func (r *Remote) text(ctx context.Context, method string, in params, w io.Writer) error {
	var written error
	for raw, err := range r.Client.CallMore(ctx, method, in) {
		if err != nil {
			return failures(err)
		}
		if written != nil {
			continue
		}
		var piece struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal(raw, &piece); err != nil {
			return fmt.Errorf("cannot understand the daemon: %w", err)
		}
		_, written = io.WriteString(w, piece.Text)
	}
	return written
}

// Begin begins a transaction.
func (r *Remote) Begin(ctx context.Context, datastore string, readWrite bool) (int64, error) {
	var out struct {
		TH int64 `json:"th"`
	}
	err := r.call(ctx, maapiDot+"Begin", params{"datastore": datastore, "readWrite": readWrite}, &out)
	return out.TH, err
}

// Exists reports whether there is something at path.
func (r *Remote) Exists(ctx context.Context, th int64, path string) (bool, error) {
	var out struct {
		Exists bool `json:"exists"`
	}
	err := r.call(ctx, maapiDot+"Exists", params{"th": th, "path": path}, &out)
	return out.Exists, err
}

// Show writes a subtree to w.
func (r *Remote) Show(ctx context.Context, th int64, path, format string, w io.Writer) error {
	return r.text(ctx, maapiDot+"Show", params{"th": th, "path": path, "format": format}, w)
}

// Keys lists keys of a list.
func (r *Remote) Keys(ctx context.Context, th int64, path, prefix string, after []string, limit int) ([][]string, bool, error) {
	in := params{"th": th, "path": path, "limit": limit}
	if prefix != "" {
		in["prefix"] = prefix
	}
	if after != nil {
		in["after"] = after
	}
	var out struct {
		Entries []struct {
			Values []string `json:"values"`
		} `json:"entries"`
		More bool `json:"more"`
	}
	err := r.call(ctx, maapiDot+"Keys", in, &out)
	keys := make([][]string, len(out.Entries))
	for i, e := range out.Entries {
		keys[i] = e.Values
	}
	return keys, out.More, err
}

// Set gives a leaf its value, or adds an entry to a leaf-list.
func (r *Remote) Set(ctx context.Context, th int64, path string, value *string) error {
	return r.call(ctx, maapiDot+"Set", params{"th": th, "path": path, "value": value}, nil)
}

// Create makes a container with presence or a list entry.
func (r *Remote) Create(ctx context.Context, th int64, path string) error {
	return r.call(ctx, maapiDot+"Create", params{"th": th, "path": path}, nil)
}

// Delete removes what is at path.
func (r *Remote) Delete(ctx context.Context, th int64, path string) error {
	return r.call(ctx, maapiDot+"Delete", params{"th": th, "path": path}, nil)
}

// Move moves an entry of a list that the user orders.
func (r *Remote) Move(ctx context.Context, th int64, path, where string, anchor *string) error {
	return r.call(ctx, maapiDot+"Move", params{"th": th, "path": path, "where": where, "anchor": anchor}, nil)
}

// Load loads a text.
func (r *Remote) Load(ctx context.Context, th int64, format, operation, text string) error {
	return r.call(ctx, maapiDot+"Load", params{"th": th, "format": format, "operation": operation, "text": text}, nil)
}

// Diff writes what commit would change.
func (r *Remote) Diff(ctx context.Context, th int64, format string, w io.Writer) error {
	return r.text(ctx, maapiDot+"Diff", params{"th": th, "format": format}, w)
}

// Revert gives up all edits.
func (r *Remote) Revert(ctx context.Context, th int64) error {
	return r.call(ctx, maapiDot+"Revert", params{"th": th}, nil)
}

// Validate checks what commit would make.
func (r *Remote) Validate(ctx context.Context, th int64) error {
	return r.call(ctx, maapiDot+"Validate", params{"th": th}, nil)
}

// Commit ends the transaction with its changes made.
func (r *Remote) Commit(ctx context.Context, th int64, label, comment *string, force bool) (int64, error) {
	var out struct {
		Revision int64 `json:"revision"`
	}
	err := r.call(ctx, maapiDot+"Commit", params{"th": th, "label": label, "comment": comment, "force": force}, &out)
	return out.Revision, err
}

// Commands asks access control about commands.
func (r *Remote) Commands(ctx context.Context, commands []string) ([]CommandAccess, error) {
	var out struct {
		Commands []CommandAccess `json:"commands"`
	}
	err := r.call(ctx, maapiDot+"Commands", params{"context": "cli", "commands": commands}, &out)
	return out.Commands, err
}

// Abort ends the transaction without a trace.
func (r *Remote) Abort(ctx context.Context, th int64) error {
	return r.call(ctx, maapiDot+"Abort", params{"th": th}, nil)
}

// Describe asks for a schema node, its children and its rpcs or actions.
func (r *Remote) Describe(ctx context.Context, path string) (n *Schema, children, operations []Schema, err error) {
	var out struct {
		Node       *Schema  `json:"node"`
		Children   []Schema `json:"children"`
		Operations []Schema `json:"operations"`
	}
	err = r.call(ctx, maapiDot+"Describe", params{"path": path}, &out)
	return out.Node, out.Children, out.Operations, err
}

// Sessions lists the sessions of the daemon.
func (r *Remote) Sessions(ctx context.Context) ([]SessionInfo, error) {
	var out struct {
		Sessions []SessionInfo `json:"sessions"`
	}
	err := r.call(ctx, controlDot+"Sessions", nil, &out)
	return out.Sessions, err
}

// Status asks the daemon about itself.
func (r *Remote) Status(ctx context.Context) (*Status, error) {
	var out Status
	if err := r.call(ctx, controlDot+"Status", nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
