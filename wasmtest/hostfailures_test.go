package wasmtest

import (
	"testing"
	"time"
)

// Whatever call of the host fails, the request does not go on.
func TestHostCallsThatFail(t *testing.T) {
	forged := [2]string{"x-mcpauth-subject", "root"}
	for _, function := range []string{
		"proxy_get_header_map_pairs",     // the request cannot be read
		"proxy_remove_header_map_value",  // Authorization and forged headers stay
		"proxy_replace_header_map_value", // the caller's identity is lost
		"proxy_set_property",             // what follows does not learn it
	} {
		for _, status := range []Status{NotFound, BadArgument, InternalFailure} {
			h := newHost(t, Options{})
			vm := start(t, h, config(server(nil), notes(object{"filter_state": []string{"subject"}}), object{"unmatched": "allow"}))
			known := rsaKey.bearer(claims(h, nil))
			wantForwarded(t, vm.Request(rpc("/notes", known)))
			h.FailCall(function, status)
			for name, request := range map[string]Headers{
				"a new token":    rpc("/notes", rsaKey.bearer(claims(h, object{"jti": "new"})), forged),
				"a known token":  rpc("/notes", known, forged),
				"a forged name":  rpc("/other", "", forged),
				"without a name": rpc("/notes", known),
			} {
				if name == "a forged name" && (function == "proxy_replace_header_map_value" || function == "proxy_set_property") {
					continue // nothing is set on a request that is not checked
				}
				s := vm.Request(request)
				if s.State() != Answered || s.Local().Status != 500 {
					t.Errorf("%s returns %d, %s: %s", function, status, name, describe(s))
				}
			}
			h.FailCall(function, OK)
			wantForwarded(t, vm.Request(rpc("/notes", known)))
		}
	}
}

// A request that was held goes through the same calls later.
func TestHostCallsThatFailForAHeldRequest(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
	h.FailCall("proxy_remove_header_map_value", InternalFailure)
	goodServer(rsaKey).run(h, time.Second)
	if s.State() != Answered || s.Local().Status != 500 {
		t.Error(describe(s))
	}
}

// The probe at the start does not bind the host for good: where the function
// fails later, the plugin's own crypto decides, and just as strictly.
func TestVerifySignatureThatStopsWorking(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), nil))
	h.SetFunction("verify_signature", nil)
	for _, key := range []*signer{rsaKey, ecKey} {
		wantForwarded(t, vm.Request(rpc("/notes", key.bearer(claims(h, nil)))))
	}
	wantInvalid(t, vm.Request(rpc("/notes", impostorRSA.bearer(claims(h, nil)))), "signature")
}

// While there are no keys each request waits for the next fetch, and not longer.
func TestMissingKeysAreLoggedSoon(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	failing(h, time.Second)
	s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
	failing(h, 1100*time.Millisecond)
	wantUnavailable(t, s)
}
