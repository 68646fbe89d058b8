package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"mcpauth/cmd/mcpauth/internal/report"
)

// Login says how a user signs in.
type Login struct {
	// ClientID is a client that is registered by hand; empty to register one.
	ClientID string
	// Port of the callback on 127.0.0.1, 0 for any.
	Port int
	// Timeout bounds how long the user may take.
	Timeout time.Duration
	// Open shows a URL to the user in a browser.
	Open func(url string) error
}

// A loginResult is how a sign-in went.
type loginResult struct {
	server *server
	err    error
	stage  string // that failed
	token  *oauth2.Token

	refreshed  bool
	refreshErr error
	stepUp     []string // the further scopes that were asked for
	stepUpErr  error
	granted    []string
}

func observeLogin(ctx context.Context, o *Observation) {
	r := &loginResult{}
	o.login = r
	for _, s := range o.servers {
		if s.metadata != nil && s.metadata.AuthorizationEndpoint != "" && s.metadata.TokenEndpoint != "" {
			r.server = s
			break
		}
	}
	if r.server == nil {
		r.stage, r.err = "find", errors.New("no authorization server has the endpoints")
		return
	}
	// The user takes longer than all other steps together.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Login.Timeout)
	defer cancel()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.Login.Port))
	if err != nil {
		r.stage, r.err = "listen", err
		return
	}
	defer listener.Close()
	redirect := fmt.Sprintf("http://127.0.0.1:%d/callback", listener.Addr().(*net.TCPAddr).Port)
	c := &oauth2.Config{
		ClientID: o.Login.ClientID, RedirectURL: redirect, Scopes: o.challenge.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: r.server.metadata.AuthorizationEndpoint, TokenURL: r.server.metadata.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams},
	}
	if c.ClientID == "" {
		if r.server.metadata.RegistrationEndpoint == "" {
			r.stage, r.err = "register", errors.New("the server registers no clients: pass --client-id")
			return
		}
		t := o.register(ctx, r.server, redirect)
		if !t.ok() {
			r.stage, r.err = "register", fmt.Errorf("status %d %s %s", t.exchange.Status, t.client.Error, t.client.Description)
			return
		}
		defer o.unregister(context.WithoutCancel(ctx), t)
		c.ClientID, c.ClientSecret = t.client.ID, t.client.Secret
	}
	// The library takes its HTTP client from the context.
	ctx = context.WithValue(ctx, oauth2.HTTPClient, o.client.HTTP())
	back := &callback{o: o, issuer: r.server.issuer, responses: make(chan response, 1)}
	mux := http.NewServeMux()
	mux.Handle("GET /callback", back)
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go web.Serve(listener)
	defer web.Close()
	if r.token, r.stage, r.err = o.signIn(ctx, c, back); r.err != nil {
		return
	}
	o.Token = r.token.AccessToken
	r.granted = strings.Fields(fmt.Sprint(r.token.Extra("scope")))
	if r.token.RefreshToken != "" {
		o.refresh(ctx, c, r)
	}
	o.askForMore(ctx, c, back, r)
}

// A callback is where the authorization server sends the user back to. One server takes the
// answers to all requests of a login.
type callback struct {
	o         *Observation
	issuer    string
	responses chan response

	mu    sync.Mutex
	state string // of the request that waits
}

// A response is an authorization response: a code, or what is wrong.
type response struct{ code, fault string }

func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c.mu.Lock()
	expected := c.state != "" && q.Get("state") == c.state
	if expected {
		c.state = "" // once
	}
	c.mu.Unlock()
	if !expected {
		http.Error(w, "This is not the answer to the request of mcpauth doctor.", http.StatusBadRequest)
		return
	}
	answer := response{code: q.Get("code")}
	c.o.Secrets.Add(answer.code)
	switch iss := q.Get("iss"); {
	case q.Get("error") != "":
		answer.fault = strings.TrimSpace(q.Get("error") + " " + q.Get("error_description"))
	case iss != "" && iss != c.issuer:
		answer.fault = "the answer is from another issuer, " + iss
	case answer.code == "":
		answer.fault = "the answer has no code"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "mcpauth doctor has the answer. You may close this page.")
	c.responses <- answer
}

// expect makes a state for the next request.
func (c *callback) expect() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = oauth2.GenerateVerifier()
	return c.state
}

// signIn has the user sign in and returns the token, or the stage that failed.
func (o *Observation) signIn(ctx context.Context, c *oauth2.Config, back *callback) (*oauth2.Token, string, error) {
	state, verifier := back.expect(), oauth2.GenerateVerifier()
	o.Secrets.Add(state, verifier)
	resource := oauth2.SetAuthURLParam("resource", o.metadata.Resource)
	target := c.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), resource)
	o.Progress("waits for the sign-in in the browser")
	if err := o.Login.Open(target); err != nil {
		return nil, "browser", err
	}
	select {
	case <-ctx.Done():
		return nil, "browser", errors.New("nobody has signed in in time: see --login-timeout")
	case r := <-back.responses:
		if r.fault != "" {
			return nil, "authorize", errors.New(r.fault)
		}
		token, err := c.Exchange(ctx, r.code, oauth2.VerifierOption(verifier), resource)
		if err != nil {
			return nil, "token", tokenError(err)
		}
		o.Secrets.Add(token.AccessToken, token.RefreshToken, fmt.Sprint(token.Extra("id_token")))
		return token, "", nil
	}
}

// tokenError returns the error of a token endpoint without the body, which may have secrets.
func tokenError(err error) error {
	var r *oauth2.RetrieveError
	if errors.As(err, &r) {
		if r.ErrorCode != "" {
			return fmt.Errorf("%s %s", r.ErrorCode, r.ErrorDescription)
		}
		return fmt.Errorf("the token endpoint answers with status %d, and not as OAuth says", r.Response.StatusCode)
	}
	return err
}

// refresh gets a new token by the refresh token.
func (o *Observation) refresh(ctx context.Context, c *oauth2.Config, r *loginResult) {
	o.Progress("refreshes the token")
	fresh, err := c.TokenSource(ctx, &oauth2.Token{RefreshToken: r.token.RefreshToken}).Token()
	if err != nil {
		r.refreshErr = tokenError(err)
		return
	}
	o.Secrets.Add(fresh.AccessToken, fresh.RefreshToken)
	r.refreshed, o.Token = true, fresh.AccessToken
}

// askForMore signs in again, with all scopes of the resource.
func (o *Observation) askForMore(ctx context.Context, c *oauth2.Config, back *callback, r *loginResult) {
	for _, s := range o.metadata.Scopes {
		if !slices.Contains(c.Scopes, s) {
			r.stepUp = append(r.stepUp, s)
		}
	}
	if len(r.stepUp) == 0 {
		return
	}
	wider := *c
	wider.Scopes = append(slices.Clone(c.Scopes), r.stepUp...)
	token, _, err := o.signIn(ctx, &wider, back)
	if err != nil {
		r.stepUpErr = err
		return
	}
	o.Token = token.AccessToken
}

var loginChecks = []check{
	{"login", checkLogin},
	{"refresh", checkRefresh},
	{"login-step-up", checkLoginStepUp},
}

func checkLogin(o *Observation) []report.Result {
	r := o.login
	if r.err == nil {
		return pass("a user can sign in at %s; granted: %s", r.server.issuer, orNone(r.granted))
	}
	fix := map[string]string{
		"find":      "see the checks of the authorization servers",
		"listen":    "choose another port with --port",
		"register":  "pass --client-id, with a client that may be sent back to http://127.0.0.1/callback",
		"browser":   "open the URL that is shown in a browser on this machine",
		"authorize": "see the provider's log; invalid_scope: create the scopes; invalid_target: make the resource known there",
		"token":     "see the provider's log; clients get the same answer",
	}[r.stage]
	return one(report.Failure, "the sign-in fails: "+r.err.Error(), fix, "")
}

func checkRefresh(o *Observation) []report.Result {
	r := o.login
	switch {
	case r.err != nil:
		return nil
	case r.refreshErr != nil:
		return one(report.Failure, "the refresh token is refused: "+r.refreshErr.Error(), "see the provider's log", "")
	case r.refreshed:
		return pass("the token can be refreshed")
	}
	return one(report.Note, "there is no refresh token: the user signs in again when the token has expired", "", "")
}

func checkLoginStepUp(o *Observation) []report.Result {
	r := o.login
	switch {
	case r.err != nil || len(r.stepUp) == 0:
		return nil
	case r.stepUpErr != nil:
		return one(report.Warning, "the client cannot ask for the further scopes "+strings.Join(r.stepUp, " ")+": "+r.stepUpErr.Error(),
			`set "challenge_scopes": "all", so that clients register with all scopes`, "RESOURCE.challenge_scopes")
	}
	return pass("the client can ask for the further scopes %s", strings.Join(r.stepUp, " "))
}
