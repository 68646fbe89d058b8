// Package operation finds the operation of MCP that a request asks for, and the scopes
// and claims that the rules of a resource require for it.
//
// An operation is a JSON-RPC method and, for some methods, a name: that of a tool or a
// prompt, or the URI of a resource. The body of a request has both ([Scanner]). Since
// MCP 2026-07-28, headers repeat them ([Headers]).
package operation

import "mcpauth/internal/jsontext"

// A Fault is the reason why the operation of a request is not clear, as text for an
// error_description. It is empty if the operation is clear.
type Fault string

const (
	FaultSyntax    Fault = "the body is not valid JSON"
	FaultDepth     Fault = "the body is nested too deeply"
	FaultMessage   Fault = "the body is neither a JSON-RPC message nor a batch of messages"
	FaultAmbiguous Fault = "the body has members that servers read differently"
	FaultMethod    Fault = "the method is not a string, or has control characters"
	FaultSpace     Fault = "the method begins or ends with white space"
	FaultName      Fault = "the name of the operation is missing, or servers read it differently"
	FaultMismatch  Fault = "the Mcp-Method and Mcp-Name headers do not match the body"
	FaultHeader    Fault = "the Mcp-Method, Mcp-Name or MCP-Protocol-Version header is malformed, or there are two"
	FaultRespelled Fault = "a header has a name that some servers take for that of another header"
)

// An Operation is the method and the name in a message, or in the headers of a request.
type Operation struct {
	Method, Name       string
	HasMethod, HasName bool // false for a part that is not there
}

// namedMethods are the methods whose operations have a name.
var namedMethods = [...]struct {
	method string
	uri    bool // the name is params.uri, and not params.name
	header bool // the Mcp-Name header repeats the name
}{
	{"tools/call", false, true},
	{"prompts/get", false, true},
	{"resources/read", true, true},
	// MCP 2026-07-28 has no subscriptions, and so no Mcp-Name for them.
	{"resources/subscribe", true, false},
	{"resources/unsubscribe", true, false},
}

// methodIndex returns the index of a method in namedMethods, -1 if it is not there.
func methodIndex(method string) int {
	for i := range namedMethods {
		if namedMethods[i].method == method {
			return i
		}
	}
	return -1
}

// IsList reports whether the operation asks for a list of tools, prompts, resources or
// resource templates. The method may be in another case: some server might answer it.
//
//go:noinline
func (o *Operation) IsList() bool {
	for _, method := range [...]string{"tools/list", "prompts/list", "resources/list", "resources/templates/list"} {
		if jsontext.Folds(o.Method, method) {
			return true
		}
	}
	return false
}

// Mirrored reports whether headers repeat the whole operation, so that servers must
// compare all of it with the body.
func (o *Operation) Mirrored() bool {
	i := methodIndex(o.Method)
	return i < 0 || namedMethods[i].header
}
