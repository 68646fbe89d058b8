package gate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// hashA and hashB are digests as Envoy writes them.
var (
	hashA = strings.Repeat("a1", 32)
	hashB = strings.Repeat("b2", 32)
)

// bound returns a "cnf" for a certificate with a digest in hex.
func bound(hash string) string {
	digest, err := hex.DecodeString(hash)
	if err != nil {
		panic(err)
	}
	return `{"x5t#S256":"` + base64.RawURLEncoding.EncodeToString(digest) + `"}`
}

// The one form in which Envoy writes the header says which certificate the client has.
// Anything else says nothing.
func TestForwardedCertificate(t *testing.T) {
	for _, header := range []string{
		"Hash=" + hashA,
		"hash=" + hashA,
		"HASH=" + strings.ToUpper(hashA),
		"By=spiffe://h/gateway;Hash=" + hashA + `;Subject="CN=client,O=\"Acme, Inc.\";\\";URI=;DNS=a.example;DNS=b.example`,
		"Hash=" + hashA + `;Cert="-----BEGIN%20CERTIFICATE-----%0A";Chain="x,y;Hash=` + hashB + `"`,
		`Subject="";Hash=` + hashA,
		"URI=https://h/?a=b;Hash=" + hashA,
	} {
		digest, ok := forwardedCertificate(header)
		if !ok || hex.EncodeToString(digest[:]) != hashA {
			t.Errorf("%s: %x, %v", header, digest, ok)
		}
	}
	for name, header := range map[string]string{
		"empty":                         "",
		"no hash":                       `Subject="CN=a"`,
		"hash in quotes":                `Hash="` + hashA + `"`,
		"hash in a value":               `Subject="Hash=` + hashA + `"`,
		"hash empty":                    "Hash=",
		"hash short":                    "Hash=" + hashA[1:],
		"hash long":                     "Hash=" + hashA + "0",
		"hash no hex":                   "Hash=" + hashA[1:] + "g",
		"hash with colons":              "Hash=" + strings.Repeat("a1:", 21) + "a",
		"hash in base64url":             "Hash=" + base64.RawURLEncoding.EncodeToString(make([]byte, 32)),
		"two hashes":                    "Hash=" + hashA + ";Hash=" + hashA,
		"two hashes, two spellings":     "Hash=" + hashA + ";hASH=" + hashB,
		"two elements":                  "Hash=" + hashA + ",Hash=" + hashB,
		"two elements, one empty":       "Hash=" + hashA + ",",
		"an empty element before":       ",Hash=" + hashA,
		"two elements, one without":     "Hash=" + hashA + `,Subject="a"`,
		"two elements, quotes":          `Subject="a",Hash=` + hashA,
		"elements joined with a space":  "Hash=" + hashA + ", Hash=" + hashB,
		"an empty pair":                 "Hash=" + hashA + ";",
		"an empty pair before":          ";Hash=" + hashA,
		"an empty pair between":         "By=a;;Hash=" + hashA,
		"no equals sign":                "Hash=" + hashA + ";URI",
		"no name":                       "Hash=" + hashA + ";=a",
		"a name with a space":           "Hash=" + hashA + `; Subject="a"`,
		"a name with a space before":    " Hash=" + hashA,
		"a space after the name":        "Hash =" + hashA,
		"a space after the hash":        "Hash=" + hashA + " ",
		"a space in a value":            "Hash=" + hashA + ";DNS=a b",
		"quotes that do not end":        "Hash=" + hashA + `;Subject="a`,
		"quotes with an escaped end":    "Hash=" + hashA + `;Subject="a\"`,
		"quotes with a backslash":       "Hash=" + hashA + `;Subject="a\`,
		"text after quotes":             "Hash=" + hashA + `;Subject="a"b`,
		"quotes within a value":         "Hash=" + hashA + `;URI=a"b"`,
		"a quote hides a hash":          `URI=a";Hash=` + hashA + `;DNS="b`,
		"a backslash outside of quotes": "Hash=" + hashA + `;DNS=a\;b`,
		"a control character":           "Hash=" + hashA + ";DNS=\x01",
		"another alphabet":              "Hash=" + hashA + ";DNS=\u00fc",
		"a name of another alphabet":    "Ha\u017fh=" + hashA,
		"hash alone":                    hashA,
	} {
		if digest, ok := forwardedCertificate(header); ok {
			t.Errorf("%s: %q has the digest %x", name, header, digest)
		}
	}
}

// FuzzForwardedCertificate looks for headers with two readings: the parser accepts one only
// if a reader that knows nothing of quotes, and one that knows them, find the same hash.
func FuzzForwardedCertificate(f *testing.F) {
	f.Add("By=a;Hash=" + hashA + `;Subject="x,y;Hash=` + hashB + `"`)
	f.Add("Hash=" + hashA + ",Hash=" + hashB)
	f.Fuzz(func(t *testing.T, header string) {
		digest, ok := forwardedCertificate(header)
		if !ok {
			return
		}
		outside, quoted := "", false
		for i := 0; i < len(header); i++ {
			switch {
			case quoted && header[i] == '\\':
				i++
			case header[i] == '"':
				quoted = !quoted
			case !quoted:
				outside += string(header[i])
			}
		}
		if quoted || strings.Contains(outside, ",") {
			t.Fatalf("%q is more than one element", header)
		}
		found := 0
		for _, pair := range strings.Split(outside, ";") {
			if name, value, _ := strings.Cut(pair, "="); strings.EqualFold(strings.TrimSpace(name), "hash") {
				if found++; !strings.EqualFold(value, hex.EncodeToString(digest[:])) {
					t.Fatalf("%q: %x", header, digest)
				}
			}
		}
		if found != 1 {
			t.Fatalf("%q has %d hashes", header, found)
		}
	})
}

// The example of RFC 8705, appendix A: figures 5 and 6.
const (
	rfc8705Thumbprint  = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
	rfc8705Certificate = `-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----`
)

// The certificate of RFC 8705, appendix A, has the thumbprint that the claim there has.
func TestRFC8705Certificate(t *testing.T) {
	block, _ := pem.Decode([]byte(rfc8705Certificate))
	if block == nil {
		t.Fatal("no PEM")
	}
	digest := sha256.Sum256(block.Bytes)
	var token jwtlite.Token
	if err := token.ParseClaims([]byte(`{"cnf":{"x5t#S256":"` + rfc8705Thumbprint + `"}}`)); err != nil {
		t.Fatal(err)
	}
	c := newConfirmation(&token.Claims().Confirmation)
	if c == nil || c.kinds != jwtlite.ConfirmsCertificate || c.certificate != digest {
		t.Fatalf("%+v, want %x", c, digest)
	}
	g := &Gate{PeerCertificate: func() string { return hex.EncodeToString(digest[:]) }}
	p := &resource{Resource: &config.Resource{MutualTLS: config.BindingAccept}}
	if _, err := g.confirm(p, &Request{}, c); err != nil {
		t.Error(err)
	}
}

// mutualTLS returns a gate with one resource and these members.
func mutualTLS(t *testing.T, members string) *Gate {
	t.Helper()
	c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a"}], "resources": [{"resource": "https://h/n", ` + members + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return New(c, []AuthServer{{Config: c.AuthorizationServers[0]}}, nil)
}

const forwardedMember = `, "trust_forwarded_client_cert": true`

// What a request gets for a valid token depends on its certificate, alike for a new token
// and for one that another request has brought before.
func TestMutualTLS(t *testing.T) {
	plain, ofA := "null", bound(hashA)
	both := ofA[:len(ofA)-1] + `,"jkt":"` + strings.Repeat("A", 43) + `"}`
	pass := metrics.CacheHit
	for _, test := range []struct {
		name, members string
		cnf           string
		certificate   string // of the connection
		forwarded     []string
		want          metrics.Outcome
	}{
		{"off, plain", `"mutual_tls": "off"`, plain, hashA, nil, pass},
		{"off, bound", `"mutual_tls": "off"`, ofA, hashA, nil, metrics.Bound},
		{"accept, plain", `"mutual_tls": "accept"`, plain, "", nil, pass},
		{"accept, plain, with a certificate", `"mutual_tls": "accept"`, plain, hashB, nil, pass},
		{"accept, bound", `"mutual_tls": "accept"`, ofA, hashA, nil, pass},
		{"accept, bound, capitals", `"mutual_tls": "accept"`, ofA, strings.ToUpper(hashA), nil, pass},
		{"accept, bound, no certificate", `"mutual_tls": "accept"`, ofA, "", nil, metrics.Certificate},
		{"accept, bound, another certificate", `"mutual_tls": "accept"`, ofA, hashB, nil, metrics.Certificate},
		{"accept, bound, an unreadable digest", `"mutual_tls": "accept"`, ofA, hashA[:63], nil, metrics.Certificate},
		{"accept, bound, the claim for a digest", `"mutual_tls": "accept"`, ofA, base64.RawURLEncoding.EncodeToString([]byte(hashA)), nil, metrics.Certificate},
		{"accept, bound to a key too", `"mutual_tls": "accept"`, both, hashA, nil, metrics.Bound},
		{"accept, bound to nothing known", `"mutual_tls": "accept"`, `{}`, hashA, nil, metrics.Bound},
		{"required, plain", `"mutual_tls": "required"`, plain, hashA, nil, metrics.Unbound},
		{"required, bound", `"mutual_tls": "required"`, ofA, hashA, nil, pass},
		{"required, bound, no certificate", `"mutual_tls": "required"`, ofA, "", nil, metrics.Certificate},
		{"a header that is not trusted", `"mutual_tls": "accept"`, ofA, "", []string{"Hash=" + hashA}, metrics.Certificate},
		{"a header that contradicts the connection", `"mutual_tls": "accept"`, ofA, hashA, []string{"Hash=" + hashB}, pass},
		{"trusted", `"mutual_tls": "accept"` + forwardedMember, ofA, "", []string{"Hash=" + hashA}, pass},
		{"trusted, the proxy's own certificate", `"mutual_tls": "accept"` + forwardedMember, ofA, hashB, []string{"Hash=" + hashA}, pass},
		{"trusted, another certificate", `"mutual_tls": "accept"` + forwardedMember, ofA, hashA, []string{"Hash=" + hashB}, metrics.Certificate},
		{"trusted, no header", `"mutual_tls": "accept"` + forwardedMember, ofA, hashA, nil, metrics.Certificate},
		{"trusted, two headers", `"mutual_tls": "accept"` + forwardedMember, ofA, hashA, []string{"Hash=" + hashA, "Hash=" + hashA}, metrics.Certificate},
		{"trusted, two elements", `"mutual_tls": "accept"` + forwardedMember, ofA, hashA, []string{"Hash=" + hashA + ",Hash=" + hashB}, metrics.Certificate},
		{"trusted, required, plain", `"mutual_tls": "required"` + forwardedMember, plain, "", []string{"Hash=" + hashA}, metrics.Unbound},
	} {
		g := mutualTLS(t, test.members)
		calls := 0
		g.PeerCertificate = func() string { calls++; return test.certificate }
		p, now := g.resources[0], time.Unix(1_000_000, 0)
		r := &Request{Method: "POST", Authority: "h", Path: "/n", Authorization: "Bearer t", Authorizations: 1, ForwardedClientCerts: len(test.forwarded)}
		if len(test.forwarded) > 0 {
			r.ForwardedClientCert = test.forwarded[0]
		}
		if err := g.token.ParseClaims([]byte(`{"cnf":` + test.cnf + `}`)); err != nil {
			t.Fatal(err)
		}
		first := test.want
		if first == pass {
			first = metrics.CacheMiss
		}
		err := p.servers[0].policy.CheckType(&g.token)
		if refused := test.want == metrics.Bound; (err == jwtlite.ErrBoundToken) != refused || refused == (err == nil) {
			t.Errorf("%s: the policy: %v", test.name, err)
		}
		window := (&jwtlite.Policy{}).Window(g.token.Claims()).Clip(now, now.Add(time.Hour))
		v := g.accept(p, r, &p.servers[0], "t", cachedToken{window: window, confirmation: newConfirmation(&g.token.Claims().Confirmation)})
		if v.Outcome() != first {
			t.Errorf("%s: %d, want %d", test.name, v.Outcome(), first)
		}
		if v = g.Decide(r, now); v.Outcome() != test.want {
			t.Errorf("%s, cached: %d, want %d", test.name, v.Outcome(), test.want)
		}
		if refused := test.want != pass; refused != (v.Kind() == KindRespond) || refused && v.Response().Status != 401 {
			t.Errorf("%s: %+v", test.name, v)
		}
		// A token that is not bound costs no call of the host.
		if asks := test.cnf != plain && test.want != metrics.Bound && !strings.Contains(test.members, "trust"); calls > 0 != asks {
			t.Errorf("%s: the certificate was read %d times", test.name, calls)
		}
	}
}

// The cache that one connection has filled is of no use to another one.
func TestCachedTokenOfAnotherConnection(t *testing.T) {
	g := mutualTLS(t, `"mutual_tls": "accept"`)
	certificate := ""
	g.PeerCertificate = func() string { return certificate }
	p, now := g.resources[0], time.Unix(1_000_000, 0)
	if err := g.token.ParseClaims([]byte(`{"cnf":` + bound(hashA) + `}`)); err != nil {
		t.Fatal(err)
	}
	r := &Request{Method: "POST", Authority: "h", Path: "/n", Authorization: "Bearer t", Authorizations: 1}
	window := (&jwtlite.Policy{}).Window(g.token.Claims()).Clip(now, now.Add(time.Hour))
	g.accept(p, r, &p.servers[0], "t", cachedToken{window: window, confirmation: newConfirmation(&g.token.Claims().Confirmation)})
	for _, step := range []struct {
		certificate, authorization string
		want                       metrics.Outcome
	}{
		{hashA, "Bearer t", metrics.CacheHit}, {"", "Bearer t", metrics.Certificate}, {hashB, "bearer  t", metrics.Certificate},
		{hashA, "bearer t", metrics.CacheHit}, {hashB, "Bearer t", metrics.Certificate},
	} {
		certificate, r.Authorization = step.certificate, step.authorization
		if v := g.Decide(r, now); v.Outcome() != step.want {
			t.Errorf("%q with %.2s: %d, want %d", step.authorization, step.certificate, v.Outcome(), step.want)
		}
	}
}

// A resource for which nothing is configured takes no bound token that another one takes.
func TestConfirmationOfOneResource(t *testing.T) {
	c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a"}], "resources": [
		{"resource": "https://h/n", "mutual_tls": "required"}, {"resource": "https://h/m", "audiences": ["https://h/n"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	g := New(c, []AuthServer{{Config: c.AuthorizationServers[0]}}, nil)
	g.PeerCertificate = func() string { return hashA }
	confirmation := confirmationOf(t, bound(hashA))
	if _, err := g.confirm(g.resources[0], &Request{}, confirmation); err != nil {
		t.Error(err)
	}
	if o, err := g.confirm(g.resources[1], &Request{}, confirmation); err != jwtlite.ErrBoundToken || o != metrics.Bound {
		t.Error(o, err)
	}
	if o, err := g.confirm(g.resources[1], &Request{}, nil); err != nil {
		t.Error(o, err)
	}
}
