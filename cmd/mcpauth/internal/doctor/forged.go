package doctor

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"mcpauth/cmd/mcpauth/internal/advice"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/jwtlite"
)

// forge returns a token of an issuer that nobody has signed. The gateway must refuse it; how
// it does so tells whether it has keys.
func forge(issuer, audience, alg string, now time.Time) string {
	part := func(v map[string]any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // maps of strings and numbers always marshal
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	size := 256 // that of the usual RSA keys
	switch alg {
	case "ES256", "EdDSA":
		size = 64
	case "ES384":
		size = 96
	case "ES512":
		size = 132
	}
	signature := make([]byte, size)
	rand.Read(signature)
	return part(map[string]any{"alg": alg, "typ": "at+jwt", "kid": "mcpauth-doctor"}) + "." +
		part(map[string]any{
			"iss": issuer, "aud": audience, "sub": "mcpauth-doctor", "client_id": "mcpauth-doctor",
			"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": rand.Text(),
		}) + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func observeForged(ctx context.Context, o *Observation) {
	audience := o.URL
	if o.metadata != nil {
		audience = o.metadata.Resource
	}
	for _, s := range o.servers {
		o.Progress("asks the gateway for its keys of " + s.issuer)
		for _, a := range o.algorithms(s) {
			s.forged = o.post(ctx, forge(s.issuer, audience, a.String(), time.Now()), versions[0])
			if a, ok := answerOf(s.forged); !ok || !strings.HasPrefix(a.Description, "the token algorithm ") {
				break
			}
		}
	}
}

// algorithms returns those of the configuration, or all, the usual ones first.
func (o *Observation) algorithms(s *server) []jwtlite.Algorithm {
	if c := o.configured(s); c != nil && len(c.Algorithms) > 0 {
		return c.Algorithms
	}
	return append([]jwtlite.Algorithm{jwtlite.RS256, jwtlite.ES256}, jwtlite.Algorithms()...)
}

var forgedChecks = []check{{"gateway-keys", eachServer(checkForged)}}

// checkForged judges the answer to a forged token.
func checkForged(o *Observation, s *server) []report.Result {
	x := s.forged
	if x == nil {
		return nil
	}
	a, ours := answerOf(x)
	switch {
	case x.Err != nil:
		return one(report.Failure, "a request with a token gets no answer: "+x.Fault(), "search Envoy's log for `mcpauth:`", "")
	case isRBAC(x):
		return one(report.Failure, "the guard refuses requests with a token, though the plugin runs", "the guard must stand behind the plugin", "verdict_header")
	case x.Status == http.StatusServiceUnavailable && x.Header.Get("Retry-After") == "":
		return one(report.Failure, "503 without Retry-After to a request with a token: the plugin has crashed", "search Envoy's log for `panic`", "")
	case x.Status == http.StatusServiceUnavailable:
		fix := "correct what is said above about the authorization server; Envoy's log has `no keys fetched: …`"
		if s.keySet != nil && s.metadata.Issuer == s.issuer {
			fix = "the keys are fine from here, so Envoy does not reach them: cluster must name a cluster that leads to the server, with TLS and sni; Envoy's log has `no keys fetched: …`"
		}
		return one(report.Failure, "the gateway has no keys of this server, and answers 503 to every token: "+a.Description, fix, "SERVER.cluster")
	case !ours || x.Status != http.StatusUnauthorized && x.Status != http.StatusForbidden:
		return one(report.Failure, fmt.Sprintf("A FORGED TOKEN PASSES: the gateway does not check signatures (status %d)", x.Status),
			"the plugin does not run for requests with a token: look at the order of the filters and at other filters that authenticate", "")
	}
	switch d := a.Description; {
	case strings.HasPrefix(d, "the token is from another issuer") && s.metadata != nil && strings.Contains(s.metadata.Issuer, "{"):
		return one(report.Note, "the server has tenants: whether the gateway has its keys cannot be told without a token of one", "", "SERVER.tenants")
	case strings.HasPrefix(d, "the token is from another issuer"):
		return one(report.Failure, "the gateway names this issuer, but does not trust its tokens: "+d, "is another authorization server meant?", "SERVER.issuer")
	case strings.HasPrefix(d, "the token algorithm"):
		return one(report.Note, "the gateway accepts none of the algorithms that were tried; whether it has keys cannot be told from here", "", "SERVER.algorithms")
	case strings.HasPrefix(d, "JWTs of this issuer"):
		return one(report.Note, "the gateway asks the server about its tokens, and does not accept JWTs", "", "")
	case strings.HasPrefix(d, "the token is not active"), strings.HasPrefix(d, "the authorization server names no user"), strings.HasPrefix(d, "what the authorization server says"):
		return pass("the gateway asks the server about tokens, and refuses a forged one")
	case strings.HasPrefix(d, "the signing key"), strings.HasPrefix(d, "the signature"):
		return pass("the gateway has keys of this server, and refuses a forged token")
	}
	known, _ := advice.Refusal(a.Description)
	return one(report.Note, "the gateway refuses a forged token: "+a.Description, known.Fix, known.Setting)
}
