package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A fake is a gateway and an authorization server that behave as no real ones do; those
// stand in integration/doctor.
type fake struct {
	*httptest.Server
	// answers replace those at some paths; "token" is a request with a token.
	answers map[string]http.HandlerFunc
}

func newFake(t *testing.T, answers map[string]http.HandlerFunc) *fake {
	f := &fake{answers: answers}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if r.Header.Get("Authorization") != "" {
		path = "token"
	}
	if answer := f.answers[path]; answer != nil {
		answer(w, r)
		return
	}
	write := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	type object = map[string]any
	switch {
	case r.Method == http.MethodOptions:
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "authorization, content-type, mcp-protocol-version")
		w.WriteHeader(http.StatusNoContent)
	case path == "token":
		write(401, object{"error": "invalid_token", "error_description": "the signing key of the token is unknown"})
	case path == "/notes":
		w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+f.URL+`/.well-known/oauth-protected-resource/notes"`)
		write(401, object{"error": "unauthorized", "error_description": "no token"})
	case path == "/.well-known/oauth-protected-resource/notes":
		write(200, object{"resource": f.URL + "/notes", "authorization_servers": []string{f.URL}})
	case path == "/.well-known/oauth-authorization-server":
		write(200, object{"issuer": f.URL, "authorization_endpoint": f.URL + "/authorize", "token_endpoint": f.URL + "/token", "registration_endpoint": f.URL + "/register",
			"jwks_uri": f.URL + "/jwks", "code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true})
	case path == "/jwks":
		write(200, json.RawMessage(`{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`))
	default:
		http.NotFound(w, r)
	}
}

func body(status int, contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

// The doctor survives whatever servers answer, and names it.
func TestDoctorOfOddServers(t *testing.T) {
	const (
		prm = "/.well-known/oauth-protected-resource/notes"
		as  = "/.well-known/oauth-authorization-server"
	)
	challenge := func(value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", value)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	stream := func(w http.ResponseWriter, r *http.Request) { // without end
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			fmt.Fprint(w, ": nothing\n\n")
			w.(http.Flusher).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	}
	const json = "application/json"
	for name, test := range map[string]struct {
		answers map[string]http.HandlerFunc
		args    []string
		status  int
		want    string
	}{
		"sound":                     {nil, nil, 0, " passed\n"},
		"a forged token passes":     {map[string]http.HandlerFunc{"token": body(200, json, `{"jsonrpc":"2.0","id":1,"result":{}}`)}, nil, 1, "The cause: gateway-keys\n  A FORGED TOKEN PASSES"},
		"a forged token, no answer": {map[string]http.HandlerFunc{"token": stream}, []string{"--timeout", "2s"}, 1, "A FORGED TOKEN PASSES"},
		"no keys": {map[string]http.HandlerFunc{"token": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "5")
			body(503, json, `{"error":"temporarily_unavailable","error_description":"later"}`)(w, r)
		}}, nil, 1, "has no keys of this server"},
		"introspection":              {map[string]http.HandlerFunc{"token": body(401, json, `{"error":"invalid_token","error_description":"the token is not active"}`)}, nil, 0, "asks the server about tokens"},
		"another issuer":             {map[string]http.HandlerFunc{"token": body(401, json, `{"error":"invalid_token","error_description":"the token is from another issuer"}`)}, nil, 1, "does not trust its tokens"},
		"a stream without end":       {map[string]http.HandlerFunc{"/notes": stream}, []string{"--timeout", "2s"}, 1, "passes without a token"},
		"a relative metadata URL":    {map[string]http.HandlerFunc{"/notes": challenge(`Bearer resource_metadata="/x"`)}, nil, 1, "not an absolute URL"},
		"no metadata URL":            {map[string]http.HandlerFunc{"/notes": challenge(`Bearer realm="x"`)}, nil, 1, "names no resource_metadata"},
		"no authorization server":    {map[string]http.HandlerFunc{prm: body(200, json, `{"resource":"x"}`)}, nil, 1, "names no authorization server"},
		"servers of another type":    {map[string]http.HandlerFunc{prm: body(200, json, `{"resource":["x"],"authorization_servers":"y"}`)}, nil, 1, "FAIL  metadata"},
		"an http server":             {map[string]http.HandlerFunc{prm: body(200, json, `{"resource":"x","authorization_servers":["http://auth.invalid"]}`)}, []string{"--timeout", "5s"}, 1, "not an https URL"},
		"a server that is no URL":    {map[string]http.HandlerFunc{prm: body(200, json, `{"resource":"x","authorization_servers":["\u001b[31mred"]}`)}, nil, 1, "not an https URL"},
		"metadata of another type":   {map[string]http.HandlerFunc{as: body(200, json, `{"issuer":1}`)}, nil, 1, "no metadata"},
		"metadata is an array":       {map[string]http.HandlerFunc{as: body(200, json, `[]`)}, nil, 1, "not a JSON object"},
		"metadata is deep":           {map[string]http.HandlerFunc{as: body(200, json, strings.Repeat("[", 1<<19))}, nil, 1, "not a JSON object"},
		"metadata has a byte order":  {map[string]http.HandlerFunc{"/jwks": body(200, json, "\xef\xbb\xbf{\"keys\":[]}")}, nil, 1, "no key at"},
		"escapes":                    {map[string]http.HandlerFunc{"token": body(401, json, `{"error":"invalid_token","error_description":"\u001b[2J\u202ered"}`)}, nil, 0, "refuses a forged token:  [2J red"},
		"a token in an answer":       {map[string]http.HandlerFunc{"token": body(401, json, `{"error":"invalid_token","error_description":"bad eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln"}`)}, nil, 0, "bad [secret]"},
		"503 without a token":        {map[string]http.HandlerFunc{"/notes": body(503, "text/plain", "no healthy upstream")}, nil, 1, "503 without Retry-After"},
		"500, empty":                 {map[string]http.HandlerFunc{"/notes": body(500, "text/plain", "")}, nil, 1, "on Istio, the plugin refuses its configuration"},
		"Basic":                      {map[string]http.HandlerFunc{"/notes": challenge(`Basic realm="x"`)}, nil, 1, "a challenge for Basic, not Bearer"},
		"it closes the connection":   {map[string]http.HandlerFunc{"/notes": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}, nil, 1, "does not answer: EOF"},
		"the registration is a page": {map[string]http.HandlerFunc{"/register": body(200, "text/html", "<html>")}, []string{"--register"}, 1, "cannot register: status 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, test.answers)
			status, out, stderr := mcpauth(t, "", append([]string{"doctor", f.URL + "/notes"}, test.args...)...)
			if status != test.status || !strings.Contains(out, test.want) || stderr != "" {
				t.Errorf("status %d, want %d, and %q:\n%s%s", status, test.status, test.want, out, stderr)
			}
			if strings.ContainsAny(out, "\x1b\u202e") {
				t.Errorf("an escape sequence:\n%q", out)
			}
		})
	}
}

func TestDoctorUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"not a URL"}, {"ftp://h/"}, {"https://user:s3cr3tpassword@h/"}, {"https://h/#x"}, {"https://h/", "x"}, {"https://h", "--timeout", "0s"}, {"https://h", "--timeout", "x"},
		{"https://h", "--token", "no-such-file"}, {"https://h", "--token", "-"}, {"https://h", "--token", "-", "--login"}, {"https://h", "--whoami", "x"}, {"https://h", "--client-id", "x"},
		{"https://h", "--ca", "no-such-file"}, {"https://h", "--ca", "doctor_test.go"}, {"https://h", "--config", "no-such-file"}, {"https://h", "--json", "--junit"},
		{"https://h", "--config", "doctor_test.go"},
	} {
		status, out, stderr := mcpauth(t, "", append([]string{"doctor"}, args...)...)
		if status != statusError || !strings.HasPrefix(stderr, "mcpauth: ") || out != "" || strings.Contains(stderr, "s3cr3t") {
			t.Errorf("%q: status %d\n%s%s", args, status, out, stderr)
		}
	}
}
