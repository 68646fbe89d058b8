package jwtlite

import (
	"crypto"
	"errors"
	"strings"
	"testing"
	"time"
)

// The examples of RFC 7515, appendices A.2 and A.3, and RFC 7519, sections 3.1
// and 6.1. Those of RFC 7520 are among the vectors of Wycheproof.
const (
	rfc7515Payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

	rfc7515RS256 = "eyJhbGciOiJSUzI1NiJ9." + rfc7515Payload +
		".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7" +
		"AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4" +
		"BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K" +
		"0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv" +
		"hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB" +
		"p0igcN_IoypGlUPQGe77Rw"

	rfc7515ES256 = "eyJhbGciOiJFUzI1NiJ9." + rfc7515Payload +
		".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

	rfc7515Keys = `{"keys":[{"kty":"RSA",
		"n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
		"e":"AQAB"},
		{"kty":"EC","crv":"P-256",
		"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
		"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`

	rfc7519HS256 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + rfc7515Payload +
		".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

	rfc7519Unsecured = "eyJhbGciOiJub25lIn0." + rfc7515Payload + "."
)

func TestRFCExamples(t *testing.T) {
	set, skipped, err := ParseKeySet([]byte(rfc7515Keys))
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	policy := Policy{Issuer: "joe", Audiences: []string{"us"}, Algorithms: []Algorithm{RS256, ES256}}
	for name, compact := range map[string]string{"RS256": rfc7515RS256, "ES256": rfc7515ES256} {
		var token Token
		if err := token.Parse(compact); err != nil {
			t.Fatal(name, err)
		}
		if token.AlgorithmName() != name || token.Algorithm().String() != name {
			t.Errorf("%s: algorithm is %s", name, token.Algorithm())
		}
		if err := policy.CheckHeader(&token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := set.Verify(Software{}, &token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := token.Claims().Expires.Unix(); got != 1300819380 {
			t.Errorf("%s: exp is %d", name, got)
		}
		if v, ok := token.Claims().Lookup("http://example.com/is_root"); !ok || v.Kind != KindBool || v.Raw != "true" {
			t.Errorf("%s: is_root is %+v", name, v)
		}
		before := time.Unix(1300819379, 0)
		if err := policy.CheckClaims(&token, before); err != ErrNoAudience { // they have no aud
			t.Errorf("%s: %v", name, err)
		}
		if err := policy.CheckClaims(&token, before.Add(time.Second)); err != ErrExpired {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, compact := range []string{rfc7519HS256, rfc7519Unsecured} {
		var token Token
		if err := token.Parse(compact); err != nil {
			t.Fatal(err)
		}
		if err := policy.CheckHeader(&token); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s: %v", token.AlgorithmName(), err)
		}
		if err := set.Verify(Software{}, &token); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s: %v", token.AlgorithmName(), err)
		}
	}
}

// Further examples, whose payload is no claims set: RFC 7515, appendix A.4, and RFC 8037,
// appendix A.4.
func TestRFCMessages(t *testing.T) {
	const okp = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	for compact, keys := range map[string]string{
		"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn": `{"keys":[{"kty":"EC","crv":"P-521",
			"x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
			"y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}]}`,
		"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg": okp,
	} {
		set, _, err := ParseKeySet([]byte(keys))
		if err != nil {
			t.Fatal(err)
		}
		if err := verifyJWS(set, compact); err != nil {
			t.Errorf("%s: %v", compact, err)
		}
		if err := verifyJWS(set, compact[:len(compact)-8]+"AAAAAAAA"); err != ErrSignature {
			t.Errorf("%s, changed: %v", compact, err)
		}
	}
}

// "Ed25519" is another name of EdDSA with Ed25519, in tokens and in keys: RFC 9864. The
// name EdDSA stands for no other curve here.
func TestEd25519Names(t *testing.T) {
	for _, inToken := range []string{"EdDSA", "Ed25519"} {
		if alg, ok := ParseAlgorithm(inToken); !ok || alg != EdDSA {
			t.Errorf("%s is %s", inToken, alg)
		}
		input := encode64(`{"alg":"`+inToken+`"}`) + "." + encode64(goodPayload)
		signature, err := joseKeys()[typeEd25519].Sign(nil, []byte(input), crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		for _, inKey := range []string{"EdDSA", "Ed25519"} {
			jwk := strings.Replace(joseKey(t, EdDSA, true), `"EdDSA"`, `"`+inKey+`"`, 1)
			policy := testPolicy
			policy.Algorithms = []Algorithm{EdDSA}
			var token Token
			if err := accept(&policy, mustKeySet(t, policy.Algorithms, jwk), &token, input+"."+encode64(string(signature)), testNow); err != nil {
				t.Errorf("%s by a key for %s: %v", inToken, inKey, err)
			}
		}
	}
}
