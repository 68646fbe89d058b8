// Package pathreadings has programs that read request paths as servers in other
// languages do, and a test that compares them with the gateway's decision.
package pathreadings
