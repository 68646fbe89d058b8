package wasmtest

import (
	"strings"
	"testing"
)

// All that is kept of a request that waits counts, whichever header it is in.
func TestEveryLargeHeaderTakesPlaces(t *testing.T) {
	large := strings.Repeat("x", 40_000)
	for _, name := range []string{":authority", "access-control-request-method", "access-control-request-headers", "mcp-protocol-version", "mcp-method", "mcp-name"} {
		h := newHost(t, Options{})
		vm := start(t, h, config(fetching(nil), notes(nil), nil))
		r := rpc("/notes", rsaKey.bearer(claims(h, nil)), [2]string{name, large})
		if name == ":authority" {
			r = rpc("/notes", rsaKey.bearer(claims(h, nil)))
			r[2][1] = large
		}
		held := 0
		for vm.Request(r).State() == Held {
			held++
		}
		if held < 100 || held > 1024/5 {
			t.Errorf("%s: %d requests of 41 kB are held", name, held)
		}
	}
}
