// Package examples runs the configurations of Envoy that readers start from, those of
// the folder envoy-example, in real Envoys, with the example's two servers.
package examples
