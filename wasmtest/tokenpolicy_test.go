package wasmtest

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"testing"
)

func TestStrictProfile(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(object{"typ": "at+jwt"}), notes(nil), nil))
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
		t.Run(name+" is required", func(t *testing.T) {
			wantError(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{name: nil})))), 401, "invalid_token")
		})
	}
	for _, typ := range []any{nil, "JWT", "x", ""} {
		t.Run(fmt.Sprintf("typ %v", typ), func(t *testing.T) {
			token := rsaKey.sign(toJSON(with(rsaKey.header(), object{"typ": typ})), toJSON(claims(h, nil)))
			wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token)), "type")
		})
	}
}

func TestTokenPolicyIsConfigured(t *testing.T) {
	for _, tt := range []struct {
		name             string
		server, resource object
		good, bad        func(h *Host) string
		description      string
	}{
		{"algorithms", object{"algorithms": []string{"ES256"}, "jwks": keySet(ecKey)}, nil,
			func(h *Host) string { return ecKey.bearer(claims(h, nil)) },
			func(h *Host) string { return rsaKey.bearer(claims(h, nil)) }, "algorithm"},
		{"clock skew", object{"clock_skew_seconds": 5}, nil,
			func(h *Host) string { return rsaKey.bearer(claims(h, object{"exp": h.Clock().Now().Unix() - 4})) },
			func(h *Host) string { return rsaKey.bearer(claims(h, object{"exp": h.Clock().Now().Unix() - 6})) }, "expired"},
		{"no clock skew", object{"clock_skew_seconds": 0}, nil,
			func(h *Host) string { return rsaKey.bearer(claims(h, object{"exp": h.Clock().Now().Unix() + 1})) },
			func(h *Host) string { return rsaKey.bearer(claims(h, object{"exp": h.Clock().Now().Unix() - 1})) }, "expired"},
		{"lifetime", object{"max_token_lifetime_seconds": 3600}, nil,
			func(h *Host) string { return rsaKey.bearer(claims(h, nil)) },
			func(h *Host) string {
				return rsaKey.bearer(claims(h, object{"exp": h.Clock().Now().Unix() + 86400}))
			}, "life|long"},
		{"audiences", nil, object{"audiences": []string{"api://notes"}},
			func(h *Host) string { return rsaKey.bearer(claims(h, object{"aud": "api://notes"})) },
			func(h *Host) string { return rsaKey.bearer(claims(h, object{"aud": "api://note"})) }, "audience"},
		{"resource beside audiences", nil, object{"audiences": []string{"api://notes"}},
			func(h *Host) string { return rsaKey.bearer(claims(h, nil)) },
			func(h *Host) string { return rsaKey.bearer(claims(h, object{"aud": "API://notes"})) }, "audience"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(server(tt.server), notes(tt.resource), nil))
			wantForwarded(t, vm.Request(rpc("/notes", tt.good(h))))
			wantInvalid(t, vm.Request(rpc("/notes", tt.bad(h))), tt.description)
		})
	}
}

// The TypeScript client asks for a token for https://h/ when the resource is
// https://h: both are its audience.
func TestAudienceOfARootResource(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), object{"resource": "https://mcp.example.com"}, nil))
	for _, aud := range []string{"https://mcp.example.com", "https://mcp.example.com/", "HTTPS://MCP.example.com", "https://mcp.EXAMPLE.com/"} {
		wantForwarded(t, vm.Request(rpc("/", rsaKey.bearer(claims(h, object{"aud": aud})))))
	}
	for _, aud := range []string{"https://mcp.example.com//", "https://mcp.example.com/x", "mcp.example.com"} {
		wantInvalid(t, vm.Request(rpc("/", rsaKey.bearer(claims(h, object{"aud": aud})))), "audience")
	}
}

// Scheme and host may be in capitals, in the configuration and in the token. The
// path counts as it is, and so do further audiences that are no URLs.
func TestAudienceInCapitals(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), object{"resource": "HTTPS://MCP.Example.Com/Notes", "audiences": []string{"API://Notes", "https://other.example.com/X"}}, nil))
	for _, aud := range []string{"HTTPS://MCP.Example.Com/Notes", "https://mcp.example.com/Notes", "HTTPS://MCP.EXAMPLE.COM/Notes", "API://Notes", "HTTPS://Other.example.com/X"} {
		wantForwarded(t, vm.Request(rpc("/Notes", rsaKey.bearer(claims(h, object{"aud": aud})))))
	}
	for _, aud := range []string{"https://mcp.example.com/notes", "HTTPS://MCP.EXAMPLE.COM/NOTES", "api://notes", "api://Notes", "https://other.example.com/x"} {
		wantInvalid(t, vm.Request(rpc("/Notes", rsaKey.bearer(claims(h, object{"aud": aud})))), "audience")
	}
}

// Each server vouches for itself alone.
func TestKeysBelongToTheirIssuer(t *testing.T) {
	h := newHost(t, Options{})
	const secondIssuer = "https://second.example.com"
	vm := start(t, h, object{
		"authorization_servers": []object{
			{"issuer": issuer, "jwks": keySet(rsaKey)},
			{"issuer": secondIssuer, "jwks": keySet(otherRSA)},
		},
		"resources": []object{notes(nil),
			notes(object{"resource": "https://mcp.example.com/first", "authorization_servers": []string{issuer}})},
	})
	first := claims(h, nil)
	second := claims(h, object{"iss": secondIssuer})
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(first))))
	wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(second))))
	wantInvalid(t, vm.Request(rpc("/notes", otherRSA.bearer(first))), "key")
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(second))), "key")
	wantInvalid(t, vm.Request(rpc("/notes", impostorRSA.bearer(first))), "signature")
	second["aud"] = "https://mcp.example.com/first"
	wantInvalid(t, vm.Request(rpc("/first", otherRSA.bearer(second))), "issuer")
}

func TestStaticKeysOfEveryKind(t *testing.T) {
	jwks := toJSON(keySet(rsaKey, ecKey))
	var inline any
	if err := json.Unmarshal([]byte(jwks), &inline); err != nil {
		t.Fatal(err)
	}
	for name, members := range map[string]object{
		"jwks": {"jwks": inline},
		"public_keys": {"jwks": nil, "public_keys": []object{
			{"pem": rsaKey.pem(), "kid": rsaKey.kid, "alg": "RS256"}, {"pem": ecKey.pem(), "kid": ecKey.kid, "alg": "ES256"}}},
		"public_keys of other forms": {"jwks": nil, "public_keys": []object{
			{"pem": block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.rsa.PublicKey)), "kid": rsaKey.kid},
			{"pem": block("CERTIFICATE", certificate(t, ecKey.ec)), "kid": ecKey.kid}}},
		"certificates without kid": {"jwks": nil, "public_keys": []object{
			{"pem": block("CERTIFICATE", certificate(t, rsaKey.rsa))}, {"pem": block("CERTIFICATE", certificate(t, ecKey.ec))}}},
		"public_keys without alg": {"jwks": nil, "public_keys": []object{
			{"pem": rsaKey.pem(), "kid": rsaKey.kid}, {"pem": ecKey.pem(), "kid": ecKey.kid}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(server(members), notes(nil), nil))
			for _, key := range []*signer{rsaKey, ecKey} {
				wantForwarded(t, vm.Request(rpc("/notes", key.bearer(claims(h, nil)))))
				wantInvalid(t, vm.Request(rpc("/notes", (&signer{kid: key.kid, rsa: otherRSA.rsa}).bearer(claims(h, nil)))), "signature|key")
			}
		})
	}
}
