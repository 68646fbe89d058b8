package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"mcpauth/cmd/mcpauth/internal/probe"
	"mcpauth/cmd/mcpauth/internal/report"
)

// trialRedirect is the redirect URI of the trial client. Nothing listens there.
const trialRedirect = "http://127.0.0.1:33418/callback"

// A trial is a client that was registered to see whether that is possible.
type trial struct {
	exchange *probe.Exchange
	client   registered
	// first is the authorization request with the scopes of the challenge, wider the one
	// with all scopes of the resource; nil if there are no more.
	first, wider *probe.Exchange
	widerScopes  []string
}

// registered is the answer of a registration endpoint (RFC 7591, section 3.2.1; RFC 7592).
type registered struct {
	ID          string `json:"client_id"`
	Secret      string `json:"client_secret"`
	Scope       string `json:"scope"`
	AuthMethod  string `json:"token_endpoint_auth_method"`
	AccessToken string `json:"registration_access_token"`
	URI         string `json:"registration_client_uri"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// register registers a public client, as the SDKs do.
func (o *Observation) register(ctx context.Context, s *server, redirect string) *trial {
	metadata := map[string]any{
		"client_name": "mcpauth doctor", "redirect_uris": []string{redirect},
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
		"token_endpoint_auth_method": "none",
	}
	if scopes := o.challenge.scopes(); len(scopes) > 0 {
		metadata["scope"] = strings.Join(scopes, " ")
	}
	body, err := json.Marshal(metadata)
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	t := &trial{exchange: o.client.Do(ctx, http.MethodPost, s.metadata.RegistrationEndpoint, body, "Content-Type", "application/json", "Accept", "application/json")}
	if t.exchange.Err == nil {
		json.Unmarshal(t.exchange.Body, &t.client)
	}
	o.Secrets.Add(t.client.Secret, t.client.AccessToken)
	return t
}

// ok reports whether the registration has succeeded.
func (t *trial) ok() bool {
	return t.exchange.Err == nil && (t.exchange.Status == http.StatusCreated || t.exchange.Status == http.StatusOK) && t.client.ID != ""
}

// unregister removes the client, where the server can do that (RFC 7592, section 2.3).
func (o *Observation) unregister(ctx context.Context, t *trial) {
	if t.client.URI != "" && t.client.AccessToken != "" {
		o.client.Do(ctx, http.MethodDelete, t.client.URI, nil, "Authorization", "Bearer "+t.client.AccessToken)
	}
}

func observeRegistration(ctx context.Context, o *Observation) {
	for _, s := range o.servers {
		if s.metadata == nil || s.metadata.RegistrationEndpoint == "" || s.metadata.AuthorizationEndpoint == "" {
			continue
		}
		o.Progress("registers a client at " + s.issuer)
		t := o.register(ctx, s, trialRedirect)
		s.trial = t
		if !t.ok() {
			continue
		}
		t.first = o.authorize(ctx, s, t.client.ID, o.challenge.scopes())
		if o.metadata != nil {
			for _, scope := range o.metadata.Scopes {
				if !slices.Contains(o.challenge.scopes(), scope) {
					t.widerScopes = append(t.widerScopes, scope)
				}
			}
		}
		if len(t.widerScopes) > 0 {
			t.wider = o.authorize(ctx, s, t.client.ID, append(slices.Clone(o.challenge.scopes()), t.widerScopes...))
		}
		o.unregister(ctx, t)
	}
}

// authorize sends an authorization request as a browser would, without a session.
func (o *Observation) authorize(ctx context.Context, s *server, client string, scopes []string) *probe.Exchange {
	c := oauth2.Config{ClientID: client, RedirectURL: trialRedirect, Scopes: scopes, Endpoint: oauth2.Endpoint{AuthURL: s.metadata.AuthorizationEndpoint}}
	verifier := oauth2.GenerateVerifier()
	target := c.AuthCodeURL("mcpauth-doctor-"+oauth2.GenerateVerifier()[:16], oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("resource", o.metadata.Resource))
	x := o.client.Do(ctx, http.MethodGet, target, nil, "Accept", "text/html")
	o.Secrets.Add(queryOf(x.Redirect()).Get("code"))
	return x
}

// authorizationError returns the error of an authorization response, "" if there is none.
func authorizationError(x *probe.Exchange) (code, description string) {
	if x.Err != nil {
		return "no answer", x.Fault()
	}
	if to := x.Redirect(); strings.HasPrefix(to, trialRedirect) {
		q := queryOf(to)
		return q.Get("error"), q.Get("error_description")
	}
	if x.Status >= 400 {
		for _, code := range []string{"invalid_scope", "invalid_target", "invalid_request", "unauthorized_client", "invalid_client"} {
			if bytes.Contains(x.Body, []byte(code)) {
				return code, ""
			}
		}
		return fmt.Sprintf("status %d", x.Status), ""
	}
	return "", ""
}

var registrationChecks = []check{
	{"register", eachServer(checkRegister)},
	{"sign-in-request", eachServer(checkSignInRequest)},
	{"step-up", eachServer(checkStepUp)},
	{"iss-response", eachServer(checkIssResponse)},
}

func checkRegister(o *Observation, s *server) []report.Result {
	t := s.trial
	if t == nil {
		return nil
	}
	if !t.ok() {
		reason := fmt.Sprintf("status %d", t.exchange.Status)
		if t.exchange.Err != nil {
			reason = t.exchange.Fault()
		} else if t.client.Error != "" {
			reason += ", " + t.client.Error + ": " + t.client.Description
		}
		fix := "allow anonymous registration at the provider, with loopback redirect URIs and the scopes of the challenge"
		if strings.Contains(strings.ToLower(t.client.Error+t.client.Description), "scope") {
			fix = "create the scopes of the challenge at the provider, and let clients register with them"
		}
		return one(report.Failure, "a client that asks for the scopes of the challenge cannot register: "+reason, fix, "RESOURCE.challenge_scopes")
	}
	if t.client.AuthMethod != "" && t.client.AuthMethod != "none" {
		return one(report.Note, "a public client becomes a confidential one ("+t.client.AuthMethod+")", "", "")
	}
	return pass("a public client can register with the scopes of the challenge")
}

func checkSignInRequest(o *Observation, s *server) []report.Result {
	if s.trial == nil || s.trial.first == nil {
		return nil
	}
	code, description := authorizationError(s.trial.first)
	switch code {
	case "":
		return pass("the server takes the authorization request with the resource and the scopes of the challenge")
	case "invalid_target":
		return one(report.Failure, "the server refuses the resource "+o.metadata.Resource+" (invalid_target) "+description,
			"make the resource's URL known to the provider, as an API, audience or resource server", "RESOURCE.resource")
	case "invalid_scope":
		return one(report.Failure, "the server refuses the scopes of the challenge (invalid_scope) "+description,
			"create the scopes at the provider, and let clients ask for them", "RESOURCE.required_scopes")
	}
	return one(report.Failure, strings.TrimSpace("the server refuses the authorization request: "+code+" "+description), "see the server's log", "")
}

func checkStepUp(o *Observation, s *server) []report.Result {
	t := s.trial
	if t == nil || t.wider == nil {
		return nil
	}
	if code, _ := authorizationError(t.first); code != "" {
		return nil
	}
	code, _ := authorizationError(t.wider)
	if code == "" {
		return pass("a client may ask for the further scopes %s later", strings.Join(t.widerScopes, " "))
	}
	return one(report.Warning, fmt.Sprintf("the server binds clients to the scopes with which they register: one that registers with those of the challenge cannot ask for %s later (%s), and step-up fails",
		strings.Join(t.widerScopes, " "), code), `set "challenge_scopes": "all", so that clients register with all scopes`, "RESOURCE.challenge_scopes")
}

func checkIssResponse(_ *Observation, s *server) []report.Result {
	if s.trial == nil || s.trial.first == nil || s.metadata == nil {
		return nil
	}
	to := s.trial.first.Redirect()
	if !strings.HasPrefix(to, trialRedirect) {
		return nil
	}
	u, err := url.Parse(to)
	if err != nil {
		return nil
	}
	iss, there := u.Query()["iss"]
	switch {
	case s.metadata.IssuerParameter && !there:
		return one(report.Failure, "the metadata promises iss in authorization responses (RFC 9207), and the response has none: clients refuse it", "correct the provider", "")
	case there && iss[0] != s.issuer:
		return one(report.Failure, "authorization responses name the issuer "+iss[0]+", not "+s.issuer+": clients refuse them", "write in issuer what the server calls itself", "SERVER.issuer")
	}
	return nil
}
