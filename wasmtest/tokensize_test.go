package wasmtest

import (
	"fmt"
	"strings"
	"testing"
)

// inGroups are the claims of a user in many groups, as Entra ID writes them.
func inGroups(h *Host, n int) object {
	groups := make([]string, n)
	for i := range groups {
		groups[i] = fmt.Sprintf("%08x-aaaa-bbbb-cccc-0123456789ab", i)
	}
	return claims(h, object{"groups": groups})
}

// aroundSize are the longest token of at most n bytes and the next longer one, of
// a byte or two more.
func aroundSize(h *Host, n int) (fits, longer string) {
	c := claims(h, object{"x": ""})
	c["x"] = strings.Repeat("x", (n-len(rsaKey.token(c)))/4*3-3)
	for {
		if longer = rsaKey.token(c); len(longer) > n {
			return fits, longer
		}
		fits = longer
		c["x"] = c["x"].(string) + "x"
	}
}

func TestMaxTokenBytes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		members object
		limit   int
	}{
		{"the default", nil, 16384},
		{"the most", object{"max_token_bytes": 65536}, 65536},
		{"the least", object{"max_token_bytes": 1024}, 1024},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(server(nil), notes(nil), tt.members))
			fits, longer := aroundSize(h, tt.limit)
			for range 2 { // the second time from the cache
				wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+fits)))
			}
			wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+longer)), "too large")
			wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+strings.Repeat("x", tt.limit+1))), "too large")
			wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+strings.Repeat("x", tt.limit))), "malformed")
		})
		t.Run(tt.name+", opaque", func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(opaque(object{"jwt": true}), notes(nil), tt.members))
			long := strings.Repeat("x", tt.limit)
			a := newAsked(map[string]object{long: aboutToken(h, nil), long + "x": aboutToken(h, nil)})
			wantForwarded(t, a.decided(h, vm, long))
			wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+long+"x")), "too large")
			if a.total != 1 || h.Dispatched() != 1 {
				t.Errorf("asked %d times", a.total)
			}
		})
	}
}

// Who raises the limit gets users in a thousand groups in.
func TestUsersInManyGroups(t *testing.T) {
	eachSignatureHost(t, func(t *testing.T, h *Host) {
		vm := start(t, h, config(server(nil), notes(object{"claim_to_headers": []object{{"claim_name": "groups", "header_name": "x-groups"}}}), object{"max_token_bytes": 65536}))
		for _, key := range []*signer{rsaKey, ecKey} {
			token := key.token(inGroups(h, 1000))
			if len(token) < 50<<10 {
				t.Fatal(len(token))
			}
			for range 2 {
				s := vm.Request(rpc("/notes", "Bearer "+token))
				if n := strings.Count(s.Upstream().Get("x-groups"), "-aaaa-"); n != 1000 {
					t.Errorf("%d groups", n)
				}
				wantForwarded(t, s)
			}
		}
		wantInvalid(t, vm.Request(rpc("/notes", impostorRSA.bearer(inGroups(h, 1000)))), "signature")
		wantInvalid(t, start(t, h, usual()).Request(rpc("/notes", rsaKey.bearer(inGroups(h, 400)))), "too large")
	})
}

// A flood of large tokens, good and bad, takes no more memory than the caches may.
func TestMemoryOfLargeTokens(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), object{"resource": resource}, object{"max_token_bytes": 65536, "token_cache": object{"max_entries": 100_000}}))
	c := inGroups(h, 1000)
	for i := range 600 {
		c["jti"] = fmt.Sprint(i)
		wantForwarded(t, vm.Request(rpc("/notes", ecKey.bearer(c))))
		vm.Request(rpc("/notes", "Bearer "+strings.Repeat("y", 60<<10))).Close()
	}
	if size := vm.MemorySize(); size > 96<<20 {
		t.Errorf("%d bytes of memory", size)
	}
}
