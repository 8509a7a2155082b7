// SPDX-License-Identifier: Apache-2.0

package event

import "strings"

// The keys of attributes that mean something to the handler.
const (
	Key   = "event" // the Name of the event
	Audit = "audit" // true in the records of the audit
)

// Field is an attribute of a record and what it is called in the journal.
type Field struct {
	Key     string // in slog
	Name    string // in the journal
	Meaning string
	// Quiet fields are left out of MESSAGE: they are long, or said already.
	Quiet bool
}

// Fields are the keys that are fixed. Any other key is Prefix and the key in
// capitals.
func Fields() []Field {
	return []Field{
		{Key, "NSO_EVENT", "name of the event; MESSAGE_ID is its id", true},
		{Audit, "NSO_AUDIT", "1 in every record of the audit", true},
		{"usid", "NSO_SESSION", "number of the session: the session-id of NETCONF", false},
		{"user", "NSO_USER", "the user that the session acts as", false},
		{"own", "NSO_OWN_USER", "the user who acts as NSO_USER, if that is another one", false},
		{"uid", "NSO_UID", "uid of the peer, as the kernel has it", false},
		{"login_uid", "NSO_LOGIN_UID", `uid that logged in to the system, before any su or sudo; "unset" if no login began this, as with services`, false},
		{"pid", "NSO_PID", "process of the peer when it connected, for orientation only; in ready: the daemon", false},
		{"door", "NSO_DOOR", "listener or transport: ipc, netconf-tcp, netconf-local, maapi ...", false},
		{"addresses", "NSO_ADDRESS", "one for each address of a door", false},
		{"source", "NSO_SOURCE", "where the peer is: a process or an address", false},
		{"txid", "NSO_TXID", "revision: the number of the commit", false},
		{"datastore", "NSO_DATASTORE", "datastore that was changed, if it is not running", false},
		{"before", "NSO_TXID_BEFORE", "revision before the commit", true},
		{"change", "NSO_CHANGE", `one for each changed node, at most 32: "created", "deleted", "modified" or "moved", and the path`, false},
		{"path", "NSO_PATH", "one for each of these: the path alone", true},
		{"rule", "NSO_RULE", "one for each rule of access control that denied something, with its rule list, or what decided in its place", true},
		{"more", "NSO_MORE", "how many changed nodes are not listed", false},
		{"label", "NSO_LABEL", "label of the commit", false},
		{"comment", "NSO_COMMENT", "comment of the commit", false},
		{"op", "NSO_OP", "what was asked for", false},
		{"reason", "NSO_REASON", "why", false},
		{"err", "NSO_ERROR", "what went wrong", false},
		{"number", "NSO_NUMBER", "number of an internal error, which the client was told", false},
		{"stack", "NSO_STACK", "where in the program a panic was", true},
		{"dur", "NSO_DURATION_USEC", "how long it took, microseconds", true},
		{"prepare", "NSO_PREPARE_USEC", "how long it took to validate and prepare, microseconds", true},
		{"target", "NSO_TARGET", "number of the session that was ended", false},
		{"level", "NSO_LEVEL", "least level that is logged", false},
		{"changed", "NSO_CHANGED", "one for each setting that changed", false},
		{"restart", "NSO_RESTART", "one for each setting that changes with a restart only", false},
		{"participant", "NSO_PARTICIPANT", "who takes part in commits", false},
		{"command", "NSO_COMMAND", "rule of /etc/nso/exec.d that a command is of", false},
		{"input", "NSO_INPUT", "names of what was said with an operation", true},
		{"runas", "NSO_RUN_AS", "user of the system that a command runs as", false},
		{"argv", "NSO_ARGV", "one for each element of the command's argv; *** is a secret one", true},
		{"child", "NSO_CHILD", "process of a command", false},
		{"bytes", "NSO_BYTES", "how much a command has written", false},
		{"held_back", "NSO_HELD_BACK", "how many records like this one were not written since the last", false},
		{"lost", "NSO_LOST", "how many records were lost", false},
		{"version", "NSO_VERSION", "version of the daemon", false},
		{"method", "NSO_METHOD", "method of a login: publickey, password, keyboard-interactive", false},
		{"by", "NSO_BY", "who has accepted it: local, pam or external; or where a key is listed: keys.d, data or home", false},
		{"conn", "NSO_CONN", "number of the connection", false},
	}
}

// Prefix begins the name of every field of ours.
const Prefix = "NSO_"

// maxName is the longest name of a field that the journal takes.
const maxName = 64

// FieldName makes the name of a field from a key that is not fixed: capitals,
// digits and underscores.
func FieldName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, Prefix+key)
	return name[:min(len(name), maxName)]
}
