package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mcpauth/config"
)

const (
	tenantA = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	tenantB = "99998888-0000-cccc-1111-dddd2222eeee"
)

// entra is a document with an authorization server that has the template of Entra ID and
// these further members.
func entra(members string) string {
	return withServers(`{"issuer": "https://login.microsoftonline.com/{tid}/v2.0", "cluster": "entra", ` + members + `}`)
}

// realms is the same with a template of another provider.
func realms(members string) string {
	return withServers(`{"issuer": "https://id.example.com/realms/{realm}", "cluster": "id", ` + members + `}`)
}

var goodTenants = map[string]string{
	"several":                 entra(`"tenants": ["` + tenantA + `", "` + tenantB + `"]`),
	"one":                     entra(`"tenants": ["` + tenantA + `"]`),
	"any":                     entra(`"tenants": "any"`),
	"any, common":             entra(`"tenants": "any", "metadata_issuer": "https://login.microsoftonline.com/common/v2.0"`),
	"another provider":        realms(`"tenants": ["a", "B-1._~!$&'()*+,;=:@"], "metadata_issuer": "https://id.example.com/realms/a"`),
	"one of another provider": realms(`"tenants": ["a"]`),
	"a claim with dots":       withServers(`{"issuer": "http://localhost:8080/{urn:x.y_z-1}", "cluster": "a", "tenants": ["a"]}`),
	"in the middle":           withServers(`{"issuer": "https://a/b/{c}/d/", "cluster": "a", "tenants": ["e"]}`),
	"version 1":               withServers(`{"issuer": "https://sts.windows.net/{tid}/", "cluster": "a", "tenants": "any", "metadata_issuer": "https://login.microsoftonline.com/organizations"}`),
	"two templates": withServers(`{"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["a"]}, {"issuer": "https://a/{tid}/", "cluster": "a", "tenants": ["a"]},
		{"issuer": "https://a/{tid}/b", "cluster": "a", "tenants": ["a"]}, {"issuer": "https://a/{tid}/c", "cluster": "a", "tenants": ["a"]}`),
	"beside other issuers":       withServers(`{"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["b"]}, {"issuer": "https://a/b/", "cluster": "a"}, {"issuer": "https://a", "cluster": "a"}, {"issuer": "https://b/b", "cluster": "a"}`),
	"one issuer to sign in at":   withServers(`{"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["a"], "metadata_issuer": "https://a/all"}, {"issuer": "https://b/{tid}", "cluster": "a", "tenants": ["a"], "metadata_issuer": "https://a/all"}`),
	"overrides":                  entra(`"tenants": "any", "metadata_overrides": {"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}`),
	"overrides, metadata_issuer": entra(`"tenants": "any", "metadata_overrides": {"issuer": "https://login.microsoftonline.com/organizations/v2.0"}`),
	"metadata of a tenant":       entra(`"tenants": ["` + tenantA + `", "` + tenantB + `"], "metadata": {"issuer": "https://login.microsoftonline.com/` + tenantB + `/v2.0", "jwks_uri": "https://a/k"}`),
	"introspection":              realms(`"tenants": ["a"], "introspection": {"client_id": "c", "client_secret": "s"}, "discovery": "auto"`),
	"keys with an issuer":        realms(`"tenants": ["a"], "jwks": {"keys": [{"issuer": "https://id.example.com/realms/{x}", ` + strings.TrimPrefix(keys().ecJWK, "{") + `]}`),
}

const (
	wantPlaceholder = "authorization_servers[0].issuer: must have one placeholder such as {tid}, as a whole segment of its path, or none"
	wantSegment     = "must be a segment of a URL's path, without percent-encoding and dot segments"
	wantGUID        = "must be the tenant's ID, a GUID in lower case: tokens have neither its domain nor common, organizations or consumers"
	wantMetadataOf  = "must be the metadata_issuer of this authorization server, its issuer with any placeholder, or the issuer of one of its tenants"
)

// badTemplate is a document that is refused because of the issuer alone.
func badTemplate(issuer string) badDocument {
	doc := onlyParser("template "+issuer, withServers(`{"issuer": "`+issuer+`", "cluster": "a", "tenants": ["a"]}`), wantPlaceholder)
	doc.parserOnly = strings.HasPrefix(issuer, "https://") && !strings.ContainsAny(issuer, " ?#")
	return doc
}

// notSegments are the errors about the tenants from first to last.
func notSegments(first, last int) (list []string) {
	for i := first; i <= last; i++ {
		list = append(list, fmt.Sprintf("authorization_servers[0].tenants[%d]: %s", i, wantSegment))
	}
	return list
}

var badTenants = []badDocument{
	badTemplate("https://{tid}"),
	badTemplate("https://{tid}/a"),
	badTemplate("https://{tid}.example.com/a"),
	badTemplate("https://a:{tid}/b"),
	badTemplate("{tid}://a/b"),
	badTemplate("https://a/{}"),
	badTemplate("https://a/{t/id}"),
	badTemplate("https://a/{t id}"),
	badTemplate("https://a/{%74id}"),
	badTemplate("https://a/{..}"),
	badTemplate("https://a/x{tid}"),
	badTemplate("https://a/{tid}x"),
	badTemplate("https://a/{tid"),
	badTemplate("https://a/tid}"),
	badTemplate("https://a/}tid{"),
	badTemplate("https://a/{{tid}}"),
	badTemplate("https://a/{tid}/{tid}"),
	badTemplate("https://a/{tid}/{oid}"),
	badTemplate("https://a/x{tid}/{oid}"),
	badTemplate("https://a/{tid}/}"),
	badTemplate("https:/{tid}/a"),
	badTemplate("https://a/{tid}?x"),
	badTemplate("https://a/{tid}#x"),
	one("template in the query", withServers(`{"issuer": "https://a/?b=/{tid}", "cluster": "a", "tenants": ["a"]}`), "authorization_servers[0].issuer: must be a URL without a query (?)"),
	onlyParser("template over http", withServers(`{"issuer": "http://a/{tid}", "cluster": "a", "tenants": ["a"]}`), "authorization_servers[0].issuer: "+wantHTTPS),

	onlyParser("Entra's own placeholder", withServers(`{"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "cluster": "a", "tenants": "any"}`),
		"authorization_servers[0].issuer: must have the placeholder {tid}: that is the claim in which tokens of Entra ID have the tenant"),
	onlyParser("common", withServers(`{"issuer": "https://login.microsoftonline.com/common/v2.0", "cluster": "a"}`),
		"authorization_servers[0].issuer: is the issuer of no token: put {tid} in the place of common, and list the tenants in tenants"),
	onlyParser("organizations", withServers(`{"issuer": "https://login.microsoftonline.us/organizations/v2.0", "cluster": "a"}`),
		"authorization_servers[0].issuer: is the issuer of no token: put {tid} in the place of organizations, and list the tenants in tenants"),
	onlyParser("no tenants", entra(`"discovery": "auto"`), `authorization_servers[0].tenants: is required: it lists the values of {tid} that are accepted, or is "any"`),
	{name: "no placeholder", parserOnly: true, doc: withServer(`"tenants": ["a"], "metadata_issuer": "https://a"`), want: []string{
		"authorization_servers[0].tenants: must not be there: issuer has no placeholder, such as {tid}",
		"authorization_servers[0].metadata_issuer: must not be there: issuer has no placeholder, such as {tid}",
	}},
	one("tenants type", realms(`"tenants": "a", "metadata_issuer": "https://id.example.com"`), `authorization_servers[0].tenants: must be an array of tenants, or "any"`),
	one("tenants null", realms(`"tenants": null, "metadata_issuer": "https://id.example.com"`), `authorization_servers[0].tenants: must be an array of tenants, or "any"`),
	one("any in other letters", realms(`"tenants": "Any", "metadata_issuer": "https://id.example.com"`), `authorization_servers[0].tenants: must be an array of tenants, or "any"`),
	one("tenants empty", realms(`"tenants": [], "metadata_issuer": "https://id.example.com"`), "authorization_servers[0].tenants: must not be empty"),
	{name: "tenants", doc: realms(`"tenants": ["a", "", ".", "..", "a/b", "a?", "a#", "%61", "{a}", "a}", "a b", "a\u0000", "ä", "a\\", 1, "a", "any"], "metadata_issuer": "https://id.example.com"`), want: slices.Concat(notSegments(1, 13), []string{
		"authorization_servers[0].tenants[14]: must be a string",
		"authorization_servers[0].tenants[15]: is the same as authorization_servers[0].tenants[0]",
		`authorization_servers[0].tenants[16]: must not be any: "any" stands alone, in place of the array`,
	})},
	{name: "tenants of Entra", parserOnly: true, doc: entra(`"tenants": ["contoso.onmicrosoft.com", "organizations", "AAAABBBB-0000-CCCC-1111-DDDD2222EEEE", "aaaabbbb-0000-cccc-1111-dddd2222eeee0", "aaaabbbb00000cccc01111-dddd2222eeee0", "` + tenantA + `"]`), want: []string{
		"authorization_servers[0].tenants[0]: " + wantGUID,
		"authorization_servers[0].tenants[1]: " + wantGUID,
		"authorization_servers[0].tenants[2]: " + wantGUID,
		"authorization_servers[0].tenants[3]: " + wantGUID,
		"authorization_servers[0].tenants[4]: " + wantGUID,
	}},

	onlyParser("no metadata_issuer for several", realms(`"tenants": ["a", "b"]`), wantStandsForAll),
	onlyParser("no metadata_issuer for any", realms(`"tenants": "any"`), wantStandsForAll),
	one("metadata_issuer type", realms(`"tenants": "any", "metadata_issuer": 1`), "authorization_servers[0].metadata_issuer: must be a string"),
	one("metadata_issuer empty", realms(`"tenants": "any", "metadata_issuer": ""`), "authorization_servers[0].metadata_issuer: must be an absolute URL that starts with https://"),
	one("metadata_issuer with a query", realms(`"tenants": "any", "metadata_issuer": "https://a/?b"`), "authorization_servers[0].metadata_issuer: must be a URL without a query (?)"),
	onlyParser("metadata_issuer with a placeholder", realms(`"tenants": "any", "metadata_issuer": "https://a/{realm}"`), "authorization_servers[0].metadata_issuer: must be a URL with valid percent-encoding and no character that needs it"),

	onlyParser("a tenant beside its template", withServers(`{"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["b"]}, {"issuer": "https://a/b", "cluster": "a"}`),
		"authorization_servers[1].issuer: must not be of the form of authorization_servers[0].issuer: a token could be of either"),
	onlyParser("a tenant before its template", withServers(`{"issuer": "https://a/b", "cluster": "a"}, {"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["b"]}`),
		"authorization_servers[1].issuer: must not be of the form of authorization_servers[0].issuer: a token could be of either"),
	onlyParser("another tenant beside its template", withServers(`{"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["b"]}, {"issuer": "https://a/c", "cluster": "a"}`),
		"authorization_servers[1].issuer: must not be of the form of authorization_servers[0].issuer: a token could be of either"),
	onlyParser("a tenant beside any", withServers(`{"issuer": "https://a/b", "cluster": "a"}, {"issuer": "https://a/{tid}", "cluster": "a", "tenants": "any", "metadata_issuer": "https://a/c"}`),
		"authorization_servers[1].issuer: must not be of the form of authorization_servers[0].issuer: a token could be of either"),
	onlyParser("two names of one template", withServers(`{"issuer": "https://a/{tid}/c", "cluster": "a", "tenants": ["b"]}, {"issuer": "https://a/{tenant}/c", "cluster": "a", "tenants": ["d"]}`),
		"authorization_servers[1].issuer: must not be of the form of authorization_servers[0].issuer: a token could be of either"),
	onlyParser("two templates that cross", withServers(`{"issuer": "https://a/{tid}/c", "cluster": "a", "tenants": ["b"]}, {"issuer": "https://a/b/{tid}", "cluster": "a", "tenants": ["c"]}`),
		"authorization_servers[1].issuer: must not be of the form of authorization_servers[0].issuer: a token could be of either"),
	onlyParser("one template twice", withServers(`{"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["b"]}, {"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["c"]}`),
		"authorization_servers[1].issuer: is the same as authorization_servers[0].issuer"),

	onlyParser("metadata of a tenant that is not listed", entra(`"tenants": ["`+tenantA+`"], "metadata": {"issuer": "https://login.microsoftonline.com/`+tenantB+`/v2.0", "jwks_uri": "https://a/k"}`),
		"authorization_servers[0].metadata.issuer: "+wantMetadataOf),
	onlyParser("metadata of another version", entra(`"tenants": "any", "metadata_overrides": {"issuer": "https://login.microsoftonline.com/{tenantid}/v1.0"}`),
		"authorization_servers[0].metadata_overrides.issuer: "+wantMetadataOf),
	onlyParser("metadata_issuer at the origin of oauth_proxy", fill(`{"allow_on_headers_stop_iteration": true, "authorization_servers": [
		{"issuer": "https://a/{tid}", "cluster": "a", "tenants": ["b"], "metadata_issuer": "https://h/"},
		{"issuer": "https://p", "cluster": "p", "oauth_proxy": {"client_id": "c", "client_secret": "s", "redirect_uris": ["http://127.0.0.1/cb"], "signing_key": "0123456789abcdef0123456789abcdef"}}],
		"resources": [{"resource": "https://h/n"}]}`),
		"resources[0].authorization_servers: must not have an issuer that the gateway is for a resource with oauth_proxy, by default the resource's origin"),
	onlyParser("userinfo", realms(`"tenants": ["a"], "userinfo": {"endpoint": "https://a/u", "audience_unchecked": true}`),
		"authorization_servers[0].userinfo: must not be there: issuer has a placeholder, and answers of a userinfo endpoint name no issuer"),
	onlyParser("keys of another issuer", realms(`"tenants": ["a"], "jwks": {"keys": [{"issuer": "https://id.example.com/realms/a/", `+strings.TrimPrefix(keys().ecJWK, "{")+`]}`),
		"authorization_servers[0].jwks.keys[0]: the key is not usable: its issuer is none of the authorization server"),
}

const wantStandsForAll = "authorization_servers[0].metadata_issuer: is required: it is the issuer that stands for all tenants, at which clients sign in and whose metadata the plugin fetches"

// What Parse makes of tenants: the parts of the template, and the issuer that stands for
// all of them.
func TestTenants(t *testing.T) {
	for _, tt := range []struct{ name, prefix, suffix, claim, names, public string }{
		{"several", "https://login.microsoftonline.com/", "/v2.0", "tid", tenantA + " " + tenantB, "https://login.microsoftonline.com/organizations/v2.0"},
		{"one", "https://login.microsoftonline.com/", "/v2.0", "tid", tenantA, "https://login.microsoftonline.com/" + tenantA + "/v2.0"},
		{"any", "https://login.microsoftonline.com/", "/v2.0", "tid", "", "https://login.microsoftonline.com/organizations/v2.0"},
		{"any, common", "https://login.microsoftonline.com/", "/v2.0", "tid", "", "https://login.microsoftonline.com/common/v2.0"},
		{"one of another provider", "https://id.example.com/realms/", "", "realm", "a", "https://id.example.com/realms/a"},
		{"in the middle", "https://a/b/", "/d/", "c", "e", "https://a/b/e/d/"},
		{"version 1", "https://sts.windows.net/", "/", "tid", "", "https://login.microsoftonline.com/organizations"},
	} {
		c, err := config.Parse([]byte(goodTenants[tt.name]))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		s := c.AuthorizationServers[0]
		got := s.Tenants
		if got == nil || got.Prefix != tt.prefix || got.Suffix != tt.suffix || got.Claim != tt.claim || strings.Join(got.Names, " ") != tt.names || got.Any != (tt.names == "") || s.PublicIssuer() != tt.public {
			t.Errorf("%s: %+v, %s", tt.name, got, s.PublicIssuer())
		}
		if warns := slices.ContainsFunc(c.Warnings, func(w string) bool {
			return strings.HasPrefix(w, "authorization_servers[0].tenants: any accepts the tokens of every tenant")
		}); warns != got.Any {
			t.Errorf("%s: warnings %q", tt.name, c.Warnings)
		}
	}
	for _, host := range []string{"login.microsoftonline.us", "LOGIN.partner.microsoftonline.cn"} {
		c, err := config.Parse([]byte(withServers(`{"issuer": "https://` + host + `/{tid}/v2.0", "cluster": "a", "tenants": "any"}`)))
		if err != nil || c.AuthorizationServers[0].PublicIssuer() != "https://"+host+"/organizations/v2.0" {
			t.Errorf("%s: %v", host, err)
		}
	}
}
