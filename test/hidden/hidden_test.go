// SPDX-License-Identifier: Apache-2.0

package hidden

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/client"
	"nso.example/nso/mgmt"
)

// times are what differs by itself.
var times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// both runs a script on two daemons that differ in hidden data, line by line, and wants
// the same answers.
func both(t *testing.T, run func(t *testing.T, p policy, ask func(what string, do func(i int) string), d [2]*daemon)) {
	for _, p := range policies() {
		t.Run(p.name, func(t *testing.T) {
			var d [2]*daemon
			d[0] = start(t, slices.Concat(p.acm, p.common), p.state)
			d[1] = start(t, slices.Concat(p.acm, p.common, p.hidden), slices.Concat(p.state, p.hiddenState))
			failed := 0
			run(t, p, func(what string, do func(i int) string) {
				var said [2]string
				for i := range d {
					said[i] = times.ReplaceAllString(do(i), "TIME")
				}
				if said[0] != said[1] && failed < 20 {
					failed++
					t.Errorf("%s tells that there is something:\n%s\n%s", what, said[0], said[1])
				}
			}, d)
		})
	}
}

const (
	ns   = `xmlns="urn:h"`
	open = `<config><top xmlns="urn:h" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">`
	shut = `</top></config>`
)

// reads are operations that change nothing.
func reads() []string {
	var filters []string
	for _, f := range []string{
		``, `<top ` + ns + `/>`, `<top ` + ns + `><item/></top>`, `<top ` + ns + `><item><k/></item></top>`, `<top ` + ns + `><item><k>secret</k></item></top>`,
		`<top ` + ns + `><item><k>none</k></item></top>`, `<top ` + ns + `><item><pw>hush</pw></item></top>`, `<top ` + ns + `><item><pw/></item></top>`,
		`<top ` + ns + `><item><k>mine</k><sub><b>x</b></sub></item></top>`, `<top ` + ns + `><item><tag>hush</tag><k/></item></top>`, `<top ` + ns + `><vault/></top>`,
		`<top ` + ns + `><vault><code>hush</code></vault><note/></top>`, `<top ` + ns + `><job/></top>`, `<top ` + ns + `><word>hush</word></top>`, `<top ` + ns + `><step/></top>`,
		`<top ` + ns + `><flag/><two/><one/></top>`, `<top ` + ns + `><row/><seen/></top>`, `<other xmlns="urn:h"/>`,
		`<netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"/>`, `<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"/>`,
	} {
		filters = append(filters, `<filter type="subtree">`+f+`</filter>`)
	}
	for _, x := range []string{
		"/h:top", "/h:*", "//*", "/h:top/h:item", "/h:top/h:item[h:k='secret']", "/h:top/h:item[2]", "/h:top/h:item[last()]", "/h:top/h:item[position()&lt;3]", "/h:top/h:item[h:pw]",
		"/h:top/h:item[count(../h:item) &gt; 1]", "/h:top/h:item[not(h:pw)]", "/h:top[count(.//*) &gt; 20]", "/h:top[h:vault]", "/h:top[not(h:vault)]/h:note", "/h:top/h:item[starts-with(h:pw,'h')]",
		"/h:top/h:job[preceding-sibling::h:job[1]/h:id='j5']", "/h:top/h:job[following-sibling::*]", "//h:deep/..", "//@*", "/h:top/h:word[string-length(.)&gt;3]", "/h:top[sum(h:item/h:v) &gt; 1]",
		"//h:y/ancestor::*", "/h:top/h:step[2]", "/h:top/h:item[h:in/h:x = /h:top/h:item[2]/h:in/h:x]", "/h:top[contains(string(.),'hush')]", "/h:top/h:row", "/h:top/h:seen/h:down", "/h:top/h:item/h:sub[h:c='hush']/..",
		"/h:other", "/h:top/h:vault/h:e[2]", "id('x')", "/h:top/h:item[/h:other/h:a]",
	} {
		filters = append(filters, `<filter type="xpath" xmlns:h="urn:h" select="`+x+`"/>`)
	}
	var all []string
	for _, f := range filters {
		all = append(all, `<get>`+f+`</get>`, `<get-config><source><running/></source>`+f+`</get-config>`, `<get-config><source><candidate/></source>`+f+`</get-config>`)
		inner := strings.Replace(strings.Replace(f, `<filter type="subtree">`, `<subtree-filter>`, 1), `</filter>`, `</subtree-filter>`, 1)
		if strings.Contains(f, "xpath") {
			_, x, _ := strings.Cut(f, `select="`)
			inner = `<xpath-filter xmlns:h="urn:h">` + strings.TrimSuffix(x, `"/>`) + `</xpath-filter>`
		}
		for _, ds := range []string{"running", "operational"} {
			all = append(all, `<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"><datastore xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:`+ds+`</datastore>`+inner+`</get-data>`)
		}
	}
	for _, mode := range []string{"report-all", "trim", "explicit", "report-all-tagged"} {
		all = append(all, `<get-config><source><running/></source><with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">`+mode+`</with-defaults></get-config>`)
	}
	return append(all, `<validate><source><running/></source></validate>`, `<validate><source><candidate/></source></validate>`, `<lock><target><running/></target></lock>`, `<unlock><target><running/></target></unlock>`,
		`<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><identifier>h</identifier></get-schema>`, `<kill-session><session-id>99</session-id></kill-session>`)
}

// nodes are contents of top for edits: OP stands for the operation of the last node.
func nodes() []string {
	var all []string
	for _, k := range []string{"mine", "secret", "none", "new"} {
		at := `<item nc:operation="none"><k>` + k + `</k>`
		all = append(all, `<item OP><k>`+k+`</k></item>`, `<item OP><k>`+k+`</k><v>7</v></item>`, at+`<v OP>7</v></item>`, at+`<pw OP>7</pw></item>`, at+`<pw OP>hush</pw></item>`, at+`<tag OP>hush</tag></item>`,
			at+`<in OP/></item>`, at+`<in><deep OP/></in></item>`, at+`<in><deep><y OP>y</y></deep></in></item>`, at+`<in><deep><y OP>z</y></deep></in></item>`,
			at+`<sub OP><a>2</a><b>x</b></sub></item>`, at+`<sub OP><a>9</a><b>x</b></sub></item>`, at+`<sub><a>2</a><b>x</b><c OP>hush</c></sub></item>`)
	}
	for _, id := range []string{"j1", "j5", "j7"} {
		all = append(all, `<job OP><id>`+id+`</id></job>`, `<job nc:operation="none"><id>`+id+`</id><what OP>hush</what></job>`)
	}
	return append(all, `<word OP>hush</word>`, `<word OP>none</word>`, `<word OP>seen</word>`, `<step OP>s5</step>`, `<step OP>s6</step>`, `<two OP>hush</two>`, `<two OP>x</two>`, `<one OP>x</one>`,
		`<flag OP/>`, `<flag><z OP>hush</z></flag>`, `<vault OP/>`, `<vault><code OP>hush</code></vault>`, `<vault><e OP><n>1</n></e></vault>`, `<vault><e OP><n>3</n></e></vault>`, `<note OP>x</note>`)
}

// moves are edits with a place.
func moves() (all []string) {
	for _, what := range []string{`<job xmlns:yang="urn:ietf:params:xml:ns:yang:1" AT><id>j1</id></job>`, `<step xmlns:yang="urn:ietf:params:xml:ns:yang:1" AT>s1</step>`} {
		for _, where := range []string{"before", "after"} {
			for _, anchor := range []string{"5", "6", "9"} {
				at := `yang:insert="` + where + `" yang:key="[h:id='j` + anchor + `']" xmlns:h="urn:h"`
				if strings.HasPrefix(what, "<step") {
					at = `yang:insert="` + where + `" yang:value="s` + anchor + `"`
				}
				all = append(all, strings.Replace(what, "AT", at, 1))
			}
		}
		all = append(all, strings.Replace(what, "AT", `yang:insert="first"`, 1), strings.Replace(what, "AT", `yang:insert="last"`, 1))
	}
	return all
}

// takesHidden reports whether an edit takes away what hidden data may be in, which
// RFC 8341, 3.2.4, has refused: docs/known-issues.md. It is told that there is something.
func takesHidden(op, node string) bool {
	if op != "delete" && op != "remove" && op != "replace" {
		return false
	}
	i := strings.Index(node, " OP")
	last := node[strings.LastIndexByte(node[:i], '<')+1 : i]
	return last == "item" || last == "in" || last == "sub"
}

func TestNETCONF(t *testing.T) {
	both(t, func(t *testing.T, p policy, ask func(string, func(int) string), d [2]*daemon) {
		conns := [2]interface{ RPC(string) (string, error) }{d[0].session(), d[1].session()}
		rpc := func(op string) {
			ask(op, func(i int) string {
				reply, err := conns[i].RPC(op)
				if err != nil {
					t.Fatalf("%s: %v", op, err)
				}
				return reply
			})
		}
		look := func() {
			rpc(`<get-config><source><running/></source><filter type="subtree"><top xmlns="urn:h"/></filter></get-config>`)
			rpc(`<get-config><source><candidate/></source><filter type="subtree"><top xmlns="urn:h"/></filter></get-config>`)
		}
		for _, op := range reads() {
			rpc(op)
		}
		for _, target := range []string{"running", "candidate"} {
			for _, node := range append(nodes(), moves()...) {
				for _, op := range []string{"merge", "create", "none", "delete", "remove", "replace"} {
					if strings.Contains(node, " OP") && takesHidden(op, node) {
						continue
					}
					edit := open + strings.Replace(node, " OP", ` nc:operation="`+op+`"`, 1) + shut
					rpc(`<edit-config><target><` + target + `/></target><default-operation>none</default-operation><error-option>rollback-on-error</error-option>` + edit + `</edit-config>`)
					if !strings.Contains(node, " OP") {
						break
					}
				}
				rpc(`<edit-config><target><` + target + `/></target><test-option>test-only</test-option><error-option>continue-on-error</error-option>` + open + strings.Replace(node, " OP", "", 1) + shut + `</edit-config>`)
				look()
			}
			rpc(`<validate><source><` + target + `/></source></validate>`)
		}
		rpc(`<commit/>`)
		look()
		rpc(`<edit-config><target><candidate/></target>` + open + `<item><k>secret</k><v>9</v></item>` + shut + `</edit-config>`)
		rpc(`<discard-changes/>`)
		rpc(`<copy-config><target><candidate/></target><source><running/></source></copy-config>`)
		rpc(`<commit/>`)
		for _, op := range reads() {
			rpc(op)
		}
	})
}

// paths are instance paths, of what is there, hidden, and nowhere.
func paths() []string {
	all := []string{"/", "/h:top", "/h:other", "/h:other/a", "/h:top/word", "/h:top/word[.='hush']", "/h:top/word[.='seen']", "/h:top/step[.='s5']", "/h:top/step[.='s6']", "/h:top/job", "/h:top/job[id='j5']",
		"/h:top/job[id='j6']", "/h:top/job[id='j5']/what", "/h:top/vault", "/h:top/vault/code", "/h:top/vault/e[n='1']", "/h:top/vault/e[n='9']", "/h:top/two", "/h:top/flag", "/h:top/flag/z", "/h:top/note", "/h:top/item",
		"/h:top/row", "/h:top/seen", "/h:top/seen/down", "/ietf-netconf-acm:nacm"}
	for _, k := range []string{"mine", "secret", "none"} {
		at := "/h:top/item[k='" + k + "']"
		all = append(all, at, at+"/v", at+"/pw", at+"/tag", at+"/tag[.='hush']", at+"/in", at+"/in/x", at+"/in/deep/y", at+"/sub", at+"/sub[a='2'][b='x']", at+"/sub[a='2'][b='x']/c")
	}
	return all
}

func TestMaapi(t *testing.T) {
	both(t, func(t *testing.T, p policy, ask func(string, func(int) string), d [2]*daemon) {
		conns := [2]*client.Client{d[0].dial(), d[1].dial()}
		ctx := t.Context()
		call := func(method string, in map[string]any) {
			text, _ := json.Marshal(in)
			ask(method+" "+string(text), func(i int) string {
				var out json.RawMessage
				err := conns[i].Call(ctx, "org.nso."+method, in, &out)
				return said(out, err)
			})
		}
		th := 0
		begin := func(ds string, rw bool) {
			th++
			call("Maapi.Begin", map[string]any{"datastore": ds, "readWrite": rw})
		}
		look := func(path string) {
			at := map[string]any{"th": th, "path": path}
			call("Maapi.Get", at)
			call("Maapi.Exists", at)
			call("Maapi.Keys", at)
			for _, f := range []string{"xml", "json", "curly", "set"} {
				call("Maapi.Show", map[string]any{"th": th, "path": path, "format": f})
			}
		}
		call("Maapi.OpenSession", nil)
		for _, ds := range []string{"running", "operational"} {
			begin(ds, false)
			for _, path := range paths() {
				look(path)
				call("Maapi.Keys", map[string]any{"th": th, "path": path, "after": []string{"secret"}})
				call("Maapi.Keys", map[string]any{"th": th, "path": path, "prefix": "s"})
				for _, op := range []string{"read", "create", "update", "delete"} {
					call("Control.ExplainAccess", map[string]any{"user": "", "operation": op, "object": path})
				}
			}
			call("Maapi.Diff", map[string]any{"th": th, "format": "set"})
		}
		begin("running", true)
		for _, path := range paths() {
			at := map[string]any{"th": th, "path": path}
			call("Maapi.Set", map[string]any{"th": th, "path": path, "value": "7"})
			call("Maapi.Create", at)
			if !inHidden(path) {
				call("Maapi.Delete", at)
			}
			for _, anchor := range []string{"/h:top/job[id='j5']", "/h:top/job[id='j6']", "/h:top/step[.='s5']", "/h:top/step[.='s6']"} {
				call("Maapi.Move", map[string]any{"th": th, "path": path, "where": "after", "anchor": anchor})
			}
			call("Maapi.Diff", map[string]any{"th": th, "format": "set"})
			call("Maapi.Diff", map[string]any{"th": th, "format": "curly"})
			look(path)
		}
		for _, path := range []string{"/h:top/job[id='j1']", "/h:top/step[.='s1']"} {
			for _, anchor := range []string{"/h:top/job[id='j5']", "/h:top/job[id='j6']", "/h:top/step[.='s5']", "/h:top/step[.='s6']"} {
				call("Maapi.Move", map[string]any{"th": th, "path": path, "where": "before", "anchor": anchor})
			}
		}
		call("Maapi.Load", map[string]any{"th": th, "format": "json", "operation": "merge", "text": `{"h:top":{"item":[{"k":"secret","v":3}]}}`})
		call("Maapi.Load", map[string]any{"th": th, "format": "json", "operation": "merge", "text": `{"h:top":{"note":"n"}}`})
		call("Maapi.Validate", map[string]any{"th": th})
		call("Maapi.Commit", map[string]any{"th": th})
		begin("running", false)
		look("/")
	})
}

// inHidden is takesHidden for paths.
func inHidden(path string) bool {
	return path == "/" || path == "/h:top" || path == "/h:top/item" || path == "/h:top/item[k='mine']" || strings.HasSuffix(path, "/in") || strings.HasSuffix(path, "/sub") ||
		strings.HasSuffix(path, "/tag") || path == "/h:top/word" || path == "/h:top/job" || path == "/h:top/flag"
}

// said is what a client is told.
func said(out json.RawMessage, err error) string {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Name + string(e.Parameters)
	}
	return fmt.Sprint(string(out), err)
}

func TestCLI(t *testing.T) {
	both(t, func(t *testing.T, p policy, ask func(string, func(int) string), d [2]*daemon) {
		var out [2]strings.Builder
		ctx := context.WithoutCancel(t.Context())
		shells := [2]interface {
			Execute(context.Context, string) error
		}{}
		complete := [2]func(string) string{}
		for i := range d {
			sh := d[i].shell(&out[i])
			shells[i] = sh
			complete[i] = func(line string) string {
				c, err := sh.Complete(ctx, line)
				return fmt.Sprintf("%+v %v", c, err)
			}
		}
		for _, line := range []string{"show ", "show top ", "show top item ", "show top item s", "show top item secret ", "show top job ", "show top vault ", "show top vault e ", "show top item mine sub ", "show top item mine sub 2 ",
			"show other ", "show nacm ", "show configuration top item ", "show top word ", "show top step "} {
			ask("completion of "+line, func(i int) string { return complete[i](line) })
			run(ask, shells, &out, line)
			run(ask, shells, &out, line+"| count")
			run(ask, shells, &out, line+"| display set")
		}
		for _, line := range []string{"configure", "set top item secret v 1", "set top item none v 1", "edit top item secret", "show", "exit", "delete top item secret", "delete top item none", "delete top word hush", "delete top vault code",
			"insert top job j1 before j5", "insert top job j1 before j6", "insert top step s1 after s5", "insert top step s1 after s6", "set top note x", "compare", "commit check", "commit", "rollback", "show top"} {
			ask("completion of "+line, func(i int) string { return complete[i](line + " ") })
			run(ask, shells, &out, line)
		}
	})
}

func run(ask func(string, func(int) string), shells [2]interface {
	Execute(context.Context, string) error
}, out *[2]strings.Builder, line string) {
	ask(line, func(i int) string {
		out[i].Reset()
		err := shells[i].Execute(context.Background(), line)
		return fmt.Sprint(out[i].String(), err)
	})
}

// TestAtOnce: a rule that is committed holds in the sessions that are open, over NETCONF
// and over Maapi, in a transaction that was begun before too.
func TestAtOnce(t *testing.T) {
	p := policies()[2]
	d := start(t, slices.Concat(p.acm, p.common), nil)
	session, conn := d.session(), d.dial()
	ctx := t.Context()
	maapi := func(method string, in map[string]any) string {
		var out json.RawMessage
		return said(out, conn.Call(ctx, "org.nso.Maapi."+method, in, &out)) + string(out)
	}
	maapi("OpenSession", nil)
	maapi("Begin", map[string]any{"datastore": "running", "readWrite": true})
	const at = "/h:top/item[k='mine']/v"
	look := func() (read, wrote, exists, set string) {
		t.Helper()
		var err error
		if read, err = session.RPC(`<get-config><source><running/></source></get-config>`); err != nil {
			t.Fatal(err)
		}
		if wrote, err = session.RPC(`<edit-config><target><running/></target>` + open + `<item><k>mine</k><v>2</v></item>` + shut + `</edit-config>`); err != nil {
			t.Fatal(err)
		}
		return read, wrote, maapi("Exists", map[string]any{"th": 1, "path": at}), maapi("Set", map[string]any{"th": 1, "path": at, "value": "3"})
	}
	read, wrote, exists, set := look()
	if !strings.Contains(read, "mine") || !strings.Contains(wrote, "<ok/>") || !strings.Contains(exists, "true") || strings.Contains(set, "denied") {
		t.Fatalf("before: %s %s %s %s", read, wrote, exists, set)
	}
	// root takes it away.
	ss, err := d.mgmt.Login(rootActor(), mgmt.Login{})
	if err != nil {
		t.Fatal(err)
	}
	defer ss.Close("done", false)
	x, err := ss.Begin(ctx, mgmt.Running)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Apply(remove(t, "/ietf-netconf-acm:nacm/groups/group[name='g']")); err != nil {
		t.Fatal(err)
	}
	if err := x.Apply(remove(t, "/ietf-netconf-acm:nacm/read-default")); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(ctx, mgmt.Label{}); err != nil {
		t.Fatal(err)
	}
	// read-default is permit without the leaf (RFC 8341): only what ann wrote by rules is gone.
	_, wrote, _, set = look()
	if !strings.Contains(wrote, "access-denied") || !strings.Contains(set, "access-denied") {
		t.Errorf("after it: %s\n%s", wrote, set)
	}
	if c := maapi("Commit", map[string]any{"th": 1}); !strings.Contains(c, "access-denied") && !strings.Contains(c, "conflict") {
		t.Errorf("what was edited before is committed: %s", c)
	}
}

// TestLockOut: NETCONF is refused a commit that locks its author out, of running and of
// the candidate; what is in the candidate stays there.
func TestLockOut(t *testing.T) {
	d := start(t, []string{acm + "groups/group[name='nso-admin']/user-name = ann"}, nil)
	c := d.session()
	rpc := func(op string) string {
		t.Helper()
		reply, err := c.RPC(op)
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	const edit = `<config><nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><groups><group nc:operation="delete"><name>nso-admin</name></group></groups></nacm></config>`
	locks := func(reply string) {
		t.Helper()
		if !strings.Contains(reply, "<error-tag>operation-failed</error-tag>") || !strings.Contains(reply, "<error-app-tag>lock-out</error-app-tag>") || !strings.Contains(reply, "commit force") {
			t.Errorf("it is answered with %s", reply)
		}
	}
	locks(rpc(`<edit-config><target><running/></target>` + edit + `</edit-config>`))
	if reply := rpc(`<edit-config><target><candidate/></target>` + edit + `</edit-config>`); !strings.Contains(reply, "<ok/>") {
		t.Fatalf("the candidate: %s", reply)
	}
	locks(rpc(`<commit/>`))
	locks(rpc(`<commit><confirmed/><confirm-timeout>600</confirm-timeout></commit>`))
	if reply := rpc(`<discard-changes/>`); !strings.Contains(reply, "<ok/>") {
		t.Errorf("it cannot be given up: %s", reply)
	}
	if reply := rpc(`<edit-config><target><running/></target>` + open + `<note>x</note>` + shut + `</edit-config>`); !strings.Contains(reply, "<ok/>") {
		t.Errorf("ann is locked out all the same: %s", reply)
	}
}
