package oauthproxy

import (
	"strings"

	"mcpauth/config"
	"mcpauth/internal/metrics"
)

// The parameters of an authorization request (RFC 6749, section 4.1.1; RFC 7636,
// section 4.3; RFC 8707, section 2; OpenID Connect Core, section 3.1.2.1) that
// are read here. No other reaches the provider: response_mode, request and
// request_uri could change what was checked.
var authorizeNames = []string{
	"response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method",
	"scope", resourceName, "prompt", "login_hint",
}

const (
	ofResponseType = iota
	ofClientID
	ofRedirectURI
	ofState
	ofChallenge
	ofChallengeMethod
	ofScope
	_
	ofPrompt
)

// Authorize answers an authorization request, its query without the "?", made to
// the gateway as issuer: by a redirect to the provider or, if something is
// wrong, back to the client; without one if it is not known where that is.
func (p *Proxy) Authorize(query, issuer string) *Answer {
	v, resources, ok := parse(query, authorizeNames)
	switch {
	case len(query) > maxQuery:
		return refuse("invalid_request", "the query is too long")
	case !ok:
		return refuse("invalid_request", malformed)
	case v[ofClientID] != p.how.ClientID:
		return refuse("invalid_client", wrongClient)
	case !p.allowed(v[ofRedirectURI]):
		p.refused("at the authorization endpoint", v[ofRedirectURI])
		return refuse("invalid_request", wrongRedirect)
	}
	code, description := "invalid_request", "PKCE with S256 is required"
	switch {
	case v[ofResponseType] != "code":
		code, description = "unsupported_response_type", "response_type must be code"
	case strings.Contains(strings.ToLower(v[ofPrompt]), "none"):
		// To the provider all clients are one, to which the user has consented. A
		// lenient provider may take "NONE" or "none login" for "none".
		code, description = "consent_required", "the user must be asked"
	case v[ofChallengeMethod] == "S256" && isCode(v[ofChallenge], 43, 43):
		if p.how.Callback {
			// No URI has a space in it.
			v[ofState] = v[ofRedirectURI] + " " + v[ofState]
			v[ofRedirectURI] = p.callback(issuer)
		}
		return redirect(p.forward(v, resources), metrics.ProxyRedirected)
	}
	back := begin(v[ofRedirectURI])
	for _, parameter := range [...][2]string{
		{"error", code}, {"error_description", description}, {"state", v[ofState]}, {"iss", issuer},
	} {
		back = appendTo(back, parameter[0], parameter[1])
	}
	return redirect(back, metrics.ProxyRefused)
}

// callback returns where the provider sends users back to, with the gateway as
// issuer.
func (p *Proxy) callback(issuer string) string {
	return issuer + p.how.PathPrefix + config.CallbackEndpoint
}

// The parameters of an authorization response (RFC 6749, sections 4.1.2 and
// 4.1.2.1; RFC 9207, section 2), those that are passed on first.
var responseNames = []string{"code", "error", "error_description", "error_uri", "state", "iss"}

const (
	inState = iota + 4
	inIssuer
)

// Return answers the provider's response, a query without the "?", by a redirect
// on to the client, which learns that it is the gateway's.
//
// Where to stands in the state. Nothing seals it: the redirect URI is one that is
// allowed, which is all that a client could have asked for as well.
func (p *Proxy) Return(query, issuer string) *Answer {
	if len(query) > maxQuery {
		return refuse("invalid_request", "the query is too long")
	}
	v, _, ok := parse(query, responseNames)
	if !ok {
		return refuse("invalid_request", malformed)
	}
	for _, value := range v {
		if p.secret.In(value) {
			p.notice.Say("an authorization response with the client's secret was refused")
			return refuse("invalid_request", "the response must not be passed on")
		}
	}
	uri, state, _ := strings.Cut(v[inState], " ")
	switch {
	case !p.allowed(uri):
		p.refused("at the callback", uri)
		return refuse("invalid_request", wrongRedirect)
	case v[inIssuer] != p.server.Issuer && (v[inIssuer] != "" || p.names): // RFC 9207, section 2.4
		return refuse("invalid_request", "the response is of another issuer")
	}
	v[inState], v[inIssuer] = state, issuer
	back := begin(uri)
	for i, name := range responseNames {
		back = appendTo(back, name, v[i])
	}
	return redirect(back, metrics.ProxyReturned)
}

// forward returns where the provider asks the user. What stands in the query of
// its endpoint goes before what a client sends, so that an operator can ask for
// consent each time.
func (p *Proxy) forward(v, resources []string) string {
	if v[ofScope] == "" {
		v[ofScope] = strings.Join(p.how.Scopes, " ")
	}
	if p.how.OmitResource {
		resources = nil
	}
	location := begin(p.authorize.Raw)
	for i, name := range authorizeNames {
		if !strings.Contains("&"+p.authorize.Query, "&"+name+"=") {
			location = appendTo(location, name, v[i])
			if name == resourceName {
				location = appendAll(location, name, resources)
			}
		}
	}
	return location
}

// begin returns a URI to which parameters can be appended.
func begin(uri string) string {
	if strings.IndexByte(uri, '?') >= 0 {
		return uri
	}
	return uri + "?"
}

func redirect(location string, o metrics.Outcome) *Answer {
	return &Answer{Status: 302, Location: location, Outcome: o}
}

const (
	malformed     = "a parameter is malformed or there twice"
	wrongClient   = "client_id is not the one that registration gives"
	wrongRedirect = "redirect_uri is none of those that are allowed"
)
