package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
)

// versionOf returns the contents of all sections of that name.
func versionOf(t *testing.T, file []byte) (found []string) {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCustomSections(true))
	defer r.Close(ctx)
	compiled, err := r.CompileModule(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range compiled.CustomSections() {
		if s.Name() == versionSection {
			found = append(found, string(s.Data()))
		}
	}
	return found
}

// A plain file names its version too, and is otherwise as it was linked.
func TestVersion(t *testing.T) {
	linked := build(t)
	in, out := filepath.Join(t.TempDir(), "in.wasm"), filepath.Join(t.TempDir(), "out.wasm")
	if err := os.WriteFile(in, linked, 0o644); err != nil {
		t.Fatal(err)
	}
	const version = "1.2.3-rc.1+b"
	if err := run(in, out, true, version); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := versionOf(t, file); len(got) != 1 || got[0] != version {
		t.Errorf("versions %q", got)
	}
	if !bytes.HasPrefix(file, linked) {
		t.Error("the rest of the file differs")
	}
	small, err := shrink(linked, nil)
	if err != nil {
		t.Fatal(err)
	}
	if small, err = addVersion(small, version); err != nil {
		t.Fatal(err)
	}
	if got := versionOf(t, small); len(got) != 1 || got[0] != version {
		t.Errorf("versions of a file that was shrunk: %q", got)
	}
}

func TestVersionForm(t *testing.T) {
	file := []byte("\x00asm\x01\x00\x00\x00")
	for _, version := range []string{"", "-1", "1 2", "1\n", "$(x)", "1/2", string(make([]byte, 65))} {
		if _, err := addVersion(file, version); err == nil {
			t.Errorf("%q is a version", version)
		}
	}
	for _, version := range []string{"dev", "0.1.0-dev", "v1.2.3", "1b99299"} {
		if _, err := addVersion(file, version); err != nil {
			t.Error(err)
		}
	}
}
