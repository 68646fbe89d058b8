package wasmtest

import "testing"

// Servers take these headers for the proxy of their own requests (CGI), the root
// of the application or the address of the client.
func TestHeadersThatServersActOn(t *testing.T) {
	for _, name := range []string{"Proxy", "Script-Name", "SCRIPT_NAME", "Path-Info", "X-Script-Name", "X-Forward-For", "Forwarded-For",
		"X-Remote-IP", "X-Remote-Addr", "X-Originating-IP", "X-Override-URL"} {
		wantRefused(t, toJSON(config(server(nil), notes(object{"claim_to_headers": []object{{"claim_name": "a", "header_name": name}}}), nil)),
			"resources[0].claim_to_headers[0].header_name")
	}
}
