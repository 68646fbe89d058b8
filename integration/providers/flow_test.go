package providers

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/mcpserver"
)

// The scopes of all pages.
const (
	readScope  = "read:notes"
	bothScopes = "read:notes write:notes"
)

// fetchTime is how long a key that the gateway has not seen may take: an unknown
// kid has the keys fetched again, at most every 5 seconds.
const fetchTime = 15 * time.Second

// withdrawnTime is how long a key that is gone may be used: keys that may not be
// cached are fetched every minute.
const withdrawnTime = 90 * time.Second

// cacheTime is how long the gateway may believe an answer about a token: the 10
// seconds of the pages, and some for a busy machine.
const cacheTime = 20 * time.Second

// scene is a gateway in front of a provider, and a user.
type scene struct {
	*gateway
	issuer  string
	user    person
	subject string // of the user; "" where the provider makes one up
	role    string // of the user, in the header that claim_to_headers sets
	clients []client
}

// visit goes to the gateway with a client.
func (s *scene) visit(t *testing.T, c client, tools string) (trip, error) {
	t.Helper()
	return c.visit(t.Context(), s.user, browserFor(t, s.user), s.resource(), tools)
}

// token gets an access token as the first client does.
func (s *scene) token(t *testing.T) trip {
	t.Helper()
	got, err := s.visit(t, s.clients[0], "whoami")
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// testFlow: each client finds the provider, registers, has the user log in, and
// calls tools; the MCP server knows the caller. The first challenge names all
// scopes, so that the tool that needs more than the others makes no difference.
func (s *scene) testFlow(t *testing.T) {
	for _, c := range s.clients {
		t.Run(c.name, func(t *testing.T) {
			got, err := s.visit(t, c, stepUp)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Asked) != 1 || !holds(got.Asked[0], bothScopes) {
				t.Errorf("it asked for the scopes %q", got.Asked)
			}
			var caller mcpserver.Caller
			if len(got.Results) != 3 || json.Unmarshal(got.Results[0].Result, &caller) != nil {
				t.Fatalf("results %v", got.Results)
			}
			id := caller.Identity
			if id["x-mcpauth-issuer"] != s.issuer || id["x-mcpauth-client"] != got.ClientID || !holds(id["x-mcpauth-scope"], bothScopes) {
				t.Errorf("identity %v", id)
			}
			if subject := id["x-mcpauth-subject"]; subject == "" || s.subject != "" && subject != s.subject {
				t.Errorf("subject %q", subject)
			}
			if caller.AuthorizationPresent {
				t.Error("the token reached the MCP server")
			}
			var roles []string
			header := s.mcp.Last().Header.Get("X-Roles")
			if json.Unmarshal([]byte(header), &roles) != nil || !slices.Contains(roles, s.role) {
				t.Errorf("roles %q, want %q", header, s.role)
			}
		})
	}
}

// testStepUpFails does so without challenge_scopes. The clients that register with
// the scopes of the first challenge are held to them; the one that registers anew,
// and without scopes, is not.
func (s *scene) testStepUpFails(t *testing.T) {
	for _, c := range s.clients {
		t.Run(c.name, func(t *testing.T) {
			got, err := s.visit(t, c, stepUp)
			if c.goSDK() {
				if err != nil || len(got.Results) != 3 || len(got.Asked) != 2 || !holds(got.Asked[1], bothScopes) {
					t.Errorf("asked for %q, results %v, %v", got.Asked, got.Results, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "error=invalid_scope") {
				t.Errorf("asked for %q, results %v, %v; want invalid_scope", got.Asked, got.Results, err)
			}
		})
	}
}

// withoutChallengeScopes is a change of a configuration of a page.
func withoutChallengeScopes(config map[string]any) { delete(theResource(config), "challenge_scopes") }

// theResource is the one of a configuration of a page.
func theResource(config map[string]any) map[string]any {
	return config["resources"].([]any)[0].(map[string]any)
}

// theServer is the authorization server of a configuration of a page.
func theServer(config map[string]any) map[string]any {
	return config["authorization_servers"].([]any)[0].(map[string]any)
}

// revoke gives a token back, as the client that has it.
func revoke(t *testing.T, endpoint string, got trip) (int, map[string]any) {
	t.Helper()
	status, document, err := postForm(t.Context(), endpoint, url.Values{"token": {got.Token}, "client_id": {got.ClientID}})
	if err != nil {
		t.Fatal(err)
	}
	return status, document
}

// passes fails if a token is not let through.
func (s *scene) passes(t *testing.T, token string) {
	t.Helper()
	if a := s.call(t, "whoami", token); a.status != http.StatusOK {
		t.Error(a)
	}
}

// refusedForAudience fails unless the gateway has refused a token for its aud.
func (s *scene) refusedForAudience(t *testing.T) {
	t.Helper()
	const name = "wasmcustom.mcpauth_requests_total.result=invalid_token.reason=audience"
	for range 50 { // counters are published on the tick
		stats, err := s.Stats(t.Context(), "reason=audience")
		if err != nil {
			t.Fatal(err)
		}
		if stats[name] > 0 {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("no token was refused for its audience")
}

// preflight tells whether a page of another origin may send a request with a
// header, as a browser asks.
func preflight(t *testing.T, endpoint, method, header string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://app.example.com")
	req.Header.Set("Access-Control-Request-Method", method)
	req.Header.Set("Access-Control-Request-Headers", header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	origin, headers := res.Header.Get("Access-Control-Allow-Origin"), strings.ToLower(res.Header.Get("Access-Control-Allow-Headers"))
	return (origin == "*" || origin == "https://app.example.com") && (headers == "*" || strings.Contains(headers, strings.ToLower(header)))
}

// holds tells whether a list with spaces holds each word of another.
func holds(list, words string) bool {
	for _, word := range strings.Fields(words) {
		if !strings.Contains(" "+list+" ", " "+word+" ") {
			return false
		}
	}
	return true
}

// register registers a client, as one in a web page if there is an origin, and
// returns the status and the body.
func register(t *testing.T, endpoint, scope, origin string) (int, string) {
	t.Helper()
	metadata := map[string]any{"client_name": "test", "redirect_uris": []string{callback}, "token_endpoint_auth_method": "none"}
	if scope != "" {
		metadata["scope"] = scope
	}
	document, err := json.Marshal(metadata)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}
