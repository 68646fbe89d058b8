package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"mcpauth/cmd/mcpauth/internal/advice"
	"mcpauth/cmd/mcpauth/internal/judge"
	"mcpauth/cmd/mcpauth/internal/probe"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/config"
	"mcpauth/jwtlite"
)

// A tokenResult is what became of a token.
type tokenResult struct {
	token    *jwtlite.Token
	err      error // of parsing it
	jwt      bool  // it has three parts
	live     *probe.Exchange
	answer   answer
	ours     bool           // the plugin answered
	verdict  *judge.Verdict // by the configuration; nil if that is not known
	fault    error          // why there is no verdict
	scopeSet []string
	audience []string
}

// accepted reports whether the gateway has let the token pass.
func (o *Observation) accepted() bool {
	return o.token != nil && o.token.live.Err == nil && !o.token.ours && o.token.live.Status != http.StatusUnauthorized &&
		!isRBAC(o.token.live) && o.token.live.Status != http.StatusServiceUnavailable
}

func observeToken(ctx context.Context, o *Observation) {
	o.token = o.try(ctx, o.Token)
}

// try sends a request with a token.
func (o *Observation) try(ctx context.Context, token string) *tokenResult {
	t := &tokenResult{token: &jwtlite.Token{}, jwt: strings.Count(token, ".") == 2}
	if t.err = t.token.Parse(token); t.err == nil {
		t.audience = t.token.Claims().AppendAudience(nil)
		t.scopeSet = t.token.Claims().AppendScopes(nil)
	}
	t.live = o.post(ctx, token, versions[0])
	t.answer, t.ours = answerOf(t.live)
	if t.ours && t.live.Status != http.StatusUnauthorized && t.live.Header.Get("WWW-Authenticate") == "" && !slices.Contains(pluginErrors, t.answer.Error) {
		t.ours = false // the MCP server's own error
	}
	if o.config != nil {
		v, err := judge.Decide(o.Found.JSON, o.keySets(), o.URL, token, time.Now())
		t.verdict, t.fault = &v, err
	}
	return t
}

// pluginErrors are the errors of the plugin that have no challenge.
var pluginErrors = []string{"access_denied", "invalid_request", "temporarily_unavailable", "not_found", "origin_not_allowed", "content_too_large", "unsupported_media_type"}

// keySets returns the keys of the authorization servers that were fetched.
func (o *Observation) keySets() map[string][]byte {
	sets := map[string][]byte{}
	for _, s := range o.servers {
		if c := o.configured(s); s.keySet != nil && c != nil && c.Source.Kind != config.Static {
			sets[s.issuer] = s.keys.Body
		}
	}
	return sets
}

var tokenChecks = []check{
	{"token-claims", checkClaims},
	{"token-form", checkForm},
	{"token-kind", checkKind},
	{"token-issuer", checkTokenIssuer},
	{"token-time", checkTokenTime},
	{"token-audience", checkTokenAudience},
	{"token-signature", checkTokenSignature},
	{"token-config", checkTokenConfig},
	{"token-gateway", checkTokenGateway},
}

// checkClaims shows the claims that decide. It shows neither the user nor the token.
func checkClaims(o *Observation) []report.Result {
	t := o.token
	if t.err != nil {
		return nil
	}
	c := t.token.Claims()
	kid, _ := t.token.KeyID()
	parts := []string{"alg " + t.token.AlgorithmName(), "kid " + quoteID(kid)}
	if typ := t.token.Type(); typ != "" {
		parts = append(parts, "typ "+typ)
	}
	parts = append(parts, "iss "+c.Issuer, "aud "+orNone(t.audience), "scope "+orNone(t.scopeSet), "client "+orNone([]string{c.ClientID}))
	if c.Expires.Set {
		parts = append(parts, "exp "+c.Expires.Time().UTC().Format(time.RFC3339))
	}
	return one(report.Note, strings.Join(parts, ", "), "", "")
}

func orNone(list []string) string {
	if s := strings.Join(list, " "); s != "" {
		return s
	}
	return "(none)"
}

func checkForm(o *Observation) []report.Result {
	t := o.token
	switch {
	case t.err == nil:
		return nil
	case !t.jwt && o.accepted():
		return one(report.Note, "the token is opaque; the gateway asks the authorization server about it", "", "")
	case !t.jwt:
		r := one(report.Failure, "the token is opaque, and the gateway refuses it", "have the provider issue JWTs, or configure introspection or userinfo", "SERVER.introspection")
		if c := o.config; c != nil && o.resource != nil {
			for _, s := range o.resource.AuthorizationServers {
				if s.Introspection != nil {
					r[0].Fix, r[0].Message = "look at the gateway's credentials for the endpoint", "the token is opaque, and the gateway refuses it: "+t.answer.Description
				}
			}
		}
		return r
	}
	known, _ := advice.Refusal(t.err.Error())
	return one(report.Failure, t.err.Error(), known.Fix, known.Setting)
}

// checkKind tells an ID token and others from an access token.
func checkKind(o *Observation) []report.Result {
	if o.token.err != nil {
		return nil
	}
	var policy jwtlite.Policy
	if o.metadata.TLSBound {
		policy.Confirms |= jwtlite.ConfirmsCertificate
	}
	if len(o.metadata.DPoP) > 0 {
		policy.Confirms |= jwtlite.ConfirmsKey
	}
	err := policy.CheckType(o.token.token)
	if err == nil {
		return nil
	}
	known, _ := advice.Refusal(err.Error())
	return one(report.Failure, err.Error(), known.Fix, known.Setting)
}

func checkTokenIssuer(o *Observation) []report.Result {
	if o.token.err != nil {
		return nil
	}
	issuer := o.token.token.Claims().Issuer
	if slices.Contains(o.metadata.Servers, issuer) || slices.ContainsFunc(o.servers, func(s *server) bool { return o.issues(s, issuer) }) {
		return pass("iss is an authorization server of the resource")
	}
	for _, s := range o.metadata.Servers {
		if s == o.target.Scheme+"://"+o.target.Host {
			return one(report.Note, "iss is not published: the gateway stands in for the provider", "", "")
		}
	}
	hint := ""
	for _, s := range o.metadata.Servers {
		if strings.TrimSuffix(s, "/") == strings.TrimSuffix(issuer, "/") {
			hint = ": it differs in a slash at the end"
		} else if strings.Replace(s, "localhost", "127.0.0.1", 1) == strings.Replace(issuer, "localhost", "127.0.0.1", 1) {
			hint = ": localhost and 127.0.0.1 are different hosts"
		}
	}
	return one(report.Failure, "iss is "+issuer+", which is no authorization server of the resource"+hint, "sign in at "+strings.Join(o.metadata.Servers, " or ")+", or correct issuer", "SERVER.issuer")
}

func checkTokenTime(o *Observation) []report.Result {
	if o.token.err != nil {
		return nil
	}
	c, now := o.token.token.Claims(), time.Now()
	switch {
	case !c.Expires.Set:
		return one(report.Failure, "the token has no exp", "have the provider issue tokens with exp", "")
	case now.After(c.Expires.Time().Add(config.DefaultClockSkew)):
		return one(report.Failure, fmt.Sprintf("the token has expired, %s ago", now.Sub(c.Expires.Time()).Round(time.Second)), "get a new one; if it is new, compare the clocks of provider and gateway", "SERVER.clock_skew_seconds")
	case c.NotBefore.Set && c.NotBefore.Time().After(now.Add(config.DefaultClockSkew)):
		return one(report.Failure, fmt.Sprintf("the token is valid in %s only", c.NotBefore.Time().Sub(now).Round(time.Second)), "compare the clocks of provider and gateway", "SERVER.clock_skew_seconds")
	}
	return pass("it is valid for %s more", c.Expires.Time().Sub(now).Round(time.Second))
}

func checkTokenAudience(o *Observation) []report.Result {
	t := o.token
	if t.err != nil || o.accepted() {
		return nil
	}
	if slices.Contains(t.audience, o.metadata.Resource) {
		return pass("aud has the resource")
	}
	want := []string{o.metadata.Resource}
	if o.resource != nil {
		want = append(want, o.resource.Audiences...)
		if slices.ContainsFunc(t.audience, func(a string) bool { return slices.Contains(o.resource.Audiences, a) }) {
			return pass("aud has one of audiences")
		}
	}
	if !strings.Contains(t.answer.Description, "audience") {
		return nil // audiences is not known here, and another check comes first
	}
	fix := "have the provider put " + o.metadata.Resource + " into aud, or list what it sends in audiences"
	switch {
	case len(t.audience) == 0, slices.Contains(t.audience, "account"):
		fix = "Keycloak: add a client scope with an audience mapper for " + o.metadata.Resource + ", and make it a default scope of the realm, so that clients that register get it; " +
			"other providers: an API with this identifier, asked for by resource"
	case slices.ContainsFunc(t.audience, func(a string) bool {
		return strings.TrimSuffix(a, "/") == strings.TrimSuffix(o.metadata.Resource, "/")
	}):
		fix = "aud differs from resource in a slash at the end: write in resource what the provider sends"
	}
	return one(report.Failure, "aud is "+orNone(t.audience)+", not "+strings.Join(want, " or "), fix, "RESOURCE.audiences")
}

// issues reports whether tokens of s have this issuer: that of a tenant, if s has tenants.
func (o *Observation) issues(s *server, issuer string) bool {
	if c := o.configured(s); c != nil {
		return c.AcceptsIssuer(issuer)
	}
	if s.metadata != nil {
		prefix, rest, template := strings.Cut(s.metadata.Issuer, "{")
		if _, suffix, closed := strings.Cut(rest, "}"); template && closed {
			tenant, begins := strings.CutPrefix(issuer, prefix)
			tenant, ends := strings.CutSuffix(tenant, suffix)
			return begins && ends && tenant != "" && !strings.Contains(tenant, "/")
		}
	}
	return s.issuer == issuer
}

func checkTokenSignature(o *Observation) []report.Result {
	t := o.token
	if t.err != nil {
		return nil
	}
	for _, s := range o.servers {
		if !o.issues(s, t.token.Claims().Issuer) || s.keySet == nil {
			continue
		}
		if err := s.keySet.Verify(jwtlite.Software{}, t.token); err != nil {
			known, _ := advice.Refusal(err.Error())
			return one(report.Failure, err.Error()+": none of the keys of "+s.issuer+" fits", known.Fix, known.Setting)
		}
		return pass("a key of %s verifies the signature", s.issuer)
	}
	return nil
}

// checkTokenConfig says what the configuration does with the token.
func checkTokenConfig(o *Observation) []report.Result {
	t := o.token
	switch {
	case o.config == nil || !t.jwt:
		return nil
	case t.fault != nil:
		return one(report.Skipped, "the configuration cannot be tried: "+t.fault.Error(), "", "")
	case t.verdict.Passes && t.verdict.Unchecked:
		return one(report.Note, "the configuration lets the token pass, if its signature is right", "", "")
	case t.verdict.Passes && t.ours:
		return one(report.Failure, "the configuration lets the token pass, but the gateway does not: it runs another configuration, or another path or host reaches the plugin",
			"apply the configuration, and search Envoy's log for `mcpauth:`", "$")
	case t.verdict.Passes:
		return pass("the configuration lets the token pass")
	case !t.ours && o.accepted():
		return one(report.Failure, "the gateway lets the token pass, but the configuration does not ("+t.verdict.Description+"): it runs another configuration",
			"apply the configuration, and search Envoy's log for `mcpauth:`", "$")
	}
	known, _ := advice.Refusal(t.verdict.Description)
	return one(report.Failure, fmt.Sprintf("the configuration refuses it: %s %s", t.verdict.Error, t.verdict.Description), known.Fix, known.Setting)
}

// checkTokenGateway says what the gateway does with the token.
func checkTokenGateway(o *Observation) []report.Result {
	t := o.token
	x := t.live
	switch {
	case x.Err != nil:
		return one(report.Failure, "a request with the token gets no answer: "+x.Fault(), "search Envoy's log for `mcpauth:`", "")
	case isRBAC(x):
		return one(report.Failure, "the guard refuses the request, though the plugin runs", `set "verdict_header": true; the guard must stand behind the plugin`, "verdict_header")
	case x.Status == http.StatusServiceUnavailable && t.ours:
		return one(report.Failure, "the gateway cannot check the token: "+t.answer.Description, "Envoy's log says why after `mcpauth:`", "SERVER.cluster")
	case t.ours && t.answer.Error == "insufficient_scope":
		c := parseChallenge(x.Header.Values("WWW-Authenticate"))
		return one(report.Failure, "the token lacks a scope: the resource needs "+orNone(c.scopes())+", and the token has "+orNone(t.scopeSet),
			"grant it at the provider; if the token has it in another claim, set scope_claims", "RESOURCE.required_scopes")
	case t.ours && t.answer.Error == "access_denied":
		return one(report.Failure, "the token lacks a claim: "+t.answer.Description, "have the provider put the claim into tokens, or add the user to the group", "RESOURCE.required_claims")
	case t.ours:
		known, _ := advice.Refusal(t.answer.Description)
		return one(report.Failure, fmt.Sprintf("the gateway refuses the token, with status %d: %s", x.Status, t.answer.Description), known.Fix, known.Setting)
	case x.Status == http.StatusUnauthorized:
		return one(report.Failure, "401, not from the plugin: the MCP server itself wants a token, which the plugin has taken out",
			`switch off authentication in the server, or set "forward": true`, "RESOURCE.forward")
	}
	return pass("the gateway lets the token pass")
}

// rpc is a JSON-RPC response.
type rpc struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}
