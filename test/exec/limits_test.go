// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/bed"
)

// limits is what the system in the machine does when it has booted: what a command takes
// too much of, and whether others live. Each line of its answer is a fact.
const limits = `#!/bin/bash
exec >/dev/ttyS0 2>&1
ask() { setpriv --reuid nso --regid nso --init-groups -- asker </srv/$1; }
fact() { echo "FACT $*"; }
systemctl start nso.socket nso.service
fact controllers $(cat /sys/fs/cgroup/system.slice/cgroup.controllers)
fact id $(ask id | jq -c .End.exit)
helper=$(systemctl show -P MainPID nso-exec@ann.service) daemon=$(systemctl show -P MainPID nso.service)
ask wait >/tmp/wait & # somebody else's command, all the time
for n in $(seq 50); do pgrep -u ann -f 'sleep 60' >/dev/null && break; sleep 0.5; done
fact waits $n
fact bomb $(ask bomb | jq -c '[.End.exit, .End.killed, .Out, (.Err | test("fork")), .Started.unenforced]')
fact id-after $(ask id | jq -c .End.exit)
fact eater $(ask eater | jq -c '[.End.signal, .Out, .Started.unenforced]')
fact eater-that-may $(ask small | jq -c '[.End.exit, .Out]')
wait
fact other $(jq -c .End.exit /tmp/wait)
[ "$helper" = "$(systemctl show -P MainPID nso-exec@ann.service)" ] && fact the helper lives
[ "$daemon" = "$(systemctl show -P MainPID nso.service)" ] && fact the daemon lives
fact killed-by-the-kernel $(journalctl -k -b -o cat | grep -c 'Memory cgroup out of memory: Killed process')
fact left $(find /sys/fs/cgroup/system.slice -path '*nso-exec@ann.service/command-*' -type d | wc -l)
fact over
systemctl poweroff --force --force
`

// TestLimits: limits of processes and of memory hold where the system has the
// controllers: a whole machine, since a box has the groups of its host.
func TestLimits(t *testing.T) {
	if os.Getenv("NSO_QEMU") == "" {
		t.Skip("emulates a machine for a minute or two: NSO_QEMU=1 go test -run TestLimits ./test/exec")
	}
	for _, tool := range []string{"qemu-system-x86_64", "cpio"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing: apt install qemu-system-x86 cpio", tool)
		}
	}
	s := &system{Box: bed.Boot(t, "bookworm", "linux-image-cloud-amd64"), t: t, suite: "bookworm"}
	s.prepare()
	s.Write("/etc/nso/exec.d/limits.toml", command("bomb", "/usr/bin/dash", "limits = {processes = 25}", "-c", "n=0; while [ $n -lt 60 ]; do sleep 600 & n=$((n+1)); done; echo all")+
		command("eater", "/usr/bin/hostile", "limits = {memory = \"48M\"}", "eat", "400")+
		command("small", "/usr/bin/hostile", "limits = {memory = \"200M\", processes = 50}", "eat", "8")+
		command("wait", "/usr/bin/sleep", "", "60"), 0o644)
	for _, name := range []string{"id", "bomb", "eater", "small", "wait"} {
		j := s.ann(name)
		j.Seconds = 240
		text, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		s.Write("/srv/"+name, string(text), 0o644)
	}
	s.Write("/usr/bin/limits", limits, 0o755)
	s.Write("/etc/systemd/system/limits.service", "[Unit]\nAfter=multi-user.target\n[Service]\nExecStart=/usr/bin/limits\n[Install]\nWantedBy=graphical.target\n", 0o644)
	s.Run("systemctl", "enable", "limits.service")
	s.Run("sh", "-c", "rm -rf /var/cache/*; ln -sf lib/systemd/systemd /usr/init; ln -sf usr/lib/systemd/systemd /init; ln -sf /usr/lib/systemd/system/graphical.target /etc/systemd/system/default.target")

	dir := t.TempDir()
	kernels, err := filepath.Glob(s.Path("/boot/vmlinuz-*"))
	if err != nil || len(kernels) == 0 {
		t.Fatal("there is no kernel in the system")
	}
	image := filepath.Join(dir, "image")
	pack := exec.Command("sh", "-c", `cd "$1" && find . -xdev \( -path ./boot -o -path ./usr/lib/modules -o -path ./usr/share/locale -o -path ./usr/share/perl -o -path './usr/lib/x86_64-linux-gnu/perl*' \) -prune -o -print | cpio --quiet -o -H newc >"$2"`, "sh", s.Path("/"), image)
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio",
		"-kernel", kernels[0], "-initrd", image, "-append", "console=ttyS0 quiet systemd.show_status=no rootfstype=tmpfs systemd.mask=serial-getty@ttyS0.service")
	var out bytes.Buffer
	both := io.MultiWriter(&out, os.Stderr)
	cmd.Stdout, cmd.Stderr = both, both
	err = cmd.Run()
	text := out.String()
	t.Logf("%v\n%s", err, text)
	for _, want := range []string{
		`controllers .*\bmemory\b.*\bpids\b`, `id 0`, `bomb \[2,true,"",true,null\]`, `id-after 0`,
		`eater \[9,"eating\\n",null\]`, `eater-that-may \[0,"eating\\neaten 8\\n"\]`, `other 0`, `the helper lives`, `the daemon lives`, `killed-by-the-kernel [1-9]`, `left 0`, `over`,
	} {
		if !regexp.MustCompile(`(?m)^FACT ` + want).MatchString(strings.ReplaceAll(text, "\r", "")) {
			t.Errorf("it is not so: %s", want)
		}
	}
}
