package wasmtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// Envoy up to 1.38 refuses a module that imports any other function of WASI.
func TestImportsAreThoseOfEveryHost(t *testing.T) {
	for _, name := range plugin(t).Imports() {
		module, function, _ := strings.Cut(name, ".")
		known := envFunctions
		if module == "wasi_snapshot_preview1" {
			known = wasiFunctions
		} else if module != "env" {
			t.Errorf("import %s", name)
		}
		if !slices.ContainsFunc(known, func(f hostFunction) bool { return f.name == function }) {
			t.Errorf("import %s", name)
		}
	}
}

// plain says that the file was built with PLAIN=1: without what makes it smaller.
var plain = os.Getenv("PLAIN") != ""

// Just these: a host enters the module for every callback that it exports, for
// every request, whether or not there is anything to do.
func TestExportsOfTheABI(t *testing.T) {
	want := []string{"_initialize", "malloc", "proxy_abi_version_0_2_0", "proxy_on_configure", "proxy_on_context_create",
		"proxy_on_delete", "proxy_on_done", "proxy_on_http_call_response", "proxy_on_log", "proxy_on_memory_allocate", "proxy_on_request_body", "proxy_on_request_headers",
		"proxy_on_request_trailers", "proxy_on_response_body", "proxy_on_response_headers", "proxy_on_response_trailers",
		"proxy_on_tick", "proxy_on_vm_start"}
	if plain {
		want = append(want, "proxy_on_downstream_connection_close", "proxy_on_downstream_data", "proxy_on_new_connection",
			"proxy_on_queue_ready",
			"proxy_on_upstream_connection_close", "proxy_on_upstream_data")
		slices.Sort(want)
	}
	if exports := slices.Sorted(slices.Values(plugin(t).Exports())); !slices.Equal(exports, want) {
		t.Errorf("exports %v, want %v", exports, want)
	}
}

// A host compiles the whole file before it serves: `make bench` shows what that
// costs in time and memory.
func TestSizeBudget(t *testing.T) {
	budget := 3_000_000
	if plain {
		budget = 5_300_000
	}
	if size := plugin(t).Size(); size > budget {
		t.Errorf("%d bytes, %d over the budget of %d", size, size-budget, budget)
	}
}

// Where poll_oneoff returns ENOSYS, a collection crashes a guest that was not
// built against it (golang/go issue 78513), so there must be many.
func TestCollectorSurvivesManyRequests(t *testing.T) {
	for _, works := range []bool{false, true} {
		t.Run(fmt.Sprintf("poll_oneoff works: %v", works), func(t *testing.T) {
			h := newHost(t, Options{PollOneoffWorks: works})
			vm := start(t, h, config(fetching(nil), notes(nil), nil))
			waiting := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			goodServer(rsaKey).run(h, 2e9)
			wantForwarded(t, waiting)

			large := [2]string{"x-large", strings.Repeat("x", 4000)}
			good := rsaKey.bearer(claims(h, nil))
			expired := rsaKey.bearer(claims(h, object{"exp": 1}))
			requests := []Headers{
				rpc("/notes", good, large), rpc("/notes", expired, large), rpc("/notes", "", large),
				rpc("/notes", "Bearer "+strings.Repeat("y", 8000)), request("GET", prm+"/notes", large), rpc("/notes/%2F", good, large),
			}
			states := []State{Forwarded, Answered, Answered, Answered, Answered, Answered}
			round := func(n int) {
				for i := range n {
					s := vm.Request(requests[i%len(requests)])
					if s.State() != states[i%len(states)] {
						t.Fatalf("request %d: %s, dead: %v", i, describe(s), vm.Dead())
					}
					s.Close()
					if i%1000 == 0 {
						goodServer(rsaKey).run(h, 1e9)
					}
				}
			}
			n := 30_000
			if works {
				n = 6_000 // enough to see that both kinds of host do
			}
			round(6_000)
			warm := vm.MemorySize()
			round(n)
			if grown := vm.MemorySize() - warm; grown > 4<<20 {
				t.Errorf("memory grew by %d bytes in %d requests, from %d", grown, n, warm)
			}
			t.Logf("memory: %.1f MB", float64(vm.MemorySize())/1e6)
		})
	}
}

// The token cache is full at its limit and no further.
func TestTokenCacheIsBounded(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), object{"token_cache": object{"max_entries": 64}}))
	ask := func(i int) {
		s := vm.Request(rpc("/notes", ecKey.bearer(claims(h, object{"jti": fmt.Sprint(i), "x": strings.Repeat("x", 2000)}))))
		wantForwarded(t, s)
	}
	for i := range 1000 {
		ask(i)
	}
	warm := vm.MemorySize()
	for i := range 3000 {
		ask(1000 + i)
	}
	if grown := vm.MemorySize() - warm; grown > 2<<20 {
		t.Errorf("memory grew by %d bytes in 3,000 tokens", grown)
	}
}
