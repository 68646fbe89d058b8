package oauthproxy

import (
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
)

// maxPageAge is how long a user may take to answer.
const maxPageAge = 10 * time.Minute

// The form of the page: its parameters, and the values of decisionParameter.
const (
	requestParameter  = "request"
	decisionParameter = "decision"
	agreeDecision     = "agree"
	denyDecision      = "deny"
)

// ask returns the page that asks the user of a browser about a request. The form has the
// request, sealed and bound to the browser's cookie: no other site can make a form that
// [Proxy.Decide] takes.
func (p *Proxy) ask(r *authorizationRequest, c *client, w *browser, issuer string) *Response {
	if w.id == "" {
		if w.id = p.newRandom(); w.id == "" {
			return p.noRandom(issuer)
		}
	}
	sealed := p.sealer.seal(forConsent, issuer, seconds(p.host.Now()), w.hash(), string(encode(r.parameters())))
	return &Response{Status: 200, HTML: p.consentPage(r, c, sealed, issuer), Cookie: p.setCookie(w, issuer), Outcome: metrics.ProxyAsked}
}

// Decide answers the form of the page: it redirects the browser to the provider, or, if the
// user has cancelled, back to the client. cookies is the Cookie header, and origin the
// Origin header. A Fetch is as in [Proxy.Authorize].
func (p *Proxy) Decide(f *FormRequest, cookies, origin string) (*Response, *Fetch) {
	var request, decision string
	ok := callout.IsMediaType(f.ContentType, callout.FormMediaType) &&
		parse(f.Body, []parameter{{name: requestParameter, value: &request}, {name: decisionParameter, value: &decision}})
	// A page with Referrer-Policy no-referrer has the origin "null" in its forms (Fetch,
	// "append a request Origin header").
	if !ok || origin != "" && origin != "null" && origin+p.cfg.IssuerPath != f.Issuer {
		return p.errorPage(f.Issuer, config.TextErrorAltered, "invalid_request", "the form is not that of the page"), nil
	}
	w := p.readCookie(&BrowserRequest{Cookies: cookies, Issuer: f.Issuer})
	var r authorizationRequest
	if text, detail := p.openConsent(request, f.Issuer, &w, &r); detail != "" {
		p.formLog.Log("a form of the consent page was refused: " + detail)
		return p.wrongState(f.Issuer, text, detail), nil
	}
	c, refused, wait := p.admit(&r, f.Issuer)
	switch {
	case c == nil:
		return refused, wait
	case decision == denyDecision:
		p.consentLog.Log("a user has cancelled the request of " + c.label())
		denied := r.refuse("access_denied", "the user has cancelled", f.Issuer, 303)
		denied.Outcome = metrics.ProxyDeclined
		return denied, nil
	case decision != agreeDecision:
		return p.errorPage(f.Issuer, config.TextErrorAltered, "invalid_request", "the form has no decision"), nil
	}
	p.consentLog.Log("a user has agreed to " + c.label())
	if !c.impersonable(r.RedirectURI) {
		w.agree(p.agreementKey(&r), p.host.Now())
	}
	return p.sendToProvider(&r, c, &w, f.Issuer, 303), nil
}

// openConsent reads the request in a form into r. If the form is not from the page of this
// browser, it returns a text for the user, and the detail.
func (p *Proxy) openConsent(sealed, issuer string, w *browser, r *authorizationRequest) (text config.Text, detail string) {
	fields, ok := p.sealer.open(forConsent, issuer, sealed, 3)
	if !ok {
		return config.TextErrorAltered, "the request in the form is not one that this server has sealed"
	}
	at, ok := parseSeconds(fields[0])
	switch {
	case !ok || p.expired(at, maxPageAge):
		return config.TextErrorExpired, "the page is older than ten minutes"
	case w.id == "" || fields[1] != w.hash():
		return config.TextErrorOtherBrowser, "the cookie of the browser is another one or missing"
	case !parse(fields[2], r.parameters()):
		return config.TextErrorAltered, malformed
	}
	return 0, ""
}

// newRandom returns random bytes that nobody can guess, empty if the host has none.
func (p *Proxy) newRandom() string {
	b := make([]byte, randomSize)
	if !p.random(b) {
		return ""
	}
	return string(b)
}

// noRandom returns the response for when the host has no random bytes.
func (p *Proxy) noRandom(issuer string) *Response {
	r := p.errorPage(issuer, config.TextErrorBusy, "server_error", "the gateway has no random numbers")
	r.Status, r.Outcome = 500, metrics.HostFault
	return r
}

// wrongState returns the page about a form or a callback that is not of this browser, comes
// late, or comes twice.
func (p *Proxy) wrongState(issuer string, text config.Text, detail string) *Response {
	r := p.errorPage(issuer, text, "invalid_request", detail)
	r.Outcome = metrics.ProxyWrongState
	return r
}
