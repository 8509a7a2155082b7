// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nso.example/nso/yang"
	"nso.example/nso/yang/compile"
)

// yanglint runs the oracle; the test is skipped where it is not installed.
func yanglint(t testing.TB, args ...string) (stdout string, ok bool, stderr string) {
	t.Helper()
	program, err := exec.LookPath("yanglint")
	if err != nil {
		t.Skip("cannot compare with yanglint: install the package libyang2-tools")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), err == nil, errs.String()
}

// bottomUp are the files of the implemented modules, imported ones first.
func bottomUp(s *yang.Schema) []*yang.Module {
	var out []*yang.Module
	seen := map[*yang.Module]bool{}
	var visit func(m *yang.Module)
	visit = func(m *yang.Module) {
		if seen[m] {
			return
		}
		seen[m] = true
		var prefixes []string
		for p := range m.Imports {
			prefixes = append(prefixes, p)
		}
		slices.Sort(prefixes)
		for _, p := range prefixes {
			visit(m.Imports[p])
		}
		if m.Implemented {
			out = append(out, m)
		}
	}
	for _, m := range s.Modules {
		visit(m)
	}
	return out
}

// known are differences in which we are right, and why.
func known(test, line string) string {
	if line == "uniq: /container t/list l | unique v   (oracle)" {
		return "dev2 takes v away; no entry has it, so that the unique never applies (RFC 7950, 7.8.3)"
	}
	if line == "m: /leaf-list n | default 4   (oracle)" {
		return "the default of a type is no default of a leaf-list with min-elements (RFC 7950, 7.7.2)"
	}
	switch test {
	case "TestOracleVerdicts/default_case_is_disabled", "TestOracleVerdicts/unique_with_if-feature":
		return "what it names is no part of the schema (RFC 7950, 7.20.2)"
	case "TestOracleVerdicts/enum_narrowed_to_a_disabled_one":
		return "a restricted enumeration has a subset of the names (RFC 7950, 9.6.4), and x is none of them"
	}
	for _, p := range []string{`((:|[0-9a-fA-F]{0,4}):)([0-9a-fA-F]{0,4}:){0,5}`, `(([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])\.){3}`,
		`[0-9]{4}-(1[0-2]|0[1-9])-(0[1-9]|[1-2][0-9]|3[0-1])T`, `\d{4}-\d{2}-\d{2}T`} {
		if strings.HasSuffix(test, "/openconfig") && strings.Contains(line, "| pattern "+p) {
			return "yanglint has ietf-inet-types and ietf-yang-types of 2013 built in, whose patterns differ"
		}
	}
	return ""
}

// compare compiles sources with both and compares all that is said of a node
// but prose and extensions.
func compare(t *testing.T, dirs []string, opt compile.Options, flags ...string) {
	t.Helper()
	var src compile.Sources
	for _, d := range dirs {
		if err := src.AddDir(d); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, "-p", d)
	}
	s, _, err := compile.Compile(&src, opt)
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-Q", "-f", "info"}, flags...)
	order := bottomUp(s)
	for _, m := range order {
		args = append(args, m.File)
	}
	text, ok, stderr := yanglint(t, args...)
	if !ok {
		t.Fatalf("yanglint refuses what we compile:\n%s", stderr)
	}
	theirs := oracleLines(text)
	lines := 0
	for _, m := range order {
		l, printed := theirs[m.Name]
		if !printed {
			t.Errorf("yanglint does not print %s", m.Name)
		}
		lines += len(l)
		for i, d := range difference(ourLines(s, m), l) {
			d = m.Name + ": " + d
			if known(t.Name(), d) != "" {
				continue
			}
			if i == 20 {
				t.Errorf("%s: and more", m.Name)
				break
			}
			t.Error(d)
		}
	}
	t.Logf("%d modules, %d schema nodes, %d lines compared", len(order), len(s.Nodes), lines)
}

// published is a folder beside the checkout; a stranger's does not have it.
func published(t testing.TB, name string) string {
	t.Helper()
	d := filepath.Join(dir(t), name)
	if _, err := os.Stat(d); err != nil {
		t.Skipf("cannot test with published modules: %v; set NSO_YANG_DIR", err)
	}
	return d
}

// TestOracleBuiltin: the built-in modules. ietf-yang-library and the modules
// that yanglint has built in at other revisions are compared as imports only.
func TestOracleBuiltin(t *testing.T) {
	compare(t, []string{"../builtin/modules"}, compile.Options{Implement: []string{
		"ietf-interfaces", "ietf-ip", "iana-if-type", "ietf-system", "iana-crypt-hash", "ietf-netconf", "ietf-netconf-acm",
		"ietf-netconf-monitoring", "ietf-netconf-with-defaults", "ietf-netconf-notifications", "ietf-netconf-nmda", "ietf-origin",
		"ietf-datastores", "ietf-inet-types", "ietf-yang-types"}})
}

// TestOracleMicro: small modules that exercise one feature each.
func TestOracleMicro(t *testing.T) {
	d := published(t, "micro")
	files, err := filepath.Glob(d + "/*.yang")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yang")
		t.Run(name, func(t *testing.T) { compare(t, []string{d}, compile.Options{Implement: []string{name}}) })
	}
}

// TestOracleSome: models that people load first, with all that augments them.
func TestOracleSome(t *testing.T) {
	compare(t, []string{published(t, "ietf")}, compile.Options{Implement: []string{
		"ietf-interfaces", "ietf-ip", "ietf-routing", "ietf-ipv4-unicast-routing", "ietf-ipv6-unicast-routing", "ietf-ospf", "ietf-bfd",
		"ietf-access-control-list", "ietf-hardware", "ietf-alarms", "ietf-keystore", "ietf-truststore", "ietf-netconf-acm", "ietf-system",
		"ietf-subscribed-notifications", "ietf-yang-push", "ietf-l3vpn-svc", "ietf-syslog", "iana-if-type"}})
}

// TestOracleFeatures: with some features only.
func TestOracleFeatures(t *testing.T) {
	for _, on := range []string{"", "a", "c", "a,c", "a,b", "a,b,c", "a,d", "c,d", "a,b,c,d"} {
		t.Run(on, func(t *testing.T) {
			d := t.TempDir()
			if err := os.WriteFile(filepath.Join(d, "m.yang"), []byte(featured), 0o644); err != nil {
				t.Fatal(err)
			}
			features := []string{}
			if on != "" {
				features = strings.Split(on, ",")
			}
			compare(t, []string{d}, compile.Options{Implement: []string{"m"}, Features: map[string][]string{"m": features}}, "-F", "m:"+on)
		})
	}
}

// TestOracleAll compares every published module; it takes a minute and runs
// with NSO_ORACLE=full.
func TestOracleAll(t *testing.T) {
	if os.Getenv("NSO_ORACLE") != "full" {
		t.Skip("set NSO_ORACLE=full to compare all published modules with yanglint (a minute)")
	}
	compare(t, []string{published(t, "ietf")}, compile.Options{All: true})
	// Two types of OpenConfig's come from revisions of ietf-inet-types and
	// ietf-yang-types that yanglint has built in.
	t.Run("openconfig", func(t *testing.T) {
		compare(t, []string{published(t, "openconfig"), published(t, "ietf")}, compile.Options{Implement: publishedModules(t, "openconfig")}, "-ii")
	})
}
