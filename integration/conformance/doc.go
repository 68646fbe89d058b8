// Package conformance runs MCP's own conformance suite, the npm package
// @modelcontextprotocol/conformance, against a server directly and through a gateway,
// and compares the results.
//
// The server is the one that the Go SDK is tested with: everything-server, which this
// module has as a tool. The suite's command line needs Node.js 22; package.json brings it
// for Linux.
package conformance
