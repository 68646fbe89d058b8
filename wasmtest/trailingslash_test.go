package wasmtest

import (
	"encoding/json"
	"strings"
	"testing"
)

// A resource whose URL ends in a slash is published as it is, and it is all that
// is below that URL, and the URL without the slash.
func TestResourceThatEndsInASlash(t *testing.T) {
	const url = "https://mcp.example.com/notes/"
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), nil, object{"resources": []object{
		notes(object{"resource": url, "root_metadata": true}), {"resource": "https://mcp.example.com/other"}}}))
	for _, path := range []string{prm + "/notes", prm + "/notes/", prm, prm + "/"} {
		s := vm.Request(request("GET", path))
		wantStatus(t, s, 200)
		var document object
		if err := json.Unmarshal(s.Local().Body, &document); err != nil || document["resource"] != url {
			t.Errorf("%s: %s", path, s.Local().Body)
		}
	}
	token := rsaKey.bearer(claims(h, object{"aud": url}))
	for _, path := range []string{"/notes", "/notes/", "/notes/x"} {
		wantForwarded(t, vm.Request(rpc(path, token)))
		s := vm.Request(rpc(path, ""))
		wantError(t, s, 401, "unauthorized")
		if c := s.Local().Headers.Get("www-authenticate"); !strings.Contains(c, `resource_metadata="`+prmURL+`/"`) {
			t.Errorf("challenge %s", c)
		}
	}
	wantError(t, vm.Request(rpc("/notesx", token)), 404, "not_found")
	// A path counts byte for byte.
	wantError(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))), 401, "invalid_token")
	wantError(t, vm.Request(rpc("/other", token)), 401, "invalid_token")
}

func TestResourcesThatDifferInASlashAreOne(t *testing.T) {
	h := newHost(t, Options{})
	_, err := h.StartVM(toJSON(config(server(nil), nil, object{"resources": []object{
		notes(nil), notes(object{"resource": resource + "/", "match": object{"hosts": []string{"h"}}})}})))
	if err == nil || !strings.Contains(h.LogText(), "resources[1].resource: is the same resource as resources[0].resource") {
		t.Errorf("%v\n%s", err, h.LogText())
	}
}

// An origin is an audience with and without a slash, be it the resource or one of
// audiences.
func TestAudienceThatIsAnOrigin(t *testing.T) {
	for _, own := range []string{"https://api.example.com", "https://api.example.com/", "https://api.example.com:443", "https://api.example.com:443/"} {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), notes(object{"audiences": []string{own, "https://api.example.com/path", "api://default"}}), nil))
		for aud, good := range map[string]bool{
			"https://api.example.com": true, "https://api.example.com/": true, "HTTPS://API.example.com/": true, own: true,
			"https://api.example.com//": false, "https://api.example.com/?": false, "https://api.example.com.": false, "http://api.example.com": false,
			"https://api.example.com/path": true, "https://api.example.com/path/": false, "api://default": true, "api://default/": false,
		} {
			if s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"aud": aud})))); good != (s.State() == Forwarded) {
				t.Errorf("audiences has %s, aud is %s: %s", own, aud, describe(s))
			}
		}
	}
}
