package jwtlite

import (
	"errors"
	"testing"
	"time"
)

// A token without "aud" passes if it is of a listed client. One that has "aud", whatever
// it is, is judged by that alone.
func TestClientsWithoutAudience(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, test := range []struct {
		client, aud string // JSON members
		want        error
	}{
		{`"client_id":"c"`, ``, nil},
		{`"client_id":"d"`, ``, nil},
		{`"azp":"c"`, ``, nil},
		{`"cid":"c"`, ``, nil},
		{`"client_id":"x","azp":"c"`, ``, ErrNoAudience},
		{`"client_id":null,"azp":"c"`, ``, nil},
		{`"client_id":"","azp":"c"`, ``, ErrNoAudience},
		{`"client_id":"C"`, ``, ErrNoAudience},
		{`"client_id":""`, ``, ErrNoAudience},
		{`"username":"c"`, ``, ErrNoAudience},
		{`"client_id":"c"`, `"aud":"https://r"`, nil},
		{`"client_id":"x"`, `"aud":["y","https://r"]`, nil},
		{`"client_id":"c"`, `"aud":"https://other"`, ErrAudience},
		{`"client_id":"c"`, `"aud":["https://other"]`, ErrAudience},
		{`"client_id":"c"`, `"aud":"c"`, ErrAudience},
		{`"client_id":"c"`, `"aud":""`, ErrAudience},
		{`"client_id":"c"`, `"aud":[""]`, ErrAudience},
		{`"client_id":"c"`, `"aud":[]`, ErrNoAudience},
		{`"client_id":"c"`, `"aud":null`, ErrNoAudience},
		{`"client_id":"c"`, `"\u0061ud":null`, ErrNoAudience},
		{`"client_id":"c"`, `"Aud":"https://other"`, nil}, // another claim
	} {
		claims := `{"iss":"https://a","sub":"alice","exp":9000000,` + test.client
		if test.aud != "" {
			claims += "," + test.aud
		}
		claims += "}"
		p := Policy{Issuer: "https://a", Audiences: []string{"https://r"}, Clients: []string{"c", "d", ""}}
		var token Token
		if err := token.ParseClaims([]byte(`{"aud":"https://r"}`)); err != nil { // leaves nothing behind
			t.Fatal(err)
		}
		if err := token.ParseClaims([]byte(claims)); err != nil {
			t.Fatal(claims, err)
		}
		for name, err := range map[string]error{"token": p.CheckClaims(&token, now), "introspection": p.CheckIntrospection(&token, now)} {
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%s: %s: %v, want %v", claims, name, err, test.want)
			}
		}
		p.Clients = nil
		if err := p.CheckClaims(&token, now); test.aud == "" && !errors.Is(err, ErrNoAudience) {
			t.Errorf("%s: without clients: %v", claims, err)
		}
	}
	// RFC 9068 requires aud.
	p := Policy{Issuer: "https://a", Audiences: []string{"https://r"}, Clients: []string{"c"}, Type: "at+jwt"}
	var token Token
	if err := token.ParseClaims([]byte(`{"iss":"https://a","sub":"alice","exp":9000000,"iat":1,"jti":"1","client_id":"c"}`)); err != nil {
		t.Fatal(err)
	}
	if err := p.CheckClaims(&token, now); !errors.Is(err, ErrNoAudience) {
		t.Errorf("the strict profile: %v", err)
	}
}
