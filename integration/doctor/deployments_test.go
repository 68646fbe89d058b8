package doctor

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// strictServer are the options of a sound server.
var strictServer = authserver.Options{}

// ownConfig stands for a file with the configuration of the gateway.
const ownConfig = "OWN-CONFIG"

// A deployment is broken in one way.
type deployment struct {
	name  string // what is broken, as in the table of docs/doctor.md
	url   string
	args  []string
	token string // for --token -
	check string // that names the cause
	want  string // in its message or its fix
	warns bool   // it concerns some clients only, and the exit status is 0
}

// deployments starts all of them.
func deployments(t *testing.T, w *world) []deployment {
	var list []deployment
	add := func(d deployment) { list = append(list, d) }

	// Broken authorization servers, each for a resource of its own.
	type object = map[string]any
	for _, d := range []struct {
		name, path       string
		options          authserver.Options
		change           change
		server, resource object
		args             []string
		check, want      string
		warns            bool
	}{
		{name: "the provider publishes no keys", path: "/no-keys", change: at("/jwks", answers(200, "application/json", `{"keys":[]}`)),
			check: "as-keys", want: "no key at"},
		{name: "the provider has only keys of other kinds", path: "/other-keys", change: at("/jwks", answers(200, "application/json",
			`{"keys":[{"kty":"OKP","crv":"Ed448","kid":"one","x":"AA"},{"kty":"RSA","use":"enc","kid":"two","n":"AQAB","e":"AQAB"}]}`)),
			check: "as-keys", want: `skipped "one": `},
		{name: "the provider's keys are a web page", path: "/keys-page", change: at("/jwks", answers(200, "text/html", "<html>sign in")),
			check: "as-keys", want: "a web page came instead of JSON"},
		{name: "the provider's metadata names no keys", path: "/no-jwks-uri", change: metadataWith(object{"jwks_uri": nil, "introspection_endpoint": nil}),
			check: "as-keys", want: "no jwks_uri"},
		{name: "issuer has a slash too much", path: "/issuer-slash", server: object{"issuer": func(s string) string { return s + "/" }},
			check: "as-issuer", want: "they differ in a slash at the end"},
		{name: "issuer says localhost, the provider 127.0.0.1", path: "/issuer-localhost",
			server: object{"issuer": func(s string) string { return strings.Replace(s, "127.0.0.1", "localhost", 1) }},
			check:  "as-issuer", want: "localhost and 127.0.0.1 are different hosts"},
		{name: "the provider's metadata names another issuer", path: "/issuer-other", change: metadataWith(object{"issuer": "https://login.example.com/common"}),
			check: "as-issuer", want: "the metadata names the issuer https://login.example.com/common"},
		{name: "the provider has no PKCE with S256", path: "/no-s256", change: metadataWith(object{"code_challenge_methods_supported": []string{"plain"}}),
			check: "as-pkce", want: "does not list S256"},
		{name: "the provider answers no preflight", path: "/no-cors", change: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodOptions {
					http.Error(rw, "no", http.StatusMethodNotAllowed)
					return
				}
				next.ServeHTTP(rw, r)
			})
		}, check: "cors-as", want: "clients in web pages cannot call", warns: true},
		{name: "the provider registers no clients", path: "/no-registration", options: authserver.Options{NoRegistration: true},
			check: "as-registration", want: "let the gateway register them: oauth_proxy", warns: true},
		{name: "the provider refuses registrations", path: "/registration-refused", args: []string{"--register"},
			change: at("/register", answers(403, "application/json", `{"error":"access_denied","error_description":"Policy 'Trusted Hosts' rejected request"}`)),
			check:  "register", want: "Policy 'Trusted Hosts' rejected request"},
		{name: "the provider binds clients to the scopes that they register", path: "/scopes-bound", args: []string{"--register"},
			resource: object{"challenge_scopes": []string{"read:notes"}}, check: "step-up", want: `"challenge_scopes": "all"`, warns: true},
		{name: "the provider does not know the resource", path: "/unknown-resource", options: authserver.Options{Resources: []string{"https://other.example.com"}},
			args: []string{"--register"}, check: "sign-in-request", want: "the server refuses the resource"},
		{name: "the provider does not know the scopes", path: "/unknown-scope", args: []string{"--register"},
			resource: object{"scopes_supported": []string{"admin"}, "required_scopes": []string{"admin"}}, check: "register", want: "create the scopes of the challenge"},
		{name: "the provider promises iss in responses, and sends none", path: "/no-iss", options: authserver.Options{NoIssuerParameter: true}, args: []string{"--register"},
			change: metadataWith(object{"authorization_response_iss_parameter_supported": true}), check: "iss-response", want: "the metadata promises iss in authorization responses"},
		{name: "the provider has no metadata", path: "/no-metadata", change: at(metadataPlaces, http.NotFound),
			check: "as-metadata", want: "status 404"},
		{name: "the provider's metadata is a web page", path: "/metadata-page", change: at(metadataPlaces, answers(200, "text/html", "<html>sign in")),
			check: "as-metadata", want: "a web page came instead of JSON"},
		{name: "the provider's metadata has ten megabytes", path: "/metadata-big", change: at(metadataPlaces, answers(200, "application/json", bigDocument)),
			check: "as-metadata", want: "larger than 1 MiB"},
		{name: "the provider's metadata redirects to itself", path: "/metadata-loop", change: at(metadataPlaces, func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, r.URL.Path, http.StatusFound)
		}), check: "as-metadata", want: "a redirect to"},
		{name: "the provider does not answer", path: "/hangs", change: at(metadataPlaces, hangs), args: []string{"--timeout", "12s"},
			check: "as-metadata", want: "no answer in time"},
		{name: "the provider cannot be reached", path: "/unreachable", server: object{"issuer": func(string) string { return "http://" + w.cluster[1].Host + ":1" }},
			check: "as-metadata", want: "no connection: connect: connection refused"},
		{name: "the provider's clock is ten minutes off", path: "/clock", change: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Date", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
				next.ServeHTTP(rw, r)
			})
		}, check: "as-clock", want: "set both clocks by NTP"},
		{name: "the provider's metadata lacks an endpoint", path: "/no-token-endpoint", change: metadataWith(object{"token_endpoint": nil}),
			check: "as-endpoints", want: "no token_endpoint"},
		{name: "the provider has no authorization code flow", path: "/no-code", change: metadataWith(object{"grant_types_supported": []string{"client_credentials"}}),
			check: "as-grants", want: "does not list the grant type authorization_code"},
		{name: "cluster leads nowhere", path: "/cluster", server: object{"cluster": "dead"},
			check: "gateway-keys", want: "the keys are fine from here"},
		{name: "cluster is misspelled", path: "/no-cluster", server: object{"cluster": "auht"},
			check: "gateway-keys", want: "no keys fetched"},
	} {
		w.add(d.path, d.options, d.change, d.server, d.resource)
		add(deployment{name: d.name, url: w.url(d.path), args: d.args, check: d.check, want: d.want, warns: d.warns})
	}

	// Broken tokens, URLs and servers, at a sound authorization server.
	w.add("/sound", strictServer, nil, nil, nil)
	for _, path := range []string{"/upstream-path", "/upstream-host", "/upstream-auth", "/upstream-page", "/guarded"} {
		w.share(path, "/sound", nil)
	}
	w.share("/tls-bound", "/sound", object{"mutual_tls": "required"})
	sound := w.url("/sound")
	token := func(name, check, want string, changes object) {
		add(deployment{name: name, url: sound, token: w.token("/sound", changes), check: check, want: want})
	}
	token("the token has no audience", "token-audience", "audience mapper", object{"aud": nil})
	token("the token's audience is Keycloak's account", "token-audience", "audience mapper", object{"aud": "account"})
	token("the token's audience has a slash too much", "token-audience", "a slash at the end", object{"aud": sound + "/"})
	token("the token has expired", "token-time", "has expired", object{"exp": time.Now().Add(-time.Hour).Unix()})
	token("the token is valid later", "token-time", "compare the clocks", object{"nbf": time.Now().Add(time.Hour).Unix()})
	token("the token lacks the scope", "token-gateway", "the token lacks a scope", object{"scope": "write:notes"})
	token("the token is an ID token", "token-kind", "not the ID token", object{"nonce": "n-0S6_WzA2Mj", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ"})
	token("the token is bound by DPoP", "token-kind", "without DPoP", object{"cnf": object{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}})
	add(deployment{name: "the token must be bound to a certificate", url: w.url("/tls-bound"), token: w.token("/tls-bound", nil),
		check: "token-gateway", want: "have the provider bind the client's tokens"})
	add(deployment{name: "the token is bound to a certificate", url: w.url("/tls-bound"),
		token: w.token("/tls-bound", object{"cnf": object{"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}}),
		check: "token-gateway", want: "this command presents no certificate"})
	token("the token is of another issuer", "token-issuer", "is no authorization server of the resource", object{"iss": "https://other.example.com"})
	add(deployment{name: "the token lacks the scope, by the configuration", url: sound, args: []string{"--config", ownConfig}, token: w.token("/sound", object{"scope": "write:notes"}),
		check: "token-config", want: "the configuration refuses it: insufficient_scope"})
	foreign := w.auth["/sound"].Mint(authserver.Token{Resource: sound, Scope: "read:notes", ForeignKey: true})
	w.tokens = append(w.tokens, foreign)
	add(deployment{name: "the token is signed by another key", url: sound, token: foreign, check: "token-signature", want: "does not verify"})
	const opaque = "opaque-0123456789abcdef0123456789abcdef"
	w.tokens = append(w.tokens, opaque)
	add(deployment{name: "the token is opaque", url: sound, token: opaque, check: "token-form", want: "configure introspection or userinfo"})

	for _, d := range []struct{ name, path, check, want string }{
		{"the route does not rewrite the path", "/upstream-path", "mcp", "prefix_rewrite"},
		{"the MCP server refuses the gateway's host", "/upstream-host", "mcp", "it guards against DNS rebinding"},
		{"the MCP server wants a token itself", "/upstream-auth", "token-gateway", "the MCP server itself wants a token"},
		{"the route leads to a web site", "/upstream-page", "mcp", "a web page"},
		{"the guard is there, verdict_header is not", "/guarded", "token-gateway", `set "verdict_header": true`},
	} {
		add(deployment{name: d.name, url: w.url(d.path), token: w.token(d.path, nil), check: d.check, want: d.want})
	}
	add(deployment{name: "the URL has a slash too much", url: sound + "/", check: "resource", want: "a slash at the end"})
	add(deployment{name: "the URL says localhost, resource 127.0.0.1", url: strings.Replace(sound, "127.0.0.1", "localhost", 1), check: "challenge-url", want: "localhost and 127.0.0.1 are different hosts"})
	add(deployment{name: "the URL has another path", url: w.url("/nothing"), check: "plugin", want: "no resource has the path"})
	add(deployment{name: "the gateway runs another configuration", url: sound, args: []string{"--config", file(t, "plugin.json", toJSON(map[string]any{
		"authorization_servers": []any{map[string]any{"issuer": w.auth["/sound"].Issuer(), "cluster": "auth"}},
		"resources":             []any{map[string]any{"resource": sound, "required_scopes": []string{"admin"}}},
	}))}, check: "config-live", want: "another configuration"})

	fronts(t, w, add)
	return list
}

// fronts adds deployments in which something before the gateway breaks it.
func fronts(t *testing.T, w *world, add func(deployment)) {
	// A front serves a resource of its own, so that the origins agree.
	front := func(path string, f front) string {
		l := w.listen()
		origin := "http://" + l.Addr().String()
		w.share(path, "/sound", map[string]any{"resource": origin + path})
		w.frontAt(l, f)
		return origin
	}
	strip := func(r *http.Request) { r.URL.Path = strings.TrimPrefix(r.URL.Path, "/api") }
	add(deployment{name: "a proxy before the gateway strips a prefix", url: front("/stripped", frontOf(strip, nil)) + "/api/stripped", check: "resource", want: "match.path_prefixes"})
	add(deployment{name: "a proxy removes WWW-Authenticate", url: front("/no-challenge", frontOf(nil, func(r *http.Response) { r.Header.Del("WWW-Authenticate") })) + "/no-challenge",
		check: "plugin", want: "401 without a WWW-Authenticate header"})
	add(deployment{name: "another filter adds a challenge", url: front("/two-challenges", frontOf(nil, func(r *http.Response) {
		if r.StatusCode == http.StatusUnauthorized {
			r.Header["Www-Authenticate"] = append([]string{`Basic realm="gateway"`}, r.Header["Www-Authenticate"]...)
		}
	})) + "/two-challenges", check: "challenge", want: "not the first scheme"})
	blocked := frontOf(nil, nil)
	blocked.answer, blocked.paths = http.NotFound, "/.well-known/"
	add(deployment{name: "a proxy hides the metadata", url: front("/hidden", blocked) + "/hidden", check: "metadata", want: "status 404"})
	page := frontOf(nil, nil)
	page.answer = answers(http.StatusOK, "text/html", "<!doctype html><title>Sign in</title>")
	add(deployment{name: "a sign-in page stands before the gateway", url: front("/page", page) + "/page", check: "plugin", want: "a web page answers"})
	loop := frontOf(nil, nil)
	loop.answer = func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, r.URL.Path, http.StatusTemporaryRedirect)
	}
	add(deployment{name: "the gateway redirects to itself", url: front("/loop", loop) + "/loop", check: "plugin", want: "without end"})
	hang := frontOf(nil, nil)
	hang.answer = hangs
	add(deployment{name: "the gateway does not answer", url: front("/hang", hang) + "/hang", args: []string{"--timeout", "3s"}, check: "reach", want: "no answer in time"})
	add(deployment{name: "there is no such host", url: "https://no-such-host.invalid/notes", check: "reach", want: "there is no host"})
	add(deployment{name: "the gateway speaks no TLS", url: strings.Replace(w.url("/sound"), "http:", "https:", 1), check: "reach", want: "plain HTTP"})

	good, ca := certificate(t, time.Now().Add(90*24*time.Hour), "127.0.0.1")
	l := w.listen()
	secure := "https://" + l.Addr().String()
	w.share("/tls", "/sound", map[string]any{"resource": "http://" + l.Addr().String() + "/tls"})
	w.frontAt(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{good}}), frontOf(nil, nil))
	add(deployment{name: "a gateway behind TLS names itself http", url: secure + "/tls", args: []string{"--ca", ca}, check: "challenge-url", want: "write https:// in resource"})
	add(deployment{name: "the certificate is signed by an unknown authority", url: secure + "/tls", check: "tls", want: "unknown authority"})
	for _, c := range []struct {
		name string
		end  time.Time
		host string
		want string
	}{
		{"the certificate has expired", time.Now().Add(-time.Hour), "127.0.0.1", "the certificate has expired"},
		{"the certificate is for another name", time.Now().Add(90 * 24 * time.Hour), "192.0.2.1", "the certificate is for another name"},
	} {
		bad, ca := certificate(t, c.end, c.host)
		l := w.listen()
		w.frontAt(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{bad}}), frontOf(nil, nil))
		add(deployment{name: c.name, url: "https://" + l.Addr().String() + "/tls", args: []string{"--ca", ca}, check: "tls", want: c.want})
	}
}

func frontOf(request func(*http.Request), response func(*http.Response)) front {
	return front{request: request, response: response}
}

// withoutPlugin are deployments in which the plugin does not run.
func withoutPlugin(t *testing.T, w *world) []deployment {
	// An Envoy whose plugin refuses its configuration does not start.
	wasm, err := envoy.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := envoy.Binary(t.Context(), "1.40.0")
	if err != nil {
		t.Fatal(err)
	}
	address := deadAddress(t)
	_, port, _ := net.SplitHostPort(address)
	number, _ := net.LookupPort("tcp", port)
	if p, err := envoy.Start(t.Context(), binary, envoy.Options{Wasm: wasm, Plugin: `{"resources":[]}`, Upstream: "mcp", Clusters: w.cluster[:1], Port: number, Workers: 1}); err == nil {
		p.Stop()
		t.Fatal("Envoy starts with a bad configuration")
	}
	plain := "http://" + w.plain.Addr()
	return []deployment{
		{name: "the plugin refuses its configuration, and Envoy does not start", url: "http://" + address + "/notes", check: "reach", want: "It does not start if the plugin refuses its configuration"},
		{name: "the same, with the configuration at hand", url: "http://" + address + "/notes", args: []string{"--config", file(t, "plugin.json", `{"resources":[{"resource":"http://mcp.example.com"}],"authorization_servers":[{"issuer":"https://auth.example.com","cluster":"auth"}]}`)},
			check: "config-valid", want: "allow_insecure_http"},
		{name: "the plugin is not attached", url: plain + "/open", check: "plugin", want: "passes without a token"},
		{name: "the plugin is not attached, and the guard is", url: plain + "/guarded", check: "plugin", want: "the plugin does not run on this route"},
		{name: "the plugin has crashed, or there is no MCP server", url: plain + "/dead", check: "plugin", want: "503 without Retry-After"},
		{name: "there is no route", url: plain + "/nowhere", check: "plugin", want: "404, not from the plugin"},
	}
}

// certificate returns a certificate for an address, and a file with its authority.
func certificate(t *testing.T, end time.Time, address string) (tls.Certificate, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: end,
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
