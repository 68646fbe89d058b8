package oauthproxy

import (
	"slices"
	"strings"
	"time"

	"mcpauth/internal/metrics"
)

// maxCodeAge is the longest lifetime of a code (RFC 6749, section 4.1.2).
const maxCodeAge = 10 * time.Minute

// sealCode returns the code for a client: the provider's code, with what it is bound to.
func (p *Proxy) sealCode(code string, s *state, issuer string) string {
	fields := []string{seconds(p.host.Now()), s.client, s.redirectURI, s.challenge, code}
	return p.sealer.seal(forCode, issuer, append(fields, s.agreed.fields()...)...)
}

// A grant is what the provider gives for the agreement of a user: a code or a refresh token.
type grant struct {
	text string
	agreed
}

// agreed is what a user has agreed to. A client gets tokens for that alone: not every provider
// compares a token request with the authorization request before it.
type agreed struct {
	scopes    string   // with spaces between them
	resources []string // none stands for all of the gateway
}

// fields returns the fields for a sealed value: at least one.
func (a agreed) fields() []string {
	return append([]string{a.scopes}, a.resources...)
}

// readAgreed undoes fields.
func readAgreed(fields []string) agreed { return agreed{fields[0], fields[1:]} }

// covers reports whether a client may name these resources in a token request with the grant
// (RFC 8707, section 2.2). The origin of the gateway stands for all below it, and so does no
// resource: the page says the same for both. A slash at the end does not matter.
func (a *agreed) covers(resources []string, origin string) bool {
	known := a.resources
	if len(known) == 0 {
		known = []string{origin}
	}
	for _, r := range resources {
		if !slices.ContainsFunc(known, func(k string) bool {
			k = strings.TrimSuffix(k, "/")
			return strings.TrimSuffix(r, "/") == k || k == origin && strings.HasPrefix(r, origin+"/")
		}) {
			return false
		}
	}
	return true
}

// openCode returns the provider's code in the code of a token request, or what is wrong.
// PKCE is checked here too (RFC 7636, section 4.6): not every provider does.
func (p *Proxy) openCode(r *tokenRequest, c *client, issuer string) (g grant, problem string) {
	f, ok := p.sealer.open(forCode, issuer, r.Code, -1)
	if !ok || len(f) < 6 {
		return g, "the code is not one of this server"
	}
	at, ok := parseSeconds(f[0])
	switch {
	case !ok || p.expired(at, maxCodeAge):
		return g, "the code has expired"
	case f[1] != c.hash():
		return g, "the code is of another client"
	case r.RedirectURI != "" && r.RedirectURI != f[2]: // OAuth 2.1 has no redirect_uri here
		return g, "redirect_uri is not that of the authorization request"
	case base64Digest(r.CodeVerifier) != f[3]:
		return g, "code_verifier is not that of code_challenge"
	}
	return grant{f[4], readAgreed(f[5:])}, ""
}

// sealRefreshToken binds a refresh token of the provider to a client, and to what the
// user has agreed to.
func (p *Proxy) sealRefreshToken(token string, c *Call) string {
	return p.sealer.seal(forRefresh, c.issuer, append([]string{c.client, token}, c.agreed.fields()...)...)
}

// openRefreshToken returns the provider's refresh token. own is false if the client did not
// get it, and ok is false if it is none that the gateway has sealed.
func (p *Proxy) openRefreshToken(sealed string, c *client, issuer string) (g grant, own, ok bool) {
	f, ok := p.sealer.open(forRefresh, issuer, sealed, -1)
	if !ok || len(f) < 3 {
		return g, false, false
	}
	return grant{f[1], readAgreed(f[2:])}, f[0] == c.hash(), true
}

// refuseGrant refuses a code or a refresh token.
func (p *Proxy) refuseGrant(c *client, problem string) *Response {
	p.tokenLog.Log("at the token endpoint the request of " + c.label() + " was refused: " + problem)
	r := refuse("invalid_grant", problem)
	r.Outcome = metrics.ProxyWrongGrant
	return r
}
