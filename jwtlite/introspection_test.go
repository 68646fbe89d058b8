package jwtlite

import (
	"errors"
	"testing"
	"time"
)

// An introspection response is checked like the claims of a JWT, except that iss, exp
// and, if the policy allows it, aud may be absent.
func TestCheckIntrospection(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	usual := Policy{Issuer: "https://a", Audiences: []string{"r"}, ClockSkew: time.Minute}
	unchecked, limited, unconfigured := usual, usual, Policy{}
	unchecked.AudienceUnchecked = true
	limited.MaxLifetime = time.Hour
	for _, tt := range []struct {
		name   string
		policy Policy
		text   string
		want   error
	}{
		{"all there", usual, `{"active":true,"iss":"https://a","exp":1000060,"aud":["x","r"]}`, nil},
		{"no iss", usual, `{"exp":1000060,"aud":"r"}`, nil},
		{"no exp", usual, `{"aud":"r"}`, nil},
		{"another iss", usual, `{"iss":"https://b","aud":"r"}`, ErrIssuer},
		{"an empty iss", usual, `{"iss":"","aud":"r"}`, ErrIssuer},
		{"expired", usual, `{"exp":999940,"aud":"r"}`, ErrExpired},
		{"expired, as early as can be", usual, `{"exp":0,"aud":"r"}`, ErrExpired},
		{"not yet valid", usual, `{"nbf":1000061,"aud":"r"}`, ErrNotYetValid},
		{"issued in the future", usual, `{"iat":1000061,"aud":"r"}`, ErrIssuedInFuture},
		{"no aud", usual, `{}`, ErrAudience},
		{"another aud", usual, `{"aud":"x"}`, ErrAudience},
		{"no aud, allowed", unchecked, `{}`, nil},
		{"an empty aud, allowed", unchecked, `{"aud":[]}`, nil},
		{"another aud, where none is allowed", unchecked, `{"aud":"x"}`, ErrAudience},
		{"bound", usual, `{"aud":"r","cnf":{"jkt":"x"}}`, ErrBoundToken},
		{"ID token", usual, `{"aud":"r","nonce":"x"}`, ErrIDToken},
		{"no exp where a lifetime is asked for", limited, `{"aud":"r","iat":1000000}`, ErrNoExpiry},
		{"lifetime", limited, `{"aud":"r","iat":1000000,"exp":1003601}`, ErrLifetime},
		{"policy of nothing", unconfigured, `{}`, ErrAudience},
	} {
		var token Token
		if err := token.ParseClaims([]byte(tt.text)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if err := tt.policy.CheckIntrospection(&token, now); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		// A JWT never gets the exceptions of an introspection response.
		if err := unchecked.CheckClaims(&token, now); tt.text == `{}` && !errors.Is(err, ErrIssuer) {
			t.Errorf("%s: CheckClaims: %v", tt.name, err)
		}
	}
	if err := (&Policy{Issuer: "https://a", AudienceUnchecked: true}).CheckClaims(claimsOf(t, `{"iss":"https://a","exp":9000000}`), now); !errors.Is(err, ErrAudience) {
		t.Errorf("AudienceUnchecked holds for tokens too: %v", err)
	}
}

func claimsOf(t *testing.T, text string) *Token {
	token := &Token{}
	if err := token.ParseClaims([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return token
}

func TestParseClaims(t *testing.T) {
	var token Token
	for text, want := range map[string]error{
		`{"sub":"alice","x":1}`:    nil,
		``:                         ErrMalformed,
		`[]`:                       ErrMalformed,
		`{"sub":1}`:                ErrMalformed,
		`{"exp":"1"}`:              ErrMalformed,
		`{"sub":"a"}{}`:            ErrMalformed,
		`{"sub":"a","sub":"b"}`:    ErrDuplicateMember,
		`{"x":{"y":1,"\u0079":2}}`: ErrDuplicateMember,
	} {
		if err := token.ParseClaims([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		} else if empty := token.Claims().Subject == ""; empty != (want != nil) {
			t.Errorf("%s: subject %q", text, token.Claims().Subject)
		}
	}
}
