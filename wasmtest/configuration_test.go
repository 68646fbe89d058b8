package wasmtest

import (
	"strings"
	"testing"
)

// wantRefused checks that the plugin does not start and that its log names
// each of these places, and returns the log.
func wantRefused(t *testing.T, config string, places ...string) string {
	t.Helper()
	h := newHost(t, Options{})
	if _, err := h.StartVM(config); err == nil {
		t.Fatalf("started with %s", config)
	}
	for _, place := range places {
		named := false
		for _, l := range h.Logs() {
			named = named || strings.HasPrefix(l.Message, "mcpauth: "+place+":") && l.Level >= LogError
		}
		if !named {
			t.Errorf("no error line names %s:\n%s", place, h.LogText())
		}
	}
	for _, l := range h.Logs() {
		if !strings.HasPrefix(l.Message, "mcpauth: ") || strings.ContainsAny(l.Message, "\r\n") {
			t.Errorf("log line %q", l.Message)
		}
	}
	return h.LogText()
}

func TestWrongConfigurations(t *testing.T) {
	good := func(members object) object { return config(server(nil), notes(nil), members) }
	withServer := func(members object) object { return config(server(members), notes(nil), nil) }
	withResource := func(members object) object { return config(server(nil), notes(members), nil) }
	for _, tt := range []struct {
		name   string
		config any
		places []string
	}{
		{"empty", "", []string{"$"}},
		{"not JSON", "{", []string{"$"}},
		{"YAML", "resources: []", []string{"$"}},
		{"an array", "[]", []string{"$"}},
		{"more after the document", usual() + "{}", []string{"$"}},
		{"nothing", "{}", []string{"authorization_servers", "resources"}},
		{"no servers", good(object{"authorization_servers": []object{}}), []string{"authorization_servers"}},
		{"no resources", good(object{"resources": []object{}}), []string{"resources"}},
		{"unknown member", good(object{"unmached": "allow"}), []string{"unmached"}},
		{"member in another case", good(object{"Unmatched": "allow"}), []string{"Unmatched"}},
		{"duplicate member", strings.Replace(usual(), `{`, `{"unmatched":"deny","unmatched":"allow",`, 1), []string{"unmatched"}},
		{"unmatched of a wrong value", good(object{"unmatched": "pass"}), []string{"unmatched"}},
		{"allow_insecure_http as text", good(object{"allow_insecure_http": "true"}), []string{"allow_insecure_http"}},
		{"token_cache too large", good(object{"token_cache": object{"max_entries": 100_001}}), []string{"token_cache.max_entries"}},
		{"token_cache negative", good(object{"token_cache": object{"max_entries": -1}}), []string{"token_cache.max_entries"}},

		{"unknown member of a server", withServer(object{"isuer": "x"}), []string{"authorization_servers[0].isuer"}},
		{"jwks_cluster beside jwks", withServer(object{"jwks_cluster": "keys"}), []string{"authorization_servers[0].jwks_cluster"}},
		{"all that is not fetched", withServer(object{"metadata_overrides": object{}, "max_stale_seconds": 60}),
			[]string{"authorization_servers[0].metadata_overrides", "authorization_servers[0].max_stale_seconds"}},
		{"overrides that vouch for another", withServer(object{"jwks": nil, "cluster": "auth", "metadata_overrides": object{"issuer": issuer + "/"}}),
			[]string{"authorization_servers[0].metadata_overrides.issuer"}},
		{"overrides with http keys", withServer(object{"jwks": nil, "cluster": "auth", "metadata_overrides": object{"jwks_uri": "http://auth.example.com/k"}}),
			[]string{"authorization_servers[0].metadata_overrides.jwks_uri"}},
		{"no issuer", withServer(object{"issuer": nil}), []string{"authorization_servers[0].issuer"}},
		{"issuer is a number", withServer(object{"issuer": 1}), []string{"authorization_servers[0].issuer"}},
		{"issuer over http", withServer(object{"issuer": "http://auth.example.com"}), []string{"authorization_servers[0].issuer"}},
		{"issuer with a fragment", withServer(object{"issuer": issuer + "#x"}), []string{"authorization_servers[0].issuer"}},
		{"issuer is no URL", withServer(object{"issuer": "auth"}), []string{"authorization_servers[0].issuer"}},
		{"no cluster", config(fetching(object{"cluster": nil}), notes(nil), nil), []string{"authorization_servers[0].cluster"}},
		{"algorithm none", withServer(object{"algorithms": []string{"none"}}), []string{"authorization_servers[0].algorithms[0]"}},
		{"algorithm HS256", withServer(object{"algorithms": []string{"RS256", "HS256"}}), []string{"authorization_servers[0].algorithms[1]"}},
		{"no algorithms", withServer(object{"algorithms": []string{}}), []string{"authorization_servers[0].algorithms"}},
		{"clock skew as text", withServer(object{"clock_skew_seconds": "60"}), []string{"authorization_servers[0].clock_skew_seconds"}},
		{"clock skew negative", withServer(object{"clock_skew_seconds": -1}), []string{"authorization_servers[0].clock_skew_seconds"}},
		{"typ", withServer(object{"typ": "JWT"}), []string{"authorization_servers[0].typ"}},
		{"discovery", config(fetching(object{"discovery": "x"}), notes(nil), nil), []string{"authorization_servers[0].discovery"}},
		{"jwks without keys", withServer(object{"jwks": object{"keys": []object{}}}), []string{"authorization_servers[0].jwks.keys"}},
		{"jwks_uri over http", config(fetching(object{"jwks_uri": "http://auth.example.com/keys"}), notes(nil), nil), []string{"authorization_servers[0].jwks_uri"}},
		{"metadata of another issuer", config(fetching(object{"metadata": object{"issuer": "https://x.example", "jwks_uri": issuer}}), notes(nil), nil), []string{"authorization_servers[0].metadata.issuer"}},
		{"introspection", withServer(object{"introspection": object{}}), []string{"authorization_servers[0].introspection.client_id", "authorization_servers[0].introspection.client_secret"}},
		{"metadata_overrides", withServer(object{"metadata_overrides": object{}}), []string{"authorization_servers[0].metadata_overrides"}},
		{"duplicate issuer", good(object{"authorization_servers": []object{server(nil), server(nil)}}), []string{"authorization_servers[1].issuer"}},

		{"unknown member of a resource", withResource(object{"scope": "x"}), []string{"resources[0].scope"}},
		{"no resource", withResource(object{"resource": nil}), []string{"resources[0].resource"}},
		{"resource over http", withResource(object{"resource": "http://mcp.example.com"}), []string{"resources[0].resource"}},
		{"resource with a fragment", withResource(object{"resource": resource + "#x"}), []string{"resources[0].resource"}},
		{"resource with a user", withResource(object{"resource": "https://u@mcp.example.com"}), []string{"resources[0].resource"}},
		{"resource is relative", withResource(object{"resource": "/notes"}), []string{"resources[0].resource"}},
		{"duplicate resource", good(object{"resources": []object{notes(nil), notes(nil)}}), []string{"resources[1].resource"}},
		{"unknown issuer", withResource(object{"authorization_servers": []string{issuer, issuer + "/"}}), []string{"resources[0].authorization_servers[1]"}},
		{"no issuers", withResource(object{"authorization_servers": []string{}}), []string{"resources[0].authorization_servers"}},
		{"scope with a quote", withResource(object{"required_scopes": []string{"a", `b"c`}}), []string{"resources[0].required_scopes[1]"}},
		{"scope with a space", withResource(object{"scopes_supported": []string{"a b"}}), []string{"resources[0].scopes_supported[0]"}},
		{"prefix without a slash", withResource(object{"match": object{"path_prefixes": []string{"notes"}}}), []string{"resources[0].match.path_prefixes[0]"}},
		{"header that is no name", withResource(object{"forward_payload_header": "a b"}), []string{"resources[0].forward_payload_header"}},
		{"claim to Authorization", withResource(object{"claim_to_headers": []object{{"claim_name": "a", "header_name": "Authorization"}}}), []string{"resources[0].claim_to_headers[0].header_name"}},
		{"claim to a pseudo-header", withResource(object{"claim_to_headers": []object{{"claim_name": "a", "header_name": ":path"}}}), []string{"resources[0].claim_to_headers[0].header_name"}},
		{"metadata overrides resource", withResource(object{"metadata": object{"resource": "x"}}), []string{"resources[0].metadata.resource"}},
		{"bad rules", withResource(object{"tools": object{"a*b": []string{"x"}, "*": []string{"offline_access"}}, "methods": object{"tools/call": []string{}}, "resources": object{"FILE:///a": []string{}}, "max_body_bytes": 1}),
			[]string{`resources[0].tools["a*b"]`, `resources[0].tools["*"][0]`, `resources[0].methods["tools/call"]`, `resources[0].resources["FILE:///a"]`, "resources[0].max_body_bytes"}},
		{"scope that implies itself", withResource(object{"scope_hierarchy": object{"a": []string{"b"}, "b": []string{"c"}, "c": []string{"a"}, "d": []string{"a"}}}),
			[]string{"resources[0].scope_hierarchy.a", "resources[0].scope_hierarchy.b", "resources[0].scope_hierarchy.c"}},
		{"offline_access anywhere", withResource(object{"scopes_supported": []string{"offline_access"}, "required_scopes": []string{"offline_access"}, "scope_hierarchy": object{"offline_access": []string{"a"}}}),
			[]string{"resources[0].scopes_supported[0]", "resources[0].required_scopes[0]", "resources[0].scope_hierarchy.offline_access"}},
		{"challenge_scopes against the other scopes", withResource(object{"scopes_supported": []string{"a", "b"}, "required_scopes": []string{"a"}, "challenge_scopes": []string{"b", "c"}}),
			[]string{"resources[0].challenge_scopes[1]"}},
		{"challenge_scopes without a required one", withResource(object{"scopes_supported": []string{"a", "b"}, "required_scopes": []string{"a"}, "challenge_scopes": []string{"b"}}),
			[]string{"resources[0].challenge_scopes"}},
		{"all scopes of none", withResource(object{"scopes_supported": nil, "challenge_scopes": "all"}), []string{"resources[0].challenge_scopes"}},
		{"bad origins", withResource(object{"allowed_origins": []string{"*", "https://*", "https://a/"}}),
			[]string{"resources[0].allowed_origins[0]", "resources[0].allowed_origins[1]", "resources[0].allowed_origins[2]"}},
		{"bad host patterns", withResource(object{"match": object{"hosts": []string{"*", "a.*.b", "*.127.0.0.1"}}}),
			[]string{"resources[0].match.hosts[0]", "resources[0].match.hosts[1]", "resources[0].match.hosts[2]"}},
		{"two at the root", good(object{"resources": []object{{"resource": "https://a.example/x", "root_metadata": true}, {"resource": "https://a.example/y", "root_metadata": true}}}), []string{"resources[1]"}},
		{"the same path twice", good(object{"resources": []object{{"resource": "https://a.example/x"}, {"resource": "https://b.example/x"}}}), []string{"resources[1]"}},

		{"many mistakes at once", object{
			"authorization_servers": []object{server(object{"issuer": "http://x.example"}), server(object{"algorithms": 1, "typ": 2})},
			"resources":             []object{{"resource": 1}, notes(object{"required_scopes": []any{1}, "forward": "yes"})},
			"x":                     1, "unmatched": false,
		}, []string{"authorization_servers[0].issuer", "authorization_servers[1].algorithms", "authorization_servers[1].typ",
			"resources[0].resource", "resources[1].required_scopes[0]", "resources[1].forward", "x", "unmatched"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, ok := tt.config.(string)
			if !ok {
				text = toJSON(tt.config)
			}
			wantRefused(t, text, tt.places...)
		})
	}
}

// What the metadata says of bound tokens is up to the member dpop.
func TestPromisesInMetadataSaySo(t *testing.T) {
	log := wantRefused(t, toJSON(config(server(nil), notes(object{"metadata": object{"dpop_bound_access_tokens_required": true}}), nil)))
	if strings.Count(log, "must not be here: the gateway publishes it, if the resource has dpop") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// What an operator puts where it does not belong may be a secret; the log is
// read by more people than the configuration.
func TestConfigurationErrorsKeepSecrets(t *testing.T) {
	const secret = "s3cr3t-v4lue"
	private := with(rsaKey.jwk(), object{"d": secret, "p": secret})
	for name, c := range map[string]object{
		"unknown member":        config(server(object{"client_secret": secret}), notes(nil), nil),
		"wrong type":            config(server(object{"clock_skew_seconds": secret, "cluster": []string{secret}}), notes(nil), nil),
		"password in a URL":     config(server(object{"issuer": "https://user:" + secret + "@auth.example.com"}), notes(nil), nil),
		"private key":           config(server(object{"jwks": object{"keys": []object{private}}, "x": 1}), notes(nil), nil),
		"symmetric key":         config(server(object{"jwks": object{"keys": []object{{"kty": "oct", "k": secret}}}}), notes(nil), nil),
		"private key in PEM":    config(server(object{"jwks": nil, "public_keys": []object{{"pem": "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----\n"}}}), notes(nil), nil),
		"PEM that is none":      config(server(object{"jwks": nil, "public_keys": []object{{"pem": secret}}}), notes(nil), nil),
		"value of a wrong kind": config(server(object{"discovery": secret, "jwks": nil}), notes(nil), object{"unmatched": secret}),
	} {
		t.Run(name, func(t *testing.T) {
			if log := wantRefused(t, toJSON(c)); strings.Contains(log, secret) {
				t.Errorf("the log tells the secret:\n%s", log)
			}
		})
	}
	t.Run("not JSON", func(t *testing.T) {
		if log := wantRefused(t, `{"client_secret":"`+secret+`",,}`, "$"); strings.Contains(log, secret) {
			t.Errorf("the log tells the secret:\n%s", log)
		}
	})
}

func TestConfigurationsThatAreFine(t *testing.T) {
	for name, c := range map[string]object{
		"the shortest":          config(fetching(nil), object{"resource": resource}, nil),
		"loopback over http":    config(server(object{"issuer": "http://localhost:9000"}), object{"resource": "http://127.0.0.1:8080/mcp"}, nil),
		"insecure by wish":      config(server(object{"issuer": "http://auth.internal"}), object{"resource": "http://mcp.internal/mcp"}, object{"allow_insecure_http": true}),
		"no token cache":        config(server(nil), notes(nil), object{"token_cache": object{"max_entries": 0}}),
		"the same path by host": config(server(nil), object{"resource": "https://a.example/x", "match": object{"hosts": []string{"a.example"}}}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			start(t, h, c)
			for _, l := range h.Logs() {
				if l.Level >= LogError {
					t.Errorf("log: %s", l.Message)
				}
			}
		})
	}
}
