package main

import (
	"unsafe"

	"mcpauth/internal/metrics"
)

// The SDK's functions for metrics panic if the host refuses a call. A lost count is
// no reason to lose a worker.

//go:wasmimport env proxy_define_metric
//go:noescape
func proxyDefineMetric(kind uint32, name unsafe.Pointer, size uint32, id unsafe.Pointer) uint32

//go:wasmimport env proxy_increment_metric
func incrementMetric(id uint32, by int64) uint32

//go:wasmimport env proxy_record_metric
func recordMetric(id uint32, value int64) uint32

// defineMetric returns 0, which is no metric's number, if the host refuses.
func defineMetric(kind metrics.Kind, name string) (id uint32) {
	proxyDefineMetric(uint32(kind), unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(&id))
	return id
}
