package config_test

import "strings"

// aProxy has the members that oauth_proxy must have.
const (
	aProxy = `"client_id": "gateway", "client_secret": "s3cret", "redirect_uris": ["http://127.0.0.1/callback"], ` + aKey
	aKey   = `"signing_key": "0123456789abcdef0123456789abcdef"`

	// keyless has them but the signing key.
	keyless = `"client_id": "gateway", "client_secret": "s3cret", "redirect_uris": ["http://127.0.0.1/callback"]`
)

// proxies is a configuration with an oauth_proxy of these members in a server of
// those, and resources.
func proxies(proxy, server, resources, top string) string {
	if server == "" {
		server = `"issuer": "https://auth.example.com", "cluster": "auth"`
	}
	if resources == "" {
		resources = `{"resource": "https://mcp.example.com/notes"}`
	}
	return `{"allow_on_headers_stop_iteration": true, ` + top + `"authorization_servers": [{` + server + `, "oauth_proxy": {` + proxy + `}}], "resources": [` + resources + `]}`
}

// sends is a configuration whose proxy has one more redirect URI.
func sends(uri string) string {
	return proxies(`"client_id": "gateway", "client_secret": "s3cret", "redirect_uris": ["http://127.0.0.1/callback", `+uri+`], `+aKey, "", "", "")
}

// issuerAtOrigin is a configuration with a proxied server https://a, and
// https://mcp.example.com, and resources.
func issuerAtOrigin(resources ...string) string {
	return `{"allow_on_headers_stop_iteration": true, "authorization_servers": [{"issuer": "https://a", "cluster": "a", "oauth_proxy": {` + aProxy +
		`}}, {"issuer": "https://mcp.example.com", "cluster": "b"}], "resources": [` + strings.Join(resources, ", ") + `]}`
}

const (
	served       = `"serve_authorization_server_metadata": true,`
	atProxy      = "authorization_servers[0].oauth_proxy"
	atRedirect   = atProxy + ".redirect_uris[1]: "
	wantRedirect = "must be an absolute URI of at most 2048 bytes, with its scheme in lower case"
	wantWhole    = "must be a whole URI: there are no wildcards, but loopback URIs stand for any port, and an https URI with a path may end in /* to stand for all below it"
	wantOwn      = "must not have a parameter of an authorization response in its query, such as code, state, iss or error: the client could not tell it from the provider's"
	atDocument   = atProxy + ".client_id_metadata_documents[0]"
	wantDocument = "must be the https URL of a client ID metadata document, or one that ends in /* to stand for all below it: with a path, host and scheme in lower case, no port 443, no query, no fragment, no dot segments, no doubled slashes, no percent-encoding and no other *"
	wantLogo     = "must be a data URI of an image in base64, of at most 64 KiB: data:image/png;base64,... or jpeg, gif, webp, svg+xml"
	wantText     = "must be a URL with valid percent-encoding and no character that needs it"
)

var badProxies = []badDocument{
	one("type", withServer(`"oauth_proxy": true`), atProxy+": must be an object"),
	{name: "empty", doc: proxies(``, "", "", ""), want: []string{
		atProxy + ".client_id: is required",
		atProxy + ".client_secret: is required, or client_secret_env",
		atProxy + ".redirect_uris: is required, or client_id_metadata_documents",
		atProxy + ".signing_key: is required, or signing_key_env: oauth_proxy signs with it what it gives to clients and browsers; openssl rand -base64 32 prints one",
	}},
	one("unknown member", proxies(aProxy+`, "clientid": 1`, "", "", ""), atProxy+".clientid: unknown member (did you mean client_id?)"),
	onlyParser("headers go on", withServer(`"oauth_proxy": {`+aProxy+`}`),
		atProxy+": needs allow_on_headers_stop_iteration: without it, requests with a secret in their body would go on to the MCP server; set it here and in Envoy: beside vm_config, on Istio by an EnvoyFilter, on Envoy Gateway by an EnvoyPatchPolicy, as docs/oauth-proxy.md says"),
	one("no secret", proxies(`"client_id": "gateway", "redirect_uris": ["http://127.0.0.1/callback"], `+aKey, "", "", ""),
		atProxy+".client_secret: is required, or client_secret_env"),
	one("two secrets", proxies(aProxy+`, "client_secret_env": "S"`, "", "", ""), atProxy+".client_secret_env: must not stand beside client_secret: there is one secret"),
	one("auth", proxies(aProxy+`, "auth": "private_key_jwt"`, "", "", ""), atProxy+`.auth: must be "client_secret_basic" or "client_secret_post"`),
	one("no redirect URIs", proxies(`"client_id": "gateway", "client_secret": "s3cret", "redirect_uris": [], `+aKey, "", "", ""), atProxy+".redirect_uris: must not be empty"),
	one("redirect URI type", sends(`1`), atRedirect+"must be a string"),
	one("redirect URI twice", sends(`"http://127.0.0.1/callback"`), atRedirect+"is the same as "+atProxy+".redirect_uris[0]"),
	one("wildcard", sends(`"*"`), atRedirect+wantWhole),
	one("wildcard in a host", sends(`"https://*.example.com/cb"`), atRedirect+wantWhole),
	one("wildcard in a path", sends(`"https://app.example.com/*"`), atRedirect+wantWhole),
	one("wildcard for the last segment", sends(`"https://app.example.com/cb*"`), atRedirect+wantWhole),
	one("wildcard in the middle", sends(`"https://app.example.com/*/cb"`), atRedirect+wantWhole),
	one("wildcard twice", sends(`"https://app.example.com/*/*"`), atRedirect+wantWhole),
	one("wildcard in a query", sends(`"https://app.example.com/cb?x=/*"`), atRedirect+wantWhole),
	one("wildcard behind a query", sends(`"https://app.example.com/cb?x=1/*"`), atRedirect+wantWhole),
	one("wildcard of a host", sends(`"https://*"`), atRedirect+wantWhole),
	one("wildcard behind two slashes", sends(`"https://app.example.com/cb//*"`), atRedirect+wantWhole),
	one("wildcard behind the root", sends(`"https://app.example.com//*"`), atRedirect+wantWhole),
	onlyParser("wildcard behind a dot segment", sends(`"https://app.example.com/cb/../x/*"`), atRedirect+wantWhole),
	onlyParser("wildcard behind a last dot segment", sends(`"https://app.example.com/cb/../*"`), atRedirect+wantWhole),
	one("wildcard behind an encoded dot segment", sends(`"https://app.example.com/cb/%2e%2e/*"`), atRedirect+wantWhole),
	one("wildcard behind a percent-encoding", sends(`"https://app.example.com/c%20b/*"`), atRedirect+wantWhole),
	one("wildcard behind user information", sends(`"https://u@app.example.com/cb/*"`), atRedirect+wantWhole),
	onlyParser("wildcard behind a host in upper case", sends(`"https://APP.example.com/cb/*"`), atRedirect+wantWhole),
	one("wildcard of http", sends(`"http://localhost/cb/*"`), atRedirect+wantWhole),
	one("wildcard of a private-use scheme", sends(`"app:/cb/*"`), atRedirect+wantWhole),
	onlyParser("code in the query", sends(`"https://app.example.com/cb?code=1"`), atRedirect+wantOwn),
	onlyParser("state in the query", sends(`"https://app.example.com/cb?x=1&state"`), atRedirect+wantOwn),
	onlyParser("iss in the query", sends(`"https://app.example.com/cb?x=1;iss=x"`), atRedirect+wantOwn),
	onlyParser("error in the query", sends(`"http://localhost/cb?error="`), atRedirect+wantOwn),
	onlyParser("error_description in the query", sends(`"app:/cb?error_description=x"`), atRedirect+wantOwn),
	onlyParser("error_uri in the query", sends(`"app:cb?error%5Furi=x"`), atRedirect+wantOwn),
	onlyParser("response in the query", sends(`"https://app.example.com/cb?a=b&response=x"`), atRedirect+wantOwn),
	onlyParser("access_token in the query", sends(`"https://app.example.com/cb?access.token=x"`), atRedirect+wantOwn),
	onlyParser("id_token in the query", sends(`"https://app.example.com/cb?id_token%5b0%5D=x"`), atRedirect+wantOwn),
	onlyParser("code in upper case", sends(`"https://app.example.com/cb?CODE=1"`), atRedirect+wantOwn),
	onlyParser("code that is encoded", sends(`"https://app.example.com/cb?%63o%64e=1"`), atRedirect+wantOwn),
	onlyParser("code that is encoded twice", sends(`"https://app.example.com/cb?%2563ode=1"`), atRedirect+wantOwn),
	onlyParser("code in an array", sends(`"https://app.example.com/cb?code%5B%5D=1"`), atRedirect+wantOwn),
	onlyParser("code behind a space", sends(`"https://app.example.com/cb?+code=1"`), atRedirect+wantOwn),
	one("wildcard for the port", sends(`"http://localhost:*/cb"`), atRedirect+wantWhole),
	onlyParser("http", sends(`"http://app.example.com/cb"`), atRedirect+"must use https, unless the host is loopback"),
	onlyParser("http that is loopback at first sight", sends(`"http://127.0.0.1.example.com/cb"`), atRedirect+"must use https, unless the host is loopback"),
	onlyParser("http although it is allowed elsewhere", proxies(`"client_id": "gateway", "client_secret": "s3cret", "redirect_uris": ["http://app/cb"], `+aKey, "", "", `"allow_insecure_http": true, `),
		atProxy+".redirect_uris[0]: must use https, unless the host is loopback"),
	onlyParser("user information", sends(`"https://app.example.com@evil.example/cb"`), atRedirect+"must be a URL without user information (@)"),
	one("fragment", sends(`"https://app.example.com/cb#x"`), atRedirect+"must be a URL without a fragment (#)"),
	one("fragment of a private-use scheme", sends(`"app:/cb#x"`), atRedirect+"must be a URL without a fragment (#)"),
	one("relative", sends(`"/callback"`), atRedirect+wantRedirect),
	one("no scheme", sends(`"app.example.com"`), atRedirect+wantRedirect),
	one("upper-case scheme", sends(`"HTTPS://app.example.com/cb"`), atRedirect+wantRedirect),
	one("scheme alone", sends(`"app:"`), atRedirect+wantRedirect),
	onlyParser("script", sends(`"javascript:alert(1)"`), atRedirect+"must not have a scheme that browsers act on"),
	onlyParser("data", sends(`"data:text/html,x"`), atRedirect+"must not have a scheme that browsers act on"),
	onlyParser("file", sends(`"file:///etc/passwd"`), atRedirect+"must not have a scheme that browsers act on"),
	one("space", sends(`"app:/a b"`), atRedirect+wantText),
	one("backslash", sends(`"app:/a\\b"`), atRedirect+wantText),
	onlyParser("broken percent-encoding", sends(`"app:/a%2"`), atRedirect+wantText),
	onlyParser("non-ASCII", sends(`"app:/ü"`), atRedirect+wantText),
	one("scope", proxies(aProxy+`, "scopes": ["a b"]`, "", "", ""), atProxy+`.scopes[0]: must be one scope: printable ASCII without spaces, " and \`),
	onlyParser("endpoint http", proxies(aProxy+`, "token_endpoint": "http://auth.example.com/token"`, "", "", ""), atProxy+".token_endpoint: "+wantHTTPS),
	one("cluster empty", proxies(aProxy+`, "cluster": ""`, "", "", ""), atProxy+".cluster: must not be empty"),
	one("omit_resource", proxies(aProxy+`, "omit_resource": "no"`, "", "", ""), atProxy+".omit_resource: must be true or false"),
	one("no signing key", proxies(keyless, "", "", ""), atProxy+".signing_key: is required, or signing_key_env: oauth_proxy signs with it what it gives to clients and browsers; openssl rand -base64 32 prints one"),
	one("a short signing key", proxies(keyless+`, "signing_key": "0123456789abcdef0123456789abcde"`, "", "", ""), atProxy+".signing_key: must have at least 32 bytes: openssl rand -base64 32 prints one"),
	one("signing key type", proxies(keyless+`, "signing_key": 1`, "", "", ""), atProxy+".signing_key: must be a string"),
	one("no signing keys", proxies(keyless+`, "signing_key": []`, "", "", ""), atProxy+".signing_key: must have one key, or two while the first replaces the second"),
	one("three signing keys", proxies(keyless+`, "signing_key_env": ["A", "B", "C"]`, "", "", ""), atProxy+".signing_key_env: must have one key, or two while the first replaces the second"),
	one("a second signing key that is short", proxies(keyless+`, "signing_key": ["0123456789abcdef0123456789abcdef", "x"]`, "", "", ""), atProxy+".signing_key[1]: must have at least 32 bytes: openssl rand -base64 32 prints one"),
	one("a signing key twice", proxies(keyless+`, "signing_key": ["0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"]`, "", "", ""), atProxy+".signing_key[1]: is the same as "+atProxy+".signing_key[0]"),
	one("two sources of signing keys", proxies(aProxy+`, "signing_key_env": "S"`, "", "", ""), atProxy+".signing_key_env: must not stand beside signing_key: there is one source of keys"),
	one("signing key variable", proxies(keyless+`, "signing_key_env": "A=B"`, "", "", ""), atProxy+".signing_key_env: must be the name of an environment variable"),
	one("callback", proxies(aProxy+`, "callback": false`, "", "", ""), atProxy+".callback: must be true, or be left out: the provider always sends users back to /callback of the gateway; register that redirect URI with the provider"),
	one("client age", proxies(aProxy+`, "client_max_age_seconds": 60`, "", "", ""), atProxy+".client_max_age_seconds: must be an integer from 3600 to 157680000"),
	one("consent age", proxies(aProxy+`, "consent_max_age_seconds": -1`, "", "", ""), atProxy+".consent_max_age_seconds: must be an integer from 0 to 31536000"),
	one("extra scope", proxies(aProxy+`, "extra_scopes": ["a b"]`, "", "", ""), atProxy+`.extra_scopes[0]: must be one scope: printable ASCII without spaces, " and \`),
	one("refresh scope", proxies(aProxy+`, "refresh_scope": "a  b"`, "", "", ""), atProxy+".refresh_scope: must be scopes with single spaces between them"),
	one("a page that is no object", proxies(aProxy+`, "consent_page": "x"`, "", "", ""), atProxy+".consent_page: must be an object"),
	one("an unknown member of the page", proxies(aProxy+`, "consent_page": {"tittle": "x"}`, "", "", ""), atProxy+".consent_page.tittle: unknown member (did you mean title?)"),
	one("a long title", proxies(aProxy+`, "consent_page": {"title": "`+strings.Repeat("x", 101)+`"}`, "", "", ""), atProxy+".consent_page.title: must have at most 100 bytes"),
	one("a logo from elsewhere", proxies(aProxy+`, "consent_page": {"logo": "https://example.com/logo.png"}`, "", "", ""), atProxy+".consent_page.logo: "+wantLogo),
	one("a logo that breaks out", proxies(aProxy+`, "consent_page": {"logo": "data:image/png;base64,aa\"onerror=x"}`, "", "", ""), atProxy+".consent_page.logo: "+wantLogo),
	one("a logo that is a page", proxies(aProxy+`, "consent_page": {"logo": "data:text/html;base64,aaaa"}`, "", "", ""), atProxy+".consent_page.logo: "+wantLogo),
	one("a language", proxies(aProxy+`, "consent_page": {"language": "en us"}`, "", "", ""), atProxy+".consent_page.language: must be a language tag, such as en or pt-BR"),
	one("an unknown text", proxies(aProxy+`, "consent_page": {"texts": {"allow": "x"}}`, "", "", ""), atProxy+".consent_page.texts.allow: unknown member"),
	one("a text that is empty", proxies(aProxy+`, "consent_page": {"texts": {"agree": ""}}`, "", "", ""), atProxy+".consent_page.texts.agree: must not be empty"),
	one("path_prefix", proxies(aProxy+`, "path_prefix": "oauth"`, "", "", ""), atProxy+".path_prefix: must be a path that starts with a slash"),
	{name: "endpoints that nothing names", parserOnly: true, doc: proxies(aProxy, `"issuer": "https://auth.example.com", "cluster": "auth", "jwks_uri": "https://a/k"`, "", ""), want: []string{
		atProxy + ".authorization_endpoint: is required: no metadata is fetched that could name it",
		atProxy + ".token_endpoint: is required: no metadata is fetched that could name it",
	}},
	{name: "metadata without endpoints", parserOnly: true, doc: proxies(aProxy,
		`"issuer": "https://auth.example.com", "cluster": "auth", "metadata": {"issuer": "https://auth.example.com", "jwks_uri": "https://a/k"}`, "", ""), want: []string{
		"authorization_servers[0].metadata.authorization_endpoint: is required",
		"authorization_servers[0].metadata.token_endpoint: is required",
	}},
	onlyParser("no cluster", proxies(aProxy+`, "authorization_endpoint": "https://a/a", "token_endpoint": "https://a/t"`,
		`"issuer": "https://a", "userinfo": {"endpoint": "https://a/u", "cluster": "a", "audience_unchecked": true}`, "", ""),
		atProxy+".cluster: is required: it names the Envoy cluster that leads to the token endpoint"),
	onlyParser("no cluster for the metadata", proxies(aProxy+`, "cluster": "a"`,
		`"issuer": "https://a", "userinfo": {"endpoint": "https://a/u", "cluster": "a", "audience_unchecked": true}`, "", ""),
		"authorization_servers[0].cluster: is required: it names the Envoy cluster that metadata is fetched through"),

	// Client ID metadata documents.
	one("documents type", proxies(aProxy+`, "client_id_metadata_documents": {}`, "", "", ""), atProxy+".client_id_metadata_documents: must be an array"),
	{name: "empty document", doc: documents(`{}`), want: []string{atDocument + ".cluster: is required", atDocument + ".url: is required"}},
	one("document members", documents(`{"url": "https://a/b", "cluster": "a", "host": "a"}`), atDocument+".host: unknown member"),
	one("document cluster", documents(`{"url": "https://a/b", "cluster": ""}`), atDocument+".cluster: must not be empty"),
	onlyParser("document twice", documents(`{"url": "https://a/b", "cluster": "a"}, {"url": "https://a/b", "cluster": "b"}`),
		atProxy+".client_id_metadata_documents[1].url: is the same as "+atDocument+".url"),
	one("neither redirect URIs nor documents", proxies(`"client_id": "gateway", "client_secret": "s3cret", "client_id_metadata_documents": [], `+aKey, "", "", ""),
		atProxy+".redirect_uris: is required, or client_id_metadata_documents"),
	one("empty redirect URIs beside documents", proxies(`"client_id": "gateway", "client_secret": "s3cret", "redirect_uris": [], "client_id_metadata_documents": [{"url": "https://a/b", "cluster": "a"}], `+aKey, "", "", ""),
		atProxy+".redirect_uris: must not be empty"),
	badDocumentURL("number", "1"),
	badDocumentURL("http", `"http://a/b"`),
	badDocumentURL("http on loopback", `"http://localhost/b"`),
	badDocumentURL("no path", `"https://a"`),
	badDocumentURL("host alone", `"a"`),
	badDocumentURL("scheme in capitals", `"HTTPS://a/b"`),
	badDocumentURL("query", `"https://a/b?c=d"`),
	badDocumentURL("fragment", `"https://a/b#c"`),
	badDocumentURL("credentials", `"https://u:p@a/b"`),
	badDocumentURL("doubled slash", `"https://a//b"`),
	badDocumentURL("encoding", `"https://a/%62"`),
	badDocumentURL("wildcard in the host", `"https://*.example.com/b"`),
	badDocumentURL("wildcard for the last segment", `"https://a/b*"`),
	badDocumentURL("wildcard in the middle", `"https://a/*/b"`),
	badDocumentURL("wildcard twice", `"https://a/*/*"`),
	badDocumentURL("wildcard alone", `"*"`),
	onlyParser("document host in capitals", documents(`{"url": "https://A.example.com/b", "cluster": "a"}`), atDocument+".url: "+wantDocument),
	onlyParser("document at the default port", documents(`{"url": "https://a:443/b", "cluster": "a"}`), atDocument+".url: "+wantDocument),
	onlyParser("document behind a dot segment", documents(`{"url": "https://a/./b", "cluster": "a"}`), atDocument+".url: "+wantDocument),
	onlyParser("documents below a dot segment", documents(`{"url": "https://a/../*", "cluster": "a"}`), atDocument+".url: "+wantDocument),
	onlyParser("document on a short IPv4 address", documents(`{"url": "https://127.1/b", "cluster": "a"}`), atDocument+".url: "+wantDocument),

	// What would be ambiguous at the origin of a resource.
	onlyParser("every host", proxies(aProxy, "", "", `"unmatched": "allow", `),
		"resources[0].match: must have hosts: with unmatched allow, the endpoints of oauth_proxy would take the place of others on every host"),
	onlyParser("the provider at the same origin", proxies(aProxy, `"issuer": "https://mcp.example.com/", "cluster": "a"`, "", ""),
		"resources[0].authorization_servers: must not have an issuer that the gateway is for a resource with oauth_proxy, by default the resource's origin"),
	onlyParser("another resource's server at the same origin", issuerAtOrigin(`{"resource": "https://mcp.example.com/a", "authorization_servers": ["https://a"]}`, `{"resource": "https://h/b", "authorization_servers": ["https://mcp.example.com"]}`),
		"resources[1].authorization_servers: must not have an issuer that the gateway is for a resource with oauth_proxy, by default the resource's origin"),
	onlyParser("the same the other way round", issuerAtOrigin(`{"resource": "https://h/b", "authorization_servers": ["https://mcp.example.com"]}`, `{"resource": "https://mcp.example.com/a", "authorization_servers": ["https://a"]}`),
		"resources[1].authorization_servers: must not have an issuer that the gateway is for a resource with oauth_proxy, by default the resource's origin"),
	onlyParser("a resource at an endpoint", proxies(aProxy, "", `{"resource": "https://mcp.example.com/notes"}, {"resource": "https://mcp.example.com/token"}`, ""),
		"resources[1]: needs other match.hosts (by default any host) than "+atProxy+": both have the path prefix /token"),
	onlyParser("an endpoint at a resource", proxies(aProxy, "", `{"resource": "https://mcp.example.com/revoke"}`, ""),
		"resources[0]: needs other match.hosts (by default any host) than resources[0]: both are served at /revoke"),
	onlyParser("two origins on any host", proxies(aProxy, "", `{"resource": "https://a.example.com/a"}, {"resource": "https://b.example.com/b"}`, ""),
		"resources[1]: needs other match.hosts (by default any host) than "+atProxy+" as https://a.example.com: both are served at /.well-known/oauth-authorization-server"),
	onlyParser("two proxies for one resource", twoProxies(`{"resource": "https://mcp.example.com"}`),
		"resources[0].authorization_servers: must not have several with oauth_proxy: the gateway is one issuer for a resource"),
	onlyParser("two proxies for one origin", twoProxies(`{"resource": "https://mcp.example.com/a", "authorization_servers": ["https://a"]}, {"resource": "https://mcp.example.com/b", "authorization_servers": ["https://b"]}`),
		"authorization_servers[1].oauth_proxy.issuer_path: must be another than that of "+atProxy+": the gateway would be the issuer https://mcp.example.com in the place of both"),
	onlyParser("two proxies for one issuer on two hosts", twoProxies(`{"resource": "https://mcp.example.com/a", "authorization_servers": ["https://a"], "match": {"hosts": ["a"]}}, {"resource": "https://mcp.example.com/b", "authorization_servers": ["https://b"], "match": {"hosts": ["b"]}}`),
		"authorization_servers[1].oauth_proxy.issuer_path: must be another than that of "+atProxy+": the gateway would be the issuer https://mcp.example.com in the place of both"),
	onlyParser("two proxies with one issuer path", twoIssuers(`"issuer_path": "/x"`, `"issuer_path": "/x"`),
		"authorization_servers[1].oauth_proxy.issuer_path: must be another than that of "+atProxy+": the gateway would be the issuer https://mcp.example.com/x in the place of both"),
	one("issuer path with a slash at its end", proxies(aProxy+`, "issuer_path": "/x/"`, "", "", ""), atProxy+".issuer_path: must not end with a slash: /x covers all that is under it"),
	onlyParser("endpoints of one issuer below another", twoIssuers(`"issuer_path": "/x", "path_prefix": "/y"`, `"issuer_path": "/x/y"`),
		"resources[1]: needs other match.hosts (by default any host) than "+atProxy+": both are served at /x/y/authorize"),
	onlyParser("issuer paths that differ in case", twoIssuers(`"issuer_path": "/x"`, `"issuer_path": "/X"`),
		"authorization_servers[1].oauth_proxy.issuer_path: must be another than that of "+atProxy+": the gateway would be the issuer https://mcp.example.com/X in the place of both"),
	onlyParser("an issuer path that is a server's", `{"allow_on_headers_stop_iteration": true, "authorization_servers": [{"issuer": "https://a", "cluster": "a", "oauth_proxy": {`+aProxy+`, "issuer_path": "/x"}},
		{"issuer": "https://mcp.example.com/x", "cluster": "b"}], "resources": [{"resource": "https://mcp.example.com/a"}]}`,
		"resources[0].authorization_servers: must not have an issuer that the gateway is for a resource with oauth_proxy, by default the resource's origin"),
	onlyParser("a resource at an endpoint of an issuer with a path", proxies(aProxy+`, "issuer_path": "/x"`, "", `{"resource": "https://mcp.example.com/x/token"}`, ""),
		"resources[0]: needs other match.hosts (by default any host) than resources[0]: both are served at /x/token"),
	one("issuer path without a slash", proxies(aProxy+`, "issuer_path": "x"`, "", "", ""), atProxy+".issuer_path: must be a path that starts with a slash"),
	onlyParser("issuer path below well-known", proxies(aProxy+`, "issuer_path": "/.well-known/oauth-authorization-server"`, "", "", ""), atProxy+".issuer_path: must not be where clients look for metadata, under /.well-known/"),

	// Metadata of an authorization server at the origin of a resource.
	one("serve_authorization_server_metadata type", withResource(`"serve_authorization_server_metadata": 1`), "resources[0].serve_authorization_server_metadata: must be true or false"),
	onlyParser("metadata of two", proxies(aProxy, "", `{"resource": "https://mcp.example.com", "serve_authorization_server_metadata": true}`, ""),
		"resources[0].serve_authorization_server_metadata: must not be true: oauth_proxy serves metadata of its own"),
	onlyParser("metadata that nobody has", document("", `"jwks_uri": "https://a/k",`, served),
		"resources[0].serve_authorization_server_metadata: must not be true: no metadata is fetched of https://auth.example.com, since its keys are configured"),
	onlyParser("two servers at one place", `{"authorization_servers": [{"issuer": "https://a", "cluster": "a"}, {"issuer": "https://b", "cluster": "b"}], "resources": [
		{"resource": "https://h/a", "serve_authorization_server_metadata": true, "authorization_servers": ["https://a"]},
		{"resource": "https://h/b", "serve_authorization_server_metadata": true, "authorization_servers": ["https://b", "https://a"]}]}`,
		"resources[1]: needs other match.hosts (by default any host) than the metadata of https://a: both are served at /.well-known/oauth-authorization-server"),
	onlyParser("no cluster for metadata", `{"authorization_servers": [{"issuer": "https://a", "userinfo": {"endpoint": "https://a/u", "cluster": "a", "audience_unchecked": true}}], "resources": [{`+served+`"resource": "https://h"}]}`,
		"resources[0].serve_authorization_server_metadata: needs a cluster for https://a, through which its metadata is fetched"),
}

// documents is a configuration whose proxy accepts client ID metadata documents.
func documents(list string) string {
	return proxies(aProxy+`, "client_id_metadata_documents": [`+list+`]`, "", "", "")
}

func badDocumentURL(name, url string) badDocument {
	want := wantDocument
	if url == "1" {
		want = "must be a string"
	}
	return one("document url: "+name, documents(`{"url": `+url+`, "cluster": "a"}`), atDocument+".url: "+want)
}

// twoIssuers is a configuration with two proxied servers, each for a resource at one origin.
func twoIssuers(first, second string) string {
	return proxies(aProxy+`, `+second, `"issuer": "https://a", "cluster": "a", "oauth_proxy": {`+aProxy+`, `+first+`}}, {"issuer": "https://b", "cluster": "b"`,
		`{"resource": "https://mcp.example.com/a", "authorization_servers": ["https://a"]}, {"resource": "https://mcp.example.com/b", "authorization_servers": ["https://b"]}`, "")
}

func twoProxies(resources string) string {
	return proxies(aProxy, `"issuer": "https://a", "cluster": "a", "oauth_proxy": {`+aProxy+`}}, {"issuer": "https://b", "cluster": "b"`, resources, "")
}

var goodProxies = map[string]string{
	"least": proxies(aProxy, "", "", ""),
	"all": proxies(`"client_id": "gateway", "client_secret_env": "S", "auth": "client_secret_post", "scopes": ["read:notes", "offline_access"],
		"redirect_uris": ["https://app.example.com/cb?x=1", "http://localhost:8080/callback", "http://[::1]/cb", "cursor://anysphere.cursor-mcp/oauth/callback", "com.example.app:/cb",
		"https://chatgpt.com/connector/oauth/*", "https://app.example.com/cb?codec=1&statement=2&x=code&errors=", "https://app.example.com/cb/~a-b_c.d/*"],
		"authorization_endpoint": "https://login.example.com/authorize?prompt=consent", "token_endpoint": "https://login.example.com/token",
		"revocation_endpoint": "https://login.example.com/revoke", "cluster": "login", "path_prefix": "/oauth", "callback": true, "signing_key_env": ["A", "B"],
		"client_max_age_seconds": 7776000, "consent_max_age_seconds": 0, "extra_scopes": ["openid"], "refresh_scope": "api://x/.default offline_access",
		"consent_page": {"title": "Bücher & Co.", "logo": "data:image/svg+xml;base64,PHN2Zy8+", "language": "de-CH", "texts": {"agree": "Verbinden"}}`, "", "", ""),
	"documents of clients": documents(`{"url": "https://vscode.dev/oauth/client-metadata.json", "cluster": "vscode"}, {"url": "https://clients.example.com:8443/mcp/*", "cluster": "clients"},
		{"url": "https://a.example.com/*", "cluster": "a"}, {"url": "https://b.example.com/", "cluster": "b"}, {"url": "https://b.example.com/dir/", "cluster": "b"}`),
	"documents of clients alone":                proxies(`"client_id": "gateway", "client_secret": "s3cret", "client_id_metadata_documents": [{"url": "https://a/b", "cluster": "a"}], `+aKey, "", "", ""),
	"two issuers at one origin":                 twoIssuers(`"issuer_path": "/github"`, `"issuer_path": "/google", "path_prefix": "/oauth"`),
	"an issuer at the origin, and one below it": twoIssuers(`"path_prefix": "/oauth"`, `"issuer_path": "/google"`),
	"one issuer with a path for two resources":  proxies(aProxy+`, "issuer_path": "/x"`, "", `{"resource": "https://mcp.example.com/x"}, {"resource": "https://mcp.example.com/b"}`, ""),
	"two signing keys":                          proxies(keyless+`, "signing_key": ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"]`, "", "", ""),
	"tokens that are no JWTs": proxies(aProxy+`, "authorization_endpoint": "https://a/a", "token_endpoint": "https://a/t", "cluster": "a"`,
		`"issuer": "https://a", "userinfo": {"endpoint": "https://a/u", "cluster": "a", "audience_unchecked": true}`, "", ""),
	"metadata by hand": proxies(aProxy, `"issuer": "https://a", "cluster": "a", "metadata": {"issuer": "https://a", "jwks_uri": "https://a/k",
		"authorization_endpoint": "https://a/a", "token_endpoint": "https://a/t", "revocation_endpoint": "https://a/r"}`, "", ""),
	"two origins": proxies(aProxy, "", `{"resource": "https://a.example.com", "match": {"hosts": ["a.example.com"]}},
		{"resource": "https://b.example.com/b", "match": {"hosts": ["b.example.com"]}}, {"resource": "https://a.example.com/token/x", "match": {"hosts": ["a.example.com"]}}`, ""),
	"a prefix for a resource at an endpoint": proxies(aProxy+`, "path_prefix": "/oauth"`, "", `{"resource": "https://mcp.example.com/token"}`, ""),
	"metadata of one server for two resources": withResources(`{"resource": "https://h/a", "serve_authorization_server_metadata": true},
		{"resource": "https://h/b", "serve_authorization_server_metadata": true}`),
	"metadata by hand, served": document("", `"metadata": {"issuer": "https://auth.example.com", "jwks_uri": "https://a/k"},`, served),
}
