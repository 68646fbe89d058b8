package oauthproxy

import (
	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/internal/once"
)

// maxResponse bounds the query of the provider's authorization response, which has the
// state of the gateway, and in it that of the client.
const maxResponse = 16 << 10

// Callback answers the provider's authorization response. It redirects to the client, with
// the gateway as issuer, if the user of this browser has agreed to that client in the last
// minutes, and if no response to that has come before. The client gets the provider's code
// sealed: no other client can exchange it.
func (p *Proxy) Callback(b *BrowserRequest) *Response {
	var r authorizationResponse
	parameters := r.parameters()
	if len(b.Query) > maxResponse || !parse(b.Query, parameters) {
		return p.wrongState(b.Issuer, config.TextErrorAltered, malformed)
	}
	w := p.readCookie(b)
	s, text, detail := p.openState(r.State, b.Issuer, &w)
	if detail != "" {
		p.logCallback(&s, detail)
		return p.wrongState(b.Issuer, text, detail)
	}
	// The search takes long, so that it is only for a browser whose user has agreed.
	for _, q := range parameters {
		if p.secret.in(*q.value) {
			p.requestLog.Log("an authorization response with the client's secret was refused")
			return p.errorPage(b.Issuer, config.TextErrorResponse, "invalid_request", "the response must not be passed on")
		}
	}
	problem := ""
	switch {
	case !p.permits(s.documentURL, s.redirectURI): // the configuration has changed in between
		p.logRefusedURI("at the callback", s.redirectURI, listed)
		return p.errorPage(b.Issuer, config.TextErrorRedirect, "invalid_request", wrongRedirect)
	case !p.server.AcceptsIssuer(r.Issuer) && (r.Issuer != "" || p.sendsIssuer): // RFC 9207, section 2.4
		problem = "the response is of another issuer"
	case r.Code == "" && r.Error == "":
		problem = "the response has neither a code nor an error"
	}
	if problem != "" {
		p.logCallback(&s, problem)
		return p.errorPage(b.Issuer, config.TextErrorResponse, "invalid_request", problem)
	}
	switch p.useState(&s) {
	case once.ErrUsed:
		p.logCallback(&s, "the state was used before")
		return p.wrongState(b.Issuer, config.TextErrorUsed, "the state was used before")
	case once.ErrFull:
		p.logCallback(&s, "too many users sign in at once")
		busy := p.errorPage(b.Issuer, config.TextErrorBusy, "temporarily_unavailable", "too many users sign in at once")
		busy.Status, busy.Outcome = 503, metrics.NoRoom
		return busy
	}
	if r.Error != "" {
		p.logCallback(&s, "the provider sends the error "+describableURI(r.Error))
		r.Code = ""
	} else {
		r.Code = p.sealCode(r.Code, &s, b.Issuer)
	}
	r.State, r.Issuer = s.clientState, b.Issuer
	return redirect(302, encode(parameters).AddTo(s.redirectURI), metrics.ProxyReturned)
}

// logCallback tells the log what is wrong with an authorization response, and of which
// client it is.
func (p *Proxy) logCallback(s *state, problem string) {
	who := ""
	if s.client != "" {
		who = " for the client " + label(s.client)
	}
	p.callbackLog.Log("an authorization response" + who + " was not good: " + problem)
}
