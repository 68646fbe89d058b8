package config_test

import "strings"

// badDocument is a document that Parse refuses.
type badDocument struct {
	name string
	doc  string

	// parserOnly marks a rule that schema.json cannot state, or does not
	// because the pattern would be unreadable.
	parserOnly bool

	// want are all errors, as "path: message".
	want []string
}

// one is a bad document with a single error that both the parser and the schema
// see; onlyParser one that the schema lets pass.
func one(name, doc, want string) badDocument {
	return badDocument{name: name, doc: doc, want: []string{want}}
}

func onlyParser(name, doc, want string) badDocument {
	return badDocument{name: name, doc: doc, parserOnly: true, want: []string{want}}
}

const (
	oneSource = ": keys come from one of discovery, metadata_url, metadata, jwks_uri, jwks, public_keys"
	wantHTTPS = "must be an https URL (http needs a loopback host or allow_insecure_http)"
	wantProof = "not supported yet: the gateway cannot check the proof of possession"

	wantMutualTLS = `needs mutual_tls "accept" or "required"`
)

// withDPoP is the smallest configuration with DPoP and a member dpop_nonce.
func withDPoP(nonce string) string {
	return document(`"dpop_nonce": `+nonce+`,`, "", `"dpop": "accept",`)
}

var badTops = []badDocument{
	one("no members", `{}`, "authorization_servers: is required\nresources: is required"),
	one("no object", `[]`, "$: must be an object"),
	one("null", `null`, "$: must be an object"),
	one("unknown member", withTop(`"resource": []`), "resource: unknown member (did you mean resources?)"),
	one("unknown member unlike any", withTop(`"plugins": {}`), "plugins: unknown member"),
	one("member name that is no word", withTop(`"a b": 1`), `$["a b"]: unknown member`),
	one("empty member name", withTop(`"": 1`), `$[""]: unknown member`),
	one("case counts", withTop(`"Unmatched": "deny"`), "Unmatched: unknown member (did you mean unmatched?)"),
	onlyParser("duplicate member", withTop(`"unmatched": "deny", "unmatched": "allow"`), "unmatched: duplicate member"),
	onlyParser("duplicate member after decoding", withTop(`"unmatched": "deny", "unm\u0061tched": "allow"`), "unmatched: duplicate member"),
	one("unmatched", withTop(`"unmatched": "pass"`), `unmatched: must be "deny" or "allow"`),
	one("unmatched type", withTop(`"unmatched": true`), `unmatched: must be "deny" or "allow"`),
	one("allow_insecure_http type", withTop(`"allow_insecure_http": "true"`), "allow_insecure_http: must be true or false"),
	one("allow_insecure_http null", withTop(`"allow_insecure_http": null`), "allow_insecure_http: must be true or false"),
	one("verdict_header type", withTop(`"verdict_header": "token"`), "verdict_header: must be true or false"),
	one("audit type", withTop(`"audit": ["subject"]`), "audit: must be true or false"),
	one("dpop_nonce type", withTop(`"dpop_nonce": "s"`), "dpop_nonce: must be an object"),
	{name: "dpop_nonce empty", doc: withDPoP(`{}`), want: []string{"dpop_nonce.secret: is required, or secret_env"}},
	{name: "dpop_nonce", doc: withDPoP(`{"lifetime_seconds": 9, "secret": "short", "key": 1}`), want: []string{
		"dpop_nonce.key: unknown member",
		"dpop_nonce.lifetime_seconds: must be an integer from 10 to 86400",
		"dpop_nonce.secret: must have at least 32 bytes, at random",
	}},
	one("dpop_nonce two secrets", withDPoP(`{"secret": "`+strings.Repeat("s", 32)+`", "secret_env": "S"}`), "dpop_nonce.secret_env: must not stand beside secret: there is one secret"),
	{name: "dpop_nonce for nothing", doc: withTop(`"dpop_nonce": {"secret_env": "S"}`), want: []string{"dpop_nonce: has no effect: no resource takes DPoP"}, parserOnly: true},
	one("audit null", withTop(`"audit": null`), "audit: must be true or false"),
	one("audit in a resource", withResource(`"audit": true`), "resources[0].audit: unknown member"),
	one("verdict_header null", withTop(`"verdict_header": null`), "verdict_header: must be true or false"),
	one("token_cache type", withTop(`"token_cache": 10`), "token_cache: must be an object"),
	one("token_cache member", withTop(`"token_cache": {"size": 10}`), "token_cache.size: unknown member"),
	one("max_token_bytes low", withTop(`"max_token_bytes": 1023`), "max_token_bytes: must be an integer from 1024 to 65536"),
	one("max_token_bytes high", withTop(`"max_token_bytes": 65537`), "max_token_bytes: must be an integer from 1024 to 65536"),
	one("max_token_bytes string", withTop(`"max_token_bytes": "16384"`), "max_token_bytes: must be an integer from 1024 to 65536"),
	one("max_token_bytes null", withTop(`"max_token_bytes": null`), "max_token_bytes: must be an integer from 1024 to 65536"),
	one("max_entries low", withTop(`"token_cache": {"max_entries": -1}`), "token_cache.max_entries: must be an integer from 0 to 100000"),
	one("max_entries high", withTop(`"token_cache": {"max_entries": 100001}`), "token_cache.max_entries: must be an integer from 0 to 100000"),
	one("max_entries beyond 64 bits", withTop(`"token_cache": {"max_entries": 18446744073709551617}`), "token_cache.max_entries: must be an integer from 0 to 100000"),
	one("max_entries fraction", withTop(`"token_cache": {"max_entries": 1.5}`), "token_cache.max_entries: must be an integer from 0 to 100000"),
	one("max_entries string", withTop(`"token_cache": {"max_entries": "10"}`), "token_cache.max_entries: must be an integer from 0 to 100000"),
	onlyParser("max_entries with exponent", withTop(`"token_cache": {"max_entries": 1e2}`), "token_cache.max_entries: must be an integer from 0 to 100000"),
}

const (
	wantPrefix     = `must be the beginning of a scope: at most 256 bytes of printable ASCII without spaces, " and \`
	wantUnprefixed = "must be without the scope_prefix of the authorization server, as its tokens have it"
)

// prefixed is a document with a resource, given by its members, and servers with these
// values of scope_prefix.
func prefixed(resource string, prefixes ...string) string {
	var servers []string
	for i, prefix := range prefixes {
		members := ""
		if prefix != "" {
			members = `, "scope_prefix": "` + prefix + `"`
		}
		servers = append(servers, `{"issuer": "https://`+string(rune('a'+i))+`", "cluster": "a"`+members+`}`)
	}
	return `{"authorization_servers": [` + strings.Join(servers, ",") + `], "resources": [{"resource": "https://h/n", ` + resource + `}]}`
}

var badServers = []badDocument{
	one("no scope claims", withServer(`"scope_claims": []`), "authorization_servers[0].scope_claims: must not be empty"),
	one("scope claims type", withServer(`"scope_claims": "scp"`), "authorization_servers[0].scope_claims: must be an array"),
	onlyParser("scope claim with a space", withServer(`"scope_claims": ["scp", " roles"]`), "authorization_servers[0].scope_claims[1]: must not have white space at its ends"),
	{name: "scope claims", doc: withServer(`"scope_claims": ["", "a", "a", 1, ["b"], "c\u0000", "` + strings.Repeat("n", 1025) + `"]`), want: []string{
		"authorization_servers[0].scope_claims[0]: must not be empty",
		"authorization_servers[0].scope_claims[2]: is the same as authorization_servers[0].scope_claims[1]",
		"authorization_servers[0].scope_claims[3]: must be a string",
		"authorization_servers[0].scope_claims[4]: must be a string",
		"authorization_servers[0].scope_claims[5]: must not have control characters",
		"authorization_servers[0].scope_claims[6]: must be at most 1024 bytes",
	}},
	one("too many scope claims", withServer(`"scope_claims": ["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"]`), "authorization_servers[0].scope_claims: must have at most 16 claims"),
	onlyParser("scope claims of userinfo", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true}, "scope_claims": ["roles"]`),
		"authorization_servers[0].scope_claims: must not stand beside userinfo: claims.scopes or scopes_header says where its answers have scopes"),
	one("scope prefix", withServer(`"scope_prefix": "api x/"`), "authorization_servers[0].scope_prefix: "+wantPrefix),
	one("empty scope prefix", withServer(`"scope_prefix": ""`), "authorization_servers[0].scope_prefix: "+wantPrefix),
	one("long scope prefix", withServer(`"scope_prefix": "`+strings.Repeat("p", 257)+`"`), "authorization_servers[0].scope_prefix: "+wantPrefix),
	one("scope prefix type", withServer(`"scope_prefix": null`), "authorization_servers[0].scope_prefix: must be a string"),
	onlyParser("two prefixes", prefixed(`"required_scopes": ["r"]`, "p:", "q:"), "resources[0].authorization_servers: must not have different values of scope_prefix: a challenge names each scope once, for clients of all of them"),
	onlyParser("a prefix and none", prefixed(`"required_scopes": ["r"]`, "p:", ""), "resources[0].authorization_servers: must not have different values of scope_prefix: a challenge names each scope once, for clients of all of them"),
	onlyParser("none and a prefix", prefixed(`"authorization_servers": ["https://a", "https://b"]`, "", "p:"), "resources[0].authorization_servers: must not have different values of scope_prefix: a challenge names each scope once, for clients of all of them"),
	{name: "scopes with the prefix", parserOnly: true, doc: prefixed(`"scopes_supported": ["a", "p:b"], "required_scopes": ["p:c"], "challenge_scopes": ["p:b", "p:c"], "scope_hierarchy": {"p:d": ["e", "p:f"]},
		"tools": {"t": ["p:g"], "u": {"scopes": ["h", "p:i"]}}, "methods": {"m/*": ["p:j"]}`, "p:"), want: []string{
		"resources[0].scopes_supported[1]: " + wantUnprefixed,
		"resources[0].required_scopes[0]: " + wantUnprefixed,
		"resources[0].challenge_scopes[0]: " + wantUnprefixed,
		"resources[0].challenge_scopes[1]: " + wantUnprefixed,
		`resources[0].scope_hierarchy["p:d"]: ` + wantUnprefixed,
		`resources[0].scope_hierarchy["p:d"][1]: ` + wantUnprefixed,
		"resources[0].tools.t[0]: " + wantUnprefixed,
		"resources[0].tools.u.scopes[1]: " + wantUnprefixed,
		`resources[0].methods["m/*"][0]: ` + wantUnprefixed,
	}},
	one("no list", `{"authorization_servers": {}, "resources": [{"resource": "https://h", "authorization_servers": ["https://a"]}]}`,
		"authorization_servers: must be an array"),
	one("empty list", withServers(``), "authorization_servers: must not be empty"),
	one("no object", withServers(`"https://auth.example.com"`), "authorization_servers[0]: must be an object"),
	one("no issuer", withServers(`{"cluster": "auth"}`), "authorization_servers[0].issuer: is required"),
	one("issuer type", withServers(`{"issuer": 1, "cluster": "auth"}`), "authorization_servers[0].issuer: must be a string"),
	one("issuer no URL", withServers(`{"issuer": "auth.example.com", "cluster": "auth"}`),
		"authorization_servers[0].issuer: must be an absolute URL that starts with https://"),
	one("issuer with query", withServers(`{"issuer": "https://a/?b=c", "cluster": "auth"}`),
		"authorization_servers[0].issuer: must be a URL without a query (?)"),
	one("issuer with fragment", withServers(`{"issuer": "https://a/#b", "cluster": "auth"}`),
		"authorization_servers[0].issuer: must be a URL without a fragment (#)"),
	onlyParser("issuer http", withServers(`{"issuer": "http://auth.example.com", "cluster": "auth"}`), "authorization_servers[0].issuer: "+wantHTTPS),
	onlyParser("issuer twice", withServers(`{"issuer": "https://a", "cluster": "x"}, {"issuer": "https://a", "cluster": "y"}`),
		"authorization_servers[1].issuer: is the same as authorization_servers[0].issuer"),
	one("no cluster", withServers(`{"issuer": "https://a"}`),
		"authorization_servers[0].cluster: is required: it names the Envoy cluster that keys are fetched through"),
	one("empty cluster", withServers(`{"issuer": "https://a", "cluster": ""}`), "authorization_servers[0].cluster: must not be empty"),
	onlyParser("cluster with control character", withServers(`{"issuer": "https://a", "cluster": "a\nb"}`),
		"authorization_servers[0].cluster: must not have control characters"),
	one("unknown member", withServer(`"clock_skew": 5`), "authorization_servers[0].clock_skew: unknown member (did you mean clock_skew_seconds?)"),
	one("camel case", withServer(`"metadataUrl": "https://a/b"`), "authorization_servers[0].metadataUrl: unknown member (did you mean metadata_url?)"),

	one("discovery", withServer(`"discovery": "none"`), `authorization_servers[0].discovery: must be "auto" or "oauth" or "oidc"`),
	one("metadata_url type", withServer(`"metadata_url": true`), "authorization_servers[0].metadata_url: must be a string"),
	onlyParser("metadata_url http", withServer(`"metadata_url": "http://a/b"`), "authorization_servers[0].metadata_url: "+wantHTTPS),
	onlyParser("jwks_uri http", withServer(`"jwks_uri": "http://a/b"`), "authorization_servers[0].jwks_uri: "+wantHTTPS),
	one("two sources", withServer(`"jwks_uri": "https://a/b", "discovery": "auto"`), "authorization_servers[0].discovery: must not stand beside jwks_uri"+oneSource),
	{name: "three sources", doc: withServer(`"metadata_url": "https://a/b", "discovery": "auto", "jwks": {}`), want: []string{
		"authorization_servers[0].discovery: must not stand beside metadata_url" + oneSource,
		"authorization_servers[0].jwks: must not stand beside metadata_url" + oneSource,
	}},
	{name: "metadata empty", doc: withServer(`"metadata": {}`), want: []string{
		"authorization_servers[0].metadata.issuer: is required",
		"authorization_servers[0].metadata.jwks_uri: is required",
	}},
	one("metadata type", withServer(`"metadata": "{}"`), "authorization_servers[0].metadata: must be an object"),
	onlyParser("metadata of another issuer", withServer(`"metadata": {"issuer": "https://auth.example.com/", "jwks_uri": "https://a/b"}`),
		"authorization_servers[0].metadata.issuer: must be the same as the issuer of this authorization server"),
	onlyParser("metadata with http keys", withServer(`"metadata": {"issuer": "https://auth.example.com", "jwks_uri": "http://a/b"}`),
		"authorization_servers[0].metadata.jwks_uri: "+wantHTTPS),

	one("metadata_overrides type", withServer(`"metadata_overrides": []`), "authorization_servers[0].metadata_overrides: must be an object"),
	onlyParser("metadata_overrides of another issuer", withServer(`"metadata_overrides": {"issuer": "https://auth.example.com/"}`),
		"authorization_servers[0].metadata_overrides.issuer: must be the same as the issuer of this authorization server"),
	{name: "metadata_overrides without what is needed", doc: withServer(`"metadata_overrides": {"issuer": null, "jwks_uri": null}`), want: []string{
		"authorization_servers[0].metadata_overrides.issuer: must be a string",
		"authorization_servers[0].metadata_overrides.jwks_uri: must be a string",
	}},
	onlyParser("metadata_overrides with http keys", withServer(`"metadata_overrides": {"jwks_uri": "http://a/b"}`),
		"authorization_servers[0].metadata_overrides.jwks_uri: "+wantHTTPS),
	onlyParser("metadata_overrides with a duplicate member", withServer(`"metadata_overrides": {"x": {"y": 1, "y": 2}}`),
		"authorization_servers[0].metadata_overrides.x.y: duplicate member"),
	one("metadata_overrides beside metadata", withServer(`"metadata_overrides": {}, "metadata": {"issuer": "https://auth.example.com", "jwks_uri": "https://a/b"}`),
		"authorization_servers[0].metadata_overrides: must not stand beside metadata: no metadata is fetched"),
	one("metadata_overrides beside jwks_uri", withServer(`"metadata_overrides": {}, "jwks_uri": "https://a/b"`),
		"authorization_servers[0].metadata_overrides: must not stand beside jwks_uri: no metadata is fetched"),
	{name: "nothing is fetched", doc: withServer(`"metadata_overrides": {}, "jwks_cluster": "a", "max_stale_seconds": 60, "public_keys": [{"pem": "EC_PEM"}]`), want: []string{
		"authorization_servers[0].metadata_overrides: must not stand beside public_keys: no metadata is fetched",
		"authorization_servers[0].jwks_cluster: must not stand beside public_keys: no keys are fetched",
		"authorization_servers[0].max_stale_seconds: must not stand beside public_keys: no keys are fetched",
	}},
	one("jwks_cluster beside jwks", withServer(`"jwks_cluster": "a", "jwks": {"keys": [RSA_JWK]}`),
		"authorization_servers[0].jwks_cluster: must not stand beside jwks: no keys are fetched"),
	one("jwks_cluster empty", withServer(`"jwks_cluster": ""`), "authorization_servers[0].jwks_cluster: must not be empty"),
	one("jwks_cluster type", withServer(`"jwks_cluster": 1`), "authorization_servers[0].jwks_cluster: must be a string"),
	one("jwks_cluster alone", withServers(`{"issuer": "https://a", "jwks_cluster": "a"}`),
		"authorization_servers[0].cluster: is required: it names the Envoy cluster that keys are fetched through"),
	one("max_stale_seconds low", withServer(`"max_stale_seconds": 59`), "authorization_servers[0].max_stale_seconds: must be an integer from 60 to 31536000"),
	one("max_stale_seconds high", withServer(`"max_stale_seconds": 31536001`), "authorization_servers[0].max_stale_seconds: must be an integer from 60 to 31536000"),

	one("jwks type", withServer(`"jwks": []`), "authorization_servers[0].jwks: must be an object"),
	one("jwks without keys", withServer(`"jwks": {}`), "authorization_servers[0].jwks.keys: is required"),
	one("jwks empty", withServer(`"jwks": {"keys": []}`), "authorization_servers[0].jwks.keys: must not be empty"),
	one("jwks with a string", withServer(`"jwks": {"keys": ["a"]}`), "authorization_servers[0].jwks.keys[0]: must be an object"),
	onlyParser("jwks with only unusable keys", withServer(`"jwks": {"keys": [{"kty": "AKP"}]}`),
		"authorization_servers[0].jwks.keys[0]: the key is not usable: its type is not RSA, EC or OKP"),
	onlyParser("jwks with a private key", withServer(`"jwks": {"keys": [PRIVATE_JWK]}`),
		"authorization_servers[0].jwks.keys[0]: the key is not usable: its private part is published"),
	onlyParser("jwks with a duplicate member", withServer(`"jwks": {"keys": [{"kty": "EC", "kty": "RSA"}]}`),
		"authorization_servers[0].jwks.keys[0].kty: duplicate member"),
	onlyParser("jwks with two lists", withServer(`"jwks": {"keys": [RSA_JWK], "keys": [EC_JWK]}`),
		"authorization_servers[0].jwks.keys: duplicate member"),
	onlyParser("jwks with too many keys", withServer(`"jwks": {"keys": [`+strings.Repeat(`{},`, 256)+`{}]}`),
		"authorization_servers[0].jwks: the document is not an acceptable JWK set: it has more than 256 keys"),
	{name: "jwks with no usable key", parserOnly: true, doc: withServer(`"algorithms": ["RS256"], "jwks": {"keys": [{"kty": "AKP"}, EC_JWK, {"kty": "RSA", "alg": "PS256"}]}`), want: []string{
		"authorization_servers[0].jwks.keys[0]: the key is not usable: its type is not RSA, EC or OKP",
		"authorization_servers[0].jwks.keys[1]: the key is not usable: it is a P-256 key, and none of algorithms is for such keys",
		"authorization_servers[0].jwks.keys[2]: the key is not usable: it is for PS256, which is not in algorithms",
	}},

	one("public_keys type", withServer(`"public_keys": "RSA_PEM"`), "authorization_servers[0].public_keys: must be an array"),
	one("public_keys empty", withServer(`"public_keys": []`), "authorization_servers[0].public_keys: must not be empty"),
	one("public key type", withServer(`"public_keys": ["RSA_PEM"]`), "authorization_servers[0].public_keys[0]: must be an object"),
	one("public key without pem", withServer(`"public_keys": [{"kid": "a"}]`), "authorization_servers[0].public_keys[0].pem: is required"),
	one("public key member", withServer(`"public_keys": [{"pem": "RSA_PEM", "use": "sig"}]`), "authorization_servers[0].public_keys[0].use: unknown member"),
	onlyParser("public key no PEM", withServer(`"public_keys": [{"pem": "MII"}]`),
		"authorization_servers[0].public_keys[0].pem: the key is not usable: it is not one PEM block of type PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE"),
	onlyParser("public key private", withServer(`"public_keys": [{"pem": "PRIVATE_PEM"}]`),
		"authorization_servers[0].public_keys[0].pem: must be a public key: only public keys belong into the configuration"),
	one("public key alg", withServer(`"public_keys": [{"pem": "RSA_PEM", "alg": "HS256"}]`),
		`authorization_servers[0].public_keys[0].alg: must be "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA" or "Ed25519"`),
	onlyParser("public key alg of another type", withServer(`"public_keys": [{"pem": "RSA_PEM", "alg": "ES256"}]`),
		"authorization_servers[0].public_keys[0].pem: the key is not usable: its algorithm does not fit its type"),
	one("public key kid empty", withServer(`"public_keys": [{"pem": "RSA_PEM", "kid": ""}]`), "authorization_servers[0].public_keys[0].kid: must not be empty"),
	onlyParser("public key for another algorithm", withServer(`"algorithms": ["ES256"], "public_keys": [{"pem": "RSA_PEM"}]`),
		"authorization_servers[0].public_keys[0].pem: the key is not usable: it is an RSA key, and none of algorithms is for such keys"),
	onlyParser("public key for an algorithm that is not listed", withServer(`"algorithms": ["RS256"], "public_keys": [{"pem": "RSA_PEM", "alg": "RS512"}]`),
		"authorization_servers[0].public_keys[0].pem: the key is not usable: it is for RS512, which is not in algorithms"),

	one("algorithms type", withServer(`"algorithms": "RS256"`), "authorization_servers[0].algorithms: must be an array"),
	one("algorithms empty", withServer(`"algorithms": []`), "authorization_servers[0].algorithms: must not be empty"),
	{name: "algorithms", doc: withServer(`"algorithms": ["none", "HS256", "RS256", 1, "es256"]`), want: []string{
		`authorization_servers[0].algorithms[0]: must be "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA" or "Ed25519"`,
		`authorization_servers[0].algorithms[1]: must be "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA" or "Ed25519"`,
		"authorization_servers[0].algorithms[3]: must be a string",
		`authorization_servers[0].algorithms[4]: must be "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA" or "Ed25519"`,
	}},
	one("algorithms twice", withServer(`"algorithms": ["ES256", "ES256"]`), "authorization_servers[0].algorithms[1]: is the same as authorization_servers[0].algorithms[0]"),
	one("clock_skew_seconds", withServer(`"clock_skew_seconds": 601`), "authorization_servers[0].clock_skew_seconds: must be an integer from 0 to 600"),
	one("max_token_lifetime_seconds", withServer(`"max_token_lifetime_seconds": 0`), "authorization_servers[0].max_token_lifetime_seconds: must be an integer from 1 to 31536000"),
	one("typ", withServer(`"typ": "JWT"`), `authorization_servers[0].typ: must be "at+jwt"`),
}
