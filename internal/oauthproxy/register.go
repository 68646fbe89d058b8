package oauthproxy

import (
	"github.com/tidwall/gjson"

	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
)

// maxRedirectURIs bounds the redirect URIs of one client.
const maxRedirectURIs = 16

// Register answers a registration (RFC 7591, section 3), made to the gateway as issuer. The
// client ID is the registration itself, sealed. The client gets no secret. The answer lists
// those of its redirect URIs that are allowed (section 3.2.1): many clients send all that
// any of their versions uses.
func (p *Proxy) Register(contentType string, body []byte, issuer string) *Response {
	if !callout.IsMediaType(contentType, "application/json") || !isObject(body) {
		return refuse("invalid_client_metadata", "the body must be a JSON object, application/json")
	}
	c := client{name: cleanName(gjson.Parse(wellknown.Member(string(body), "client_name")).Str), issued: p.host.Now()}
	n, refused := p.takeRedirectURIs(&c, gjson.Parse(wellknown.Member(string(body), "redirect_uris")), maxRedirectURIs)
	switch {
	case n == 0 || n > maxRedirectURIs:
		return refuse("invalid_redirect_uri", "redirect_uris must be an array of 1 to 16 URIs")
	case c.redirectURIs == nil:
		p.logRefusedURI("at registration", refused, listed+"; the client calls itself "+callout.Quote(c.name))
		return refuse("invalid_redirect_uri", "none of redirect_uris is allowed, the first of them being "+describableURI(refused))
	}
	if c.id = p.sealClient(issuer, &c); len(c.id) > maxClientID {
		return refuse("invalid_client_metadata", "the registration is too long: register fewer redirect_uris")
	}
	p.registrationLog.Log(c.label() + " has registered")
	return &Response{Status: 201, Body: c.information(), Outcome: metrics.ProxyRegistered}
}

// takeRedirectURIs gives a client those of an array of redirect URIs that the configuration
// permits. It returns their number, at least limit+1 if there are too many or one is no
// string, and the first that is not permitted.
func (p *Proxy) takeRedirectURIs(c *client, uris gjson.Result, limit int) (n int, refused string) {
	if !uris.IsArray() {
		return 0, ""
	}
	uris.ForEach(func(_, uri gjson.Result) bool {
		n++
		switch {
		case uri.Type != gjson.String:
			n = limit + 1
		case p.permits(c.documentURL(), uri.Str):
			c.redirectURIs = append(c.redirectURIs, uri.Str)
		case refused == "":
			refused = uri.Str
		}
		return n <= limit
	})
	return n, refused
}

// information returns the client information response (RFC 7591, section 3.2.1).
func (c *client) information() []byte {
	text := append([]byte(nil), `{"client_id":"`+c.id+`","client_id_issued_at":`+seconds(c.issued)...)
	if c.name != "" {
		text = gjson.AppendJSONString(append(text, `,"client_name":`...), c.name)
	}
	text = append(text, `,"redirect_uris":`...)
	for i, uri := range c.redirectURIs {
		text = gjson.AppendJSONString(append(text, "[,"[min(i, 1)]), uri)
	}
	return append(text, `],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`+"\n"...)
}
