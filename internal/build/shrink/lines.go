package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The shape of runtime.pclntab since Go 1.20: see pcHeader and _func in the
// runtime's symtab.go and runtime2.go, and the linker's pcln.go.
const (
	headerSize      = 8 + 8*8 // magic, sizes; then eight words
	headerCU        = 4       // the word with the offset of the numbers of files, which the files follow
	headerPCTab     = 6       // the word with the offset of the tables by program counter
	headerPCLn      = 7       // the word with the offset of the functions
	funcDeferReturn = 12
	funcPCSP        = 16 // offset of the stack depths in the tables, and so on:
	funcPCFile      = 20
	funcPCLn        = 24
	funcNPCData     = 28
	funcCU          = 32 // of the files, and the first line
	funcID          = 40
	funcNFuncData   = 43
	funcPCData      = 44 // first of npcdata
)

// pclnMagic is how the header begins: the number of the format, two zeros, the
// smallest instruction and the size of a pointer.
var pclnMagic = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}

var errNoLines = fmt.Errorf("%w (runtime.pclntab)", errNoTable)

// dropLines takes the tables that map program counters to files and lines, and
// the names of the files, out of pclntab: the traces of a crash name functions
// and no lines. The tables that the runtime itself needs, for the depths and the
// maps of stacks, move together, and the zeros behind them take no room in the
// file.
func dropLines(m image) error {
	p, err := findPCLn(m)
	if err != nil {
		return err
	}
	kept := []byte{0} // no table is at 0: that means none
	moved := map[uint32]uint32{0: 0}
	move := func(field []byte) error {
		from := binary.LittleEndian.Uint32(field)
		if _, ok := moved[from]; !ok {
			t, err := p.table(from)
			if err != nil {
				return err
			}
			moved[from] = uint32(len(kept))
			kept = append(kept, t...)
		}
		binary.LittleEndian.PutUint32(field, moved[from])
		return nil
	}
	for i := range p.functions {
		f, err := p.function(i)
		if err != nil {
			return err
		}
		if err := move(f[funcPCSP:]); err != nil {
			return err
		}
		clear(f[funcPCFile:funcNPCData])
		clear(f[funcCU:funcID])
		for j := range int(binary.LittleEndian.Uint32(f[funcNPCData:])) {
			if err := move(f[funcPCData+4*j:]); err != nil {
				return err
			}
		}
	}
	clear(p.tables[copy(p.tables, kept):])
	clear(p.files)
	return nil
}

// pcln is a pclntab in memory.
type pcln struct {
	functions int
	files     []byte // by number, and their names
	tables    []byte
	entries   []byte // for each function two offsets, of its code and of its _func from here on
}

func findPCLn(m image) (pcln, error) {
	i := bytes.Index(m.bytes, pclnMagic)
	if i < 0 || len(m.bytes)-i < headerSize {
		return pcln{}, errNoLines
	}
	all := m.bytes[i:]
	word := func(n int) uint64 { return binary.LittleEndian.Uint64(all[8+8*n:]) }
	functions, files, tables, entries := word(0), word(headerCU), word(headerPCTab), word(headerPCLn)
	if functions < minFunctions || functions > 1<<20 || files > tables || tables > entries || entries+8*functions > uint64(len(all)) {
		return pcln{}, errNoLines
	}
	return pcln{int(functions), all[files:tables], all[tables:entries], all[entries:]}, nil
}

// function returns the _func of a function, with its pcdata and funcdata.
func (p pcln) function(i int) ([]byte, error) {
	offset := uint64(binary.LittleEndian.Uint32(p.entries[8*i+4:]))
	if offset+funcPCData > uint64(len(p.entries)) {
		return nil, errNoLines
	}
	f := p.entries[offset:]
	size := funcPCData + 4*(uint64(binary.LittleEndian.Uint32(f[funcNPCData:]))+uint64(f[funcNFuncData]))
	if size > uint64(len(f)) {
		return nil, errNoLines
	}
	return f[:size], nil
}

// table returns the table at an offset: pairs of numbers, a difference of the
// value and one of the program counter, up to a difference of zero that is not
// the first. See runtime.step.
func (p pcln) table(offset uint32) ([]byte, error) {
	if uint64(offset) >= uint64(len(p.tables)) {
		return nil, errNoLines
	}
	rest := p.tables[offset:]
	for first := true; ; first = false {
		difference, n := binary.Uvarint(rest)
		if n <= 0 {
			return nil, errNoLines
		}
		rest = rest[n:]
		if difference == 0 && !first {
			return p.tables[offset : len(p.tables)-len(rest)], nil
		}
		if _, n = binary.Uvarint(rest); n <= 0 {
			return nil, errNoLines
		}
		rest = rest[n:]
	}
}
