package oauthproxy

import (
	"time"

	"mcpauth/internal/metrics"
)

// maxCodeAge is the longest lifetime of a code (RFC 6749, section 4.1.2).
const maxCodeAge = 10 * time.Minute

// sealCode returns the code for a client: the provider's code, with what it is bound to.
func (p *Proxy) sealCode(code string, s *state, issuer string) string {
	return p.sealer.seal(forCode, issuer, seconds(p.host.Now()), s.client, s.redirectURI, s.challenge, code)
}

// openCode returns the provider's code in the code of a token request, or what is wrong.
// PKCE is checked here too (RFC 7636, section 4.6): not every provider does.
func (p *Proxy) openCode(r *tokenRequest, c *client, issuer string) (code, problem string) {
	f, ok := p.sealer.open(forCode, issuer, r.Code, 5)
	if !ok {
		return "", "the code is not one of this server"
	}
	at, ok := parseSeconds(f[0])
	switch {
	case !ok || p.expired(at, maxCodeAge):
		return "", "the code has expired"
	case f[1] != c.hash():
		return "", "the code is of another client"
	case r.RedirectURI != "" && r.RedirectURI != f[2]: // OAuth 2.1 has no redirect_uri here
		return "", "redirect_uri is not that of the authorization request"
	case base64Digest(r.CodeVerifier) != f[3]:
		return "", "code_verifier is not that of code_challenge"
	}
	return f[4], ""
}

// sealRefreshToken binds a refresh token of the provider to a client.
func (p *Proxy) sealRefreshToken(token string, c *Call) string {
	return p.sealer.seal(forRefresh, c.issuer, c.client, token)
}

// openRefreshToken returns the provider's refresh token. own is false if the client did not
// get it, and ok is false if it is none that the gateway has sealed.
func (p *Proxy) openRefreshToken(sealed string, c *client, issuer string) (token string, own, ok bool) {
	f, ok := p.sealer.open(forRefresh, issuer, sealed, 2)
	if !ok {
		return "", false, false
	}
	return f[1], f[0] == c.hash(), true
}

// refuseGrant refuses a code or a refresh token.
func (p *Proxy) refuseGrant(c *client, problem string) *Response {
	p.tokenLog.Log("at the token endpoint the request of " + c.label() + " was refused: " + problem)
	r := refuse("invalid_grant", problem)
	r.Outcome = metrics.ProxyWrongGrant
	return r
}
