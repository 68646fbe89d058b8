package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

const notes = "https://mcp.example.com/notes"

// A token of the tool is accepted by the configuration that the tool prints with it, for
// each algorithm that the plugin verifies.
func TestTokenAndItsConfiguration(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256"} {
		key := filepath.Join(t.TempDir(), "key.pem")
		args := []string{"token", "--key", key, "--alg", alg, "--audience", notes, "--scope", "read:notes write:notes"}
		status, plugin, stderr := mcpauth(t, "", append(args, "--print", "config")...)
		if status != statusOK || !strings.Contains(stderr, "made a key") {
			t.Fatalf("status %d\n%s", status, stderr)
		}
		if _, err := config.Parse([]byte(plugin)); err != nil {
			t.Fatal(err)
		}
		status, token, stderr := mcpauth(t, "", args...)
		if status != statusOK || stderr != "" || strings.Count(token, "\n") != 1 {
			t.Fatalf("status %d\n%s%s", status, token, stderr)
		}
		info, err := os.Stat(key)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key file: %v, %v", info, err)
		}
		_, set, _ := mcpauth(t, "", append(args, "--print", "jwks")...)
		keys, _, err := jwtlite.ParseKeySet([]byte(set))
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := mcpauth(t, "", append(args, "--print", "pem")...)
		if public, err := jwtlite.ParsePublicKeyPEM([]byte(text), "", 0); err != nil || string(public.SPKI()) != string(keys.Key(0).SPKI()) {
			t.Errorf("the PEM is of another key: %v", err)
		}
		status, out, _ := mcpauth(t, token, "token", "show", "--config", writeFile(t, "plugin.json", plugin))
		if status != statusOK || !strings.Contains(out, "the plugin lets the request on, with x-mcpauth-subject") || strings.Contains(out, "not in the configuration") {
			t.Errorf("status %d\n%s", status, out)
		}
		parts := strings.Split(strings.TrimSpace(token), ".")
		if strings.Contains(out, parts[1]) || strings.Contains(out, parts[2]) {
			t.Errorf("the token is printed:\n%s", out)
		}
	}
}

// show says what the plugin does with a token, whatever is wrong with it.
func TestTokenShow(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key.pem")
	sign := func(args ...string) string {
		_, token, stderr := mcpauth(t, "", append([]string{"token", "--key", key, "--audience", notes, "--scope", "read:notes"}, args...)...)
		if token == "" {
			t.Fatal(stderr)
		}
		return token
	}
	_, plugin, _ := mcpauth(t, "", "token", "--key", key, "--audience", notes, "--scope", "read:notes", "--print", "config")
	own := writeFile(t, "plugin.json", plugin)
	fetched := writeFile(t, "fetched.json", strings.Replace(smallest, "https://auth.example.com", "http://localhost/mcpauth-test", 1))
	mutual := writeFile(t, "mutual.json", strings.Replace(plugin, `"resource":`, `"mutual_tls": "accept", "resource":`, 1))
	required := writeFile(t, "required.json", strings.Replace(plugin, `"resource":`, `"mutual_tls": "required", "resource":`, 1))
	good := sign()
	for name, test := range map[string]struct {
		token, file string
		status      int
		want        string
	}{
		"good":            {good, own, statusOK, "lets the request on"},
		"with Bearer":     {"Bearer " + good, own, statusOK, "lets the request on"},
		"keys elsewhere":  {good, fetched, statusOK, "the signature was not verified"},
		"audience":        {sign("--audience", notes+"/"), own, statusFailed, "resources[0].audiences"},
		"no audience":     {sign("--claim", "aud=null"), own, statusFailed, "Keycloak"},
		"keys, audience":  {sign("--claim", "aud=x"), fetched, statusFailed, "for another audience"},
		"expired":         {sign("--expires", "-1h"), own, statusFailed, "has expired"},
		"issuer":          {sign("--issuer", "http://localhost/mcpauth-test/"), own, statusFailed, "a slash at the end"},
		"scope":           {sign("--scope", "write:notes"), own, statusFailed, "insufficient_scope"},
		"ID token":        {sign("--claim", "nonce=x", "--claim", "at_hash=y"), own, statusFailed, "not the ID token"},
		"opaque":          {"gho_0123456789abcdef", own, statusFailed, "opaque tokens, configure introspection"},
		"bound":           {sign("--claim", `cnf={"jkt":"x"}`), own, statusFailed, "without DPoP"},
		"certificate":     {sign("--claim", `cnf={"x5t#S256":"`+strings.Repeat("A", 43)+`"}`), mutual, statusFailed, "this command presents no certificate"},
		"plain, accepted": {good, mutual, statusOK, "lets the request on"},
		"plain, refused":  {good, required, statusFailed, "have the provider bind"},
		"signature":       {good[:len(good)-12] + "AAAAAAAAAAA\n", own, statusFailed, "signature does not verify"},
		"two":             {good + good, own, statusError, "one token, and nothing else"},
		"none":            {"", own, statusError, "one token, and nothing else"},
		"escapes":         {sign("--claim", "x=\x1b[31mred"), own, statusOK, "\\u001b[31mred"},
		"no such file":    {good, "no-such-file", statusError, "no-such-file"},
		"a bad config":    {good, writeFile(t, "bad.json", `{"resources":[{"resource":"x"}]}`), statusError, "see `mcpauth config`"},
		"another request": {good, own, statusOK, notes},
	} {
		status, out, stderr := mcpauth(t, test.token, "token", "show", "--config", test.file)
		if status != test.status || !strings.Contains(out+stderr, test.want) {
			t.Errorf("%s: status %d, want %d, and %q:\n%s%s", name, status, test.status, test.want, out, stderr)
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%s: an escape sequence:\n%q", name, out)
		}
	}
	if status, out, _ := mcpauth(t, good, "token", "show", "--config", own, "--url", "https://mcp.example.com/other"); status != statusFailed || !strings.Contains(out, "404") {
		t.Errorf("another URL: status %d\n%s", status, out)
	}
	if status, out, _ := mcpauth(t, good, "token", "show"); status != statusOK || !strings.Contains(out, "aud: \""+notes+"\"") {
		t.Errorf("no configuration: status %d\n%s", status, out)
	}
}

func TestTokenUsage(t *testing.T) {
	key := writeFile(t, "key.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
	for _, args := range [][]string{
		{"token"}, {"token", "--audience", ""}, {"token", "--audience", "x", "--alg", "HS256"}, {"token", "--audience", "x", "--print", "key"},
		{"token", "--audience", "x", "--claim", "nothing"}, {"token", "--audience", "x", "--key", key}, {"token", "show", "--url", "x"},
		{"token", "--audience", "not a URL", "--key", filepath.Join(t.TempDir(), "key"), "--print", "config"},
	} {
		status, out, stderr := mcpauth(t, "", args...)
		if status != statusError || !strings.Contains(stderr, "mcpauth: ") || out != "" || strings.Contains(stderr, "c2VjcmV0") {
			t.Errorf("%q: status %d\n%s%s", args, status, out, stderr)
		}
	}
}
