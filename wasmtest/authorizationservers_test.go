package wasmtest

import (
	"slices"
	"testing"
	"time"
)

// Two servers whose keys have the same ID, each behind a cluster of its own, in
// one plugin and for one resource: their tokens, keys and troubles stay apart.
func TestSameKeyIDInTwoServers(t *testing.T) {
	const secondIssuer = "https://second.example.com"
	h := newHost(t, Options{})
	plugin := object{
		"authorization_servers": []object{
			fetching(object{"jwks_uri": issuer + "/keys"}),
			{"issuer": secondIssuer, "cluster": "second", "jwks_uri": secondIssuer + "/keys"},
		},
		"resources": []object{notes(nil), notes(object{"resource": "https://mcp.example.com/first", "authorization_servers": []string{issuer}})},
	}
	vms := []*VM{start(t, h, plugin), start(t, h, plugin)}
	keys := map[string]*signer{"auth": rsaKey, "second": impostorRSA}
	down := ""
	answer := func() {
		for _, c := range h.Callouts() {
			if c.Cluster == down {
				c.Fail()
				continue
			}
			c.Answer("200", nil, []byte(toJSON(keySet(keys[c.Cluster]))))
		}
	}
	ask := func(path string, key *signer, members object) *Stream {
		s := vms[0].Request(rpc(path, key.bearer(claims(h, members))))
		h.Run(11*time.Second, answer)
		return s
	}
	second := object{"iss": secondIssuer}
	h.Run(2*time.Second, answer)
	wantForwarded(t, ask("/notes", rsaKey, nil))
	wantForwarded(t, ask("/notes", impostorRSA, second))
	wantInvalid(t, ask("/notes", impostorRSA, nil), "signature")
	wantInvalid(t, ask("/notes", rsaKey, second), "signature")
	wantInvalid(t, ask("/first", impostorRSA, object{"iss": secondIssuer, "aud": "https://mcp.example.com/first"}), "issuer")
	// One server's new key, and its absence, are nothing to the other.
	keys["second"] = &signer{kid: rsaKey.kid, rsa: newRSA("").rsa}
	wantForwarded(t, ask("/notes", keys["second"], second))
	wantForwarded(t, ask("/notes", rsaKey, nil))
	down = "second"
	h.Run(10*time.Minute, answer)
	wantUnavailable(t, ask("/notes", newRSA("new"), second))
	wantInvalid(t, ask("/notes", newRSA("new"), nil), "key")
	wantForwarded(t, ask("/notes", keys["second"], object{"iss": secondIssuer, "jti": "after"}))
}

// Plugins that trust one server with different settings share what is the same
// and do not disturb each other in what is not.
func TestOneServerWithDifferentSettings(t *testing.T) {
	h := newHost(t, Options{})
	impatient := start(t, h, config(direct(object{"max_stale_seconds": 120}), notes(nil), nil))
	patient := start(t, h, config(direct(object{"clock_skew_seconds": 0}), notes(nil), nil))
	elsewhere := start(t, h, config(direct(object{"jwks_cluster": "keys"}), notes(nil), nil))
	asked := map[string]int{}
	answer := func(up bool) func() {
		return func() {
			for _, c := range h.Callouts() {
				asked[c.Cluster]++
				if up || c.Cluster == "keys" {
					c.Answer("200", Headers{{"cache-control", "max-age=3600"}}, []byte(toJSON(keySet(rsaKey))))
				} else {
					c.Fail()
				}
			}
		}
	}
	vms := []*VM{impatient, patient, elsewhere}
	ask := func(vm *VM) *Stream { return vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))) }
	h.Run(2*time.Second, answer(true))
	if asked["auth"] != 1 || asked["keys"] != 1 {
		t.Errorf("asked %v, want once through each cluster", asked)
	}
	for range 60 {
		h.Run(time.Minute, answer(true))
		for _, vm := range vms {
			wantForwarded(t, ask(vm))
		}
	}
	// The one that gives keys up after 2 minutes sees to it that they are
	// younger, the others not.
	if asked["auth"] < 58 || asked["auth"] > 64 || asked["keys"] > 3 {
		t.Errorf("asked %v in an hour", asked)
	}
	h.Run(3*time.Minute, answer(false))
	late := ask(impatient)
	h.Run(1100*time.Millisecond, answer(false))
	wantUnavailable(t, late)
	wantForwarded(t, ask(patient))
	wantForwarded(t, ask(elsewhere))
}

// overridden is a document that is of no use as it is.
var overridden = toJSON(object{"issuer": "https://login.example.com/{tenantid}/v2.0", "jwks_uri": "http://old.example.com/keys", "x": object{"y": 1}})

// The operator may mend what a server publishes, and vouch for its issuer.
func TestMetadataOverrides(t *testing.T) {
	good := object{"issuer": issuer, "jwks_uri": issuer + "/keys"}
	for _, tt := range []struct {
		name     string
		server   object
		document string
		asked    []string
		ok       bool
	}{
		{"issuer and keys", object{"metadata_overrides": good}, overridden, []string{"/.well-known/oauth-authorization-server", "/keys"}, true},
		{"from metadata_url", object{"metadata_url": issuer + "/meta", "metadata_overrides": good}, overridden, []string{"/meta", "/keys"}, true},
		{"keys alone", object{"discovery": "oauth", "metadata_overrides": object{"jwks_uri": issuer + "/keys"}}, metadata(object{"jwks_uri": nil}), []string{"/.well-known/oauth-authorization-server", "/keys"}, true},
		{"nothing that matters", object{"metadata_overrides": object{"scopes_supported": []string{"a"}, "x": nil}}, metadata(nil), []string{"/.well-known/oauth-authorization-server", "/keys"}, true},
		{"of another issuer, which nobody vouches for", object{"metadata_url": issuer + "/meta", "metadata_overrides": object{"jwks_uri": issuer + "/keys"}}, overridden, nil, false},
		{"no JSON", object{"metadata_url": issuer + "/meta", "metadata_overrides": good}, "<html>", nil, false},
		{"no object", object{"metadata_url": issuer + "/meta", "metadata_overrides": good}, "[1]", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(fetching(tt.server), notes(nil), nil))
			s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			d := documents{"/.well-known/oauth-authorization-server": tt.document, "/meta": tt.document, "/keys": toJSON(keySet(rsaKey))}
			got := d.recorded(h, 2*time.Second)
			if !tt.ok {
				wantUnavailable(t, s)
				return
			}
			wantForwarded(t, s)
			if !slices.Equal(got, tt.asked) {
				t.Errorf("asked %q, want %q", got, tt.asked)
			}
		})
	}
}

// Keys on another host than the metadata go through a cluster of their own,
// with the host and the path that the metadata names.
func TestJWKSCluster(t *testing.T) {
	for name, server := range map[string]object{
		"discovery":    {"jwks_cluster": "keys"},
		"metadata_url": {"jwks_cluster": "keys", "metadata_url": issuer + "/.well-known/oauth-authorization-server"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(fetching(server), notes(nil), nil))
			var asked []string
			h.Run(2*time.Second, func() {
				for _, c := range h.Callouts() {
					asked = append(asked, c.Cluster+" "+c.Headers.Get(":scheme")+"://"+c.Headers.Get(":authority")+c.Path())
					if c.Cluster == "auth" {
						c.Answer("200", nil, []byte(metadata(object{"jwks_uri": "https://keys.example.net:8443/v3/certs?x=y"})))
					} else {
						c.Answer("200", nil, []byte(toJSON(keySet(rsaKey))))
					}
				}
			})
			want := []string{"auth " + issuer + "/.well-known/oauth-authorization-server", "keys https://keys.example.net:8443/v3/certs?x=y"}
			if !slices.Equal(asked, want) {
				t.Errorf("asked %q, want %q", asked, want)
			}
			wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		})
	}
}
