package jwtlite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"strings"
	"testing"
)

// The examples of RFC 9449, figures 2 and 13, without their line breaks. Their key has
// rfc9449Thumbprint.
const (
	rfc9449Key = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"

	rfc9449TokenProof = rfc9449Key + ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"

	rfc9449Proof = rfc9449Key + ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)

// thumbprint returns the thumbprint of a proof's key as "jkt" has it.
func thumbprint(p *Proof) string {
	digest := p.Thumbprint()
	return encode64(string(digest[:]))
}

func TestProofOfRFC9449(t *testing.T) {
	var p Proof
	for _, c := range []struct{ proof, id, method, url, hash string }{
		{rfc9449TokenProof, "-BwC3ESc6acc2lTc", "POST", "https://server.example.com/token", ""},
		{rfc9449Proof, "e1j3V_bKic8-LAEB", "GET", "https://resource.example.org/protectedresource", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"},
	} {
		if err := p.Parse(c.proof, []Algorithm{ES256}); err != nil {
			t.Fatal(err)
		}
		if p.ID != c.id || p.Method != c.method || p.URL != c.url || p.TokenHash != c.hash || p.Nonce != "" || p.IssuedAt.Unix()/10 != 156226261 {
			t.Errorf("%+v", p)
		}
		if p.Algorithm() != ES256 || thumbprint(&p) != rfc9449Thumbprint {
			t.Errorf("thumbprint %s, want %s", thumbprint(&p), rfc9449Thumbprint)
		}
		if err := p.Verify(Software{}); err != nil {
			t.Error(err)
		}
	}
}

// proofSigner makes proofs with one key. Its header and claims may be changed.
type proofSigner struct {
	alg  string
	jwk  map[string]any
	sign func(input string) []byte
}

func ecProofs(t testing.TB, alg string, curve elliptic.Curve, h crypto.Hash) proofSigner {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	size := (curve.Params().BitSize + 7) / 8
	coordinate := func(n *big.Int) string { return encode64(string(n.FillBytes(make([]byte, size)))) }
	jwk := map[string]any{"kty": "EC", "crv": curve.Params().Name, "x": coordinate(key.X), "y": coordinate(key.Y)}
	return proofSigner{alg, jwk, func(input string) []byte {
		digest := h.New()
		digest.Write([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, key, digest.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}}
}

func rsaProofs(t testing.TB, alg string, bits int) proofSigner {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	jwk := map[string]any{"kty": "RSA", "n": encode64(string(key.N.Bytes())), "e": "AQAB"}
	return proofSigner{alg, jwk, func(input string) []byte {
		digest := sha256.Sum256([]byte(input))
		var signature []byte
		if alg == "PS256" {
			signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		}
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}}
}

func edProofs(t testing.TB) proofSigner {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encode64(string(public))}
	return proofSigner{"EdDSA", jwk, func(input string) []byte { return ed25519.Sign(key, []byte(input)) }}
}

// proof returns a proof with some members of its header, key and claims replaced, or left
// out if they are nil.
func (s proofSigner) proof(header, jwk, claims map[string]any) string {
	h := merged(map[string]any{"typ": "dpop+jwt", "alg": s.alg, "jwk": merged(s.jwk, jwk)}, header)
	c := merged(map[string]any{"jti": "id-1", "htm": "POST", "htu": "https://mcp.example.com/notes", "iat": 1800000000}, claims)
	return s.raw(toText(h), toText(c))
}

func (s proofSigner) raw(header, claims string) string {
	input := encode64(header) + "." + encode64(claims)
	return input + "." + encode64(string(s.sign(input)))
}

func merged(m, changes map[string]any) map[string]any {
	m = maps.Clone(m)
	for name, value := range changes {
		if value == nil {
			delete(m, name)
		} else {
			m[name] = value
		}
	}
	return m
}

func toText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// All algorithms can sign proofs. The thumbprint is that of encoding/json, which sorts the
// members of a map, over the required members: RFC 7638, section 3.2.
func TestProofAlgorithms(t *testing.T) {
	var p Proof
	for _, s := range []proofSigner{
		ecProofs(t, "ES256", elliptic.P256(), crypto.SHA256), ecProofs(t, "ES384", elliptic.P384(), crypto.SHA384), ecProofs(t, "ES512", elliptic.P521(), crypto.SHA512),
		rsaProofs(t, "RS256", 2048), rsaProofs(t, "PS256", 2048), rsaProofs(t, "RS256", 4096), edProofs(t),
	} {
		if err := p.Parse(s.proof(nil, map[string]any{"kid": "k", "use": "sig", "alg": s.alg, "key_ops": []string{"verify"}}, nil), Algorithms()); err != nil {
			t.Errorf("%s: %v", s.alg, err)
			continue
		}
		digest := sha256.Sum256([]byte(toText(s.jwk)))
		if want := encode64(string(digest[:])); thumbprint(&p) != want {
			t.Errorf("%s: thumbprint %s, want %s", s.alg, thumbprint(&p), want)
		}
		if err := p.Verify(Software{}); err != nil {
			t.Errorf("%s: %v", s.alg, err)
		}
	}
}

// The example of RFC 7638, section 3.1.
func TestThumbprintOfRFC7638(t *testing.T) {
	jwk := map[string]any{"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
		"n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}
	s := proofSigner{"RS256", jwk, func(string) []byte { return []byte{1} }}
	var p Proof
	if err := p.Parse(s.proof(nil, nil, nil), Algorithms()); err != nil {
		t.Fatal(err)
	}
	const want = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	if thumbprint(&p) != want {
		t.Errorf("thumbprint %s, want %s", thumbprint(&p), want)
	}
	// The same key with zero bytes in front has the same thumbprint.
	zeros := encode64("\x00\x00" + decode64Text(t, jwk["n"].(string)))
	if err := p.Parse(s.proof(nil, map[string]any{"n": zeros, "e": encode64("\x00\x01\x00\x01")}, nil), Algorithms()); err != nil || thumbprint(&p) != want {
		t.Errorf("thumbprint %s, %v", thumbprint(&p), err)
	}
}

func decode64Text(t testing.TB, s string) string {
	b, ok := appendBase64URL(nil, s)
	if !ok {
		t.Fatal(s)
	}
	return string(b)
}

// Each defect is refused, by Parse or by Verify.
func TestInvalidProofs(t *testing.T) {
	type m = map[string]any
	s := ecProofs(t, "ES256", elliptic.P256(), crypto.SHA256)
	other := ecProofs(t, "ES256", elliptic.P256(), crypto.SHA256)
	ed := edProofs(t)
	modulus := func(size int) proofSigner { // with the signature of no key
		return proofSigner{"RS256", m{"kty": "RSA", "e": "AQAB", "n": encode64(strings.Repeat("\xff", size))}, func(string) []byte { return make([]byte, size) }}
	}
	large, small := modulus(513), modulus(255)
	good := s.proof(nil, nil, nil)
	x, y := s.jwk["x"].(string), s.jwk["y"].(string)
	signature := strings.LastIndexByte(good, '.') + 1
	jwkText := toText(s.jwk)
	claims := `{"jti":"a","htm":"POST","htu":"https://mcp.example.com/notes","iat":1800000000}`
	withJWK := func(jwk string) string { return s.raw(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+jwk+`}`, claims) }
	for name, c := range map[string]struct {
		proof string
		want  error
	}{
		"empty":                {"", errProofForm},
		"two parts":            {"a.b", errProofForm},
		"JSON":                 {`{"typ":"dpop+jwt"}`, errProofForm},
		"padding":              {good + "=", errProofForm},
		"space":                {" " + good, errProofForm},
		"too large":            {s.proof(nil, nil, m{"x": strings.Repeat("x", MaxProofSize)}), errProofSize},
		"no typ":               {s.proof(m{"typ": nil}, nil, nil), errProofType},
		"typ JWT":              {s.proof(m{"typ": "JWT"}, nil, nil), errProofType},
		"typ upper case":       {s.proof(m{"typ": "DPoP+JWT"}, nil, nil), errProofType},
		"typ with prefix":      {s.proof(m{"typ": "application/dpop+jwt"}, nil, nil), errProofType},
		"typ null":             {s.raw(`{"typ":null,"alg":"ES256","jwk":`+jwkText+`}`, claims), errProofType},
		"no alg":               {s.proof(m{"alg": nil}, nil, nil), errProofForm},
		"alg none":             {s.proof(m{"alg": "none"}, nil, nil), errProofAlgorithm},
		"alg HS256":            {s.proof(m{"alg": "HS256"}, nil, nil), errProofAlgorithm},
		"alg not accepted":     {ed.proof(nil, nil, nil), errProofAlgorithm},
		"alg of other keys":    {s.proof(m{"alg": "RS256"}, nil, nil), errProofKey},
		"crit":                 {s.proof(m{"crit": []string{"x"}}, nil, nil), errProofCritical},
		"b64":                  {s.proof(m{"b64": false}, nil, nil), errProofCritical},
		"typ twice":            {s.raw(`{"typ":"dpop+jwt","typ":"dpop+jwt","alg":"ES256","jwk":`+jwkText+`}`, claims), errProofForm},
		"claim twice":          {s.raw(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+jwkText+`}`, claims[:len(claims)-1]+`,"htm":"GET"}`), errProofForm},
		"claim twice, escaped": {s.raw(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+jwkText+`}`, claims[:len(claims)-1]+`,"\u0068tm":"GET"}`), errProofForm},
		"claims no object":     {s.raw(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+jwkText+`}`, `[]`), errProofForm},

		"no jwk":             {s.proof(m{"jwk": nil}, nil, nil), errProofKey},
		"jwk null":           {withJWK("null"), errProofKey},
		"jwk a string":       {withJWK(`"` + x + `"`), errProofKey},
		"jwk empty":          {withJWK("{}"), errProofKey},
		"jwk member twice":   {withJWK(`{"kty":"EC",` + jwkText[1:]), errProofForm},
		"jwk member null":    {withJWK(`{"kid":null,` + jwkText[1:]), errProofKey},
		"jwk symmetric":      {withJWK(`{"kty":"oct","k":"AAAA"}`), errProofPrivate},
		"jwk for encryption": {s.proof(nil, m{"use": "enc"}, nil), errProofKey},
		"jwk to sign":        {s.proof(nil, m{"key_ops": []string{"sign"}}, nil), errProofKey},
		"jwk for other alg":  {s.proof(nil, m{"alg": "ES384"}, nil), errProofKey},
		"jwk padded":         {s.proof(nil, m{"x": x + "="}, nil), errProofKey},
		"jwk short":          {s.proof(nil, m{"x": x[:42]}, nil), errProofKey},
		"jwk not on curve":   {s.proof(nil, m{"x": y}, nil), errProofKey},
		"jwk other curve":    {s.proof(nil, m{"crv": "P-384"}, nil), errProofKey},
		"jwk unknown curve":  {s.proof(nil, m{"crv": "secp256k1"}, nil), errProofKey},
		"jwk curve in lower": {s.proof(nil, m{"crv": "p-256"}, nil), errProofKey},
		"RSA too large":      {large.proof(nil, nil, nil), errProofKey},
		"RSA too small":      {small.proof(nil, nil, nil), errProofKey},
		"RSA exponent zero":  {large.proof(nil, m{"e": "AAAA"}, nil), errProofKey},

		"no jti":          {s.proof(nil, nil, m{"jti": nil}), errProofClaims},
		"jti empty":       {s.proof(nil, nil, m{"jti": ""}), errProofClaims},
		"jti long":        {s.proof(nil, nil, m{"jti": strings.Repeat("x", 513)}), errProofClaims},
		"jti a number":    {s.proof(nil, nil, m{"jti": 1}), errProofClaims},
		"no htm":          {s.proof(nil, nil, m{"htm": nil}), errProofClaims},
		"htm a list":      {s.proof(nil, nil, m{"htm": []string{"POST"}}), errProofClaims},
		"no htu":          {s.proof(nil, nil, m{"htu": nil}), errProofClaims},
		"htu a list":      {s.proof(nil, nil, m{"htu": []string{"https://mcp.example.com/notes"}}), errProofClaims},
		"no iat":          {s.proof(nil, nil, m{"iat": nil}), errProofClaims},
		"iat a string":    {s.proof(nil, nil, m{"iat": "1800000000"}), errProofClaims},
		"iat negative":    {s.proof(nil, nil, m{"iat": -1}), errProofClaims},
		"ath a number":    {s.proof(nil, nil, m{"ath": 1}), errProofClaims},
		"nonce an object": {s.proof(nil, nil, m{"nonce": m{}}), errProofClaims},
		"ath null":        {s.raw(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+jwkText+`}`, claims[:len(claims)-1]+`,"ath":null}`), errProofClaims},

		"no signature":    {good[:signature], errProofSignature},
		"other signature": {good[:signature] + encode64(string(s.sign("x"))), errProofSignature},
		"other key":       {s.proof(nil, other.jwk, nil), errProofSignature},
		"DER signature":   {good[:signature] + encode64("\x30\x06\x02\x01\x01\x02\x01\x01"), errProofSignature},
		"signature + 1":   {good[:signature] + encode64(decode64Text(t, good[signature:])+"\x00"), errProofSignature},
	} {
		var p Proof
		err := p.Parse(c.proof, []Algorithm{ES256, RS256})
		if err == nil {
			err = p.Verify(Software{})
		} else if p.ID != "" || p.URL != "" || p.Verify(Software{}) == nil || p.thumbprint != [32]byte{} {
			t.Errorf("%s: the proof is not empty after an error", name)
		}
		if err != c.want || !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for _, name := range append(jwkPrivate[:], "k") {
		var p Proof
		if err := p.Parse(s.proof(nil, m{name: "AA"}, nil), Algorithms()); err != errProofPrivate {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Parse(withJWK(`{"`+name+`":null,`+jwkText[1:]), Algorithms()); err == nil {
			t.Errorf("%s null: accepted", name)
		}
	}
}

// A verifier of the host gets the same key and text as jwtlite's own.
func TestProofVerifier(t *testing.T) {
	var p Proof
	if err := p.Parse(rfc9449Proof, []Algorithm{ES256}); err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(nobody{}); err != errProofSignature {
		t.Error(err)
	}
}

// A Proof that has been used before reads the same as a new one, and parsing one makes
// little garbage.
func TestProofReuse(t *testing.T) {
	s := rsaProofs(t, "RS256", 2048)
	all := []string{rfc9449Proof, s.proof(nil, nil, map[string]any{"nonce": "n", "ath": "\u00e4"}), "a.b.c", rfc9449TokenProof, strings.ToUpper(rfc9449Proof)}
	var reused Proof
	for range 2 {
		for _, compact := range all {
			var fresh Proof
			err, want := reused.Parse(compact, Algorithms()), fresh.Parse(compact, Algorithms())
			if err != want || reused.ID != fresh.ID || reused.URL != fresh.URL || reused.TokenHash != fresh.TokenHash || reused.Nonce != fresh.Nonce ||
				reused.thumbprint != fresh.thumbprint {
				t.Errorf("%v, %v: %+v, %+v", err, want, reused, fresh)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = reused.Parse(rfc9449Proof, allAlgorithms) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var allAlgorithms = Algorithms()

func BenchmarkProof(b *testing.B) {
	var p Proof
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Parse(rfc9449Proof, allAlgorithms); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Verify(Software{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func FuzzProof(f *testing.F) {
	for _, seed := range []string{rfc9449Proof, rfc9449TokenProof, "", "..", "e30.e30.",
		encode64(`{"typ":"dpop+jwt","alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}}`) + "." + encode64(`{"jti":"\u0061","htm":"A","htu":"b","iat":1e3,"nonce":"\ud83d\ude00"}`) + ".",
		encode64(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"`+encode64(strings.Repeat("a", 32))+`","key_ops":["verify"]}}`) + "." + encode64(`{"jti":"a","htm":"A","htu":"b","iat":0}`) + ".AAAA",
	} {
		f.Add(seed)
	}
	var reused Proof
	f.Fuzz(func(t *testing.T, compact string) {
		var fresh Proof
		err := reused.Parse(compact, allAlgorithms)
		if want := fresh.Parse(compact, allAlgorithms); err != want {
			t.Fatalf("%v, with a new Proof %v", err, want)
		}
		if err != nil {
			if !errors.Is(err, ErrProof) || reused.ID != "" || reused.thumbprint != [32]byte{} || reused.Verify(Software{}) == nil {
				t.Fatalf("%v: %+v", err, reused)
			}
			return
		}
		if reused.ID == "" || reused.Method == "" || reused.URL == "" || !reused.IssuedAt.Set || reused.thumbprint == [32]byte{} ||
			reused.ID != fresh.ID || reused.URL != fresh.URL || reused.thumbprint != fresh.thumbprint {
			t.Fatalf("%+v, %+v", reused, fresh)
		}
		// encoding/json reads the same key, and its thumbprint is the same.
		var header struct{ JWK map[string]any }
		if err := json.Unmarshal([]byte(decode64Text(t, compact[:strings.IndexByte(compact, '.')])), &header); err != nil {
			t.Fatal(err)
		}
		for name := range header.JWK {
			for _, private := range append(jwkPrivate[:], "k") {
				if name == private {
					t.Fatalf("private %s", name)
				}
			}
		}
		// No signature of this verifier is right.
		if reused.Verify(nobody{}) == nil {
			t.Fatal("verified")
		}
	})
}
