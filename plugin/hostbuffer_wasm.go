package main

// maxKeptBuffer bounds the memory that is kept from request to request. A larger
// result gets memory of its own.
const maxKeptBuffer = 64 << 10

// hostBuffer is the memory for one result of the host, such as a header map. It is
// reused: a header map has about two kilobytes, more than all other garbage of a
// request together.
var hostBuffer struct {
	open   bool   // the next malloc sets result
	own    bool   // it does not take kept
	kept   []byte // from request to request
	result []byte // what malloc gave the host
}

// malloc allocates memory for a result of the host. A host prefers an export of
// this name to the SDK's proxy_on_memory_allocate, which cannot reuse memory and
// panics at size 0.
//
//go:wasmexport malloc
func malloc(size uint32) *byte {
	n := max(int(size), 1)
	if !hostBuffer.open {
		return &make([]byte, n)[0]
	}
	hostBuffer.open = false
	switch {
	case n > maxKeptBuffer || hostBuffer.own:
		hostBuffer.result = make([]byte, n)
	case n > len(hostBuffer.kept):
		hostBuffer.kept = make([]byte, min(max(n, 2*len(hostBuffer.kept)), maxKeptBuffer))
		fallthrough
	default:
		hostBuffer.result = hostBuffer.kept[:n]
	}
	return &hostBuffer.result[0]
}

// openBuffer makes the next malloc take the reused memory.
func openBuffer() { hostBuffer.open, hostBuffer.own, hostBuffer.result = true, false, nil }

// openOwnBuffer is openBuffer for a result that gets memory of its own. What is in the
// reused memory stays as it is.
func openOwnBuffer() { hostBuffer.open, hostBuffer.own, hostBuffer.result = true, true, nil }

// takeBuffer returns the result that the host wrote since openBuffer, of size
// bytes. It is valid until the next openBuffer.
func takeBuffer(size uint32) (result []byte, ok bool) {
	hostBuffer.open = false
	if uint64(size) > uint64(len(hostBuffer.result)) {
		return nil, false
	}
	return hostBuffer.result[:size], true
}
