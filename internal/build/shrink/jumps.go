package main

import (
	"encoding/binary"
	"errors"
)

// Go's compiler cuts a function into parts, one for each basic block and one for each
// place where a call returns. Each part but the first follows the end of a block of its
// own, and the function begins with a branch to the part that its parameter numbers:
//
//	block           ; left to unwind the stack, when goroutines change
//	  loop          ; where every jump begins
//	    block … block block
//	      local.get 0
//	      br_table 0 1 2 …
//	    end
//	    part 0
//	    end
//	    part 1
//	    …
//
// A jump sets the parameter and goes back to the loop, forward as well as backward. To
// the compiler of a host, each function is a loop around a switch that leads from every
// jump to every part.
//
// Here a jump forward becomes a branch to the end of the part's block. That is all that
// changes. A block that nothing leads to any more is left out, and so is a loop that
// nothing goes back to. The switch keeps the parts that are entered by their number: the
// first, those that a jump backward leads to, those that calls return to, and the one
// that calls the deferred functions after a panic. Any other number ends the VM.
//
// See preprocess in cmd/internal/obj/wasm.
type jumps struct {
	code         []instruction
	first, end   int // the instructions of the parts
	last         int // the number of the last part
	unwind, loop bool
	table        []int // the part of each number

	numbered []bool // the parts that are entered by number
	entered  []bool // the parts that are entered by number or by a branch
	before   []int  // the number of parts before one that are entered
	back     bool   // a jump leads backward
}

// errShape means that a function is not as Go's compiler writes it.
var errShape = errors.New("a function of another shape")

// newJumps returns an error for a function that has no parts.
func newJumps(code []instruction) (*jumps, error) {
	j := &jumps{code: code}
	i := 0
	if len(code) > 2 && code[0].op == opGlobalGet && code[1].op == opLocalSet {
		i = 2 // the stack pointer
	}
	outside, blocks := 0, 0 // blocks outside of the loop, and within or without one
	for ; i < len(code) && (code[i].op == opBlock || code[i].op == opLoop && !j.loop); i++ {
		if code[i].op == opLoop {
			j.loop, outside, blocks = true, blocks, 0
		} else {
			blocks++
		}
	}
	if len(code) < i+3 || code[i].op != opLocalGet || code[i].value != 0 || code[i+1].op != opBrTable || code[i+2].op != opEnd {
		return nil, errShape
	}
	j.table = code[i+1].targets()
	j.last = j.table[len(j.table)-1]
	j.first = i + 3
	if !j.loop {
		outside, blocks = blocks-(j.last+1), j.last+1
	}
	j.unwind = outside == 1
	tail := j.tail()
	j.end = len(code) - len(tail)
	if outside < 0 || outside > 1 || blocks != j.last+1 || j.end < j.first {
		return nil, errShape
	}
	for i, op := range tail {
		if code[j.end+i].op != op {
			return nil, errShape
		}
	}
	for _, part := range j.table {
		if part > j.last {
			return nil, errShape
		}
	}
	return j, nil
}

// tail returns how a function ends, after its last part.
func (j *jumps) tail() []byte {
	var ops []byte
	if j.loop {
		ops = append(ops, opEnd)
	}
	ops = append(ops, opUnreachable)
	if j.unwind {
		ops = append(ops, opEnd, opI32Const) // 1: the caller unwinds too
	}
	return append(ops, opEnd)
}

// A place is one in the parts of a function.
type place struct {
	index int // of an instruction
	part  int
	depth int // how many blocks are open within the part
}

// walk calls visit for each instruction of the parts. It returns how many instructions
// it has dealt with, 0 if it knows no such instruction. walk calls next for each part
// but the first.
func (j *jumps) walk(visit func(place) int, next func(part int)) error {
	p := place{index: j.first}
	for p.index < j.end {
		if p.depth == 0 && j.code[p.index].op == opEnd {
			p.index++
			p.part++
			next(p.part)
			continue
		}
		n := visit(p)
		if n == 0 {
			return errShape
		}
		for _, i := range j.code[p.index : p.index+n] {
			p.depth += i.opens()
		}
		p.index += n
	}
	if p.part != j.last || p.depth != 0 {
		return errShape
	}
	return nil
}

// A target is what a label stands for.
type target int

const (
	inPart target = iota // a block within the part
	toPart
	toLoop
	toUnwind
	nowhere
)

// target returns what a label at a place stands for, and which part.
func (j *jumps) target(p place, label int64) (t target, part int) {
	n := int(label) - p.depth
	blocks := j.last - p.part
	switch {
	case n < 0:
		return inPart, 0
	case n < blocks:
		return toPart, p.part + 1 + n
	case n == blocks && j.loop:
		return toLoop, 0
	case n == blocks+number(j.loop) && j.unwind:
		return toUnwind, 0
	}
	return nowhere, 0
}

// jump returns the part that the three instructions at a place jump to.
func (j *jumps) jump(p place) (part int, ok bool) {
	c := j.code[p.index:j.end]
	if len(c) < 3 || c[0].op != opI32Const || c[1].op != opLocalSet || c[1].value != 0 || c[2].op != opBr {
		return 0, false
	}
	if t, _ := j.target(p, c[2].value); t != toLoop || c[0].value < 0 || c[0].value >= int64(len(j.table)) {
		return 0, false
	}
	return j.table[c[0].value], true
}

// jumpIf returns the part that the five instructions at a place jump to, if a condition
// holds.
func (j *jumps) jumpIf(p place) (part int, ok bool) {
	c := j.code[p.index:j.end]
	if len(c) < 5 || c[0].op != opIf || c[4].op != opEnd {
		return 0, false
	}
	p.index++
	p.depth++
	return j.jump(p)
}

// find finds out how each part is entered. returns tells which number of this function
// an address of a return has; deferred is the number of the part that calls deferred
// functions.
func (j *jumps) find(returns func(address int64) (number int64, ok bool), deferred int) error {
	j.numbered, j.entered = make([]bool, j.last+1), make([]bool, j.last+1)
	enter := func(number int64) {
		if number < int64(len(j.table)) {
			j.numbered[j.table[number]] = true
		}
	}
	enter(0)
	enter(int64(deferred))
	err := j.walk(func(p place) int {
		c := j.code[p.index:j.end]
		if part, ok := j.jumpIf(p); ok && part > p.part {
			j.entered[part] = true
			return 5
		}
		if part, ok := j.jump(p); ok {
			if part > p.part {
				j.entered[part] = true
			} else {
				j.numbered[part], j.back = true, true
			}
			return 3
		}
		switch i := c[0]; i.op {
		case opI64Const:
			// A call within an if has no part to return to. Nor has an outlined one.
			number, ok := returns(i.value)
			if ok && p.depth == 0 && !(len(c) > 1 && c[1].op == opCall) {
				enter(number)
			}
		case opLocalGet, opLocalSet, opLocalTee:
			if i.value != 0 {
				break
			}
			// To call a function value, the parameter is a scratch variable.
			if i.op != opLocalSet || len(c) < 3 || c[1].op != opI32Const || c[2].op != opLocalGet || c[2].value != 0 {
				return 0
			}
			return 3
		case opBr, opBrIf:
			switch t, part := j.target(p, i.value); t {
			case toPart:
				j.entered[part] = true
			case toLoop, nowhere:
				return 0
			}
		case opBrTable:
			return 0
		}
		return 1
	}, func(int) {})
	j.before = make([]int, j.last+2)
	for part, numbered := range j.numbered {
		j.entered[part] = j.entered[part] || numbered
		j.before[part+1] = j.before[part] + number(j.entered[part])
	}
	return err
}

// forward returns the label of a part further on, at a place in the new code.
func (j *jumps) forward(p place, part int) int {
	return p.depth + j.before[part] - j.before[p.part+1]
}

// write returns the function's new code.
func (j *jumps) write(locals []byte) ([]byte, error) {
	b := append([]byte{}, locals...)
	for _, i := range j.code[:j.first] {
		if i.op != opGlobalGet && i.op != opLocalSet {
			break
		}
		b = append(b, i.bytes...)
	}
	if j.unwind {
		b = append(b, opBlock, typeVoid)
	}
	if j.back {
		b = append(b, opLoop, typeVoid)
	}
	for range j.before[j.last+1] {
		b = append(b, opBlock, typeVoid)
	}
	b = j.writeSwitch(b)
	dead := false // nothing leads here
	branch := func(p place, op byte, label int) {
		b = binary.AppendUvarint(append(b, op), uint64(label))
		dead = dead || op == opBr && p.depth == 0
	}
	err := j.walk(func(p place) int {
		c := j.code[p.index:j.end]
		if dead {
			return whole(c)
		}
		if part, ok := j.jumpIf(p); ok && part > p.part {
			branch(p, opBrIf, j.forward(p, part))
			return 5
		}
		part, ok := j.jump(p)
		if ok && part > p.part {
			branch(p, opBr, j.forward(p, part))
			return 3
		}
		if ok {
			b = append(append(b, c[0].bytes...), c[1].bytes...)
			branch(p, opBr, j.forward(p, j.last+1))
			return 3
		}
		if i := c[0]; i.op == opBr || i.op == opBrIf {
			label := int(i.value)
			switch t, part := j.target(p, i.value); t {
			case toPart:
				label = j.forward(p, part)
			case toUnwind:
				label = j.forward(p, j.last+1) + number(j.back)
			}
			branch(p, i.op, label)
			return 1
		}
		b = append(b, c[0].bytes...)
		dead = p.depth == 0 && (c[0].op == opReturn || c[0].op == opUnreachable)
		return 1
	}, func(part int) {
		if j.entered[part] {
			b = append(b, opEnd)
			dead = false
		}
	})
	tail := j.code[j.end:]
	if j.loop && !j.back {
		tail = tail[1:]
	}
	for _, i := range tail {
		b = append(b, i.bytes...)
	}
	return b, err
}

// whole returns how many instructions the first one and all that it opens take.
func whole(code []instruction) int {
	depth := 0
	for n, i := range code {
		if depth += i.opens(); depth == 0 {
			return n + 1
		}
	}
	return 0
}

// writeSwitch appends the branch to the part that the parameter numbers.
func (j *jumps) writeSwitch(b []byte) []byte {
	const none = -1
	var labels []int
	for _, part := range j.table {
		label := none
		if j.numbered[part] {
			label = j.before[part]
		}
		labels = append(labels, label)
	}
	for labels[len(labels)-1] == none {
		labels = labels[:len(labels)-1]
	}
	labels = append(labels, none) // the default
	b = append(b, opBlock, typeVoid, opLocalGet, 0, opBrTable)
	b = binary.AppendUvarint(b, uint64(len(labels)-1))
	for _, label := range labels {
		b = binary.AppendUvarint(b, uint64(label+1))
	}
	return append(b, opEnd, opUnreachable, opEnd)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
