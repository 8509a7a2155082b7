// SPDX-License-Identifier: Apache-2.0

package packages

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// need skips a test whose tool is not here.
func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not here: test/setup test installs it as root", tool)
	}
}

// TestLintian: nothing that Debian's checker finds is left, but what
// packaging/deb/*.lintian-overrides names with a reason, and one thing: the packages
// close no bug of Debian's, since they are not Debian's.
func TestLintian(t *testing.T) {
	need(t, "lintian")
	args := []string{"--allow-root", "--fail-on", "error,warning", "--suppress-tags", "initial-upload-closes-no-bugs"}
	for _, name := range names {
		args = append(args, find(t, name, "deb"))
	}
	if out, err := exec.Command("lintian", args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// TestRpmlint: the same of the rpms, with packaging/rpm/rpmlint.toml.
func TestRpmlint(t *testing.T) {
	need(t, "rpmlint")
	args := []string{"-c", filepath.Join(root(), "packaging/rpm/rpmlint.toml")}
	for _, name := range names {
		args = append(args, find(t, name, "rpm"))
	}
	out, err := exec.Command("rpmlint", args...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), " 0 errors, 0 warnings,") {
		t.Errorf("rpmlint: %v\n%s", err, out)
	}
}

// TestPolkit: no action is allowed without an administrator's authentication, least
// of all for sitting at the machine, and none is kept; only the mediator may ask
// about others.
func TestPolkit(t *testing.T) {
	var policy struct {
		Actions []struct {
			ID       string `xml:"id,attr"`
			Message  string `xml:"message"`
			Defaults struct {
				Any      string `xml:"allow_any"`
				Inactive string `xml:"allow_inactive"`
				Active   string `xml:"allow_active"`
			} `xml:"defaults"`
			Annotations []struct {
				Key   string `xml:"key,attr"`
				Value string `xml:",chardata"`
			} `xml:"annotate"`
		} `xml:"action"`
	}
	text, err := os.ReadFile("../../packaging/polkit/org.nso.policy")
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	if len(policy.Actions) == 0 {
		t.Fatal("there are no actions")
	}
	for _, a := range policy.Actions {
		if !strings.HasPrefix(a.ID, "org.nso.") || a.Message == "" {
			t.Errorf("%s: message %q", a.ID, a.Message)
		}
		for _, allow := range []string{a.Defaults.Any, a.Defaults.Inactive, a.Defaults.Active} {
			if allow != "no" && allow != "auth_admin" {
				t.Errorf("%s is allowed by %q", a.ID, allow)
			}
		}
		if len(a.Annotations) != 1 || a.Annotations[0].Key != "org.freedesktop.policykit.owner" || a.Annotations[0].Value != "unix-user:nso-mediate" {
			t.Errorf("%s is owned by %v", a.ID, a.Annotations)
		}
	}
	// What is granted, and by which names, is tried on a booted system; here, that no
	// administrator's password is asked for in the mediator's name.
	for _, name := range []string{"10-nso.rules", "09-nso-pam.rules"} {
		rules, err := os.ReadFile("../../packaging/polkit/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(rules), "Result.YES") != 1 || strings.Contains(string(rules), "AUTH_") {
			t.Errorf("%s grants more than one thing", name)
		}
	}
}

// TestPAM: no service opens what must stay shut (CVE-2025-6018), and what runs in a
// unit is not taken out of it.
func TestPAM(t *testing.T) {
	for _, name := range []string{"deb/pam-nso", "rpm/pam-nso", "deb/pam-nso-exec", "rpm/pam-nso-exec"} {
		text, err := os.ReadFile("../../packaging/" + name)
		if err != nil {
			t.Fatal(err)
		}
		rules := regexp.MustCompile(`(?m)^#.*\n?`).ReplaceAllString(string(text), "")
		for _, bad := range []string{"pam_env", "user_readenv", "pam_systemd", "pam_permit", "nullok", "sufficient"} {
			if strings.Contains(rules, bad) {
				t.Errorf("%s holds %s", name, bad)
			}
		}
		if strings.HasSuffix(name, "exec") {
			if strings.Contains(rules, "auth ") || strings.Contains(rules, "common-session") || strings.Contains(rules, "session    include") {
				t.Errorf("%s asks somebody, or takes the sessions of all services:\n%s", name, rules)
			}
		} else if strings.Contains(rules, "session") {
			t.Errorf("%s opens a session", name)
		}
	}
}

// TestSudo: the rule is off as installed, sudo reads it on and off, and on it allows
// starting the sockets of a user, and nothing else.
func TestSudo(t *testing.T) {
	need(t, "visudo")
	text, err := os.ReadFile("../../packaging/sudo/nso")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if !strings.HasPrefix(line, "#") {
			t.Errorf("as installed, the rule says %q", line)
		}
	}
	on := regexp.MustCompile(`(?m)^#(Defaults|nso-mediate)`).ReplaceAllString(string(text), "$1")
	if on == string(text) {
		t.Fatal("there is nothing to turn on")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"off": string(text), "on": on} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o440); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("visudo", "-c", "-f", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("needs root to ask sudo what the rule allows: run make test as root")
	}
	rule := filepath.Join(dir, "rule")
	if err := os.WriteFile(rule, []byte(strings.ReplaceAll(on, "nso-mediate", "nobody")), 0o440); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command string
		allowed bool
	}{
		{"/usr/bin/systemctl start nso-exec@bob.socket", true},
		{"/usr/bin/systemctl start nso-pty@bob.socket", true},
		{"/usr/bin/systemctl start nso-pam.socket", true},
		{"/usr/bin/systemctl start nso-pam.socket evil.service", false},
		{"/usr/bin/systemctl start nso.service", false},
		{"/usr/bin/systemctl start nso-exec@bob.socket evil.service", false},
		{"/usr/bin/systemctl start evil.service nso-exec@bob.socket", false},
		{"/usr/bin/systemctl start nso-exec@bob.service", false},
		{"/usr/bin/systemctl start nso-exec@0.socket", false},
		{"/usr/bin/systemctl start nso-exec@a/../b.socket", false},
		{"/usr/bin/systemctl start --root=/tmp nso-exec@bob.socket", false},
		{"/usr/bin/systemctl start nso-execX@bob.socket", false},
		{"/usr/bin/systemctl stop nso-exec@bob.socket", false},
		{"/usr/bin/systemctl start", false},
		{"/usr/bin/systemctl", false},
		{"/bin/sh", false},
	} {
		// sudo reads one file: the rule takes its place, for this command alone.
		ask := exec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/sudoers && exec sudo -n -U nobody -l -- "$@"`, rule)
		ask.Args = append(ask.Args, strings.Fields(c.command)...)
		out, err := ask.CombinedOutput()
		if (err == nil) != c.allowed {
			t.Errorf("%s: allowed is %v, want %v\n%s", c.command, err == nil, c.allowed, out)
		}
	}
}

// TestScripts: the maintainer scripts are scripts of /bin/sh, which none of them
// leaves, and enable and stop only what is their package's.
func TestScripts(t *testing.T) {
	var scripts []string
	for _, pattern := range []string{"deb/*.p*", "rpm/*.p*"} {
		found, err := filepath.Glob("../../packaging/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, found...)
	}
	if len(scripts) < 14 {
		t.Fatalf("there are %d scripts", len(scripts))
	}
	for _, path := range scripts {
		if out, err := exec.Command("sh", "-n", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`(systemctl|invoke)[^\n]* start `).Match(text) || strings.Contains(string(text), "userdel") || strings.Contains(string(text), "deluser") {
			t.Errorf("%s starts something, or takes a user away", path)
		}
	}
}
