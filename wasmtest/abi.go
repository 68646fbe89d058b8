package wasmtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// args are the parameters of a host function on wazero's stack.
type args []uint64

func (a args) u32(i int) uint32 { return uint32(a[i]) }

// hostFunction is one function that a guest can import. signature has one
// letter per parameter: i for i32, I for i64. All but noResult return an i32.
type hostFunction struct {
	name      string
	signature string
	call      func(*VM, args) Status
	// restricted means that the function may be called while the module is
	// initialised or allocates memory (setRestrictedCallback in wasm.cc).
	restricted bool
	noResult   bool
}

// envFunctions is the module "env" of the ABI, versions 0.2.0 and 0.2.1. Queues and gRPC
// calls exist for plugins that import them, and return Unimplemented.
var envFunctions = []hostFunction{
	{name: "proxy_log", signature: "iii", call: (*VM).proxyLog, restricted: true},
	{name: "proxy_get_log_level", signature: "i", call: (*VM).proxyGetLogLevel},
	{name: "proxy_send_local_response", signature: "iiiiiiii", call: (*VM).proxySendLocalResponse},
	{name: "proxy_get_shared_data", signature: "iiiii", call: (*VM).proxyGetSharedData},
	{name: "proxy_set_shared_data", signature: "iiiii", call: (*VM).proxySetSharedData},
	{name: "proxy_get_header_map_value", signature: "iiiii", call: (*VM).proxyGetHeaderMapValue},
	{name: "proxy_add_header_map_value", signature: "iiiii", call: (*VM).proxyAddHeaderMapValue},
	{name: "proxy_replace_header_map_value", signature: "iiiii", call: (*VM).proxyReplaceHeaderMapValue},
	{name: "proxy_remove_header_map_value", signature: "iii", call: (*VM).proxyRemoveHeaderMapValue},
	{name: "proxy_get_header_map_pairs", signature: "iii", call: (*VM).proxyGetHeaderMapPairs},
	{name: "proxy_set_header_map_pairs", signature: "iii", call: (*VM).proxySetHeaderMapPairs},
	{name: "proxy_get_header_map_size", signature: "ii", call: (*VM).proxyGetHeaderMapSize},
	{name: "proxy_get_buffer_bytes", signature: "iiiii", call: (*VM).proxyGetBufferBytes},
	{name: "proxy_set_buffer_bytes", signature: "iiiii", call: (*VM).proxySetBufferBytes},
	{name: "proxy_continue_stream", signature: "i", call: (*VM).proxyContinueStream},
	{name: "proxy_close_stream", signature: "i", call: (*VM).proxyCloseStream},
	{name: "proxy_http_call", signature: "iiiiiiiiii", call: (*VM).proxyHTTPCall},
	{name: "proxy_call_foreign_function", signature: "iiiiii", call: (*VM).proxyCallForeignFunction},
	{name: "proxy_set_tick_period_milliseconds", signature: "i", call: (*VM).proxySetTickPeriod},
	{name: "proxy_set_effective_context", signature: "i", call: (*VM).proxySetEffectiveContext},
	{name: "proxy_done", signature: "", call: unimplemented},
	{name: "proxy_define_metric", signature: "iiii", call: (*VM).proxyDefineMetric},
	{name: "proxy_increment_metric", signature: "iI", call: (*VM).proxyIncrementMetric},
	{name: "proxy_record_metric", signature: "iI", call: (*VM).proxyRecordMetric},
	{name: "proxy_get_metric", signature: "ii", call: (*VM).proxyGetMetric},
	{name: "proxy_get_property", signature: "iiii", call: (*VM).proxyGetProperty},
	{name: "proxy_set_property", signature: "iiii", call: (*VM).proxySetProperty},
	{name: "proxy_register_shared_queue", signature: "iii", call: unimplemented},
	{name: "proxy_resolve_shared_queue", signature: "iiiii", call: unimplemented},
	{name: "proxy_dequeue_shared_queue", signature: "iii", call: unimplemented},
	{name: "proxy_enqueue_shared_queue", signature: "iii", call: unimplemented},
	{name: "proxy_grpc_call", signature: "iiiiiiiiiiii", call: unimplemented},
	{name: "proxy_grpc_stream", signature: "iiiiiiiii", call: unimplemented},
	{name: "proxy_grpc_cancel", signature: "i", call: unimplemented},
	{name: "proxy_grpc_close", signature: "i", call: unimplemented},
	{name: "proxy_grpc_send", signature: "iiii", call: unimplemented},
}

func unimplemented(*VM, args) Status { return Unimplemented }

// vmKey is the key of the calling *VM in the context of a call.
type vmKey struct{}

func instantiateHostModule(ctx context.Context, r wazero.Runtime, module string, functions []hostFunction) error {
	b := r.NewHostModuleBuilder(module)
	for _, f := range functions {
		var params []api.ValueType
		for _, letter := range f.signature {
			if letter == 'I' {
				params = append(params, api.ValueTypeI64)
			} else {
				params = append(params, api.ValueTypeI32)
			}
		}
		results := []api.ValueType{api.ValueTypeI32}
		if f.noResult {
			results = nil
		}
		enter := api.GoFunc(func(ctx context.Context, stack []uint64) {
			vm := ctx.Value(vmKey{}).(*VM)
			vm.calls[f.name]++
			if vm.restricted && !f.restricted {
				panic(fmt.Errorf("%s called while the module initialises or allocates", f.name))
			}
			status := vm.host.failing[f.name]
			if status == OK {
				status = f.call(vm, args(stack[:len(f.signature)]))
			}
			if !f.noResult {
				stack[0] = uint64(status)
			}
		})
		b.NewFunctionBuilder().WithGoFunction(enter, params, results).Export(f.name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// read returns a view of the guest's memory, valid until the guest runs again.
func (vm *VM) read(address, size uint32) ([]byte, bool) {
	return vm.instance.Memory().Read(address, size)
}

func (vm *VM) writeU32(address, value uint32) Status {
	if !vm.instance.Memory().WriteUint32Le(address, value) {
		return InvalidMemoryAccess
	}
	return OK
}

func (vm *VM) writeU64(address uint32, value uint64) Status {
	if !vm.instance.Memory().WriteUint64Le(address, value) {
		return InvalidMemoryAccess
	}
	return OK
}

// give passes data to the guest in memory that the guest allocates, as
// copyToPointerSize does: nothing is allocated for empty data.
func (vm *VM) give(data []byte, addressAt, sizeAt uint32) Status {
	var address uint32
	if len(data) > 0 {
		var err error
		if address, err = vm.allocate(len(data)); err != nil {
			panic(err)
		}
		if !vm.instance.Memory().Write(address, data) {
			return InvalidMemoryAccess
		}
	}
	if status := vm.writeU32(addressAt, address); status != OK {
		return status
	}
	return vm.writeU32(sizeAt, uint32(len(data)))
}

func (vm *VM) proxyGetSharedData(a args) Status {
	key, ok := vm.read(a.u32(0), a.u32(1))
	if !ok {
		return InvalidMemoryAccess
	}
	e, ok := vm.host.shared.entries[string(key)]
	if !ok {
		return NotFound
	}
	if status := vm.give(e.value, a.u32(2), a.u32(3)); status != OK {
		return status
	}
	return vm.writeU32(a.u32(4), e.cas)
}

func (vm *VM) proxySetSharedData(a args) Status {
	key, ok := vm.read(a.u32(0), a.u32(1))
	value, ok2 := vm.read(a.u32(2), a.u32(3))
	if !ok || !ok2 {
		return InvalidMemoryAccess
	}
	return vm.host.shared.Set(string(key), value, a.u32(4))
}

func (vm *VM) proxyGetProperty(a args) Status {
	path, ok := vm.read(a.u32(0), a.u32(1))
	if !ok {
		return InvalidMemoryAccess
	}
	properties := vm.host.properties
	if s := vm.stream(); s != nil {
		properties = s.properties
	}
	value, ok := properties[strings.TrimSuffix(string(path), "\x00")]
	if !ok {
		return NotFound
	}
	return vm.give(value, a.u32(2), a.u32(3))
}

func (vm *VM) proxySetProperty(a args) Status {
	path, ok := vm.read(a.u32(0), a.u32(1))
	value, ok2 := vm.read(a.u32(2), a.u32(3))
	if !ok || !ok2 {
		return InvalidMemoryAccess
	}
	s := vm.stream()
	if s == nil {
		return NotFound
	}
	if s.filterState == nil {
		s.filterState = map[string]string{}
	}
	s.filterState["wasm."+string(path)] = string(value)
	return OK
}
