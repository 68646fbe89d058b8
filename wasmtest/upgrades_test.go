package wasmtest

import (
	"testing"
	"time"
)

// The frames of an upgraded connection cannot be looked at, and its body has no end:
// where one is needed it is refused at once, before its token is decided on.
func TestUpgrades(t *testing.T) {
	onBoth(t, fetching(nil), ruled(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		for _, authorization := range []string{"", "Bearer x", rsaKey.bearer(claims(h, nil))} {
			for _, s := range []*Stream{
				vm.Open(request("GET", "/notes", [2]string{"connection", "Upgrade"}, [2]string{"upgrade", "websocket"}, [2]string{"authorization", authorization}), false),
				vm.Open(request("POST", "/notes", [2]string{"connection", "upgrade"}, [2]string{"upgrade", ""}, [2]string{"authorization", authorization}), false),
				vm.Open(request("CONNECT", "/notes", [2]string{"authorization", authorization}), false),
			} {
				wantError(t, s, 400, "invalid_request")
				wantNothingSent(t, s, true)
			}
		}
	})
	onBoth(t, fetching(nil), notes(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		// With no rules it waits for the token alone, and all of it goes on.
		s := vm.Open(request("GET", "/notes", [2]string{"connection", "Upgrade"}, [2]string{"upgrade", "websocket"}, [2]string{"authorization", rsaKey.bearer(claims(h, nil))}), false)
		s.Body("one", false)
		if s.State() != Held {
			t.Fatal(describe(s))
		}
		goodServer(rsaKey).run(h, time.Second)
		s.Body("two", false)
		if s.UpstreamBody() != "onetwo" {
			t.Errorf("%s, body %q", describe(s), s.UpstreamBody())
		}
		wantForwarded(t, s)
	})
}

// A proxy behind the gateway removes the headers that Connection names. A client must not
// have the identity headers removed.
func TestUpgradesKeepTheIdentity(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), nil))
	bearer := rsaKey.bearer(claims(h, nil))
	for range 2 { // the second time from the cache
		s := vm.Open(request("GET", "/notes", [2]string{"connection", "upgrade, X-MCPAuth-Subject"}, [2]string{"connection", "x-mcpauth-client"},
			[2]string{"upgrade", "websocket"}, [2]string{"authorization", bearer}), false)
		wantForwarded(t, s)
		if got := s.Upstream().Values("connection"); toJSON(got) != `["Upgrade"]` {
			t.Errorf("connection %q", got)
		}
	}
}

// The forms of the endpoints that the gateway has in the place of a provider are
// bodies too.
func TestUpgradesOfProxyEndpoints(t *testing.T) {
	_, vm, p := proxyVM(t, nil)
	for _, path := range []string{"/token", "/register", "/revoke"} {
		s := vm.Open(request("POST", path, [2]string{"content-type", formType}, [2]string{"connection", "Upgrade"}, [2]string{"upgrade", "websocket"}), false)
		wantError(t, s, 400, "invalid_request")
	}
	if len(p.forms) != 0 {
		t.Errorf("%d forms have been sent", len(p.forms))
	}
}
