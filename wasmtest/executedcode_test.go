package wasmtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/tetratelabs/wazero/api"
)

// What a request costs in Envoy follows how much code it executes, each instruction
// counted once: see "Code is what costs" in docs/performance.md. So the file under test gets
// marks: a bit for each run of instructions without a branch, which the run sets.

// marks of a file.
type marks struct {
	sizes   []int // of the run that each mark stands for, in bytes of WebAssembly
	globals int   // variables that hold 64 marks each
}

func markName(i int) string { return "marks" + strconv.Itoa(i) }

// withMarks returns a module with marks, which are exported variables.
func withMarks(code []byte) ([]byte, *marks, error) {
	module, err := split(code)
	if err != nil {
		return nil, nil, err
	}
	globals := &moduleReader{b: module.section(globalSection).body}
	first := globals.u()
	m := &marks{}
	in := &moduleReader{b: module.section(codeSection).body}
	n := in.u()
	var out []byte
	for range n {
		body, err := m.mark(in.take(in.u()), first)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, vector(uint64(len(body)), body)...)
	}
	if in.err != nil {
		return nil, nil, in.err
	}
	module.section(codeSection).body = vector(n, out)
	m.globals = (len(m.sizes) + 63) / 64
	for i := range m.globals {
		name := markName(i)
		module.add(exportSection, append(vector(uint64(len(name)), []byte(name), []byte{0x03}), vector(first+uint64(i))...))
		module.add(globalSection, []byte{0x7E, 0x01, 0x42, 0x00, 0x0B}) // a variable of 64 bits, 0
	}
	return module.join(), m, nil
}

// mark returns the body of a function with a mark at the beginning of each run. first is
// the index of the variable of the first marks.
func (m *marks) mark(body []byte, first uint64) ([]byte, error) {
	r := &moduleReader{b: body}
	for range r.u() {
		r.u()
		r.byte()
	}
	out := bytes.Clone(body[:len(body)-len(r.b)])
	begin := func() {
		bit := vector(first + uint64(len(m.sizes)/64))
		out = append(append(out, 0x23), bit...)
		out = appendSigned(append(out, 0x42), int64(1)<<(len(m.sizes)%64))
		out = append(append(out, 0x84, 0x24), bit...)
		m.sizes = append(m.sizes, 0)
	}
	begin()
	for len(r.b) > 0 {
		start := r.b
		op := r.byte()
		operands(op, r)
		if r.err != nil {
			return nil, fmt.Errorf("instruction %#x: %w", op, r.err)
		}
		instruction := start[:len(start)-len(r.b)]
		out = append(out, instruction...)
		m.sizes[len(m.sizes)-1] += len(instruction)
		switch {
		case len(r.b) == 0:
		case op >= 0x02 && op <= 0x05, op >= 0x0B && op <= 0x0E, op == 0x10, op == 0x11: // blocks, branches, calls
			begin()
		}
	}
	return out, nil
}

func appendSigned(b []byte, n int64) []byte {
	for n < -64 || n > 63 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n)&0x7f)
}

// executed returns how many bytes of code f executes, each counted once.
func (m *marks) executed(vm *VM, f func()) (size int) {
	variable := func(i int) api.MutableGlobal { return vm.instance.ExportedGlobal(markName(i)).(api.MutableGlobal) }
	for i := range m.globals {
		variable(i).Set(0)
	}
	f()
	for i := range m.sizes {
		if variable(i/64).Get()>>(i%64)&1 != 0 {
			size += m.sizes[i]
		}
	}
	return size
}

func TestExecutedCode(t *testing.T) {
	code, m, err := withMarks(plugin(t).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "marked.wasm")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	marked, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	h := New(marked, Options{})
	t.Cleanup(h.Close)
	vm := start(t, h, config(server(nil), notes(object{"required_scopes": []string{"read:notes"}}), nil))
	// The headers that Envoy adds, and those of MCP's Streamable HTTP transport.
	usual := [][2]string{{"content-length", "93"}, {"user-agent", "mcp-client/1.0"}, {"mcp-protocol-version", "2025-06-18"},
		{"mcp-session-id", "1868a90c"}, {"x-forwarded-proto", "https"}, {"x-request-id", "1868a90c"}}
	i := 0
	fresh := func() string {
		i++
		return rsaKey.bearer(with(claims(h, nil), object{"scope": "read:notes write:notes", "sub": "user" + strconv.Itoa(i)}))
	}
	seen := fresh()
	call := func(authorization string, status int) func() {
		return func() {
			s := vm.Open(rpc("/notes", authorization, usual...), false)
			if status == 0 {
				if s.State() != Forwarded {
					t.Fatal(describe(s))
				}
				s.Body("{}", true)
			} else {
				wantStatus(t, s, status)
			}
			s.Close()
		}
	}
	for range 50 {
		call(fresh(), 0)()
	}
	call(seen, 0)()
	call("", 401)()
	for _, test := range []struct {
		name   string
		f      func()
		budget int
	}{
		{"a token seen before", call(seen, 0), 16_500},
		{"a new token", call(fresh(), 0), 60_000},
		{"no token", call("", 401), 14_000},
		{"metadata", func() {
			s := vm.Request(request("GET", prm+"/notes", usual[1], usual[4], usual[5]))
			wantStatus(t, s, 200)
			s.Close()
		}, 10_500},
	} {
		test.f() // what is done once
		if test.name == "a new token" {
			test.f = call(fresh(), 0)
		}
		size := m.executed(vm, test.f)
		t.Logf("%s: %d bytes of code", test.name, size)
		if size > test.budget && !plain {
			t.Errorf("%s executes %d bytes of code, %d over the budget of %d", test.name, size, size-test.budget, test.budget)
		}
		if again := m.executed(vm, test.f); test.name != "a new token" && again != size {
			t.Errorf("%s executes %d bytes of code, and then %d", test.name, size, again)
		}
	}
}
