// SPDX-License-Identifier: Apache-2.0

// Package load makes the daemon's schema: the modules that it stands on, the
// demo models, and whatever the folders of the configuration hold.
//
// It decides which modules and features are implemented, and nothing else.
//
// Invariants:
//  1. A module of the same name and revision in a folder wins over the built-in
//     one; a newer revision in a folder is taken instead of it.
//  2. A feature of the protocol is announced only if the daemon offers it.
package load

import (
	"fmt"

	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
)

// own are the built-in modules that the daemon implements.
func own() []string {
	return []string{
		"ietf-netconf", "ietf-netconf-acm", "ietf-netconf-monitoring", "ietf-yang-library", "ietf-datastores",
		"ietf-netconf-partial-lock", "ietf-factory-default", "ietf-nmda-compare", "nso-commit",
		"ietf-netconf-with-defaults", "ietf-netconf-nmda", "ietf-origin", "ietf-netconf-notifications", "nc-notifications", "notifications",
		"ietf-subscribed-notifications", "ietf-yang-push", "nso-subscriptions",
		"ietf-inet-types", "ietf-yang-types", "nso-access", "nso-transports",
		"iana-if-type", "ietf-interfaces", "ietf-ip", "ietf-system", "iana-crypt-hash", // for a start without any model
	}
}

// features are those of the protocol's modules; all others are on.
func features() map[string][]string {
	return map[string][]string{
		// RFC 6241, 8: what netconf's hello says too.
		"ietf-netconf": {"writable-running", "candidate", "confirmed-commit", "rollback-on-error", "validate", "url", "xpath"},
		// RFC 8639: dynamic subscriptions in XML.
		"ietf-subscribed-notifications": {"encode-xml", "replay", "subtree", "xpath"},
	}
}

// Schema compiles the modules of the folders together with the built-in ones. more are
// features of ietf-netconf that the configuration has switched on. The error lists every
// mistake with file, line and column.
func Schema(folders []string, more ...string) (*yang.Schema, []compile.Warning, error) {
	var src compile.Sources
	for _, d := range folders {
		if err := src.AddDir(d); err != nil {
			return nil, nil, fmt.Errorf("cannot load the models: %w; see yang.path in nso.toml", err)
		}
	}
	if err := src.AddLibrary(builtin.FS()); err != nil {
		return nil, nil, err
	}
	on := features()
	on["ietf-netconf"] = append(on["ietf-netconf"], more...)
	schema, warnings, err := compile.Compile(&src, compile.Options{Implement: own(), All: true, Features: on})
	if err != nil {
		return nil, warnings, fmt.Errorf("cannot load the models: %w", err)
	}
	return schema, warnings, nil
}
