package wasmtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// The Protected Resource Metadata document (RFC 9728) needs no token and is
// the same for every way to ask for it.
func TestMetadataIsServed(t *testing.T) {
	vm := usualVM(t)
	for _, tt := range []struct {
		name    string
		request Headers
	}{
		{"GET", request("GET", prm+"/notes")},
		{"HEAD", request("HEAD", prm+"/notes")},
		{"trailing slash", request("GET", prm+"/notes/")},
		{"query", request("GET", prm+"/notes?x=1")},
		{"a token", request("GET", prm+"/notes", [2]string{"authorization", "Bearer x"})},
		{"two tokens", request("GET", prm+"/notes", [2]string{"authorization", "Bearer x"}, [2]string{"authorization", "Bearer y"})},
		{"a browser", request("GET", prm+"/notes", [2]string{"origin", "https://app.example"})},
		{"another host", Headers{{":method", "GET"}, {":path", prm + "/notes"}, {":authority", "evil.example"}, {":scheme", "http"}}},
		{"encoded unreserved character", request("GET", prm+"/n%6Ftes")},
		{"at the root", request("GET", prm)},
		{"at the root with a slash", request("GET", prm+"/")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(tt.request)
			wantStatus(t, s, 200)
			wantHeaders(t, s, map[string]string{
				"content-type":                "application/json",
				"cache-control":               "public, max-age=3600",
				"access-control-allow-origin": "*",
				"etag":                        s.Local().Headers.Get("etag"),
			})
			var got, want any
			if err := json.Unmarshal(s.Local().Body, &got); err != nil {
				t.Fatal(err)
			}
			json.Unmarshal([]byte(`{
				"resource": "https://mcp.example.com/notes",
				"authorization_servers": ["https://auth.example.com"],
				"scopes_supported": ["read:notes", "write:notes"],
				"bearer_methods_supported": ["header"]
			}`), &want)
			if toJSON(got) != toJSON(want) {
				t.Errorf("document %s, want %s", s.Local().Body, toJSON(want))
			}
		})
	}
}

func TestMetadataOfManyResources(t *testing.T) {
	h := newHost(t, Options{})
	second := object{"issuer": "https://auth.example.com/tenant/", "jwks": keySet(otherRSA)}
	vm := start(t, h, object{
		"authorization_servers": []object{server(nil), second},
		"resources": []object{
			notes(nil),
			{"resource": "https://mcp.example.com"},
			{"resource": "https://mcp.example.com/a/b", "authorization_servers": []string{"https://auth.example.com/tenant/"},
				"metadata": object{"resource_name": "A \"b\"", "resource_name#de": "Ä", "x_tiers": []string{"a", "b"}}},
			{"resource": "https://one.example.com/same", "match": object{"hosts": []string{"one.example.com"}}},
			{"resource": "https://two.example.com/same", "match": object{"hosts": []string{"two.example.com"}}},
		},
	})
	const both = `"authorization_servers":["https://auth.example.com","https://auth.example.com/tenant/"],"bearer_methods_supported":["header"]`
	for _, tt := range []struct{ host, path, want string }{
		{"mcp.example.com", prm, `{` + both + `,"resource":"https://mcp.example.com"}`},
		{"mcp.example.com", prm + "/", `{` + both + `,"resource":"https://mcp.example.com"}`},
		{"mcp.example.com", prm + "/a/b", `{"authorization_servers":["https://auth.example.com/tenant/"],"bearer_methods_supported":["header"],` +
			`"resource":"https://mcp.example.com/a/b","resource_name":"A \"b\"","resource_name#de":"Ä","x_tiers":["a","b"]}`},
		{"one.example.com", prm + "/same", `{` + both + `,"resource":"https://one.example.com/same"}`},
		{"two.example.com", prm + "/same", `{` + both + `,"resource":"https://two.example.com/same"}`},
		{"TWO.example.com", prm + "/same", `{` + both + `,"resource":"https://two.example.com/same"}`},
	} {
		t.Run(tt.host+tt.path, func(t *testing.T) {
			s := vm.Request(Headers{{":method", "GET"}, {":path", tt.path}, {":authority", tt.host}, {":scheme", "https"}})
			wantStatus(t, s, 200)
			var got any
			if err := json.Unmarshal(s.Local().Body, &got); err != nil {
				t.Fatal(err)
			}
			if toJSON(got) != tt.want {
				t.Errorf("document %s,\nwant %s", toJSON(got), tt.want)
			}
		})
	}
}

func TestMetadataRefusesOtherMethods(t *testing.T) {
	vm := usualVM(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "X"} {
		t.Run(method, func(t *testing.T) {
			s := vm.Request(request(method, prm+"/notes", [2]string{"origin", "https://app.example"}))
			wantError(t, s, 405, "method_not_allowed")
			var allowed []string
			for _, m := range strings.Split(s.Local().Headers.Get("allow"), ",") {
				allowed = append(allowed, strings.TrimSpace(m))
			}
			slices.Sort(allowed)
			if !slices.Equal(allowed, []string{"GET", "HEAD", "OPTIONS"}) {
				t.Errorf("allow: %q", s.Local().Headers.Values("allow"))
			}
			if got := s.Local().Headers.Get("access-control-allow-origin"); got != "*" {
				t.Errorf("access-control-allow-origin %q", got)
			}
		})
	}
}

// Clients probe well-known places one after the other and go on at a 404; a
// 401 there makes some of them give up.
func TestOtherWellKnownPlacesAreNotFound(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), object{"resource": "https://mcp.example.com"}, nil))
	narrow := start(t, newHost(t, Options{}), usual())
	token := rsaKey.bearer(claims(h, object{"aud": "https://mcp.example.com"}))
	for _, path := range []string{
		"/.well-known/oauth-authorization-server",
		"/.well-known/oauth-authorization-server/notes",
		"/.well-known/openid-configuration",
		"/.well-known/openid-configuration/notes",
		"/notes/.well-known/openid-configuration",
		"/.well-known/oauth-protected-resource/unknown",
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(method+" "+path, func(t *testing.T) {
				wantError(t, vm.Request(request(method, path)), 404, "not_found")
				wantError(t, vm.Request(request(method, path, [2]string{"authorization", token})), 404, "not_found")
				wantError(t, narrow.Request(request(method, path)), 404, "not_found")
			})
		}
	}
	wantError(t, vm.Request(request("GET", "/.well-known/other")), 401, "unauthorized")
	wantForwarded(t, vm.Request(request("GET", "/.well-known/other", [2]string{"authorization", token})))
}

func TestPreflights(t *testing.T) {
	vm := usualVM(t)
	browser := func(path, method string, more ...[2]string) Headers {
		return request("OPTIONS", path, append([][2]string{
			{"origin", "https://app.example"}, {"access-control-request-method", method}}, more...)...)
	}
	for _, tt := range []struct {
		name         string
		request      Headers
		allowHeaders string
	}{
		{"metadata", browser(prm+"/notes", "GET", [2]string{"access-control-request-headers", "mcp-protocol-version"}), "mcp-protocol-version"},
		{"resource", browser("/notes", "POST", [2]string{"access-control-request-headers", "authorization,content-type,mcp-session-id"}), "authorization,content-type,mcp-session-id"},
		{"below the resource", browser("/notes/x", "DELETE", [2]string{"access-control-request-headers", "authorization"}), "authorization"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(tt.request)
			wantStatus(t, s, 204)
			h := s.Local().Headers
			if h.Get("access-control-allow-origin") != "*" || h.Get("access-control-max-age") == "" || len(s.Local().Body) != 0 || h.Has("www-authenticate") {
				t.Errorf("answer %s", describe(s))
			}
			if got := strings.ReplaceAll(h.Get("access-control-allow-headers"), " ", ""); got != tt.allowHeaders {
				t.Errorf("access-control-allow-headers %q, want %q", got, tt.allowHeaders)
			}
			if !strings.Contains(h.Get("access-control-allow-methods"), tt.request.Get("access-control-request-method")) {
				t.Errorf("access-control-allow-methods %q", h.Get("access-control-allow-methods"))
			}
		})
	}
	t.Run("malformed list of headers is not echoed", func(t *testing.T) {
		for _, list := range []string{"a b", "x\"y", "<script>", "a,,b\\", strings.Repeat("a", 100000)} {
			s := vm.Request(browser("/notes", "POST", [2]string{"access-control-request-headers", list}))
			if strings.Contains(toJSON(s.Local()), strings.Trim(toJSON(list), `"`)) {
				t.Errorf("echoed: %s", describe(s))
			}
			if s.State() != Answered {
				t.Errorf("%q: %v", list, s.State())
			}
		}
	})
	t.Run("metadata without Origin", func(t *testing.T) {
		wantStatus(t, vm.Request(request("OPTIONS", prm+"/notes")), 204)
	})
	t.Run("an OPTIONS that is no preflight needs a token", func(t *testing.T) {
		wantError(t, vm.Request(request("OPTIONS", "/notes")), 401, "unauthorized")
		wantError(t, vm.Request(request("OPTIONS", "/notes", [2]string{"origin", "https://app.example"})), 401, "unauthorized")
		wantError(t, vm.Request(request("OPTIONS", "/notes", [2]string{"access-control-request-method", "GET"})), 401, "unauthorized")
	})
	t.Run("unmatched", func(t *testing.T) {
		wantError(t, vm.Request(browser("/other", "GET")), 404, "not_found")
	})
}
