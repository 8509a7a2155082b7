// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"time"

	"nso.example/nso/ident"
)

// Config is nso.toml. The doc tags are its documentation: Describe, Example. The
// takes tags say what a change of a key takes, for it and what is below: see Takes.
type Config struct {
	YANG    YANG    `toml:"yang" takes:"restart" doc:"The data models."`
	State   State   `toml:"state" takes:"restart" doc:"Where the daemon keeps its data."`
	IPC     IPC     `toml:"ipc" takes:"sockets" doc:"The local socket that the tools, the CLI and programs connect to."`
	Listen  Listen  `toml:"listen" takes:"sockets" doc:"The other doors. Each is a socket of the service manager's; a change of address takes 'nso reload'."`
	NETCONF NETCONF `toml:"netconf" takes:"reload" doc:"NETCONF, by transport."`
	Login   Login   `toml:"login" takes:"restart" doc:"How users log in over SSH."`
	Access  Access  `toml:"access" takes:"reload" doc:"Who may do what before the data model of access control (RFC 8341) is asked."`
	Limits  Limits  `toml:"limits" takes:"restart" doc:"What one client, or all together, can use up."`
	Log     Log     `toml:"log" takes:"reload" doc:"The log, which goes to standard error and so to the journal."`
}

// YANG says where modules are found.
type YANG struct {
	Path []string `toml:"path" doc:"Folders with YANG modules, searched in this order. All modules found are loaded. A module of the same name and revision as a built-in one wins over it."`
}

// State says where the database is.
type State struct {
	Dir string `toml:"dir" doc:"Folder of the database. It must belong to the user that the daemon runs as."`
}

// IPC is the local socket.
type IPC struct {
	Path  string `toml:"path" doc:"Path of the socket."`
	Mode  Mode   `toml:"mode" doc:"Permissions of the socket. Connecting gives no rights by itself; others can never be let in."`
	Group string `toml:"group" doc:"Group of the socket, whose members can connect. Empty: that of the user who binds it."`
}

// Listen holds the doors, by the names of their descriptors.
type Listen struct {
	NETCONFTCP Door `toml:"netconf-tcp" doc:"NETCONF in clear on the loopback interface, for relays and programs on this machine."`
	NETCONFSSH Door `toml:"netconf-ssh" doc:"NETCONF over SSH (RFC 6242)."`
	CLISSH     Door `toml:"cli-ssh" doc:"The command line over SSH."`
	IPCTCP     Door `toml:"ipc-tcp" doc:"The local socket's protocol in clear on the loopback interface."`
}

// Door is one listener.
type Door struct {
	Enabled bool      `toml:"enabled" doc:"Whether the door exists."`
	Address Addresses `toml:"address" doc:"Address and port, or a list of them, as numbers."`
}

// NETCONF is set by transport.
type NETCONF struct {
	Startup   bool       `toml:"startup" takes:"restart" doc:"Whether there is a startup datastore (RFC 6241, 8.7): then the daemon begins with what that is, and a change of running that nobody has copied to startup is gone after a restart. When this is switched on, startup begins as running is; when it is switched off, startup is forgotten and running goes on."`
	Candidate Candidate  `toml:"candidate" takes:"restart" doc:"\"shared\": all sessions of NETCONF have one candidate (RFC 6241, 8.3). \"private\": each has its own, which ends with it."`
	TCP       NETCONFTCP `toml:"tcp" doc:"The door netconf-tcp."`
}

// Features are those of the module ietf-netconf that the configuration switches on.
func (n NETCONF) Features() (names []string) {
	if n.Startup {
		names = append(names, "startup")
	}
	return names
}

// NETCONFTCP says what is believed of a loopback peer.
type NETCONFTCP struct {
	Trust     Trust `toml:"trust" doc:"\"kernel\": a client is the user who owns its socket, and its header must agree. \"claimed\": the header is believed, so that every local user can be anybody; it is logged at each session."`
	AllowRoot bool  `toml:"allow-root" doc:"Whether a socket that root owns is accepted. A relay that root runs looks like root itself."`
}

// Login is how users log in who are not on this machine.
type Login struct {
	Methods  []string `toml:"methods" doc:"Who is asked about a password, one after the other until one accepts: \"local\" (users in the data, below /ietf-system:system/authentication), \"pam\" (the package nso-pam), \"external\" (a program of this site, nso-external.socket)."`
	SSH      []string `toml:"ssh" doc:"Ways in over SSH, each the methods that it takes in their order: \"publickey\", \"keyboard-interactive\", \"password\". \"publickey,keyboard-interactive\" is a key and then a password or code."`
	External Format   `toml:"external" doc:"How the program of the method external is spoken with: \"json\", or \"classic\" for [user;password;] and accept groups uid gid gids home."`
	Banner   string   `toml:"banner" doc:"Text that is shown before a login (RFC 4252, 5.4). Empty: none."`
}

// Access is who may do what.
type Access struct {
	Admins  []string `toml:"admins" takes:"database" doc:"Users put into the group nso-admin when the database is made. Later changes are made in its data, below /nacm."`
	Explain bool     `toml:"explain" doc:"Whether a client that is denied something hears which rule of access control says so. The journal always has it."`
	Grants  []Grant  `toml:"grant" doc:"Lets a user act as others, with 'nso cli -u' or in the header of netconf-tcp. Audited."`
}

// Grant lets User act As others.
type Grant struct {
	User string   `toml:"user" doc:"The user who acts."`
	As   []string `toml:"as" doc:"The users that it may act as. \"*\": everybody but root."`
}

// Limits bound what clients use.
type Limits struct {
	Sessions           int      `toml:"sessions" doc:"Sessions in all."`
	SessionsPerUser    int      `toml:"sessions-per-user" doc:"Sessions of one user."`
	SessionsReserved   int      `toml:"sessions-reserved" doc:"Sessions of those in all that only members of nso-admin get."`
	Connections        int      `toml:"connections" doc:"Connections open at one door, with a session or not yet."`
	MessageSize        Size     `toml:"message-size" doc:"The largest request of a client."`
	HelloTimeout       Duration `toml:"hello-timeout" doc:"How long a connection may take to say who it is, header and hello."`
	IdleTimeout        Duration `toml:"idle-timeout" doc:"How long a session may be silent. 0s: for ever."`
	TransactionTimeout Duration `toml:"transaction-timeout" doc:"How long a transaction may stay open between two requests before it is rolled back. 0s: for ever."`
}

// Log is what is logged.
type Log struct {
	Level Level `toml:"level" doc:"The least that is logged: \"debug\", \"info\", \"warn\" or \"error\"."`
}

// Default is the configuration of an empty file.
func Default() *Config {
	return &Config{
		YANG:  YANG{Path: []string{}},
		State: State{Dir: "/var/lib/nso"},
		IPC:   IPC{Path: "/run/nso/ipc", Mode: 0o660, Group: "nso-users"},
		Listen: Listen{
			NETCONFTCP: Door{Address: Addresses{netip.MustParseAddrPort("127.0.0.1:2023")}},
			NETCONFSSH: Door{Address: Addresses{netip.MustParseAddrPort("0.0.0.0:830"), netip.MustParseAddrPort("[::]:830")}},
			CLISSH:     Door{Address: Addresses{netip.MustParseAddrPort("0.0.0.0:2024"), netip.MustParseAddrPort("[::]:2024")}},
			IPCTCP:     Door{Address: Addresses{netip.MustParseAddrPort("127.0.0.1:4565")}},
		},
		NETCONF: NETCONF{Candidate: CandidateShared, TCP: NETCONFTCP{Trust: TrustKernel}},
		Login:   Login{Methods: []string{"local", "pam"}, SSH: []string{"publickey", "keyboard-interactive", "password"}, External: FormatJSON},
		Access:  Access{Admins: []string{"root"}, Grants: []Grant{}},
		Limits: Limits{
			Sessions: 1024, SessionsPerUser: 128, SessionsReserved: 8, Connections: 2048,
			MessageSize: 64 << 20, HelloTimeout: Duration(30 * time.Second), TransactionTimeout: Duration(10 * time.Minute),
		},
		Log: Log{Level: "info"},
	}
}

// Named is a door with the name of its descriptors.
type Named struct {
	Name string
	Door
}

// Doors returns all doors but the local socket, enabled or not.
func (l Listen) Doors() []Named {
	return []Named{
		{"netconf-tcp", l.NETCONFTCP}, {"netconf-ssh", l.NETCONFSSH},
		{"cli-ssh", l.CLISSH}, {"ipc-tcp", l.IPCTCP},
	}
}

// Policy is what ident is to believe of loopback TCP, and the grants.
func (c *Config) Policy() ident.Policy {
	p := ident.Policy{Claimed: c.NETCONF.TCP.Trust == TrustClaimed, AllowRoot: c.NETCONF.TCP.AllowRoot}
	for _, g := range c.Access.Grants {
		p.Grants = append(p.Grants, ident.Grant(g))
	}
	return p
}
