package config_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mcpauth/config"
)

const (
	wantScope   = `must be one scope: printable ASCII without spaces, " and \`
	wantNoSpace = "must not have white space at its ends: the gateway refuses such names"
	wantURI     = `must be a URI that no server reads as another: a lower-case scheme, no #, dot segments or doubled slashes, no percent-encoding of letters, digits, -._~, / and \, upper-case digits in the others`
)

// rules returns n rules with as many scopes as the last argument says.
func rules(n, scopes int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"a%d": ["a%d"]`, i, i%scopes))
	}
	return strings.Join(list, ",")
}

// claims returns n claims with as many values each as the last argument says.
func claims(n, values int) string {
	var list []string
	for i := range n {
		var each []string
		for j := range values {
			each = append(each, fmt.Sprintf(`"v%d"`, j))
		}
		list = append(list, fmt.Sprintf(`"c%d": [%s]`, i, strings.Join(each, ",")))
	}
	return strings.Join(list, ",")
}

// claimRules returns n rules, each with a claim that no other has.
func claimRules(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"a%d": {"claims": {"c%d": %d}}`, i, i, i))
	}
	return strings.Join(list, ",")
}

const wantClaimValue = "must be a string, a number, true or false, or an array of these"

const wantNoEffect = "resources[0].clients: has no effect: it is for JWTs, except with typ, and for introspection, except with audience_unchecked"

// clientsOf is a document with clients and a server with these members.
func clientsOf(members string) string {
	return `{"authorization_servers": [{"issuer": "https://a", "cluster": "a", ` + members + `}], "resources": [{"resource": "https://h/a", "clients": ["a"]}]}`
}

var badRules = []badDocument{
	one("clients type", withResource(`"clients": "a"`), "resources[0].clients: must be an array"),
	{name: "clients", doc: withResource(`"clients": ["a", "a", "", 1, "b\u0000"]`), want: []string{
		"resources[0].clients[1]: is the same as resources[0].clients[0]",
		"resources[0].clients[2]: must not be empty",
		"resources[0].clients[3]: must be a string",
		"resources[0].clients[4]: must not have control characters",
	}},
	onlyParser("clients of the strict profile", clientsOf(`"typ": "at+jwt"`), wantNoEffect),
	onlyParser("clients of userinfo", clientsOf(`"userinfo": {"endpoint": "https://a/u", "claims": {"audience": "aud"}}`), wantNoEffect),
	onlyParser("clients of unchecked introspection", clientsOf(`"introspection": {"client_id": "c", "client_secret": "s", "audience_unchecked": true}`), wantNoEffect),
	one("required claims type", withResource(`"required_claims": ["groups"]`), "resources[0].required_claims: must be an object"),
	one("no required claims", withResource(`"required_claims": {}`), "resources[0].required_claims: must not be empty: without it, no claim is required"),
	{name: "claim values", doc: withResource(`"required_claims": {"a": null, "b": [], "c": {}, "d": ["x", ["y"], null, ""], "e": "", "f": "a\u0000", "g": ["x", 1, "x", 1.0, true, true, 1e0]}`), want: []string{
		"resources[0].required_claims.a: " + wantClaimValue,
		"resources[0].required_claims.b: must not be empty",
		"resources[0].required_claims.c: " + wantClaimValue,
		"resources[0].required_claims.d[1]: " + wantClaimValue,
		"resources[0].required_claims.d[2]: " + wantClaimValue,
		"resources[0].required_claims.d[3]: must not be empty",
		"resources[0].required_claims.e: must not be empty",
		"resources[0].required_claims.f: must not have control characters",
		"resources[0].required_claims.g[2]: is the same as another value of this claim",
		"resources[0].required_claims.g[3]: is the same as another value of this claim",
		"resources[0].required_claims.g[5]: is the same as another value of this claim",
		"resources[0].required_claims.g[6]: is the same as another value of this claim",
	}},
	{name: "claim names", doc: withResource(`"required_claims": {"": "a", "a\u007f": "b", "` + strings.Repeat("n", 1025) + `": "c"}`), want: []string{
		`resources[0].required_claims[""]: must have a name`,
		`resources[0].required_claims["a\x7f"]: must not have control characters in its name`,
		`resources[0].required_claims["` + strings.Repeat("n", 64) + `..."]: must have a name of at most 1024 bytes`,
	}},
	onlyParser("claim with a space", withResource(`"required_claims": {"groups ": "a"}`), `resources[0].required_claims["groups "]: must not have white space at the ends of its name`),
	onlyParser("claim value with a space", withResource(`"required_claims": {"groups": ["staff", "staff "]}`), "resources[0].required_claims.groups[1]: must not have white space at its ends"),
	onlyParser("claim value as a pattern", withResource(`"required_claims": {"groups": "*"}`), `resources[0].required_claims.groups: must not be "*": it is no pattern, and no claim has this value`),
	onlyParser("client as a pattern", withResource(`"clients": ["*"]`), `resources[0].clients[0]: must not be "*": it is no pattern, and no claim has this value`),
	onlyParser("claim twice", withResource(`"required_claims": {"a": "b", "\u0061": "c"}`), "resources[0].required_claims.a: duplicate member"),
	one("too many claims", withResource(`"required_claims": {`+claims(17, 1)+`}`), "resources[0].required_claims: must have at most 16 claims"),
	one("too many values", withResource(`"required_claims": {`+claims(1, 257)+`}`), "resources[0].required_claims.c0: must have at most 256 values"),
	one("long value", withResource(`"required_claims": {"a": ["`+strings.Repeat("v", 1025)+`"]}`), "resources[0].required_claims.a[0]: must be at most 1024 bytes"),
	onlyParser("long number", withResource(`"required_claims": {"a": `+strings.Repeat("9", 65)+`}`), "resources[0].required_claims.a: must be a number of at most 64 characters, with an exponent of at most a million"),
	onlyParser("large exponent", withResource(`"required_claims": {"a": [1, 1e1000001]}`), "resources[0].required_claims.a[1]: must be a number of at most 64 characters, with an exponent of at most a million"),
	one("no rule", withResource(`"tools": {"a": {}}`), "resources[0].tools.a: must have scopes or claims"),
	one("rule member", withResource(`"tools": {"a": {"scope": ["b"]}}`), "resources[0].tools.a.scope: unknown member (did you mean scopes?)"),
	{name: "rule with mistakes", doc: withResource(`"prompts": {"a": {"scopes": "b", "claims": {}}, "b": {"scopes": ["c", "c"], "claims": {"d": [null]}}}`), want: []string{
		"resources[0].prompts.a.scopes: must be an array",
		"resources[0].prompts.a.claims: must not be empty: without it, no claim is required",
		"resources[0].prompts.b.scopes[1]: is the same as resources[0].prompts.b.scopes[0]",
		"resources[0].prompts.b.claims.d[0]: " + wantClaimValue,
	}},
	onlyParser("too many claims in rules", withResource(`"tools": {`+claimRules(65)+`}`), "resources[0]: must have at most 64 different claims, or lists of their values, in tools, prompts, resources and methods"),
	one("tools type", withResource(`"tools": ["a"]`), "resources[0].tools: must be an object"),
	one("prompts type", withResource(`"prompts": null`), "resources[0].prompts: must be an object"),
	one("resources type", withResource(`"resources": "a"`), "resources[0].resources: must be an object"),
	one("methods type", withResource(`"methods": 1`), "resources[0].methods: must be an object"),
	one("scopes type", withResource(`"tools": {"a": "b"}`), "resources[0].tools.a: must be an array of scopes, or an object with scopes and claims"),
	{name: "scopes", doc: withResource(`"tools": {"a": ["b", "b", 1, "c d", "", "offline_access"]}`), want: []string{
		"resources[0].tools.a[1]: is the same as resources[0].tools.a[0]",
		"resources[0].tools.a[2]: must be a string",
		"resources[0].tools.a[3]: " + wantScope,
		"resources[0].tools.a[4]: " + wantScope,
		"resources[0].tools.a[5]: must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them",
	}},
	{name: "names", doc: withResource(`"methods": {"": ["a"], "tools/*/b": ["a"], "**": ["a"], "*a": ["a"]}, "tools": {"a\u0000": ["a"], "a*b": ["a"]}, "prompts": {"a\u007f": ["a"]}`), want: []string{
		`resources[0].methods[""]: must have a name`,
		`resources[0].methods["tools/*/b"]: must have * only at the end of its name`,
		`resources[0].methods["**"]: must have * only at the end of its name`,
		`resources[0].methods["*a"]: must have * only at the end of its name`,
		`resources[0].tools["a\x00"]: must not have control characters in its name`,
		`resources[0].tools["a*b"]: must have * only at the end of its name`,
		`resources[0].prompts["a\x7f"]: must not have control characters in its name`,
	}},
	onlyParser("name twice", withResource(`"tools": {"a": ["b"], "\u0061": ["c"]}`), "resources[0].tools.a: duplicate member"),
	{name: "the same operations", doc: withResource(`"tools": {"*": ["a"]}, "prompts": {"*": ["a"]}, "resources": {"*": ["a"]}, "methods": {"tools/call": ["a"], "prompts/get": ["b"], "resources/read": []}`), want: []string{
		`resources[0].methods["tools/call"]: rules the same operations as resources[0].tools["*"]`,
		`resources[0].methods["prompts/get"]: rules the same operations as resources[0].prompts["*"]`,
		`resources[0].methods["resources/read"]: rules the same operations as resources[0].resources["*"]`,
	}, parserOnly: true},
	{name: "white space", doc: withResource(`"tools": {"delete_note ": ["a"], " a*": ["a"], "b *": ["a"], "\u00a0c": ["a"], "d\ufeff": ["a"]}, "prompts": {"\u3000*": ["a"]}, "methods": {"tools/call ": ["a"]}`), want: []string{
		`resources[0].methods["tools/call "]: ` + wantNoSpace,
		`resources[0].tools["delete_note "]: ` + wantNoSpace,
		`resources[0].tools[" a*"]: ` + wantNoSpace,
		`resources[0].tools["\u00a0c"]: ` + wantNoSpace,
		`resources[0].tools["d\ufeff"]: ` + wantNoSpace,
		`resources[0].prompts["\u3000*"]: ` + wantNoSpace,
	}, parserOnly: true},
	{name: "misspelled methods", doc: withResource(`"methods": {"Tools/Call": ["a"], "tools.call": ["a"], "/tools/call": ["a"], "tools/": ["a"], "notifications": ["a"], "LOGGING/*": ["a"], "logging/setlevel": ["a"], "Pr*": ["a"], "tools/call/*": ["a"], "notifications-*": ["a"]}`), want: []string{
		`resources[0].methods["Tools/Call"]: can never match: MCP has the method tools/call`,
		`resources[0].methods["tools.call"]: can never match: MCP has the method tools/call`,
		`resources[0].methods["/tools/call"]: can never match: MCP has the method tools/call`,
		`resources[0].methods["tools/"]: can never match: MCP has the method tools/list`,
		`resources[0].methods.notifications: can never match: MCP has the method notifications/initialized`,
		`resources[0].methods["LOGGING/*"]: can never match: MCP has the method logging/setLevel`,
		`resources[0].methods["logging/setlevel"]: can never match: MCP has the method logging/setLevel`,
		`resources[0].methods["Pr*"]: can never match: MCP has the method prompts/list`,
		`resources[0].methods["tools/call/*"]: can never match: MCP has the method tools/call`,
		`resources[0].methods["notifications-*"]: can never match: MCP has the method notifications/initialized`,
	}, parserOnly: true},
	{name: "URI patterns that match nothing", doc: withResource(`"resources": {"https:a*": [], "https:/a*": [], "https://h?*": [], "https://h:x*": [], "note://h:08*": [], "https://h..*": [], "file:/a*": []}`), want: []string{
		`resources[0].resources["https:a*"]: ` + wantURI,
		`resources[0].resources["https:/a*"]: ` + wantURI,
		`resources[0].resources["https://h?*"]: ` + wantURI,
		`resources[0].resources["https://h:x*"]: ` + wantURI,
		`resources[0].resources["note://h:08*"]: ` + wantURI,
		`resources[0].resources["https://h..*"]: ` + wantURI,
		`resources[0].resources["file:/a*"]: ` + wantURI,
	}, parserOnly: true},
	{name: "URIs", doc: withResource(`"resources": {"Note:///a": [], "note:///a/../b": [], "note:///a//b": [], "note:///%61*": []}`), want: []string{
		`resources[0].resources["Note:///a"]: ` + wantURI,
		`resources[0].resources["note:///a/../b"]: ` + wantURI,
		`resources[0].resources["note:///a//b"]: ` + wantURI,
		`resources[0].resources["note:///%61*"]: ` + wantURI,
	}, parserOnly: true},
	onlyParser("too many scopes", withResource(`"tools": {`+rules(64, 64)+`}, "methods": {"x": ["b", "a1"]}`), "resources[0]: must have at most 64 different scopes in tools, prompts, resources and methods"),
	one("too many rules", withResource(`"tools": {`+rules(1025, 8)+`}`), "resources[0].tools: must have at most 1024 members"),
	one("trust type", withResource(`"tools": {}, "trust_mcp_headers": "yes"`), "resources[0].trust_mcp_headers: must be true or false"),
	one("body low", withResource(`"tools": {}, "max_body_bytes": 1023`), "resources[0].max_body_bytes: must be an integer from 1024 to 16777216"),
	one("body high", withResource(`"tools": {}, "max_body_bytes": 16777217`), "resources[0].max_body_bytes: must be an integer from 1024 to 16777216"),
	one("filter_lists value", withResource(`"tools": {"a": ["b"]}, "filter_lists": "scopes"`), `resources[0].filter_lists: must be "off" or "claims" or "all"`),
	one("filter_lists type", withResource(`"tools": {"a": ["b"]}, "filter_lists": true`), `resources[0].filter_lists: must be "off" or "claims" or "all"`),
	onlyParser("filter_lists without rules", withResource(`"filter_lists": "all"`), "resources[0].filter_lists: has no effect: no rule for tools, prompts or resources requires a scope or a claim, and no operation is public"),
	onlyParser("filter_lists with empty rules", withResource(`"filter_lists": "all", "tools": {"a": []}, "methods": {"logging/*": ["b"]}`), "resources[0].filter_lists: has no effect: no rule for tools, prompts or resources requires a scope or a claim, and no operation is public"),
	onlyParser("filter_lists for claims, and scopes only", withResource(`"filter_lists": "claims", "tools": {"a": ["b"]}, "methods": {"tools/list": {"claims": {"b": "c"}}}`), "resources[0].filter_lists: has no effect: no rule for tools, prompts or resources requires a claim"),
	{name: "no rules", doc: withResource(`"trust_mcp_headers": true, "max_body_bytes": 4096`), want: []string{
		"resources[0].trust_mcp_headers: needs tools, prompts, resources or methods, here or in public",
		"resources[0].max_body_bytes: needs tools, prompts, resources or methods, here or in public",
	}, parserOnly: true},
	one("public type", withResource(`"public": true`), "resources[0].public: must be an object"),
	one("public and nothing", withResource(`"public": {}`), "resources[0].public: must name something that needs no token"),
	onlyParser("public and no lists", withResource(`"public": {"lists": false}`), "resources[0].public: must name something that needs no token"),
	one("public unknown", withResource(`"public": {"list": true}`), "resources[0].public.list: unknown member (did you mean lists?)"),
	{name: "public types", doc: withResource(`"public": {"lists": "all", "methods": {"ping": []}, "tools": "a", "prompts": [], "resources": [1], "paths": [""]}`), want: []string{
		"resources[0].public.lists: must be true or false",
		"resources[0].public.methods: must be an array",
		"resources[0].public.tools: must be an array",
		"resources[0].public.prompts: must not be empty",
		"resources[0].public.resources[0]: must be a string",
		"resources[0].public.paths[0]: must not be empty",
	}},
	one("public twice", withResource(`"public": {"methods": ["ping", "ping"]}`), "resources[0].public.methods[1]: is the same as resources[0].public.methods[0]"),
	one("public control", withResource(`"public": {"tools": ["a\u0000"]}`), "resources[0].public.tools[0]: must not have control characters"),
	{name: "public names", doc: withResource(`"public": {"methods": ["Initialize", "ping ", "notifications/*/x", "tool/list"], "tools": ["*a", " b"], "prompts": ["a**"], "resources": ["note", "NOTE:a", "note:///../*"]}`), parserOnly: false, want: []string{
		"resources[0].public.methods[0]: can never match: MCP has the method initialize",
		"resources[0].public.methods[1]: " + wantNoSpace,
		"resources[0].public.methods[2]: must have * only at its end",
		"resources[0].public.methods[3]: can never match: MCP has the method tools/list",
		"resources[0].public.tools[0]: must have * only at its end",
		"resources[0].public.tools[1]: " + wantNoSpace,
		"resources[0].public.prompts[0]: must have * only at its end",
		"resources[0].public.resources[0]: " + wantURI,
		"resources[0].public.resources[1]: " + wantURI,
		"resources[0].public.resources[2]: " + wantURI,
	}},
	{name: "public methods with names", doc: withResource(`"public": {"methods": ["tools/call", "*", "tools/*", "t*", "prompts/get", "prompts/g*", "resources/*", "resources/read", "resources/subscribe", "resources/unsub*"]}`), parserOnly: true, want: []string{
		opens(0, "tools/call", "tools"), opens(1, "tools/call", "tools"), opens(2, "tools/call", "tools"), opens(3, "tools/call", "tools"),
		opens(4, "prompts/get", "prompts"), opens(5, "prompts/get", "prompts"),
		opens(6, "resources/read", "resources"), opens(7, "resources/read", "resources"), opens(8, "resources/subscribe", "resources"), opens(9, "resources/unsubscribe", "resources"),
	}},
	{name: "public and ruled", doc: withResource(`"tools": {"a": ["s"], "b*": [], "*": ["s"]}, "prompts": {"a": ["s"]}, "resources": {"note:*": ["s"]},
		"methods": {"tools/list": ["s"], "ping": ["s"], "prompts/get": ["s"], "resources/subscribe": ["s"]},
		"public": {"lists": true, "methods": ["ping"], "tools": ["a", "b*", "b", "a*"], "prompts": ["*"], "resources": ["note:*", "note:a", "*"]}`), parserOnly: true, want: []string{
		`resources[0].public.lists: opens what resources[0].methods["tools/list"] has a rule for`,
		"resources[0].public.methods[0]: opens what resources[0].methods.ping has a rule for",
		"resources[0].public.tools[0]: opens what resources[0].tools.a has a rule for",
		`resources[0].public.tools[1]: opens what resources[0].tools["b*"] has a rule for`,
		`resources[0].public.prompts[0]: opens what resources[0].methods["prompts/get"] has a rule for`,
		`resources[0].public.resources[0]: opens what resources[0].resources["note:*"] has a rule for`,
		`resources[0].public.resources[2]: opens what resources[0].methods["resources/subscribe"] has a rule for`,
	}},
	{name: "public paths", doc: withResources(`{"resource": "https://h/notes", "match": {"path_prefixes": ["/notes", "/docs"]}, "public": {"paths": ["docs", "/docs*", "/docs/*/a", "/docs?a", "/docs//a", "/docs/../a", "/docs/%61", "/docs/%C3%A4/*", "/docs/;a", "/other", "/", "/*", "/notes", "/notes/", "/Notes", "/notes/*"]}}`), want: []string{
		"resources[0].public.paths[0]: must be a path that starts with a slash",
		"resources[0].public.paths[1]: must have * only as the whole last segment, such as /docs/*",
		"resources[0].public.paths[2]: must have a path without *: it covers all that is under it, and * would stand for itself alone",
		"resources[0].public.paths[3]: must be a path without ?",
		"resources[0].public.paths[4]: must have a path without doubled slashes",
		"resources[0].public.paths[5]: must have a path without dot segments",
		"resources[0].public.paths[6]: must have a path with a instead of %61",
		"resources[0].public.paths[7]: must have a path without percent-encodings",
		"resources[0].public.paths[8]: must have a path without ;",
		"resources[0].public.paths[9]: must lie in a path prefix of the resource",
		"resources[0].public.paths[10]: must lie in a path prefix of the resource",
		"resources[0].public.paths[11]: must lie in a path prefix of the resource",
		wantEndpoint(12), wantEndpoint(13),
		"resources[0].public.paths[14]: must lie in a path prefix of the resource",
		wantEndpoint(15),
	}},
	{name: "public paths of a root", doc: withResources(`{"resource": "https://h", "public": {"paths": ["/", "/*", "/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server/*", "/a/.well-known/openid-configuration"]}}`), parserOnly: true, want: []string{
		wantEndpoint(0), wantEndpoint(1),
		"resources[0].public.paths[2]: must not be where clients look for metadata, under /.well-known/",
		"resources[0].public.paths[3]: must not be where clients look for metadata, under /.well-known/",
		"resources[0].public.paths[4]: must not be where clients look for metadata, under /.well-known/",
	}},
	{name: "public paths where another path comes in", doc: withResources(`{"resource": "https://h/notes", "match": {"path_prefixes": ["/internal/notes"]}, "public": {"paths": ["/internal/notes", "/internal/notes/*"]}}`), parserOnly: true, want: []string{
		wantEndpoint(0), wantEndpoint(1),
	}},
	{name: "public paths of other resources", doc: withResources(`{"resource": "https://h", "match": {"hosts": ["h", "i"]}, "public": {"paths": ["/a/x", "/b/*", "/b/x", "/c/x"]}},
		{"resource": "https://h/a"}, {"resource": "https://h/b", "match": {"hosts": ["h", "i", "j"]}}, {"resource": "https://h/c", "match": {"hosts": ["h"]}}`), parserOnly: true, want: []string{
		"resources[0].public.paths: has no effect on /a/x: it is a path of https://h/a",
		"resources[0].public.paths: has no effect on /b/*: it is a path of https://h/b",
		"resources[0].public.paths: has no effect on /b/x: it is a path of https://h/b",
	}},
	one("too many public paths", withResource(`"match": {"path_prefixes": ["/docs"]}, "public": {"paths": [`+publicPaths(65)+`]}`), "resources[0].public.paths: must have at most 64 elements"),
	one("too many public tools", withResource(`"public": {"tools": [`+publicPaths(1025)+`]}`), "resources[0].public.tools: must have at most 1024 elements"),
	onlyParser("public path that the gateway serves", proxies(aProxy+`, "path_prefix": "/oauth"`, "", `{"resource": "https://h", "public": {"paths": ["/oauth/register", "/oauth/registered", "/oauth/*"]}}`, ""), "resources[0].public.paths[0]: has no effect: the gateway itself serves /oauth/register"),
	{name: "public paths alone have no bodies", doc: withResource(`"match": {"path_prefixes": ["/docs"]}, "public": {"paths": ["/docs/a"]}, "max_body_bytes": 4096`), parserOnly: true, want: []string{
		"resources[0].max_body_bytes: needs tools, prompts, resources or methods, here or in public",
	}},
}

// publicPaths returns n paths under /docs.
func publicPaths(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"/docs/%d"`, i))
	}
	return strings.Join(list, ",")
}

// opens is the error of a public method whose operations have names.
func opens(i int, method, member string) string {
	return fmt.Sprintf(`resources[0].public.methods[%d]: would open %s whatever its name: list the methods that need no token, and name %s in public.%s, where "*" is for all`, i, method, member, member)
}

// wantEndpoint is the error of a public path to which MCP clients go.
func wantEndpoint(i int) string {
	return fmt.Sprintf("resources[0].public.paths[%d]: must not be or cover the path to which MCP clients go: GET is the stream of a session there", i)
}

// What the URL Standard's parser, RFC 3986's normalisation or a decoder of
// percent-encodings would change has to be refused, since a server may do that
// before it compares.
func TestIsPlainURI(t *testing.T) {
	for _, uri := range []string{
		"note:a", "note:///a", "note://host/a", "note://Host", "note://host:8080/a", "note:///a/", "note:///a?b=c//../d",
		"file:///a/b.txt", "file:///C:/a", "https://h/", "https://h:8443/a?b", "https://127.0.0.1/a", "urn:isbn:1", "a+b.c-d://x/y", "note:///...", "note:///a..b/.c", "note:///%20%C3%A9%3A%25", "note:///a'b?'", "https://h/a'b", "https://h/?%27",
	} {
		if !config.IsPlainURI(uri, false) {
			t.Errorf("%s is refused", uri)
		}
	}
	for _, uri := range []string{
		"", "a", "/a", ":a", "1a:b", "note", "Note:a", "note:a b", "note:///a\tb", "note:///é", "note:///a#", "note:///a\\b", "note:///{a}", "note:///a|b", "note:///a^b", "note:///a`b",
		"note:///a/./b", "note:///a/..", "note:///..", "note:..", "note:../a", "note:///a//b", "note:////a", "note:///%61", "note:///%2e%2e/a", "note:///%2E", "note:///a%2Fb", "note:///a%5Cb", "note:///a%00", "note:///a%7F",
		"note:///%c3%a9", "note:///%", "note:///%4", "note:///%zz", "note://u@h/a", "note://@h/a", "note://h:/a", "note://h:080/a", "note://h:a/b", "note://[::1]/a",
		"https://h", "https:h/a", "https:/h/a", "https:///h/a", "https://H/a", "https://h:443/a", "http://h:80/a", "https://h./a", "https://0x7f.1/a", "https://127.1/a", "https://%68/a", "https://h:0443/a", "https:", "https:?",
		"https://h/?a='b", "file:///a?'", "ws://h/?'",
		"file://localhost/a", "file:/a", "file:a", "file:////a", "file://a",
	} {
		if config.IsPlainURI(uri, false) {
			t.Errorf("%s passes", uri)
		}
	}
	for uri, want := range map[string]bool{
		"": true, "n": true, "no": true, "note:": true, "note:/": true, "note://": true, "note://h": true, "note:///a/.": true, "note:///a/..": true, "https:": true, "https://": true, "https://h": true, "https://h:4": true, "https://h.": true, "file:/": true, "file://": true,
		"N": false, "https://H": false, "https://H/": false, "note:///%": false, "note:///%2": false, "note:///a/../": false, "note:////": false, "1": false, "note:///a/./": false, "note:///..?": false, "file://l": false, "https://h/?'": false,
	} {
		if got := config.IsPlainURI(uri, true); got != want {
			t.Errorf("as a prefix, %q: %v", uri, got)
		}
	}
}

// A pattern that loads fits some URI that is not refused: else a mistake in it would
// leave open what it is to rule.
func TestPrefixesOfPlainURIsFitOne(t *testing.T) {
	pieces := []string{"note", "https", "file", "h", "H", ":", "/", "//", "?", ".", "..", "'", "8", "80", "0", "443", "1", "-", "_", "%20", "@", "a"}
	rests := []string{"", "a", ":a", "/", "//", "///", "/h/", "//h/", "://h/", "h/", "a/", ".a/", "0/", "a://h/", "/a", "'"}
	random := rand.New(rand.NewPCG(3, 4))
	plain := 0
	for range 200_000 {
		text := ""
		for range 1 + random.IntN(7) {
			text += pieces[random.IntN(len(pieces))]
		}
		fits := func(rest string) bool { return config.IsPlainURI(text+rest, false) }
		switch is := config.IsPlainURI(text, true); {
		case is && !slices.ContainsFunc(rests, fits):
			t.Fatalf("%q is the beginning of no URI that is let on", text)
		case !is && slices.ContainsFunc(rests, fits):
			t.Fatalf("%q is refused, and is the beginning of a URI that is let on", text)
		case is:
			plain++
		}
	}
	if plain < 1000 {
		t.Errorf("%d were plain", plain)
	}
}

// Patterns that load, beside those that a mistake makes.
func TestMethodsThatAreNoMistakes(t *testing.T) {
	for _, pattern := range []string{"tools/call", "tools/call*", "tools/*", "t*", "*", "ping", "p*", "logging/setLevel", "notifications/*", "notifications/tools/list_changed",
		"x/Tools", "com.example/Delete", "X*", "tools/callers", "tools/calls/x", "roots/*", "rpc.discover", "b *"} {
		if _, err := config.Parse([]byte(withResource(`"methods": {"` + pattern + `": ["a"]}`))); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
