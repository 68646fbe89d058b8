// Package controlplane runs the control planes of Istio and Envoy Gateway as plain
// processes, without a cluster and without containers, and tests mcpauth behind them.
//
// [Main] builds the programs that a test needs and then runs the test binary in network,
// mount and process namespaces of its own. Inside, every port is free, the host names of
// the manifests in envoy-example lead to loopback addresses, and the system's
// certificates include those of a CA that the test makes. So the manifests run as they
// are, over TLS, and two runs do not disturb each other.
//
// [World] holds the servers around the gateway: the authorization server, the registry of
// images and the MCP server. [Gateway] tests the main job at a gateway, and [Poll] watches
// that no request without a token gets through while a test changes things.
package controlplane
