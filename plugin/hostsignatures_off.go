//go:build jwtlite

package main

// hostSignatures is false in a build for benchmarks only, which measures the cost
// of jwtlite on a host whose verify_signature works.
const hostSignatures = false
