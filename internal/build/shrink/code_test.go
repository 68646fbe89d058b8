package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// program does a little of everything for which Go's compiler has instructions of its own:
// jumps forward and back, switches, maps, closures, goroutines, deferred functions and
// panics, a stack that grows, collections, numbers of every size.
const program = `package main

import (
	"math/bits"
	"runtime"
	"sort"
	"strings"
)

func main() {}

type shape interface{ area(int) int }
type square struct{ side, offset int }
type circle struct{ r [9]int8 }

func (s *square) area(n int) int { return s.side*s.side + s.offset*n }
func (c circle) area(n int) int  { return int(c.r[n%9])*3 + n }

func deep(n int, pad [64]int) int {
	if n == 0 {
		return pad[7]
	}
	pad[n%64] += n
	return deep(n-1, pad) + pad[(n*7)%64]
}

func fault(n int, s *square, list []int) (result int) {
	defer func() {
		if r := recover(); r != nil {
			result = len(r.(error).Error())*1000 + n
		}
	}()
	switch n % 4 {
	case 0:
		s = nil
	case 1:
		return list[n]
	case 2:
		return n / (n - n)
	}
	return s.area(n)
}

//go:wasmexport compute
func compute(seed int64) int64 {
	state := uint64(seed)
	next := func(n int) int {
		state = state*6364136223846793005 + 1442695040888963407
		hi, lo := bits.Mul64(state, uint64(n))
		if lo == 7 {
			return 0
		}
		return int(hi)
	}
	sum := int64(0)
	words := map[string]int{}
	var order []string
	for range 200 {
		w := strings.Repeat(string(rune('a'+next(26))), 1+next(40))
		if words[w]++; words[w] == 1 {
			order = append(order, w)
		}
	}
	sort.Strings(order)
	for i, w := range order {
		sum = sum*31 + int64(len(w)*words[w]^i)
	}
	shapes := []shape{&square{3, -4}, circle{[9]int8{-128, 1, 2, 3, 127}}}
	channel := make(chan int, 3)
	go func() {
		for i := range 50 {
			channel <- i * next(100)
		}
		close(channel)
	}()
	for v := range channel {
		sum += int64(shapes[v%2].area(v)) << (v % 13)
	}
	for i := range 40 {
		sum = sum*7 + int64(fault(i, &square{i, 2}, make([]int, next(40))))
	}
	sum += int64(deep(3000, [64]int{7: 5}))
	garbage := make([][]byte, 100)
	for i := range 3000 {
		garbage[i%100] = make([]byte, 1+next(3000))
		garbage[i%100][0] = byte(i)
		sum += int64(garbage[next(100)%(i%100+1)][0])
	}
	runtime.GC()
	for i, x := 0, 1.5; i < 100; i++ {
		x = x*1.25 - float64(int32(sum))/1e6
		sum += int64(float32(x)) % 1000
	}
	return sum
}
`

// link links a program as Go links the plugin.
func link(t *testing.T, text string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module program\n\ngo 1.24\n", "main.go": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", "program.wasm", ".")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file, err := os.ReadFile(filepath.Join(dir, "program.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// The rewritten program computes what it computed before.
func TestRewrittenCode(t *testing.T) {
	before := link(t, program)
	after, err := shrink(before, nil)
	if err != nil {
		t.Fatal(err)
	}
	compute := func(file []byte) (results []int64) {
		ctx := context.Background()
		r := wazero.NewRuntime(ctx)
		defer r.Close(ctx)
		wasi_snapshot_preview1.MustInstantiate(ctx, r)
		m, err := r.InstantiateWithConfig(ctx, file, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithStderr(os.Stderr))
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(20) {
			result, err := m.ExportedFunction("compute").Call(ctx, seed)
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, int64(result[0]))
		}
		return results
	}
	want, got := compute(before), compute(after)
	for seed := range want {
		if got[seed] != want[seed] {
			t.Errorf("seed %d: %d, want %d", seed, got[seed], want[seed])
		}
	}
	m, err := parse(before)
	if err != nil {
		t.Fatal(err)
	}
	code, err := m.section(sectionCode)
	if err != nil {
		t.Fatal(err)
	}
	size := len(code.body)
	if err := m.rewriteCode(); err != nil {
		t.Fatal(err)
	}
	if 100*len(code.body) > 92*size {
		t.Errorf("%d bytes of code, %d before", len(code.body), size)
	}
}

// body returns the body of a function without local variables.
func body(code ...[]byte) []byte { return append([]byte{0}, bytes.Join(code, nil)...) }

func TestRewriteBody(t *testing.T) {
	begin := beginsFunction
	get, store, end := []byte{opLocalGet, localSP}, []byte{0x37, 3, 16}, []byte{opEnd}
	address := func(k ...byte) []byte {
		return append(append([]byte{opLocalGet, localSP, opI64ExtendI32U, opI64Const}, k...), opI64Add, opI32WrapI64)
	}
	value := []byte{opLocalGet, 2}
	set := []byte{opI32Const, 7, opLocalSet, 3}
	loop := bytes.Join([][]byte{begin, beginsLoop, beginsBlock, beginsBlock, beginsBlock, beginsTable, {4, 0, 1, 1, 2, 2}, end}, nil)
	jump := func(target, label byte) []byte {
		return []byte{opI32Const, target, opLocalSet, localTarget, opBr, label}
	}
	for name, test := range map[string]struct{ from, to []byte }{
		"another function":            {body(address(8), value, store, end), nil},
		"store":                       {body(begin, address(8), value, store, end), body(begin, get, value, []byte{0x37, 3, 24}, end)},
		"large offset":                {body(begin, address(0x80, 1), value, store, end), body(begin, get, value, []byte{0x37, 3, 0x90, 1}, end)},
		"load":                        {body(begin, address(8), []byte{0x29, 3, 0}, end), body(begin, get, []byte{0x29, 3, 8}, end)},
		"below the stack":             {body(begin, address(0x78), value, store, end), nil}, // -8
		"something in the address":    {body(begin, []byte{opLocalGet, localSP, opI64ExtendI32U}, set, []byte{opI64Const, 8, opI64Add, opI32WrapI64}, value, store, end), nil},
		"something behind it":         {body(begin, address(8), set, value, store, end), nil},
		"something in the value":      {body(begin, address(8), value, set, store, end), nil},
		"a value of two instructions": {body(begin, address(8), value, []byte{0x50, opI64ExtendI32U}, store, end), body(begin, get, value, []byte{0x50, opI64ExtendI32U, 0x37, 3, 24}, end)},
		"a call in the value":         {body(begin, address(8), []byte{0x10, 5}, store, end), nil},
		"constant":                    {body(begin, []byte{opI64Const, 8, opI32WrapI64}, end), body(begin, []byte{opI32Const, 8}, end)},
		"large constant":              {body(begin, []byte{opI64Const, 0xff, 0xff, 0xff, 0xff, 0x0f, opI32WrapI64}, end), body(begin, []byte{opI32Const, 0x7f}, end)},

		"jump forward":          {body(loop, jump(1, 2), end, end, end, end, end), body(loop, []byte{opBr, 0}, end, end, end, end, end)},
		"over a block":          {body(loop, jump(3, 2), end, end, end, end, end), body(loop, []byte{opBr, 1}, end, end, end, end, end)},
		"out of an if":          {body(loop, []byte{opIf, typeVoid}, jump(3, 3), end, end, end, end, end, end), body(loop, []byte{opIf, typeVoid, opBr, 2}, end, end, end, end, end, end)},
		"jump back":             {body(loop, end, jump(0, 1), end, end, end, end), nil},
		"to itself":             {body(loop, end, jump(1, 1), end, end, end, end), nil},
		"no jump to the loop":   {body(loop, jump(1, 1), end, end, end, end, end), nil},
		"a number of no target": {body(loop, jump(9, 2), end, end, end, end, end), nil},
		"a jump without number": {body(loop, jump(1, 2), []byte{opBr, 2}, end, end, end, end, end), nil},
		"a jump by br_if":       {body(loop, jump(1, 2), []byte{opLocalGet, 2, opBrIf, 2}, end, end, end, end, end), nil},
	} {
		if test.to == nil {
			test.to = test.from
		}
		if got, err := rewriteBody(test.from); err != nil || !bytes.Equal(got, test.to) {
			t.Errorf("%s: % x, %v; want % x", name, got, err, test.to)
		}
	}
	for n := range len(loop) {
		if _, err := rewriteBody(body(loop[:n])); err != nil && !errors.Is(err, errShort) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := rewriteBody(body(begin, []byte{0xfd, 0})); err == nil {
		t.Error("an unknown instruction goes unnoticed")
	}
}

func FuzzRewriteBody(f *testing.F) {
	f.Add(body(beginsFunction, []byte{opLocalGet, localSP, opI64ExtendI32U, opI64Const, 8, opI64Add, opI32WrapI64, opLocalGet, 2, 0x37, 3, 0, opEnd}))
	f.Add(binary.AppendUvarint(body(beginsFunction, beginsLoop, beginsBlock, beginsTable), 1<<40))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := rewriteBody(body); err == nil && len(got) > len(body)+8 {
			t.Errorf("%d bytes from %d", len(got), len(body))
		}
	})
}
