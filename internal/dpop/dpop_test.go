package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/jwtlite"
)

// now is the time of the requests.
const now callout.UnixMilli = 1_800_000_000_000

// A signer signs proofs with one key.
type signer struct{ key *ecdsa.PrivateKey }

func newSigner(t testing.TB) signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key}
}

// proof returns a proof whose claims are those of a good one with changes; nil leaves a
// claim out.
func (s signer) proof(changes map[string]any) string {
	coordinate := func(n *big.Int) string { return encode(n.FillBytes(make([]byte, 32))) }
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": map[string]any{"kty": "EC", "crv": "P-256", "x": coordinate(s.key.X), "y": coordinate(s.key.Y)}}
	claims := map[string]any{"jti": "id-1", "htm": "POST", "htu": "https://mcp.example.com/notes", "iat": int64(now) / 1000, "ath": hashOf("token")}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	input := encode(toJSON(header)) + "." + encode(toJSON(claims))
	digest := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		panic(err)
	}
	return input + "." + encode(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func toJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func hashOf(token string) string {
	digest := sha256.Sum256([]byte(token))
	return encode(digest[:])
}

func checker(t testing.TB, resource string) *Checker {
	u, err := config.ParseURL(resource)
	if err != nil {
		t.Fatal(err)
	}
	return NewChecker(u, []jwtlite.Algorithm{jwtlite.ES256})
}

func request(proof string) *Request {
	return &Request{Header: proof, Headers: 1, Method: "POST", Path: "/notes", Token: "token", Arrived: now}
}

// The example of RFC 9449, section 7.1: figure 13.
func TestRequestOfRFC9449(t *testing.T) {
	const proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19" +
		".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9" +
		".2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	c := checker(t, "https://resource.example.org/protectedresource")
	r := Request{proof, 1, "GET", "/protectedresource", "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", 1562262618_500, 1562262618_500}
	var p jwtlite.Proof
	if err := c.Check(&p, &r); err != nil {
		t.Error(err)
	}
	if err := p.Verify(jwtlite.Software{}); err != nil {
		t.Error(err)
	}
	if digest := p.Thumbprint(); encode(digest[:]) != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("thumbprint %s", encode(digest[:]))
	}
}

// Each check of RFC 9449, section 4.3 refuses on its own.
func TestChecks(t *testing.T) {
	s := newSigner(t)
	second := int64(now) / 1000
	type m = map[string]any
	for name, c := range map[string]struct {
		claims m
		change func(r *Request)
		want   error
	}{
		"good":                      {want: nil},
		"no header":                 {change: func(r *Request) { r.Headers, r.Header = 0, "" }, want: errNone},
		"empty header":              {change: func(r *Request) { r.Header = "" }, want: errNone},
		"two headers":               {change: func(r *Request) { r.Headers = 2 }, want: errTwo},
		"two joined headers":        {change: func(r *Request) { r.Header += ", " + r.Header }, want: jwtlite.ErrProof},
		"other method":              {claims: m{"htm": "GET"}, want: errMethod},
		"method in lower case":      {claims: m{"htm": "post"}, want: errMethod},
		"other token":               {change: func(r *Request) { r.Token += "x" }, want: errToken},
		"no ath":                    {claims: m{"ath": nil}, want: errToken},
		"ath empty":                 {claims: m{"ath": ""}, want: errToken},
		"ath padded":                {claims: m{"ath": hashOf("token") + "="}, want: errToken},
		"ath of another token":      {claims: m{"ath": hashOf("other")}, want: errToken},
		"iat 60 s ago":              {claims: m{"iat": second - 60}, want: nil},
		"iat 61 s ago":              {claims: m{"iat": second - 61}, want: errOld},
		"iat 60 s ahead":            {claims: m{"iat": second + 60}, want: nil},
		"iat 61 s ahead":            {claims: m{"iat": second + 61}, want: errAhead},
		"iat with a fraction":       {claims: m{"iat": float64(second) - 60.001}, want: errOld},
		"a nonce that nobody wants": {claims: m{"nonce": "n"}, want: nil},
		"other resource":            {claims: m{"htu": "https://other.example.com/notes"}, want: errURL},
		"path below":                {claims: m{"htu": "https://mcp.example.com/notes/1"}, change: func(r *Request) { r.Path = "/notes/1" }, want: nil},
	} {
		var p jwtlite.Proof
		r := request(s.proof(c.claims))
		if c.change != nil {
			c.change(r)
		}
		err := checker(t, "https://mcp.example.com/notes").Check(&p, r)
		if err != c.want && !(c.want == jwtlite.ErrProof && errors.Is(err, jwtlite.ErrProof)) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && !errors.Is(err, jwtlite.ErrProof) {
			t.Errorf("%s: %v is no ErrProof", name, err)
		}
	}
}

// The URL is compared as RFC 3986 says, and the authority is that of the configuration.
func TestURL(t *testing.T) {
	https, port := checker(t, "https://mcp.example.com/notes"), checker(t, "http://127.0.0.1:8080")
	for _, c := range []struct {
		checker   *Checker
		htu, path string
		want      bool
	}{
		{https, "https://mcp.example.com/notes", "/notes", true},
		{https, "https://mcp.example.com/notes", "/notes?a=b", true},
		{https, "https://mcp.example.com/notes?a=b", "/notes", true},
		{https, "https://mcp.example.com/notes?", "/notes?c", true},
		{https, "https://mcp.example.com/notes#f", "/notes", true},
		{https, "https://mcp.example.com/notes#?a", "/notes", true},
		{https, "HTTPS://MCP.Example.COM/notes", "/notes", true},
		{https, "https://mcp.example.com:443/notes", "/notes", true},
		{https, "https://mcp.example.com/%6eotes", "/notes", true},
		{https, "https://mcp.example.com/a/../notes", "/notes", true},
		{https, "https://mcp.example.com/notes", "/%6Eotes", true},
		{https, "https://mcp.example.com/caf%c3%a9", "/caf%C3%A9", true},
		{https, "https://mcp.example.com", "/", true},
		{https, "https://mcp.example.com/", "/", true},
		{https, "https://mcp.example.com?a", "/?b", true},
		{port, "http://127.0.0.1:8080/", "/", true},
		{port, "http://127.0.0.1:8080/notes", "/notes", true},

		{https, "https://mcp.example.com/notes/", "/notes", false},
		{https, "https://mcp.example.com/notes", "/notes/", false},
		{https, "https://mcp.example.com/Notes", "/notes", false},
		{https, "https://mcp.example.com/notes", "/notes/1", false},
		{https, "https://mcp.example.com/note%2Fs", "/note/s", false},
		{https, "https://mcp.example.com:444/notes", "/notes", false},
		{https, "https://mcp.example.com.evil.example/notes", "/notes", false},
		{https, "https://mcp.example.com@evil.example/notes", "/notes", false},
		{https, "https://user@mcp.example.com/notes", "/notes", false},
		{https, "http://mcp.example.com/notes", "/notes", false},
		{https, "http://mcp.example.com:443/notes", "/notes", false},
		{https, "mcp.example.com/notes", "/notes", false},
		{https, "/notes", "/notes", false},
		{https, "//mcp.example.com/notes", "/notes", false},
		{https, "https:/mcp.example.com/notes", "/notes", false},
		{https, " https://mcp.example.com/notes", "/notes", false},
		{https, "https://mcp.example.com/notes ", "/notes", false},
		{https, "https://mcp.example.com\\notes", "/notes", false},
		{https, "https://mcp.example.com/not%es", "/not%es", true}, // the route refuses such a path
		{port, "http://127.0.0.1/notes", "/notes", false},
		{port, "https://127.0.0.1:8080/notes", "/notes", false},
		{port, "http://localhost:8080/notes", "/notes", false},
	} {
		if got := c.checker.isURL(c.htu, c.path); got != c.want {
			t.Errorf("htu %q, path %q: %v, want %v", c.htu, c.path, got, c.want)
		}
	}
}

// A nonce is of its resource, of its secret, and of its time.
func TestNonces(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	nonces := func(secret, resource string) *Nonces { return NewNonces(secret, 300, resource) }
	n := nonces(secret, "https://a")
	at := now - now%300_000
	nonce := n.Current(at)
	if len(nonce) != 43 || n.Current(at+299_999) != nonce || n.Current(at+300_000) == nonce {
		t.Errorf("nonce %q", nonce)
	}
	for age, want := range map[time.Duration]bool{-301 * time.Second: false, -time.Second: true, 0: true, 300 * time.Second: true, 599 * time.Second: true, 600 * time.Second: false, time.Hour: false} {
		if got := nonces(secret, "https://a").accepts(nonce, at.Add(age)); got != want {
			t.Errorf("after %v: %v", age, got)
		}
		if got := n.accepts(nonce, at.Add(age)); got != want {
			t.Errorf("after %v, with what the last call has computed: %v", age, got)
		}
	}
	for _, other := range []*Nonces{nonces(secret+"x", "https://a"), nonces(secret, "https://b"), NewNonces(secret, 301, "https://a")} {
		if other.accepts(nonce, at) {
			t.Error("another one accepts it")
		}
	}
	for _, bad := range []string{"", nonce[1:], nonce + "x", strings.ToLower(nonce), strings.Repeat("A", 43)} {
		if n.accepts(bad, at) {
			t.Errorf("accepts %q", bad)
		}
	}
}

// With nonces, each proof needs a current one.
func TestProofsWithNonce(t *testing.T) {
	s := newSigner(t)
	c := checker(t, "https://mcp.example.com/notes")
	c.Nonces = NewNonces(strings.Repeat("s", 32), 60, "https://mcp.example.com/notes")
	for claim, want := range map[any]error{nil: ErrNonce, "": ErrNonce, "x": ErrNonce, c.Nonces.Current(now - 200_000): ErrNonce, c.Nonces.Current(now): nil, c.Nonces.Current(now - 60_000): nil} {
		var p jwtlite.Proof
		if err := c.Check(&p, request(s.proof(map[string]any{"nonce": claim}))); err != want {
			t.Errorf("%v: %v, want %v", claim, err, want)
		}
	}
	if errors.Is(ErrNonce, jwtlite.ErrProof) {
		t.Error("a missing nonce is an invalid proof")
	}
}
