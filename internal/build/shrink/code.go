package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// What Go's compiler emits for WebAssembly is simple. rewriteCode says the same in fewer
// instructions, in three ways. A processor executes less, which counts most for code that
// runs once for a request; and a tenth of the file is saved.
//
//   - Jumps. WebAssembly has no goto, so that a function of Go's is a loop around nested
//     blocks: a jump sets a variable to the number of its target and branches to the start of
//     the loop, where a table branches to the end of a block, behind which the target is.
//     The end of a block that is still open can be branched to at once: that is every jump
//     forward.
//   - Addresses on the stack. For a place on the stack, Go computes the sum of the stack
//     pointer and a constant in 64 bits, takes the lower 32, and reads there. A constant can
//     be part of the instruction that reads or writes.
//   - Constants of 64 bits of which only the lower 32 are used.
//
// Functions that do not begin as Go's compiler lets them begin, such as those in assembly,
// stay as they are.
func (m *module) rewriteCode() error {
	s, err := m.section(sectionCode)
	if err != nil {
		return err
	}
	r := reader{s.body}
	count := r.unsigned()
	code := binary.AppendUvarint(nil, count)
	for i := range count {
		body, err := r.take(r.unsigned())
		if err != nil {
			return err
		}
		body, err = rewriteBody(body)
		if err != nil {
			return fmt.Errorf("function %d: %w", i, err)
		}
		code = append(binary.AppendUvarint(code, uint64(len(body))), body...)
	}
	s.body = code
	return r.err()
}

// The local variables and the global variable of a function of Go's, and how it begins: it
// takes the stack pointer from the global variable.
const (
	localTarget = 0 // the parameter: the number of the target, where the function goes on
	localSP     = 1
	globalSP    = 0
)

var (
	beginsFunction = []byte{opGlobalGet, globalSP, opLocalSet, localSP}
	// In a function with jumps follow a block for the way out, the loop, a block for each
	// target, and the table.
	beginsLoop  = []byte{opBlock, typeVoid, opLoop, typeVoid}
	beginsBlock = []byte{opBlock, typeVoid}
	beginsTable = []byte{opLocalGet, localTarget, opBrTable}
)

// A rewriter copies one function.
type rewriter struct {
	in  reader
	out []byte

	// The jumps. Target number n is behind the block of number table[n], of which 0 ends
	// first. passed is how many of these blocks have ended, and nested how many other blocks
	// are open inside of them.
	table          []uint64
	blocks         int
	passed, nested int

	// numbered is where out ends behind an instruction that sets the number of the target.
	numbered int

	// operands are the values that the code so far has put on WebAssembly's stack since the
	// last branch or call.
	operands []operand
}

// An operand is a value on WebAssembly's stack.
type operand struct {
	start  int // where the code that computes it begins in out; -1 if that is not known
	end    int // and ends
	kind   operandKind
	number int64 // the constant, or what is added to the stack pointer
	cut    int   // where the code begins that computes the sum, behind the stack pointer
}

type operandKind int

const (
	otherOperand     operandKind = iota // anything else
	constant                            // of 64 bits
	stackPointer                        // of 32 bits
	wideStackPointer                    // of 64 bits
	wideSum                             // of the stack pointer and a constant
	stackAddress                        // the lower 32 bits of the sum
)

func rewriteBody(body []byte) ([]byte, error) {
	r := reader{body}
	for n := r.unsigned(); n > 0 && r.err() == nil; n-- { // local variables, by type
		r.unsigned()
		r.unsigned()
	}
	if r.err() != nil || !bytes.HasPrefix(r.rest, beginsFunction) {
		return body, r.err()
	}
	w := &rewriter{in: r}
	if rest, ok := bytes.CutPrefix(r.rest[len(beginsFunction):], beginsLoop); ok {
		w.readTable(rest)
	}
	w.out = append(w.out, body[:len(body)-len(w.in.rest)]...)
	for len(w.in.rest) > 0 {
		switch err := w.next(); {
		case err == errJump:
			return body, nil
		case err != nil:
			return nil, err
		}
	}
	return w.out, w.in.err()
}

// readTable reads how a function with jumps begins, from its blocks on. If they are not as
// they should be, no jump is rewritten.
func (w *rewriter) readTable(rest []byte) {
	blocks := 0
	for bytes.HasPrefix(rest, beginsBlock) {
		blocks++
		rest = rest[len(beginsBlock):]
	}
	rest, ok := bytes.CutPrefix(rest, beginsTable)
	if !ok {
		return
	}
	r := reader{rest}
	var table []uint64
	for n := r.unsigned(); r.err() == nil; n-- {
		table = append(table, r.unsigned())
		if n == 0 {
			break // the last is for all other numbers
		}
	}
	if len(r.rest) > 0 && r.rest[0] == opEnd {
		w.in, w.blocks, w.table, w.passed = reader{r.rest[1:]}, blocks, table, 1
	}
}

// jump copies a jump to a target behind a block that is still open, and reports whether
// there is one at the reader.
func (w *rewriter) jump() bool {
	rest, ok := bytes.CutPrefix(w.in.rest, []byte{opI32Const})
	if !ok || w.table == nil {
		return false
	}
	r := reader{rest}
	target := r.signed()
	if rest, ok = bytes.CutPrefix(r.rest, []byte{opLocalSet, localTarget, opBr}); !ok {
		return false
	}
	r = reader{rest}
	loop := uint64(w.blocks - w.passed + w.nested)
	if label := r.unsigned(); r.err() != nil || label != loop || target < 0 || int(target) >= len(w.table)-1 {
		return false
	}
	block := int(w.table[target])
	if block < w.passed || block >= w.blocks {
		return false // a jump back
	}
	w.out = binary.AppendUvarint(append(w.out, opBr), uint64(block-w.passed+w.nested))
	w.in, w.operands = r, w.operands[:0]
	return true
}

// next copies an instruction.
func (w *rewriter) next() error {
	if w.jump() {
		return nil
	}
	before, at := w.in.rest, len(w.out)
	op, err := w.in.instruction()
	if err != nil {
		return err
	}
	code := before[:len(before)-len(w.in.rest)]
	if w.table != nil && w.branchesToLoop(op, code) && w.numbered != at {
		return errJump
	}
	w.out = append(w.out, code...)
	switch {
	case op == opLocalSet && code[1] == localTarget:
		w.numbered = len(w.out)
	case op == opBlock || op == opLoop || op == opIf:
		w.nested++
	case op == opEnd && w.nested > 0:
		w.nested--
	case op == opEnd:
		w.passed++
	}
	w.operate(op, code, at)
	return nil
}

// errJump reports a jump of another form than rewriteBody knows: without the number of its
// target.
var errJump = errors.New("a jump of an unknown form")

// branchesToLoop reports whether an instruction may branch to the start of the loop.
func (w *rewriter) branchesToLoop(op byte, code []byte) bool {
	loop := uint64(w.blocks - w.passed + w.nested)
	r := reader{code[1:]}
	switch op {
	case opBr, opBrIf:
		return r.unsigned() == loop
	case opBrTable:
		for range r.unsigned() + 1 {
			if r.unsigned() == loop {
				return true
			}
		}
	}
	return false
}

// operate follows what an instruction, whose code is at the end of out, does to the
// operands.
func (w *rewriter) operate(op byte, code []byte, at int) {
	pops, pushes := effect(op)
	if pops < 0 {
		w.operands = w.operands[:0]
		return
	}
	result := operand{start: at}
	var popped [3]operand // the first is the one that was pushed first
	together := true      // nothing but these operands is between the first of them and the instruction
	for i, end := pops-1, at; i >= 0; i-- {
		popped[i] = w.pop()
		together = together && popped[i].start >= 0 && popped[i].end == end
		end, result.start = popped[i].start, popped[i].start
	}
	a, b := popped[0], popped[1]
	switch {
	case !together:
	case op == opLocalGet && code[1] == localSP && len(code) == 2:
		result.kind = stackPointer
	case op == opI64Const:
		r := reader{code[1:]}
		result.kind, result.number = constant, r.signed64()
	case op == opI64ExtendI32U && a.kind == stackPointer:
		result.kind, result.cut = wideStackPointer, at
	case op == opI64Add && a.kind == wideStackPointer && b.kind == constant && b.number >= 0 && b.number < maxOffset:
		result.kind, result.number, result.cut = wideSum, b.number, a.cut
	case op == opI32WrapI64 && a.kind == wideSum:
		result.kind, result.number, result.cut = stackAddress, a.number, a.cut
	case op == opI32WrapI64 && a.kind == constant:
		w.out = appendSigned(append(w.out[:a.start], opI32Const), int64(int32(a.number)))
	case isLoad(op) && a.kind == stackAddress:
		w.out = appendAccess(w.out[:a.cut], code, a.number)
	case isStore(op) && a.kind == stackAddress:
		value := bytes.Clone(w.out[b.start:at])
		w.out = appendAccess(append(w.out[:a.cut], value...), code, a.number)
	}
	if result.end = len(w.out); pushes > 0 {
		w.operands = append(w.operands, result)
	}
}

// maxOffset is above any distance from the stack pointer. The stack is not at the end of
// the 4 GiB of memory, so that the sum does not overflow.
const maxOffset = 1 << 24

// pop returns the operand at the top. Of what a branch or a call has left there, it is not
// known where its code begins.
func (w *rewriter) pop() operand {
	if len(w.operands) == 0 {
		return operand{start: -1}
	}
	top := w.operands[len(w.operands)-1]
	w.operands = w.operands[:len(w.operands)-1]
	return top
}

// appendAccess appends the code of a load or a store, with more added to its offset.
func appendAccess(out, code []byte, more int64) []byte {
	r := reader{code[1:]}
	align, offset := r.unsigned(), r.unsigned()
	out = binary.AppendUvarint(append(out, code[0]), align)
	return binary.AppendUvarint(out, offset+uint64(more))
}
