package wasmtest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Only the chosen headers are set, and each that is not set saves a call of the host. What
// a client sends under any of the names is removed.
func TestIdentityHeadersByChoice(t *testing.T) {
	all := []string{"subject", "client", "scope", "issuer", "expires"}
	calls := map[int]int{} // of the host for a known token, by the number of headers
	for _, tt := range []struct {
		resource object
		want     []string
	}{
		{nil, all},
		{object{"identity_headers": all}, all},
		{object{"identity_headers": []string{"scope", "subject"}}, []string{"subject", "scope"}},
		{object{"identity_headers": []string{"expires"}}, []string{"expires"}},
		{object{"identity_headers": []string{}}, nil},
		{object{"identity_headers": []string{}, "filter_state": []string{"subject"}}, nil},
	} {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), notes(with(object{"claim_to_headers": []object{{"claim_name": "jti", "header_name": "x-jti"}}}, tt.resource)), nil))
		token := rsaKey.bearer(claims(h, nil))
		for range 2 { // new and known
			s := vm.Request(rpc("/notes", token))
			if tt.resource["filter_state"] == nil {
				calls[len(tt.want)] = s.HostCalls()["proxy_replace_header_map_value"]
			}
			s = vm.Request(rpc("/notes", token, forged("x-mcpauth-subject", "x-mcpauth-client", "x-mcpauth-scope", "x-mcpauth-issuer", "x-mcpauth-expires")...))
			var got []string
			for _, kv := range s.Upstream() {
				if name, ok := strings.CutPrefix(strings.NewReplacer("_", "-", ".", "-", "!", "-", "~", "-", "|", "-").Replace(strings.ToLower(kv[0])), "x-mcpauth-"); ok {
					got = append(got, name)
				}
				if strings.Contains(kv[1], "forged") {
					t.Errorf("%v: the server gets %s: %s", tt.resource, kv[0], kv[1])
				}
			}
			if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(tt.want))) {
				t.Errorf("%v: %q, want %q", tt.resource, got, tt.want)
			}
			if s.Upstream().Get("x-jti") != "jti-1" {
				t.Errorf("%v: x-jti %q", tt.resource, s.Upstream().Values("x-jti"))
			}
			want := map[string]string{}
			if tt.resource["filter_state"] != nil {
				want["wasm.mcpauth-subject"] = "alice"
			}
			if state := s.FilterState(); !maps.Equal(state, want) {
				t.Errorf("%v: filter state %v, want %v", tt.resource, state, want)
			}
			wantForwarded(t, s)
		}
	}
	if calls[5]-calls[2] != 3 || calls[2]-calls[0] != 2 || calls[5] == 0 {
		t.Errorf("calls of the host by the number of headers: %v", calls)
	}
}
