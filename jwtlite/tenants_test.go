package jwtlite

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// entraTenants are as Entra ID has them.
func entraTenants(names ...string) *Tenants {
	return &Tenants{Prefix: "https://login.example/", Suffix: "/v2.0", Claim: "tid", Names: names}
}

var tenantPolicy = Policy{Tenants: entraTenants("a", "b"), Audiences: []string{"r"}}

// The issuer must be that of a listed tenant, byte for byte, and the claim must be a string
// with the same tenant: in tokens and in introspection responses, which may not lack either.
func TestTenants(t *testing.T) {
	any := *entraTenants()
	any.Any = true
	version1 := Tenants{Prefix: "https://sts.example/", Suffix: "/", Claim: "tid", Names: []string{"a"}}
	none := *entraTenants()
	for _, tt := range []struct {
		name    string
		tenants Tenants
		claims  string // JSON members
		want    error
	}{
		{"the first", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0","tid":"a"`, nil},
		{"the second", *tenantPolicy.Tenants, `"iss":"https://login.example/b/v2.0","tid":"b"`, nil},
		{"escaped", *tenantPolicy.Tenants, `"iss":"https://login.example/\u0062/v2.0","\u0074id":"\u0062"`, nil},
		{"not listed", *tenantPolicy.Tenants, `"iss":"https://login.example/c/v2.0","tid":"c"`, ErrIssuer},
		{"another case", *tenantPolicy.Tenants, `"iss":"https://login.example/A/v2.0","tid":"A"`, ErrIssuer},
		{"another host", *tenantPolicy.Tenants, `"iss":"https://login.examplE/a/v2.0","tid":"a"`, ErrIssuer},
		{"another scheme", *tenantPolicy.Tenants, `"iss":"http://login.example/a/v2.0","tid":"a"`, ErrIssuer},
		{"another version", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v1.0","tid":"a"`, ErrIssuer},
		{"more before", *tenantPolicy.Tenants, `"iss":"xhttps://login.example/a/v2.0","tid":"a"`, ErrIssuer},
		{"more after", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0/","tid":"a"`, ErrIssuer},
		{"more within", *tenantPolicy.Tenants, `"iss":"https://login.example/a/a/v2.0","tid":"a"`, ErrIssuer},
		{"no tenant", *tenantPolicy.Tenants, `"iss":"https://login.example//v2.0","tid":""`, ErrIssuer},
		{"too short", *tenantPolicy.Tenants, `"iss":"https://login.example/v2.0","tid":"a"`, ErrIssuer},
		{"the template", *tenantPolicy.Tenants, `"iss":"https://login.example/{tid}/v2.0","tid":"{tid}"`, ErrIssuer},
		{"a list of tenants", *tenantPolicy.Tenants, `"iss":"https://login.example/a b/v2.0","tid":"a b"`, ErrIssuer},
		{"no issuer", *tenantPolicy.Tenants, `"tid":"a"`, ErrIssuer},
		{"an empty issuer", *tenantPolicy.Tenants, `"iss":"","tid":"a"`, ErrIssuer},
		{"null", *tenantPolicy.Tenants, `"iss":null,"tid":"a"`, ErrIssuer},
		{"no claim", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0"`, ErrTenant},
		{"null claim", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0","tid":null`, ErrTenant},
		{"another listed tenant", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0","tid":"b"`, ErrTenant},
		{"another listed tenant, in reverse", *tenantPolicy.Tenants, `"iss":"https://login.example/b/v2.0","tid":"a"`, ErrTenant},
		{"claim of another case", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0","tid":"A"`, ErrTenant},
		{"empty claim", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0","tid":""`, ErrTenant},
		{"claim of another type", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0","tid":["a"]`, ErrTenant},
		{"claim of another name", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0","Tid":"a"`, ErrTenant},
		{"claim in an object", *tenantPolicy.Tenants, `"iss":"https://login.example/a/v2.0","x":{"tid":"a"}`, ErrTenant},
		{"a number", Tenants{Prefix: "https://i/", Claim: "n", Names: []string{"1"}}, `"iss":"https://i/1","n":1`, ErrTenant},

		{"version 1", version1, `"iss":"https://sts.example/a/","tid":"a"`, nil},
		{"version 1, no slash", version1, `"iss":"https://sts.example/a","tid":"a"`, ErrIssuer},
		{"none is listed", none, `"iss":"https://login.example/a/v2.0","tid":"a"`, ErrIssuer},
		{"the zero Tenants", Tenants{}, `"iss":"a","":"a"`, ErrIssuer},

		{"any", any, `"iss":"https://login.example/Any-1._~/v2.0","tid":"Any-1._~"`, nil},
		{"any, no claim", any, `"iss":"https://login.example/c/v2.0"`, ErrTenant},
		{"any, another claim", any, `"iss":"https://login.example/c/v2.0","tid":"d"`, ErrTenant},
		{"any, more segments", any, `"iss":"https://login.example/a/b/v2.0","tid":"a/b"`, ErrIssuer},
		{"any, the template", any, `"iss":"https://login.example/{tid}/v2.0","tid":"{tid}"`, ErrIssuer},
		{"any, dots", any, `"iss":"https://login.example/../v2.0","tid":".."`, ErrIssuer},
		{"any, a dot", any, `"iss":"https://login.example/./v2.0","tid":"."`, ErrIssuer},
		{"any, encoded", any, `"iss":"https://login.example/%61/v2.0","tid":"%61"`, ErrIssuer},
		{"any, query", any, `"iss":"https://login.example/a?/v2.0","tid":"a?"`, ErrIssuer},
		{"any, fragment", any, `"iss":"https://login.example/a#/v2.0","tid":"a#"`, ErrIssuer},
		{"any, control", any, `"iss":"https://login.example/a\u0000/v2.0","tid":"a\u0000"`, ErrIssuer},
		{"any, beyond ASCII", any, `"iss":"https://login.example/ä/v2.0","tid":"ä"`, ErrIssuer},
		{"any, empty", any, `"iss":"https://login.example//v2.0","tid":""`, ErrIssuer},
	} {
		policy := Policy{Tenants: &tt.tenants, Audiences: []string{"r"}}
		token := claimsOf(t, `{"aud":"r","sub":"alice","exp":9000000,`+tt.claims+`}`)
		for name, err := range map[string]error{
			"CheckIssuer":        policy.CheckIssuer(token.Claims()),
			"CheckClaims":        policy.CheckClaims(token, time.Unix(1_000_000, 0)),
			"CheckIntrospection": policy.CheckIntrospection(token, time.Unix(1_000_000, 0)),
		} {
			if err != tt.want {
				t.Errorf("%s: %s: %v, want %v", tt.name, name, err, tt.want)
			}
		}
	}
	if !errors.Is(ErrTenant, ErrIssuer) {
		t.Error("ErrTenant is no ErrIssuer")
	}
	// Tenants take the place of Issuer.
	both := Policy{Issuer: "https://i", Tenants: tenantPolicy.Tenants, Audiences: []string{"r"}}
	if err := both.CheckIssuer(claimsOf(t, `{"iss":"https://i","tid":"a"}`).Claims()); err != ErrIssuer {
		t.Error("the issuer counts beside tenants:", err)
	}
}

// A key of a tenant verifies the tokens of that tenant alone.
func TestKeysOfTenants(t *testing.T) {
	s := testSigners()
	of := func(issuer, kid string) string {
		return and(rsaJWK(), `"kid":"`+kid+`","issuer":`+issuer)
	}
	template, a, b := `"https://login.example/{tenantid}/v2.0"`, `"https://login.example/a/v2.0"`, `"https://login.example/b/v2.0"`
	for _, tt := range []struct {
		name    string
		keys    []string
		tenants *Tenants
		a, b    error // of verifying a token with kid 1 of either
		skipped string
	}{
		{"template", []string{of(template, "1")}, tenantPolicy.Tenants, nil, nil, ""},
		{"none", []string{and(rsaJWK(), `"kid":"1"`)}, tenantPolicy.Tenants, nil, nil, ""},
		{"null", []string{of("null", "1")}, tenantPolicy.Tenants, nil, nil, ""},
		{"a tenant", []string{of(a, "1")}, tenantPolicy.Tenants, nil, ErrKeyIssuer, ""},
		{"each its own", []string{of(a, "1"), of(b, "1")}, tenantPolicy.Tenants, nil, nil, ""},
		{"the ID counts first", []string{of(a, "1"), of(template, "2")}, tenantPolicy.Tenants, nil, ErrKeyIssuer, ""},
		{"without IDs", []string{of(b, "")}, tenantPolicy.Tenants, ErrKeyIssuer, nil, ""},
		{"escaped", []string{of(`"https://login.example/\u0061/v2.0"`, "1")}, tenantPolicy.Tenants, nil, ErrKeyIssuer, ""},
		{"a tenant that is not listed", []string{of(`"https://login.example/c/v2.0"`, "1"), of(template, "2")}, tenantPolicy.Tenants, ErrKeyIssuer, ErrKeyIssuer, ""},
		{"another issuer", []string{of(`"https://login.example/a/v1.0"`, "1"), of(template, "2")}, tenantPolicy.Tenants, ErrUnknownKey, ErrUnknownKey, "its issuer"},
		{"another host", []string{of(`"https://login.other/{tenantid}/v2.0"`, "1"), of(template, "2")}, tenantPolicy.Tenants, ErrUnknownKey, ErrUnknownKey, "its issuer"},
		{"two segments", []string{of(`"https://login.example/a/b/v2.0"`, "1"), of(template, "2")}, tenantPolicy.Tenants, ErrUnknownKey, ErrUnknownKey, "its issuer"},
		{"empty", []string{of(`""`, "1"), of(template, "2")}, tenantPolicy.Tenants, ErrUnknownKey, ErrUnknownKey, "its issuer"},
		{"an empty placeholder", []string{of(`"https://login.example/{}/v2.0"`, "1"), of(template, "2")}, tenantPolicy.Tenants, ErrUnknownKey, ErrUnknownKey, "its issuer"},
		{"a list", []string{of(`[`+a+`]`, "1"), of(template, "2")}, tenantPolicy.Tenants, ErrUnknownKey, ErrUnknownKey, "its issuer"},
		{"without tenants", []string{of(a, "1")}, nil, nil, nil, ""},
		{"without tenants, a list", []string{of(`[]`, "1")}, nil, nil, nil, ""},
	} {
		set, skipped, err := tt.tenants.ParseKeySet([]byte(`{"keys":[` + strings.Join(tt.keys, ",") + `]}`))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if (len(skipped) == 0) != (tt.skipped == "") || tt.skipped != "" && (skipped[0].Index != 0 || !strings.Contains(skipped[0].Reason.Error(), tt.skipped)) {
			t.Errorf("%s: skipped %v, want %q", tt.name, skipped, tt.skipped)
		}
		for tenant, want := range map[string]error{"a": tt.a, "b": tt.b} {
			var token Token
			if err := token.Parse(s.token(`{"alg":"RS256","kid":"1"}`, fmt.Sprintf(`{"iss":"https://login.example/%s/v2.0","tid":"%[1]s"}`, tenant))); err != nil {
				t.Fatal(err)
			}
			if err := set.Verify(Software{}, &token); err != want {
				t.Errorf("%s: a token of %s: %v, want %v", tt.name, tenant, err, want)
			}
		}
	}
	if !errors.Is(ErrKeyIssuer, ErrUnknownKey) {
		t.Error("ErrKeyIssuer is no ErrUnknownKey")
	}
	one, _, _ := tenantPolicy.Tenants.ParseKeySet([]byte(`{"keys":[` + of(a, "1") + `]}`))
	other, _, _ := tenantPolicy.Tenants.ParseKeySet([]byte(`{"keys":[` + of(b, "1") + `]}`))
	all, _, _ := tenantPolicy.Tenants.ParseKeySet([]byte(`{"keys":[` + of(template, "1") + `]}`))
	if one.Equal(other) || one.Equal(all) || !one.Equal(one) {
		t.Error("sets with keys of different issuers are equal")
	}
}

// FuzzTenants compares with an oracle that builds every issuer that is accepted.
func FuzzTenants(f *testing.F) {
	f.Add("https://login.example/", "/v2.0", "a", "https://login.example/a/v2.0", "a", false)
	f.Add("https://sts.example/", "/", "a", "https://sts.example/b/", "b", true)
	f.Add("https://i/", "", "{tid}", "https://i/{tid}", "{tid}", true)
	f.Add("https://i/x", "x/", "x", "https://i/x/", "", true)
	f.Add("", "", "", "", "", true)
	segment := regexp.MustCompile(`\A[A-Za-z0-9\-._~!$&'()*+,;=:@]+\z`)
	f.Fuzz(func(t *testing.T, prefix, suffix, listed, issuer, claim string, any bool) {
		tenants := &Tenants{Prefix: prefix, Suffix: suffix, Claim: "tid", Names: []string{"other", listed}, Any: any}
		valid := func(name string) bool { return segment.MatchString(name) && name != "." && name != ".." }
		want := issuer == prefix+claim+suffix && valid(claim) && (any || claim == listed || claim == "other")
		c := Claims{Issuer: issuer, members: []member{{"tid", Value{Kind: KindString, Text: claim}}}}
		err := (&Policy{Tenants: tenants}).CheckIssuer(&c)
		if (err == nil) != want {
			t.Errorf("%q: %v, want %v", []string{prefix, suffix, listed, issuer, claim}, err, want)
		}
		if err == nil && !tenants.Accepts(issuer) || tenants.Accepts(issuer) && tenants.IsTemplate(issuer) {
			t.Errorf("%q: accepts %v, template %v", issuer, tenants.Accepts(issuer), tenants.IsTemplate(issuer))
		}
		inner, ok := strings.CutPrefix(claim, "{")
		inner, closed := strings.CutSuffix(inner, "}")
		if template := ok && closed && valid(inner); tenants.IsTemplate(prefix+claim+suffix) != template {
			t.Errorf("%q: template, want %v", prefix+claim+suffix, template)
		}
	})
}
