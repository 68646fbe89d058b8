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
	return auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
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
	})
}

// consentForm is the sealed request in the page that a gateway shows where it stands for a
// provider.
var consentForm = regexp.MustCompile(`name="request" value="([^"]+)"`)

// approve stands for the person in front of the browser, who is sent to and fro where the
// gateway stands for a provider, and agrees on its page.
func approve(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, args.URL, nil)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := http.Client{Jar: jar, CheckRedirect: func(to *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(to.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if form := consentForm.FindSubmatch(page); form != nil {
		to := *res.Request.URL
		to.RawQuery = ""
		if res, err = browser.PostForm(to.String(), url.Values{"request": {string(form[1])}, "decision": {"agree"}}); err != nil {
			return nil, err
		}
		defer res.Body.Close()
	}
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		return nil, fmt.Errorf("no code: status %d, location %s", res.StatusCode, back)
	}
	q := back.Query()
	return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
}
