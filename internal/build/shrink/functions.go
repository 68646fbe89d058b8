package main

import (
	"encoding/binary"
	"fmt"
	"os"
)

// firstPlace is the place in the table of the first function, which its program
// counters begin with: funcValueOffset in cmd/link/internal/wasm.
const firstPlace = 0x1000

// rewrite writes the functions anew: see outliner, joinReturns, joinAddresses and jumps. A function
// that is not as Go's compiler writes it stays as it is.
func (m *module) rewrite(memory image) error {
	bodies, err := m.bodies()
	if err != nil {
		return err
	}
	imports, err := m.importedFunctions()
	if err != nil {
		return err
	}
	places, err := m.places()
	if err != nil {
		return err
	}
	deferred, err := deferredCalls(memory)
	if err != nil {
		return err
	}
	if len(deferred) != len(places) {
		return errNoLines
	}
	functions := make([]*function, len(bodies))
	for i, body := range bodies {
		if functions[i], err = decode(body); err != nil {
			return fmt.Errorf("%w (function %d: %w)", errNoTable, i, err)
		}
	}
	o := newOutliner(functions, int64(imports))
	left := 0
	for i, f := range functions {
		n, ok := places[imports+uint64(i)]
		if !ok {
			continue // not one of Go's
		}
		o.outline(f)
		joinReturns(f)
		joinAddresses(f)
		bodies[i] = f.encode()
		j, err := newJumps(f.code)
		if err != nil {
			continue
		}
		returns := func(address int64) (int64, bool) { return address & 0xffff, address>>16 == int64(firstPlace+n) }
		if j.find(returns, deferred[n]) != nil {
			left++
			continue
		}
		if bodies[i], err = j.write(f.locals); err != nil {
			return err
		}
	}
	if left > 0 {
		fmt.Fprintf(os.Stderr, "shrink: %d of %d functions stay as they are, of another shape than expected\n", left, len(bodies))
	}
	m.setBodies(bodies)
	return o.add(m)
}

// bodies returns the entries of the code section.
func (m *module) bodies() ([][]byte, error) {
	s, err := m.section(sectionCode)
	if err != nil {
		return nil, err
	}
	r := reader{s.body}
	var all [][]byte
	for range r.unsigned() {
		body, err := r.take(r.unsigned())
		if err != nil {
			return nil, err
		}
		all = append(all, body)
	}
	return all, r.err()
}

func (m *module) setBodies(all [][]byte) {
	s, _ := m.section(sectionCode)
	s.body = binary.AppendUvarint(nil, uint64(len(all)))
	for _, body := range all {
		s.body = binary.AppendUvarint(s.body, uint64(len(body)))
		s.body = append(s.body, body...)
	}
}

// places returns the place in the table of each function, from firstPlace on.
func (m *module) places() (map[uint64]int, error) {
	s, err := m.section(sectionElement)
	if err != nil {
		return nil, err
	}
	r := reader{s.body}
	if r.unsigned() != 1 || r.unsigned() != 0 || r.unsigned() != opI32Const || r.signed() != firstPlace || r.unsigned() != opEnd {
		return nil, fmt.Errorf("%w (elements)", errNoTable)
	}
	places := map[uint64]int{}
	for i := range int(r.unsigned()) {
		places[r.unsigned()] = i
	}
	return places, r.err()
}

// deferredCalls returns for each function, in the order of the table, the number of the
// part that the runtime enters after a panic that a deferred function has recovered
// from; 0 where there is none.
func deferredCalls(m image) ([]int, error) {
	p, err := findPCLn(m)
	if err != nil {
		return nil, err
	}
	all := make([]int, p.functions)
	for i := range all {
		f, err := p.function(i)
		if err != nil {
			return nil, err
		}
		all[i] = int(binary.LittleEndian.Uint32(f[funcDeferReturn:]))
	}
	return all, nil
}
