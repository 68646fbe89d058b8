// Package jsonreadings compares how the gateway reads the bodies of requests with the JSON
// parsers of the languages in which MCP servers are written: Python's json, JSON.parse of
// Node.js, and encoding/json. What the gateway lets on, no server may read as an operation
// that needs more. It has no code of its own, only tests.
package jsonreadings
