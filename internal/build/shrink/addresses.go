package main

import "encoding/binary"

// To reach a place on the stack, Go's compiler adds a constant to the stack pointer in 64
// bits, takes the lower 32 of the sum, and reads or writes there:
//
//	local.get 1, i64.extend_i32_u, i64.const DISTANCE, i64.add, i32.wrap_i64
//
// joinAddresses makes the distance part of the instruction that reads or writes, which has
// an offset. It also makes a constant of 32 bits of one of 64 whose lower half is used.
func joinAddresses(f *function) {
	j := joiner{}
	for _, i := range f.code {
		j.add(i)
	}
	f.code = j.code
}

// A joiner writes a function anew.
type joiner struct {
	code []instruction
	// operands are the values that the code has put on WebAssembly's stack since the last
	// branch or call.
	operands []operand
}

// An operand is a value on WebAssembly's stack.
type operand struct {
	start, end int // the instructions that compute it
	kind       operandKind
	number     int64 // the constant, or the distance from the stack pointer
}

type operandKind int

const (
	otherOperand     operandKind = iota // anything else
	constant                            // of 64 bits
	stackPointer                        // of 32 bits
	wideStackPointer                    // of 64 bits
	wideSum                             // of the stack pointer and a distance
	stackAddress                        // the lower 32 bits of the sum
)

// An address has one instruction for the stack pointer, and then four.
const addressLength = 5

// maxDistance is above any distance from the stack pointer. The stack is not at the end of
// the 4 GiB of memory, so that no sum overflows.
const maxDistance = 1 << 24

// add adds an instruction.
func (j *joiner) add(i instruction) {
	at := len(j.code)
	j.code = append(j.code, i)
	pops, pushes := i.effect()
	if pops < 0 {
		j.operands = j.operands[:0]
		return
	}
	result := operand{start: at}
	var popped [3]operand
	together := true // the instructions of the operands, and nothing else, come right before this one
	for n := pops - 1; n >= 0; n-- {
		popped[n] = j.pop()
		together = together && popped[n].start >= 0 && popped[n].end == result.start
		result.start = popped[n].start
	}
	a, b := popped[0], popped[1]
	switch {
	case !together:
	case i.op == opLocalGet && i.value == stackLocal:
		result.kind = stackPointer
	case i.op == opI64Const:
		result.kind, result.number = constant, i.value
	case i.op == opI64ExtendI32U && a.kind == stackPointer:
		result.kind = wideStackPointer
	case i.op == opI64Add && a.kind == wideStackPointer && b.kind == constant && b.number >= 0 && b.number < maxDistance:
		result.kind, result.number = wideSum, b.number
	case i.op == opI32WrapI64 && a.kind == wideSum:
		result.kind, result.number = stackAddress, a.number
	case i.op == opI32WrapI64 && a.kind == constant:
		low := int64(int32(a.number))
		j.code = append(j.code[:a.start], instruction{opI32Const, low, appendSigned([]byte{opI32Const}, low)})
	case i.isLoad() && a.kind == stackAddress:
		j.code = append(j.code[:a.start+1], i.withOffset(a.number))
	case i.isStore() && a.kind == stackAddress:
		j.code = append(j.code[:a.start+1], j.code[a.start+addressLength:at]...)
		j.code = append(j.code, i.withOffset(a.number))
	}
	if result.end = len(j.code); pushes > 0 {
		j.operands = append(j.operands, result)
	}
}

// pop returns the operand at the top. Of what was there at the last branch or call, nothing
// is known.
func (j *joiner) pop() operand {
	if len(j.operands) == 0 {
		return operand{start: -1}
	}
	top := j.operands[len(j.operands)-1]
	j.operands = j.operands[:len(j.operands)-1]
	return top
}

func (i *instruction) isLoad() bool  { return i.op >= 0x28 && i.op <= 0x35 }
func (i *instruction) isStore() bool { return i.op >= 0x36 && i.op <= 0x3e }

// withOffset returns a load or a store with more added to its offset.
func (i *instruction) withOffset(more int64) instruction {
	r := reader{i.bytes[1:]}
	align, offset := r.unsigned(), r.unsigned()
	b := binary.AppendUvarint([]byte{i.op}, align)
	return instruction{op: i.op, bytes: binary.AppendUvarint(b, offset+uint64(more))}
}

// effect returns how many operands an instruction takes from the stack and how many it
// puts there: at most three and one. pops is -1 where the operands are not followed
// further, as at branches and calls.
func (i *instruction) effect() (pops, pushes int) {
	switch op := i.op; {
	case op == opLocalGet, op == opGlobalGet, op == 0x3f, op >= opI32Const && op <= 0x44: // memory.size, constants
		return 0, 1
	case op == 0x1a, op == opLocalSet, op == opGlobalSet: // drop
		return 1, 0
	case op == opLocalTee, i.isLoad(), op == 0x40, // memory.grow
		op == 0x45, op == 0x50, op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7b, // eqz, clz, ctz, popcnt
		op >= 0x8b && op <= 0x91, op >= 0x99 && op <= 0x9f, // functions of floating-point numbers
		op >= 0xa7 && op <= 0xc4: // conversions
		return 1, 1
	case i.isStore():
		return 2, 0
	case op >= 0x46 && op <= 0x4f, op >= 0x51 && op <= 0x66, // comparisons
		op >= 0x6a && op <= 0x78, op >= 0x7c && op <= 0x8a, op >= 0x92 && op <= 0x98, op >= 0xa0 && op <= 0xa6: // arithmetic
		return 2, 1
	case op == 0x1b: // select
		return 3, 1
	}
	return -1, 0
}
