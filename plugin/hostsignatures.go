//go:build !jwtlite

package main

// hostSignatures tells whether the host is asked to verify signatures.
const hostSignatures = true
