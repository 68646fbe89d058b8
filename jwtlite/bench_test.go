package jwtlite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	std "crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"mcpauth/internal/sha256"
)

// benchToken returns a token such as identity providers issue, of about 900
// bytes.
func benchToken(s signers, alg Algorithm) string {
	header := `{"alg":"ES256","typ":"at+jwt","kid":"e"}`
	claims := `,"email":"alice@example.com","name":"Alice Example","preferred_username":"alice","groups":["engineering","on-call","vpn-users"]`
	if alg == RS256 { // its signature takes 256 bytes more
		header = `{"alg":"RS256","typ":"at+jwt","kid":"r"}`
		claims = ""
	}
	return s.token(header, `{"iss":"https://auth.example.com","sub":"8d2f7d1c-2f5e-4a57-9d57-0a6d3c1f6e11",`+
		`"aud":["https://mcp.example.com/notes","https://api.example.com"],"exp":1800000300,"iat":1800000000,"nbf":1800000000,`+
		`"jti":"b4f0d3c8-5f0f-4a0e-8d5b-2f4d0b0f8a55","client_id":"vscode","scope":"openid notes.read notes.write",`+
		`"auth_time":1799999000,"sid":"1f4b1d0a-8a3c-4f52-b7a4-1d3f5c2e9b70"`+claims+`}`)
}

func forBoth(b *testing.B, f func(*testing.B, Algorithm)) {
	for _, alg := range []Algorithm{RS256, ES256} {
		b.Run(alg.String(), func(b *testing.B) { f(b, alg) })
	}
}

func BenchmarkParse(b *testing.B) {
	forBoth(b, func(b *testing.B, alg Algorithm) {
		compact := benchToken(testSigners(), alg)
		var token Token
		b.SetBytes(int64(len(compact)))
		b.ReportAllocs()
		for b.Loop() {
			if err := token.Parse(compact); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkJudge is everything that is done with a token but its signature.
func BenchmarkJudge(b *testing.B) {
	forBoth(b, func(b *testing.B, alg Algorithm) {
		s := testSigners()
		compact := benchToken(s, alg)
		policy := testPolicy
		var token Token
		b.ReportAllocs()
		for b.Loop() {
			if err := token.Parse(compact); err != nil {
				b.Fatal(err)
			}
			if err := policy.CheckHeader(&token); err != nil {
				b.Fatal(err)
			}
			if _, err := s.set.Find(&token); err != nil {
				b.Fatal(err)
			}
			if err := policy.CheckClaims(&token, testNow); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkVerify runs the verifications of the standard library beside those of
// this package. Compare figures of one run only.
func BenchmarkVerify(b *testing.B) {
	s := testSigners()
	run := func(name string, verify func() bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !verify() {
					b.Fatal("refused")
				}
			}
		})
	}
	var token Token
	for _, key := range s.set.keys {
		if err := token.Parse(benchToken(s, first(key))); err != nil {
			b.Fatal(err)
		}
		input, signature := token.SigningInput(), append([]byte(nil), token.Signature()...)
		run(first(key).String(), func() bool { return Software{}.Verify(key, first(key), input, signature) == nil })
		if first(key) == RS256 {
			run("RS256/std", func() bool {
				digest := std.Sum256([]byte(input))
				return rsa.VerifyPKCS1v15(&s.rsa.PublicKey, crypto.SHA256, digest[:], signature) == nil
			})
			continue
		}
		withTable := prepared(b, key)
		run("ES256/prepared", func() bool { return Software{}.Verify(withTable, first(withTable), input, signature) == nil })
		der, _ := ECDSASignatureDER(nil, ES256, signature)
		run("ES256/std", func() bool {
			digest := std.Sum256([]byte(input))
			return ecdsa.VerifyASN1(&s.ec.PublicKey, digest[:], der)
		})
	}
}

// BenchmarkVerifyOther is the time of the algorithms that BenchmarkVerify lacks.
func BenchmarkVerifyOther(b *testing.B) {
	for _, alg := range Algorithms() {
		if alg == RS256 || alg == ES256 {
			continue
		}
		var token Token
		if err := token.Parse(joseToken(b, alg)); err != nil {
			b.Fatal(err)
		}
		key := mustKeySet(b, nil, joseKey(b, alg, true)).keys[0]
		b.Run(alg.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := (Software{}).Verify(key, alg, token.SigningInput(), token.Signature()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPrepare is the time to read one key and prepare it.
func BenchmarkPrepare(b *testing.B) {
	spki := testSigners().set.keys[1].SPKI()
	b.ReportAllocs()
	for b.Loop() {
		k, err := parseSPKI(spki)
		if err != nil {
			b.Fatal(err)
		}
		Software{}.Prepare(&KeySet{[]*Key{k}})
	}
}

func BenchmarkSHA256(b *testing.B) {
	text := strings.Repeat("x", 900)
	b.ReportAllocs()
	for b.Loop() {
		sha256.Sum(text)
	}
}

func BenchmarkFind(b *testing.B) {
	var keys []*Key
	for i := range 16 {
		keys = append(keys, &Key{algorithms: setOf(ES256), id: fmt.Sprintf("key-%02d", i)})
	}
	keys[15].id = "e"
	set, err := NewKeySet(keys...)
	if err != nil {
		b.Fatal(err)
	}
	var token Token
	if err := token.Parse(benchToken(testSigners(), ES256)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Find(&token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseHostile is the most expensive token that is accepted: as many objects
// as fit, each with as many members as allowed.
func BenchmarkParseHostile(b *testing.B) {
	payload := `{`
	for i := range 8 {
		payload += fmt.Sprintf(`"%d":{`, i)
		for j := range maxMembers {
			payload += fmt.Sprintf(`"%x":0,`, j)
		}
		payload = payload[:len(payload)-1] + `},`
		if len(payload) > 10<<10 {
			break
		}
	}
	compact := encode64(goodHeader) + "." + encode64(payload[:len(payload)-1]+"}") + "."
	var token Token
	b.ReportAllocs()
	for b.Loop() {
		if err := token.Parse(compact); err != nil {
			b.Fatal(err)
		}
	}
}
