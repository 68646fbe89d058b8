package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// build links a program that panics.
func build(t *testing.T) []byte {
	t.Helper()
	return buildProgram(t, "package main\n\nfunc main() {}\n\nfunc init() { panic(\"at the start\") }\n")
}

// buildProgram links a program as Go links the plugin.
func buildProgram(t *testing.T, source string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module program\n\ngo 1.24\n", "main.go": source} {
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

// memory returns what an instance of the module has in memory before any of
// its exported functions is called, and the functions that it exports.
func memory(t *testing.T, file []byte) ([]byte, []string) {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	compiled, err := r.CompileModule(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	var exports []string
	for name := range compiled.ExportedFunctions() {
		exports = append(exports, name)
	}
	m, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	all, ok := m.Memory().Read(0, m.Memory().Size())
	if !ok {
		t.Fatal("the memory cannot be read")
	}
	return bytes.Clone(all), exports
}

// The whole promise of the command: the same memory but for files and lines,
// the same functions, fewer bytes.
func TestLeavesTheMemoryAsItWas(t *testing.T) {
	before := build(t)
	after, err := shrink(before, nil)
	if err != nil {
		t.Fatal(err)
	}
	// 16 segments of ten bytes for each of about 1,000 functions, and as much
	// again for the lines.
	if saved := len(before) - len(after); saved < 180_000 {
		t.Errorf("%d bytes saved of %d", saved, len(before))
	}
	wantMemory, wantExports := memory(t, before)
	gotMemory, gotExports := memory(t, after)
	if len(gotExports) != len(wantExports) {
		t.Errorf("exports %v, want %v", gotExports, wantExports)
	}
	want, got := functions(t, wantMemory), functions(t, gotMemory)
	if len(want) < minFunctions || !slices.EqualFunc(want, got, slices.Equal) {
		t.Error("the functions differ")
	}
	// functions has put zeros where the tables are and what refers to them.
	if !bytes.Equal(gotMemory, wantMemory) {
		t.Error("the memory differs")
	}
}

// functions returns what the runtime needs of each function: the tables that
// its _func refers to, byte for byte. It clears them in memory, and whatever
// refers to them or to files and lines.
func functions(t *testing.T, memory []byte) [][]string {
	t.Helper()
	at := bytes.Index(memory, []byte("\xf1\xff\xff\xff\x00\x00\x01\x08"))
	if at < 0 {
		t.Fatal("no pclntab")
	}
	number := func(i int) int { return int(binary.LittleEndian.Uint32(memory[i:])) }
	count, files, tables, entries := number(at+8), at+number(at+40), at+number(at+56), at+number(at+64)
	take := func(i int) string {
		from := tables + number(i)
		clear(memory[i : i+4])
		if from == tables {
			return ""
		}
		end := from
		for first := true; first || memory[end] != 0; first = false {
			for range 2 {
				for memory[end] >= 0x80 {
					end++
				}
				end++
			}
		}
		return string(memory[from:end])
	}
	var all [][]string
	for i := range count {
		f := entries + number(entries+8*i+4)
		clear(memory[f+20 : f+28])
		clear(memory[f+32 : f+40])
		one := []string{take(f + 16)}
		for j := range number(f + 28) {
			one = append(one, take(f+44+4*j))
		}
		all = append(all, one)
	}
	clear(memory[files:entries])
	return all
}

// A crash is still told with the names of its functions.
func TestTraces(t *testing.T) {
	before := build(t)
	after, err := shrink(before, nil)
	if err != nil {
		t.Fatal(err)
	}
	trace := func(file []byte) (functions []string) {
		ctx := context.Background()
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
		defer r.Close(ctx)
		wasi_snapshot_preview1.MustInstantiate(ctx, r)
		var out bytes.Buffer
		if _, err := r.InstantiateWithConfig(ctx, file, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithStderr(&out)); err == nil {
			t.Fatal("no panic")
		}
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, "\t") { // the file and the line
				functions = append(functions, line)
			}
		}
		return functions
	}
	want, got := trace(before), trace(after)
	if !slices.Equal(got, want) || !slices.ContainsFunc(want, func(s string) bool { return strings.HasPrefix(s, "main.init.0") }) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A second run must not go unnoticed: it would find no table, and the start
// function is there.
func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	file := build(t)
	once, err := shrink(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"empty":     nil,
		"no module": []byte("#!/bin/sh"),
		"cut short": file[:len(file)-1],
		"no table":  once,
	} {
		if _, err := shrink(file, nil); err == nil || errors.Is(err, errNoTable) != (name == "no table") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only the names that are given go, and all of them: one that is missing means
// that the SDK has changed and that the list must be read again.
func TestLeavesExportsOut(t *testing.T) {
	file := build(t)
	after, err := shrink(file, map[string]bool{"_initialize": true})
	if err != nil {
		t.Fatal(err)
	}
	if _, exports := memory(t, after); len(exports) != 0 {
		t.Errorf("exports %v", exports)
	}
	if _, err := shrink(file, map[string]bool{"_initialize": true, "proxy_on_nothing": true}); err == nil {
		t.Error("a callback that is not exported goes unnoticed")
	}
}
