package main

import "fmt"

// An instruction of a function: WebAssembly core specification, section 5.4.
type instruction struct {
	op    byte
	value int64  // of i32.const and i64.const, and the index or label of others
	bytes []byte // all of it
}

// A function is an entry of the code section.
type function struct {
	locals []byte // their declarations
	code   []instruction
}

// Further opcodes.
const (
	opUnreachable = 0x00
	opBlock       = 0x02
	opIf          = 0x04
	opBr          = 0x0c
	opBrTable     = 0x0e
	opReturn      = 0x0f
	opCall        = 0x10
	opCallInd     = 0x11
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opI64Store    = 0x37
	opI64Const    = 0x42
	opI32Sub      = 0x6b

	opI64Add        = 0x7c
	opI32WrapI64    = 0xa7
	opI64ExtendI32U = 0xad
)

// decode reads an entry of the code section, without its size.
func decode(body []byte) (*function, error) {
	r := reader{body}
	for range r.unsigned() {
		r.unsigned() // so many locals
		r.unsigned() // of this type
	}
	if r.err() != nil {
		return nil, r.err()
	}
	f := &function{locals: body[:len(body)-len(r.rest)]}
	for len(r.rest) > 0 {
		start := r.rest
		i := instruction{op: start[0]}
		r.rest = start[1:]
		if err := i.immediates(&r); err != nil {
			return nil, err
		}
		i.bytes = start[:len(start)-len(r.rest)]
		f.code = append(f.code, i)
	}
	return f, r.err()
}

// immediates reads what follows an opcode.
func (i *instruction) immediates(r *reader) error {
	switch op := i.op; {
	case op == opBlock, op == opLoop, op == opIf:
		r.unsigned() // the type of its result
	case op == opBr, op == opBrIf, op == opCall, op >= opLocalGet && op <= opGlobalSet, op == 0x3f, op == 0x40: // size and growth of the memory
		i.value = int64(r.unsigned())
	case op == opBrTable:
		for range r.unsigned() + 1 {
			if r.unsigned(); r.rest == nil {
				break
			}
		}
	case op == opCallInd, op >= 0x28 && op <= 0x3e: // loads and stores
		r.unsigned()
		r.unsigned()
	case op == opI32Const, op == opI64Const:
		i.value = r.signed64()
	case op == 0x43: // f32.const
		r.take(4)
	case op == 0x44: // f64.const
		r.take(8)
	case op == 0xfc:
		switch sub := r.unsigned(); {
		case sub <= 7: // conversions
		case sub == 10: // memory.copy
			r.take(2)
		case sub == 11: // memory.fill
			r.take(1)
		default:
			return fmt.Errorf("unknown instruction 0xfc %d", sub)
		}
	case op == opUnreachable, op == 0x01, op == 0x05, op == opEnd, op == opReturn, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4:
	default:
		return fmt.Errorf("unknown instruction %#x", op)
	}
	return r.err()
}

// signed64 reads a signed LEB128 number of 64 bits.
func (r *reader) signed64() int64 {
	var n int64
	for shift := 0; shift < 70 && len(r.rest) > 0; shift += 7 {
		c := r.rest[0]
		r.rest = r.rest[1:]
		n |= int64(c&0x7f) << shift
		if c < 0x80 {
			if shift += 7; shift < 64 && c&0x40 != 0 {
				n |= -1 << shift
			}
			return n
		}
	}
	r.rest = nil
	return 0
}

// encode returns the entry of the code section.
func (f *function) encode() []byte {
	b := append([]byte{}, f.locals...)
	for _, i := range f.code {
		b = append(b, i.bytes...)
	}
	return b
}

// opens returns by how much the instruction changes the number of open blocks.
func (i instruction) opens() int {
	switch i.op {
	case opBlock, opLoop, opIf:
		return 1
	case opEnd:
		return -1
	}
	return 0
}

// targets returns the labels of a br_table, the default last.
func (i instruction) targets() []int {
	r := reader{i.bytes[1:]}
	var all []int
	for range r.unsigned() + 1 {
		all = append(all, int(r.unsigned()))
	}
	return all
}
