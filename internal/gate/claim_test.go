package gate

import (
	"fmt"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

func TestClaimText(t *testing.T) {
	const payload = `{"email":"a\u0062","n":null,"yes":true,"list":["x",{"y":1}],"a.b":"whole","a":{"b":"part","c":{"d":[1, 2]},"":0},"https://e.example/roles":["r"],"\u0072":{"\u0073":"t"}}`
	for name, want := range map[string]string{
		"email": "ab", "n": "", "yes": "true", "list": `["x",{"y":1}]`, "a.b": "whole", "a.c": `{"d":[1, 2]}`, "a.c.d": "[1, 2]",
		"https://e.example/roles": `["r"]`, "r.s": "t", "a.": "0",
		"": "", ".": "", "x": "", "a.x": "", "a.c.d.e": "", "email.x": "", "list.0": "", "list.y": "", "A": "", "a*": "", "a.@this": "", "a.#": "",
	} {
		c := config.Claim{Name: name, Path: strings.Split(name, ".")}
		var r claimReader
		r.add(&c)
		r.read(payload)
		if got := wellknown.Text(r.claim(0)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestHasClaim(t *testing.T) {
	const payload = `{"groups":["a","b\u0063",7,9007199254740993,true,null,["nested"],{"x":"y"}],"role":"admin","n":1.0,"yes":true,"no":false,"null":null,
		"realm_access":{"roles":["editor"]},"a.b":"whole","a":{"b":"part","c":"c"},"empty":[],"text":"x y","big":18446744073709551617,"huge":1e9999999,"s1":"1","o":{"a":1}}`
	for _, test := range []struct {
		claims string // of a configuration, one claim
		want   bool
	}{
		{`"groups": "a"`, true}, {`"groups": ["z", "bc"]`, true}, {`"groups": 7`, true}, {`"groups": 7.0`, true}, {`"groups": true`, true},
		{`"groups": "7"`, false}, {`"groups": 8`, false}, {`"groups": false`, false}, {`"groups": "nested"`, false}, {`"groups": "y"`, false}, {`"groups": "A"`, false}, {`"groups": "null"`, false},
		{`"groups": 9007199254740993`, true}, {`"groups": 9007199254740992`, false}, {`"groups": 9007199254740993.0`, true},
		{`"big": 18446744073709551617`, true}, {`"big": 18446744073709551616`, false}, {`"big": 1`, false}, {`"huge": 1`, false}, {`"huge": 1e1000000`, false},
		{`"role": "admin"`, true}, {`"role": ["x", "admin"]`, true}, {`"role": "admi"`, false}, {`"role": "administrator"`, false}, {`"text": "x"`, false},
		{`"n": 1`, true}, {`"n": 1e0`, true}, {`"n": 10e-1`, true}, {`"n": "1"`, false}, {`"n": true`, false}, {`"s1": 1`, false}, {`"s1": "1"`, true},
		{`"yes": true`, true}, {`"yes": "true"`, false}, {`"yes": 1`, false}, {`"yes": false`, false}, {`"no": false`, true}, {`"no": [0, "", "false"]`, false},
		{`"realm_access.roles": "editor"`, true}, {`"realm_access.roles": "viewer"`, false}, {`"realm_access": "editor"`, false},
		{`"a.b": "whole"`, true}, {`"a.b": "part"`, false}, {`"a.c": "c"`, true},
		{`"null": "null"`, false}, {`"null": false`, false}, {`"missing": "x"`, false}, {`"missing": false`, false}, {`"empty": ["", 0, false]`, false}, {`"empty.x": "x"`, false}, {`"o": 1`, false}, {`"groups.0": "a"`, false},
	} {
		c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a"}], "resources": [{"resource": "https://h/n", "required_claims": {` + strings.ReplaceAll(test.claims, `""`, `"-"`) + `}}]}`))
		if err != nil {
			t.Errorf("%s: %v", test.claims, err)
			continue
		}
		required := &c.Resources[0].RequiredClaims[0]
		var r claimReader
		r.add(&required.Claim)
		r.read(payload)
		if got := hasClaim(r.claim(0), required); got != test.want {
			t.Errorf("%s: %v", test.claims, got)
		}
		rule := r.addRuleClaims([]*config.RequiredClaim{required})
		r.read(payload)
		if got := rule[0].granted(r.claim(rule[0].number)) == 1; got != test.want {
			t.Errorf("%s in a rule: %v", test.claims, got)
		}
	}
}

func TestScopeClaims(t *testing.T) {
	for _, test := range []struct{ claims, payload, want string }{
		{``, `{"scope":"a b","roles":["r"]}`, "a|b"},
		{`"roles"`, `{"scope":"a b","roles":["r","s"]}`, "r|s"},
		{`"scp", "roles"`, `{"scp":"a  b ","roles":["r"]}`, "a|b"},
		{`"scp", "roles"`, `{"roles":["r"]}`, "r"},
		{`"scp", "roles"`, `{"scp":null,"roles":["r"]}`, "r"},
		{`"scp", "roles"`, `{"scp":"","roles":["r"]}`, ""},
		{`"scp", "roles"`, `{"scp":[],"roles":["r"]}`, ""},
		{`"scp", "roles"`, `{"scp":5,"roles":["r"]}`, "r"},
		{`"scp", "roles"`, `{"scp":["a",5],"roles":["r"]}`, "r"},
		{`"scp", "roles"`, `{"scp":{"a":"b"},"roles":["r"]}`, "r"},
		{`"roles"`, `{"roles":["no admin","admin ",""," x","r"]}`, "r"},
		{`"roles"`, `{"roles":[["admin"]]}`, ""},
		{`"realm_access.roles"`, `{"realm_access":{"roles":["r"]}}`, "r"},
		{`"permissions"`, `{"scope":"a","scp":["b"],"scopes":"c"}`, ""},
		{`"scope"`, `{"scope":"\u0061 b"}`, "a|b"},
	} {
		server := `{"issuer": "https://a", "cluster": "a"`
		if test.claims != "" {
			server += `, "scope_claims": [` + test.claims + `]`
		}
		c, err := config.Parse([]byte(`{"authorization_servers": [` + server + `}], "resources": [{"resource": "https://h/n"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		var token jwtlite.Token
		if err := token.ParseClaims([]byte(test.payload)); err != nil {
			t.Fatal(test.payload, err)
		}
		s := &trustedServer{scopeClaims: c.AuthorizationServers[0].ScopeClaims}
		var r claimReader
		for i := range s.scopeClaims {
			r.add(&s.scopeClaims[i])
		}
		r.read(test.payload)
		if got := strings.Join(s.appendScopes(nil, &token, &r), "|"); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.claims, test.payload, got, test.want)
		}
	}
}

// claimAlone returns what a claimReader is to find, by one pass for each name.
func claimAlone(payload string, c *config.Claim) (claim string) {
	if c.Name != "" {
		claim = wellknown.Member(payload, c.Name)
	}
	if claim == "" {
		claim = payload
		for _, name := range c.Path {
			claim = wellknown.Member(claim, name)
		}
	}
	return claim
}

// Many claims are found together as each is found alone, in one payload after another.
func TestClaimsTogether(t *testing.T) {
	var claims []config.Claim
	for _, name := range []string{"a", "a.b", "a.b.c", "a.x", "b", "a.b.c.d", "b.a", "", "a.", "a", "x.y", "e\u0301"} {
		claims = append(claims, config.Claim{Name: name, Path: strings.Split(name, ".")})
	}
	claims = append(claims, config.Claim{Path: config.MemberPath{"a.b", "c"}}, config.Claim{Path: config.MemberPath{"a", "b"}})
	var r claimReader
	for i := range claims {
		if n := r.add(&claims[i]); n != i {
			t.Fatalf("claim %d has the number %d", i, n)
		}
	}
	for _, payload := range []string{
		`{"a":{"b":{"c":{"d":1}},"x":"y"},"b":{"a":[1,{"a":2}]},"a.b":{"c":"dotted"}}`,
		`{"a.b":"whole","a":{"b":"part","b":"again"},"a":{"x":"second","b":"third"}}`,
		`{"a":["b",{"b":1}],"b":null,"x":{"y":{}}}`,
		`{"b":{"a":""},"x":"y","":{"":1},"a":{"":"empty"},"\u0061.b.c":"escaped"}`,
		`{"a.b.c":1,"a":{"b":2},"x":{"z":1,"y":2}}`,
		`{}`, `[{"a":1}]`, `"a"`, ``,
	} {
		r.read(payload)
		for i := range claims {
			if got, want := r.claim(i), claimAlone(payload, &claims[i]); got != want {
				t.Errorf("%q in %s: %q, want %q", claims[i].Path, payload, got, want)
			}
		}
		r.release()
		for i := range claims {
			if got := r.claim(i); got != "" {
				t.Errorf("%q is kept: %q", claims[i].Path, got)
			}
		}
	}
}

// The claims of resources do not get mixed up: those for headers, the required ones, those
// of rules, and those with scopes of each authorization server.
func TestEachClaimHasItsNumber(t *testing.T) {
	c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a", "scope_claims": ["s1", "s2"]}, {"issuer": "https://b", "cluster": "b", "scope_claims": ["s3"]}],
		"resources": [{"resource": "https://h/n", "claim_to_headers": [{"claim_name": "h1", "header_name": "x-h1"}, {"claim_name": "h2", "header_name": "x-h2"}],
		"required_claims": {"r1": "r1", "r2": "r2"}, "tools": {"t": {"claims": {"t1": "t1", "t2": "t2"}}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	g := New(c, []AuthServer{{Config: c.AuthorizationServers[0]}, {Config: c.AuthorizationServers[1]}}, nil)
	p := g.resources[0]
	const payload = `{"s1":5,"s2":"two","s3":"three","h1":"one","h2":"two","r1":"r1","r2":"r2","t1":"t1"}`
	p.claims.read(payload)
	var token jwtlite.Token
	if err := token.ParseClaims([]byte(payload)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"two", "three"} {
		if got := strings.Join(p.servers[i].appendScopes(nil, &token, &p.claims), " "); got != want {
			t.Errorf("scopes of server %d: %q", i, got)
		}
	}
	if l := p.lackOf(nil); l.any() {
		t.Errorf("lacks %+v", l)
	}
	for i, rule := range p.rules.Claims {
		if got, want := p.granted(nil).Claims>>i&1 != 0, rule.Claim.Name == "t1"; got != want {
			t.Errorf("%s is granted: %v", rule.Claim.Name, got)
		}
	}
	identity := Identity{p.identity, string(p.appendIdentity(nil, &token, "", nil))}
	for _, want := range []IdentityHeader{{"x-h1", "one", ""}, {"x-h2", "two", ""}, {}} {
		if h, _ := identity.Next(); h != want {
			t.Errorf("%q, want %q", h, want)
		}
	}
}

// Claims of many rules are granted together as each alone.
func TestRuleClaimsTogether(t *testing.T) {
	var rules []string
	for i, claims := range []string{
		`"groups": "a"`, `"groups": ["a", "b"]`, `"groups": ["c", "a"]`, `"groups": "b"`, `"role": "a"`, `"role": ["b", "c"]`, `"groups": 1`, `"groups": [1.5, 15, "15"]`,
		`"groups": [150, 1.0e1, true]`, `"o.groups": "a"`, `"groups": ["z", "y", "x", "a", -15]`, `"groups": false`, `"n": [0, 1]`, `"n": 1`, `"groups": "missing"`,
	} {
		rules = append(rules, fmt.Sprintf(`"tool%d": {"claims": {%s}}`, i, claims))
	}
	_, p := ruled(t, `"tools": {`+strings.Join(rules, ",")+`}`)
	if len(p.rules.Claims) != len(rules) || len(p.ruleClaims) != 4 {
		t.Fatalf("%d claims, %d places", len(p.rules.Claims), len(p.ruleClaims))
	}
	for _, payload := range []string{
		`{"groups":["a"],"role":"a","o":{"groups":["b","a"]}}`, `{"groups":["b","c",1,15,"x"],"role":["c"],"n":1.0}`, `{"groups":[1.50,true,-15,null,["a"],{"a":1}],"n":0}`,
		`{"groups":"a","role":null}`, `{"groups":[10,150e0,"15","1"],"n":[2,0.0]}`, `{"groups":[false,15e400]}`, `{"groups":{"a":"a"}}`, `{}`,
	} {
		p.claims.read(payload)
		for i, c := range p.rules.Claims {
			if got, want := p.granted(nil).Claims>>i&1 != 0, hasClaim(claimAlone(payload, &c.Claim), c); got != want {
				t.Errorf("%s in %s: %v", rules[i], payload, got)
			}
		}
		p.claims.release()
	}
}

// To find many claims takes no garbage, and about as long as to find one.
func BenchmarkClaims(b *testing.B) {
	payload := `{"groups":[` + strings.Repeat(`"9e3779b9-58d1-4c1f-bb8c-000000000000",`, 300) + `""]`
	var r claimReader
	for i := range 20 {
		name := "claim" + string(rune('a'+i))
		payload += `,"` + name + `":"value"`
		r.add(&config.Claim{Name: name, Path: config.MemberPath{name}})
	}
	payload += "}"
	b.ReportAllocs()
	for b.Loop() {
		if r.read(payload); r.claim(19) == "" {
			b.Fatal("missing")
		}
	}
}
