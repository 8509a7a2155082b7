// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/test/peer"
)

// TestMain is the test, or the clients of BenchmarkIdle: they are in a process of their
// own, so that what they hold is not counted.
func TestMain(m *testing.M) {
	if address := os.Getenv("NSO_TEST_SSH_ADDRESS"); address != "" {
		if err := openIdle(address, os.Getenv("NSO_TEST_SSH_USER"), os.Getenv("NSO_TEST_SSH_KEY"), os.Getenv("NSO_TEST_SSH_SESSIONS")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// openIdle opens sessions, says so, and holds them until its input ends.
func openIdle(address, user, file, sessions string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(sessions)
	if err != nil {
		return err
	}
	for range n {
		c, err := ssh.Dial("tcp", address, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
			HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: time.Minute})
		if err != nil {
			return err
		}
		s, err := c.NewSession()
		if err != nil {
			return err
		}
		in, _ := s.StdinPipe()
		out, _ := s.StdoutPipe()
		if err := s.RequestSubsystem("netconf"); err != nil {
			return err
		}
		if err := peer.New(&tunnel{Reader: out, Writer: in, close: s.Close}).Open(); err != nil {
			return err
		}
	}
	fmt.Println("open")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// BenchmarkIdle is what an idle session holds: after a collection of garbage, live
// objects and stacks.
func BenchmarkIdle(b *testing.B) {
	const sessions = 400
	w := newWorld(b, worldOptions{Options: Options{HelloTimeout: 10 * time.Minute}})
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	measure := func() runtime.MemStats {
		var m runtime.MemStats
		for range 6 { // a stack shrinks by a half at a time
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m
	}
	for b.Loop() {
		before := measure()
		clients := exec.Command(self)
		clients.Env = append(os.Environ(), "NSO_TEST_SSH_ADDRESS="+w.address, "NSO_TEST_SSH_USER="+w.me, "NSO_TEST_SSH_KEY="+w.keyFile, fmt.Sprint("NSO_TEST_SSH_SESSIONS=", sessions))
		clients.Stderr = os.Stderr
		in, err := clients.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		out, err := clients.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := clients.Start(); err != nil {
			b.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			b.Fatal(line, err)
		}
		var first runtime.MemStats
		runtime.ReadMemStats(&first)
		after := measure()
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/sessions/1024, "KB-heap/session")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/sessions/1024, "KB-stack/session")
		b.ReportMetric(float64(first.StackInuse-before.StackInuse)/sessions/1024, "KB-stack-at-first/session")
		in.Close()
		_ = clients.Wait()
		w.eventually("all are gone", func() bool { return w.door.Connections() == 0 })
	}
}
