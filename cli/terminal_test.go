// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pty is a real terminal with the CLI on it: what is typed, and what was shown.
type pty struct {
	t      *testing.T
	master *os.File
	mu     sync.Mutex
	seen   strings.Builder
	from   int
	grown  chan struct{}
	done   chan error
	table  *table
}

func openPTY(t *testing.T, ctx context.Context, width uint16, with ...func(*Shell)) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	var n int
	var before *unix.Termios
	ioctl(t, master, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		if n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); err != nil {
			return err
		}
		if before, err = unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
			return err
		}
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width})
	})
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &pty{t: t, master: master, grown: make(chan struct{}, 1), done: make(chan error, 1), table: newTable()}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.seen.Write(buf[:n])
			p.mu.Unlock()
			select {
			case p.grown <- struct{}{}:
			default:
			}
		}
	}()
	go func() {
		local, err := OpenLocal(slave, slave)
		if err == nil {
			sh := New(p.table, io.Discard)
			for _, f := range with {
				f(sh)
			}
			err = sh.Interact(ctx, local)
			if cerr := local.Close(); err == nil {
				err = cerr
			}
		}
		after, tcErr := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
		if err == nil && (tcErr != nil || *after != *before) {
			err = fmt.Errorf("the terminal was not left as it was: %v", tcErr)
		}
		slave.Close()
		p.done <- err
	}()
	t.Cleanup(func() { master.Close(); <-read })
	return p
}

// ioctl asks a file something without making it block: it can be closed then.
func ioctl(t *testing.T, f *os.File, ask func(fd int) error) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) { err = ask(int(fd)) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
}

func (p *pty) keys(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, text); err != nil {
		p.t.Fatal(err)
	}
}

// expect waits until the text was shown after what was expected last.
func (p *pty) expect(text string) {
	p.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		p.mu.Lock()
		seen := p.seen.String()
		p.mu.Unlock()
		if i := strings.Index(seen[p.from:], text); i >= 0 {
			p.from += i + len(text)
			return
		}
		select {
		case <-p.grown:
		case <-deadline:
			p.t.Fatalf("never saw %q; saw %q after %q", text, seen[p.from:], seen[:p.from])
		}
	}
}

func (p *pty) end() error {
	p.t.Helper()
	select {
	case err := <-p.done:
		return err
	case <-time.After(20 * time.Second):
		p.t.Fatal("the CLI did not end")
		return nil
	}
}

func TestTerminal(t *testing.T) {
	p := openPTY(t, t.Context(), 100)
	p.expect("nso> ")
	p.keys("conf\t")
	p.expect("igure ")
	p.keys("\r")
	p.expect("nso# ")
	p.keys("set int\t")
	p.expect("interfaces ")
	p.keys("?")
	p.expect("Possible completions:\r\n> interface\r\n")
	p.expect("nso# ")
	p.keys("\t")
	p.expect("interface ")
	p.keys("e\t")
	p.expect("th")
	p.keys("\t")
	p.expect("eth0\r\n  eth1\r\n")
	p.keys("0 mtu ?")
	p.expect("<mtu>  uint16, 68..max (default 1500, octets)\r\n")
	p.keys("9000\r")
	p.expect("nso# ")
	p.keys(`set interfaces interface eth0 description "what?"` + "\r")
	p.expect(`"what?"`)
	p.keys("set interfaces interfase x\r")
	p.expect("\r\n                    ^^^^^^^^^\r\n")
	p.expect(`cannot find "interfase" in interfaces: expected interface`)
	// Ctrl-C gives up the line and nothing else.
	p.keys("delete interf\x03edit interfaces\r")
	p.expect("[edit interfaces]\r\n")
	p.expect("nso# ")
	p.keys("top\r")
	p.expect("nso# ")
	// History, and typing ahead.
	p.keys("\x10\x10\r")
	p.expect("[edit interfaces]\r\n")
	p.keys("up\rrun show interfaces | match eth1\r")
	p.expect("interface eth1 {\r\n")
	p.expect("nso# ")
	p.keys("exit\r")
	p.expect("Give them up? [yes,no] (no) ")
	p.keys("\r")
	p.expect("nso# ")
	p.keys("\x04")
	p.expect("Give them up? [yes,no] (no) ")
	p.keys("yes\r")
	p.expect("nso> ")
	p.keys("\x04")
	if err := p.end(); err != nil {
		t.Error(err)
	}
	want := []string{
		"Begin running true",
		`Set /if:interfaces/interface[name='eth0']/mtu = "9000"`,
		`Set /if:interfaces/interface[name='eth0']/description = "what?"`,
	}
	for _, w := range want {
		if !strings.Contains(strings.Join(p.table.log, "\n"), w) {
			t.Errorf("the daemon was not asked: %s; it was asked %q", w, p.table.log)
		}
	}
	for _, l := range p.table.log {
		if strings.HasPrefix(l, "Delete") {
			t.Errorf("a line that was given up ran: %s", l)
		}
	}
}

// A paste of several lines runs line by line, and no Tab or ? in it asks for help.
func TestPaste(t *testing.T) {
	p := openPTY(t, t.Context(), 100)
	p.expect("nso> ")
	p.keys("\x1b[200~configure\rset sys:system\thost-name a\r\x1b[201~")
	p.expect("host-name a")
	p.expect("nso# ")
	p.keys("rollback\r")
	p.expect("nso# ")
	p.keys("exit\rexit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if log := strings.Join(p.table.log, "\n"); !strings.Contains(log, `Set /sys:system/host-name = "a"`) {
		t.Errorf("the daemon was asked %s", log)
	}
}

// A terminal that goes away ends the CLI; so does the context, with the terminal
// as it was.
func TestTerminalGone(t *testing.T) {
	p := openPTY(t, t.Context(), 80)
	p.expect("nso> ")
	p.keys("configure\rset flag\r")
	p.expect("nso# ")
	p.expect("nso# ")
	p.master.Close()
	if err := p.end(); err == nil {
		t.Error("no error")
	}

	ctx, cancel := context.WithCancel(t.Context())
	p = openPTY(t, ctx, 80)
	p.expect("nso> ")
	cancel()
	if err := p.end(); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// endless prints until it is told to stop, and then still ends in good order.
type endless struct {
	*table
	ended chan error
}

func (e *endless) Show(_ context.Context, _ int64, _, _ string, w io.Writer) error {
	for {
		if _, err := io.WriteString(w, "line after line\n"); err != nil {
			e.ended <- err
			return err
		}
	}
}

// Ctrl-C ends what a command prints, and leaves the session alone.
func TestInterrupt(t *testing.T) {
	p := openPTY(t, t.Context(), 80) // for the terminal alone
	p.expect("nso> ")
	e := &endless{newTable(), make(chan error, 1)}
	slave := os.NewFile(p.slave(), "slave")
	defer slave.Close()
	local, err := OpenLocal(slave, slave)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	tt := &tty{sh: New(e, io.Discard), at: local}
	tt.sh.out = screen{tt}
	ran := make(chan error, 1)
	go func() {
		ran <- tt.running(t.Context(), func(ctx context.Context) error {
			err := tt.sh.Execute(ctx, "show interfaces")
			if ctx.Err() != nil {
				t.Error("one Ctrl-C ended the connection")
			}
			return err
		})
	}()
	p.expect("line after line")
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-ran; err != errInterrupted {
		t.Errorf("got %v", err)
	}
	<-e.ended
	p.keys("exit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// slave opens the other end of the terminal once more.
func (p *pty) slave() uintptr {
	p.t.Helper()
	var n int
	ioctl(p.t, p.master, func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	fd, err := unix.Open(fmt.Sprintf("/dev/pts/%d", n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	return uintptr(fd)
}
