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
	uris := gjson.Parse(wellknown.Member(string(body), "redirect_uris"))
	n, refused := 0, ""
	if uris.IsArray() {
		uris.ForEach(func(_, uri gjson.Result) bool {
			n++
			switch {
			case uri.Type != gjson.String:
				n = maxRedirectURIs + 1
			case p.allowsRedirectURI(uri.Str):
				c.redirectURIs = append(c.redirectURIs, uri.Str)
			case refused == "":
				refused = uri.Str
			}
			return n <= maxRedirectURIs
		})
	}
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
