// SPDX-License-Identifier: Apache-2.0

package event

// Name names an event in the program and in text logs.
type Name string

// The events.
const (
	Ready           Name = "ready"
	StartFailed     Name = "start-failed"
	Stopping        Name = "stopping"
	StopAsked       Name = "stop-asked"
	Unhealthy       Name = "unhealthy"
	Panic           Name = "panic"
	InternalError   Name = "internal-error"
	Login           Name = "login"
	LoginRefused    Name = "login-refused"
	Refused         Name = "connection-refused"
	Proved          Name = "authenticated"
	NotProved       Name = "not-authenticated"
	ActingAs        Name = "acting-as"
	Recovery        Name = "recovery-session"
	RecoveryEnded   Name = "recovery-session-ended"
	SessionEnded    Name = "session-ended"
	Kicked          Name = "session-kicked"
	Denied          Name = "access-denied"
	RuleMistake     Name = "rule-mistake"
	Commit          Name = "commit"
	CommitFailed    Name = "commit-failed"
	ConfirmedCommit Name = "confirmed-commit"
	TxnExpired      Name = "transaction-expired"
	Expelled        Name = "participant-expelled"
	Run             Name = "command-started"
	RunEnded        Name = "command-ended"
	RunRefused      Name = "command-refused"
	Invoked         Name = "operation-invoked"
	InvokeFailed    Name = "operation-failed"
	Reload          Name = "reload"
	ReloadFailed    Name = "reload-failed"
	LogLevel        Name = "log-level"
	DoorOpened      Name = "door-opened"
	DoorClosed      Name = "door-closed"
	ListenRefused   Name = "listener-refused"
	AcceptFailed    Name = "accept-failed"
	DatabaseOpened  Name = "database-opened"
	TornTail        Name = "torn-tail"
	SnapshotDamaged Name = "snapshot-damaged"
	DiskFailed      Name = "disk-failed"
	NoSpace         Name = "no-space"
	RecordsLost     Name = "records-lost"
)

// Event is one entry of the catalogue.
type Event struct {
	Name        Name
	ID          string // MESSAGE_ID: 128 bits at random, made once
	Subject     string
	Explanation string
	Remedy      string   // "" if there is nothing to do
	Fields      []string // keys that its records carry, some of them only where they apply
}

// who are the keys that say who did something.
func who(more ...string) []string {
	return append([]string{"user", "own", "uid", "login_uid", "pid", "door", "source"}, more...)
}

// All is the catalogue.
func All() []Event {
	return []Event{
		{Ready, "b7f73b057a82d6ac177e03b88407712f", "The daemon serves",
			"nsod @NSO_VERSION@ has read its models and its database, which is at revision @NSO_TXID@, and serves its doors.", "",
			[]string{"version", "txid", "modules"}},
		{StartFailed, "f98fc2d083f3aa9d0963a37c534916f2", "The daemon cannot start",
			"nsod has ended because it cannot serve. The message says why.",
			"Mend what the message names. Then the next connection to one of its sockets starts it; \"nso doctor\" looks for more.",
			[]string{"err"}},
		{Stopping, "9079febd6f6aaece192b3d094577a9e8", "The daemon stops",
			"nsod was asked to end. Commits in flight are finished, and every session is told.", "", nil},
		{StopAsked, "8418ac25c341b96b583feec4ec834b9c", "Somebody stopped the daemon",
			"@NSO_USER@ asked the daemon to end, over its local socket.",
			"The next connection to one of its sockets starts it again; \"systemctl stop nso.socket\" closes the doors.", who()},
		{Unhealthy, "f183ce2a2dd9c5e726af564fc4713bcd", "The daemon is not healthy",
			"A check of the daemon has failed, so the watchdog of the service manager is not told that all is well: @NSO_ERROR@. Unless that passes, the service manager restarts the daemon.",
			"If it was a commit that did not end, look at the disk below /var/lib/nso.", []string{"err"}},
		{Panic, "2f788eb7211b8b728f08203cf8ef78b7", "A bug was met, and one connection ended",
			"The program met a state that it takes for impossible. The connection in question was closed; nothing else was touched. NSO_STACK says where.",
			"Please report it with this record: journalctl -o verbose.", []string{"number", "op", "err", "stack"}},
		{InternalError, "1c932db5c397a69ed2dc39c6f74b84f1", "A request failed because of a bug",
			"A client was answered with an internal error and its number, @NSO_NUMBER@; the cause is in NSO_ERROR.",
			"Please report it with this record: journalctl -o verbose.", []string{"number", "op", "err", "usid", "user", "door"}},
		{Login, "0d8e5e7d0c5d5b4bccb7fecb8d76058e", "A session was opened",
			"@NSO_USER@ has logged in through @NSO_DOOR@ from @NSO_SOURCE@; the session is number @NSO_SESSION@.", "", who("usid")},
		{LoginRefused, "d93f469d0f88a1020f43dcc8ee48bc76", "A session was refused",
			"@NSO_USER@ is known, and no session was opened: @NSO_REASON@.",
			"If a limit was reached: \"nso sessions\" shows who is logged in, \"nso kick\" ends a session, and the table \"limits\" of nso.toml sets the limits.",
			who("reason", "held_back")},
		{Refused, "fda66f0f2d818f7b88c63d4a715622ed", "A connection was refused",
			"Somebody connected at @NSO_DOOR@ and was turned away: @NSO_REASON@. Whoever cannot be told for certain is not let in.",
			"If it should have been let in: the user must have an account, and be in the group nso-users for the local socket. Of many refusals of one peer only some are written; held_back counts the others.",
			who("reason", "held_back")},
		{Proved, "13a69b4742e8760b876b1a64725170df", "Somebody has shown who he is",
			"Whoever connected at @NSO_DOOR@ from @NSO_SOURCE@ has shown by @NSO_METHOD@ that he is @NSO_USER@; NSO_BY says who has accepted that, or where the key is listed. There may be more methods to come.", "",
			[]string{"user", "door", "source", "method", "by"}},
		{NotProved, "2235ee94530cd69dba5d9122f691264e", "Somebody has not shown who he is",
			"Whoever connected at @NSO_DOOR@ from @NSO_SOURCE@ as @NSO_USER@ was refused: @NSO_REASON@. He was told nothing but that.",
			"\"nso explain login USER\" tries what can be tried without the user. Of many refusals of one source only some are written; held_back counts the others.",
			[]string{"user", "door", "source", "method", "reason", "held_back"}},
		{ActingAs, "f4ba10e3827c542bc6e9e71af8f9ccff", "A user acts as another",
			"@NSO_OWN_USER@ acts as @NSO_USER@: @NSO_REASON@.",
			"Grants are in the table \"access.grant\" of nso.toml; netconf.tcp.trust = \"kernel\" believes no header.", who("reason")},
		{Recovery, "e39438d55f1a49f7a8faa34c16b7f413", "A recovery session was opened",
			"@NSO_USER@ has opened session @NSO_SESSION@, in which access control is not enforced. Only root can, on this machine.",
			"\"nso cli --recovery\" is for when the rules lock everybody out. If nobody meant to: see who is root here.", who("usid")},
		{RecoveryEnded, "26de2a554c3d4b2596ba85d764da80b6", "A recovery session has ended",
			"Session @NSO_SESSION@, in which access control was not enforced, is over.", "", who("usid")},
		{SessionEnded, "090b4fe5cb9af07b3931badd905795c7", "A session has ended",
			"Session @NSO_SESSION@ of @NSO_USER@ is over: @NSO_REASON@. What it had not committed is gone, and its locks are free.", "",
			[]string{"usid", "user", "door", "reason", "dur"}},
		{Kicked, "8fcc0db5dc30c9e10b52ec9aacfb8db6", "A session was ended by somebody else",
			"@NSO_USER@ ended session @NSO_TARGET@: @NSO_REASON@.", "", who("target", "reason")},
		{Denied, "be5506b6b8a80fcd6b5b65c1b6fe6e95", "Access control said no",
			"@NSO_USER@ has no right to what was asked for (@NSO_OP@). Nothing was changed. NSO_RULE has the rules that decided, or the default.",
			"Rights are data below /nacm (RFC 8341): members of nso-admin may change them, and \"nso explain nacm\" says what they come to. Of many denials of one user only some are written; held_back counts the others.",
			who("usid", "op", "path", "rule", "reason", "held_back")},
		{RuleMistake, "35f87cf464c743badab29b6bb3323ec3", "A rule of access control matches nothing",
			"The path of a rule names no node of the models, so the rule has no effect: @NSO_REASON@.",
			"Write module names as prefixes, or remove the rule.", []string{"reason"}},
		{Commit, "0ee215639d4e4bc064c52903b6e2b297", "The configuration was changed",
			"@NSO_USER@ has committed revision @NSO_TXID@ in session @NSO_SESSION@, from @NSO_SOURCE@. NSO_CHANGE has the changed nodes. Values are not written here, and keys that are secret by their model are left out.", "",
			who("usid", "txid", "before", "datastore", "change", "path", "more", "label", "comment", "prepare", "dur")},
		{ConfirmedCommit, "5d0d1b4be1dd4b0f9a0f7c2e6f3a8c11", "A commit that had to be confirmed was settled",
			"The commit that became revision @NSO_TXID@, of @NSO_USER@, waited to be confirmed (RFC 6241, 8.4) and does so no more: @NSO_REASON@.",
			"If it was reverted: running is again what it was before that commit. Commit anew, and confirm in time.",
			[]string{"usid", "user", "txid", "reason"}},
		{CommitFailed, "4592b4044d01ebb7a66929ba37f29138", "A commit could not be written",
			"A valid commit of @NSO_USER@ was not taken by the database: @NSO_ERROR@. The client was told.",
			"See to the disk below /var/lib/nso. \"Nobody knows\" means: the next start finds the commit or does not.", []string{"usid", "user", "err"}},
		{TxnExpired, "61b5407e09e7c6bc52769dfed78e7a0c", "A transaction was not used for too long",
			"An open transaction of session @NSO_SESSION@ was rolled back.",
			"limits.transaction-timeout in nso.toml sets the time.", []string{"usid", "user", "reason"}},
		{Expelled, "2af2ed42ee30855ffaadb72c8a72d3d9", "A participant of commits was expelled",
			"@NSO_PARTICIPANT@ takes part in commits and has failed in the phase @NSO_OP@: @NSO_ERROR@. Commits go on without it, so what it would have refused is no longer refused.",
			"See to that program, and start it anew: it joins again.", []string{"participant", "op", "err", "stack"}},
		{Run, "2c17462f4e50869fbc2a2e826ad06972", "A command was started",
			"@NSO_USER@ has started the command @NSO_COMMAND@, which runs as @NSO_RUN_AS@ (process @NSO_CHILD@). NSO_ARGV has its arguments, with *** for what is secret.", "",
			who("usid", "op", "command", "runas", "argv", "child")},
		{RunEnded, "11815d8052563b3976ec1622c243d5fb", "A command has ended",
			"The command @NSO_COMMAND@ of @NSO_USER@, which ran as @NSO_RUN_AS@, is over: @NSO_REASON@. It has written @NSO_BYTES@ bytes.", "",
			who("usid", "op", "command", "runas", "argv", "reason", "bytes", "dur")},
		{RunRefused, "fc15b69f0c1911f8b4bd19652274b94b", "A command was not started",
			"@NSO_USER@ wanted to run @NSO_COMMAND@, and nothing was started: @NSO_REASON@.",
			"\"nso exec list\" and \"nso exec explain\" say what the rules in /etc/nso/exec.d allow. Of many refusals of one user only some are written; held_back counts the others.",
			who("usid", "op", "command", "runas", "argv", "reason", "held_back")},
		{Invoked, "30c4388ca9b1168d3853be91ebea8718", "An operation of a model was done",
			"@NSO_USER@ has had the rpc or action @NSO_OP@ done. NSO_PATH has the node that the action is of, and NSO_INPUT the names of what was said with it. Values are not written here.", "",
			who("usid", "op", "path", "input", "dur")},
		{InvokeFailed, "4574e31139afed9b2427b8a68ac4545b", "An operation of a model was not done, or failed",
			"@NSO_USER@ wanted the rpc or action @NSO_OP@ done: @NSO_REASON@.",
			"\"nso exec list\" says which program does which operation. Of many failures of one user only some are written; held_back counts the others.",
			who("usid", "op", "path", "input", "reason", "held_back", "dur")},
		{Reload, "edcbc1bae9fc3c1cbf1fdd3bdc037556", "The configuration file was read again",
			"nso.toml was read again and is in force. NSO_CHANGED has what changed at once, NSO_RESTART what changes with a restart of the daemon only.", "",
			who("changed", "restart")},
		{ReloadFailed, "b14e5e8b948e96e29702e654659792ef", "The configuration file could not be used",
			"nso.toml was read again and has a mistake: @NSO_ERROR@. What was in force stays in force.",
			"\"nso check\" reads the file and says what is wrong with it.", who("err")},
		{LogLevel, "c9a1330c47f89b97f84193132ab51787", "The log level was changed",
			"@NSO_USER@ set the least level that is logged to @NSO_LEVEL@, until the daemon restarts. The audit is written at every level.",
			"log.level in nso.toml sets it for good.", who("before_level", "level")},
		{DoorOpened, "177149068308833869650c879d806235", "A door was opened",
			"The daemon accepts connections at @NSO_DOOR@.", "", []string{"door", "addresses"}},
		{DoorClosed, "758e7c769e980812e395b4d8f91dc9fc", "A door was closed",
			"The daemon accepts no more connections at @NSO_DOOR@. Sessions that came in through it go on.", "", []string{"door", "addresses", "err"}},
		{ListenRefused, "a65006885605bdb65b950b0d56eb82f9", "A listener was refused",
			"The unit of @NSO_DOOR@ handed a listener over, and the daemon does not serve it: @NSO_REASON@.",
			"Mend what the reason names; the unit tries again by itself.", []string{"door", "reason"}},
		{AcceptFailed, "5a88f1e0a9edbeb44c98ee3626a18322", "A connection could not be accepted",
			"The system did not give the daemon a connection that waits at @NSO_DOOR@: @NSO_ERROR@. It is tried again.",
			"If descriptors have run out: lower limits.connections in nso.toml or raise LimitNOFILE= of nso.service.", []string{"door", "err"}},
		{DatabaseOpened, "e79257ebf202853aed2e18a99aba3d3c", "The database was opened",
			"The journal of the database was read.", "", []string{"dir", "revision", "snapshot"}},
		{TornTail, "0b6e7b2a674a62f0d34d92360fb619fd", "The end of the database's journal was cut",
			"The last record on the disk is not whole: the system or the daemon ended while it was written. No client was told that it is committed. It was cut off.",
			"None, after a crash or a power cut. If neither happened, look at the disk.", []string{"dir", "file", "offset", "bytes"}},
		{SnapshotDamaged, "9f8d0ea29e0fdd159b985cfd0cd6fe43", "A snapshot of the database is damaged",
			"The newest snapshot cannot be read, and an older one is tried with the records that follow it.",
			"Look at the disk, and keep a backup.", []string{"dir", "err"}},
		{DiskFailed, "d65464d4f03f68eb450d9d000ecaf7e9", "The disk of the database has failed",
			"A write or sync of the database's journal failed: @NSO_ERROR@. Nothing is committed until the daemon has been restarted; reading goes on.",
			"See to the disk, then \"systemctl restart nso.service\".", []string{"dir", "err"}},
		{NoSpace, "3dd93272ca65a3a1c235c9a186d2f786", "The disk of the database is full",
			"There is no room for what the database wants to write or reserve. Nothing is lost.",
			"Make room in the file system of /var/lib/nso.", []string{"dir", "usid", "user", "err"}},
		{RecordsLost, "05f4fcef0f45116e820da534fef7bcb1", "Records of the daemon were lost",
			"The journal did not take records for a while, and @NSO_LOST@ of them were given up: the daemon waits for no log.",
			"See why systemd-journald was slow or stopped.", []string{"lost"}},
	}
}
