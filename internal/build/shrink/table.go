package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The shape of runtime.findfunctab: see findfuncbucket in the runtime's
// symtab.go and findfunctab in the linker's pcln.go.
const (
	bucketSize         = 20 // the number of a function and 16 offsets, all zero here
	bucketsPerFunction = 16
	minFunctions       = 500 // an empty program has more
)

var errNoTable = errors.New("a table is not of the known shape: look at the linker of this Go toolchain and adapt internal/build/shrink, or do without it")

// table is a findfunctab in memory: bucket i begins with the number i/16.
type table struct {
	base    uint32
	buckets uint32
}

// first is the address of the first bucket that is not all zero.
func (t table) first() uint32 { return t.base + bucketsPerFunction*bucketSize }

func (t table) end() uint32 { return t.base + t.buckets*bucketSize }

func findTable(m image) (table, error) {
	var one [bucketsPerFunction * bucketSize]byte // all of function 1
	for i := 0; i < len(one); i += bucketSize {
		one[i] = 1
	}
	for from := 0; ; {
		i := bytes.Index(m.bytes[from:], one[:])
		if i < 0 {
			return table{}, errNoTable
		}
		from += i
		t := table{base: m.base + uint32(from) - bucketsPerFunction*bucketSize, buckets: bucketsPerFunction}
		for holds(m.bytes[t.end()-m.base:], t.buckets/bucketsPerFunction) {
			t.buckets++
		}
		if t.buckets >= minFunctions*bucketsPerFunction {
			return t, nil
		}
		from++
	}
}

// holds reports whether memory begins with a bucket of the given function.
func holds(memory []byte, function uint32) bool {
	if len(memory) < bucketSize || binary.LittleEndian.Uint32(memory) != function {
		return false
	}
	var zeros [bucketSize - 4]byte
	return bytes.Equal(memory[4:bucketSize], zeros[:])
}

// Of the binary format (WebAssembly core specification, section 5) what the
// start function and the addresses of the data need.
const (
	typeI32    = 0x7f
	typeI64    = 0x7e
	typeVoid   = 0x40
	opLoop     = 0x03
	opEnd      = 0x0b
	opBrIf     = 0x0d
	opLocalGet = 0x20
	opLocalSet = 0x21
	opLocalTee = 0x22
	opI32Store = 0x36
	opI32Const = 0x41
	opI32LtU   = 0x49
	opI32Add   = 0x6a
	opI32Mul   = 0x6c
	opI32ShrU  = 0x76
)

// writer returns the body of a function that writes the buckets, without
// parameters and results.
func (t table) writer() []byte {
	b := []byte{1, 1, typeI32} // one local: the number of the bucket
	b = appendSigned(append(b, opI32Const), bucketsPerFunction)
	b = append(b, opLocalSet, 0, opLoop, typeVoid)

	// memory[base + bucket*20] = bucket / 16
	b = append(b, opLocalGet, 0)
	b = appendSigned(append(b, opI32Const), bucketSize)
	b = append(b, opI32Mul, opLocalGet, 0)
	b = appendSigned(append(b, opI32Const), 4)
	b = append(b, opI32ShrU, opI32Store, 2) // 2: aligned to 4 bytes
	b = binary.AppendUvarint(b, uint64(t.base))

	b = append(b, opLocalGet, 0)
	b = appendSigned(append(b, opI32Const), 1)
	b = append(b, opI32Add, opLocalTee, 0)
	b = appendSigned(append(b, opI32Const), int64(t.buckets))
	return append(b, opI32LtU, opBrIf, 0, opEnd, opEnd)
}
