package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// guarded are callbacks that do nothing until the plugin sets a flag in its memory. To enter
// Go costs about half a microsecond; a few instructions before it that look at the flag cost
// nothing that can be measured.
var guarded = []string{"proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers"}

// guardMarker stands before the flag, which is four bytes long: responseGuard in package
// plugin.
const guardMarker = "mcpauth: callbacks for responses"

// findFlag returns the address of the flag.
func findFlag(m image) (uint32, error) {
	if n := bytes.Count(m.bytes, []byte(guardMarker)); n != 1 {
		return 0, fmt.Errorf("%d times %q in the data, not once", n, guardMarker)
	}
	at := m.base + uint32(bytes.Index(m.bytes, []byte(guardMarker))+len(guardMarker))
	if at%4 != 0 {
		return 0, fmt.Errorf("the flag is not aligned")
	}
	return at, nil
}

// guard puts a function in the place of each export of these names. It returns 0, which is
// to go on, while the flag is 0, and calls the exported function otherwise.
func (m *module) guard(names []string, flag uint32) error {
	imports, err := m.importedFunctions()
	if err != nil {
		return err
	}
	functions, err := m.functionTypes()
	if err != nil {
		return err
	}
	types, err := m.types()
	if err != nil {
		return err
	}
	found := 0
	err = m.mapExports(func(name string, index uint64) (uint64, error) {
		if !slices.Contains(names, name) {
			return index, nil
		}
		found++
		if index < imports || index-imports >= uint64(len(functions)) {
			return 0, fmt.Errorf("%s is not a function of the module", name)
		}
		t := functions[index-imports]
		if t >= uint64(len(types)) || !types[t].returnsI32 {
			return 0, fmt.Errorf("%s has another type than a callback", name)
		}
		body := guardBody(types[t].parameters, index, flag)
		added, err := m.appendEntry(sectionFunction, binary.AppendUvarint(nil, t))
		if err != nil {
			return 0, err
		}
		_, err = m.appendEntry(sectionCode, append(binary.AppendUvarint(nil, uint64(len(body))), body...))
		return imports + added, err
	})
	if err == nil && found != len(names) {
		err = fmt.Errorf("%d of %d callbacks to guard are exported", found, len(names))
	}
	return err
}

// guardBody returns the body of a function that calls another one unless the flag is 0.
func guardBody(parameters int, index uint64, flag uint32) []byte {
	body := []byte{0, opI32Const} // no locals
	body = appendSigned(body, int64(int32(flag)))
	body = append(body, opI32Load, 2, 0, // aligned to 4 bytes
		opI32Eqz, opIf, typeVoid, opI32Const, 0, opReturn, opEnd)
	for i := range parameters {
		body = append(body, opLocalGet, byte(i))
	}
	body = append(body, opCall)
	body = binary.AppendUvarint(body, index)
	return append(body, opEnd)
}

const (
	opIf      = 0x04
	opReturn  = 0x0f
	opCall    = 0x10
	opI32Load = 0x28
	opI32Eqz  = 0x45
)

// functionType is what guard needs of a function type.
type functionType struct {
	parameters int  // all of them are i32
	returnsI32 bool // the only result
}

// types returns the types of the module. Those with a parameter that is not an i32 have no
// returnsI32.
func (m *module) types() ([]functionType, error) {
	s, err := m.section(sectionType)
	if err != nil {
		return nil, err
	}
	var list []functionType
	r := reader{s.body}
	for range r.unsigned() {
		if form := r.unsigned(); form != 0x60 {
			return nil, fmt.Errorf("a type of the form %#x", form)
		}
		parameters, err := r.take(r.unsigned())
		if err != nil {
			return nil, err
		}
		results, err := r.take(r.unsigned())
		if err != nil {
			return nil, err
		}
		all := bytes.Count(parameters, []byte{typeI32}) == len(parameters)
		list = append(list, functionType{len(parameters), all && bytes.Equal(results, []byte{typeI32})})
	}
	return list, r.err()
}

// functionTypes returns the indexes of the types of the module's own functions.
func (m *module) functionTypes() ([]uint64, error) {
	s, err := m.section(sectionFunction)
	if err != nil {
		return nil, err
	}
	var list []uint64
	r := reader{s.body}
	for range r.unsigned() {
		list = append(list, r.unsigned())
	}
	return list, r.err()
}

// mapExports replaces the index of each exported function by what f returns for it.
func (m *module) mapExports(f func(name string, index uint64) (uint64, error)) error {
	s, err := m.section(sectionExport)
	if err != nil {
		return err
	}
	r := reader{s.body}
	count := r.unsigned()
	body := binary.AppendUvarint(nil, count)
	for range count {
		name, err := r.take(r.unsigned())
		if err != nil {
			return err
		}
		kind, index := r.unsigned(), r.unsigned()
		if r.err() != nil {
			return r.err()
		}
		if kind == 0 { // a function
			if index, err = f(string(name), index); err != nil {
				return err
			}
		}
		body = append(binary.AppendUvarint(body, uint64(len(name))), name...)
		body = binary.AppendUvarint(append(body, byte(kind)), index)
	}
	if s, err = m.section(sectionExport); err == nil {
		s.body = body
	}
	return err
}
