//go:build allocations

package main

import "runtime/metrics"

// For the test of how much garbage a request makes, in no build but its own:
// how many objects the heap has ever had, and how many bytes.

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
