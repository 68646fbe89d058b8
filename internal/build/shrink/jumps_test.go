package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// A program that takes every way through a function says the same after as before, down
// to the names in the trace of its end.
func TestProgramsDoTheSame(t *testing.T) {
	source, err := os.ReadFile("testdata/program.go")
	if err != nil {
		t.Fatal(err)
	}
	before := buildProgram(t, string(source))
	after, err := shrink(before, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, got := output(t, before), output(t, after)
	for _, line := range []string{"x52110521x2010521", "invalid memory address", "goroutine 1", "main.crash("} {
		if !slices.ContainsFunc(want, func(s string) bool { return strings.Contains(s, line) }) {
			t.Errorf("the program does not say %q: %q", line, want)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("it says\n%s\nand not\n%s", strings.Join(got, ""), strings.Join(want, ""))
	}
}

// output returns what a program writes before it crashes, without files and lines.
func output(t *testing.T, file []byte) (lines []string) {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	var out bytes.Buffer
	if _, err := r.InstantiateWithConfig(ctx, file, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithStderr(&out)); err == nil {
		t.Fatal("no crash")
	}
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "\t") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Every function of a program loses its jumps forward and its calls that never return.
func TestNoFunctionIsLeft(t *testing.T) {
	file, err := shrink(build(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(file)
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := m.bodies()
	if err != nil {
		t.Fatal(err)
	}
	traps := 0
	for i, body := range bodies {
		f, err := decode(body)
		if err != nil {
			t.Fatal(err)
		}
		for n, in := range f.code {
			if in.op == opIf && isCall(f.code[n+1:]) {
				t.Errorf("function %d: a call within an if", i)
			}
			if in.op != opBrTable {
				continue
			}
			if f.code[n+2].op != opUnreachable {
				if _, err := newJumps(f.code); err == nil {
					t.Errorf("function %d is as it was", i)
				}
				continue
			}
			traps++
		}
	}
	if traps < minFunctions {
		t.Errorf("%d functions are rewritten", traps)
	}
}

// A function of five parts. Part 1 is where a call returns, part 2 is skipped by a
// jump, part 3 is jumped to from before and from behind, part 4 never.
func parts(part0 []byte) []byte {
	return slices.Concat([]byte{
		1, 1, typeI32, // the stack pointer
		opGlobalGet, stackGlobal, opLocalSet, stackLocal,
		opBlock, typeVoid, opLoop, typeVoid,
		opBlock, typeVoid, opBlock, typeVoid, opBlock, typeVoid, opBlock, typeVoid, opBlock, typeVoid,
		opLocalGet, 0, opBrTable, 5, 0, 0, 1, 2, 3, 4, opEnd,
	}, part0, []byte{
		opEnd, opLocalGet, stackLocal, opIf, typeVoid, opI32Const, 4, opLocalSet, 0, opBr, 4, opEnd, // part 1
		opEnd, opI32Const, 4, opLocalSet, 0, opBr, 2, // part 2, to part 3
		opEnd, opI32Const, 4, opLocalSet, 0, opBr, 1, // part 3, to itself
		opEnd, opUnreachable, // part 4
		opEnd, opUnreachable, opEnd, opI32Const, 1, opEnd,
	})
}

// call calls function 9 and returns to part 1, which has number 2.
var call = slices.Concat([]byte{
	opLocalGet, stackLocal, opI32Const, 8, opI32Sub, opLocalTee, stackLocal, opGlobalSet, stackGlobal,
	opLocalGet, stackLocal, opI64Const}, appendSigned(nil, firstPlace<<16+2), []byte{opI64Store, 3, 0,
	opI32Const, 0, opCall, 9, opGlobalGet, stackGlobal, opLocalSet, stackLocal, opBrIf, 5})

func rewritten(t *testing.T, body []byte, endless bool) ([]byte, error) {
	t.Helper()
	f, err := decode(body)
	if err != nil {
		t.Fatal(err)
	}
	(&outliner{endless: map[int64]bool{9: endless}, next: 77, added: map[int64]int64{}}).outline(f)
	j, err := newJumps(f.code)
	if err != nil {
		return nil, err
	}
	returns := func(address int64) (int64, bool) { return address & 0xffff, address>>16 == firstPlace }
	if err := j.find(returns, 0); err != nil {
		return nil, err
	}
	return j.write(f.locals)
}

func TestJumps(t *testing.T) {
	got, err := rewritten(t, parts(call), false)
	want := slices.Concat([]byte{
		1, 1, typeI32,
		opGlobalGet, stackGlobal, opLocalSet, stackLocal,
		opBlock, typeVoid, opLoop, typeVoid,
		opBlock, typeVoid, opBlock, typeVoid, opBlock, typeVoid, // parts 3, 1 and 0
		opBlock, typeVoid, opLocalGet, 0, opBrTable, 5, 1, 1, 2, 0, 3, 0, opEnd, opUnreachable, opEnd,
	}, call[:len(call)-1], []byte{3,
		opEnd, opLocalGet, stackLocal, opBrIf, 0,
		opBr, 0,
		opEnd, opI32Const, 4, opLocalSet, 0, opBr, 0,
		opEnd, opUnreachable, opEnd, opI32Const, 1, opEnd,
	})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v\nwant %x", got, err, want)
	}
}

// Nothing returns from a call of a function that never does.
func TestEndlessCalls(t *testing.T) {
	got, err := rewritten(t, parts(call), true)
	want := slices.Concat([]byte{
		1, 1, typeI32,
		opGlobalGet, stackGlobal, opLocalSet, stackLocal,
		opBlock, typeVoid, opLoop, typeVoid,
		opBlock, typeVoid, opBlock, typeVoid,
		opBlock, typeVoid, opLocalGet, 0, opBrTable, 5, 1, 1, 0, 0, 2, 0, opEnd, opUnreachable, opEnd,
		opLocalGet, stackLocal, opI64Const}, appendSigned(nil, firstPlace<<16+2), []byte{opCall, 77, opBr, 2,
		opEnd, opI32Const, 4, opLocalSet, 0, opBr, 0,
		opEnd, opUnreachable, opEnd, opI32Const, 1, opEnd,
	})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v\nwant %x", got, err, want)
	}
}

// A function that uses its parameter in another way stays as it is.
func TestOtherShapes(t *testing.T) {
	for name, part0 := range map[string][]byte{
		"reads the parameter":      {opLocalGet, 0, opLocalSet, stackLocal},
		"sets the parameter":       {opI32Const, 1, opLocalSet, 0},
		"goes back otherwise":      {opLocalGet, stackLocal, opBrIf, 4},
		"a branch out of all":      {opBr, 6},
		"another switch":           {opLocalGet, stackLocal, opBrTable, 0, 0},
		"a number that is no part": {opI32Const, 9, opLocalSet, 0, opBr, 4},
		"more blocks end":          {opEnd, opEnd},
	} {
		if code, err := rewritten(t, parts(part0), false); err == nil {
			t.Errorf("%s: %x", name, code)
		}
	}
}

// A step of the stack pointer stays where the function does not return.
func TestJoinReturns(t *testing.T) {
	step := func(n byte) []byte {
		return []byte{opLocalGet, stackLocal, opI32Const, n, opI32Add, opLocalTee, stackLocal, opGlobalSet, stackGlobal}
	}
	for _, c := range []struct{ before, after []byte }{
		{
			slices.Concat(step(48), step(8), []byte{opI32Const, 0, opReturn, opEnd}),
			[]byte{opLocalGet, stackLocal, opI32Const, 56, opI32Add, opGlobalSet, stackGlobal, opI32Const, 0, opReturn, opEnd},
		},
		{slices.Concat(step(48), []byte{opI32Const, 0, opReturn, opEnd}), nil},
		{slices.Concat(step(48), step(8), []byte{opI32Const, 0, opEnd}), nil},
	} {
		body := slices.Concat([]byte{0}, c.before)
		f, err := decode(body)
		if err != nil {
			t.Fatal(err)
		}
		joinReturns(f)
		want := body
		if c.after != nil {
			want = slices.Concat([]byte{0}, c.after)
		}
		if got := f.encode(); !bytes.Equal(got, want) {
			t.Errorf("%x, want %x", got, want)
		}
	}
}
