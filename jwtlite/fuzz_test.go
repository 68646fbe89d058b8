package jwtlite

import (
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzObjectReader(f *testing.F) {
	for _, seed := range jsonSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(agree)
}

// FuzzParse takes the header and the payload decoded, so that the fuzzer need not
// produce base64url.
func FuzzParse(f *testing.F) {
	for _, header := range []string{goodHeader, `{"alg":"none"}`, `{"alg":"ES256","crit":["x"]}`, `{}`} {
		for _, payload := range append(jsonSeeds, `{"aud":["a","\u0062"],"scp":["c d"],"exp":1.5e3}`, `{"exp":-1}`) {
			f.Add(header, payload, "\x00\x01")
		}
	}
	reused := new(Token)
	f.Fuzz(func(t *testing.T, header, payload, signature string) {
		compact := encode64(header) + "." + encode64(payload) + "." + encode64(signature)
		err := reused.Parse(compact)
		// A Token that has been used before reads the same as a new one.
		fresh := new(Token)
		if freshErr := fresh.Parse(compact); freshErr != err {
			t.Fatalf("%v, with a new Token %v", err, freshErr)
		}
		if err != nil {
			return
		}
		if string(reused.Payload()) != payload || string(reused.Signature()) != signature || reused.SigningInput()+"."+encode64(signature) != compact {
			t.Fatal("the parts differ")
		}
		c, d := reused.Claims(), fresh.Claims()
		if c.Issuer != d.Issuer || c.Expires != d.Expires ||
			strings.Join(c.AppendScopes(nil), "\x00") != strings.Join(d.AppendScopes(nil), "\x00") ||
			strings.Join(c.AppendAudience(nil), "\x00") != strings.Join(d.AppendAudience(nil), "\x00") {
			t.Fatal("the claims differ")
		}
		for _, s := range c.AppendScopes(nil) {
			if s == "" || strings.Contains(s, " ") || !utf8.ValidString(s) || !c.HasScope(s) {
				t.Fatalf("scope %q", s)
			}
		}
		_ = testPolicy.CheckHeader(reused)
		_ = testPolicy.CheckClaims(reused, testNow)
	})
}

// FuzzParseCompact takes the token encoded.
func FuzzParseCompact(f *testing.F) {
	for _, seed := range []string{rfc7515RS256, rfc7515ES256, rfc7519HS256, rfc7519Unsecured, "", "..", "a.b.c", "e30.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		var token Token
		if token.Parse(compact) != nil {
			return
		}
		// A token has one spelling.
		if again := token.SigningInput() + "." + encode64(string(token.Signature())); again != compact {
			t.Fatalf("%q is also %q", compact, again)
		}
	})
}

func FuzzParseKeySet(f *testing.F) {
	f.Add([]byte(rfc7515Keys))
	f.Add([]byte(`{"keys":[{"kty":"oct"},{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a","key_ops":["verify"]},7,{"a":1,"a":2}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		set, skipped, err := ParseKeySet(doc)
		if (set == nil) == (err == nil) {
			t.Fatalf("%v, %v", set, err)
		}
		for _, s := range skipped {
			if s.Reason == nil || !utf8.ValidString(s.KeyID) {
				t.Fatalf("%+v", s)
			}
		}
		if err != nil {
			return
		}
		for _, k := range set.keys {
			checkKey(t, k)
		}
	})
}

// checkKey checks that the DER of a key can be read again, here and by the standard
// library.
func checkKey(t *testing.T, k *Key) {
	t.Helper()
	again, err := parseSPKI(k.SPKI())
	if err != nil || string(again.SPKI()) != string(k.SPKI()) || again.algorithms != k.algorithms {
		t.Fatalf("%x: %v", k.SPKI(), err)
	}
	// The standard library refuses an exponent, the INTEGER at the end, from 2^31 on.
	largeExponent := k.rsa != nil && strings.HasPrefix(string(k.SPKI()[len(k.SPKI())-7:]), "\x02\x05\x00")
	if _, err := x509.ParsePKIXPublicKey(k.SPKI()); err != nil && !largeExponent {
		t.Fatalf("%x: %v", k.SPKI(), err)
	}
}

func FuzzParsePublicKeyPEM(f *testing.F) {
	set, _, err := ParseKeySet([]byte(rfc7515Keys))
	if err != nil {
		f.Fatal(err)
	}
	for _, k := range set.keys {
		f.Add([]byte(pemOf(k.SPKI())))
	}
	f.Add([]byte(block("CERTIFICATE", certificate(f, testSigners().ec, nil))))
	f.Add([]byte(block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&testSigners().rsa.PublicKey))))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParsePublicKeyPEM(text, "", 0)
		if err != nil {
			return
		}
		// The standard library requires line breaks.
		parts := strings.SplitN(strings.TrimSpace(string(text)), "-----", 5)
		block, _ := pem.Decode([]byte("-----" + parts[1] + "-----\n" + strings.TrimSpace(parts[2]) + "\n-----" + parts[3] + "-----\n"))
		if block == nil || !strings.Contains(string(k.SPKI()), string(block.Bytes)) && block.Type != "CERTIFICATE" {
			t.Fatalf("%q is not the only spelling of %x", text, k.SPKI())
		}
		checkKey(t, k)
	})
}

// FuzzParseSPKI takes the DER without PEM.
func FuzzParseSPKI(f *testing.F) {
	set, _, err := ParseKeySet([]byte(rfc7515Keys))
	if err != nil {
		f.Fatal(err)
	}
	for _, k := range set.keys {
		f.Add(k.SPKI())
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		k, err := parseSPKI(der)
		if err != nil {
			return
		}
		if string(k.SPKI()) != string(der) {
			t.Fatalf("%x is also %x", der, k.SPKI())
		}
		checkKey(t, k)
	})
}

// FuzzECDSASignatureDER reads the DER that ECDSASignatureDER has written.
func FuzzECDSASignatureDER(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add([]byte(strings.Repeat("\xff", 64)))
	f.Fuzz(func(t *testing.T, sig []byte) {
		der, _ := ECDSASignatureDER(nil, ES256, sig)
		if len(sig) != 64 {
			if der != nil {
				t.Fatalf("%x", der)
			}
			return
		}
		sequence, rest, ok := readDER(der, tagSequence)
		if !ok || len(rest) > 0 || len(der) > 72 {
			t.Fatalf("%x", der)
		}
		for _, half := range [][]byte{sig[:32], sig[32:]} {
			var n []byte
			n, sequence, ok = readDER(sequence, tagInteger)
			if !ok || new(big.Int).SetBytes(n).Cmp(new(big.Int).SetBytes(half)) != 0 || n[0] >= 0x80 || len(n) > 1 && n[0] == 0 && n[1] < 0x80 {
				t.Fatalf("%x: %x", sig, der)
			}
		}
		if len(sequence) > 0 {
			t.Fatalf("%x", der)
		}
	})
}
