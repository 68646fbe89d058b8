package main

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Go keeps its stack in memory, and its pointer in global 0 with a copy in local 1.
// A call puts the address of its return there:
//
//	local.get 1, i32.const 8, i32.sub, local.tee 1, global.set 0
//	local.get 1, i64.const ADDRESS, i64.store
//	i32.const 0, call FUNCTION
//	global.get 0, local.set 1
//	br_if UNWIND
//
// Where the function never returns, as one that panics or that makes the stack larger,
// outline puts all but the address into a function of its own, one for each that is
// called so.
const (
	callLength = 13
	callTarget = 9 // the place of the call in it
)

var callOpcodes = [callLength]byte{
	opLocalGet, opI32Const, opI32Sub, opLocalTee, opGlobalSet, opLocalGet, opI64Const, opI64Store,
	opI32Const, opCall, opGlobalGet, opLocalSet, opBrIf,
}

// isCall reports whether code begins with a call as Go's compiler writes it.
func isCall(code []instruction) bool {
	if len(code) < callLength {
		return false
	}
	for i, op := range callOpcodes {
		if code[i].op != op {
			return false
		}
	}
	return code[0].value == stackLocal && code[1].value == 8 && code[3].value == stackLocal && code[4].value == stackGlobal &&
		code[5].value == stackLocal && bytes.Equal(code[7].bytes, []byte{opI64Store, 3, 0}) && code[8].value == 0 &&
		code[10].value == stackGlobal && code[11].value == stackLocal
}

const (
	stackGlobal = 0
	stackLocal  = 1
)

// endless reports whether the function has no other way out than to unwind the stack,
// when it returns 1.
func (f *function) endless() bool {
	n := len(f.code)
	unwinds := n > 4 && f.code[n-1].op == opEnd && f.code[n-2].op == opI32Const && f.code[n-2].value == 1 &&
		f.code[n-3].op == opEnd && f.code[n-4].op == opUnreachable
	return unwinds && !slices.ContainsFunc(f.code, func(i instruction) bool { return i.op == opReturn })
}

// outlined returns the body of the function that calls another one, which never
// returns, with the stack pointer and the address as parameters.
func outlined(target int64) []byte {
	b := []byte{0, // no locals
		opLocalGet, 0, opI32Const, 8, opI32Sub, opLocalTee, 0, opGlobalSet, stackGlobal,
		opLocalGet, 0, opLocalGet, 1, opI64Store, 3, 0,
		opI32Const, 0, opCall}
	b = binary.AppendUvarint(b, uint64(target))
	return append(b, opIf, typeVoid, opReturn, opEnd, opUnreachable, opEnd)
}

// An outliner replaces calls of functions that never return.
type outliner struct {
	endless map[int64]bool
	next    int64           // the index of the next function to append
	added   map[int64]int64 // the appended function for each that is called
	bodies  [][]byte        // of the appended functions
}

func newOutliner(functions []*function, imports int64) *outliner {
	o := &outliner{endless: map[int64]bool{}, next: imports + int64(len(functions)), added: map[int64]int64{}}
	for i, f := range functions {
		if f.endless() {
			o.endless[imports+int64(i)] = true
		}
	}
	return o
}

// add appends the functions to the module.
func (o *outliner) add(m *module) error {
	typ, err := m.appendEntry(sectionType, []byte{0x60, 2, typeI32, typeI64, 0})
	if err != nil {
		return err
	}
	for _, body := range o.bodies {
		if _, err := m.appendEntry(sectionFunction, binary.AppendUvarint(nil, typ)); err != nil {
			return err
		}
		if _, err := m.appendEntry(sectionCode, append(binary.AppendUvarint(nil, uint64(len(body))), body...)); err != nil {
			return err
		}
	}
	return nil
}

// outline shortens the calls in a function. A call within an if is one of a function
// that never returns, too: the compiler makes no other there that can unwind.
func (o *outliner) outline(f *function) {
	var code []instruction
	for i := 0; i < len(f.code); i++ {
		rest := f.code[i:]
		if !isCall(rest) {
			code = append(code, rest[0])
			continue
		}
		target := rest[callTarget].value
		inIf := i > 0 && f.code[i-1].op == opIf && len(rest) > callLength && rest[callLength].op == opEnd
		if !inIf && !o.endless[target] {
			code = append(code, rest[:callLength]...)
			i += callLength - 1
			continue
		}
		if _, ok := o.added[target]; !ok {
			o.added[target] = o.next
			o.bodies = append(o.bodies, outlined(target))
			o.next++
		}
		code = append(code, rest[0], rest[6], withIndex(opCall, o.added[target]), withIndex(opBr, rest[callLength-1].value))
		i += callLength - 1
	}
	f.code = code
}

// withIndex returns an instruction that has an index or a label.
func withIndex(op byte, value int64) instruction {
	return instruction{op, value, binary.AppendUvarint([]byte{op}, uint64(value))}
}

// Before it returns, a function gives its frame back and then the address of the return:
//
//	local.get 1, i32.const FRAME, i32.add, local.tee 1, global.set 0
//	local.get 1, i32.const 8, i32.add, local.tee 1, global.set 0
//	i32.const 0, return
//
// joinReturns makes it one step.
func joinReturns(f *function) {
	step := [...]byte{opLocalGet, opI32Const, opI32Add, opLocalTee, opGlobalSet}
	isStep := func(code []instruction) bool {
		for i, op := range step {
			if code[i].op != op {
				return false
			}
		}
		return code[0].value == stackLocal && code[3].value == stackLocal && code[4].value == stackGlobal
	}
	var code []instruction
	for i := 0; i < len(f.code); i++ {
		c := f.code[i:]
		const length = 2*len(step) + 2
		if len(c) < length || c[length-2].op != opI32Const || c[length-1].op != opReturn || !isStep(c) || !isStep(c[len(step):]) {
			code = append(code, c[0])
			continue
		}
		sum := c[1].value + c[len(step)+1].value
		code = append(code, c[0], instruction{opI32Const, sum, appendSigned([]byte{opI32Const}, sum)}, c[2], c[4], c[length-2], c[length-1])
		i += length - 1
	}
	f.code = code
}
