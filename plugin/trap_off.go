//go:build !faults

package main

// trap does something in the build for the fault suite: see trap.go.
func trap() {}
