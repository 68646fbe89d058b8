package main

import (
	"errors"
	"time"
	"unsafe"

	"mcpauth/internal/headermap"
	"mcpauth/internal/reply"
)

// What every request asks of the host, called without the garbage that the SDK
// makes: see malloc.

//go:wasmimport env proxy_get_header_map_pairs
//go:noescape
func proxyGetHeaderMapPairs(mapType uint32, data, size unsafe.Pointer) uint32

//go:wasmimport env proxy_get_buffer_bytes
//go:noescape
func proxyGetBufferBytes(bufferType, start, length uint32, data, size unsafe.Pointer) uint32

//go:wasmimport env proxy_send_local_response
//go:noescape
func proxySendLocalResponse(status uint32, details unsafe.Pointer, detailsSize uint32, body unsafe.Pointer, bodySize uint32,
	headers unsafe.Pointer, headersSize uint32, grpcStatus int32) uint32

//go:wasmimport env proxy_set_property
//go:noescape
func proxySetProperty(path unsafe.Pointer, pathSize uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport wasi_snapshot_preview1 clock_time_get
//go:noescape
func clockTimeGet(id int32, precision uint64, nanoseconds unsafe.Pointer) int32

var (
	errNoHeaders = errors.New("the host gave none")
	errNoBody    = errors.New("the host did not give it")
	errNotSent   = errors.New("the host does not send it")
	errNotSet    = errors.New("the host does not take it")
)

// answer is where the host writes the address and the size of what it has put
// into memory. It is no local variable: the host calls malloc before it writes,
// and malloc runs on the stack of whoever called the host, which Go may move
// then.
var answer struct{ data, size uint32 }

// requestHeaders returns the headers of the request at hand. They share memory
// that the next request overwrites.
func requestHeaders() (headermap.Reader, error) {
	const ofRequest = 0
	answer.size = 0
	lend()
	status := proxyGetHeaderMapPairs(ofRequest, unsafe.Pointer(&answer.data), unsafe.Pointer(&answer.size))
	m, ok := lent(answer.size)
	if status != 0 || !ok {
		return headermap.Reader{}, errNoHeaders
	}
	return headermap.Read(unsafe.String(unsafe.SliceData(m), len(m))), nil
}

// setProperty sets a property of the request at hand, of one name: for Envoy, the
// filter state "wasm." and this name.
func setProperty(name, value string) error {
	if proxySetProperty(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(unsafe.StringData(value)), uint32(len(value))) != 0 {
		return errNotSet
	}
	return nil
}

// requestBody returns the body of the request at hand, as far as it was kept, of
// at most limit bytes. It shares memory that the next loan overwrites.
func requestBody(limit int) ([]byte, error) {
	const ofRequest, notFound = 0, 1
	answer.size = 0
	lend()
	status := proxyGetBufferBytes(ofRequest, 0, uint32(limit), unsafe.Pointer(&answer.data), unsafe.Pointer(&answer.size))
	m, ok := lent(answer.size)
	switch {
	case status == notFound || status == 0 && answer.size == 0:
		return nil, nil // there is none: trailers follow the headers
	case status != 0 || !ok:
		return nil, errNoBody
	}
	return m, nil
}

// clock returns the time, without the monotonic clock that time.Now asks for in
// a second call.
func clock() time.Time {
	const realtime = 0
	var ns int64
	if clockTimeGet(realtime, 1, unsafe.Pointer(&ns)) != 0 {
		return time.Now()
	}
	return time.Unix(ns/1e9, ns%1e9)
}

var headers []byte // reused

// sendLocalReply answers the request at hand.
func sendLocalReply(r *reply.Response) error {
	const noGRPC = -1
	headers = headermap.Append(headers[:0], r.Headers)
	if proxySendLocalResponse(r.Status, nil, 0, unsafe.Pointer(unsafe.SliceData(r.Body)), uint32(len(r.Body)),
		unsafe.Pointer(unsafe.SliceData(headers)), uint32(len(headers)), noGRPC) != 0 {
		return errNotSent
	}
	return nil
}
