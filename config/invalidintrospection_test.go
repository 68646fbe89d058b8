package config_test

import "strings"

// Members of introspection and userinfo that tests begin with.
const (
	basicAuth    = `"client_id": "gateway", "client_secret": "s3cret"`
	wantAudience = "must be true, unless claims has an audience: every token of this provider then passes, whichever application it was made for"
)

// introspects is a server that is asked about every opaque token.
func introspects(members string) string {
	return withServer(`"introspection": {` + basicAuth + members + `}`)
}

var badIntrospections = []badDocument{
	one("type", withServer(`"introspection": true`), "authorization_servers[0].introspection: must be an object"),
	{name: "empty", doc: withServer(`"introspection": {}`), want: []string{
		"authorization_servers[0].introspection.client_id: is required",
		"authorization_servers[0].introspection.client_secret: is required, or client_secret_env",
	}},
	one("unknown member", introspects(`, "url": "https://a"`), "authorization_servers[0].introspection.url: unknown member"),
	onlyParser("endpoint http", introspects(`, "endpoint": "http://a/b"`), "authorization_servers[0].introspection.endpoint: "+wantHTTPS),
	one("cluster empty", introspects(`, "cluster": ""`), "authorization_servers[0].introspection.cluster: must not be empty"),
	one("auth", introspects(`, "auth": "private_key_jwt"`),
		`authorization_servers[0].introspection.auth: must be "client_secret_basic" or "client_secret_post" or "bearer"`),
	one("two secrets", introspects(`, "client_secret_env": "S"`), "authorization_servers[0].introspection.client_secret_env: must not stand beside client_secret: there is one secret"),
	one("no secret", withServer(`"introspection": {"client_id": "a", "auth": "client_secret_post"}`),
		"authorization_servers[0].introspection.client_secret: is required, or client_secret_env"),
	onlyParser("secret with a newline", withServer(`"introspection": {"client_id": "a", "client_secret": "s3cret\n"}`),
		"authorization_servers[0].introspection.client_secret: must not have control characters"),
	onlyParser("no name of a variable", withServer(`"introspection": {"client_id": "a", "client_secret_env": "S=s3cret"}`),
		"authorization_servers[0].introspection.client_secret_env: must be the name of an environment variable"),
	one("a token without bearer", introspects(`, "token_env": "T"`), "authorization_servers[0].introspection.token_env: must not be there: auth takes client_secret_env"),
	{name: "a client with bearer", doc: introspects(`, "auth": "bearer"`), want: []string{
		"authorization_servers[0].introspection.client_id: must not be there: auth is bearer",
		"authorization_servers[0].introspection.client_secret: must not be there: auth takes token",
		"authorization_servers[0].introspection.token: is required, or token_env",
	}},
	onlyParser("bearer with a space", withServer(`"introspection": {"auth": "bearer", "token": "s3cret s3cret"}`),
		"authorization_servers[0].introspection.token: must be a bearer token: letters, digits and -._~+/="),
	one("max_cache_seconds", introspects(`, "max_cache_seconds": 3601`), "authorization_servers[0].introspection.max_cache_seconds: must be an integer from 0 to 3600"),
	one("jwt type", introspects(`, "jwt": 1`), "authorization_servers[0].introspection.jwt: must be true or false"),
	one("jwt beside keys", withServer(`"introspection": {"jwt": true, "endpoint": "https://a/b", `+basicAuth+`}, "jwks_uri": "https://a/k"`),
		"authorization_servers[0].jwks_uri: must not stand beside introspection: jwt is true, so that no keys are used"),
	one("jwt beside discovery that nothing needs", withServer(`"discovery": "auto", "introspection": {"jwt": true, "endpoint": "https://a/b", `+basicAuth+`}`),
		"authorization_servers[0].discovery: must not stand beside introspection: jwt is true, so that no keys are used"),
	{name: "nothing that needs keys", doc: withServer(`"introspection": {"endpoint": "https://a/b", ` + basicAuth + `}, "algorithms": ["ES256"], "typ": "at+jwt",
		"jwks_cluster": "a", "max_stale_seconds": 60, "metadata_overrides": {}`), want: []string{
		"authorization_servers[0].algorithms: must not stand beside introspection: no keys are used",
		"authorization_servers[0].typ: must not stand beside introspection: no keys are used",
		"authorization_servers[0].jwks_cluster: must not stand beside introspection: no keys are fetched",
		"authorization_servers[0].max_stale_seconds: must not stand beside introspection: no keys are fetched",
		"authorization_servers[0].metadata_overrides: must not stand beside introspection: no metadata is fetched",
	}},
	onlyParser("no metadata to find the endpoint in", withServer(`"jwks_uri": "https://a/k", "introspection": {`+basicAuth+`}`),
		"authorization_servers[0].introspection.endpoint: is required: no metadata is fetched that could name it"),
	onlyParser("metadata without an endpoint", withServer(`"metadata": {"issuer": "https://auth.example.com", "jwks_uri": "https://a/k"}, "introspection": {`+basicAuth+`}`),
		"authorization_servers[0].metadata.introspection_endpoint: is required"),
	one("no cluster for the metadata", withServers(`{"issuer": "https://a", "introspection": {"cluster": "a", `+basicAuth+`}}`),
		"authorization_servers[0].cluster: is required: it names the Envoy cluster that tokens are checked through"),
	one("no cluster for the endpoint", withServers(`{"issuer": "https://a", "introspection": {"endpoint": "https://a/b", `+basicAuth+`}}`),
		"authorization_servers[0].cluster: is required: it names the Envoy cluster that tokens are checked through"),
	one("no cluster for the keys", withServers(`{"issuer": "https://a", "discovery": "auto", "introspection": {"cluster": "a", "endpoint": "https://a/b", `+basicAuth+`}}`),
		"authorization_servers[0].cluster: is required: it names the Envoy cluster that keys are fetched through"),
	onlyParser("several at one resource", withServers(`{"issuer": "https://a", "cluster": "a", "introspection": {`+basicAuth+`}},
		{"issuer": "https://b", "cluster": "b", "userinfo": {"endpoint": "https://b/u", "claims": {"audience": "aud"}}}`),
		"resources[0].authorization_servers: must not have several with introspection or userinfo: an opaque token does not say whose it is"),

	one("both", withServer(`"introspection": {`+basicAuth+`}, "userinfo": {"endpoint": "https://a/u", "audience_unchecked": true}`),
		"authorization_servers[0].userinfo: must not stand beside introspection: a token is checked in one way"),
	{name: "userinfo empty", doc: withServer(`"userinfo": {}`), want: []string{
		"authorization_servers[0].userinfo.endpoint: is required",
		"authorization_servers[0].userinfo.audience_unchecked: " + wantAudience,
	}},
	one("userinfo unknown member", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "client_id": "a"}`),
		"authorization_servers[0].userinfo.client_id: unknown member"),
	one("userinfo with no audience", withServer(`"userinfo": {"endpoint": "https://a/u", "claims": {"subject": "id"}}`),
		"authorization_servers[0].userinfo.audience_unchecked: "+wantAudience),
	one("userinfo whose audience is said to be checked", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": false}`),
		"authorization_servers[0].userinfo.audience_unchecked: must be true, since claims has no audience"),
	one("userinfo path", withServer(`"userinfo": {"endpoint": "https://a/u", "claims": {"subject": "users.#.id", "audience": "aud"}}`),
		"authorization_servers[0].userinfo.claims.subject: must be names of members, of letters, digits, _ and -, with dots between; other names stand in an array"),
	one("userinfo path empty", withServer(`"userinfo": {"endpoint": "https://a/u", "claims": {"audience": ""}}`),
		"authorization_servers[0].userinfo.claims.audience: must be names of members, of letters, digits, _ and -, with dots between; other names stand in an array"),
	one("userinfo unknown claim", withServer(`"userinfo": {"endpoint": "https://a/u", "claims": {"sub": "id", "audience": "aud"}}`),
		"authorization_servers[0].userinfo.claims.sub: unknown member"),
	one("scopes twice", withServer(`"userinfo": {"endpoint": "https://a/u", "claims": {"scopes": "scope", "audience": "aud"}, "scopes_header": "x-oauth-scopes"}`),
		"authorization_servers[0].userinfo.scopes_header: must not stand beside claims.scopes"),
	one("scopes_header", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "scopes_header": "a b"}`),
		"authorization_servers[0].userinfo.scopes_header: must be a header name of letters, digits and !#$%&'*+-.^_`|~"),
	one("userinfo path of no names", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "claims": {"subject": []}}`),
		"authorization_servers[0].userinfo.claims.subject: must not be empty"),
	one("userinfo path with an empty name", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "claims": {"subject": ["a", ""]}}`),
		"authorization_servers[0].userinfo.claims.subject[1]: must not be empty"),
	one("userinfo path of other than names", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "claims": {"client_id": ["a", 1]}}`),
		"authorization_servers[0].userinfo.claims.client_id[1]: must be a string"),
	one("userinfo path in paths", withServer(`"userinfo": {"endpoint": "https://a/u", "claims": {"audience": [["a"]]}}`),
		"authorization_servers[0].userinfo.claims.audience[0]: must be a string"),
	one("userinfo path too deep", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "claims": {"subject": [`+strings.Repeat(`"a", `, 32)+`"a"]}}`),
		"authorization_servers[0].userinfo.claims.subject: must be a path of at most 32 names"),
	one("userinfo path of dots too deep", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "claims": {"subject": "`+strings.Repeat(`a.`, 32)+`a"}}`),
		"authorization_servers[0].userinfo.claims.subject: must be a path of at most 32 names"),
	onlyParser("scopes_header with a meaning of its own", withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "scopes_header": "Content.Type"}`),
		"authorization_servers[0].userinfo.scopes_header: must not be this header, which has a meaning of its own"),
	{name: "headers", doc: withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true, "headers": {":path": "/", "Authorization": "x", "a": "b\nc", "A": ""}}`), want: []string{
		"authorization_servers[0].userinfo.headers[\":path\"]: must be a header name of letters, digits and !#$%&'*+-.^_`|~",
		"authorization_servers[0].userinfo.headers.Authorization: must not be this header, on which the gateway, the connection or the provider acts",
		"authorization_servers[0].userinfo.headers.a: must not have control characters",
		"authorization_servers[0].userinfo.headers.A: is there twice",
		"authorization_servers[0].userinfo.headers.A: must not be empty",
	}},
}

var goodIntrospections = map[string]string{
	"discovered":         introspects(``),
	"beside keys":        withServer(`"discovery": "auto", "introspection": {` + basicAuth + `}`),
	"beside static keys": withServers(`{"issuer": "https://a", "jwks": {"keys": [RSA_JWK]}, "introspection": {"endpoint": "https://a/i", "cluster": "i", ` + basicAuth + `}}`),
	"no cluster":         withServers(`{"issuer": "https://a", "introspection": {"endpoint": "https://a/i?b=c", "cluster": "i", ` + basicAuth + `}}`),
	"metadata":           withServer(`"metadata": {"issuer": "https://auth.example.com", "jwks_uri": "https://a/k", "introspection_endpoint": "https://a/i"}, "introspection": {` + basicAuth + `}`),
	"all members":        introspects(`, "endpoint": "https://a/i", "cluster": "i", "auth": "client_secret_post", "max_cache_seconds": 0, "jwt": true, "audience_unchecked": true`),
	"bearer":             withServer(`"introspection": {"auth": "bearer", "token": "s3cret="}`),
	"environment":        withServer(`"introspection": {"auth": "client_secret_basic", "client_id": "a", "client_secret_env": "MCPAUTH_SECRET"}`),
	"jwt, discovered":    withServer(`"metadata_url": "https://a/m", "metadata_overrides": {"introspection_endpoint": "https://a/i"}, "introspection": {"jwt": true, ` + basicAuth + `}`),
	"metadata for clients": `{"authorization_servers": [{"issuer": "https://a", "cluster": "a", "introspection": {"endpoint": "https://a/i", ` + basicAuth + `}, "metadata_overrides": {"x": "y"}}],
		"resources": [{"resource": "https://h", "serve_authorization_server_metadata": true}]}`,
	"one of two servers": withServers(`{"issuer": "https://a", "cluster": "a", "introspection": {` + basicAuth + `}}, {"issuer": "https://b", "cluster": "b"}`),
	"userinfo":           withServer(`"userinfo": {"endpoint": "https://a/u", "audience_unchecked": true}`),
	"userinfo, all members": withServer(`"userinfo": {"endpoint": "https://a/u", "cluster": "u", "claims": {"subject": "user.id", "client_id": ["app", "0", "id"], "audience": ["aud"], "expires": "exp"},
		"scopes_header": "X-OAuth-Scopes", "headers": {"Accept": "application/json", "user-agent": "gateway"}, "max_cache_seconds": 3600, "jwt": false, "audience_unchecked": false}`),
}
