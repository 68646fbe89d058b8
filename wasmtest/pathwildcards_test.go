package wasmtest

import "testing"

// A path that ends in "*" covers nothing that a client asks for: with unmatched
// allow, all requests that it is meant for would go on unchecked.
func TestPathsWithWildcards(t *testing.T) {
	for _, path := range []string{"/notes*", "/notes/*", "/notes/**", "/*", "/*/mcp", "/notes/.*"} {
		wantRefused(t, toJSON(config(server(nil), notes(object{"match": object{"path_prefixes": []string{path}}}), object{"unmatched": "allow"})),
			"resources[0].match.path_prefixes[0]")
		wantRefused(t, toJSON(config(server(nil), notes(object{"resource": "https://mcp.example.com" + path}), object{"unmatched": "allow"})), "resources[0].resource")
	}
}
