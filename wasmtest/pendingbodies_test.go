package wasmtest

import (
	"testing"
	"time"
)

// A body that comes while its request waits does not carry it past the wait,
// whatever Envoy shows of it to the plugin.
func TestHeldRequestsWithABody(t *testing.T) {
	for name, stops := range map[string]bool{"headers stop all": false, "headers stop iteration": true} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{HeadersStopIteration: stops})
			vm := start(t, h, config(fetching(nil), notes(nil), nil))
			good := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil))), false)
			bad := vm.Open(rpc("/notes", impostorRSA.bearer(claims(h, nil))), false)
			for _, s := range []*Stream{good, bad} {
				s.Body(`{"jsonrpc":`, false)
				s.Body(`"2.0"}`, true)
				if s.State() != Held || s.HeadersSent() || s.UpstreamBody() != "" {
					t.Fatalf("%s, body %q", describe(s), s.UpstreamBody())
				}
			}
			goodServer(rsaKey).run(h, time.Second)
			wantForwarded(t, good)
			if got := good.UpstreamBody(); got != `{"jsonrpc":"2.0"}` {
				t.Errorf("the upstream has received %q", got)
			}
			wantInvalid(t, bad, "signature")
			if bad.HeadersSent() || bad.UpstreamBody() != "" {
				t.Error("a refused request has reached the upstream")
			}
		})
	}
}
