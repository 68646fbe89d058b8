package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"

	"mcpauth/envoy-example/envoy"
	"mcpauth/internal/headermap"
	"mcpauth/internal/reply"
)

// A floor is a plugin that does nothing but the host calls that no plugin for this job
// can do without, with answers that are fixed: what it costs is the least that any
// plugin can cost. It verifies nothing.
//
//   - A request that ends with its headers gets the metadata.
//   - One without an Authorization header gets the 401.
//   - All others go on, without their token and with five identity headers.
//
// It is assembled here, instruction by instruction, so that neither a compiler nor a
// runtime adds to it: WebAssembly Core Specification 2.0, chapter 5 (binary format), and
// the proxy-wasm ABI 0.2.1.
type floor struct {
	module
	data []byte
}

// Addresses in the memory of the module.
const (
	floorPairs  = 16      // where the host writes the address of the header map
	floorSize   = 20      // and its size
	floorClock  = 24      // where the host writes the time
	floorData   = 1024    // the texts
	floorBuffer = 1 << 16 // the header map
)

// writeFloor writes the module, with the answers of mcpauth, to build/bench.
func (g *gateway) writeFloor() (path string, err error) {
	root, err := envoy.Root()
	if err != nil {
		return "", err
	}
	unauthorized := reply.Challenge{ResourceMetadata: "https://" + host + g.MetadataPath, Scope: "read:notes"}.Unauthorized("")
	path = filepath.Join(root, "build", "bench", "floor.wasm")
	return path, os.WriteFile(path, newFloor(unauthorized, reply.Document([]byte(g.Metadata), `"0123456789abcdef"`, "")), 0o644)
}

// newFloor assembles the module.
func newFloor(unauthorized, metadata *reply.Response) []byte {
	var f floor
	const i32, i64 = 0x7f, 0x7e
	params := func(n int) []byte { return slices.Repeat([]byte{i32}, n) }
	pairs := f.imports("env", "proxy_get_header_map_pairs", params(3), i32)
	remove := f.imports("env", "proxy_remove_header_map_value", params(3), i32)
	replace := f.imports("env", "proxy_replace_header_map_value", params(5), i32)
	respond := f.imports("env", "proxy_send_local_response", params(8), i32)
	clock := f.imports("wasi_snapshot_preview1", "clock_time_get", []byte{i32, i64, i32}, i32)

	answer := func(r *reply.Response) []byte {
		return slices.Concat(
			constant(int(r.Status)), constant(0), constant(0), f.text(string(r.Body)), f.text(string(headermap.Append(nil, r.Headers))),
			constant(-1), invoke(respond), constant(1), []byte{opReturn})
	}
	// Parameters: the context, the number of headers, whether they end the request.
	// Local 3 is an address in the header map: the number of headers, then for each the
	// sizes of its name and its value, then these. Local 4 is where the sizes end.
	code := slices.Concat(
		constant(0), constant(floorPairs), constant(floorSize), invoke(pairs),
		get(2), []byte{opIf, opEmpty}, answer(metadata), []byte{opEnd},
		constant(0), load32(floorPairs), []byte{opTee, 3},
		get(3), load32(0), constant(8), []byte{opMul, opAdd}, constant(4), []byte{opAdd, opSet, 4},
		get(3), constant(4), []byte{opAdd, opSet, 3},
		[]byte{opBlock, opEmpty, opLoop, opEmpty},
		get(3), get(4), []byte{opGreaterOrEqual, opIf, opEmpty}, answer(unauthorized), []byte{opEnd},
		get(3), load32(0), constant(len("authorization")), []byte{opEqual, opBranchIf, 1},
		get(3), constant(8), []byte{opAdd, opSet, 3, opBranch, 0, opEnd, opEnd},
		constant(0), []byte{opConstant64, 1}, constant(floorClock), invoke(clock),
		constant(0), f.text("authorization"), invoke(remove),
	)
	for _, h := range [][2]string{
		{"x-mcpauth-subject", "auth0|user-00000000"}, {"x-mcpauth-client", "8f2a6c1e-0d7b-4b7e-9a52-3f0c9d2e7b11"},
		{"x-mcpauth-scope", "openid profile email read:notes write:notes"}, {"x-mcpauth-issuer", issuer}, {"x-mcpauth-expires", "1800000000"},
	} {
		code = slices.Concat(code, constant(0), f.text(h[0]), f.text(h[1]), invoke(replace))
	}
	code = append(code, constant(0)...)

	f.exports("proxy_abi_version_0_2_1", nil, 0, 0, nil)
	f.exports("proxy_on_memory_allocate", params(1), i32, 0, constant(floorBuffer))
	f.exports("proxy_on_context_create", params(2), 0, 0, nil)
	f.exports("proxy_on_vm_start", params(2), i32, 0, constant(1))
	f.exports("proxy_on_configure", params(2), i32, 0, constant(1))
	f.exports("proxy_on_request_headers", params(3), i32, 2, code)
	f.exports("proxy_on_done", params(1), i32, 0, constant(1))
	f.exports("proxy_on_delete", params(1), 0, 0, nil)
	return f.bytes(floorData, f.data)
}

// text puts a text into the memory, and returns the code that gives its address and its
// size to a call.
func (f *floor) text(s string) []byte {
	address := floorData + len(f.data)
	f.data = append(f.data, s...)
	return append(constant(address), constant(len(s))...)
}

// Opcodes, and the type of a block without a result.
const (
	opBlock, opLoop, opIf, opEnd        = 0x02, 0x03, 0x04, 0x0b
	opBranch, opBranchIf, opReturn      = 0x0c, 0x0d, 0x0f
	opUnreachable, opSet, opTee         = 0x00, 0x21, 0x22
	opConstant64                        = 0x42
	opEqual, opGreaterOrEqual           = 0x46, 0x4f // unsigned
	opAdd, opMul                        = 0x6a, 0x6c
	opEmpty                        byte = 0x40
)

func constant(n int) []byte    { return append([]byte{0x41}, signed(n)...) }
func get(local byte) []byte    { return []byte{0x20, local} }
func load32(offset int) []byte { return binary.AppendUvarint([]byte{0x28, 2}, uint64(offset)) }

// invoke calls the host. A status other than OK ends the VM, and with it the measurement.
func invoke(function int) []byte {
	return append(binary.AppendUvarint([]byte{0x10}, uint64(function)), opIf, opEmpty, opUnreachable, opEnd)
}

// signed is LEB128 (section 5.2.2).
func signed(n int) []byte {
	var b []byte
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

// A module collects the parts of a WebAssembly module.
type module struct {
	types, imported, functions, exported, code [][]byte
}

// signature adds a type and returns its index: each function has its own. A result of 0 is
// none.
func (m *module) signature(params []byte, result byte) []byte {
	t := append(counted(params), 0)
	t = append([]byte{0x60}, t...)
	if result != 0 {
		t[len(t)-1] = 1
		t = append(t, result)
	}
	m.types = append(m.types, t)
	return binary.AppendUvarint(nil, uint64(len(m.types)-1))
}

// imports adds an imported function and returns its index. All come before those of the
// module.
func (m *module) imports(from, name string, params []byte, result byte) int {
	m.imported = append(m.imported, slices.Concat(counted([]byte(from)), counted([]byte(name)), []byte{0}, m.signature(params, result)))
	return len(m.imported) - 1
}

// exports adds a function with some locals of type i32.
func (m *module) exports(name string, params []byte, result byte, locals int, code []byte) {
	index := binary.AppendUvarint(nil, uint64(len(m.imported)+len(m.functions)))
	m.functions = append(m.functions, m.signature(params, result))
	m.exported = append(m.exported, slices.Concat(counted([]byte(name)), []byte{0}, index))
	body := []byte{0}
	if locals > 0 {
		body = []byte{1, byte(locals), 0x7f}
	}
	m.code = append(m.code, counted(slices.Concat(body, code, []byte{opEnd})))
}

// bytes encodes the module, with four pages of memory and data at an address.
func (m *module) bytes(address int, data []byte) []byte {
	memory := [][]byte{{0, 4}}
	exported := append(m.exported, append(counted([]byte("memory")), 2, 0))
	segments := [][]byte{slices.Concat([]byte{0}, constant(address), []byte{opEnd}, counted(data))}
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, section := range []struct {
		id    byte
		items [][]byte
	}{{1, m.types}, {2, m.imported}, {3, m.functions}, {5, memory}, {7, exported}, {10, m.code}, {11, segments}} {
		vector := binary.AppendUvarint(nil, uint64(len(section.items)))
		out = append(append(out, section.id), counted(append(vector, slices.Concat(section.items...)...))...)
	}
	return out
}

// counted is a vector of bytes.
func counted(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }
