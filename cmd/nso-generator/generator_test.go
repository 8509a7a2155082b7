// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/config"
	"nso.example/nso/units"
)

const twoDoors = `[listen]
netconf-tcp = {enabled = true, address = "127.0.0.1:830"}
cli-ssh = {enabled = true, address = ["0.0.0.0:22", "[::]:22"]}
`

func parsed(text string) func() (*config.Config, error) {
	return func() (*config.Config, error) { return config.Parse("nso.toml", text) }
}

// tree is what is in a folder: path to content, or "-> target".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if d.Type() == fs.ModeSymlink {
			target, err := os.Readlink(p)
			all[rel] = "-> " + target
			return err
		}
		text, err := os.ReadFile(p)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func run(t *testing.T, dir string, inForce func() (*config.Config, error)) (said string) {
	t.Helper()
	var b strings.Builder
	generate(dir, inForce, func(err error) { b.WriteString(err.Error() + "\n") })
	return b.String()
}

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	if said := run(t, dir, parsed(twoDoors)); said != "" {
		t.Errorf("said %q", said)
	}
	got := tree(t, dir)
	if len(got) != 4 || got["nso.socket.wants/nso-listen@cli-ssh.socket"] != "-> /usr/lib/systemd/system/nso-listen@.socket" ||
		!strings.HasSuffix(got["nso-listen@cli-ssh.socket.d/50-nso.conf"], "\nListenStream=0.0.0.0:22\nListenStream=[::]:22\n") {
		t.Errorf("wrote %q", got)
	}
	again := t.TempDir()
	run(t, again, parsed(twoDoors))
	for p, text := range tree(t, again) {
		if got[p] != text {
			t.Errorf("%s differs the second time", p)
		}
	}
}

// TestClosed: whatever is wrong, no door opens, and somebody is told.
func TestClosed(t *testing.T) {
	for name, inForce := range map[string]func() (*config.Config, error){
		"broken":      parsed("[listen\n"),
		"unknown key": parsed(twoDoors + "\n[limit]\nx = 1\n"),
		"bad address": parsed("[listen.netconf-ssh]\nenabled = true\naddress = \"localhost:830\"\n"),
		"no unit":     parsed(twoDoors + "[ipc]\npath = \"/run/nso/%n\"\n"),
		"no file":     func() (*config.Config, error) { return nil, fs.ErrNotExist },
		"a bug":       func() (*config.Config, error) { panic("at the disco") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			said := run(t, dir, inForce)
			if !strings.Contains(said, "doors stay closed") {
				t.Errorf("said %q", said)
			}
			for p, text := range tree(t, dir) {
				if strings.Contains(p, "nso-listen") || strings.Contains(text, "Listen") {
					t.Errorf("%s: %s", p, text)
				}
			}
			if got := tree(t, dir)["nso.socket.d/50-nso.conf"]; !strings.Contains(got, "AssertPathExists=!/") {
				t.Errorf("nso.socket opens: %q", got)
			}
		})
	}
}

// TestPlanted: links and files that are there already are neither followed nor
// replaced, and a door whose drop-in could not be written is not linked.
func TestPlanted(t *testing.T) {
	for name, plant := range map[string]func(dir, outside string) error{
		"a link for the folder": func(dir, outside string) error {
			return os.Symlink(outside, filepath.Join(dir, "nso-listen@cli-ssh.socket.d"))
		},
		"a link for the file": func(dir, outside string) error {
			d := filepath.Join(dir, "nso-listen@cli-ssh.socket.d")
			return errors.Join(os.Mkdir(d, 0o755), os.Symlink(filepath.Join(outside, "target"), filepath.Join(d, "50-nso.conf")))
		},
		"a file": func(dir, outside string) error {
			d := filepath.Join(dir, "nso-listen@cli-ssh.socket.d")
			return errors.Join(os.Mkdir(d, 0o755), os.WriteFile(filepath.Join(d, "50-nso.conf"), []byte("[Socket]\n"), 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			target := filepath.Join(outside, "target")
			if err := errors.Join(os.WriteFile(target, []byte("precious"), 0o644), plant(dir, outside)); err != nil {
				t.Fatal(err)
			}
			said := run(t, dir, parsed(twoDoors))
			if !strings.Contains(said, "nso-listen@cli-ssh.socket.d") {
				t.Errorf("said %q", said)
			}
			if got := tree(t, outside); len(got) != 1 || got["target"] != "precious" {
				t.Errorf("outside is %q", got)
			}
			got := tree(t, dir)
			if _, there := got["nso.socket.wants/nso-listen@cli-ssh.socket"]; there {
				t.Errorf("the door is linked without its drop-in")
			}
			if _, there := got["nso.socket.wants/nso-listen@netconf-tcp.socket"]; !there {
				t.Errorf("the other door is gone, too: %q", got)
			}
		})
	}
	if err := write(filepath.Join(t.TempDir(), "absent"), units.Closed()); err == nil {
		t.Error("wrote into a folder that is not there")
	}
}

func TestLogLines(t *testing.T) {
	got := logLines("a\x1b[31m\tb\n" + strings.Repeat("x", 5000) + strings.Repeat("\ny", 40))
	if len(got) != 21 || got[0] != "a?[31m?b" || len(got[1]) != 700 || got[20] != "and more" {
		t.Errorf("%q", got)
	}
}

// TestProgram: the built program with what systemd gives it; and it needs no
// argument more than one folder.
func TestProgram(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "nso-generator")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	cmd := exec.Command(bin, dirs...)
	cmd.Env = []string{"SYSTEMD_SCOPE=system"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// This machine has the daemon or has not; something is said in either case.
	if _, err := os.Stat(config.File); errors.Is(err, fs.ErrNotExist) {
		var paths []string
		for p := range tree(t, dirs[0]) {
			paths = append(paths, p)
		}
		slices.Sort(paths)
		if want := []string{"nso.socket.d/50-nso.conf", "nso.socket.wants/nso-check.service", "nso.socket.wants/nso-mend.path"}; !slices.Equal(paths, want) {
			t.Errorf("without a configuration it wrote %q", paths)
		}
	}
	for _, d := range dirs[1:] {
		if got := tree(t, d); len(got) != 0 {
			t.Errorf("wrote %q early or late", got)
		}
	}
	for _, args := range [][]string{{}, {""}, {"relative"}} {
		var errs bytes.Buffer
		cmd := exec.Command(bin, args...)
		cmd.Stderr = &errs
		if err := cmd.Run(); err == nil || !strings.Contains(errs.String(), "use is nso-generator DIR") {
			t.Errorf("%q: %v, %s", args, err, errs.String())
		}
	}
}

// FuzzGenerate: whatever nso.toml says, a folder with units that parse comes of it,
// or one with closed doors and a word.
func FuzzGenerate(f *testing.F) {
	f.Add(twoDoors)
	f.Add("[listen\n")
	f.Add("[ipc]\npath = \"/run/nso/\\u0000\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		said := run(t, dir, parsed(text))
		got := tree(t, dir)
		closed := strings.Contains(got["nso.socket.d/50-nso.conf"], "Assert")
		if closed != (said != "") {
			t.Errorf("closed %v, said %q", closed, said)
		}
		for p, content := range got {
			if strings.HasPrefix(content, "-> ") {
				if !strings.HasPrefix(p, "nso.socket.wants/nso-") || filepath.Dir(content[3:]) != units.Shipped {
					t.Errorf("a link %s %s", p, content)
				}
				continue
			}
			if !strings.HasSuffix(p, ".d/50-nso.conf") {
				t.Errorf("a file %s", p)
			}
			for i, l := range strings.Split(strings.TrimSuffix(content, "\n"), "\n") {
				if i == 0 && l[0] == '#' || i == 1 && l[0] == '[' {
					continue
				}
				directive, _, ok := strings.Cut(l, "=")
				if !ok || !slices.Contains([]string{"ListenStream", "SocketGroup", "SocketMode", "LimitNOFILE", "ReadWritePaths", "NoExecPaths",
					"BindReadOnlyPaths", "SupplementaryGroups", "Environment", "AssertPathExists"}, directive) {
					t.Errorf("%s holds %q", p, l)
				}
			}
		}
	})
}
