package wasmtest

import (
	"math"
	"strings"
)

// The types of maps in the ABI that this host implements.
const (
	mapRequestHeaders  = 0
	mapRequestTrailers = 1
	mapResponseHeaders = 2
	mapCalloutHeaders  = 6
	mapCalloutTrailers = 7
	bufferRequestBody  = 0
	bufferResponseBody = 1
	bufferCalloutBody  = 4
	bufferVMConfig     = 6
	bufferPluginConfig = 7
	lastBuffer         = 8
	forbiddenInHeaders = "\r\n\x00"
)

// headerMap returns the map that a guest names, nil if it is not available in
// the running callback. Answers of callouts are read only.
func (vm *VM) headerMap(kind uint32, change bool) *Headers {
	s := vm.stream()
	switch kind {
	case mapRequestHeaders:
		if s != nil && (s.open || s.logging && !change) {
			return &s.request
		}
	case mapRequestTrailers:
		if s != nil && s.trailers != nil {
			return s.trailers
		}
	case mapResponseHeaders:
		switch {
		case s != nil && s.reply != nil:
			return s.reply
		case s != nil && s.response.open:
			return &s.response.headers
		}
	case mapCalloutHeaders:
		if vm.response != nil && !change {
			return &vm.response.headers
		}
	case mapCalloutTrailers:
		if vm.response != nil && !change {
			return &vm.response.trailers
		}
	}
	return nil
}

// checkHeader records a header that would break the framing of HTTP/1.1.
func (vm *VM) checkHeader(name, value string) {
	if name == "" || strings.ContainsAny(name, forbiddenInHeaders+" :") && !strings.HasPrefix(name, ":") || strings.ContainsAny(value, forbiddenInHeaders) {
		vm.host.violate("header %q: %q breaks HTTP framing", name, value)
	}
}

func (vm *VM) proxyGetHeaderMapValue(a args) Status {
	name, ok := vm.read(a.u32(1), a.u32(2))
	if !ok {
		return InvalidMemoryAccess
	}
	m := vm.headerMap(a.u32(0), false)
	if m == nil {
		return BadArgument
	}
	values := m.Values(string(name))
	if len(values) == 0 {
		return NotFound
	}
	return vm.give([]byte(values[0]), a.u32(3), a.u32(4))
}

// changeHeader adds or replaces a header.
func (vm *VM) changeHeader(a args, change func(h *Headers, name, value string)) Status {
	name, ok := vm.read(a.u32(1), a.u32(2))
	value, ok2 := vm.read(a.u32(3), a.u32(4))
	if !ok || !ok2 {
		return InvalidMemoryAccess
	}
	m := vm.headerMap(a.u32(0), true)
	if m == nil {
		return BadArgument
	}
	vm.checkHeader(string(name), string(value))
	change(m, string(name), string(value))
	return OK
}

func (vm *VM) proxyAddHeaderMapValue(a args) Status {
	return vm.changeHeader(a, (*Headers).add)
}

func (vm *VM) proxyReplaceHeaderMapValue(a args) Status {
	return vm.changeHeader(a, (*Headers).replace)
}

func (vm *VM) proxyRemoveHeaderMapValue(a args) Status {
	name, ok := vm.read(a.u32(1), a.u32(2))
	if !ok {
		return InvalidMemoryAccess
	}
	m := vm.headerMap(a.u32(0), true)
	if m == nil {
		return BadArgument
	}
	m.remove(string(name))
	return OK
}

func (vm *VM) proxyGetHeaderMapPairs(a args) Status {
	m := vm.headerMap(a.u32(0), false)
	if m == nil {
		return BadArgument
	}
	if len(*m) == 0 {
		return vm.give(nil, a.u32(1), a.u32(2))
	}
	return vm.give(marshalPairs(*m), a.u32(1), a.u32(2))
}

func (vm *VM) proxySetHeaderMapPairs(a args) Status {
	data, ok := vm.read(a.u32(1), a.u32(2))
	if !ok {
		return InvalidMemoryAccess
	}
	m := vm.headerMap(a.u32(0), true)
	if m == nil {
		return BadArgument
	}
	pairs, ok := unmarshalPairs(data)
	if !ok {
		vm.host.violate("header map replaced by malformed data")
	}
	for _, kv := range pairs {
		vm.checkHeader(kv[0], kv[1])
	}
	*m = lowerNames(pairs)
	return OK
}

func (vm *VM) proxyGetHeaderMapSize(a args) Status {
	m := vm.headerMap(a.u32(0), false)
	if m == nil {
		return BadArgument
	}
	size := 0
	for _, kv := range *m {
		size += len(kv[0]) + len(kv[1])
	}
	return vm.writeU32(a.u32(1), uint32(size))
}

func (vm *VM) proxyGetBufferBytes(a args) Status {
	start, length := uint64(a.u32(1)), uint64(a.u32(2))
	var data []byte
	switch kind := a.u32(0); {
	case kind > lastBuffer || start+length > math.MaxUint32:
		return BadArgument
	case kind == bufferVMConfig:
		data = []byte(vm.host.options.VMConfiguration)
	case kind == bufferPluginConfig && vm.configuring:
		data = []byte(vm.config)
	case kind == bufferRequestBody && vm.stream().hasBody():
		data = vm.stream().body.bytes()
	case kind == bufferResponseBody:
		body, ok := vm.stream().responseBytes()
		if !ok {
			return NotFound
		}
		data = body
	case kind == bufferCalloutBody && vm.response != nil:
		data = vm.response.body
	default:
		return NotFound
	}
	start = min(start, uint64(len(data)))
	end := min(start+length, uint64(len(data)))
	return vm.give(data[start:end], a.u32(3), a.u32(4))
}
