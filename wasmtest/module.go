package wasmtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"sync"

	"github.com/tetratelabs/wazero"
)

// Module is a compiled plugin, ready to be started any number of times.
type Module struct {
	code     []byte
	compiled wazero.CompiledModule
	runtime  wazero.Runtime
}

// maxMemoryPages is PROXY_WASM_HOST_MAX_WASM_MEMORY_SIZE_BYTES (1 GiB) of
// proxy-wasm-cpp-host's limits.h, in pages of 64 KiB.
const maxMemoryPages = 1 << 14

var loaded struct {
	sync.Mutex
	byContent map[[32]byte]*Module
}

// Load reads and compiles the file at path, once per process and content.
func Load(path string) (*Module, error) {
	code, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	loaded.Lock()
	defer loaded.Unlock()
	sum := sha256.Sum256(code)
	if m := loaded.byContent[sum]; m != nil {
		return m, nil
	}
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(maxMemoryPages).WithCustomSections(true))
	for name, functions := range map[string][]hostFunction{
		"env":                    envFunctions,
		"wasi_snapshot_preview1": wasiFunctions,
	} {
		if err := instantiateHostModule(ctx, runtime, name, functions); err != nil {
			runtime.Close(ctx)
			return nil, err
		}
	}
	compiled, err := runtime.CompileModule(ctx, code)
	if err != nil {
		runtime.Close(ctx)
		return nil, fmt.Errorf("compile %s: %w", path, err)
	}
	m := &Module{code: code, compiled: compiled, runtime: runtime}
	if loaded.byContent == nil {
		loaded.byContent = map[[32]byte]*Module{}
	}
	loaded.byContent[sum] = m
	return m, nil
}

// Size returns the size of the file in bytes.
func (m *Module) Size() int { return len(m.code) }

// Bytes returns the content of the file, which must not be changed.
func (m *Module) Bytes() []byte { return m.code }

// Imports returns the functions that the file imports, each as "module.function", in the
// file's order.
func (m *Module) Imports() []string {
	var names []string
	for _, f := range m.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		names = append(names, module+"."+name)
	}
	return names
}

// Exports returns the names of the functions that the file exports.
func (m *Module) Exports() []string {
	var names []string
	for name := range m.compiled.ExportedFunctions() {
		names = append(names, name)
	}
	return names
}

// CustomSections returns the contents of the file's custom sections with a name.
func (m *Module) CustomSections(name string) []string {
	var contents []string
	for _, s := range m.compiled.CustomSections() {
		if s.Name() == name {
			contents = append(contents, string(s.Data()))
		}
	}
	return contents
}
