package jwtlite

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// The thumbprints of RFC 9449, section 6.1, and of RFC 8705, section 3.1.
const (
	rfc9449Thumbprint  = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	rfc8705Certificate = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"
)

// confirmations are values of "cnf", and what they are read as.
var confirmations = []struct {
	name, cnf string
	want      Confirmation
}{
	{"jkt", `{"jkt":"` + rfc9449Thumbprint + `"}`, Confirmation{Present: true, Thumbprint: rfc9449Thumbprint}},
	{"x5t#S256", `{"x5t#S256":"` + digestA + `"}`, Confirmation{Present: true, Certificate: digestA}},
	{"both", `{"jkt":"` + digestB + `", "x5t#S256":"` + digestA + `"}`, Confirmation{Present: true, Thumbprint: digestB, Certificate: digestA}},
	{"escaped", `{"\u006akt":"\u0041` + digestA[1:] + `"}`, Confirmation{Present: true, Thumbprint: digestA}},
	{"null", `null`, Confirmation{}},
	{"empty", `{}`, Confirmation{Present: true}},
	{"a string", `"` + digestA + `"`, other},
	{"an array", `["jkt"]`, other},
	{"a number", `1`, other},
	{"false", `false`, other},
	{"another member", `{"jwk":{"kty":"EC"}}`, other},
	{"jkt and another member", `{"jkt":"` + digestA + `","kid":"k"}`, Confirmation{Present: true, Thumbprint: digestA, Other: true}},
	{"another member and jkt", `{"kid":"k","jkt":"` + digestA + `"}`, Confirmation{Present: true, Thumbprint: digestA, Other: true}},
	{"jkt null", `{"jkt":null}`, other},
	{"jkt and x5t#S256 null", `{"jkt":"` + digestA + `","x5t#S256":null}`, Confirmation{Present: true, Thumbprint: digestA, Other: true}},
	{"jkt in an array", `{"jkt":["` + digestA + `"]}`, other},
	{"jkt a number", `{"jkt":1}`, other},
	{"jkt an object", `{"jkt":{"x5t#S256":"` + digestA + `"}}`, other},
	{"jkt empty", `{"jkt":""}`, other},
	{"a name in capitals", `{"JKT":"` + digestA + `"}`, other},
	{"x5t#s256 in lower case", `{"x5t#s256":"` + digestA + `"}`, other},
	{"SHA-1", `{"x5t":"` + digestA[:27] + `"}`, other},
	{"42 characters", `{"x5t#S256":"` + digestA[:42] + `"}`, other},
	{"44 characters", `{"x5t#S256":"` + digestA + `A"}`, other},
	{"padding", `{"x5t#S256":"` + digestA + `="}`, other},
	{"padding within", `{"x5t#S256":"` + digestA[:42] + `="}`, other},
	{"base64", `{"x5t#S256":"+` + digestA[1:] + `"}`, other},
	{"hex", `{"x5t#S256":"` + strings.Repeat("a1", 32) + `"}`, other},
	{"a space", `{"x5t#S256":" ` + digestA[1:] + `"}`, other},
	{"a line break", `{"x5t#S256":"\n` + digestA[1:] + `"}`, other},
	{"unused bits", `{"x5t#S256":"` + digestA[:42] + `B"}`, other},
	// The example is no canonical base64url: one of its two unused bits is set.
	{"RFC 8705, section 3.1", `{"x5t#S256":"` + rfc8705Certificate + `"}`, other},
}

var (
	digestA = strings.Repeat("A", 43)
	digestB = "B" + digestA[1:]
	other   = Confirmation{Present: true, Other: true}
)

func TestConfirmation(t *testing.T) {
	token := new(Token)
	for _, test := range confirmations {
		if err := token.ParseClaims([]byte(`{"aud":"a","cnf":` + test.cnf + `,"scope":"s\u0074"}`)); err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := token.Claims().Confirmation; got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
		if c := token.Claims(); !c.HasAudience("a") || !c.HasScope("st") {
			t.Errorf("%s: the other claims are lost", test.name)
		}
	}
	for _, cnf := range []string{`{"jkt":"a","jkt":"b"}`, `{"jkt":"a","\u006akt":"a"}`, `{"x":{"y":1,"y":2}}`} {
		if err := token.ParseClaims([]byte(`{"cnf":` + cnf + `}`)); err != ErrDuplicateMember {
			t.Errorf("%s: %v", cnf, err)
		}
	}
	if err := token.ParseClaims([]byte(`{"sub":"a"}`)); err != nil || token.Claims().Confirmation != (Confirmation{}) {
		t.Errorf("the confirmation of the token before stays: %+v, %v", token.Claims().Confirmation, err)
	}
}

// A policy refuses each token with a confirmation that it does not name, as a JWT, as an
// introspection response, and before it is introspected.
func TestConfirms(t *testing.T) {
	for _, accepted := range []Confirmations{0, ConfirmsKey, ConfirmsCertificate, ConfirmsKey | ConfirmsCertificate} {
		p := testPolicy
		p.Confirms = accepted
		for _, test := range confirmations {
			var want error
			c := test.want
			if c.Present && (c.Other || c.Thumbprint+c.Certificate == "" ||
				c.Thumbprint != "" && accepted&ConfirmsKey == 0 || c.Certificate != "" && accepted&ConfirmsCertificate == 0) {
				want = ErrBoundToken
			}
			token := parse(t, with(`"cnf":`+test.cnf))
			for how, err := range map[string]error{
				"CheckClaims":        p.CheckClaims(token, testNow),
				"CheckIntrospection": p.CheckIntrospection(token, testNow),
				"CheckType":          p.CheckType(token),
			} {
				if !errors.Is(err, want) {
					t.Errorf("%b, %s, %s: %v, want %v", accepted, test.name, how, err, want)
				}
			}
		}
	}
}

func TestConfirmationAllocations(t *testing.T) {
	var token Token
	document := []byte(`{"cnf":{"jkt":"` + rfc9449Thumbprint + `","x5t#S256":"\u0041` + digestA[1:] + `"}}`)
	if n := testing.AllocsPerRun(100, func() {
		if token.ParseClaims(document) != nil || token.Claims().Confirmation.Kinds() != ConfirmsKey|ConfirmsCertificate {
			t.Fatal("another result")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzConfirmation compares with the decoders of the standard library.
func FuzzConfirmation(f *testing.F) {
	for _, test := range confirmations {
		f.Add(test.cnf)
	}
	f.Fuzz(func(t *testing.T, cnf string) {
		var token Token
		if !json.Valid([]byte(cnf)) || token.ParseClaims([]byte(`{"cnf":`+cnf+`}`)) != nil {
			return
		}
		c := token.Claims().Confirmation
		if absent := strings.Trim(cnf, " \t\r\n") == "null"; c.Present == absent {
			t.Fatalf("%q: %+v", cnf, c)
		}
		var members map[string]any
		if json.Unmarshal([]byte(cnf), &members) != nil && !c.Other {
			t.Fatalf("%q is an object", cnf)
		}
		known := 0
		for name, want := range map[string]string{"jkt": c.Thumbprint, "x5t#S256": c.Certificate} {
			if want == "" {
				continue
			}
			known++
			digest, ok := ParseDigest(want)
			if !ok || members[name] != want || base64.RawURLEncoding.EncodeToString(digest[:]) != want {
				t.Fatalf("%q: %s is %q", cnf, name, want)
			}
		}
		if !c.Other && known != len(members) {
			t.Fatalf("%q: %+v", cnf, c)
		}
	})
}
