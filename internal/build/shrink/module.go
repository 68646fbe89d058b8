package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Sections of a module: WebAssembly core specification, section 5.5.2.
const (
	sectionCustom   = 0
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionExport   = 7
	sectionStart    = 8
	sectionElement  = 9
	sectionCode     = 10
	sectionData     = 11
)

var preamble = []byte("\x00asm\x01\x00\x00\x00")

type section struct {
	id   byte
	body []byte
}

type module struct {
	sections []section
}

func parse(file []byte) (*module, error) {
	rest, ok := bytes.CutPrefix(file, preamble)
	if !ok {
		return nil, errors.New("not a WebAssembly module")
	}
	m := &module{}
	for len(rest) > 0 {
		id := rest[0]
		r := reader{rest[1:]}
		body, err := r.take(r.unsigned())
		if err != nil {
			return nil, err
		}
		m.sections = append(m.sections, section{id, body})
		rest = r.rest
	}
	return m, nil
}

func (m *module) encode() []byte {
	file := bytes.Clone(preamble)
	for _, s := range m.sections {
		file = append(file, s.id)
		file = binary.AppendUvarint(file, uint64(len(s.body)))
		file = append(file, s.body...)
	}
	return file
}

// section returns the only section with the given number.
func (m *module) section(id byte) (*section, error) {
	i := slices.IndexFunc(m.sections, func(s section) bool { return s.id == id })
	if i < 0 {
		return nil, fmt.Errorf("no section %d", id)
	}
	return &m.sections[i], nil
}

// appendEntry appends an entry to a section that is a vector, and returns its
// index.
func (m *module) appendEntry(id byte, entry []byte) (uint64, error) {
	s, err := m.section(id)
	if err != nil {
		return 0, err
	}
	r := reader{s.body}
	count := r.unsigned()
	s.body = slices.Concat(binary.AppendUvarint(nil, count+1), r.rest, entry)
	return count, nil
}

// setStart adds a function without parameters and results and makes it the
// start function.
func (m *module) setStart(body []byte) error {
	if _, err := m.section(sectionStart); err == nil {
		return errors.New("the module has a start function")
	}
	imports, err := m.importedFunctions()
	if err != nil {
		return err
	}
	typ, err := m.appendEntry(sectionType, []byte{0x60, 0, 0})
	if err != nil {
		return err
	}
	index, err := m.appendEntry(sectionFunction, binary.AppendUvarint(nil, typ))
	if err != nil {
		return err
	}
	entry := append(binary.AppendUvarint(nil, uint64(len(body))), body...)
	if _, err := m.appendEntry(sectionCode, entry); err != nil {
		return err
	}
	// It stands before the elements or, if there are none, the code.
	i := slices.IndexFunc(m.sections, func(s section) bool { return s.id >= sectionElement })
	start := section{sectionStart, binary.AppendUvarint(nil, imports+index)}
	m.sections = slices.Insert(m.sections, i, start)
	return nil
}

// importedFunctions returns the number of imports, which come before the
// module's own functions; Go imports functions only.
func (m *module) importedFunctions() (uint64, error) {
	s, err := m.section(sectionImport)
	if err != nil {
		return 0, err
	}
	r := reader{s.body}
	count := r.unsigned()
	for range count {
		for range 2 { // module and name
			if _, err := r.take(r.unsigned()); err != nil {
				return 0, err
			}
		}
		if kind := r.unsigned(); kind != 0 {
			return 0, errors.New("an import is not a function")
		}
		r.unsigned() // its type
	}
	return count, r.err()
}

// reader takes the front off a body. After a fault rest is nil, and stays so.
type reader struct{ rest []byte }

var errShort = errors.New("the module is cut short or malformed")

func (r *reader) err() error {
	if r.rest == nil {
		return errShort
	}
	return nil
}

func (r *reader) unsigned() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.rest = nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// signed reads a signed LEB128 number of 32 bits.
func (r *reader) signed() int32 {
	var n int64
	for shift := 0; shift < 35 && len(r.rest) > 0; shift += 7 {
		c := r.rest[0]
		r.rest = r.rest[1:]
		n |= int64(c&0x7f) << shift
		if c < 0x80 {
			return int32(n << (57 - shift) >> (57 - shift))
		}
	}
	r.rest = nil
	return 0
}

func (r *reader) take(n uint64) ([]byte, error) {
	if r.rest == nil || n > uint64(len(r.rest)) {
		r.rest = nil
		return nil, errShort
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken, nil
}

// appendSigned appends n in signed LEB128.
func appendSigned(b []byte, n int64) []byte {
	for n < -64 || n > 63 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n)&0x7f)
}
