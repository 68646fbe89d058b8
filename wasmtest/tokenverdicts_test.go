package wasmtest

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// signatureHosts are the hosts that tokens are verified on: by the host's
// verify_signature, and without it. One whose verify_signature cannot be
// trusted is as good as one without.
var signatureHosts = map[string]map[string]ForeignFunction{
	"verified by the host":   nil,
	"verified by the plugin": {},
	"the host says yes to all": {"verify_signature": func([]byte) ([]byte, Status) {
		return verifyResult(true, ""), OK
	}},
	"the host says no to all": {"verify_signature": func([]byte) ([]byte, Status) {
		return verifyResult(false, "no"), OK
	}},
	"the host fails":           {"verify_signature": func([]byte) ([]byte, Status) { return nil, InternalFailure }},
	"the host answers nothing": {"verify_signature": func([]byte) ([]byte, Status) { return nil, OK }},
	"the host answers garbage": {"verify_signature": func([]byte) ([]byte, Status) {
		return []byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), OK
	}},
}

func eachSignatureHost(t *testing.T, test func(t *testing.T, h *Host)) {
	for name, functions := range signatureHosts {
		t.Run(name, func(t *testing.T) { test(t, newHost(t, Options{Functions: functions})) })
	}
}

// wantInvalid checks that a token is refused with invalid_token, and that the
// description names the check that failed.
func wantInvalid(t *testing.T, s *Stream, description string) {
	t.Helper()
	wantError(t, s, 401, "invalid_token")
	challenge := s.Local().Headers.Get("www-authenticate")
	if !strings.HasPrefix(challenge, `Bearer error="invalid_token", `) {
		t.Errorf("challenge %s", challenge)
	}
	text := parseChallenge(t, challenge)["error_description"]
	if !regexp.MustCompile("(?i)" + description).MatchString(text) {
		t.Errorf("error_description %q, want one about %q", text, description)
	}
}

func TestGoodTokens(t *testing.T) {
	eachSignatureHost(t, func(t *testing.T, h *Host) {
		vm := start(t, h, usual())
		c := claims(h, nil)
		now := h.Clock().Now().Unix()
		for _, key := range []*signer{rsaKey, ecKey} {
			for name, token := range map[string]string{
				"usual":                       key.token(c),
				"typ absent":                  key.sign(toJSON(with(key.header(), object{"typ": nil})), toJSON(c)),
				"typ JWT":                     key.sign(toJSON(with(key.header(), object{"typ": "JWT"})), toJSON(c)),
				"typ jwt":                     key.sign(toJSON(with(key.header(), object{"typ": "jwt"})), toJSON(c)),
				"typ AT+JWT":                  key.sign(toJSON(with(key.header(), object{"typ": "AT+JWT"})), toJSON(c)),
				"typ application/at+jwt":      key.sign(toJSON(with(key.header(), object{"typ": "application/at+jwt"})), toJSON(c)),
				"no kid, one key fits":        key.sign(toJSON(with(key.header(), object{"kid": nil})), toJSON(c)),
				"foreign members are ignored": key.sign(toJSON(with(key.header(), object{"jku": "https://evil.example/", "x5u": "https://evil.example/", "x": []int{1}})), toJSON(c)),
				"jwk of another key":          key.sign(toJSON(with(key.header(), object{"jwk": otherEC.jwk()})), toJSON(c)),
				"aud array":                   key.token(with(c, object{"aud": []string{"x", resource}})),
				"exp with a fraction":         key.token(with(c, object{"exp": float64(now) + 10.5})),
				"exp with an exponent":        key.sign(toJSON(key.header()), strings.Replace(toJSON(with(c, object{"exp": 0})), `"exp":0`, `"exp":1.8e9`, 1)),
				"exp within the skew":         key.token(with(c, object{"exp": now - 59})),
				"nbf within the skew":         key.token(with(c, object{"nbf": now + 59})),
				"no iat, sub, jti":            key.token(with(c, object{"iat": nil, "sub": nil, "jti": nil})),
				"no client_id":                key.token(with(c, object{"client_id": nil})),
				"white space in the JSON":     key.sign(" "+toJSON(key.header())+"\n", "\t"+toJSON(c)+"\r\n"),
				"escaped names":               key.sign(toJSON(key.header()), strings.Replace(toJSON(c), `"aud"`, `"\u0061ud"`, 1)),
			} {
				t.Run(key.alg()+" "+name, func(t *testing.T) {
					wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+token)))
				})
			}
		}
		if len(h.Callouts()) != 0 || h.Dispatched() != 0 {
			t.Errorf("%d callouts although all keys are static", h.Dispatched())
		}
	})
}

func TestBadTokens(t *testing.T) {
	const signatureText = "signature"
	eachSignatureHost(t, func(t *testing.T, h *Host) {
		vm := start(t, h, usual())
		c := claims(h, nil)
		payload := toJSON(c)
		now := h.Clock().Now().Unix()
		type row struct{ name, token, description string }
		for _, key := range []*signer{rsaKey, ecKey} {
			impostor := impostorRSA
			if key.ec != nil {
				impostor = impostorEC
			}
			good := key.token(c)
			parts := strings.Split(good, ".")
			signed := parts[0] + "." + parts[1] + "."
			sig := key.signature(strings.TrimSuffix(signed, "."))
			flipped := append([]byte{}, sig...)
			flipped[len(flipped)/2] ^= 1
			header := func(members object) string { return key.sign(toJSON(with(key.header(), members)), payload) }
			claim := func(members object) string { return key.token(with(c, members)) }
			text := func(from, to string) string {
				if !strings.Contains(payload, from) {
					t.Fatalf("%q is not in %s", from, payload)
				}
				return key.sign(toJSON(key.header()), strings.Replace(payload, from, to, 1))
			}
			rows := []row{
				// Structure
				{"one part", "abc", "malformed|not a"},
				{"two parts", parts[0] + "." + parts[1], "malformed|not a"},
				{"four parts", good + "." + parts[2], "malformed|not a"},
				{"five parts", good + "." + parts[2] + "." + parts[2], "malformed|not a"},
				{"only dots", "..", "malformed|not a"},
				{"no header", "." + parts[1] + "." + parts[2], "malformed|not a"},
				{"no payload", parts[0] + ".." + parts[2], "malformed|not a"},
				{"padded signature", good + "=", "malformed|not a|base64"},
				{"padded with %3D", good + "%3D", "malformed|not a|base64"},
				{"padded payload", key.padded(payload), "malformed|not a|base64"},
				{"plain base64", strings.NewReplacer("-", "+", "_", "/").Replace(header(object{"x": "~~~???>>>"})), "malformed|not a|base64"},
				{"header is not JSON", key.sign("x", payload), "malformed|not a"},
				{"header is an array", key.sign(`["alg"]`, payload), "malformed|not a"},
				{"payload is not JSON", key.sign(toJSON(key.header()), "x"), "malformed|not a"},
				{"payload is an array", key.sign(toJSON(key.header()), "["+payload+"]"), "malformed|not a"},
				{"payload is a string", key.sign(toJSON(key.header()), toJSON(payload)), "malformed|not a"},
				{"payload has more after it", key.sign(toJSON(key.header()), payload+"{}"), "malformed|not a"},
				{"payload is cut off", key.sign(toJSON(key.header()), payload[:len(payload)-1]), "malformed|not a"},
				{"byte order mark", key.sign(toJSON(key.header()), "\xef\xbb\xbf"+payload), "malformed|not a"},
				{"trailing comma", text(`"}`, `",}`), "malformed|not a"},
				{"comment", text(`{`, `{/**/`), "malformed|not a"},
				{"deep nesting", text(`{`, `{"x":`+strings.Repeat("[", 6000)+strings.Repeat("]", 6000)+`,`), "malformed|not a|large|nest|deep"},
				{"too large", claim(object{"x": strings.Repeat("x", 20000)}), "large|size|long"},
				{"duplicate aud", text(`"aud"`, `"aud":"x","aud"`), "twice|duplicate|more than once"},
				{"duplicate exp", text(`"exp"`, `"exp":1,"exp"`), "twice|duplicate|more than once"},
				{"duplicate by escapes", text(`"aud"`, `"\u0061ud":"x","aud"`), "twice|duplicate|more than once"},
				{"duplicate alg", key.sign(strings.Replace(toJSON(key.header()), `"alg"`, `"alg":"none","alg"`, 1), payload), "twice|duplicate|more than once"},
				// Signature
				{"signature of another key", impostor.token(c), signatureText},
				{"one bit flipped", signed + b64(flipped), signatureText},
				{"empty signature", signed, "signature|malformed"},
				{"signature cut off", signed + b64(sig[:len(sig)-1]), signatureText},
				{"signature with one byte more", signed + b64(append(append([]byte{}, sig...), 0)), signatureText},
				{"signature with a zero byte before", signed + b64(append([]byte{0}, sig...)), signatureText},
				{"signature of zeros", signed + b64(make([]byte, len(sig))), signatureText},
				{"signature of ones", signed + b64([]byte(strings.Repeat("\xff", len(sig)))), signatureText},
				{"signature of the payload alone", signed + b64(key.signature(parts[1])), signatureText},
				{"another payload", parts[0] + "." + b64([]byte(toJSON(with(c, object{"sub": "mallory"})))) + "." + parts[2], signatureText},
				{"another header", b64([]byte(toJSON(with(key.header(), object{"x": 1})))) + "." + parts[1] + "." + parts[2], signatureText},
				// Algorithm
				{"alg none", b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "algorithm|malformed|signature"},
				{"alg none with a signature", header(object{"alg": "none"}), "algorithm"},
				{"alg None", header(object{"alg": "None"}), "algorithm"},
				{"alg absent", header(object{"alg": nil}), "algorithm|malformed"},
				{"alg is a number", header(object{"alg": 5}), "algorithm|malformed"},
				{"alg in lower case", header(object{"alg": strings.ToLower(key.alg())}), "algorithm"},
				{"alg with a space", header(object{"alg": key.alg() + " "}), "algorithm"},
				{"HS256 with the public key as secret", hs256(`{"alg":"HS256","kid":"`+key.kid+`"}`, payload, []byte(key.pem())), "algorithm"},
				{"PS256", header(object{"alg": "PS256"}), "algorithm"},
				{"RS512", header(object{"alg": "RS512"}), "algorithm"},
				{"ES384", header(object{"alg": "ES384"}), "algorithm"},
				{"EdDSA", header(object{"alg": "EdDSA"}), "algorithm"},
				{"the algorithm of the other key", header(object{"alg": map[string]string{"RS256": "ES256", "ES256": "RS256"}[key.alg()]}), "key|signature"},
				// Key
				{"unknown kid", header(object{"kid": "unknown"}), "key"},
				{"kid of the other key", header(object{"kid": map[*signer]string{rsaKey: ecKey.kid, ecKey: rsaKey.kid}[key]}), "key|signature"},
				{"kid is a number", header(object{"kid": 1}), "key|malformed"},
				{"no kid and a jwk", impostor.sign(toJSON(object{"alg": key.alg(), "jwk": impostor.jwk()}), payload), signatureText},
				// Header
				{"typ of an identity assertion", header(object{"typ": "oauth-id-jag+jwt"}), "type"},
				{"typ of a logout token", header(object{"typ": "logout+jwt"}), "type"},
				{"typ of a logout token in full", header(object{"typ": "application/logout+jwt"}), "type"},
				{"typ of a DPoP proof", header(object{"typ": "dpop+jwt"}), "type"},
				{"typ of a security event", header(object{"typ": "secevent+jwt"}), "type"},
				{"typ unknown", header(object{"typ": "x"}), "type"},
				{"typ empty", header(object{"typ": ""}), "type"},
				{"typ is a number", header(object{"typ": 1}), "type|malformed"},
				{"crit", header(object{"crit": []string{"exp"}}), "crit"},
				{"crit empty", header(object{"crit": []string{}}), "crit"},
				{"b64", header(object{"b64": false}), "crit|b64|malformed|extension"},
				// Claims
				{"iss of another", claim(object{"iss": "https://evil.example"}), "issuer"},
				{"iss with a slash", claim(object{"iss": issuer + "/"}), "issuer"},
				{"iss in capitals", claim(object{"iss": "HTTPS://AUTH.EXAMPLE.COM"}), "issuer"},
				{"iss absent", claim(object{"iss": nil}), "issuer"},
				{"iss is an array", claim(object{"iss": []string{issuer}}), "issuer|malformed"},
				{"Iss", text(`"iss"`, `"Iss"`), "issuer"},
				{"aud of another", claim(object{"aud": "https://mcp.example.com/other"}), "audience"},
				{"aud absent", claim(object{"aud": nil}), "audience"},
				{"aud is a prefix", claim(object{"aud": "https://mcp.example.com"}), "audience"},
				{"aud is longer", claim(object{"aud": resource + "/x"}), "audience"},
				{"aud with a NUL", claim(object{"aud": resource + "\x00"}), "audience"},
				{"aud empty", claim(object{"aud": ""}), "audience"},
				{"aud is an empty array", claim(object{"aud": []string{}}), "audience"},
				{"aud is a number", claim(object{"aud": 1}), "audience|malformed"},
				{"aud is an object", claim(object{"aud": object{resource: true}}), "audience|malformed"},
				{"aud holds a number", claim(object{"aud": []any{resource, 1}}), "audience|malformed"},
				{"aud joined by spaces", claim(object{"aud": "x " + resource}), "audience"},
				{"AUD", text(`"aud"`, `"AUD"`), "audience"},
				{"exp passed", claim(object{"exp": now - 61}), "expired"},
				{"exp of 1970", claim(object{"exp": 0}), "expired"},
				{"exp negative", claim(object{"exp": -1}), "expired|malformed"},
				{"exp absent", claim(object{"exp": nil}), "expir"},
				{"exp is null", text(`"exp":`, `"exp":null,"x":`), "expir|malformed"},
				{"exp is a string", claim(object{"exp": fmt.Sprint(now + 3600)}), "expir|malformed"},
				{"exp is true", claim(object{"exp": true}), "expir|malformed"},
				{"nbf to come", claim(object{"nbf": now + 61}), "not yet valid"},
				{"nbf is a string", claim(object{"nbf": "0"}), "not yet valid|malformed"},
				{"iat to come", claim(object{"iat": now + 3600, "exp": now + 7200}), "future|issued|not yet"},
				{"sub is a number", claim(object{"sub": 1}), "malformed|sub"},
				{"nonce of an ID token", claim(object{"nonce": "x"}), "ID token"},
				{"at_hash of an ID token", claim(object{"at_hash": "x"}), "ID token"},
				{"c_hash of an ID token", claim(object{"c_hash": "x"}), "ID token"},
				{"bound by DPoP", claim(object{"cnf": object{"jkt": "x"}}), "bound|proof"},
				{"bound by mutual TLS", claim(object{"cnf": object{"x5t#S256": "x"}}), "bound|proof"},
				{"cnf is a string", claim(object{"cnf": "x"}), "bound|proof"},
				{"events of a logout token", claim(object{"events": object{"http://schemas.openid.net/event/backchannel-logout": object{}}}), "type|event|logout"},
			}
			if key.ec != nil {
				der, _ := ecdsaDER(sig)
				rows = append(rows, row{"signature in DER", signed + b64(der), signatureText})
			}
			for _, tt := range rows {
				t.Run(key.alg()+" "+tt.name, func(t *testing.T) {
					wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+tt.token)), tt.description)
				})
			}
			// After all of that, a good token is still good.
			wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+good)))
		}
	})
}

// padded is a token whose payload is base64url with padding, and so signed.
func (s *signer) padded(payload string) string {
	for len(payload)%3 == 0 {
		payload += " "
	}
	input := b64([]byte(toJSON(s.header()))) + "." + base64.URLEncoding.EncodeToString([]byte(payload))
	return input + "." + b64(s.signature(input))
}
