package gate

import (
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
		if got := wellknown.Text(claimAt(payload, &c)); got != want {
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
		if got := hasClaim(payload, &c.Resources[0].RequiredClaims[0]); got != test.want {
			t.Errorf("%s: %v", test.claims, got)
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
		if got := strings.Join(s.appendScopes(nil, &token), "|"); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.claims, test.payload, got, test.want)
		}
	}
}
