package config_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

func ExampleParse() {
	c, err := config.Parse([]byte(`{
	  "authorization_servers": [
	    { "issuer": "https://auth.example.com", "cluster": "auth" }
	  ],
	  "resources": [
	    {
	      "resource": "https://mcp.example.com/notes",
	      "scopes_supported": ["read:notes", "write:notes"],
	      "required_scopes": ["read:notes"]
	    }
	  ]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	r, s := c.Resources[0], c.AuthorizationServers[0]
	fmt.Println(r.Resource.Raw, "needs", r.RequiredScopes, "for", r.Match.PathPrefixes)
	fmt.Println(r.AuthorizationServers[0].Issuer, s.Algorithms, s.ClockSkew)
	// Output:
	// https://mcp.example.com/notes needs [read:notes] for [/notes]
	// https://auth.example.com [RS256 ES256] 1m0s
}

func ExampleErrors() {
	_, err := config.Parse([]byte(`{
	  "authorization_servers": [{ "issuer": "http://auth.example.com", "cluster": "auth" }],
	  "resources": [{ "resource": "https://mcp.example.com/notes", "required_scope": ["read:notes"] }]
	}`))
	fmt.Println(err)
	// Output:
	// authorization_servers[0].issuer: must be an https URL (http needs a loopback host or allow_insecure_http)
	// resources[0].required_scope: unknown member (did you mean required_scopes?)
}

func mustParse(t *testing.T, doc string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := mustParse(t, document("", "", ""))
	server := &config.AuthorizationServer{
		Issuer:      "https://auth.example.com",
		Cluster:     "auth",
		JWKSCluster: "auth",
		Source:      config.KeySource{Kind: config.Discovery, Discovery: config.Auto},
		MaxStale:    24 * time.Hour,
		Algorithms:  []jwtlite.Algorithm{jwtlite.RS256, jwtlite.ES256},
		ClockSkew:   time.Minute,
	}
	want := &config.Config{
		AuthorizationServers: []*config.AuthorizationServer{server},
		Resources: []*config.Resource{{
			Resource:             &config.URL{Raw: "https://mcp.example.com/notes", Scheme: "https", Host: "mcp.example.com", Path: "/notes"},
			AuthorizationServers: []*config.AuthorizationServer{server},
			Match:                config.Match{PathPrefixes: []string{"/notes"}},
			RootMetadata:         true,
			MaxBodyBytes:         1 << 20,
			IdentityHeaders:      []string{"x-mcpauth-subject", "x-mcpauth-client", "x-mcpauth-scope", "x-mcpauth-issuer", "x-mcpauth-expires"},
		}},
		Unmatched:     config.UnmatchedDeny,
		MaxTokenBytes: 16384,
		TokenCache:    config.TokenCache{MaxEntries: 4096},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if c.Resources[0].AuthorizationServers[0] != c.AuthorizationServers[0] {
		t.Error("a resource has a copy of its authorization server")
	}
}

// Each member, with a value that is not the default, must arrive.
func TestEveryMember(t *testing.T) {
	c := mustParse(t, fill(`{
		"allow_insecure_http": true, "unmatched": "allow", "verdict_header": true, "audit": true, "dpop_nonce": {"lifetime_seconds": 60, "secret": "0123456789abcdef0123456789abcdef"}, "max_token_bytes": 65536, "token_cache": {"max_entries": 7},
		"authorization_servers": [
			{"issuer": "http://a/", "cluster": "x", "discovery": "oidc", "algorithms": ["ES256"], "clock_skew_seconds": 0,
			 "max_token_lifetime_seconds": 3600, "typ": "at+jwt"},
			{"issuer": "https://b", "cluster": "x", "jwks_cluster": "y", "metadata_url": "https://b/m", "metadata_overrides": {"x": [ null ]}, "max_stale_seconds": 90},
			{"issuer": "https://c", "cluster": "x", "metadata": {"issuer": "https://c", "jwks_uri": "https://c/k"}},
			{"issuer": "https://d", "cluster": "x", "jwks_uri": "https://d/k"},
			{"issuer": "https://e", "jwks": {"keys": [RSA_JWK, EC_JWK]}},
			{"issuer": "https://f", "public_keys": [{"pem": "EC_PEM", "kid": "a", "alg": "ES256"}]},
			{"issuer": "https://g", "cluster": "x", "discovery": "oauth"}
		],
		"resources": [{
			"resource": "HTTPS://H", "authorization_servers": ["https://d", "https://b"],
			"match": {"hosts": ["H:8443", "[2001:DB8::1]"], "path_prefixes": ["/v1", "/"]},
			"audiences": ["api://x"], "scopes_supported": ["a", "b"], "required_scopes": ["c"], "challenge_scopes": ["b", "c"],
			"scope_hierarchy": {"a": ["b"], "c": ["a", "d"], "d": ["b", "e"]}, "allowed_origins": ["HTTPS://App.example:443", "http://*.a:80", "null"],
			"metadata": {"resource\u005fname": "N\u006ftes", "x": [ 1 ]},
			"tools": {"\u0064elete": ["w", "x"], "a*": []}, "prompts": {"*": ["p"]}, "resources": {"note:///a": ["r"]}, "methods": {"tools/*": ["t"]},
			"trust_mcp_headers": true, "max_body_bytes": 1024, "filter_lists": "all",
			"mutual_tls": "required", "trust_forwarded_client_cert": true,
			"dpop": "required", "dpop_signing_algorithms": ["PS256", "EdDSA"], "forward": true, "forward_payload_header": "X-Payload",
			"claim_to_headers": [{"claim_name": "\u0065mail", "header_name": "X-Email"}, {"claim_name": "a.b", "header_name": "X-B"}, {"claim_name": ["c.d", "e"], "header_name": "X-C"}],
			"filter_state": ["client", "subject"]
		}]
	}`))
	if !c.AllowInsecureHTTP || c.Unmatched != config.UnmatchedAllow || !c.VerdictHeader || !c.Audit || c.MaxTokenBytes != 65536 || c.TokenCache.MaxEntries != 7 ||
		c.DPoPNonce.LifetimeSeconds != 60 || c.DPoPNonce.Secret != "0123456789abcdef0123456789abcdef" {
		t.Errorf("got %+v", c)
	}
	type source struct {
		kind      config.SourceKind
		discovery config.DiscoveryMode
		metadata  string
		jwks      string
		keys      int
	}
	raw := func(u *config.URL) string {
		if u == nil {
			return ""
		}
		return u.Raw
	}
	for i, want := range []source{
		{kind: config.Discovery, discovery: config.OIDC},
		{kind: config.MetadataURL, metadata: "https://b/m"},
		{kind: config.JWKSURI, jwks: "https://c/k"},
		{kind: config.JWKSURI, jwks: "https://d/k"},
		{kind: config.Static, keys: 2},
		{kind: config.Static, keys: 1},
		{kind: config.Discovery, discovery: config.OAuth},
	} {
		s := c.AuthorizationServers[i].Source
		got := source{kind: s.Kind, discovery: s.Discovery, metadata: raw(s.MetadataURL), jwks: raw(s.JWKSURI)}
		if s.Keys != nil {
			got.keys = s.Keys.Len()
		}
		if got != want {
			t.Errorf("source %d: got %+v, want %+v", i, got, want)
		}
	}
	a := c.AuthorizationServers[0]
	if a.Issuer != "http://a/" || a.Cluster != "x" || !slices.Equal(a.Algorithms, []jwtlite.Algorithm{jwtlite.ES256}) ||
		a.ClockSkew != 0 || a.MaxTokenLifetime != time.Hour || a.Type != "at+jwt" {
		t.Errorf("got %+v", a)
	}
	if b := c.AuthorizationServers[1]; b.JWKSCluster != "y" || b.Source.Overrides != `{"x": [ null ]}` || b.MaxStale != 90*time.Second {
		t.Errorf("got %+v", b)
	}
	if d, e := c.AuthorizationServers[3], c.AuthorizationServers[4]; d.JWKSCluster != "x" || e.JWKSCluster != "" || e.MaxStale != 0 {
		t.Errorf("got %+v, %+v", d, e)
	}
	want := &config.Resource{
		Resource:             &config.URL{Raw: "HTTPS://H", Scheme: "https", Host: "h"},
		AuthorizationServers: []*config.AuthorizationServer{c.AuthorizationServers[3], c.AuthorizationServers[1]},
		Match:                config.Match{Hosts: []string{"h:8443", "[2001:db8::1]"}, PathPrefixes: []string{"/v1", "/"}},
		Audiences:            []string{"api://x"},
		ScopesSupported:      []string{"a", "b"},
		RequiredScopes:       []string{"c"},
		ChallengeScopes:      []string{"b", "c"},
		Metadata:             []config.Member{{Name: "resource_name", Raw: `"N\u006ftes"`}, {Name: "x", Raw: "[ 1 ]"}},
		DPoP:                 config.BindingRequired,
		DPoPAlgorithms:       []jwtlite.Algorithm{jwtlite.PS256, jwtlite.EdDSA},
		Forward:              true,
		ForwardPayloadHeader: "x-payload",
		ClaimToHeaders: []config.ClaimToHeader{
			{Claim: config.Claim{Name: "email", Path: []string{"email"}}, HeaderName: "x-email"},
			{Claim: config.Claim{Name: "a.b", Path: []string{"a", "b"}}, HeaderName: "x-b"},
			{Claim: config.Claim{Path: []string{"c.d", "e"}}, HeaderName: "x-c"},
		},
		ScopeHierarchy: config.ScopeHierarchy{"a": {"b"}, "c": {"a", "d", "b", "e"}, "d": {"b", "e"}},
		AllowedOrigins: []string{"https://app.example", "http://*.a", "null"},
		Rules: []config.Rule{
			{Method: "tools/*", Scopes: []string{"t"}},
			{Method: "tools/call", Name: "delete", Scopes: []string{"w", "x"}},
			{Method: "tools/call", Name: "a*"},
			{Method: "prompts/get", Name: "*", Scopes: []string{"p"}},
			{Method: "resources/read", Name: "note:///a", Scopes: []string{"r"}},
			{Method: "resources/subscribe", Name: "note:///a", Scopes: []string{"r"}},
			{Method: "resources/unsubscribe", Name: "note:///a", Scopes: []string{"r"}},
		},
		TrustMCPHeaders: true,
		MaxBodyBytes:    1024,
		FilterLists:     config.FilterAll,
		MutualTLS:       config.BindingRequired, TrustForwardedClientCert: true,
		IdentityHeaders: []string{"x-mcpauth-subject", "x-mcpauth-client", "x-mcpauth-scope", "x-mcpauth-issuer", "x-mcpauth-expires"},
		FilterState:     []string{"x-mcpauth-client", "x-mcpauth-subject"},
	}
	if r := c.Resources[0]; !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v, want %+v", r, want)
	}
}

// The scopes of the first challenge are those required, and else as configured: in
// that order, and with those that others imply, since clients register with them.
func TestChallengeScopes(t *testing.T) {
	for members, want := range map[string][]string{
		`"required_scopes": []`:                                                                     nil,
		`"required_scopes": ["b", "a"]`:                                                             {"b", "a"},
		`"required_scopes": ["a", "b"], ` + broader:                                                 {"b"},
		`"required_scopes": ["b", "a"], "challenge_scopes": ["c", "a", "b"]`:                        {"c", "a", "b"},
		`"required_scopes": ["a"], "challenge_scopes": ["a", "b", "c"], ` + broader:                 {"a", "b", "c"},
		`"required_scopes": ["a"], "scopes_supported": ["c", "b", "a"], "challenge_scopes": "all"`:  {"c", "b", "a"},
		`"scopes_supported": ["a", "b"], "challenge_scopes": "\u0061ll", ` + broader:                {"a", "b"},
		`"required_scopes": ["a"], "scopes_supported": ["x/a", "x/b"], "challenge_scopes": ["x/a"]`: {"x/a"},
	} {
		r := mustParse(t, withResource(members)).Resources[0]
		if !slices.Equal(r.ChallengeScopes, want) {
			t.Errorf("%s: the first challenge has %q, want %q", members, r.ChallengeScopes, want)
		}
	}
}

const broader = `"scope_hierarchy": {"b": ["a"]}`

func TestDefaultPrefixOfTheRoot(t *testing.T) {
	for _, root := range []string{"https://h", "https://h/"} {
		r := mustParse(t, withResources(`{"resource": "`+root+`"}`)).Resources[0]
		if r.Resource.Raw != root || !slices.Equal(r.Match.PathPrefixes, []string{"/"}) {
			t.Errorf("%s: got %+v", root, r)
		}
	}
}

// The metadata is at the root if nobody could mean another resource there.
func TestRootMetadata(t *testing.T) {
	for _, test := range []struct {
		doc  string
		want []bool
	}{
		{withResources(`{"resource": "https://h/a"}`), []bool{true}},
		{withResources(`{"resource": "https://h/a", "root_metadata": false}`), []bool{false}},
		{withResources(`{"resource": "https://h/a"}, {"resource": "https://h/b"}`), []bool{false, false}},
		{withResources(`{"resource": "https://h/a"}, {"resource": "https://h/b", "root_metadata": true}`), []bool{false, true}},
		{withTop(`"unmatched": "allow"`), []bool{false}},
	} {
		for i, r := range mustParse(t, test.doc).Resources {
			if r.RootMetadata != test.want[i] {
				t.Errorf("%s: resource %d: %v", test.doc, i, r.RootMetadata)
			}
		}
	}
}

func TestScopeHierarchy(t *testing.T) {
	h := mustParse(t, withResource(`"scope_hierarchy": {"admin": ["write"], "write": ["read", "list"], "owner": ["admin"]}`)).Resources[0].ScopeHierarchy
	for _, test := range []struct {
		have, wanted string
		want         bool
	}{
		{"read", "read", true}, {"admin", "write", true}, {"admin", "read", true}, {"owner", "list", true}, {"x owner", "list", true},
		{"read", "write", false}, {"read list", "write", false}, {"write", "admin", false}, {"", "read", false}, {"Admin", "write", false},
	} {
		if got := h.Grants(strings.Fields(test.have), test.wanted); got != test.want {
			t.Errorf("%q grants %q: %v", test.have, test.wanted, got)
		}
	}
	for scopes, want := range map[string]string{
		"":                     "",
		"read":                 "read",
		"read admin":           "admin",
		"admin read":           "admin",
		"read list":            "read list",
		"x write read owner y": "x owner y",
		"unknown write other":  "unknown write other",
	} {
		if got := strings.Join(h.Minimal(strings.Fields(scopes)), " "); got != want {
			t.Errorf("minimal of %q: %q, want %q", scopes, got, want)
		}
	}
}

func TestMatchesOrigin(t *testing.T) {
	for _, test := range []struct {
		pattern string
		yes, no []string
	}{
		{"https://app.example.com", []string{"https://app.example.com"},
			[]string{"", "null", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.example", "https://xapp.example.com", "https://app.example.com/", "HTTPS://app.example.com", "https://app.example.com https://evil.example"}},
		{"null", []string{"null"}, []string{"", "https://null", "Null"}},
		{"https://*.example.com", []string{"https://a.example.com", "https://a.b.example.com", "https://a-b.example.com"},
			[]string{"", "null", "https://example.com", "https://.example.com", "https://a..example.com", "https://aexample.com", "http://a.example.com", "https://a.example.com:8443",
				"https://evil.example/.example.com", "https://evil.example#.example.com", "https://evil@a.example.com", "https://evil:1.example.com", "https://*.example.com"}},
		{"https://*.example.com:8443", []string{"https://a.example.com:8443"}, []string{"https://a.example.com", "https://a.example.com:8444"}},
	} {
		for _, origin := range test.yes {
			if !config.MatchesOrigin(test.pattern, origin) {
				t.Errorf("%s does not match %s", test.pattern, origin)
			}
		}
		for _, origin := range test.no {
			if config.MatchesOrigin(test.pattern, origin) {
				t.Errorf("%s matches %q", test.pattern, origin)
			}
		}
	}
	// Each request of a web page pays for it.
	if n := testing.AllocsPerRun(100, func() { config.MatchesOrigin("https://*.example.com", "https://app.example.com") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHostsAloneKeepTheDefaultPrefix(t *testing.T) {
	m := mustParse(t, withResource(`"match": {"hosts": ["h"]}`)).Resources[0].Match
	if !slices.Equal(m.PathPrefixes, []string{"/notes"}) || !slices.Equal(m.Hosts, []string{"h"}) {
		t.Errorf("got %+v", m)
	}
}

// Templates and environment variables often leave the newlines of PEM as two
// characters, which JSON then escapes once more.
func TestPEMWithNewlinesEscapedTwice(t *testing.T) {
	doc := strings.ReplaceAll(withServers(`{"issuer": "https://a", "public_keys": [{"pem": "EC_PEM"}]}`), `\n`, `\\n`)
	if keys := mustParse(t, doc).AuthorizationServers[0].Source.Keys; keys.Len() != 1 {
		t.Errorf("got %d keys", keys.Len())
	}
}

func TestTooManyPublicKeys(t *testing.T) {
	var list []string
	for i := range 257 {
		list = append(list, fmt.Sprintf(`{"pem": "EC_PEM", "kid": "%d"}`, i))
	}
	_, err := config.Parse([]byte(withServer(`"public_keys": [` + strings.Join(list, ",") + `]`)))
	const want = "authorization_servers[0].public_keys: the document is not an acceptable JWK set: it has more than 256 keys"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// The plugin's configuration is memory of the host, which is reused.
func TestNothingIsSharedWithTheDocument(t *testing.T) {
	doc := []byte(goodDocuments["metadata of resource"])
	c, err := config.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	want := mustParse(t, goodDocuments["metadata of resource"])
	for i := range doc {
		doc[i] = 'x'
	}
	if !reflect.DeepEqual(c, want) {
		t.Error("the configuration changed with the document")
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := config.Parse([]byte(`{
		"unmatched": "drop",
		"token_cache": {"max_entries": "many"},
		"authorization_servers": [
			{"issuer": "http://a.example", "algorithms": ["RS256", "HS256"], "clock_skew_seconds": -5},
			{"issuer": "https://b.example", "cluster": "b", "jwks_uri": "https://b.example/k", "discovery": "auto", "introspection": {}},
			"https://c.example"
		],
		"resources": [
			{"resource": "https://h/a//", "authorization_servers": ["http://a.example", "https://c.example"], "audience": "x"},
			{"resource": "https://h/b", "match": {"hosts": ["*"]}, "required_scopes": ["a b", "offline_access"]},
			{"resource": "https://h/c", "metadata": {"resource": "https://h/c"}, "claim_to_headers": [{"claim_name": "sub", "header_name": "host"}]},
			{"resource": "https://i/c"}
		],
		"ressources": []
	}`))
	var errs config.Errors
	if !errors.As(err, &errs) {
		t.Fatalf("got %T", err)
	}
	want := []string{
		"ressources: unknown member (did you mean resources?)",
		`unmatched: must be "deny" or "allow"`,
		"token_cache.max_entries: must be an integer from 0 to 100000",
		"authorization_servers[0].issuer: " + wantHTTPS,
		`authorization_servers[0].algorithms[1]: must be "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA" or "Ed25519"`,
		"authorization_servers[0].clock_skew_seconds: must be an integer from 0 to 600",
		"authorization_servers[0].cluster: is required: it names the Envoy cluster that keys are fetched through",
		"authorization_servers[1].discovery: must not stand beside jwks_uri" + oneSource,
		"authorization_servers[1].introspection.client_id: is required",
		"authorization_servers[1].introspection.client_secret: is required, or client_secret_env",
		"authorization_servers[1].introspection.endpoint: is required: no metadata is fetched that could name it",
		"authorization_servers[2]: must be an object",
		"resources[0].audience: unknown member (did you mean audiences?)",
		"resources[0].resource: must have a path without doubled slashes",
		"resources[0].authorization_servers[1]: must be the issuer of one of the authorization_servers",
		"resources[1].match.hosts[0]: " + wantWildcard,
		`resources[1].required_scopes[0]: must be one scope: printable ASCII without spaces, " and \`,
		"resources[1].required_scopes[1]: must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them",
		"resources[2].metadata.resource: must not be here: the gateway publishes the resource beside metadata",
		"resources[2].claim_to_headers[0].header_name: must not be this header, which has a meaning of its own",
		"resources[3]: needs other match.hosts (by default any host) than resources[2]: both have the path prefix /c",
	}
	var got []string
	for _, e := range errs {
		got = append(got, e.Path+": "+e.Message)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if err.Error() != strings.Join(want, "\n") {
		t.Errorf("Error: got %s", err)
	}
	var single *config.Error
	if !errors.As(err, &single) || single.Path != "ressources" {
		t.Errorf("errors.As gives %+v", single)
	}
}
