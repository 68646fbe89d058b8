package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// build links a program as Go links the plugin.
func build(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	source := "package main\n\nfunc main() {}\n\nfunc init() { panic(\"at the start\") }\n"
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

// The whole promise of the command: the same memory, the same functions, fewer
// bytes.
func TestLeavesTheMemoryAsItWas(t *testing.T) {
	before := build(t)
	after, err := shrink(before, nil)
	if err != nil {
		t.Fatal(err)
	}
	// 16 segments of ten bytes for each of about 1,000 functions.
	if saved := len(before) - len(after); saved < 100_000 {
		t.Errorf("%d bytes saved of %d", saved, len(before))
	}
	wantMemory, wantExports := memory(t, before)
	gotMemory, gotExports := memory(t, after)
	if !bytes.Equal(gotMemory, wantMemory) {
		t.Error("the memory differs")
	}
	if len(gotExports) != len(wantExports) {
		t.Errorf("exports %v, want %v", gotExports, wantExports)
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
