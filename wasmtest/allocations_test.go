package wasmtest

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// What one request may leave to the collector, which runs between requests of
// a VM that lives for months. A token seen before costs the one object that the
// SDK wants for every stream.
func TestAllocationsPerRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mcpauth.wasm")
	build := exec.Command("go", "build", "-tags", "allocations", "-buildmode=c-shared", "-o", file, "../plugin")
	build.Env = append(build.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	m, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	h := New(m, Options{})
	defer h.Close()
	const cache = 64
	vm := start(t, h, config(server(nil), notes(with(allState, object{"mutual_tls": "accept"})), object{"verdict_header": true, "token_cache": object{"max_entries": cache}}))
	c := claims(h, nil)
	present(h, certificateA)
	var many []string // more than the cache holds
	for i := range 4 * cache {
		many = append(many, rsaKey.bearer(with(c, object{"sub": "user-" + strconv.Itoa(10_000+i)})))
	}
	for _, test := range []struct {
		name          string
		authorization []string
		status        int // 0: forwarded
		allocations   float64
		bytes         float64
	}{
		{"a token seen before", []string{rsaKey.bearer(c)}, 0, 1, 32},
		{"a bound token seen before", []string{rsaKey.bearer(with(c, boundTo(certificateA)))}, 0, 2, 96},
		{"a new token", many, 0, 4, 64},
		{"no token", []string{""}, 401, 1, 32},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := 0
			ask := func() {
				s := vm.Request(rpc("/notes", test.authorization[n%len(test.authorization)]))
				if n++; test.status == 0 {
					wantForwarded(t, s)
				} else {
					wantStatus(t, s, test.status)
				}
				s.Close()
			}
			for range 8 * cache {
				ask()
			}
			read := func(export string) float64 {
				v, err := vm.function(export).Call(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				return float64(v[0])
			}
			const requests = 10_000 // the counters move in steps of some kilobytes
			allocations, bytes := read("mcpauth_allocations"), read("mcpauth_allocated_bytes")
			for range requests {
				ask()
			}
			allocations, bytes = (read("mcpauth_allocations")-allocations)/requests, (read("mcpauth_allocated_bytes")-bytes)/requests
			if t.Logf("%.2f allocations, %.0f bytes", allocations, bytes); allocations > test.allocations+0.5 || bytes > test.bytes {
				t.Errorf("%.2f allocations of %.0f bytes, want at most %v of %v", allocations, bytes, test.allocations, test.bytes)
			}
		})
	}
}
