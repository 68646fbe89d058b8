package wasmtest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// The tenants of a server such as Microsoft Entra ID. Tokens of tenantC are accepted only
// with "tenants": "any".
const (
	tenantA = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	tenantB = "99998888-0000-cccc-1111-dddd2222eeee"
	tenantC = "77776666-0000-cccc-1111-dddd2222eeee"

	entraTemplate = "https://login.microsoftonline.com/{tid}/v2.0"
	entraPublic   = "https://login.microsoftonline.com/organizations/v2.0"
)

func issuerOf(tenant string) string { return strings.Replace(entraTemplate, "{tid}", tenant, 1) }

// tenants is the authorization server with two tenants.
func tenants(members object) object {
	return with(object{"issuer": entraTemplate, "tenants": []string{tenantA, tenantB}, "cluster": "auth"}, members)
}

// ofTenant are the claims of a token of a tenant.
func ofTenant(h *Host, tenant string, members object) object {
	return with(claims(h, object{"iss": issuerOf(tenant), "tid": tenant}), members)
}

// keyOf is a key with the issuer that Entra gives it, none if empty.
func keyOf(s *signer, issuer string) object {
	if issuer == "" {
		return s.jwk()
	}
	return with(s.jwk(), object{"issuer": issuer})
}

// entraServer is what Entra publishes for all tenants.
func entraServer(keys ...object) documents {
	return documents{
		"/organizations/v2.0/.well-known/openid-configuration": toJSON(object{
			"issuer": issuerOf("{tenantid}"), "jwks_uri": "https://login.microsoftonline.com/organizations/discovery/v2.0/keys",
			"authorization_endpoint": "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
			"token_endpoint":         "https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
		}),
		"/organizations/discovery/v2.0/keys": toJSON(object{"keys": keys}),
	}
}

// ready starts a plugin and lets it find its keys.
func ready(t *testing.T, h *Host, d documents, config any) *VM {
	t.Helper()
	vm := start(t, h, config)
	d.run(h, 2*time.Second)
	return vm
}

// Tokens of listed tenants go on, with their real issuer in the header and in the filter
// state, the first time and from the cache. Others do not.
func TestTenants(t *testing.T) {
	h := newHost(t, Options{})
	vm := ready(t, h, entraServer(keyOf(rsaKey, issuerOf("{tenantid}"))), config(tenants(nil), notes(allState), nil))
	dispatched := h.Dispatched()
	for _, tenant := range []string{tenantA, tenantB} {
		token := rsaKey.bearer(ofTenant(h, tenant, nil))
		for range 3 {
			s := vm.Request(rpc("/notes", token))
			wantForwarded(t, s)
			if got := s.Upstream().Values("x-mcpauth-issuer"); !slices.Equal(got, []string{issuerOf(tenant)}) || s.FilterState()["wasm.mcpauth-issuer"] != issuerOf(tenant) {
				t.Errorf("issuer %q, filter state %v", got, s.FilterState())
			}
		}
	}
	const another, unnamed = "^the token is from another issuer$", "^the token does not name the tenant of its issuer$"
	for _, tt := range []struct {
		name, tenant string
		claims       object
		want         string
	}{
		{"a tenant that is not listed", tenantC, nil, another},
		{"the template", "{tid}", nil, another},
		{"the issuer that stands for all", "organizations", nil, another},
		{"upper case", strings.ToUpper(tenantA), nil, another},
		{"version 1", tenantA, object{"iss": "https://sts.windows.net/" + tenantA + "/"}, another},
		{"a slash at the end", tenantA, object{"iss": issuerOf(tenantA) + "/"}, another},
		{"a tenant and more", tenantA, object{"iss": issuerOf(tenantA + "/" + tenantB)}, another},
		{"another host", tenantA, object{"iss": "https://login.evil.example/" + tenantA + "/v2.0"}, another},
		{"no issuer", tenantA, object{"iss": nil}, another},
		{"the other tenant", tenantA, object{"tid": tenantB}, unnamed},
		{"the other tenant, in reverse", tenantB, object{"tid": tenantA}, unnamed},
		{"a listed tenant, and the issuer of none", tenantC, object{"tid": tenantA}, another},
		{"no claim", tenantA, object{"tid": nil}, unnamed},
		{"null", tenantA, object{"tid": json.RawMessage("null")}, unnamed},
		{"a list", tenantA, object{"tid": []string{tenantA}}, unnamed},
		{"a number", tenantA, object{"tid": 1}, unnamed},
		{"in another claim", tenantA, object{"tid": nil, "TID": tenantA, "tenantid": tenantA}, unnamed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 {
				wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tt.tenant, tt.claims)))), tt.want)
			}
		})
	}
	if h.Dispatched() != dispatched {
		t.Errorf("%d callouts", h.Dispatched()-dispatched)
	}
}

// With any, the tenant must be a segment and the claim must have it too.
func TestAnyTenant(t *testing.T) {
	h := newHost(t, Options{})
	vm := ready(t, h, entraServer(keyOf(rsaKey, issuerOf("{tenantid}"))), config(tenants(object{"tenants": "any"}), notes(nil), nil))
	for _, tenant := range []string{tenantA, tenantC} {
		for range 2 {
			s := vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenant, nil))))
			wantForwarded(t, s)
			if got := s.Upstream().Get("x-mcpauth-issuer"); got != issuerOf(tenant) {
				t.Errorf("issuer %q", got)
			}
		}
	}
	for _, tenant := range []string{"", ".", "..", "a/b", "{tid}", "%61", "a?b", "a#b", "a b", "ä"} {
		wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenant, nil)))), "^the token is from another issuer$")
	}
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantC, object{"tid": tenantA})))), "^the token does not name the tenant")
	if text := h.LogText(); !strings.Contains(text, "authorization_servers[0].tenants: any accepts the tokens of every tenant") {
		t.Errorf("no warning in the log:\n%s", text)
	}
}

// The metadata of the resource and the search for the server's name the issuer that stands
// for all tenants. There is one key set, and nothing that a token says causes a fetch
// for a tenant.
func TestMetadataOfTenants(t *testing.T) {
	const oauth, oidc = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	d := entraServer(keyOf(rsaKey, ""))
	h := newHost(t, Options{})
	vm := start(t, h, config(tenants(nil), notes(nil), nil))
	// Nothing is known yet: a token of a listed tenant waits, and others do not.
	held := vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantA, nil))))
	if held.State() != Held {
		t.Fatal(describe(held))
	}
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantC, nil)))), "another issuer")
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantA, object{"tid": tenantB})))), "does not name")
	asked := d.recorded(h, 2*time.Second)
	if want := []string{oauth + "/organizations/v2.0", oidc + "/organizations/v2.0", "/organizations/v2.0" + oidc, "/organizations/discovery/v2.0/keys"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	wantForwarded(t, held)
	for _, key := range []*signer{otherRSA, ecKey} { // unknown keys
		wantInvalid(t, vm.Request(rpc("/notes", key.bearer(ofTenant(h, tenantC, nil)))), "another issuer")
	}
	if asked = d.recorded(h, 2*time.Second); len(asked) != 0 {
		t.Errorf("asked for %q because of tokens of another tenant", asked)
	}
	s := vm.Request(request("GET", prm+"/notes"))
	wantStatus(t, s, 200)
	if !strings.Contains(string(s.Local().Body), `"authorization_servers":["`+entraPublic+`"]`) {
		t.Errorf("metadata %s", s.Local().Body)
	}
	// The metrics know the server by its template, however many tenants there are.
	var labels []string
	for _, name := range h.MetricNames() {
		if _, label, ok := strings.Cut(name, ".issuer="); ok && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	if !slices.Equal(labels, []string{"login_microsoftonline_com__tid__v2_0"}) {
		t.Errorf("labels %q", labels)
	}
}

// Whose metadata a server with tenants takes.
func TestMetadataOfOtherTenants(t *testing.T) {
	for _, tt := range []struct {
		issuer string
		taken  bool
	}{
		{issuerOf("{tenantid}"), true},
		{issuerOf("{x}"), true},
		{entraPublic, true},
		{issuerOf(tenantB), true},
		{issuerOf(tenantC), false},
		{issuerOf("{}"), false},
		{issuerOf("{a}{b}"), false},
		{issuerOf("{a/b}"), false},
		{issuerOf("{tenantid}") + "/", false},
		{"https://sts.windows.net/{tenantid}/", false},
		{"https://login.evil.example/{tenantid}/v2.0", false},
		{"", false},
	} {
		d := entraServer(keyOf(rsaKey, ""))
		for path, text := range d {
			d[path] = strings.Replace(text, issuerOf("{tenantid}"), tt.issuer, 1)
		}
		h := newHost(t, Options{})
		vm := ready(t, h, d, config(tenants(nil), notes(nil), nil))
		s := vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantA, nil))))
		if !tt.taken && s.State() == Held {
			d.run(h, 20*time.Second)
		}
		if tt.taken {
			wantForwarded(t, s)
		} else {
			wantUnavailable(t, s)
			if !strings.Contains(h.LogText(), "the metadata names the issuer") {
				t.Errorf("%s: log\n%s", tt.issuer, h.LogText())
			}
		}
	}
}

// A key that belongs to one tenant verifies no token of another. Keys of other issuers are
// skipped, and the log says so.
func TestKeysOfTenants(t *testing.T) {
	foreign := &signer{kid: "foreign", rsa: otherRSA.rsa}
	d := entraServer(keyOf(rsaKey, issuerOf("{tenantid}")), keyOf(otherRSA, issuerOf(tenantA)), keyOf(foreign, "https://login.evil.example/{tenantid}/v2.0"))
	h := newHost(t, Options{})
	vm := ready(t, h, d, config(tenants(nil), notes(nil), nil))
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantA, nil)))))
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantB, nil)))))
	wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(ofTenant(h, tenantA, nil)))))
	for key, want := range map[*signer]string{otherRSA: "^the signing key of the token belongs to another issuer$", foreign: "^the signing key of the token is unknown$"} {
		s := vm.Request(rpc("/notes", key.bearer(ofTenant(h, tenantB, nil))))
		d.run(h, 15*time.Second) // the key may be new
		wantInvalid(t, s, want)
		wantInvalid(t, vm.Request(rpc("/notes", key.bearer(ofTenant(h, tenantB, nil)))), want)
	}
	if text := h.LogText(); !strings.Contains(text, "issuer "+entraTemplate+": 2 usable keys") || !strings.Contains(text, "keys[2] (the key is not usable: its issuer is none of the authorization server)") {
		t.Errorf("log\n%s", text)
	}
	// The key becomes one for all: the set has changed, though not its keys.
	d["/organizations/discovery/v2.0/keys"] = toJSON(object{"keys": []object{keyOf(rsaKey, issuerOf("{tenantid}")), keyOf(otherRSA, issuerOf("{tenantid}"))}})
	d.run(h, 6*time.Minute)
	wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(ofTenant(h, tenantB, nil)))))

	// Keys in the configuration are read in the same way; those of other servers are not.
	jwks := object{"keys": []object{keyOf(rsaKey, ""), keyOf(otherRSA, issuerOf(tenantA))}}
	vm = start(t, h, config(with(tenants(nil), object{"jwks": jwks}), notes(nil), nil))
	wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(ofTenant(h, tenantA, nil)))))
	wantInvalid(t, vm.Request(rpc("/notes", otherRSA.bearer(ofTenant(h, tenantB, nil)))), "belongs to another issuer")
	vm = start(t, h, config(server(object{"jwks": jwks}), notes(nil), nil))
	wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil)))))
}

// An answer about an opaque token must name its issuer and tenant, as a token must. With
// introspection.jwt the server is asked about tokens of listed tenants only.
func TestIntrospectionOfTenants(t *testing.T) {
	const another, unnamed = "^the token is from another issuer$", "^the token does not name the tenant of its issuer$"
	for _, tt := range []struct {
		name    string
		members object
		want    string
	}{
		{"listed", object{"iss": issuerOf(tenantB), "tid": tenantB}, ""},
		{"not listed", object{"iss": issuerOf(tenantC), "tid": tenantC}, another},
		{"no issuer", object{"iss": nil, "tid": tenantA}, another},
		{"no claim", object{"iss": issuerOf(tenantA)}, unnamed},
		{"another claim", object{"iss": issuerOf(tenantA), "tid": tenantB}, unnamed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(with(opaque(nil), tenants(nil)), notes(nil), nil))
			a := newAsked(map[string]object{"opaque-1": aboutToken(h, tt.members)})
			for range 2 {
				s := a.decided(h, vm, "opaque-1")
				if tt.want != "" {
					wantInvalid(t, s, tt.want)
					continue
				}
				wantForwarded(t, s)
				if got := s.Upstream().Get("x-mcpauth-issuer"); got != issuerOf(tenantB) {
					t.Errorf("issuer %q", got)
				}
			}
		})
	}
	h := newHost(t, Options{})
	vm := start(t, h, config(with(opaque(object{"jwt": true}), tenants(nil)), notes(nil), nil))
	token := rsaKey.token(ofTenant(h, tenantA, nil))
	a := newAsked(map[string]object{token: aboutToken(h, object{"iss": issuerOf(tenantA), "tid": tenantA})})
	wantForwarded(t, a.decided(h, vm, token))
	wantInvalid(t, a.decided(h, vm, rsaKey.token(ofTenant(h, tenantC, nil))), another)
	wantInvalid(t, a.decided(h, vm, rsaKey.token(ofTenant(h, tenantA, object{"tid": tenantC}))), unnamed)
	if a.total != 1 {
		t.Errorf("asked %d times", a.total)
	}
}

// A server with tenants beside one without, and two that clients sign in at in one place.
func TestTenantsBesideOtherServers(t *testing.T) {
	h := newHost(t, Options{})
	jwks := object{"jwks": keySet(rsaKey)}
	version1 := with(jwks, object{"issuer": "https://sts.windows.net/{tid}/", "tenants": "any", "metadata_issuer": entraPublic})
	vm := start(t, h, object{
		"authorization_servers": []object{with(tenants(nil), jwks), version1, server(nil)},
		"resources":             []object{notes(nil)},
	})
	for _, c := range []object{
		ofTenant(h, tenantA, nil),
		ofTenant(h, tenantC, object{"iss": "https://sts.windows.net/" + tenantC + "/"}),
		claims(h, nil),
	} {
		s := vm.Request(rpc("/notes", rsaKey.bearer(c)))
		wantForwarded(t, s)
		if got := s.Upstream().Get("x-mcpauth-issuer"); got != c["iss"] {
			t.Errorf("issuer %q, want %q", got, c["iss"])
		}
	}
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantC, nil)))), "another issuer")
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantC, object{"iss": "https://sts.windows.net/" + tenantA + "/"})))), "does not name")
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantC, object{"iss": "https://sts.windows.net/" + tenantC})))), "another issuer")
	if s := vm.Request(request("GET", prm+"/notes")); !strings.Contains(string(s.Local().Body), `"authorization_servers":["`+entraPublic+`","`+issuer+`"]`) {
		t.Errorf("metadata %s", s.Local().Body)
	}
}

// Strict clients (RFC 8414, section 3.3) do not take Entra's document for all tenants. The
// gateway can serve it in a form that they take, or be the authorization server itself.
func TestMetadataForStrictClients(t *testing.T) {
	const origin = "https://mcp.example.com"
	d := entraServer(keyOf(rsaKey, issuerOf("{tenantid}")))
	h := newHost(t, Options{HeadersStopIteration: true})
	vm := ready(t, h, d, config(tenants(object{
		"metadata_issuer": origin, "metadata_url": entraPublic + "/.well-known/openid-configuration", "metadata_overrides": object{"issuer": origin},
	}), notes(object{"serve_authorization_server_metadata": true}), nil))
	document := func(path string) (got object) {
		t.Helper()
		s := vm.Request(request("GET", path))
		wantStatus(t, s, 200)
		if err := json.Unmarshal(s.Local().Body, &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	authorize := "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize"
	if prm := document(prm + "/notes"); toJSON(prm["authorization_servers"]) != toJSON([]string{origin}) {
		t.Errorf("metadata of the resource %v", prm)
	}
	if as := document(asMetadata); as["issuer"] != origin || as["authorization_endpoint"] != authorize {
		t.Errorf("metadata of the server %v", as)
	}
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantB, nil)))))

	h = newHost(t, Options{HeadersStopIteration: true})
	vm = ready(t, h, d, config(tenants(object{"oauth_proxy": object{
		"client_id": "gate:way", "client_secret": clientSecret, "redirect_uris": []string{"http://127.0.0.1/callback"}, "callback": true, "signing_key": signingKey,
	}}), notes(nil), object{"allow_on_headers_stop_iteration": true}))
	if prm := document(prm + "/notes"); toJSON(prm["authorization_servers"]) != toJSON([]string{origin}) {
		t.Errorf("metadata of the resource %v", prm)
	}
	if as := document(asMetadata); as["issuer"] != origin || as["authorization_endpoint"] != origin+"/authorize" {
		t.Errorf("metadata of the gateway %v", as)
	}
	user := &person{vm: vm}
	for iss, status := range map[string]int{"": 302, issuerOf(tenantA): 302, entraPublic: 302, issuerOf(tenantC): 400, "https://evil.example": 400} {
		to := user.agree(t, user.get(authorizing(nil)))
		if !strings.HasPrefix(to.String(), authorize+"?") {
			t.Fatalf("redirected to %s", to)
		}
		back := url.Values{"code": {"c"}, "state": {to.Query().Get("state")}}
		if iss != "" {
			back.Set("iss", iss)
		}
		wantStatus(t, user.get("/callback?"+back.Encode()), status)
	}
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(ofTenant(h, tenantA, nil)))))
}

// The audit trail of a refused request has the issuer of the tenant too.
func TestAuditOfTenants(t *testing.T) {
	h := newHost(t, Options{})
	vm := ready(t, h, entraServer(rsaKey.jwk()), config(tenants(nil), notes(nil), auditOn))
	token := rsaKey.bearer(ofTenant(h, tenantB, object{"aud": "https://other.example"}))
	s := vm.Request(rpc("/notes", token))
	if got := s.FilterState(); got["wasm.mcpauth-reason"] != "audience" || got["wasm.mcpauth-issuer"] != issuerOf(tenantB) {
		t.Errorf("the audit trail has %v", got)
	}
}
