package wasmtest

import "testing"

// Clients in Go take these members for those that the gateway publishes.
func TestMetadataInAnotherCase(t *testing.T) {
	for _, name := range []string{"Resource", "AUTHORIZATION_SERVERS", "Scopes_Supported", "Bearer_Methods_Supported", "Dpop_Bound_Access_Tokens_Required"} {
		wantRefused(t, toJSON(config(server(nil), notes(object{"metadata": object{name: []string{"https://other.example.com"}}}), nil)), "resources[0].metadata."+name)
	}
}
