//go:build allocations

package main

import "runtime/metrics"

// These exports are only in the build for the test of allocations per request. They
// return the number of objects and of bytes that were ever allocated.

//go:wasmexport mcpauth_allocations
func allocations() uint64 {
	return metric("/gc/heap/allocs:objects") + metric("/gc/heap/tiny/allocs:objects")
}

//go:wasmexport mcpauth_allocated_bytes
func allocatedBytes() uint64 { return metric("/gc/heap/allocs:bytes") }

func metric(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
