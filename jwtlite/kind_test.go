package jwtlite

import (
	"errors"
	"strings"
	"testing"
)

// An authorization server also signs JWTs that are not access tokens, for an audience
// that is accepted.
func TestOtherTokens(t *testing.T) {
	const (
		base = `{"iss":"https://auth.example.com","aud":"https://mcp.example.com/notes","exp":1800000300,"iat":1800000000,`
		user = base + `"sub":"alice",`
	)
	for _, test := range []struct {
		name, payload string
		want          error
	}{
		{"Keycloak, access token", user + `"typ":"Bearer","azp":"vscode"}`, nil},
		{"Keycloak, ID token", user + `"typ":"ID","azp":"vscode"}`, ErrIDToken},
		{"Keycloak, stored ID token", user + `"typ":"Serialized-ID","azp":"vscode"}`, ErrIDToken},
		{"Keycloak, refresh token", user + `"typ":"Refresh","azp":"vscode"}`, ErrType},
		{"Keycloak, offline token", user + `"typ":"Offline","azp":"vscode"}`, ErrType},
		{"Keycloak, logout token", user + `"typ":"Logout"}`, ErrType},
		{"Keycloak, DPoP access token", user + `"typ":"DPoP","azp":"vscode"}`, ErrType},
		{"Keycloak, registration token", user + `"typ":"RegistrationAccessToken"}`, ErrType},
		{"Keycloak, action token", user + `"typ":"reset-credentials","azp":"vscode"}`, ErrType},
		{"typ in lower case", user + `"typ":"id"}`, ErrIDToken},
		{"typ escaped", user + `"\u0074yp":"\u0049D"}`, ErrIDToken},
		{"typ empty", user + `"typ":""}`, ErrType},
		{"typ a number", user + `"typ":1}`, ErrType},
		{"typ an array", user + `"typ":["Bearer"]}`, ErrType},
		{"typ null", user + `"typ":null}`, nil},
		{"typ copied from the header", user + `"typ":"JWT"}`, nil},
		{"typ of RFC 9068", user + `"typ":"at+jwt"}`, nil},
		{"typ id-jag", user + `"typ":"oauth-id-jag+jwt"}`, ErrType},

		{"Cognito, access token", user + `"token_use":"access"}`, nil},
		{"Cognito, ID token", user + `"token_use":"id"}`, ErrIDToken},
		{"token_use of Ory", user + `"token_use":"access_token"}`, nil},
		{"token_use of a refresh token", user + `"token_use":"refresh_token"}`, ErrType},
		{"token_use unknown", user + `"token_use":"x"}`, ErrType},
		{"token_type Bearer", user + `"token_type":"Bearer"}`, nil},
		{"token_type refresh", user + `"token_type":"refresh"}`, ErrType},
		{"tokenType access-token", user + `"tokenType":"access-token"}`, nil},
		{"tokenType refresh-token", user + `"tokenType":"refresh-token"}`, ErrType},
		{"Descope, session token", user + `"drn":"DS"}`, nil},
		{"Descope, refresh token", user + `"drn":"DSR"}`, ErrType},
		{"two claims about the type", user + `"token_use":"access","typ":"Refresh"}`, ErrType},

		{"ID token of FAPI", user + `"s_hash":"x"}`, ErrIDToken},
		{"ID token of CIBA", user + `"urn:openid:params:jwt:claim:auth_req_id":"x"}`, ErrIDToken},
		{"JARM", base + `"code":"x","state":"y"}`, ErrAnonymous},
		{"JARM, with an empty subject", base + `"code":"x","sub":""}`, ErrAnonymous},
		{"JARM, with a subject of null", base + `"code":"x","sub":null,"client_id":null,"azp":null}`, ErrAnonymous},
		{"JARM, an error", base + `"error":"access_denied"}`, ErrAnonymous},
		{"introspection response", base + `"sub":"x","token_introspection":{"active":true}}`, ErrType},
		{"request object", user + `"response_type":"code","redirect_uri":"https://c"}`, ErrType},
		{"software statement", user + `"software_id":"x","redirect_uris":["https://c"]}`, ErrType},
		{"entity statement", user + `"jwks":{"keys":[]}}`, ErrType},
		{"SD-JWT credential", user + `"vct":"https://credential"}`, ErrType},
		{"SD-JWT", user + `"_sd":["x"],"_sd_alg":"sha-256"}`, ErrType},
		{"metadata", base + `"token_endpoint":"https://auth.example.com/token"}`, ErrAnonymous},

		{"a client alone", base + `"client_id":"c"}`, nil},
		{"an azp alone", base + `"azp":"c"}`, nil},
		{"a cid alone", base + `"cid":"c"}`, nil},
		{"a subject alone", base + `"sub":"s"}`, nil},
		{"claims of user information", user + `"code":"x","type":"user","state":"Bavaria"}`, nil},
	} {
		token := parse(t, test.payload)
		if err := testPolicy.CheckClaims(token, testNow); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		// An introspection response need not name a subject.
		want := test.want
		if want == ErrAnonymous {
			want = nil
		}
		if err := testPolicy.CheckIntrospection(claimsOf(t, test.payload), testNow); !errors.Is(err, want) {
			t.Errorf("%s, as an answer: %v, want %v", test.name, err, want)
		}
		if err := testPolicy.CheckType(token); !errors.Is(err, want) {
			t.Errorf("%s: CheckType: %v, want %v", test.name, err, want)
		}
	}
}

// A claim that is null counts as absent, also if it is required.
func TestNull(t *testing.T) {
	const all = `{"iss":"https://auth.example.com","sub":"a","client_id":"c","azp":"d","aud":"https://mcp.example.com/notes",` +
		`"exp":1800000300,"nbf":1,"iat":1,"jti":"j","scope":"s","scp":"t","scopes":"u","typ":"Bearer"}`
	for name, want := range map[string]error{
		"iss": ErrIssuer, "aud": ErrNoAudience, "exp": ErrNoExpiry,
		"sub": nil, "client_id": nil, "azp": nil, "nbf": nil, "iat": nil, "jti": nil, "scope": nil, "scp": nil, "scopes": nil, "typ": nil,
		"nonce": nil, "at_hash": nil, "events": nil, "cnf": nil, "token_use": nil, "cid": nil, "x": nil,
	} {
		members := strings.Split(all[1:len(all)-1], ",")
		members = append(members, `"`+name+`":null`)
		for i, m := range members[:len(members)-1] {
			if strings.HasPrefix(m, `"`+name+`":`) {
				members = append(members[:i], members[i+1:]...)
				break
			}
		}
		token := parse(t, "{"+strings.Join(members, ",")+"}")
		if err := testPolicy.CheckClaims(token, testNow); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		c := token.Claims()
		if _, ok := c.Lookup(name); ok {
			t.Errorf("%s: it is there", name)
		}
		switch name {
		case "client_id":
			if c.ClientID != "d" {
				t.Errorf("client %q", c.ClientID)
			}
		case "scope":
			if !c.HasScope("t") || c.HasScope("s") {
				t.Error("scp is not used")
			}
		}
	}
	unchecked := Policy{Issuer: "https://a", AudienceUnchecked: true}
	for payload, want := range map[string]error{
		`{"iss":null,"exp":null,"aud":null,"sub":null}`: nil,
		`{"aud":[null]}`:            ErrMalformed,
		`{"exp":null,"exp":1}`:      ErrDuplicateMember,
		`{"sub":"a","sub":null}`:    ErrDuplicateMember,
		`{"x":{"y":null,"y":null}}`: ErrDuplicateMember,
	} {
		var token Token
		err := token.ParseClaims([]byte(payload))
		if err == nil {
			err = unchecked.CheckIntrospection(&token, testNow)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", payload, err, want)
		}
	}
	strict := testPolicy
	strict.Type = "at+jwt"
	for header, want := range map[string]error{
		`{"alg":"ES256","kid":null,"typ":null,"cty":null,"jwk":null}`: nil,
		`{"alg":null}`:                ErrMalformed,
		`{"alg":"ES256","crit":null}`: ErrCritical,
		`{"alg":"ES256","b64":null}`:  ErrCritical,
	} {
		var token Token
		if err := token.Parse(encode64(header) + "." + encode64(goodPayload) + "."); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", header, err, want)
		} else if err != nil {
			continue
		}
		if _, ok := token.KeyID(); ok || testPolicy.CheckHeader(&token) != nil || strict.CheckHeader(&token) != ErrType {
			t.Errorf("%s: read as if kid or typ were there", header)
		}
	}
}

// A JWE is recognized by its five parts and the enc in its header.
func TestEncrypted(t *testing.T) {
	var token Token
	for compact, want := range map[string]bool{
		encode64(`{"alg":"dir","enc":"A256GCM","iss":"https://a"}`) + "..AAAA.AAAA.AAAA": true,
		encode64(`{"alg":"dir","\u0065nc":""}`) + "....":                                 true,
		encode64(`{"alg":"dir","enc":null}`) + "....":                                    false,
		encode64(`{"alg":"dir","enc":1}`) + "....":                                       false,
		encode64(`{"alg":"dir","enc":"a","enc":"b"}`) + "....":                           false,
		encode64(`{"alg":"ES256"}`) + "....":                                             false,
		encode64(`{"alg":"dir","enc":"A256GCM"}`) + "...":                                false,
		encode64(`{"alg":"dir","enc":"A256GCM"}`) + ".....":                              false,
		encode64(`["enc"]`) + "....":                                                     false,
		encode64(`{"enc":"A256GCM"}`) + "=....":                                          false,
		"....":                                                                           false,
	} {
		err := token.Parse(compact)
		if !errors.Is(err, ErrMalformed) || (err == ErrEncrypted) != want {
			t.Errorf("%s: %v", compact, err)
		}
		if err := token.Parse(testSigners().token(goodHeader, goodPayload)); err != nil {
			t.Errorf("after %s: %v", compact, err)
		}
	}
}

// A document may have a byte order mark in front, which servers and editors add. The
// header or payload of a token may not.
func TestByteOrderMark(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	if set, _, err := ParseKeySet([]byte(mark + `{"keys":[` + ecJWK() + `]}`)); err != nil || set.Len() != 1 {
		t.Error(err)
	}
	var token Token
	if err := token.ParseClaims([]byte(mark + `{"sub":"a"}`)); err != nil || string(token.Payload()) != `{"sub":"a"}` || token.Claims().Subject != "a" {
		t.Errorf("%v: %q", err, token.Payload())
	}
	for _, bad := range []string{mark + mark + `{}`, mark, mark[:2] + `{}`, `{}` + mark} {
		if _, _, err := ParseKeySet([]byte(bad)); err != errKeySetObject {
			t.Errorf("%q: %v", bad, err)
		}
		if err := token.ParseClaims([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// An error repeats the name of an algorithm only if it is registered.
func TestAlgorithmsInErrors(t *testing.T) {
	for alg, want := range map[string]string{
		"PS256":                "the token algorithm PS256 is not accepted",
		"none":                 "the token algorithm none is not accepted",
		"HS256":                "the token algorithm HS256 is not accepted",
		"RS256":                "the token algorithm RS256 is not accepted",
		"es256":                "the token algorithm is not accepted",
		`PS256\", x=\"`:        "the token algorithm is not accepted",
		strings.Repeat("A", 9): "the token algorithm is not accepted",
	} {
		var token Token
		if err := token.Parse(encode64(`{"alg":"`+alg+`"}`) + "." + encode64(goodPayload) + "."); err != nil {
			t.Fatal(err)
		}
		p := testPolicy
		p.Algorithms = []Algorithm{ES256}
		if err := p.CheckHeader(&token); !errors.Is(err, ErrAlgorithm) || err.Error() != want {
			t.Errorf("%s: %v", alg, err)
		}
	}
}
