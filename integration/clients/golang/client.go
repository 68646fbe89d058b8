// Package golang is an MCP client on the official Go SDK, with the person in front of the
// browser who approves every request for authorization.
package golang

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// callback has nobody who listens: the redirect is read, not followed.
const callback = "http://127.0.0.1:33333/callback"

// NewHandler returns the handler that signs the client in: it registers, asks for
// authorization and exchanges the code. It calls asked with every authorization request.
func NewHandler(asked func(clientID, scope string)) (*auth.AuthorizationCodeHandler, error) {
	return NewHandlerWithID("", asked)
}

// NewHandlerWithID is [NewHandler] for a client whose ID is the URL of its metadata
// document, if that is not empty.
func NewHandlerWithID(document string, asked func(clientID, scope string)) (*auth.AuthorizationCodeHandler, error) {
	config := auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "mcpauth example client", RedirectURIs: []string{callback}, TokenEndpointAuthMethod: "none",
			GrantTypes: []string{"authorization_code", "refresh_token"},
		}},
		AuthorizationCodeFetcher: func(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			u, err := url.Parse(args.URL)
			if err != nil {
				return nil, err
			}
			asked(u.Query().Get("client_id"), u.Query().Get("scope"))
			return approve(ctx, args)
		},
	}
	if document != "" {
		config.ClientIDMetadataDocumentConfig = &auth.ClientIDMetadataDocumentConfig{URL: document}
	}
	return auth.NewAuthorizationCodeHandler(&config)
}

// consentForm is the sealed request in the page that a gateway shows where it stands for a
// provider.
var consentForm = regexp.MustCompile(`name="request" value="([^"]+)"`)

// approve stands for the person in front of the browser.
func approve(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	back, err := Agree(args.URL, func(to *url.URL) bool { return strings.HasPrefix(to.String(), callback) })
	if err != nil {
		return nil, err
	}
	q := back.Query()
	if q.Get("code") == "" {
		return nil, fmt.Errorf("no code: %s", back)
	}
	return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
}

// Agree opens a page in a new browser, whose person agrees on the page of the gateway. It
// follows redirects up to the first for which arrived returns true, and returns that one.
func Agree(page string, arrived func(*url.URL) bool) (*url.URL, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := http.Client{Jar: jar, CheckRedirect: func(to *http.Request, _ []*http.Request) error {
		if arrived(to.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Get(page)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if form := consentForm.FindSubmatch(body); form != nil {
		to := *res.Request.URL
		to.RawQuery = ""
		if res, err = browser.PostForm(to.String(), url.Values{"request": {string(form[1])}, "decision": {"agree"}}); err != nil {
			return nil, err
		}
		defer res.Body.Close()
	}
	back, err := res.Location()
	if err != nil {
		return nil, fmt.Errorf("status %d at %s: %w", res.StatusCode, res.Request.URL.Path, err)
	}
	return back, nil
}
