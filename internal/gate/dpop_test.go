package gate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/dpop"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// dpopNow is the time of the requests.
var dpopNow = time.Unix(1_800_000_000, 0)

// An ecKey signs tokens and proofs with ES256.
type ecKey struct{ *ecdsa.PrivateKey }

func newECKey(t testing.TB) ecKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return ecKey{k}
}

type claims = map[string]any

func (k ecKey) jwk() claims {
	coordinate := func(n *big.Int) string { return encode(n.FillBytes(make([]byte, 32))) }
	return claims{"kty": "EC", "crv": "P-256", "x": coordinate(k.X), "y": coordinate(k.Y)}
}

// thumbprint is that of RFC 7638: encoding/json sorts the members, all of which are required.
func (k ecKey) thumbprint() string {
	digest := sha256.Sum256([]byte(toJSON(k.jwk())))
	return encode(digest[:])
}

func (k ecKey) sign(header, payload claims) string {
	input := encode([]byte(toJSON(header))) + "." + encode([]byte(toJSON(payload)))
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, digest[:])
	if err != nil {
		panic(err)
	}
	return input + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// token returns a token for the resource of dpopGate, with changes to its claims.
func (k ecKey) token(changes claims) string {
	c := claims{"iss": "https://auth.example.com", "aud": "https://mcp.example.com/notes", "sub": "alice", "scope": "read", "exp": dpopNow.Unix() + 600}
	maps.Copy(c, changes)
	return k.sign(claims{"alg": "ES256", "typ": "at+jwt"}, c)
}

var proofs int

// proof returns a proof for a POST with a token, with changes to its claims.
func (k ecKey) proof(token string, changes claims) string {
	digest := sha256.Sum256([]byte(token))
	proofs++
	c := claims{"jti": "id-" + strconv.Itoa(proofs), "htm": "POST", "htu": "https://mcp.example.com/notes", "iat": dpopNow.Unix(), "ath": encode(digest[:])}
	maps.Copy(c, changes)
	return k.sign(claims{"alg": "ES256", "typ": "dpop+jwt", "jwk": k.jwk()}, c)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A testHost is a host without callouts.
type testHost struct {
	values map[string][]byte
	cas    map[string]uint32
	last   uint32
	lines  []string
}

func newTestHost() *testHost {
	return &testHost{values: map[string][]byte{}, cas: map[string]uint32{}}
}

func (h *testHost) Now() callout.UnixMilli { return callout.At(dpopNow) }
func (h *testHost) Load(name string) ([]byte, uint32) {
	return slices.Clone(h.values[name]), h.cas[name]
}
func (h *testHost) Store(name string, value []byte, cas uint32) bool {
	if have := h.cas[name]; have != 0 && cas != 0 && have != cas {
		return false
	}
	h.last++
	h.values[name], h.cas[name] = slices.Clone(value), h.last
	return true
}
func (h *testHost) Send(string, callout.Request, func(*callout.Response)) error { panic("a callout") }
func (h *testHost) Info(message string)                                         { h.lines = append(h.lines, message) }
func (h *testHost) Warn(message string)                                         { h.lines = append(h.lines, message) }

// spent returns how many proofs the host remembers.
func (h *testHost) spent() (n int) {
	for name, value := range h.values {
		if strings.HasPrefix(name, "mcpauth.dpop 1 ") {
			n += len(value) / 16
		}
	}
	return n
}

// dpopGate returns a gate whose resource has further members, and the key of its
// authorization server.
func dpopGate(t testing.TB, top, members string) (*Gate, *testHost, ecKey) {
	t.Helper()
	k := newECKey(t)
	c, err := config.Parse([]byte(`{` + top + `"authorization_servers": [{"issuer": "https://auth.example.com", "jwks": {"keys": [` + toJSON(k.jwk()) + `]}}],
		"resources": [{"resource": "https://mcp.example.com/notes"` + members + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	h := newTestHost()
	source := keys.New(c.AuthorizationServers[0], nil, false, h)
	source.Apply()
	g := New(c, []AuthServer{{Config: c.AuthorizationServers[0], Keys: source}}, jwtlite.Software{})
	g.Log = NewRefusalLog(h)
	g.Replays = dpop.NewReplays(h)
	return g, h, k
}

// ask returns the verdict on a request with a token. Several proofs are several headers.
func ask(g *Gate, authorization string, proofs ...string) Verdict {
	return g.Decide(dpopRequest(authorization, proofs...), dpopNow)
}

func dpopRequest(authorization string, proofs ...string) *Request {
	r := &Request{Method: "POST", Authority: "mcp.example.com", Path: "/notes", Arrived: UnixMilli(dpopNow.UnixMilli()), Proofs: len(proofs)}
	if authorization != "" {
		r.Authorization, r.Authorizations = authorization, 1
	}
	if len(proofs) > 0 {
		r.Proof = proofs[0]
	}
	return r
}

// header returns the values of a header of a response, joined as browsers do.
func header(v *Verdict, name string) string {
	var all []string
	if v.Response() != nil {
		for _, h := range v.Response().Headers {
			if h[0] == name {
				all = append(all, h[1])
			}
		}
	}
	return strings.Join(all, ", ")
}

// Each mode decides which tokens pass by which scheme: RFC 9449, sections 7.1 and 7.2.
func TestDPoPModes(t *testing.T) {
	const pass = metrics.CacheMiss
	for mode, want := range map[string]map[string]metrics.Outcome{
		"off": {
			"bearer": pass, "bearer, bound": metrics.Bound, "bound": metrics.Unauthorized, "not bound": metrics.Unauthorized, "other key": metrics.Unauthorized,
			"no proof": metrics.Unauthorized, "two proofs": metrics.Unauthorized, "invalid proof": metrics.Unauthorized, "bearer with a proof": pass,
		},
		"accept": {
			"bearer": pass, "bearer, bound": metrics.Bound, "bound": pass, "not bound": metrics.Unbound, "other key": metrics.KeyBinding,
			"no proof": metrics.InvalidProof, "two proofs": metrics.InvalidProof, "invalid proof": metrics.InvalidProof, "bearer with a proof": pass,
		},
		"required": {
			"bearer": metrics.Unbound, "bearer, bound": metrics.Bound, "bound": pass, "not bound": metrics.Unbound, "other key": metrics.KeyBinding,
			"no proof": metrics.InvalidProof, "two proofs": metrics.InvalidProof, "invalid proof": metrics.InvalidProof, "bearer with a proof": metrics.Unbound,
		},
	} {
		g, h, server := dpopGate(t, "", `, "dpop": "`+mode+`"`)
		client, other := newECKey(t), newECKey(t)
		plain, bound := server.token(nil), server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
		for round := range 2 { // the second time the tokens may be cached
			for name, c := range map[string]struct {
				authorization string
				proofs        []string
			}{
				"bearer":              {"Bearer " + plain, nil},
				"bearer with a proof": {"Bearer " + plain, []string{client.proof(plain, nil)}},
				"bearer, bound":       {"Bearer " + bound, []string{client.proof(bound, nil)}},
				"bound":               {"DPoP " + bound, []string{client.proof(bound, nil)}},
				"not bound":           {"DPoP " + plain, []string{client.proof(plain, nil)}},
				"other key":           {"DPoP " + bound, []string{other.proof(bound, nil)}},
				"no proof":            {"DPoP " + bound, nil},
				"two proofs":          {"DPoP " + bound, []string{client.proof(bound, nil), client.proof(bound, nil)}},
				"invalid proof":       {"DPoP " + bound, []string{client.proof(bound, nil) + "A"}},
			} {
				v := ask(g, c.authorization, c.proofs...)
				if got := v.Outcome(); got != want[name] && !(want[name] == pass && got == metrics.CacheHit) {
					t.Errorf("%s, %s, round %d: %d, want %d", mode, name, round, got, want[name])
				}
				if passes := v.Kind() == KindForward; passes != (want[name] == pass) {
					t.Errorf("%s, %s: %v", mode, name, v.Kind())
				}
			}
		}
		if n := h.spent(); mode == "off" && n != 0 || mode != "off" && n != 2 {
			t.Errorf("%s: %d proofs are remembered, only those that passed should be", mode, n)
		}
		for _, line := range h.lines {
			if strings.Contains(line, client.thumbprint()) || strings.Contains(line, "eyJ") {
				t.Errorf("%s: the log has %q", mode, line)
			}
		}
	}
}

// A token that one request has proved is no bearer token for the next one, and a proof
// passes once. A proof with a bad signature does not pass for a token in the cache either.
func TestCachedBoundToken(t *testing.T) {
	g, _, server := dpopGate(t, "", `, "dpop": "accept"`)
	client := newECKey(t)
	token := server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
	first := client.proof(token, nil)
	forged := client.proof(token, nil)
	forged = forged[:len(forged)-10] + "AAAAAAAAAA"
	for i, step := range []struct {
		authorization, proof string
		want                 metrics.Outcome
	}{
		{"DPoP " + token, forged, metrics.InvalidProof},
		{"DPoP " + token, first, metrics.CacheHit}, // the token itself was good
		{"DPoP " + token, first, metrics.ProofReplayed},
		{"Bearer " + token, "", metrics.Bound},
		{"bearer  " + token, client.proof(token, nil), metrics.Bound},
		{"DPoP " + token, forged, metrics.InvalidProof},
		{"dpop \t" + token + " ", client.proof(token, nil), metrics.CacheHit},
		{"DPoP " + token, client.proof(token, claims{"htu": "https://mcp.example.com/other"}), metrics.InvalidProof},
		{"DPoP " + token, client.proof(token+"x", nil), metrics.InvalidProof},
		{"DPoP " + token, client.proof(token, claims{"iat": dpopNow.Unix() - 61}), metrics.InvalidProof},
		{"DPoP " + token, client.proof(token, nil), metrics.CacheHit},
		{"DPoP " + token, first, metrics.ProofReplayed},
	} {
		if v := ask(g, step.authorization, step.proof); v.Outcome() != step.want {
			t.Errorf("step %d: %d, want %d", i, v.Outcome(), step.want)
		}
	}
}

// The challenges of each mode, for each scheme. All parameters are those of RFC 6750, RFC
// 9449 and RFC 9728.
func TestDPoPChallenges(t *testing.T) {
	const metadata = `resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/notes"`
	const algs = `DPoP algs="ES256 RS256"`
	client := newECKey(t)
	for _, c := range []struct {
		mode, name string
		request    func(server ecKey) *Request
		status     uint32
		want       string
	}{
		{"off", "no token", func(ecKey) *Request { return dpopRequest("") }, 401, `Bearer scope="read", ` + metadata},
		{"off", "DPoP", func(ecKey) *Request { return dpopRequest("DPoP x", "y") }, 401, `Bearer scope="read", ` + metadata},
		{"accept", "no token", func(ecKey) *Request { return dpopRequest("") }, 401, `Bearer scope="read", ` + metadata + `, ` + algs},
		{"accept", "DPoP without a token", func(ecKey) *Request { return dpopRequest("DPoP") }, 401, `Bearer scope="read", ` + metadata + `, ` + algs},
		{"required", "no token", func(ecKey) *Request { return dpopRequest("") }, 401, algs + `, scope="read", ` + metadata},
		{"accept", "bearer, invalid", func(ecKey) *Request { return dpopRequest("Bearer x") }, 401,
			`Bearer error="invalid_token", scope="read", ` + metadata + `, error_description="the token is malformed: it is not three parts with dots between", ` + algs},
		{"required", "bearer", func(k ecKey) *Request { return dpopRequest("Bearer " + k.token(nil)) }, 401,
			algs + `, error="invalid_token", scope="read", ` + metadata + `, error_description="the resource takes only tokens that are bound to a key, with a DPoP proof"`},
		{"accept", "DPoP, invalid token", func(ecKey) *Request { return dpopRequest("DPoP x", client.proof("x", nil)) }, 401,
			algs + `, error="invalid_token", scope="read", ` + metadata + `, error_description="the token is malformed: it is not three parts with dots between"`},
		{"accept", "no proof", func(k ecKey) *Request { return dpopRequest("DPoP " + k.token(nil)) }, 401,
			algs + `, error="invalid_dpop_proof", scope="read", ` + metadata + `, error_description="the DPoP proof is invalid: there is none"`},
		{"accept", "bearer, scope", func(k ecKey) *Request { return dpopRequest("Bearer " + k.token(claims{"scope": "x"})) }, 403,
			`Bearer error="insufficient_scope", scope="read", ` + metadata + `, error_description="the token lacks a required scope"`},
		{"accept", "DPoP, scope", func(k ecKey) *Request {
			token := k.token(claims{"scope": "x", "cnf": claims{"jkt": client.thumbprint()}})
			return dpopRequest("DPoP "+token, client.proof(token, nil))
		}, 403, algs + `, error="insufficient_scope", scope="read", ` + metadata + `, error_description="the token lacks a required scope"`},
		{"accept", "two tokens", func(ecKey) *Request { return dpopRequest("DPoP x, DPoP y") }, 400,
			`Bearer error="invalid_request", scope="read", ` + metadata + `, error_description="the request must carry one token, in one Authorization header"`},
		{"required", "two tokens", func(ecKey) *Request { return dpopRequest("Basic x, Bearer y") }, 400,
			algs + `, error="invalid_request", scope="read", ` + metadata + `, error_description="the request must carry one token, in one Authorization header"`},
	} {
		g, _, server := dpopGate(t, "", `, "required_scopes": ["read"], "dpop": "`+c.mode+`"`)
		r := c.request(server)
		r.HasOrigin, r.Origin = true, "https://app.example"
		v := g.Decide(r, dpopNow)
		if v.Response() == nil || v.Response().Status != c.status || header(&v, "www-authenticate") != c.want {
			t.Errorf("%s, %s: %v %s, want %d %s", c.mode, c.name, v.Response(), header(&v, "www-authenticate"), c.status, c.want)
		}
		if header(&v, "dpop-nonce") != "" || header(&v, "access-control-expose-headers") != "WWW-Authenticate, Mcp-Session-Id" {
			t.Errorf("%s, %s: headers %q", c.mode, c.name, v.Response().Headers)
		}
	}
}

// A rule that the body decides names the scheme by which the token came.
func TestDPoPChallengeOfBody(t *testing.T) {
	g, _, server := dpopGate(t, "", `, "dpop": "accept", "tools": {"delete": ["write"]}`)
	client := newECKey(t)
	token := server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
	r := dpopRequest("DPoP "+token, client.proof(token, nil))
	r.HasBody, r.ContentType = true, "application/json"
	v := g.Decide(r, dpopNow)
	if v.Kind() != KindForwardIfBody {
		t.Fatalf("%+v", v)
	}
	v = v.Body().Decide([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete"}}`))
	if want := `DPoP algs="ES256 RS256", error="insufficient_scope", scope="write", `; v.Response() == nil || !strings.HasPrefix(header(&v, "www-authenticate"), want) {
		t.Errorf("%s", header(&v, "www-authenticate"))
	}
}

// With a nonce, each proof needs a current one, and the 401 has it. A client's page may
// read it.
func TestDPoPNonce(t *testing.T) {
	g, h, server := dpopGate(t, `"dpop_nonce": {"lifetime_seconds": 60, "secret": "0123456789abcdef0123456789abcdef"},`, `, "dpop": "required"`)
	client := newECKey(t)
	token := server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
	r := dpopRequest("DPoP "+token, client.proof(token, nil))
	r.HasOrigin, r.Origin = true, "https://app.example"
	v := g.Decide(r, dpopNow)
	nonce := header(&v, "dpop-nonce")
	want := `DPoP algs="ES256 RS256", error="use_dpop_nonce", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/notes", error_description="the DPoP proof needs the nonce in the DPoP-Nonce header"`
	if v.Outcome() != metrics.ProofNonce || v.Response().Status != 401 || nonce == "" || header(&v, "www-authenticate") != want {
		t.Errorf("%d, %+v", v.Outcome(), v.Response())
	}
	if got := header(&v, "access-control-expose-headers"); got != "WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce" {
		t.Errorf("exposed: %q", got)
	}
	if v := ask(g, "DPoP "+token, client.proof(token, claims{"nonce": nonce})); v.Outcome() != metrics.CacheMiss {
		t.Errorf("with the nonce: %d", v.Outcome())
	}
	if v := ask(g, "DPoP "+token, client.proof(token, claims{"nonce": nonce[1:]})); v.Outcome() != metrics.ProofNonce {
		t.Errorf("with another nonce: %d", v.Outcome())
	}
	if v := ask(g, "DPoP "+token, client.proof(token, claims{"nonce": nonce, "htm": "GET"})); v.Outcome() != metrics.InvalidProof || header(&v, "dpop-nonce") != nonce {
		t.Errorf("an invalid proof: %d, %q", v.Outcome(), header(&v, "dpop-nonce"))
	}
	if h.spent() != 1 {
		t.Errorf("%d proofs are remembered", h.spent())
	}
}

// A full store, and a gate without one, let nothing on.
func TestProofStoreFull(t *testing.T) {
	g, h, server := dpopGate(t, "", `, "dpop": "accept"`)
	client := newECKey(t)
	token := server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
	for i := range 4096 {
		h.Store("mcpauth.dpop 1 "+strconv.Itoa(i), []byte(strings.Repeat("x", 128*16)), 0)
	}
	check := func() {
		t.Helper()
		v := ask(g, "DPoP "+token, client.proof(token, nil))
		if v.Outcome() != metrics.NoProofRoom || v.Response() == nil || v.Response().Status != 503 || header(&v, "retry-after") == "" || header(&v, "www-authenticate") != "" {
			t.Errorf("%d, %+v", v.Outcome(), v.Response())
		}
	}
	check()
	g.Replays = nil
	check()
	if v := ask(g, "Bearer "+server.token(nil)); v.Kind() != KindForward {
		t.Errorf("a bearer token: %+v", v.Response())
	}
}

// The server gets neither the token nor the proof, unless the configuration forwards them.
func TestDPoPForwarded(t *testing.T) {
	client := newECKey(t)
	for _, c := range []struct {
		members, authorization string
		want                   Pass
	}{
		{"", "DPoP ", Pass{DropProof: true}},
		{"", "Bearer ", Pass{DropProof: true}},
		{`, "forward": true`, "DPoP ", Pass{KeepAuthorization: true, Authorization: "DPoP TOKEN"}},
		{`, "forward": true`, "dPOp  ", Pass{KeepAuthorization: true, Authorization: "DPoP TOKEN"}},
		{`, "forward": true`, "Bearer ", Pass{KeepAuthorization: true}},
		{`, "public": {"paths": ["/notes/about"]}`, "", Pass{DropProof: true}},
	} {
		g, _, server := dpopGate(t, "", `, "dpop": "accept"`+c.members)
		token := server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
		if c.authorization == "Bearer " {
			token = server.token(nil)
		}
		r := dpopRequest(c.authorization+token, client.proof(token, nil))
		if c.authorization == "" {
			r = dpopRequest("", "proof")
			r.Method, r.Path = "GET", "/notes/about"
		}
		v := g.Decide(r, dpopNow)
		p := v.Pass()
		if p == nil || p.KeepAuthorization != c.want.KeepAuthorization || p.DropProof != c.want.DropProof ||
			p.Authorization != strings.ReplaceAll(c.want.Authorization, "TOKEN", token) {
			t.Errorf("%s %q: %+v", c.members, c.authorization, p)
		}
	}
}

// A token that is bound to a key and to a certificate needs both proofs. Each mode alone
// refuses it.
func TestKeyAndCertificate(t *testing.T) {
	client := newECKey(t)
	certificate := sha256.Sum256([]byte("certificate"))
	for _, c := range []struct {
		members, certificate string
		proof                bool
		want                 metrics.Outcome
	}{
		{`, "dpop": "accept", "mutual_tls": "accept"`, "certificate", true, metrics.CacheMiss},
		{`, "dpop": "required", "mutual_tls": "required"`, "certificate", true, metrics.CacheMiss},
		{`, "dpop": "accept", "mutual_tls": "accept"`, "other", true, metrics.Certificate},
		{`, "dpop": "accept", "mutual_tls": "accept"`, "", true, metrics.Certificate},
		{`, "dpop": "accept", "mutual_tls": "accept"`, "certificate", false, metrics.Bound},
		{`, "dpop": "accept"`, "certificate", true, metrics.Bound},
		{`, "mutual_tls": "accept"`, "certificate", false, metrics.Bound},
	} {
		g, h, server := dpopGate(t, "", c.members)
		g.PeerCertificate = func() string {
			if c.certificate == "" {
				return ""
			}
			digest := sha256.Sum256([]byte(c.certificate))
			return hex.EncodeToString(digest[:])
		}
		token := server.token(claims{"cnf": claims{"jkt": client.thumbprint(), "x5t#S256": encode(certificate[:])}})
		r := dpopRequest("Bearer " + token)
		if c.proof {
			r = dpopRequest("DPoP "+token, client.proof(token, nil))
		}
		if v := g.Decide(r, dpopNow); v.Outcome() != c.want {
			t.Errorf("%s, certificate %q, proof %v: %d, want %d", c.members, c.certificate, c.proof, v.Outcome(), c.want)
		}
		if spent := h.spent(); (spent == 1) != (c.want == metrics.CacheMiss) {
			t.Errorf("%s, certificate %q: %d proofs are remembered", c.members, c.certificate, spent)
		}
	}
	// A token with one binding does not pass where both are required.
	g, _, server := dpopGate(t, "", `, "dpop": "required", "mutual_tls": "required"`)
	token := server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
	if v := ask(g, "DPoP "+token, client.proof(token, nil)); v.Outcome() != metrics.Unbound {
		t.Errorf("without a certificate: %d", v.Outcome())
	}
}

// The credentials under DPoP are read as those under Bearer.
func TestDPoPCredentials(t *testing.T) {
	for _, test := range []struct {
		authorization string
		token         string
		scheme        scheme
		err           error
	}{
		{"DPoP tok", "tok", schemeDPoP, nil},
		{" dpop \t tok ", "tok", schemeDPoP, nil},
		{"DPOP\ttok", "tok", schemeDPoP, nil},
		{"Bearer tok", "tok", schemeBearer, nil},
		{"DPoP", "", 0, errNoToken},
		{"DPoPtok", "", 0, errNoToken},
		{"DPoP a b", "", 0, errTwoTokens},
		{"DPoP a,b", "", 0, errTwoTokens},
		{"DPoP a, Bearer b", "", 0, errTwoTokens},
		{"Bearer a, DPoP b", "", 0, errTwoTokens},
		{"Basic a, dpop b", "", 0, errTwoTokens},
		{",DPoP", "", 0, errTwoTokens},
	} {
		token, s, err := presentedToken(&Request{Authorization: test.authorization, Authorizations: 1}, true)
		if token != test.token || s != test.scheme || err != test.err {
			t.Errorf("%q: %q, %d, %v", test.authorization, token, s, err)
		}
	}
	if _, _, err := presentedToken(&Request{Authorization: "DPoP a", Authorizations: 2}, true); err != errTwoTokens {
		t.Errorf("two headers: %v", err)
	}
	if _, _, err := presentedToken(&Request{Authorization: "DPoP a", Authorizations: 1}, false); err != errNoToken {
		t.Errorf("without DPoP: %v", err)
	}
}

// A request may not wait for longer than its proof is remembered.
func TestProofsOutliveWaits(t *testing.T) {
	if dpop.MaxHeld <= keys.MaxWait {
		t.Errorf("%v, %v", dpop.MaxHeld, keys.MaxWait)
	}
}

// BenchmarkTokens compares what requests with tokens in the cache cost.
// A request that a stopped worker has held so long that its proof may be forgotten does not
// pass: the proof could have been used in between.
func TestProofOfRequestHeldTooLong(t *testing.T) {
	g, h, server := dpopGate(t, "", `, "dpop": "accept"`)
	client := newECKey(t)
	token := server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
	for _, c := range []struct {
		issued, held time.Duration
		want         metrics.Outcome
	}{
		{-60 * time.Second, 0, metrics.CacheMiss},
		{-60 * time.Second, dpop.MaxHeld, metrics.CacheMiss},
		{-60 * time.Second, dpop.MaxHeld + time.Second, metrics.InvalidProof},
		{0, 60*time.Second + dpop.MaxHeld, metrics.CacheMiss},
		{0, 61*time.Second + dpop.MaxHeld, metrics.InvalidProof},
		{0, -time.Hour, metrics.CacheMiss}, // the clock was set back
	} {
		g.cache.Delete(0, token)
		r := dpopRequest("DPoP "+token, client.proof(token, claims{"iat": dpopNow.Add(c.issued).Unix()}))
		if v := g.Decide(r, dpopNow.Add(c.held)); v.Outcome() != c.want {
			t.Errorf("issued %v, held for %v: %d, want %d", c.issued, c.held, v.Outcome(), c.want)
		}
	}
	if spent := h.spent(); spent != 4 {
		t.Errorf("%d proofs are remembered", spent)
	}
}

func BenchmarkTokens(b *testing.B) {
	g, _, server := dpopGate(b, "", `, "dpop": "accept"`)
	off, _, serverOff := dpopGate(b, "", "")
	client := newECKey(b)
	plain, plainOff := "Bearer "+server.token(nil), "Bearer "+serverOff.token(nil)
	bound := server.token(claims{"cnf": claims{"jkt": client.thumbprint()}})
	run := func(name string, g *Gate, request func(i int) *Request) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if v := g.Decide(request(i), dpopNow); v.Kind() != KindForward {
					b.Fatalf("%+v", v.Response())
				}
			}
		})
	}
	r := dpopRequest("")
	r.Authorizations = 1
	run("bearer, off", off, func(int) *Request { r.Authorization = plainOff; return r })
	run("bearer, accept", g, func(int) *Request { r.Authorization = plain; return r })
	var list []string
	for range 20_000 {
		list = append(list, client.proof(bound, nil))
	}
	run("DPoP", g, func(i int) *Request {
		if i%len(list) == 0 { // the proofs would be replays
			g.Replays = dpop.NewReplays(newTestHost())
		}
		return dpopRequest("DPoP "+bound, list[i%len(list)])
	})
}
