package config_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"mcpauth/config"
)

func TestRequiredClaims(t *testing.T) {
	c, err := config.Parse([]byte(withResource(`"required_claims": {"realm_access.roles": ["a", 1], "verified": true},
		"tools": {"x": {"claims": {"level": 2}}, "y": {"scopes": ["s"], "claims": {"level": [2.0]}}}`)))
	if err != nil {
		t.Fatal(err)
	}
	value := func(text string) config.ClaimValue {
		v, ok := config.NewClaimValue(gjson.Parse(text))
		if !ok {
			t.Errorf("%s is no value", text)
		}
		return v
	}
	claim := func(name string, path []string, values ...config.ClaimValue) config.RequiredClaim {
		return config.RequiredClaim{Claim: config.Claim{Name: name, Path: path}, Values: values}
	}
	r := c.Resources[0]
	if want := []config.RequiredClaim{
		claim("realm_access.roles", []string{"realm_access", "roles"}, value("1.0"), value(`"a"`)),
		claim("verified", []string{"verified"}, value("true")),
	}; !reflect.DeepEqual(r.RequiredClaims, want) {
		t.Errorf("got %+v, want %+v", r.RequiredClaims, want)
	}
	level := []config.RequiredClaim{claim("level", []string{"level"}, value("2"))}
	if want := []config.Rule{
		{Method: "tools/call", Name: "x", Claims: level},
		{Method: "tools/call", Name: "y", Scopes: []string{"s"}, Claims: level},
	}; !reflect.DeepEqual(r.Rules, want) {
		t.Errorf("got %+v, want %+v", r.Rules, want)
	}
}

// Values are equal by type and value, numbers exactly.
func TestClaimValues(t *testing.T) {
	kinds := [][]string{
		{`"1"`, `"\u0031"`}, {"1", "1.0", "1e0", "10e-1"}, {"true", " true "}, {"false"}, {`"true"`}, {`""`}, {"0", "-0"}, {`"é"`, `"\u00e9"`},
		{"9007199254740993"}, {"9007199254740992", "9007199254740992.0"}, {"18446744073709551617"}, {"0.1"}, {"0.10000000000000001"},
	}
	for i, list := range kinds {
		for j, others := range kinds {
			for _, a := range list {
				for _, b := range others {
					x, ok1 := config.NewClaimValue(gjson.Parse(a))
					y, ok2 := config.NewClaimValue(gjson.Parse(b))
					if !ok1 || !ok2 || (x == y) != (i == j) {
						t.Errorf("%s and %s: %v, %v", a, b, x, y)
					}
				}
			}
		}
	}
	for _, text := range []string{"null", "[1]", "{}", "", "1e9999999"} {
		if v, ok := config.NewClaimValue(gjson.Parse(text)); ok {
			t.Errorf("%s: %v", text, v)
		}
	}
}

func TestScopeNames(t *testing.T) {
	c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a", "scope_claims": ["scp", "a.roles"], "scope_prefix": "api://x/"}],
		"resources": [{"resource": "https://h/n"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Claim{{Name: "scp", Path: []string{"scp"}}, {Name: "a.roles", Path: []string{"a", "roles"}}}
	if got := c.AuthorizationServers[0].ScopeClaims; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	r := c.Resources[0]
	if got := r.RequestedScopes([]string{"Notes.Read", "openid", "phone", "profile", "Openid", "email", "address"}); !slices.Equal(got,
		[]string{"api://x/Notes.Read", "openid", "phone", "profile", "api://x/Openid", "email", "address"}) {
		t.Errorf("got %q", got)
	}
	if got := (&config.Resource{}).RequestedScopes([]string{"a"}); !slices.Equal(got, []string{"a"}) {
		t.Errorf("without a prefix: %q", got)
	}
}

// A ClaimIndex of many claims says of each value what the claims say one by one.
func TestClaimIndex(t *testing.T) {
	texts := []string{`"a"`, `"b"`, `"c"`, `"1"`, `"15"`, `1`, `1.5`, `15`, `-15`, `150`, `0`, `1e1`, `true`, `false`, `"true"`, `"zz"`}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var tools []string
		for i := range 1 + random.IntN(config.MaxRuleClaims) {
			random.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
			tools = append(tools, fmt.Sprintf(`"t%d": {"claims": {"groups": [%s]}}`, i, strings.Join(texts[:1+random.IntN(4)], ",")))
		}
		c, err := config.Parse([]byte(withResource(`"tools": {` + strings.Join(tools, ",") + `}`)))
		if err != nil {
			t.Fatal(err)
		}
		var x config.ClaimIndex
		rules := c.Resources[0].Rules
		for i := range rules {
			x.Add(&rules[i].Claims[0], i)
		}
		for _, text := range slices.Concat(texts, []string{`"missing"`, `1.0`, `15e0`, `10`, `-1`, `0.0`, `-0`, `""`}) {
			v, ok := config.NewClaimValue(gjson.Parse(text))
			if !ok {
				t.Fatal(text)
			}
			got := x.Accepting(&v)
			for i := range rules {
				if want := rules[i].Claims[0].Accepts(&v); got>>i&1 != 0 != want {
					t.Fatalf("%s, %s: %v", text, tools[i], !want)
				}
			}
		}
	}
}
