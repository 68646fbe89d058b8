package wasmtest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

const asMetadata = "/.well-known/oauth-authorization-server"

// oldClients is a configuration that serves what clients of MCP 2025-03-26 look
// for at the resource's origin.
func oldClients(server, members object) object {
	return config(server, notes(with(object{"serve_authorization_server_metadata": true}, members)), nil)
}

// The document is the authorization server's own, with the operator's patch,
// fetched once for all workers and at once asked for.
func TestServerMetadataIsServed(t *testing.T) {
	patched := object{"metadata_overrides": object{"x_extra": "y", "response_types_supported": nil}}
	for name, server := range map[string]object{
		"fetched":                  fetching(nil),
		"patched":                  fetching(patched),
		"metadata_url":             fetching(object{"metadata_url": issuer + asMetadata}),
		"by hand":                  fetching(object{"metadata": object{"issuer": issuer, "jwks_uri": issuer + "/keys", "response_types_supported": []string{"code"}}}),
		"of a server without keys": fetching(object{"introspection": object{"client_id": "a", "client_secret": "b"}}),
		"patched, without keys":    fetching(with(object{"introspection": object{"endpoint": issuer + "/introspect", "client_id": "a", "client_secret": "b"}}, patched)),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vms := []*VM{start(t, h, oldClients(server, nil)), start(t, h, oldClients(server, nil))}
			var held []*Stream
			for _, vm := range vms {
				held = append(held, vm.Request(request("GET", asMetadata)))
			}
			goodServer(rsaKey).recorded(h, 3*time.Second)
			if want := map[string]int{"fetched": 2, "patched": 2, "metadata_url": 2, "by hand": 1, "of a server without keys": 1, "patched, without keys": 1}[name]; h.Dispatched() != want {
				t.Errorf("%d callouts, want %d", h.Dispatched(), want)
			}
			want := metadata(nil)
			if strings.HasPrefix(name, "patched") {
				want = `{"issuer":"` + issuer + `","jwks_uri":"` + issuer + `/keys","x_extra":"y"}`
			}
			for _, s := range held {
				wantDocument(t, s, want)
			}
			for _, path := range []string{asMetadata, asMetadata + "/", asMetadata + "?x=y", asMetadata + "/notes", asMetadata + "/notes/"} {
				for _, vm := range vms {
					wantDocument(t, vm.Request(request("GET", path, [2]string{"origin", "https://app.example"})), want)
				}
			}
			tag := held[0].Local().Headers.Get("etag")
			s := vms[1].Request(request("GET", asMetadata, [2]string{"if-none-match", `"x", ` + tag}))
			wantStatus(t, s, 304)
			if len(s.Local().Body) != 0 {
				t.Errorf("body %q", s.Local().Body)
			}
			wantStatus(t, vms[0].Request(request("HEAD", asMetadata)), 200)
			wantError(t, vms[0].Request(request("POST", asMetadata)), 405, "method_not_allowed")
			s = vms[0].Request(request("OPTIONS", asMetadata, [2]string{"origin", "https://app.example"},
				[2]string{"access-control-request-method", "GET"}, [2]string{"access-control-request-headers", "mcp-protocol-version"}))
			wantStatus(t, s, 204)
			if got := s.Local().Headers.Get("access-control-allow-headers"); got != "mcp-protocol-version" {
				t.Errorf("access-control-allow-headers %q", got)
			}
			// What nobody has is still 404, and tokens are as needed as ever.
			for _, path := range []string{asMetadata + "/other", asMetadata + "x", "/.well-known/openid-configuration", "/notes/.well-known/openid-configuration"} {
				wantStatus(t, vms[0].Request(request("GET", path)), 404)
			}
			wantError(t, vms[0].Request(rpc("/notes", "")), 401, "unauthorized")
			wantStatus(t, vms[0].Request(request("GET", prm+"/notes")), 200)
		})
	}
}

func wantDocument(t *testing.T, s *Stream, want string) {
	t.Helper()
	wantStatus(t, s, 200)
	wantHeaders(t, s, map[string]string{
		"content-type": "application/json", "cache-control": "public, max-age=3600", "access-control-allow-origin": "*", "etag": s.Local().Headers.Get("etag"),
	})
	var got, expected any
	if err := json.Unmarshal(s.Local().Body, &got); err != nil {
		t.Fatal(err)
	}
	json.Unmarshal([]byte(want), &expected)
	if toJSON(got) != toJSON(expected) {
		t.Errorf("document\n%s, want\n%s", s.Local().Body, want)
	}
}

// While there is no document requests wait, and then get 503, never one that
// another server made; the last good one is served while the server is down.
func TestServerMetadataThatIsNotThere(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, oldClients(fetching(nil), nil))
	s := vm.Request(request("GET", asMetadata, [2]string{"origin", "https://app.example"}))
	if s.State() != Held {
		t.Fatal(describe(s))
	}
	evil := documents{asMetadata: metadata(object{"issuer": "https://evil.example"})}
	evil.recorded(h, 3*time.Second)
	wantUnavailable(t, s)
	s = vm.Request(request("GET", asMetadata))
	evil.recorded(h, 1100*time.Millisecond)
	wantUnavailable(t, s)
	// The document is good, the keys are not there.
	documents{asMetadata: metadata(nil)}.recorded(h, 30*time.Second)
	wantDocument(t, vm.Request(request("GET", asMetadata)), metadata(nil))
	documents{}.recorded(h, 2*time.Hour)
	wantDocument(t, vm.Request(request("GET", asMetadata)), metadata(nil))
	changed := goodServer(rsaKey)
	changed[asMetadata] = metadata(object{"x": "y"})
	changed.recorded(h, 2*time.Hour)
	wantDocument(t, vm.Request(request("GET", asMetadata)), metadata(object{"x": "y"}))
}

// The document is fetched and kept where it is served only.
func TestServerMetadataIsAnOption(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	goodServer(rsaKey).recorded(h, 2*time.Second)
	wantStatus(t, vm.Request(request("GET", asMetadata+"/notes")), 404)
	for _, name := range h.SharedData().Keys() {
		if value, _ := h.SharedData().Get(name); strings.Contains(string(value), "response_types_supported") {
			t.Errorf("%s has the document", name)
		}
	}
}

// What clients can do nothing with takes the place of no good document, though
// it names the right issuer: nor of one that the proxy has its endpoints from.
func TestBadServerMetadataNeverReplacesGood(t *testing.T) {
	for name, bad := range map[string]string{
		"no jwks_uri":   metadata(object{"jwks_uri": nil}),
		"http jwks_uri": metadata(object{"jwks_uri": "http://auth.example.com/keys"}),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, oldClients(fetching(nil), nil))
			goodServer(rsaKey).recorded(h, 3*time.Second)
			documents{asMetadata: bad}.recorded(h, 2*time.Hour)
			wantDocument(t, vm.Request(request("GET", asMetadata)), metadata(nil))
		})
	}
	h, vm, p := proxyVM(t, nil)
	good := p.documents[asMetadata]
	p.documents[asMetadata] = metadata(object{"token_endpoint": issuer + "/elsewhere"})
	p.run(h, 2*time.Hour)
	wantStatus(t, vm.Request(request("GET", authorizing(nil))), 200)
	if !strings.Contains(h.LogText(), "the metadata has no authorization_endpoint") {
		t.Errorf("log:\n%s", h.LogText())
	}
	s := post(vm, "/token", formType, form(url.Values{"code": {codeAt(nowOf(h), "c")}}))
	p.run(h, time.Second)
	wantStatus(t, s, 200)
	p.documents[asMetadata] = strings.Replace(good, "/token", "/elsewhere", 1)
	p.run(h, 2*time.Hour)
	s = post(vm, "/token", formType, form(url.Values{"code": {codeAt(nowOf(h), "c")}}))
	p.run(h, time.Second)
	wantStatus(t, s, 200)
	if got := []string{p.forms[0].Path(), p.forms[1].Path()}; got[0] != "/token" || got[1] != "/elsewhere" {
		t.Errorf("the codes went to %q", got)
	}
}
