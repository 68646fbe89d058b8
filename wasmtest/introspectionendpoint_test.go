package wasmtest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// discovered is the authorization server whose metadata names the endpoint.
func discovered(members object) object {
	return fetching(with(object{"introspection": object{"client_id": "gateway", "client_secret": clientSecret}}, members))
}

// withMetadata answers metadata from documents, and questions as a does.
func withMetadata(h *Host, a *asked, d documents, duration time.Duration) (paths []string) {
	h.Run(duration, func() {
		for len(h.Callouts()) > 0 {
			c := h.Callouts()[0]
			paths = append(paths, c.Path())
			if c.Headers.Get(":method") == "POST" {
				a.answer(h)
			} else if text, ok := d[c.Path()]; ok {
				c.Answer("200", nil, []byte(text))
			} else {
				c.Answer("404", nil, nil)
			}
		}
	})
	return paths
}

const oauthPlace, oidcPlace = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"

func TestEndpointOfTheMetadata(t *testing.T) {
	document := metadata(object{"introspection_endpoint": issuer + "/ask"})
	for _, tt := range []struct {
		name   string
		server object
		place  string
		want   []string
	}{
		{"oauth", nil, oauthPlace, []string{oauthPlace, "/ask"}},
		{"oidc", nil, oidcPlace, []string{oauthPlace, oidcPlace, "/ask"}},
		{"metadata_url", object{"metadata_url": issuer + "/meta", "introspection": object{"client_id": "a", "client_secret": "b", "jwt": true}}, "/meta", []string{"/meta", "/ask"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(discovered(tt.server), notes(nil), nil))
			a := newAsked(map[string]object{"one": aboutToken(h, nil), "two": aboutToken(h, nil)})
			if h.Run(time.Minute, nil); h.Dispatched() != 0 {
				t.Error("asked for metadata that no token needs")
			}
			held := []*Stream{vm.Request(rpc("/notes", "Bearer one")), vm.Request(rpc("/notes", "Bearer one"))}
			got := withMetadata(h, a, documents{tt.place: document}, 50*time.Millisecond)
			if !slices.Equal(got, tt.want) {
				t.Errorf("asked %q, want %q", got, tt.want)
			}
			for _, s := range held {
				wantForwarded(t, s)
			}
			// Found once an hour; the old one is used while there is no new one.
			s := vm.Request(rpc("/notes", "Bearer two"))
			if got := withMetadata(h, a, nil, 50*time.Millisecond); !slices.Equal(got, []string{"/ask"}) {
				t.Errorf("asked %q", got)
			}
			wantForwarded(t, s)
			h.Run(time.Hour, nil)
			a.known["two"] = aboutToken(h, nil)
			s = vm.Request(rpc("/notes", "Bearer two"))
			if got := withMetadata(h, a, nil, 50*time.Millisecond); len(got) < 2 || !slices.Contains(got, "/ask") {
				t.Errorf("asked %q", got)
			}
			wantForwarded(t, s)
		})
	}
}

// Without an endpoint nobody knows what a token is worth; it is searched for
// again when the next token comes.
func TestEndpointIsNotFound(t *testing.T) {
	for name, document := range map[string]string{
		"not in the metadata": metadata(nil),
		"over http":           metadata(object{"introspection_endpoint": "http://auth.example.com/ask"}),
		"another issuer":      metadata(object{"issuer": "https://other.example.com", "introspection_endpoint": issuer + "/ask"}),
		"no metadata":         "<html>",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(discovered(nil), notes(nil), nil))
			a := newAsked(map[string]object{"opaque": aboutToken(h, nil)})
			for range 4 {
				s := vm.Request(rpc("/notes", "Bearer opaque"))
				withMetadata(h, a, documents{oauthPlace: document}, time.Second)
				wantUnavailable(t, s)
				h.Run(time.Second, nil)
			}
			if n := h.Dispatched(); n != 8 || a.total != 0 { // two places, for each of four requests
				t.Errorf("%d callouts, %d questions", n, a.total)
			}
			if strings.Count(h.LogText(), "the endpoint is not found") != 1 {
				t.Errorf("log:\n%s", h.LogText())
			}
			h.Run(5*time.Second, nil)
			s := vm.Request(rpc("/notes", "Bearer opaque"))
			withMetadata(h, a, documents{oauthPlace: metadata(object{"introspection_endpoint": issuer + "/ask"})}, time.Second)
			wantForwarded(t, s)
		})
	}
}

// An operator may name the endpoint in metadata_overrides. Keys and endpoint
// come from the same places where both are used.
func TestEndpointBesideKeys(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(discovered(object{"discovery": "oauth", "metadata_overrides": object{"introspection_endpoint": issuer + "/ask"}}), notes(nil), nil))
	a := newAsked(map[string]object{"opaque": aboutToken(h, nil)})
	withMetadata(h, a, goodServer(rsaKey), 2*time.Second)
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	s := vm.Request(rpc("/notes", "Bearer opaque"))
	withMetadata(h, a, goodServer(rsaKey), time.Second)
	wantForwarded(t, s)
	if a.total != 1 {
		t.Errorf("%d questions", a.total)
	}
}
