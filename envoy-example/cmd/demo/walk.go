package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"mcpauth/envoy-example/authserver"
)

// walk goes through what a client sees, step by step. Each step needs the ones
// before it only for their tokens.
func (d *demo) walk(ctx context.Context) {
	d.withoutToken(ctx)
	d.discovery(ctx)
	token, clientID := d.authorization(ctx)
	d.toolCall(ctx, token, clientID)
	d.forgedIdentity(ctx, token)
	d.wrongAudience(ctx)
	d.missingScope(ctx)
	d.toolThatNeedsMore(ctx, token, clientID)
	d.clientThatRegisteredLess(ctx)
	d.brokenTokens(ctx, token)
}

func (d *demo) metadataURL() string {
	return d.origin + "/.well-known/oauth-protected-resource/notes"
}

// challenge is the exact WWW-Authenticate value that mcpauth sends, up to the
// description of the error.
func (d *demo) challenge(code, scope string) string {
	c := "Bearer "
	if code != "" {
		c += fmt.Sprintf("error=%q, ", code)
	}
	return c + fmt.Sprintf(`scope=%q, resource_metadata=%q`, scope, d.metadataURL())
}

// unreached runs a step and checks that no request of it reaches the MCP server.
func (d *demo) unreached(step func()) {
	before := d.mcp.Requests()
	step()
	d.term.equal("nothing reached the MCP server", strconv.Itoa(d.mcp.Requests()-before), "0")
}

// refused checks the status and the challenge of a refusal. The description of
// the error is free text: it is only checked to be there.
func (d *demo) refused(a *answer, status int, code, scope string) {
	d.term.equal(fmt.Sprintf("status %d", status), strconv.Itoa(a.status), strconv.Itoa(status))
	got, _, described := strings.Cut(a.challenge, ", error_description=")
	d.term.equal("the challenge: error "+code+", the scope, where the metadata is", got, d.challenge(code, scope))
	d.term.check(described, "a description says which check failed")
}

func (d *demo) withoutToken(ctx context.Context) {
	d.term.begin("A tool call without a token: 401, and where to learn more")
	d.unreached(func() {
		a := d.callTool(ctx, "whoami", "", nil)
		d.term.equal("status 401", strconv.Itoa(a.status), "401")
		d.term.equal("a challenge that names the metadata and, by challenge_scopes, all scopes, and no error", a.challenge, d.challenge("", allScopes))
	})
}

func (d *demo) discovery(ctx context.Context) {
	d.term.begin("Discovery: who gives tokens for this resource?")
	a := d.send(ctx, http.MethodGet, d.metadataURL(), nil, "")
	var prm struct {
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers"`
	}
	json.Unmarshal([]byte(a.body), &prm)
	d.term.equal("status 200", strconv.Itoa(a.status), "200")
	d.term.equal("the resource is the URL of the MCP server", prm.Resource, d.resource)
	d.term.equal("the authorization server is the configured issuer", strings.Join(prm.AuthorizationServers, " "), d.auth.Issuer())
	a = d.send(ctx, http.MethodGet, d.auth.Issuer()+"/.well-known/oauth-authorization-server", nil, "")
	d.term.equal("the authorization server describes itself", a.member("issuer"), d.auth.Issuer())
}

// callback is the client's redirect URI. No server listens there: the demo reads the
// redirect and does not follow it.
const callback = "http://127.0.0.1:33333/callback"

// allScopes are the scopes in the first challenge, by challenge_scopes.
const allScopes = "read:notes write:notes"

// authorization gets a token as every MCP client does, and returns it with the client
// ID.
func (d *demo) authorization(ctx context.Context) (token, clientID string) {
	d.term.begin("Registration with the scopes of the challenge, authorization with PKCE, token")
	clientID = d.register(ctx, allScopes)
	return d.token(ctx, clientID, "read:notes"), clientID
}

// register registers a client and returns its id.
func (d *demo) register(ctx context.Context, scope string) string {
	a := d.send(ctx, http.MethodPost, d.auth.Endpoint("register"), http.Header{"Content-Type": {"application/json"}},
		fmt.Sprintf(`{"client_name":"demo","redirect_uris":[%q],"token_endpoint_auth_method":"none","scope":%q}`, callback, scope))
	d.term.equal("the client is registered", strconv.Itoa(a.status), "201")
	d.term.equal("it may ask for "+scope+", and no other scope", a.member("scope"), scope)
	return a.member("client_id")
}

// authorize sends an authorization request and returns the parameters of the
// redirect.
func (d *demo) authorize(ctx context.Context, clientID, scope, verifier string) url.Values {
	challenge := sha256.Sum256([]byte(verifier))
	state := rand.Text()
	a := d.send(ctx, http.MethodGet, d.auth.Endpoint("authorize")+"?"+url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {callback}, "state": {state},
		"scope": {scope}, "resource": {d.resource},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}.Encode(), nil, "")
	back, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		back = &url.URL{}
	}
	d.term.equal("a redirect with our state comes back", back.Query().Get("state"), state)
	return back.Query()
}

// token gets a token for a client that is registered.
func (d *demo) token(ctx context.Context, clientID, scope string) string {
	verifier := rand.Text() + rand.Text()
	back := d.authorize(ctx, clientID, scope, verifier)
	a := d.form(ctx, d.auth.Endpoint("token"), url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {callback},
		"client_id": {clientID}, "code_verifier": {verifier}, "resource": {d.resource},
	})
	token := a.member("access_token")
	d.term.check(a.status == http.StatusOK && token != "", "the code became an access token")
	return token
}

func (d *demo) toolCall(ctx context.Context, token, clientID string) {
	d.term.begin("The tool call with the token: who does the MCP server see?")
	id := d.identity(d.callTool(ctx, "whoami", token, nil))
	d.term.equal("the subject is "+authserver.User, id.Identity["x-mcpauth-subject"], authserver.User)
	d.term.equal("the client is "+clientID, id.Identity["x-mcpauth-client"], clientID)
	d.term.equal("the scope is read:notes", id.Identity["x-mcpauth-scope"], "read:notes")
	d.term.equal("the issuer is "+d.auth.Issuer(), id.Identity["x-mcpauth-issuer"], d.auth.Issuer())
	expires, _ := strconv.ParseInt(id.Identity["x-mcpauth-expires"], 10, 64)
	d.term.check(time.Until(time.Unix(expires, 0)) > 0, "the time of expiry, in the future")
	d.term.check(!id.AuthorizationPresent, "the token itself stays at the gateway")
}

// caller is the result of the tool whoami.
type caller struct {
	Identity             map[string]string `json:"identity"`
	AuthorizationPresent bool              `json:"authorization_present"`
}

func (d *demo) identity(a *answer) caller {
	var doc struct {
		Result struct {
			StructuredContent *caller `json:"structuredContent"`
		} `json:"result"`
	}
	err := json.Unmarshal([]byte(a.body), &doc)
	if !d.term.check(a.status == http.StatusOK && err == nil && doc.Result.StructuredContent != nil, "the tool answered") {
		return caller{AuthorizationPresent: true}
	}
	return *doc.Result.StructuredContent
}

func (d *demo) forgedIdentity(ctx context.Context, token string) {
	d.term.begin("A client that claims to be somebody else")
	id := d.identity(d.callTool(ctx, "whoami", token, http.Header{"X-Mcpauth-Subject": {"root"}}))
	d.term.equal("the subject is the token's", id.Identity["x-mcpauth-subject"], authserver.User)
}

// issue asks for a token with the client credentials grant.
func (d *demo) issue(ctx context.Context, resource, scope string) string {
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {scope}}
	basic := base64.StdEncoding.EncodeToString([]byte(demoClient.ID + ":" + demoClient.Secret))
	return d.send(ctx, http.MethodPost, d.auth.Endpoint("token"),
		http.Header{"Content-Type": {formType}, "Authorization": {"Basic " + basic}}, form.Encode()).member("access_token")
}

func (d *demo) wrongAudience(ctx context.Context) {
	d.term.begin("A good token that was given for another resource: 401")
	d.unreached(func() {
		token := d.issue(ctx, otherResource, "read:notes")
		d.refused(d.callTool(ctx, "whoami", token, nil), http.StatusUnauthorized, "invalid_token", allScopes)
	})
}

func (d *demo) missingScope(ctx context.Context) {
	d.term.begin("A token without the scope that is required: 403")
	d.unreached(func() {
		token := d.issue(ctx, d.resource, "write:notes")
		d.refused(d.callTool(ctx, "whoami", token, nil), http.StatusForbidden, "insufficient_scope", "read:notes")
	})
}

func (d *demo) toolThatNeedsMore(ctx context.Context, token, clientID string) {
	d.term.begin("A tool that needs more than the token has: 403, and all that it needs")
	d.unreached(func() {
		d.refused(d.callTool(ctx, "add_note", token, nil), http.StatusForbidden, "insufficient_scope", "read:notes write:notes")
	})
	d.term.begin("Step-up: the client asks for that, and tries again")
	d.term.text("   It may, because it registered with these scopes: challenge_scopes named them at once.")
	a := d.callTool(ctx, "add_note", d.token(ctx, clientID, "read:notes write:notes"), nil)
	d.term.equal("status 200", strconv.Itoa(a.status), "200")
}

func (d *demo) clientThatRegisteredLess(ctx context.Context) {
	d.term.begin("Without challenge_scopes: a client that registered with required_scopes alone")
	d.term.text("   This authorization server holds clients to what they registered, as Keycloak, Ory\n   Hydra and oidc-provider do.")
	back := d.authorize(ctx, d.register(ctx, "read:notes"), "read:notes write:notes", rand.Text()+rand.Text())
	d.term.equal("no step-up: invalid_scope", back.Get("error"), "invalid_scope")
}

func (d *demo) brokenTokens(ctx context.Context, token string) {
	d.term.begin("A token with another payload under the old signature: 401")
	d.unreached(func() {
		d.refused(d.callTool(ctx, "whoami", withSubject(token, "root"), nil), http.StatusUnauthorized, "invalid_token", allScopes)
	})
	d.term.begin("A token that has expired: 401")
	d.unreached(func() {
		expired := d.auth.Mint(authserver.Token{Resource: d.resource, Scope: "read:notes",
			Claims: map[string]any{"exp": time.Now().Add(-time.Hour).Unix(), "iat": time.Now().Add(-2 * time.Hour).Unix()}})
		d.refused(d.callTool(ctx, "whoami", expired, nil), http.StatusUnauthorized, "invalid_token", allScopes)
	})
}

// withSubject replaces the subject in a token's payload and nothing else.
func withSubject(token, subject string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return token
	}
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	json.Unmarshal(payload, &claims)
	claims["sub"] = subject
	payload, _ = json.Marshal(claims)
	parts[1] = base64.RawURLEncoding.EncodeToString(payload)
	return strings.Join(parts, ".")
}
