// Package e2e holds the end-to-end tests: the built plugin in real Envoy
// binaries, in front of the example's MCP server, with the example's
// authorization server, the official MCP clients and web pages in Chromium.
//
// They need Linux, build/mcpauth.wasm (make build), python3 with venv, and node
// with npm; Envoy, Chromium, the clients and their packages are installed on
// first use.
package e2e
