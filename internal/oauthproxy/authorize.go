package oauthproxy

import (
	"slices"
	"strings"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
)

const (
	malformed     = "a parameter is malformed or there twice"
	wrongClient   = "client_id is none that this server has registered, or the registration has expired"
	wrongDocument = "client_id is a URL that this server does not accept"
	wrongRedirect = "redirect_uri is none of those that the client has registered and that are allowed"
	noScope       = "none of the scopes is one that clients get here, or there are more than 64"
	wrongResource = "resource is none that the user has agreed to"
	queryTooLong  = "the query is too long"
)

// A BrowserRequest is a request of a user's browser, made to the gateway as Issuer.
type BrowserRequest struct {
	Query   string // without the "?"
	Cookies string // the Cookie header
	Issuer  string
}

// Authorize answers an authorization request. It asks the user about the client, with a
// page that [Proxy.Decide] takes the answer of. If the user has agreed to this request
// before, it redirects to the provider. If something is wrong, it redirects back to the
// client, except where the client or its redirect URI are wrong themselves. If Authorize
// returns a Fetch, it has not decided: the request waits for it, and comes again.
func (p *Proxy) Authorize(b *BrowserRequest) (*Response, *Fetch) {
	var r authorizationRequest
	switch {
	case len(b.Query) > maxQuery:
		return p.errorPage(b.Issuer, config.TextErrorRequest, "invalid_request", queryTooLong), nil
	case !parse(b.Query, r.parameters()):
		return p.errorPage(b.Issuer, config.TextErrorRequest, "invalid_request", malformed), nil
	}
	c, refused, wait := p.admit(&r, b.Issuer)
	if c == nil {
		return refused, wait
	}
	w := p.readCookie(b)
	if !c.impersonable(r.RedirectURI) && w.agreedTo(p.agreementKey(&r)) && !strings.Contains(strings.ToLower(r.Prompt), "consent") {
		return p.sendToProvider(&r, c, &w, b.Issuer, 302), nil
	}
	return p.ask(&r, c, &w, b.Issuer), nil
}

// admit returns the client of a request, the response to a request that must not go on, or
// the Fetch of the client's document that the request waits for.
func (p *Proxy) admit(r *authorizationRequest, issuer string) (c *client, refused *Response, wait *Fetch) {
	if isDocumentID(r.ClientID) {
		c, refused, wait = p.documentClient(r.ClientID, issuer)
	} else if registered, ok := p.registeredClient(r.ClientID, issuer); ok {
		c = &registered
	} else {
		p.requestLog.Log("at the authorization endpoint a client ID was refused: the gateway has not made it, or it is older than oauth_proxy.client_max_age_seconds")
		refused = p.wrongClientPage(issuer, wrongClient)
	}
	if c != nil {
		refused = p.checkRequest(r, c, issuer)
	}
	if refused != nil {
		c = nil
	}
	return c, refused, wait
}

// documentClient returns the client whose ID is a URL, as admit does.
func (p *Proxy) documentClient(url, issuer string) (c *client, refused *Response, wait *Fetch) {
	s := p.sourceOf(url)
	if s == nil {
		p.requestLog.Log("at the authorization endpoint the client ID " + callout.Quote(url) + " was refused: oauth_proxy.client_id_metadata_documents does not have it")
		return nil, p.wrongClientPage(issuer, wrongDocument), nil
	}
	switch f := p.document(s, url); {
	case f == nil:
		return nil, p.DocumentBusy(issuer), nil
	case f.waiting:
		return nil, nil, f
	case f.problem != "":
		refused = p.errorPage(issuer, config.TextErrorDocument, "invalid_client", "the client ID metadata document cannot be used: "+f.problem)
		refused.Outcome = metrics.ProxyWrongClient
		return nil, refused, nil
	default:
		return &f.client, nil, nil
	}
}

// DocumentBusy returns the response for when too many users wait for documents of clients, or
// one has waited too long.
func (p *Proxy) DocumentBusy(issuer string) *Response {
	r := p.errorPage(issuer, config.TextErrorDocument, "temporarily_unavailable", "the client ID metadata document is still being fetched, or too many others are")
	r.Status, r.Outcome = 503, metrics.NoRoom
	return r
}

// wrongClientPage returns the response to a request with an ID that is no client's.
func (p *Proxy) wrongClientPage(issuer, detail string) *Response {
	r := p.errorPage(issuer, config.TextErrorClient, "invalid_client", detail)
	r.Outcome = metrics.ProxyWrongClient
	return r
}

// checkRequest returns the response to a request of a client that must not go on, nil for
// one that may.
func (p *Proxy) checkRequest(r *authorizationRequest, c *client, issuer string) *Response {
	why := ""
	switch {
	case !c.allows(r.RedirectURI):
		why = "those that the client has registered, or names in its document"
	case !p.permits(c.documentURL(), r.RedirectURI): // the configuration may have changed since
		why = listed
	}
	if why != "" {
		p.logRefusedURI("at the authorization endpoint for "+c.label(), r.RedirectURI, why)
		return p.errorPage(issuer, config.TextErrorRedirect, "invalid_request", wrongRedirect)
	}
	code, description := r.check()
	if r.Scope != "" && code == "" && len(p.limitScopes(r.Scope)) == 0 {
		code, description = "invalid_scope", noScope
	}
	if code != "" {
		return r.refuse(code, description, issuer, 302)
	}
	return nil
}

// refuse returns the redirect that tells the client of an error (RFC 6749, section
// 4.1.2.1).
func (r *authorizationRequest) refuse(code, description, issuer string, status uint32) *Response {
	back := authorizationResponse{Error: code, ErrorDescription: description, State: r.State, Issuer: issuer}
	return redirect(status, encode(back.parameters()).AddTo(r.RedirectURI), metrics.ProxyRefused)
}

// check returns the error (RFC 6749, section 4.1.2.1) of a request whose redirect URI
// is allowed; empty if the user may be asked about it.
func (r *authorizationRequest) check() (code, description string) {
	switch {
	case r.ResponseType != "code":
		return "unsupported_response_type", "response_type must be code"
	case strings.Contains(strings.ToLower(r.Prompt), "none"):
		// The provider sees all MCP clients as one client, to which the user has
		// consented. A lenient provider may take "NONE" or "none login" for "none".
		return "consent_required", "the user must be asked"
	case r.CodeChallengeMethod != "S256" || !hasCodeSyntax(r.CodeChallenge, 43, 43):
		return "invalid_request", "PKCE with S256 is required"
	}
	for _, resource := range r.Resources { // the page shows them
		if !isPrintable(resource) {
			return "invalid_target", "resource must be a URI"
		}
	}
	return "", ""
}

// isPrintable reports whether s consists of visible ASCII characters, as URIs and scopes do
// (RFC 3986, section 2; RFC 6749, section 3.3).
func isPrintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// maxScopes bounds the scopes of one request.
const maxScopes = 64

// limitScopes returns those of the scopes in a parameter that clients may have, and none if
// there are too many.
func (p *Proxy) limitScopes(parameter string) (scopes []string) {
	for n, more := 0, true; more; n++ {
		var scope string
		scope, parameter, more = strings.Cut(parameter, " ")
		if n == maxScopes {
			return nil
		}
		if isPrintable(scope) && (len(p.cfg.Scopes) == 0 || slices.Contains(p.cfg.Scopes, scope)) && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// scopes returns the scopes that the provider is asked for: those that the client may have
// of the ones that it requests, all if it requests none, and those that are always added.
func (p *Proxy) scopes(r *authorizationRequest) []string {
	scopes := p.limitScopes(r.Scope)
	if len(scopes) == 0 {
		scopes = slices.Clone(p.cfg.Scopes)
	}
	return p.withExtraScopes(scopes)
}

func (p *Proxy) withExtraScopes(scopes []string) []string {
	for _, scope := range p.cfg.ExtraScopes {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// sendToProvider redirects a browser, whose user has agreed to a request, to the provider.
func (p *Proxy) sendToProvider(r *authorizationRequest, c *client, w *browser, issuer string, status uint32) *Response {
	state, ok := p.newState(r, c, w, issuer)
	if !ok {
		return p.noRandom(issuer)
	}
	response := redirect(status, p.providerURI(r, state, issuer), metrics.ProxyRedirected)
	response.Cookie = p.setCookie(w, issuer) // it must last until the callback
	return response
}

// providerURI returns the URI at which the provider asks the user. Parameters in the
// query of the provider's endpoint take precedence over those of the client, so that
// an operator can make the provider ask for consent each time.
func (p *Proxy) providerURI(r *authorizationRequest, state, issuer string) string {
	to := *r
	to.ClientID, to.RedirectURI, to.State = p.cfg.ClientID, p.callbackURI(issuer), state
	to.Scope = strings.Join(p.scopes(r), " ")
	if p.cfg.OmitResource {
		to.Resources = nil
	}
	var form callout.Form
	for _, q := range to.parameters() {
		if !strings.Contains("&"+p.authorize.Query, "&"+q.name+"=") {
			q.addTo(&form)
		}
	}
	return form.AddTo(p.authorize.Raw)
}

// callbackURI returns the redirect URI at which the provider sends users back to the
// gateway as issuer.
func (p *Proxy) callbackURI(issuer string) string {
	return issuer + p.cfg.PathPrefix + config.CallbackEndpoint
}

func redirect(status uint32, location string, o metrics.Outcome) *Response {
	return &Response{Status: status, Location: location, Outcome: o}
}
