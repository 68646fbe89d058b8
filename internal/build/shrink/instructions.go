package main

import "fmt"

// Instructions of WebAssembly: core specification, section 5.4.
const (
	opBlock         = 0x02
	opLoop          = 0x03
	opIf            = 0x04
	opEnd           = 0x0b
	opBr            = 0x0c
	opBrIf          = 0x0d
	opBrTable       = 0x0e
	opLocalGet      = 0x20
	opLocalSet      = 0x21
	opGlobalGet     = 0x23
	opI32Const      = 0x41
	opI64Const      = 0x42
	opI64Add        = 0x7c
	opI32WrapI64    = 0xa7
	opI64ExtendI32U = 0xad
)

func isLoad(op byte) bool  { return op >= 0x28 && op <= 0x35 }
func isStore(op byte) bool { return op >= 0x36 && op <= 0x3e }

// instruction takes an instruction with its operands, and returns its opcode.
func (r *reader) instruction() (op byte, err error) {
	first, err := r.take(1)
	if err != nil {
		return 0, err
	}
	op = first[0]
	switch {
	case op >= opBlock && op <= opIf, op >= 0x0c && op <= 0x0d, op == 0x10, op >= 0x20 && op <= 0x26, op == 0x3f, op == 0x40, op == 0xd0, op == 0xd2:
		r.unsigned() // a type, label, function, variable or memory
	case op == opI32Const || op == opI64Const:
		r.signed64()
	case op == opBrTable:
		for range r.unsigned() + 1 {
			if r.unsigned(); r.rest == nil {
				break
			}
		}
	case op == 0x11, isLoad(op), isStore(op): // call_indirect: type and table; memory: alignment and offset
		r.unsigned()
		r.unsigned()
	case op == 0x43:
		r.take(4)
	case op == 0x44:
		r.take(8)
	case op == 0xfc:
		switch sub := r.unsigned(); {
		case sub <= 7: // conversions
		case sub == 10: // memory.copy
			r.take(2)
		case sub == 11: // memory.fill
			r.take(1)
		default:
			return op, fmt.Errorf("unknown instruction 0xfc %d", sub)
		}
	case op <= 0x01, op == 0x05, op == opEnd, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4:
	default:
		return op, fmt.Errorf("unknown instruction %#x", op)
	}
	return op, r.err()
}

// effect returns how many operands an instruction takes from the stack and how many it
// puts there: at most three and one. pops is -1 for all that the stack is not followed
// through, such as branches and calls.
func effect(op byte) (pops, pushes int) {
	switch {
	case op == 0x20, op == 0x23, op == 0x3f, op >= 0x41 && op <= 0x44: // variables, memory.size, constants
		return 0, 1
	case op == 0x1a, op == 0x21, op == 0x24: // drop, local.set, global.set
		return 1, 0
	case op == 0x22, isLoad(op), op == 0x40, // local.tee, loads, memory.grow
		op == 0x45, op == 0x50, op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7b, // eqz, clz, ctz, popcnt
		op >= 0x8b && op <= 0x91, op >= 0x99 && op <= 0x9f, // of floating-point numbers
		op >= 0xa7 && op <= 0xc4: // conversions
		return 1, 1
	case isStore(op):
		return 2, 0
	case op >= 0x46 && op <= 0x4f, op >= 0x51 && op <= 0x66, // comparisons
		op >= 0x6a && op <= 0x78, op >= 0x7c && op <= 0x8a, op >= 0x92 && op <= 0x98, op >= 0xa0 && op <= 0xa6: // arithmetic
		return 2, 1
	case op == 0x1b: // select
		return 3, 1
	}
	return -1, 0
}
