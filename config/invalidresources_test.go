package config_test

import (
	"fmt"
	"strings"
)

const (
	wantWildcard  = "must have a wildcard only as the whole first label, such as *.example.com"
	wantName      = "must have a host name of letters, digits, dots, hyphens and underscores, an IPv4 address or an IPv6 address in brackets"
	wantCaller    = `must be "subject" or "client" or "scope" or "issuer" or "expires"`
	wantChallenge = `must be "all" or an array of scopes`
	wantOrigin    = "must be an origin, such as https://app.example.com, with no path, or null; without allowed_origins, any is allowed"

	taken  = "needs other match.hosts (by default any host) than resources[0]: "
	prefix = taken + "both have the path prefix "
	prm    = taken + "both would serve their metadata at /.well-known/oauth-protected-resource"
)

// hierarchy returns n members of a scope hierarchy.
func hierarchy(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"a%d": ["b"]`, i))
	}
	return strings.Join(list, ",")
}

var badResources = []badDocument{
	one("no list", withResources(``), "resources: must not be empty"),
	one("no object", withResources(`"https://h"`), "resources[0]: must be an object"),
	one("no resource", withResources(`{}`), "resources[0].resource: is required"),
	one("resource type", withResources(`{"resource": ["https://h"]}`), "resources[0].resource: must be a string"),
	onlyParser("resource http", withResources(`{"resource": "http://h"}`), "resources[0].resource: "+wantHTTPS),
	one("resource with fragment", withResources(`{"resource": "https://h/a#b"}`), "resources[0].resource: must be a URL without a fragment (#)"),
	one("resource with query", withResources(`{"resource": "https://h/a?b=c"}`), "resources[0].resource: must be a URL without a query (?)"),
	onlyParser("resource at a well-known place with a slash", withResources(`{"resource": "https://h/a/.well-known/openid-configuration/"}`), "resources[0].resource: must not be where clients look for metadata, under /.well-known/"),
	one("resource with two slashes", withResources(`{"resource": "https://h//"}`), "resources[0].resource: must have a path without doubled slashes"),
	one("resource with two slashes at the end", withResources(`{"resource": "https://h/a//"}`), "resources[0].resource: must have a path without doubled slashes"),
	onlyParser("resources that differ in a slash", withResources(`{"resource": "https://h/a", "match": {"hosts": ["h"]}}, {"resource": "https://h/a/", "match": {"hosts": ["i"]}}`), "resources[1].resource: is the same resource as resources[0].resource"),
	onlyParser("prefixes that differ in case beyond ASCII", withResources(`{"resource": "https://h/%C3%89"}, {"resource": "https://h/%C3%A9"}`), "resources[1]: needs other match.hosts (by default any host) than resources[0]: both have the path prefix /%C3%A9"),
	one("resource with doubled slash", withResources(`{"resource": "https://h/a//b"}`), "resources[0].resource: must have a path without doubled slashes"),
	onlyParser("resource with dot segment", withResources(`{"resource": "https://h/a/../b"}`), "resources[0].resource: must have a path without dot segments"),
	onlyParser("resource with encoded letter", withResources(`{"resource": "https://h/%61"}`), "resources[0].resource: must have a path with a instead of %61"),
	onlyParser("resource with encoded dots", withResources(`{"resource": "https://h/%2e%2e/a"}`), "resources[0].resource: must have a path with . instead of %2e"),
	onlyParser("resource with encoded slash", withResources(`{"resource": "https://h/a%2Fb"}`), "resources[0].resource: must have a path without %2F: the gateway refuses requests with it"),
	onlyParser("resource with encoded NUL", withResources(`{"resource": "https://h/a%00"}`), "resources[0].resource: must have a path without %00: the gateway refuses requests with it"),
	onlyParser("resource with lower-case encoding", withResources(`{"resource": "https://h/%c3%a9"}`), "resources[0].resource: must have upper-case digits in %c3"),
	one("resource with path parameter", withResources(`{"resource": "https://h/a;b"}`), "resources[0].resource: must have a path without ;"),
	onlyParser("resource at a well-known place", withResources(`{"resource": "https://h/.well-known/oauth-protected-resource/a"}`),
		"resources[0].resource: must not be where clients look for metadata, under /.well-known/"),
	onlyParser("resource twice", withResources(`{"resource": "https://h/a"}, {"resource": "HTTPS://H:443/a"}`), "resources[1].resource: is the same resource as resources[0].resource"),
	onlyParser("root twice", withResources(`{"resource": "https://h/"}, {"resource": "https://h"}`), "resources[1].resource: is the same resource as resources[0].resource"),
	one("unknown member", withResource(`"required_scope": ["a"]`), "resources[0].required_scope: unknown member (did you mean required_scopes?)"),

	onlyParser("unknown issuer", withResource(`"authorization_servers": ["https://auth.example.com/"]`),
		"resources[0].authorization_servers[0]: must be the issuer of one of the authorization_servers (did you mean \"https://auth.example.com\"?)"),
	one("issuers empty", withResource(`"authorization_servers": []`), "resources[0].authorization_servers: must not be empty"),
	one("issuers type", withResource(`"authorization_servers": [1]`), "resources[0].authorization_servers[0]: must be a string"),
	one("issuer twice", withResource(`"authorization_servers": ["https://auth.example.com", "https://auth.example.com"]`),
		"resources[0].authorization_servers[1]: is the same as resources[0].authorization_servers[0]"),

	one("match type", withResource(`"match": "/notes"`), "resources[0].match: must be an object"),
	one("match member", withResource(`"match": {"host": ["a"]}`), "resources[0].match.host: unknown member (did you mean hosts?)"),
	one("hosts empty", withResource(`"match": {"hosts": []}`), "resources[0].match.hosts: must not be empty"),
	{name: "hosts", doc: withResource(`"match": {"hosts": ["*", "https://a", "a/b", 1, "a.*.b", "*a.b", "*.*.b", "*.a*"]}`), want: []string{
		"resources[0].match.hosts[0]: " + wantWildcard,
		"resources[0].match.hosts[1]: must be host or host:port, without a scheme and a path",
		"resources[0].match.hosts[2]: must be host or host:port, without a scheme and a path",
		"resources[0].match.hosts[3]: must be a string",
		"resources[0].match.hosts[4]: " + wantWildcard,
		"resources[0].match.hosts[5]: " + wantWildcard,
		"resources[0].match.hosts[6]: " + wantWildcard,
		"resources[0].match.hosts[7]: " + wantWildcard,
	}},
	{name: "wildcards that are no hosts", parserOnly: true, doc: withResource(`"match": {"hosts": ["*.127.0.0.1", "*.[::1]", "*.a..b", "*.a:0", "*.B:81", "*.b:81"]}`), want: []string{
		"resources[0].match.hosts[0]: " + wantWildcard,
		"resources[0].match.hosts[1]: " + wantWildcard,
		"resources[0].match.hosts[2]: must have a host name of letters, digits, dots, hyphens and underscores, an IPv4 address or an IPv6 address in brackets",
		"resources[0].match.hosts[3]: must have a port from 1 to 65535, or none",
		"resources[0].match.hosts[5]: is the same as resources[0].match.hosts[4]",
	}},
	{name: "hosts and ports", parserOnly: true, doc: withResource(`"match": {"hosts": ["a:0", "a:", "a.", "127.1", "[0::1]", "::1", "a", "A"]}`), want: []string{
		"resources[0].match.hosts[0]: must have a port from 1 to 65535, or none",
		"resources[0].match.hosts[1]: must have a port from 1 to 65535, or none",
		"resources[0].match.hosts[2]: must have a host name of letters, digits, dots, hyphens and underscores, an IPv4 address or an IPv6 address in brackets",
		"resources[0].match.hosts[3]: must have an IPv4 address of four decimal numbers from 0 to 255",
		"resources[0].match.hosts[4]: must have the IPv6 address in its shortest form, [::1]",
		"resources[0].match.hosts[5]: must have a host name of letters, digits, dots, hyphens and underscores, an IPv4 address or an IPv6 address in brackets",
		"resources[0].match.hosts[7]: is the same as resources[0].match.hosts[6]",
	}},
	one("prefixes empty", withResource(`"match": {"path_prefixes": []}`), "resources[0].match.path_prefixes: must not be empty"),
	{name: "prefixes", doc: withResource(`"match": {"path_prefixes": ["notes", "", "/a/", "/a?b", "/a b", "/c", "/c", "/d%2", 1]}`), want: []string{
		"resources[0].match.path_prefixes[0]: must be a path that starts with a slash",
		"resources[0].match.path_prefixes[1]: must be a path that starts with a slash",
		"resources[0].match.path_prefixes[2]: must not end with a slash: /a covers all that is under it",
		"resources[0].match.path_prefixes[3]: must be a path without ?",
		"resources[0].match.path_prefixes[4]: must have a path with valid percent-encoding and no character that needs it",
		"resources[0].match.path_prefixes[6]: is the same as resources[0].match.path_prefixes[5]",
		"resources[0].match.path_prefixes[7]: must have a path with valid percent-encoding and no character that needs it",
		"resources[0].match.path_prefixes[8]: must be a string",
	}},
	onlyParser("one path, no hosts", withResources(`{"resource": "https://g/a"}, {"resource": "https://h/a"}`), "resources[1]: "+prefix+"/a"),
	onlyParser("one path, a host in common", withResources(`{"resource": "https://g/a", "match": {"hosts": ["g", "i"]}}, {"resource": "https://h/a", "match": {"hosts": ["h", "I"]}}`), "resources[1]: "+prefix+"/a"),
	onlyParser("one path, both default ports", withResources(`{"resource": "https://g/a", "match": {"hosts": ["g:443"]}}, {"resource": "http://localhost/a", "match": {"hosts": ["g:80"]}}`), "resources[1]: "+prefix+"/a"),
	onlyParser("one path, one wildcard", withResources(`{"resource": "https://g/a", "match": {"hosts": ["h", "*.g"]}}, {"resource": "https://h/a", "match": {"hosts": ["*.G", "i"]}}`), "resources[1]: "+prefix+"/a"),
	onlyParser("one path in two cases", withResources(`{"resource": "https://g/a"}, {"resource": "https://h/A"}`), "resources[1]: "+prefix+"/A"),
	onlyParser("one of several prefixes", withResources(`{"resource": "https://g/a", "match": {"path_prefixes": ["/x", "/y"]}}, {"resource": "https://g/b", "match": {"path_prefixes": ["/z", "/y"]}}`), "resources[1]: "+prefix+"/y"),
	onlyParser("one metadata URL", withResources(`{"resource": "https://g/a", "match": {"path_prefixes": ["/x"]}}, {"resource": "https://h/a", "match": {"path_prefixes": ["/y"]}}`), "resources[1]: "+prm+"/a"),
	onlyParser("one metadata URL at the root", withResources(`{"resource": "https://g", "match": {"path_prefixes": ["/x"]}}, {"resource": "https://h/", "match": {"path_prefixes": ["/y"]}}`), "resources[1]: "+prm),

	onlyParser("two at the root", withResources(`{"resource": "https://g/a", "root_metadata": true}, {"resource": "https://g/b", "root_metadata": true}`), "resources[1]: "+prm),
	onlyParser("the root and one more", withResources(`{"resource": "https://g"}, {"resource": "https://g/b", "root_metadata": true}`), "resources[1]: "+prm),
	{name: "each that is in the way", parserOnly: true, doc: withResources(`{"resource": "https://g/a"}, {"resource": "https://h/a", "match": {"path_prefixes": ["/x"]}}, {"resource": "https://i/b", "match": {"path_prefixes": ["/x"]}}`), want: []string{
		"resources[1]: " + prm + "/a",
		"resources[2]: needs other match.hosts (by default any host) than resources[1]: both have the path prefix /x",
	}},
	one("root_metadata", withResource(`"root_metadata": "true"`), "resources[0].root_metadata: must be true or false"),

	one("hierarchy type", withResource(`"scope_hierarchy": ["a"]`), "resources[0].scope_hierarchy: must be an object"),
	{name: "hierarchy", doc: withResource(`"scope_hierarchy": {"a b": ["a"], "b": "c", "c": [], "d": ["e", "e", 1, "f g"], "offline_access": ["h"], "i": ["offline_access"]}`), want: []string{
		`resources[0].scope_hierarchy["a b"]: must be one scope: printable ASCII without spaces, " and \`,
		"resources[0].scope_hierarchy.b: must be an array",
		"resources[0].scope_hierarchy.c: must not be empty",
		"resources[0].scope_hierarchy.d[1]: is the same as resources[0].scope_hierarchy.d[0]",
		"resources[0].scope_hierarchy.d[2]: must be a string",
		`resources[0].scope_hierarchy.d[3]: must be one scope: printable ASCII without spaces, " and \`,
		"resources[0].scope_hierarchy.offline_access: must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them",
		"resources[0].scope_hierarchy.i[0]: must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them",
	}},
	onlyParser("hierarchy of itself", withResource(`"scope_hierarchy": {"a": ["a"]}`), "resources[0].scope_hierarchy.a: must not imply itself, be it by way of others"),
	{name: "hierarchies in circles", parserOnly: true, doc: withResource(`"scope_hierarchy": {"x": ["b:c"], "a": ["b:c", "y"], "b:c": ["d"], "d": ["a"], "e": ["f"], "f": ["e"], "g": ["h"], "h": ["i"]}`), want: []string{
		"resources[0].scope_hierarchy.a: must not imply itself, be it by way of others",
		`resources[0].scope_hierarchy["b:c"]: must not imply itself, be it by way of others`,
		"resources[0].scope_hierarchy.d: must not imply itself, be it by way of others",
		"resources[0].scope_hierarchy.e: must not imply itself, be it by way of others",
		"resources[0].scope_hierarchy.f: must not imply itself, be it by way of others",
	}},
	one("hierarchy too large", withResource(`"scope_hierarchy": {`+hierarchy(257)+`}`), "resources[0].scope_hierarchy: must have at most 256 members"),

	one("origins type", withResource(`"allowed_origins": "*"`), "resources[0].allowed_origins: must be an array"),
	{name: "origins", doc: withResource(`"allowed_origins": ["*", "app.example.com", "https://a/", "https://a/b", "https://*", "https://a.*", "", 1, "null", "null", "https://u@a", "://a", "*://a", "https://a?b"]`), want: []string{
		"resources[0].allowed_origins[0]: " + wantOrigin,
		"resources[0].allowed_origins[1]: " + wantOrigin,
		"resources[0].allowed_origins[2]: " + wantOrigin,
		"resources[0].allowed_origins[3]: " + wantOrigin,
		"resources[0].allowed_origins[4]: " + wantWildcard,
		"resources[0].allowed_origins[5]: " + wantWildcard,
		"resources[0].allowed_origins[6]: " + wantOrigin,
		"resources[0].allowed_origins[7]: must be a string",
		"resources[0].allowed_origins[9]: is the same as resources[0].allowed_origins[8]",
		"resources[0].allowed_origins[10]: " + wantName,
		"resources[0].allowed_origins[11]: " + wantOrigin,
		"resources[0].allowed_origins[12]: " + wantOrigin,
		"resources[0].allowed_origins[13]: " + wantName,
	}},
	{name: "origins and ports", parserOnly: true, doc: withResource(`"allowed_origins": ["https://a:0", "https://a:443", "HTTPS://A", "https://*.1.2.3.4"]`), want: []string{
		"resources[0].allowed_origins[0]: must have a port from 1 to 65535, or none",
		"resources[0].allowed_origins[2]: is the same as resources[0].allowed_origins[1]",
		"resources[0].allowed_origins[3]: " + wantWildcard,
	}},

	one("audiences type", withResource(`"audiences": "a"`), "resources[0].audiences: must be an array"),
	{name: "audiences", doc: withResource(`"audiences": ["", "a", null, "a"]`), want: []string{
		"resources[0].audiences[0]: must not be empty",
		"resources[0].audiences[2]: must be a string",
		"resources[0].audiences[3]: is the same as resources[0].audiences[1]",
	}},
	{name: "scopes", doc: withResource(`"required_scopes": ["a b", "", "a\"", "é", "c", "c", 1]`), want: []string{
		`resources[0].required_scopes[0]: must be one scope: printable ASCII without spaces, " and \`,
		`resources[0].required_scopes[1]: must be one scope: printable ASCII without spaces, " and \`,
		`resources[0].required_scopes[2]: must be one scope: printable ASCII without spaces, " and \`,
		`resources[0].required_scopes[3]: must be one scope: printable ASCII without spaces, " and \`,
		"resources[0].required_scopes[5]: is the same as resources[0].required_scopes[4]",
		"resources[0].required_scopes[6]: must be a string",
	}},
	{name: "offline_access", doc: withResource(`"scopes_supported": ["offline_access"], "required_scopes": ["offline_access"]`), want: []string{
		"resources[0].scopes_supported[0]: must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them",
		"resources[0].required_scopes[0]: must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them",
	}},

	one("challenge_scopes type", withResource(`"challenge_scopes": {"a": ["b"]}`), "resources[0].challenge_scopes: "+wantChallenge),
	one("challenge_scopes null", withResource(`"challenge_scopes": null`), "resources[0].challenge_scopes: "+wantChallenge),
	one("challenge_scopes of another word", withResource(`"scopes_supported": ["a"], "challenge_scopes": "All"`), "resources[0].challenge_scopes: "+wantChallenge),
	one("challenge_scopes in one string", withResource(`"challenge_scopes": "a b"`), "resources[0].challenge_scopes: "+wantChallenge),
	one("challenge_scopes empty", withResource(`"challenge_scopes": []`), "resources[0].challenge_scopes: must not be empty"),
	one("challenge_scopes empty, scopes required", withResource(`"required_scopes": ["a"], "challenge_scopes": []`), "resources[0].challenge_scopes: must not be empty"),
	one("all of nothing", withResource(`"required_scopes": ["a"], "challenge_scopes": "all"`), `resources[0].challenge_scopes: needs scopes_supported, which "all" stands for`),
	one("all of an empty list", withResource(`"scopes_supported": [], "challenge_scopes": "all"`), `resources[0].challenge_scopes: needs scopes_supported, which "all" stands for`),
	{name: "challenge_scopes", doc: withResource(`"challenge_scopes": ["a b", "", "c", "c", 1, "offline_access"]`), want: []string{
		"resources[0].challenge_scopes[0]: " + wantScope,
		"resources[0].challenge_scopes[1]: " + wantScope,
		"resources[0].challenge_scopes[3]: is the same as resources[0].challenge_scopes[2]",
		"resources[0].challenge_scopes[4]: must be a string",
		"resources[0].challenge_scopes[5]: must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them",
	}},
	{name: "challenge_scopes beside errors in the others", doc: withResource(`"scopes_supported": ["a b"], "required_scopes": [1, "c"], "challenge_scopes": "all"`), want: []string{
		"resources[0].scopes_supported[0]: " + wantScope,
		"resources[0].required_scopes[0]: must be a string",
	}},
	{name: "challenge_scopes not published", parserOnly: true, doc: withResource(`"scopes_supported": ["a", "b"], "required_scopes": ["c"], "challenge_scopes": ["a", "B", "c", "d"]`), want: []string{
		"resources[0].challenge_scopes[1]: must be one of scopes_supported or required_scopes",
		"resources[0].challenge_scopes[3]: must be one of scopes_supported or required_scopes",
	}},
	{name: "challenge_scopes without the required ones", parserOnly: true, doc: withResource(`"required_scopes": ["a", "b", "c"], "scope_hierarchy": {"d": ["c"]}, "challenge_scopes": ["a", "d"]`), want: []string{
		"resources[0].challenge_scopes: must have b, which is a required scope, or one that implies it",
	}},
	onlyParser("challenge_scopes without the published required one", withResource(`"scopes_supported": ["a", "b"], "required_scopes": ["a"], "challenge_scopes": ["b"]`),
		"resources[0].challenge_scopes: must have a, which is a required scope, or one that implies it"),

	one("metadata type", withResource(`"metadata": []`), "resources[0].metadata: must be an object"),
	{name: "metadata of the gateway", doc: withResource(`"metadata": {"resource": "https://h", "scopes_supported": ["a"], "bearer_methods_supported": ["body"], "authorization_servers": ["https://a"]}`), want: []string{
		"resources[0].metadata.resource: must not be here: the gateway publishes the resource beside metadata",
		"resources[0].metadata.scopes_supported: must not be here: the gateway publishes the scopes_supported beside metadata",
		`resources[0].metadata.bearer_methods_supported: must not be here: the gateway publishes ["header"]`,
		"resources[0].metadata.authorization_servers: must not be here: the gateway publishes the authorization_servers beside metadata",
	}},
	{name: "metadata without value", doc: withResource(`"metadata": {"resource_name": "", "x": null, "y": [], "z": ""}`), want: []string{
		"resources[0].metadata.resource_name: must be left out if it has no value",
		"resources[0].metadata.x: must be left out if it has no value",
		"resources[0].metadata.y: must be left out if it has no value",
		"resources[0].metadata.z: must be left out if it has no value",
	}},
	{name: "metadata types", doc: withResource(`"metadata": {"resource_name": 1, "jwks_uri": "k", "resource_tos_uri": {}, "resource_signing_alg_values_supported": "ES256",
		"signed_metadata": {}, "resource_name#en": false, "resource_documentation#": "https://d", "": 1}`), want: []string{
		"resources[0].metadata.resource_name: must be a string",
		"resources[0].metadata.jwks_uri: must be an absolute URL that starts with https://",
		"resources[0].metadata.resource_tos_uri: must be a string",
		"resources[0].metadata.resource_signing_alg_values_supported: must be an array",
		"resources[0].metadata.signed_metadata: must be a string",
		`resources[0].metadata["resource_name#en"]: must be a string`,
		`resources[0].metadata["resource_documentation#"]: must have a language tag, such as resource_documentation#en`,
		`resources[0].metadata[""]: must have a name`,
	}},
	one("metadata with the algorithm none", withResource(`"metadata": {"resource_signing_alg_values_supported": ["ES256", "none"]}`),
		"resources[0].metadata.resource_signing_alg_values_supported: must not have none"),
	{name: "metadata variants and URLs", parserOnly: true, doc: withResource(`"metadata": {"resource_name#e n": "a", "jwks_uri#en": "https://h/k", "resource_policy_uri": "http://h/p", "resource_tos_uri": "https://h/a#<"}`), want: []string{
		`resources[0].metadata["resource_name#e n"]: must have a language tag, such as resource_name#en`,
		`resources[0].metadata["jwks_uri#en"]: must not have a language tag: people do not read jwks_uri`,
		"resources[0].metadata.resource_policy_uri: " + wantHTTPS,
		"resources[0].metadata.resource_tos_uri: must be a URL with valid percent-encoding and no character that needs it",
	}},
	{name: "metadata duplicates", parserOnly: true, doc: withResource(`"metadata": {"resource_name": "a", "resource\u005fname": "b", "x": [{"y": 1, "y": 2}]}`), want: []string{
		"resources[0].metadata.resource_name: duplicate member",
		"resources[0].metadata.x[0].y: duplicate member",
	}},
	{name: "metadata that promises proofs", doc: withResource(`"metadata": {"dpop_bound_access_tokens_required": true, "dpop_signing_alg_values_supported": ["ES256"]}`), want: []string{
		`resources[0].metadata.dpop_bound_access_tokens_required: must not be here: the gateway publishes it, if the resource has dpop: "required"`,
		"resources[0].metadata.dpop_signing_alg_values_supported: must not be here: the gateway publishes dpop_signing_algorithms of the resource, if that has dpop",
	}},
	one("dpop type", withResource(`"dpop": true`), `resources[0].dpop: must be "off" or "accept" or "required"`),
	one("dpop algorithms without dpop", withResource(`"dpop_signing_algorithms": ["ES256"]`), "resources[0].dpop_signing_algorithms: has no effect: it is for dpop, which is off"),
	one("dpop algorithms of dpop that is off", withResource(`"dpop": "off", "dpop_signing_algorithms": ["ES256"]`), "resources[0].dpop_signing_algorithms: has no effect: it is for dpop, which is off"),
	one("no dpop algorithm", withResource(`"dpop": "accept", "dpop_signing_algorithms": []`), "resources[0].dpop_signing_algorithms: must not be empty"),
	one("dpop required, and said so", withResource(`"dpop": "required", "metadata": {"dpop_bound_access_tokens_required": true}`), "resources[0].metadata.dpop_bound_access_tokens_required: must not be here: the gateway publishes it, since dpop is required"),
	one("dpop required, and said not to be", withResource(`"dpop": "required", "metadata": {"dpop_bound_access_tokens_required": false}`), "resources[0].metadata.dpop_bound_access_tokens_required: must not be here: the gateway publishes it, since dpop is required"),
	{name: "dpop required of userinfo", doc: `{"authorization_servers": [{"issuer": "https://a", "cluster": "a", "userinfo": {"endpoint": "https://a/u", "audience_unchecked": true}}], "resources": [{"resource": "https://h/a", "dpop": "required"}]}`, parserOnly: true, want: []string{
		"resources[0].dpop: must not be required: no token of these authorization servers can be bound, since a userinfo endpoint does not say to which key",
	}},
	one("mutual_tls value", withResource(`"mutual_tls": "on"`), `resources[0].mutual_tls: must be "off" or "accept" or "required"`),
	one("mutual_tls type", withResource(`"mutual_tls": true`), `resources[0].mutual_tls: must be "off" or "accept" or "required"`),
	one("mutual_tls of a server", withServer(`"mutual_tls": "accept"`), "authorization_servers[0].mutual_tls: unknown member"),
	one("trust_forwarded_client_cert type", withResource(`"mutual_tls": "accept", "trust_forwarded_client_cert": "x-forwarded-client-cert"`), "resources[0].trust_forwarded_client_cert: must be true or false"),
	onlyParser("trust_forwarded_client_cert alone", withResource(`"trust_forwarded_client_cert": true`), "resources[0].trust_forwarded_client_cert: "+wantMutualTLS),
	onlyParser("trust_forwarded_client_cert, off", withResource(`"mutual_tls": "off", "trust_forwarded_client_cert": true`), "resources[0].trust_forwarded_client_cert: "+wantMutualTLS),
	one("metadata that promises mutual TLS", withResource(`"metadata": {"tls_client_certificate_bound_access_tokens": true}`), "resources[0].metadata.tls_client_certificate_bound_access_tokens: "+wantMutualTLS+", which publish it themselves"),
	one("metadata of mutual TLS, twice", withResource(`"mutual_tls": "accept", "metadata": {"tls_client_certificate_bound_access_tokens": true}`), "resources[0].metadata.tls_client_certificate_bound_access_tokens: must not be here: the gateway publishes it because of mutual_tls"),
	onlyParser("metadata that denies mutual TLS", withResource(`"mutual_tls": "required", "metadata": {"tls_client_certificate_bound_access_tokens": false}`), "resources[0].metadata.tls_client_certificate_bound_access_tokens: must not be here: the gateway publishes it because of mutual_tls"),
	one("metadata of mutual TLS, null", withResource(`"metadata": {"tls_client_certificate_bound_access_tokens": null}`), "resources[0].metadata.tls_client_certificate_bound_access_tokens: must be left out if it has no value"),
	one("metadata of mutual TLS, text", withResource(`"metadata": {"tls_client_certificate_bound_access_tokens": "true"}`), "resources[0].metadata.tls_client_certificate_bound_access_tokens: must be true or false"),

	one("identity headers type", withResource(`"identity_headers": "subject"`), "resources[0].identity_headers: must be an array"),
	{name: "identity headers", doc: withResource(`"identity_headers": ["subject", "x-mcpauth-client", "verdict", "subject"]`), want: []string{
		"resources[0].identity_headers[1]: " + wantCaller,
		"resources[0].identity_headers[2]: " + wantCaller,
		"resources[0].identity_headers[3]: is the same as resources[0].identity_headers[0]",
	}},
	one("filter state type", withResource(`"filter_state": true`), "resources[0].filter_state: must be an array"),
	{name: "filter state", doc: withResource(`"filter_state": ["subject", "sub", 1, "Client", "subject", ""]`), want: []string{
		"resources[0].filter_state[1]: " + wantCaller,
		"resources[0].filter_state[2]: " + wantCaller,
		"resources[0].filter_state[3]: " + wantCaller,
		"resources[0].filter_state[4]: is the same as resources[0].filter_state[0]",
		"resources[0].filter_state[5]: " + wantCaller,
	}},
	one("forward", withResource(`"forward": 1`), "resources[0].forward: must be true or false"),
	one("payload header type", withResource(`"forward_payload_header": true`), "resources[0].forward_payload_header: must be a string"),
	one("pseudo-header", withResource(`"forward_payload_header": ":path"`), "resources[0].forward_payload_header: must be a header name of letters, digits and !#$%&'*+-.^_`|~"),
	one("empty header", withResource(`"forward_payload_header": ""`), "resources[0].forward_payload_header: must be a header name of letters, digits and !#$%&'*+-.^_`|~"),
	{name: "claim_to_headers", doc: withResource(`"claim_to_headers": ["email", {}, {"claim": "a", "claim_name": "", "header_name": "x a"}]`), want: []string{
		"resources[0].claim_to_headers[0]: must be an object",
		"resources[0].claim_to_headers[1].claim_name: is required",
		"resources[0].claim_to_headers[1].header_name: is required",
		"resources[0].claim_to_headers[2].claim: unknown member (did you mean claim_name?)",
		"resources[0].claim_to_headers[2].claim_name: must not be empty",
		"resources[0].claim_to_headers[2].header_name: must be a header name of letters, digits and !#$%&'*+-.^_`|~",
	}},
	{name: "claims that are paths", doc: withResource(`"claim_to_headers": [{"claim_name": [], "header_name": "x-a"}, {"claim_name": ["a", ""], "header_name": "x-b"},
		{"claim_name": ["a", null], "header_name": "x-c"}, {"claim_name": {"a": "b"}, "header_name": "x-d"}, {"claim_name": [` + strings.Repeat(`"a", `, 32) + `"a"], "header_name": "x-e"}]`), want: []string{
		"resources[0].claim_to_headers[0].claim_name: must not be empty",
		"resources[0].claim_to_headers[1].claim_name[1]: must not be empty",
		"resources[0].claim_to_headers[2].claim_name[1]: must be a string",
		"resources[0].claim_to_headers[3].claim_name: must be a string",
		"resources[0].claim_to_headers[4].claim_name: must be a path of at most 32 names",
	}},
	{name: "headers twice", parserOnly: true, doc: withResource(`"forward_payload_header": "x-a", "claim_to_headers": [{"claim_name": "a", "header_name": "X_A"}, {"claim_name": "a", "header_name": "x-b"}, {"claim_name": "b", "header_name": "X-B"}]`), want: []string{
		"resources[0].claim_to_headers[0].header_name: is the same header as resources[0].forward_payload_header",
		"resources[0].claim_to_headers[2].header_name: is the same header as resources[0].claim_to_headers[1].header_name",
	}},
}
