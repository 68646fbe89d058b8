//go:build jwtlite

package main

// hostSignatures is false in a build that is meant for measuring only: what
// jwtlite costs on a host whose verify_signature works.
const hostSignatures = false
