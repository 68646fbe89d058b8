package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
)

func TestIntrospection(t *testing.T) {
	parse := func(doc string) *config.AuthorizationServer {
		return must(config.Parse([]byte(doc))).AuthorizationServers[0]
	}
	s := parse(introspects(``))
	want := config.Introspection{Cluster: "auth", ClientID: "gateway", Secret: "s3cret", MaxCache: time.Minute}
	if !reflect.DeepEqual(*s.Introspection, want) || s.Source.Kind != config.NoKeys || s.MaxStale != 0 {
		t.Errorf("%+v, keys %+v", *s.Introspection, s.Source)
	}
	s = parse(withServer(`"discovery": "oidc", "introspection": {"auth": "bearer", "token": "t", "cluster": "c", "max_cache_seconds": 0}`))
	want = config.Introspection{Cluster: "c", Auth: config.BearerToken, Secret: "t"}
	if !reflect.DeepEqual(*s.Introspection, want) || s.Source.Kind != config.Discovery || s.Source.Discovery != config.OIDC {
		t.Errorf("%+v, keys %+v", *s.Introspection, s.Source)
	}
	s = parse(goodIntrospections["jwt, discovered"])
	if s.Source.Kind != config.NoKeys || s.Source.MetadataURL == nil || s.Source.Overrides == "" || !s.Introspection.JWT {
		t.Errorf("%+v, keys %+v", *s.Introspection, s.Source)
	}
	if s = parse(goodIntrospections["metadata"]); s.Introspection.Endpoint == nil || s.Introspection.Endpoint.Raw != "https://a/i" || s.Source.Kind != config.JWKSURI {
		t.Errorf("%+v, keys %+v", *s.Introspection, s.Source)
	}
	s = parse(goodIntrospections["userinfo, all members"])
	if got, want := *s.Introspection.Userinfo, (config.Userinfo{
		Subject: config.MemberPath{"user", "id"}, ClientID: config.MemberPath{"app", "0", "id"}, Audience: config.MemberPath{"aud"}, Expires: config.MemberPath{"exp"}, ScopesHeader: "x-oauth-scopes",
		Headers: [][2]string{{"accept", "application/json"}, {"user-agent", "gateway"}},
	}); !reflect.DeepEqual(got, want) || s.Introspection.Cluster != "u" {
		t.Errorf("%+v", got)
	}
	if s = parse(goodIntrospections["userinfo"]); !reflect.DeepEqual(s.Introspection.Userinfo.Subject, config.MemberPath{"sub"}) || !s.Introspection.AudienceUnchecked {
		t.Errorf("%+v", *s.Introspection)
	}
}

// The secret of nonces is read from the environment, and checked there.
func TestNonceSecret(t *testing.T) {
	c := must(config.Parse([]byte(withDPoP(`{"secret_env": "S"}`))))
	for secret, want := range map[string]string{
		strings.Repeat("s", 31): "dpop_nonce.secret_env: must have at least 32 bytes, at random",
		"":                      "dpop_nonce.secret_env: the environment variable is empty",
		strings.Repeat("s", 32): "",
	} {
		c.DPoPNonce.Secret = ""
		err := c.ReadSecrets(func(string) (string, bool) { return secret, true })
		if want == "" && (err != nil || c.DPoPNonce.Secret != secret) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %v, want %q", secret, err, want)
		}
	}
}

// What is wrong with a secret of the environment is said by the path of the
// member that names it, never by its value.
func TestReadSecrets(t *testing.T) {
	doc := withServers(`{"issuer": "https://a", "cluster": "a", "introspection": {"client_id": "a", "client_secret_env": "ONE"}},
		{"issuer": "https://b", "cluster": "b"},
		{"issuer": "https://c", "cluster": "c", "introspection": {"auth": "bearer", "token_env": "TWO"}}`)
	doc = strings.Replace(doc, `"resources": [{`, `"resources": [{"authorization_servers": ["https://a", "https://b"],`, 1)
	const one, two = "authorization_servers[0].introspection.client_secret_env: ", "authorization_servers[2].introspection.token_env: "
	for _, tt := range []struct {
		name        string
		environment map[string]string
		want        string
	}{
		{"both", map[string]string{"ONE": "s3cret, with spaces ü", "TWO": "s3cret"}, ""},
		{"none", nil, one + "the plugin has no environment variable of this name: see vm_config.environment_variables of Envoy\n" +
			two + "the plugin has no environment variable of this name: see vm_config.environment_variables of Envoy"},
		{"empty", map[string]string{"ONE": "", "TWO": "s3cret"}, one + "the environment variable is empty"},
		{"a newline", map[string]string{"ONE": "s3cret\n", "TWO": "s3cret"}, one + "the environment variable must not have control characters, nor a newline at its end"},
		{"no bearer token", map[string]string{"ONE": "s3cret", "TWO": "s3cret s3cret"}, two + "must be a bearer token: letters, digits and -._~+/="},
	} {
		c := must(config.Parse([]byte(doc)))
		err := c.ReadSecrets(func(name string) (string, bool) { v, ok := tt.environment[name]; return v, ok })
		if tt.want != "" {
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s: got\n%v\nwant\n%s", tt.name, err, tt.want)
			}
			continue
		}
		if err != nil || c.AuthorizationServers[0].Introspection.Secret != tt.environment["ONE"] || c.AuthorizationServers[2].Introspection.Secret != tt.environment["TWO"] {
			t.Errorf("%s: %v, %+v", tt.name, err, *c.AuthorizationServers[0].Introspection)
		}
	}
}

// The signing keys of oauth_proxy come from the environment in their order, each long
// enough, and no two the same.
func TestReadSigningKeys(t *testing.T) {
	const a, b = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	const at = "authorization_servers[0].oauth_proxy.signing_key_env"
	for name, tt := range map[string]struct {
		names       string
		environment map[string]string
		keys        []string
		err         string
	}{
		"one":           {`"A"`, map[string]string{"A": a}, []string{a}, ""},
		"two":           {`["B", "A"]`, map[string]string{"A": a, "B": b}, []string{b, a}, ""},
		"none":          {`"A"`, nil, nil, at + ": the plugin has no environment variable of this name"},
		"empty":         {`["A", "B"]`, map[string]string{"A": a, "B": ""}, nil, at + "[1]: the environment variable is empty"},
		"too short":     {`["A", "B"]`, map[string]string{"A": a, "B": b[1:]}, nil, at + "[1]: the environment variable must have at least 32 bytes"},
		"the same":      {`["A", "B"]`, map[string]string{"A": a, "B": a}, nil, at + "[1]: the environment variable has the same key as " + at + "[0]"},
		"a line's end":  {`"A"`, map[string]string{"A": a + "\n"}, nil, at + ": the environment variable must not have control characters"},
		"one name only": {`["A"]`, map[string]string{"A": a}, []string{a}, ""},
	} {
		c, err := config.Parse([]byte(proxies(keyless+`, "signing_key_env": `+tt.names, "", "", "")))
		if err != nil {
			t.Fatal(err)
		}
		err = c.ReadSecrets(func(name string) (string, bool) { v, ok := tt.environment[name]; return v, ok })
		if (err == nil) != (tt.err == "") || err != nil && (!strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), b[1:])) {
			t.Errorf("%s: %v", name, err)
		} else if got := c.AuthorizationServers[0].OAuthProxy.SigningKeys; err == nil && !slices.Equal(got, tt.keys) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
