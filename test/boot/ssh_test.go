// SPDX-License-Identifier: Apache-2.0

package boot

// sshDoor opens NETCONF over SSH on its port below 1024, and lets in who has a key
// that root put there.
func (s *system) sshDoor() {
	s.Run("sh", "-c", `ssh-keygen -q -t ed25519 -N '' -f /home/ann/key && chown ann /home/ann/key &&
		cp /home/ann/key.pub /etc/nso/ssh/keys.d/ann &&
		chgrp nso /etc/nso/ssh/keys.d/ann && chmod 0640 /etc/nso/ssh/keys.d/ann`)
	s.Run("sed", "-i", `/^.listen.netconf-ssh.$/,/^$/s/^#enabled = false/enabled = true/`, "/etc/nso/nso.toml")
	s.want("root", []string{"nso", "reload"}, "netconf-ssh")
	s.want("ann", sshSession("ann"), "<hello", `message-id="1"`, "<ok/>")
	s.refused("ann", sshSession("eve"), "Permission denied")
	s.refused("ann", sshSession("root"), "Permission denied")
	s.refused("ann", []string{"sh", "-c", "ssh -i /home/ann/key -p 830 -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null ann@127.0.0.1 id"})
	s.want("root", []string{"nso", "doctor"}, "door netconf-ssh", "\nhealthy")
}

// sshSession is a NETCONF session with ann's key that is closed at once, from one of this
// machine's addresses.
func sshSession(user string) []string { return sshSessionFrom("127.0.0.1", user) }

func sshSessionFrom(source, user string) []string {
	return []string{"sh", "-c", `printf '%s' '` + netconfHello + `<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><close-session/></rpc>]]>]]>' |
		ssh -b ` + source + ` -i /home/ann/key -p 830 -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -s ` + user + `@127.0.0.1 netconf`}
}
