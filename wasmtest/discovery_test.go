package wasmtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func metadata(members object) string {
	return toJSON(with(object{"issuer": issuer, "jwks_uri": issuer + "/keys", "response_types_supported": []string{"code"}}, members))
}

// goodServer is an authorization server as it should be.
func goodServer(keys ...*signer) documents {
	return documents{"/.well-known/oauth-authorization-server": metadata(nil), "/keys": toJSON(keySet(keys...))}
}

// recorded is run, and returns the paths that were asked for, in their order.
func (d documents) recorded(h *Host, duration time.Duration) (paths []string) {
	take := func() {
		for len(h.Callouts()) > 0 {
			paths = append(paths, h.Callouts()[0].Path())
			text, ok := d[h.Callouts()[0].Path()]
			if ok {
				h.Callouts()[0].Answer("200", nil, []byte(text))
			} else {
				h.Callouts()[0].Answer("404", nil, nil)
			}
		}
	}
	h.Run(duration, take)
	return paths
}

func TestDiscoveryOrder(t *testing.T) {
	const oauth, oidc = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	for _, tt := range []struct {
		issuer, discovery string
		want              []string
	}{
		{issuer, "", []string{oauth, oidc}},
		{issuer, "auto", []string{oauth, oidc}},
		{issuer, "oauth", []string{oauth}},
		{issuer, "oidc", []string{oidc}},
		{issuer + "/a/b", "", []string{oauth + "/a/b", oidc + "/a/b", "/a/b" + oidc}},
		{issuer + "/a/b", "oauth", []string{oauth + "/a/b"}},
		{issuer + "/", "", []string{oauth, oidc}},
		{issuer + "/a/", "auto", []string{oauth + "/a", oidc + "/a", "/a" + oidc}},
	} {
		for last := range tt.want {
			t.Run(fmt.Sprintf("%s %s answers at %d", tt.issuer, tt.discovery, last), func(t *testing.T) {
				h := newHost(t, Options{})
				members := object{"issuer": tt.issuer}
				if tt.discovery != "" {
					members["discovery"] = tt.discovery
				}
				vm := start(t, h, config(fetching(members), notes(nil), nil))
				d := documents{tt.want[last]: metadata(object{"issuer": tt.issuer}), "/keys": toJSON(keySet(rsaKey))}
				got := d.recorded(h, 2*time.Second)
				if want := append(slices.Clone(tt.want[:last+1]), "/keys"); !slices.Equal(got, want) {
					t.Errorf("asked %q, want %q", got, want)
				}
				wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"iss": tt.issuer})))))
			})
		}
	}
}

func TestCalloutForm(t *testing.T) {
	h := newHost(t, Options{Clusters: []string{"outbound|443||auth.example.com"}})
	vm := start(t, h, config(fetching(object{"cluster": "outbound|443||auth.example.com", "jwks_uri": "https://keys.example.com:8443/a?b=c"}), notes(nil), nil))
	h.Run(time.Second, nil)
	if len(h.Callouts()) != 1 {
		t.Fatalf("%d callouts\n%s", len(h.Callouts()), h.LogText())
	}
	c := h.Callouts()[0]
	for name, want := range map[string]string{":method": "GET", ":scheme": "https", ":authority": "keys.example.com:8443", ":path": "/a?b=c"} {
		if got := c.Headers.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if c.Timeout != 5*time.Second || len(c.Body) != 0 {
		t.Errorf("timeout %v, body %q", c.Timeout, c.Body)
	}
	documents{"/a?b=c": toJSON(keySet(ecKey))}.run(h, time.Second)
	wantForwarded(t, vm.Request(rpc("/notes", ecKey.bearer(claims(h, nil)))))
}

func TestKeySources(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server object
		want   []string
	}{
		{"metadata_url", object{"metadata_url": issuer + "/meta"}, []string{"/meta", "/keys"}},
		{"metadata", object{"metadata": object{"issuer": issuer, "jwks_uri": issuer + "/keys"}}, []string{"/keys"}},
		{"jwks_uri", object{"jwks_uri": issuer + "/keys"}, []string{"/keys"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(fetching(tt.server), notes(nil), nil))
			held := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			d := documents{"/meta": metadata(nil), "/keys": toJSON(keySet(rsaKey))}
			if got := d.recorded(h, 2*time.Second); !slices.Equal(got, tt.want) {
				t.Errorf("asked %q, want %q", got, tt.want)
			}
			wantForwarded(t, held)
		})
	}
}

// Metadata that speaks for another issuer, or sends us elsewhere, is worth
// nothing (RFC 8414, section 3.3).
func TestMetadataIsNotTrusted(t *testing.T) {
	for name, document := range map[string]string{
		"another issuer":        metadata(object{"issuer": "https://evil.example"}),
		"issuer with a slash":   metadata(object{"issuer": issuer + "/"}),
		"issuer in capitals":    metadata(object{"issuer": strings.ToUpper(issuer)}),
		"no issuer":             metadata(object{"issuer": nil}),
		"issuer is an array":    metadata(object{"issuer": []string{issuer}}),
		"no jwks_uri":           metadata(object{"jwks_uri": nil}),
		"jwks_uri is a number":  metadata(object{"jwks_uri": 1}),
		"jwks_uri over http":    metadata(object{"jwks_uri": "http://auth.example.com/keys"}),
		"jwks_uri is relative":  metadata(object{"jwks_uri": "/keys"}),
		"jwks_uri with CR LF":   metadata(object{"jwks_uri": issuer + "/keys\r\nx: y"}),
		"jwks_uri with a space": metadata(object{"jwks_uri": issuer + "/ke ys"}),
		"jwks_uri of a file":    metadata(object{"jwks_uri": "file:///keys"}),
		"Issuer":                strings.Replace(metadata(nil), `"issuer"`, `"Issuer"`, 1),
		"not JSON":              "<html>",
		"array":                 "[" + metadata(nil) + "]",
		"empty":                 "",
		"cut off":               metadata(nil)[:20],
		"deep nesting":          `{"x":` + strings.Repeat("[", 120_000) + strings.Repeat("]", 120_000) + "," + metadata(nil)[1:20],
		"deep and cut off":      strings.Repeat("[", 250_000),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(fetching(object{"discovery": "oauth"}), notes(nil), nil))
			held := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			d := goodServer(rsaKey)
			d["/.well-known/oauth-authorization-server"] = document
			d.run(h, 11*time.Second)
			wantUnavailable(t, held)
			if vm.Dead() != nil {
				t.Fatal(vm.Dead())
			}
			if size := vm.MemorySize(); size > 64<<20 {
				t.Errorf("%d bytes of memory", size)
			}
			goodServer(rsaKey).run(h, time.Minute)
			wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		})
	}
}
