//go:build !jwtlite

package main

// hostSignatures reports whether the plugin uses the host's verify_signature.
const hostSignatures = true
