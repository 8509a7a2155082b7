// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nso.example/nso/client"
	"nso.example/nso/test/instance"
	"nso.example/nso/test/peer"
)

const flood = 10000

// TestFlood opens ten thousand connections that say nothing, half of a header,
// half of a hello or that do not read, while a session works on. All are closed
// by the daemon, its memory is bounded, and nobody else notices.
func TestFlood(t *testing.T) {
	dir := instance.ForTest(t)
	toml := filepath.Join(dir, "nso.toml")
	if err := os.WriteFile(toml, []byte("[limits]\nhello-timeout = \"3s\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in, err := instance.New(filepath.Join(dir, "i"), "--config", toml, "--yang", filepath.Join(dir, "models"))
	if err != nil {
		t.Fatal(err)
	}
	start(t, in)

	// Work that goes on.
	worker := dial(t, in)
	var stop atomic.Bool
	var worked atomic.Int64
	var work sync.WaitGroup
	work.Go(func() {
		for !stop.Load() {
			n := worked.Add(1)
			if err := worker.OK(fmt.Sprintf(`<edit-config><target><running/></target><config><table xmlns="urn:nso:test:flat">`+
				`<entry><name>w</name><value>%d</value></entry></table></config></edit-config>`, n)); err != nil {
				t.Errorf("edit %d of the session that works: %v", n, err)
				return
			}
		}
	})

	conns := make([]net.Conn, 0, flood)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	refused := 0
	for i := range flood {
		conn, err := net.DialTimeout("tcp", in.Address, 20*time.Second)
		if err != nil {
			refused++
			continue
		}
		conns = append(conns, conn)
		header := peer.Header(conn)
		switch i % 4 { // a connection that was turned away already may refuse the bytes
		case 0: // silent
		case 1:
			_, _ = io.WriteString(conn, header[:len(header)/2])
		case 2:
			_, _ = io.WriteString(conn, header+`<hello xmlns="`+peer.NS+`"><capabil`)
		case 3:
			_, _ = io.WriteString(conn, strings.Repeat("[", 1000))
		}
	}
	// Whoever asks on the other door is answered meanwhile.
	c, err := client.Dial(context.Background(), filepath.Join(in.Dir, "ipc"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var st struct{ Panics, Sessions int }
	if err := c.Call(context.Background(), "org.nso.Control.Status", nil, &st); err != nil {
		t.Fatal(err)
	}
	resident, err := in.Resident()
	if err != nil {
		t.Fatal(err)
	}
	// All are closed by the other side.
	var closing sync.WaitGroup
	var left atomic.Int64
	deadline := time.Now().Add(60 * time.Second)
	for _, conn := range conns {
		closing.Go(func() {
			conn.SetReadDeadline(deadline)
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				left.Add(1)
			}
		})
	}
	closing.Wait()
	if n := left.Load(); n > 0 {
		t.Errorf("%d connections are still open", n)
	}
	again := dial(t, in)
	if err := again.OK(`<edit-config><target><running/></target><config><table xmlns="urn:nso:test:flat"/></config></edit-config>`); err != nil {
		t.Errorf("a new session afterwards: %v", err)
	}
	stop.Store(true)
	work.Wait()
	if err := c.Call(context.Background(), "org.nso.Control.Status", nil, &st); err != nil {
		t.Fatal(err)
	}
	if st.Panics != 0 {
		t.Errorf("%d panics\n%s", st.Panics, in.Log())
	}
	if resident > 256<<20 {
		t.Errorf("%d MB are resident during the flood", resident>>20)
	}
	if worked.Load() < 10 {
		t.Errorf("the session that works did only %d edits", worked.Load())
	}
	t.Logf("%d connections, %d not accepted, %d MB resident, %d commits beside them", len(conns), refused, resident>>20, worked.Load())
	if err := in.Stop(); err != nil {
		t.Error(err)
	}
}

// TestDeaf has clients that ask for much and never read; a session beside them
// works on, and the daemon stops when it is told.
func TestDeaf(t *testing.T) {
	dir := instance.ForTest(t)
	in, err := instance.New(filepath.Join(dir, "i"), "--yang", filepath.Join(dir, "models"))
	if err != nil {
		t.Fatal(err)
	}
	start(t, in)
	worker := dial(t, in)
	var b strings.Builder
	b.WriteString(`<edit-config><target><running/></target><config><table xmlns="urn:nso:test:flat">`)
	for i := range 20000 {
		fmt.Fprintf(&b, "<entry><name>entry-%06d</name><value>value of %d</value></entry>", i, i)
	}
	if err := worker.OK(b.String() + `</table></config></edit-config>`); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		deaf := dial(t, in)
		deaf.SetDeadline(time.Now().Add(5 * time.Second))
		for i := range 200 {
			ask := fmt.Sprintf(`<rpc message-id="%d" xmlns="%s"><get-config><source><running/></source></get-config></rpc>`, i, peer.NS)
			if _, err := io.WriteString(deaf.W, ask); err != nil || deaf.W.End() != nil {
				break
			}
		}
	}
	for i := range 50 {
		if err := worker.OK(fmt.Sprintf(`<edit-config><target><running/></target><config><table xmlns="urn:nso:test:flat">`+
			`<entry><name>w</name><value>%d</value></entry></table></config></edit-config>`, i)); err != nil {
			t.Fatalf("edit %d: %v", i, err)
		}
	}
	resident, err := in.Resident()
	if err != nil {
		t.Fatal(err)
	}
	if resident > 256<<20 {
		t.Errorf("%d MB are resident beside deaf clients", resident>>20)
	}
	t.Logf("%d MB resident", resident>>20)
	if err := in.Stop(); err != nil {
		t.Error(err)
	}
}
