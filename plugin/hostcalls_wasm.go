package main

import (
	"errors"
	"time"
	"unsafe"

	"mcpauth/internal/headermap"
	"mcpauth/internal/reply"
)

// These are the host calls of every request. They make none of the garbage that
// the SDK's functions for the same calls make: see malloc.

//go:wasmimport env proxy_get_header_map_pairs
//go:noescape
func proxyGetHeaderMapPairs(mapType uint32, data, size unsafe.Pointer) uint32

//go:wasmimport env proxy_remove_header_map_value
//go:noescape
func proxyRemoveHeaderMapValue(mapType uint32, name unsafe.Pointer, nameSize uint32) uint32

//go:wasmimport env proxy_replace_header_map_value
//go:noescape
func proxyReplaceHeaderMapValue(mapType uint32, name unsafe.Pointer, nameSize uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport env proxy_get_buffer_bytes
//go:noescape
func proxyGetBufferBytes(bufferType, start, length uint32, data, size unsafe.Pointer) uint32

//go:wasmimport env proxy_set_buffer_bytes
//go:noescape
func proxySetBufferBytes(bufferType, start, length uint32, data unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_send_local_response
//go:noescape
func proxySendLocalResponse(status uint32, details unsafe.Pointer, detailsSize uint32, body unsafe.Pointer, bodySize uint32,
	headers unsafe.Pointer, headersSize uint32, grpcStatus int32) uint32

//go:wasmimport env proxy_get_property
//go:noescape
func proxyGetProperty(path unsafe.Pointer, pathSize uint32, data, size unsafe.Pointer) uint32

//go:wasmimport env proxy_set_property
//go:noescape
func proxySetProperty(path unsafe.Pointer, pathSize uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport wasi_snapshot_preview1 clock_time_get
//go:noescape
func clockTimeGet(id int32, precision uint64, nanoseconds unsafe.Pointer) int32

//go:wasmimport wasi_snapshot_preview1 random_get
//go:noescape
func randomGet(data unsafe.Pointer, size uint32) int32

var (
	errNoHeaders = errors.New("the host returned no headers")
	errNoBody    = errors.New("the host returned no body")
	errNotSent   = errors.New("the host refused the response")
	errNotSet    = errors.New("the host refused the property")

	errKeptHeader = errors.New("the host refused to change the header")
	errKept       = errors.New("the host does not let the body be replaced")
)

// hostResult is where the host writes the address and the size of a result. It is
// no local variable: the host calls malloc before it writes, malloc runs on the
// stack of the goroutine that called the host, and Go may move that stack.
var hostResult struct{ data, size uint32 }

// Maps and buffers of the ABI.
const (
	requestHeaderMap   = 0
	responseHeaderMap  = 2
	requestBodyBuffer  = 0
	responseBodyBuffer = 1
)

// requestHeaders returns the headers of the current request. They share memory that
// the next openBuffer reuses.
func requestHeaders() (headermap.Reader, error) { return headerMap(requestHeaderMap) }

// responseHeaders returns the headers of the current response, as requestHeaders does.
func responseHeaders() (headermap.Reader, error) { return headerMap(responseHeaderMap) }

func headerMap(kind uint32) (headermap.Reader, error) {
	hostResult.size = 0
	openBuffer()
	status := proxyGetHeaderMapPairs(kind, unsafe.Pointer(&hostResult.data), unsafe.Pointer(&hostResult.size))
	m, ok := takeBuffer(hostResult.size)
	if status != 0 || !ok {
		return headermap.Reader{}, errNoHeaders
	}
	return headermap.Read(unsafe.String(unsafe.SliceData(m), len(m))), nil
}

// removeHeader removes a header from the current request.
func removeHeader(name string) error {
	if proxyRemoveHeaderMapValue(requestHeaderMap, unsafe.Pointer(unsafe.StringData(name)), uint32(len(name))) != 0 {
		return errKeptHeader
	}
	return nil
}

// setHeader sets a header of the current request in the place of all of that name.
func setHeader(name, value string) error {
	if proxyReplaceHeaderMapValue(requestHeaderMap, unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)),
		unsafe.Pointer(unsafe.StringData(value)), uint32(len(value))) != 0 {
		return errKeptHeader
	}
	return nil
}

// setProperty sets a property of the current request. In Envoy it becomes the filter
// state "wasm." + name.
func setProperty(name, value string) error {
	if proxySetProperty(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(unsafe.StringData(value)), uint32(len(value))) != 0 {
		return errNotSet
	}
	return nil
}

// peerCertificatePath names the attribute connection.sha256_peer_certificate_digest.
const peerCertificatePath = "connection\x00sha256_peer_certificate_digest"

// peerCertificate returns the SHA-256 digest, in hex, of the certificate with which the
// client of the current request authenticated its TLS connection; empty if there is none.
// The headers of the request stay valid.
func peerCertificate() string {
	hostResult.size = 0
	openOwnBuffer()
	status := proxyGetProperty(unsafe.Pointer(unsafe.StringData(peerCertificatePath)), uint32(len(peerCertificatePath)),
		unsafe.Pointer(&hostResult.data), unsafe.Pointer(&hostResult.size))
	digest, ok := takeBuffer(hostResult.size)
	if status != 0 || !ok {
		return ""
	}
	return unsafe.String(unsafe.SliceData(digest), len(digest))
}

// requestBody returns at most limit bytes of the current request's body from start on, as
// far as Envoy has it. The bytes share memory that the next openBuffer reuses.
func requestBody(start, limit int) ([]byte, error) { return buffer(requestBodyBuffer, start, limit) }

// responseBody returns at most limit bytes of the current response's body, as
// requestBody does.
func responseBody(limit int) ([]byte, error) { return buffer(responseBodyBuffer, 0, limit) }

func buffer(kind uint32, start, limit int) ([]byte, error) {
	const notFound = 1
	hostResult.size = 0
	openBuffer()
	status := proxyGetBufferBytes(kind, uint32(start), uint32(limit), unsafe.Pointer(&hostResult.data), unsafe.Pointer(&hostResult.size))
	m, ok := takeBuffer(hostResult.size)
	switch {
	case status == notFound || status == 0 && hostResult.size == 0:
		return nil, nil // no body: trailers follow the headers
	case status != 0 || !ok:
		return nil, errNoBody
	}
	return m, nil
}

// replaceResponseBody puts data in the place of the current response's body, as far as
// Envoy shows it, which has size bytes.
func replaceResponseBody(size int, data []byte) error {
	if proxySetBufferBytes(responseBodyBuffer, 0, uint32(size), unsafe.Pointer(unsafe.SliceData(data)), uint32(len(data))) != 0 {
		return errKept
	}
	return nil
}

// clock returns the wall clock time. time.Now would read the monotonic clock too, by
// a second host call.
func clock() time.Time {
	const realtime = 0
	var ns int64
	if clockTimeGet(realtime, 1, unsafe.Pointer(&ns)) != 0 {
		return time.Now()
	}
	return time.Unix(ns/1e9, ns%1e9)
}

// random fills b with random bytes that nobody can guess, and reports whether the host had
// any: Envoy has them from BoringSSL. The generators of Go's runtime and of math/rand are
// not made for secrets.
func random(b []byte) bool {
	return randomGet(unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))) == 0
}

// sendLocalReply answers the current request.
func sendLocalReply(r *reply.Response) error {
	const noGRPC = -1
	headers := r.HeaderMap()
	if proxySendLocalResponse(r.Status, nil, 0, unsafe.Pointer(unsafe.SliceData(r.Body)), uint32(len(r.Body)),
		unsafe.Pointer(unsafe.SliceData(headers)), uint32(len(headers)), noGRPC) != 0 {
		return errNotSent
	}
	return nil
}
