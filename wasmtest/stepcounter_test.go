package wasmtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A time says little about how work grows, on a machine that others use too. So
// the file under test gets a counter: of all calls of functions, of all rounds of
// all loops, and of the words that are copied or filled at once. What Go compiles
// has no other way to take long. Counters of Go's coverage would see neither the
// standard library's assembly nor the runtime.

// countingPlugin is the file under test with the counter.
var countingPlugin = sync.OnceValues(func() (*Module, error) {
	m, err := loadPlugin()
	if err != nil {
		return nil, err
	}
	code, err := withCounter(m.Bytes())
	if err != nil {
		return nil, err
	}
	dir, err := mkdirTemp()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "counting.wasm")
	if err := os.WriteFile(file, code, 0o600); err != nil {
		return nil, err
	}
	return Load(file)
})

// countingHost returns a host for the file with the counter.
func countingHost(t testing.TB, o Options) *Host {
	t.Helper()
	m, err := countingPlugin()
	if err != nil {
		t.Fatal(err)
	}
	h := New(m, o)
	t.Cleanup(h.Close)
	return h
}

const counterName = "steps"

// steps returns what the counter says.
func (vm *VM) steps() uint64 { return vm.instance.ExportedGlobal(counterName).Get() }

// Sections of a module (WebAssembly core specification, section 5.5.2).
const (
	typeSection     = 1
	importSection   = 2
	functionSection = 3
	globalSection   = 6
	exportSection   = 7
	codeSection     = 10
)

// A moduleReader reads the binary format of WebAssembly.
type moduleReader struct {
	b   []byte
	err error
}

func (r *moduleReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *moduleReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail(errors.New("unexpected end"))
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *moduleReader) u() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(errors.New("bad number"))
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *moduleReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func vector(n uint64, rest ...[]byte) []byte {
	return append(binary.AppendUvarint(nil, n), bytes.Join(rest, nil)...)
}

// A splitModule is a module in its sections, to be changed.
type splitModule struct {
	magic    []byte
	sections []moduleSection
}

type moduleSection struct {
	id   byte
	body []byte
}

func split(code []byte) (*splitModule, error) {
	const magic = 8
	m := &splitModule{magic: code[:magic]}
	r := &moduleReader{b: code[magic:]}
	for len(r.b) > 0 {
		id := r.byte()
		m.sections = append(m.sections, moduleSection{id, r.take(r.u())})
	}
	return m, r.err
}

// section returns the last section with a number, which the module must have.
func (m *splitModule) section(id byte) *moduleSection {
	for i := len(m.sections) - 1; ; i-- {
		if m.sections[i].id == id {
			return &m.sections[i]
		}
	}
}

// add appends entries to a section that is a vector, and returns how many it had.
func (m *splitModule) add(id byte, entries ...[]byte) uint64 {
	s := m.section(id)
	r := &moduleReader{b: s.body}
	n := r.u()
	s.body = vector(n+uint64(len(entries)), r.b, bytes.Join(entries, nil))
	return n
}

func (m *splitModule) join() []byte {
	code := bytes.Clone(m.magic)
	for _, s := range m.sections {
		code = append(append(code, s.id), vector(uint64(len(s.body)), s.body)...)
	}
	return code
}

// withCounter returns a module with the counter as an exported global.
func withCounter(code []byte) ([]byte, error) {
	m, err := split(code)
	if err != nil {
		return nil, err
	}
	imports := &moduleReader{b: m.section(importSection).body}
	global := m.add(globalSection, []byte{0x7E, 0x01, 0x42, 0x00, 0x0B}) // a variable of 64 bits, 0
	m.add(exportSection, append(append([]byte{byte(len(counterName))}, counterName...), vector(global)...))
	s := m.section(exportSection)
	s.body = bytes.Replace(s.body, append([]byte(counterName), vector(global)...), append(append([]byte(counterName), 0x03), vector(global)...), 1)
	signature := m.add(typeSection, []byte{0x60, 3, 0x7F, 0x7F, 0x7F, 0})
	functions := m.add(functionSection, vector(signature), vector(signature)) + imports.u()

	counted := func(amount ...byte) []byte {
		return bytes.Join([][]byte{{0x23}, vector(global), amount, {0x7C, 0x24}, vector(global)}, nil)
	}
	in := &moduleReader{b: m.section(codeSection).body}
	n := in.u()
	var out []byte
	for range n {
		body, err := countBody(in.take(in.u()), counted(0x42, 1), functions)
		if err != nil {
			return nil, err
		}
		out = append(out, vector(uint64(len(body)), body)...)
	}
	if in.err != nil {
		return nil, in.err
	}
	size := counted(0x20, 2, 0xAD, 0x42, 3, 0x88) // the third parameter, shifted
	for _, operation := range [][]byte{{0xFC, 0x0A, 0, 0}, {0xFC, 0x0B, 0}} {
		body := bytes.Join([][]byte{{0}, size, {0x20, 0, 0x20, 1, 0x20, 2}, operation, {0x0B}}, nil)
		out = append(out, vector(uint64(len(body)), body)...)
	}
	m.section(codeSection).body = vector(n+2, out)

	return m.join(), nil
}

// countBody returns the body of a function with count at its beginning and at
// that of each loop, and with calls of two functions from helper on in the place
// of what copies and fills memory.
func countBody(body, count []byte, helper uint64) ([]byte, error) {
	r := &moduleReader{b: body}
	for range r.u() {
		r.u()
		r.byte()
	}
	out := append(bytes.Clone(body[:len(body)-len(r.b)]), count...)
	for len(r.b) > 0 {
		start := r.b
		op := r.byte()
		kind := operands(op, r)
		if r.err != nil {
			return nil, fmt.Errorf("instruction %#x: %w", op, r.err)
		}
		switch instruction := start[:len(start)-len(r.b)]; kind {
		case copying, filling:
			out = append(append(out, 0x10), vector(helper+uint64(kind-copying))...)
		case looping:
			out = append(append(out, instruction...), count...)
		default:
			out = append(out, instruction...)
		}
	}
	return out, nil
}

// What an instruction is to the counter.
const (
	other = iota
	looping
	copying
	filling
)

// operands reads those of an instruction (section 5.4).
func operands(op byte, r *moduleReader) (kind int) {
	switch {
	case op >= 0x02 && op <= 0x04: // block, loop, if
		r.u()
		if op == 0x03 {
			return looping
		}
	case op == 0x0C || op == 0x0D || op == 0x10 || op >= 0x20 && op <= 0x26 || op == 0xD0 || op == 0xD2:
		r.u()
	case op == 0x41 || op == 0x42: // constants, which have a sign
		for r.byte() >= 0x80 {
		}
	case op == 0x0E: // br_table
		for range r.u() + 1 {
			r.u()
		}
	case op == 0x11 || op >= 0x28 && op <= 0x3E: // call_indirect, loads and stores
		r.u()
		r.u()
	case op == 0x1C:
		r.take(r.u())
	case op == 0x3F || op == 0x40:
		r.byte()
	case op == 0x43:
		r.take(4)
	case op == 0x44:
		r.take(8)
	case op == 0xFC:
		switch sub := r.u(); {
		case sub <= 7:
		case sub == 10:
			r.take(2)
			return copying
		case sub == 11:
			r.take(1)
			return filling
		default:
			r.fail(fmt.Errorf("0xfc %d", sub))
		}
	case op > 0xC4 || op >= 0x05 && op <= 0x0A || op >= 0x12 && op <= 0x19 || op == 0x27:
		if op != 0x05 && op != 0x0B {
			r.fail(errors.New("unknown"))
		}
	}
	return other
}

func TestCounterCounts(t *testing.T) {
	h := countingHost(t, Options{})
	vm := start(t, h, usual())
	before := vm.steps()
	if before == 0 {
		t.Fatal("nothing counted")
	}
	wantError(t, vm.Request(rpc("/notes", "")), 401, "unauthorized")
	small := vm.steps() - before
	before = vm.steps()
	wantError(t, vm.Request(rpc("/notes", "", [2]string{"x-a", string(make([]byte, 1<<16))})), 401, "unauthorized")
	t.Logf("a request: %d steps; one with 64 KiB more: %d", small, vm.steps()-before)
}
