package jwtlite

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// parse returns an unsigned token with the given payload.
func parse(t *testing.T, payload string) *Token {
	t.Helper()
	token := new(Token)
	if err := token.Parse(encode64(goodHeader) + "." + encode64(payload) + "."); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return token
}

func TestScopes(t *testing.T) {
	for _, test := range []struct {
		payload string
		want    []string
	}{
		{`{}`, nil},
		{`{"scope":"a b"}`, []string{"a", "b"}},
		{`{"scope":"  a   b "}`, []string{"a", "b"}},
		{`{"scope":""}`, nil},
		{`{"scope":"a\u0020b"}`, []string{"a", "b"}},
		{`{"scope":"a\tb"}`, []string{"a\tb"}},
		{`{"scope":["a","b"]}`, []string{"a", "b"}},
		{`{"scope":[]}`, nil},
		{`{"scope":["a b","c"]}`, []string{"a", "b", "c"}},
		{`{"scope":[ "\u0061" , "b\/c" ]}`, []string{"a", "b/c"}},
		{`{"scp":"a b"}`, []string{"a", "b"}},
		{`{"scp":["a","b"]}`, []string{"a", "b"}},
		{`{"scopes":["a","b"]}`, []string{"a", "b"}},
		{`{"scopes":"a"}`, []string{"a"}},
		{`{"scopes":["c"],"scp":["b"],"scope":"a"}`, []string{"a"}},
		{`{"scopes":["c"],"scp":["b"],"scope":""}`, nil},
		{`{"scopes":["c"],"scp":["b"]}`, []string{"b"}},
		{`{"scopes":["c"],"scp":["b",1]}`, []string{"c"}},
		{`{"scopes":{"a":"b"}}`, nil},
		{`{"scp":7}`, nil},
		{`{"Scope":"a","SCP":"a"}`, nil},
	} {
		c := parse(t, test.payload).Claims()
		if got := c.AppendScopes(nil); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.payload, got, test.want)
		}
		for _, s := range test.want {
			if !c.HasScope(s) {
				t.Errorf("%s: no %q", test.payload, s)
			}
		}
		for _, s := range []string{"", " ", "x", "a b", "A"} {
			if c.HasScope(s) {
				t.Errorf("%s: has %q", test.payload, s)
			}
		}
	}
}

func TestAudience(t *testing.T) {
	c := parse(t, `{"aud":["a","\u0062","c d"]}`).Claims()
	if got := c.AppendAudience([]string{"z"}); !slices.Equal(got, []string{"z", "a", "b", "c d"}) {
		t.Errorf("%q", got)
	}
	if !c.HasAudience("b") || !c.HasAudience("c d") || c.HasAudience("c") || c.HasAudience("") {
		t.Error("HasAudience is wrong")
	}
}

// The scheme and the host of an http URL are compared without regard to case, and
// everything else byte by byte.
func TestAudienceOfAPolicy(t *testing.T) {
	for _, test := range []struct {
		own     string
		yes, no []string
	}{
		{"https://h.example:8443/A?b=C", []string{"https://h.example:8443/A?b=C", "HTTPS://H.Example:8443/A?b=C", "httpS://h.example:8443/A?b=C"},
			[]string{"https://h.example:8443/a?b=C", "https://h.example:8443/A?B=C", "http://h.example:8443/A?b=C", "https://h.example:8443/A?b=C ", "https://h.example/A?b=C"}},
		{"http://h", []string{"http://h", "HTTP://H"}, []string{"http://h/", "http://H/", "https://h", "http://x"}},
		{"https://h/", []string{"HTTPS://H/"}, []string{"https://h", "HTTPS://H", "https://h?"}},
		{"https://h#F", []string{"https://H#F"}, []string{"https://H#f"}},
		{"https://u@h", []string{"https://u@h"}, []string{"https://U@h", "https://u@H"}},
		{"https://H", []string{"https://H", "HTTPS://H"}, []string{"https://h"}},
		{"api://h/a", []string{"api://h/a"}, []string{"API://h/a", "api://H/a"}},
		{"urn:x:https://h", []string{"urn:x:https://h"}, []string{"urn:x:https://H"}},
		{"https:/h", []string{"https:/h"}, []string{"https:/H"}},
		{"client-1", []string{"client-1"}, []string{"Client-1", ""}},
		{"https://\u00e9", []string{"https://\u00e9"}, []string{"https://\u00c9"}},
		{"", nil, []string{""}},
	} {
		p := testPolicy
		p.Audiences = []string{"other", test.own}
		check := func(aud string, want error) {
			token := parse(t, `{"iss":"`+p.Issuer+`","sub":"a","exp":`+strconv.FormatInt(testNow.Unix()+60, 10)+`,"aud":["x",`+strconv.Quote(aud)+`]}`)
			if err := p.CheckClaims(token, testNow); !errors.Is(err, want) {
				t.Errorf("own %q, token %q: %v", test.own, aud, err)
			}
		}
		for _, aud := range test.yes {
			check(aud, nil)
		}
		for _, aud := range test.no {
			check(aud, ErrAudience)
		}
	}
}

func TestClientID(t *testing.T) {
	for payload, want := range map[string]string{
		`{}`:                            "",
		`{"azp":"a"}`:                   "a",
		`{"client_id":"c"}`:             "c",
		`{"azp":"a","client_id":"c"}`:   "c",
		`{"client_id":"","azp":"a"}`:    "",
		`{"Client_ID":"c","appid":"d"}`: "",
		`{"cid":"o"}`:                   "o",
		`{"cid":"o","azp":"a"}`:         "a",
		`{"cid":"o","client_id":""}`:    "",
		`{"cid":["o"]}`:                 "",
	} {
		if got := parse(t, payload).Claims().ClientID; got != want {
			t.Errorf("%s: %q, want %q", payload, got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	c := parse(t, `{"a":{"b": "c"},"d":[1, 2],"\u0065":"\u0066","n":-1.50,"t":true,"z":null,"a.b":1,"":2}`).Claims()
	for name, want := range map[string]Value{
		"a":   {KindObject, `{"b": "c"}`, ""},
		"d":   {KindArray, `[1, 2]`, ""},
		"e":   {KindString, `"\u0066"`, "f"},
		"n":   {KindNumber, `-1.50`, ""},
		"t":   {KindBool, `true`, ""},
		"a.b": {KindNumber, `1`, ""},
		"":    {KindNumber, `2`, ""},
	} {
		if got, ok := c.Lookup(name); !ok || got != want {
			t.Errorf("%q: %+v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"A", "b", `\u0065`, "a.", "E", "z"} {
		if got, ok := c.Lookup(name); ok {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

func TestNumericDate(t *testing.T) {
	for number, want := range map[string]time.Time{
		"0":                    time.Unix(0, 0),
		"0.0":                  time.Unix(0, 0),
		"0e9":                  time.Unix(0, 0),
		"1":                    time.Unix(1, 0),
		"1300819380":           time.Unix(1300819380, 0),
		"1300819380.5":         time.Unix(1300819380, 5e8),
		"1300819380.123456789": time.Unix(1300819380, 123456789),
		// A fraction is cut off after nanoseconds.
		"1.9999999999999":           time.Unix(1, 999999999),
		"1.5e0":                     time.Unix(1, 5e8),
		"1.5e1":                     time.Unix(15, 0),
		"1.25E+1":                   time.Unix(12, 5e8),
		"125e-1":                    time.Unix(12, 5e8),
		"125e-3":                    time.Unix(0, 125e6),
		"125e-4":                    time.Unix(0, 125e5),
		"1e-9":                      time.Unix(0, 1),
		"1e-10":                     time.Unix(0, 0),
		"9e-32":                     time.Unix(0, 0),
		"1.8e9":                     time.Unix(1800000000, 0),
		"253402300799":              time.Unix(maxDate, 0),
		"253402300799.9":            time.Unix(maxDate, 9e8),
		"0.00000000000000000018e28": time.Unix(1800000000, 0),
	} {
		got, ok := parseNumericDate(number)
		if !ok || !got.Set || !got.Time().Equal(want) || got.Unix() != want.Unix() {
			t.Errorf("%s: %v, %v", number, got, ok)
		}
	}
	for _, number := range []string{
		"-1", "-0", "-1e-9", "253402300800", "1e12", "1e33", "1e-33", "1e99999999999999999999",
		"9223372036854775807", "18446744073709551617", strings.Repeat("9", 10000), "1" + strings.Repeat("0", 10000),
	} {
		if got, ok := parseNumericDate(number); ok {
			t.Errorf("%.40s: %v", number, got)
		}
	}
	if d := (NumericDate{}); d.Unix() != 0 || !d.Time().IsZero() {
		t.Error("the zero NumericDate is a date")
	}
}

func TestStrictProfile(t *testing.T) {
	p := testPolicy
	p.Type = "at+jwt"
	for typ, want := range map[string]error{
		`"at+jwt"`: nil, `"application/at+jwt"`: nil, `"AT+JWT"`: nil,
		`"JWT"`: ErrType, `""`: ErrType, `"application/jwt"`: ErrType, `"id-jag+jwt"`: ErrType,
	} {
		var token Token
		if err := token.Parse(encode64(`{"alg":"ES256","typ":`+typ+`}`) + "." + encode64(goodPayload) + "."); err != nil {
			t.Fatal(err)
		}
		if err := p.CheckHeader(&token); err != want {
			t.Errorf("typ %s: %v, want %v", typ, err, want)
		}
	}
	var noType Token
	if err := noType.Parse(encode64(`{"alg":"ES256"}`) + "." + encode64(goodPayload) + "."); err != nil {
		t.Fatal(err)
	}
	if err := p.CheckHeader(&noType); err != ErrType {
		t.Errorf("no typ: %v", err)
	}

	for payload, want := range map[string]error{
		goodPayload:                                           nil,
		without(`"sub":"alice",`, ``):                         ErrMissingClaim,
		without(`"sub":"alice"`, `"sub":""`):                  ErrMissingClaim,
		without(`"client_id":"vscode",`, ``):                  ErrMissingClaim,
		without(`"client_id":"vscode"`, `"azp":"vscode"`):     ErrMissingClaim,
		without(`"iat":1800000000,`, ``):                      ErrMissingClaim,
		without(`"jti":"1",`, ``):                             ErrMissingClaim,
		without(`"exp":1800000300,`, ``):                      ErrNoExpiry,
		without(`"aud":"https://mcp.example.com/notes",`, ``): ErrNoAudience,
		without(`"alice"`, `null`):                            ErrMissingClaim,
		without(`"vscode"`, `null`):                           ErrMissingClaim,
		without(`"iat":1800000000`, `"iat":null`):             ErrMissingClaim,
		without(`"jti":"1"`, `"jti":null`):                    ErrMissingClaim,
	} {
		if err := p.CheckClaims(parse(t, payload), testNow); err != want {
			t.Errorf("%s: %v, want %v", payload, err, want)
		}
	}
}

func TestMaxLifetime(t *testing.T) {
	p := testPolicy
	p.MaxLifetime = 5 * time.Minute
	for payload, want := range map[string]error{
		goodPayload: nil,
		without(`1800000300`, `1800000300.000000001`): ErrLifetime,
		without(`1800000300`, `253402300799`):         ErrLifetime,
		without(`"iat":1800000000`, `"iat":0`):        ErrLifetime,
		without(`"iat":1800000000,`, ``):              ErrMissingClaim,
	} {
		if err := p.CheckClaims(parse(t, payload), testNow); err != want {
			t.Errorf("%s: %v, want %v", payload, err, want)
		}
	}
}

// An incomplete Policy refuses every token, whatever claims it lacks.
func TestPolicyFailsClosed(t *testing.T) {
	good := parse(t, goodPayload)
	bare := parse(t, `{"exp":253402300799,"aud":"","iss":""}`)
	for name, change := range map[string]func(p *Policy){
		"no issuer":         func(p *Policy) { p.Issuer = "" },
		"no audiences":      func(p *Policy) { p.Audiences = nil },
		"an empty audience": func(p *Policy) { p.Audiences = []string{""} },
	} {
		p := testPolicy
		change(&p)
		if p.CheckClaims(good, testNow) == nil || p.CheckClaims(bare, testNow) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	p := testPolicy
	p.Algorithms = nil
	if err := p.CheckHeader(good); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("no algorithms: %v", err)
	}
	p.Algorithms = []Algorithm{0, RS256}
	if err := p.CheckHeader(good); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("another algorithm: %v", err)
	}
	var none Token
	p.Algorithms = []Algorithm{0}
	if err := p.CheckHeader(&none); err != ErrAlgorithm {
		t.Errorf("the zero algorithm: %v", err)
	}
	p = testPolicy
	p.Type = "JWT"
	if err := p.CheckHeader(good); err != ErrType {
		t.Errorf("a Type that is not supported: %v", err)
	}
	p = testPolicy
	p.ClockSkew = -time.Hour
	if err := p.CheckClaims(good, testNow); err != nil {
		t.Errorf("a negative skew: %v", err)
	}
}

// RFC 6750, section 3: error_description has no quote, backslash or control
// character.
func TestErrorTexts(t *testing.T) {
	texts := []error{
		ErrMalformed, ErrTooLarge, ErrDuplicateMember, ErrCritical, ErrAlgorithm, ErrType, ErrUnknownKey, ErrAmbiguousKey,
		ErrSignature, ErrIssuer, ErrNoExpiry, ErrExpired, ErrNotYetValid, ErrIssuedInFuture, ErrLifetime, ErrAudience,
		ErrIDToken, ErrBoundToken, ErrMissingClaim,
		errParts, errBase64, errHeader, errHeaderTypes, errHeaderBounds, errPayload, errPayloadBounds,
		errStringClaim, errDateClaim, errAudience, errScope, ErrEncrypted, ErrNoAudience, ErrAnonymous,
	}
	for _, name := range namedAlgorithms {
		texts = append(texts, notAccepted(string(name)))
	}
	seen := make(map[string]bool)
	for _, err := range texts {
		text := err.Error()
		for _, c := range []byte(text) {
			if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
				t.Errorf("%q has the character %q", text, c)
			}
		}
		if seen[text] || text == "" {
			t.Errorf("%q is no text of its own", text)
		}
		seen[text] = true
	}
	if !errors.Is(errParts, ErrMalformed) || errors.Is(errParts, ErrType) {
		t.Error("errors.Is does not tell errors apart")
	}
}
