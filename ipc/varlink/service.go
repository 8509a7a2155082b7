// SPDX-License-Identifier: Apache-2.0

package varlink

import "context"

// ServiceInterface is the interface that every Varlink service has.
const ServiceInterface = "org.varlink.service"

// ProtocolInterface is the interface that describes the errors which the
// server itself gives, beyond the standard ones. It has no methods.
const ProtocolInterface = "org.nso.Protocol"

const serviceIDL = `# What this service is and which interfaces it has
interface org.varlink.service

# Who made the service, and the names of its interfaces
method GetInfo() -> (
	vendor: string,
	product: string,
	version: string,
	url: string,
	interfaces: []string
)

# The text that describes one interface
method GetInterfaceDescription(interface: string) -> (description: string)

# There is no such interface
error InterfaceNotFound (interface: string)

# The interface has no such method
error MethodNotFound (method: string)

# The interface has the method, the service does not carry it out
error MethodNotImplemented (method: string)

# A parameter is missing, unknown or of a wrong type or value
error InvalidParameter (parameter: string)

# The peer may not call the method
error PermissionDenied ()

# The method is only for calls with "more"
error ExpectedMore ()
`

const protocolIDL = `# Errors of the connection itself; any method can give them
interface org.nso.Protocol

# The message is not a call in JSON; the connection is closed
error Malformed (message: string)

# The message is larger than allowed; the connection is closed
error TooLarge (message: string, limit: int)

# There are too many connections; this one is closed
error TooMany (message: string, limit: int)

# The client was too slow; the connection is closed
error TimedOut (message: string)

# The method is not legal in the present state of the connection
error WrongState (message: string, method: string)

# More descriptors came with the message than the method takes
error BadDescriptors (message: string, limit: int)

# The daemon is stopping and begins nothing any more
error ShuttingDown (message: string)

# A fault of the daemon: its log says more under this number
error Internal (message: string, number: int)
`

// anyone is the access rule of introspection: whoever may connect may ask what
// there is.
func anyone(context.Context, *Conn) error { return nil }

func (s *Server) ownInterfaces() []Interface {
	return []Interface{
		{
			Name:        ServiceInterface,
			Description: serviceIDL,
			Methods: []Method{
				{Name: "GetInfo", Access: anyone, States: AnyState, Handler: s.getInfo},
				{Name: "GetInterfaceDescription", Access: anyone, States: AnyState, Handler: s.getInterfaceDescription},
			},
		},
		{Name: ProtocolInterface, Description: protocolIDL},
	}
}

func (s *Server) getInfo(_ context.Context, call *Call) error {
	return call.Reply(struct {
		Vendor     string   `json:"vendor"`
		Product    string   `json:"product"`
		Version    string   `json:"version"`
		URL        string   `json:"url"`
		Interfaces []string `json:"interfaces"`
	}{s.cfg.Vendor, s.cfg.Product, s.cfg.Version, s.cfg.URL, s.table.names})
}

func (s *Server) getInterfaceDescription(_ context.Context, call *Call) error {
	var in struct {
		Interface string `json:"interface"`
	}
	if err := call.Decode(&in); err != nil {
		return err
	}
	text, ok := s.table.descriptions[in.Interface]
	if !ok {
		return interfaceNotFound(in.Interface)
	}
	return call.Reply(struct {
		Description string `json:"description"`
	}{text})
}
