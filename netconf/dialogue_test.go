// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
)

var update = flag.Bool("update", false, "rewrite the dialogues in testdata")

// TestDialogues holds the conversations of testdata: "before" is the data to begin
// with, "after" what running holds in the end. In "conversation"
//
//	a open USER 1.0|1.1   opens a session called a
//	a> XML                sends an operation in an rpc of the next message-id
//	a! XML                sends a message as it is
//	a< XML                is the answer, indented; "a closed" the end of the session
//
// A request may go on over lines that begin with blanks.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	special := map[string]worldOptions{
		"startup":           {startup: true},
		"private_candidate": {Options: Options{PrivateCandidate: true}},
	}
	for _, file := range files {
		holdDialogue(t, file, special[strings.TrimSuffix(filepath.Base(file), ".txtar")], func(*world) {})
	}
}

// holdDialogue holds one conversation, in a world that setup has seen before it begins.
func holdDialogue(t *testing.T, file string, options worldOptions, setup func(*world)) {
	t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		part := func(name string) *txtar.File {
			for i := range archive.Files {
				if archive.Files[i].Name == name {
					return &archive.Files[i]
				}
			}
			archive.Files = append(archive.Files, txtar.File{Name: name})
			return &archive.Files[len(archive.Files)-1]
		}
		options.before = string(part("before").Data)
		d := &dialogue{world: newWorld(t, options), sessions: make(map[string]*peer.Conn), ids: make(map[string]int)}
		setup(d.world)
		hold := func(name, got string) {
			f := part(name)
			if *update {
				f.Data = []byte(got)
			} else if got != string(f.Data) {
				t.Errorf("%s:\n got:\n%s\nwant:\n%s", name, got, f.Data)
			}
		}
		hold("conversation", d.talk(string(part("conversation").Data)))
		hold("after", d.data())
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// clock is a time of day, which a dialogue cannot hold.
var clock = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

type dialogue struct {
	*world
	sessions map[string]*peer.Conn
	ids      map[string]int
}

// data is what running holds, less the access control.
func (d *dialogue) data() string {
	ed := tree.NewEditor(d.db.Root())
	if acm := d.schema.Root.Child("ietf-netconf-acm", "nacm"); d.db.Root().Has(acm) {
		if err := ed.Delete(tree.Path{{Schema: acm}}); err != nil {
			d.t.Fatal(err)
		}
	}
	return treetest.Dump(ed.Root())
}

func (d *dialogue) talk(script string) string {
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		verb, rest, _ := strings.Cut(line, " ")
		if strings.HasSuffix(verb, "<") || rest == "closed" {
			continue // written anew
		}
		out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if user, ok := strings.CutPrefix(rest, "open "); ok {
			user, version, _ := strings.Cut(user, " ")
			bases := map[string][]string{"1.0": {base10}, "1.1": {base11}}[version]
			d.sessions[verb] = d.open(user, bases...)
			continue
		}
		name := verb[:len(verb)-1]
		c := d.sessions[name]
		if c == nil {
			d.t.Fatalf("%s: no session %s", line, name)
		}
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ") {
			i++
			out.WriteString(lines[i] + "\n")
			rest += "\n" + strings.TrimSpace(lines[i])
		}
		if strings.HasSuffix(verb, ">") {
			d.ids[name]++
			rest = fmt.Sprintf(`<rpc message-id="%d" xmlns="%s">%s</rpc>`, d.ids[name], nsBase, rest)
		}
		err := c.Send(rest)
		var reply []byte
		if err == nil {
			reply, err = c.Receive()
		}
		if err != nil {
			out.WriteString(name + " closed\n")
			continue
		}
		reply = clock.ReplaceAll(reply, []byte("TIME"))
		for _, l := range strings.Split(strings.TrimSpace(indented(d.t, reply)), "\n") {
			out.WriteString(name + "< " + l + "\n")
		}
	}
	return out.String()
}

// indented writes XML anew, an element a line.
func indented(t testing.TB, text []byte) string {
	r := xmlstream.NewReader(bytes.NewReader(text), xmlstream.Limits{})
	w := xmlstream.NewWriter(nil)
	w.Indent("  ")
	for {
		tok, err := r.Next()
		if err != nil {
			t.Fatalf("%v in the reply %s", err, text)
		}
		switch tok.Kind {
		case xmlstream.EOF:
			return string(w.Bytes())
		case xmlstream.Start:
			w.Start(tok.Name.Space, tok.Name.Local)
			for _, a := range tok.Attrs {
				w.AttrNS(a.Prefix, a.Name.Space, a.Name.Local, string(a.Value))
			}
			for _, p := range []string{"t", "o", "nc", "acm", "x"} { // the prefixes of values
				if uri, ok := r.Lookup(p); ok {
					w.Namespace(p, uri)
				}
			}
		case xmlstream.End:
			w.End()
		case xmlstream.Text:
			if !tok.White {
				w.TextBytes(tok.Text)
			}
		}
	}
}
