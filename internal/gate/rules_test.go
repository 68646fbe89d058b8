package gate

import (
	"cmp"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
	"mcpauth/internal/reply"
)

// ruled returns a gate with one resource, which has rules.
func ruled(t *testing.T, members string) (*Gate, *resource) {
	t.Helper()
	c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a"}], "resources": [{"resource": "https://h/n",
		"required_scopes": ["base"], "scope_hierarchy": {"admin": ["write", "read"], "write": ["read"], "root": ["base"]}, ` + members + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{}
	p := &resource{Resource: c.Resources[0], rules: operation.Compile(c.Resources[0].Rules), challenge: reply.Challenge{ResourceMetadata: "https://h/m"}, requiredScope: "base"}
	p.readClaims()
	return g, p
}

const toolRules = `"tools": {"delete": ["write"], "drop": ["admin", "base"], "look": ["read"], "purge": {"scopes": ["admin"], "claims": {"groups": ["ops", 7], "mfa": true}}}, "methods": {"tools/*": ["read"]}`

const (
	callDelete = `{"method":"tools/call","params":{"name":"delete"}}`
	callPurge  = `{"method":"tools/call","params":{"name":"purge"}}`
	callLook   = `{"method":"tools/call","params":{"name":"look"}}`
)

func mcp(version, method, name string) operation.Headers {
	h := operation.Headers{Version: version, Method: method, Name: name}
	for _, c := range []struct {
		value string
		count *int
	}{{version, &h.VersionCount}, {method, &h.MethodCount}, {name, &h.NameCount}} {
		if c.value != "" {
			*c.count = 1
		}
	}
	return h
}

func TestRules(t *testing.T) {
	const current, older = "2026-07-28", "2025-11-25"
	for _, test := range []struct {
		name    string
		rules   string
		scopes  string // of the token
		payload string // of the token
		request Request
		headers string // what becomes of it at the headers: a status, "pass", or "body"
		body    string
		want    string // what becomes of the body
		scope   string // of the challenge
		denied  string // the claim that the description names
		outcome metrics.Outcome
	}{
		{name: "no body", scopes: "base", request: Request{MCP: mcp(current, "tools/call", "delete")}, headers: "pass"},
		{name: "headers alone suffice to refuse", scopes: "base", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "delete")}, headers: "403", scope: "base write", outcome: metrics.InsufficientScope},
		{name: "a broader scope", scopes: "base admin", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "delete")}, headers: "body", body: callDelete, want: "pass"},
		{name: "all that is needed, the least of it", scopes: "root", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "drop")}, headers: "403", scope: "base admin", outcome: metrics.InsufficientScope},
		{name: "part of it", scopes: "root read", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "drop")}, headers: "403", scope: "base admin", outcome: metrics.InsufficientScope},
		{name: "a lie in the headers", scopes: "base read", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "look")}, headers: "body", body: callDelete, want: "400", outcome: metrics.Mismatch},
		{name: "trusted", rules: `, "trust_mcp_headers": true`, scopes: "base read", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "look")}, headers: "pass"},
		{name: "trusted, encoded", rules: `, "trust_mcp_headers": true`, scopes: "base read", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "=?base64?ZGVsZXRl?=")}, headers: "403", scope: "base write", outcome: metrics.InsufficientScope},
		{name: "trusted, compressed", rules: `, "trust_mcp_headers": true`, scopes: "base read", request: Request{HasBody: true, ContentEncoding: "gzip", MCP: mcp(current, "tools/list", "")}, headers: "pass"},
		{name: "trusted, but older", rules: `, "trust_mcp_headers": true`, scopes: "base read", request: Request{HasBody: true, MCP: mcp(older, "tools/call", "look")}, headers: "body", body: callDelete, want: "400", outcome: metrics.Mismatch},
		{name: "trusted, no version", rules: `, "trust_mcp_headers": true`, scopes: "base read", request: Request{HasBody: true, MCP: mcp("", "tools/call", "look")}, headers: "body", body: callLook, want: "pass"},
		{name: "trusted, no method", rules: `, "trust_mcp_headers": true`, scopes: "base read", request: Request{HasBody: true, MCP: mcp(current, "", "")}, headers: "body", body: callDelete, want: "403", scope: "base write", outcome: metrics.InsufficientScope},
		{name: "trusted, no name", rules: `, "trust_mcp_headers": true`, scopes: "base read", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "")}, headers: "body", body: callDelete, want: "403", scope: "base write", outcome: metrics.InsufficientScope},
		{name: "older, headers", scopes: "base", request: Request{HasBody: true, MCP: mcp(older, "tools/call", "delete")}, headers: "body", body: callDelete, want: "403", scope: "base write", outcome: metrics.InsufficientScope},
		{name: "by the body", scopes: "base read", request: Request{HasBody: true}, headers: "body", body: callDelete, want: "403", scope: "base write", outcome: metrics.InsufficientScope},
		{name: "by the body, granted", scopes: "base write", request: Request{HasBody: true}, headers: "body", body: callDelete, want: "pass"},
		{name: "a batch", scopes: "base read", request: Request{HasBody: true}, headers: "body", body: "[" + callLook + "," + callDelete + "]", want: "403", scope: "base write", outcome: metrics.InsufficientScope},
		{name: "a batch, granted", scopes: "base write", request: Request{HasBody: true}, headers: "body", body: "[" + callLook + "," + callDelete + "]", want: "pass"},
		{name: "a batch with headers", scopes: "base write", request: Request{HasBody: true, MCP: mcp(older, "tools/call", "")}, headers: "body", body: "[" + callLook + "]", want: "400", outcome: metrics.Mismatch},
		{name: "a claim in the headers", scopes: "base admin", payload: `{"groups":["ops"]}`, request: Request{HasBody: true, MCP: mcp(current, "tools/call", "purge")}, headers: "403", denied: "mfa", outcome: metrics.AccessDenied},
		{name: "a claim before a scope", scopes: "base", payload: `{"mfa":true}`, request: Request{HasBody: true, MCP: mcp(current, "tools/call", "purge")}, headers: "403", denied: "groups", outcome: metrics.AccessDenied},
		{name: "a scope after the claims", scopes: "base", payload: `{"groups":7.0,"mfa":true}`, request: Request{HasBody: true, MCP: mcp(current, "tools/call", "purge")}, headers: "403", scope: "base admin", outcome: metrics.InsufficientScope},
		{name: "claims, trusted", rules: `, "trust_mcp_headers": true`, scopes: "base admin", payload: `{"groups":["a",7],"mfa":true}`, request: Request{HasBody: true, MCP: mcp(current, "tools/call", "purge")}, headers: "pass"},
		{name: "claims, trusted, missing", rules: `, "trust_mcp_headers": true`, scopes: "base admin", payload: `{"groups":["a",7],"mfa":"true"}`, request: Request{HasBody: true, MCP: mcp(current, "tools/call", "purge")}, headers: "403", denied: "mfa", outcome: metrics.AccessDenied},
		{name: "claims by the body", scopes: "base admin", payload: `{"groups":["a","ops"],"mfa":true}`, request: Request{HasBody: true}, headers: "body", body: callPurge, want: "pass"},
		{name: "no claims by the body", scopes: "base", payload: `{}`, request: Request{HasBody: true}, headers: "body", body: callPurge, want: "403", denied: "groups", outcome: metrics.AccessDenied},
		{name: "a batch with claims", scopes: "base admin", payload: `{"groups":"ops"}`, request: Request{HasBody: true}, headers: "body", body: "[" + callLook + "," + callPurge + "]", want: "403", denied: "mfa", outcome: metrics.AccessDenied},
		{name: "a batch with claims, granted", scopes: "base admin", payload: `{"groups":"ops","mfa":true}`, request: Request{HasBody: true}, headers: "body", body: "[" + callPurge + "," + callLook + "]", want: "pass"},
		{name: "empty", scopes: "base", request: Request{HasBody: true}, headers: "body", body: "", want: "pass"},
		{name: "malformed", scopes: "base write", request: Request{HasBody: true}, headers: "body", body: "{", want: "400", outcome: metrics.BadBody},
		{name: "two methods", scopes: "base write", request: Request{HasBody: true, MCP: operation.Headers{Method: "ping", MethodCount: 2}}, headers: "400", outcome: metrics.BadHeader},
		{name: "a name that may be read otherwise", scopes: "base write", request: Request{HasBody: true, MCP: mcp(current, "tools/call", "=?base64?IGRlbGV0ZQ==?=")}, headers: "400", outcome: metrics.BadHeader},
		{name: "compressed", scopes: "base write", request: Request{HasBody: true, ContentEncoding: "gzip"}, headers: "415", outcome: metrics.Encoding},
		{name: "compressed twice", scopes: "base write", request: Request{HasBody: true, ContentEncoding: "identity,gzip"}, headers: "415", outcome: metrics.Encoding},
		{name: "not compressed", scopes: "base write", request: Request{HasBody: true, ContentEncoding: "Identity", ContentType: "application/json; Charset=\"UTF-8\""}, headers: "body", body: callLook, want: "pass"},
		{name: "another character set", scopes: "base write", request: Request{HasBody: true, ContentType: "application/json; charset=shift_jis"}, headers: "415", outcome: metrics.Encoding},
		{name: "two character sets", scopes: "base write", request: Request{HasBody: true, ContentType: "application/json; charset=utf-8; charset=utf-7"}, headers: "415", outcome: metrics.Encoding},
		{name: "an extended character set", scopes: "base write", request: Request{HasBody: true, ContentType: "application/json; charset*=utf-7''utf-8"}, headers: "415", outcome: metrics.Encoding},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, p := ruled(t, toolRules+test.rules)
			test.request.HasOrigin = true
			p.claims.read(cmp.Or(test.payload, "{}"))
			v := g.applyRules(p, &test.request, p.granted(strings.Fields(test.scopes)), g.forward(verdictToken, metrics.CacheHit))
			check := func(v Verdict, want string) {
				t.Helper()
				got, outcome := "pass", metrics.CacheHit
				switch v.Kind() {
				case KindRespond:
					got = string([]byte{'0' + byte(v.Response().Status/100), '0' + byte(v.Response().Status/10%10), '0' + byte(v.Response().Status%10)})
					outcome = test.outcome
				case KindForwardIfBody:
					got = "body"
				}
				if got != want || v.Outcome() != outcome {
					t.Fatalf("%s, outcome %d; want %s, %d", got, v.Outcome(), want, outcome)
				}
				if v.Response() == nil {
					return
				}
				headers := map[string]string{}
				for _, h := range v.Response().Headers {
					headers[h[0]] = h[1]
				}
				if headers["access-control-allow-origin"] != "*" {
					t.Errorf("no page may read %v", headers)
				}
				scope := ""
				if _, rest, ok := strings.Cut(headers["www-authenticate"], `scope="`); ok {
					scope, _, _ = strings.Cut(rest, `"`)
				}
				if test.denied != "" {
					body := `{"error":"access_denied","error_description":"the token lacks a required value of the claim ` + test.denied + `"}` + "\n"
					if _, challenge := headers["www-authenticate"]; challenge || string(v.Response().Body) != body {
						t.Errorf("got %v, %s", headers, v.Response().Body)
					}
					return
				}
				if scope != test.scope || (scope != "") != (want == "403") {
					t.Errorf("the challenge is %q, want %q", headers["www-authenticate"], test.scope)
				}
			}
			check(v, test.headers)
			if v.Body() != nil {
				check(v.Body().Decide([]byte(test.body)), test.want)
			}
		})
	}
}

// A resource without rules depends on no body.
func TestResourceWithoutRules(t *testing.T) {
	g, p := ruled(t, `"forward": false`)
	r := Request{HasBody: true, ContentEncoding: "gzip", MCP: operation.Headers{MethodCount: 2}}
	if v := g.applyRules(p, &r, operation.Set{}, g.forward(verdictToken, metrics.CacheHit)); v.Kind() != KindForward {
		t.Errorf("got %+v", v)
	}
}

func BenchmarkRules(b *testing.B) {
	c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a"}], "resources": [{"resource": "https://h/n", "trust_mcp_headers": true, ` + toolRules + `}]}`))
	if err != nil {
		b.Fatal(err)
	}
	for name, p := range map[string]*resource{
		"rules":    {Resource: c.Resources[0], rules: operation.Compile(c.Resources[0].Rules)},
		"no rules": {Resource: c.Resources[0]},
	} {
		b.Run(name, func(b *testing.B) {
			g := &Gate{}
			r := &Request{HasBody: true, MCP: mcp("2026-07-28", "tools/call", "look")}
			p.readClaims()
			granted := p.granted([]string{"read", "base"})
			b.ReportAllocs()
			for b.Loop() {
				if v := g.applyRules(p, r, granted, g.forward(verdictToken, metrics.CacheHit)); v.Kind() != KindForward {
					b.Fatal(v.Response())
				}
			}
		})
	}
}
