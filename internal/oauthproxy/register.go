package oauthproxy

import (
	"github.com/tidwall/gjson"

	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
)

// maxRedirectURIs bounds the redirect URIs of one client.
const maxRedirectURIs = 16

// Register answers a registration (RFC 7591, section 3). Every client becomes the
// configured one and gets no secret. The answer lists those of its redirect URIs that
// are allowed (section 3.2.1): many clients send all that any of their versions uses.
// The proxy remembers nothing; it checks redirect URIs whenever they are used.
func (p *Proxy) Register(contentType string, body []byte) *Response {
	if !callout.IsMediaType(contentType, "application/json") || !isObject(body) {
		return refuse("invalid_client_metadata", "the body must be a JSON object, application/json")
	}
	uris := gjson.Parse(wellknown.Member(string(body), "redirect_uris"))
	n, refused, text := 0, "", []byte(nil)
	if uris.IsArray() {
		uris.ForEach(func(_, uri gjson.Result) bool {
			n++
			switch {
			case uri.Type != gjson.String:
				n = maxRedirectURIs + 1
			case p.allowsRedirectURI(uri.Str):
				if text != nil {
					text = append(text, ',')
				}
				text = gjson.AppendJSONString(text, uri.Str)
			case refused == "":
				refused = uri.Str
			}
			return n <= maxRedirectURIs
		})
	}
	switch {
	case n == 0 || n > maxRedirectURIs:
		return refuse("invalid_redirect_uri", "redirect_uris must be an array of 1 to 16 URIs")
	case text == nil:
		p.logRefusedURI("at registration", refused)
		return refuse("invalid_redirect_uri", "none of redirect_uris is allowed, the first of them being "+describableURI(refused))
	}
	answer := append([]byte(nil), `{"client_id":`...)
	answer = gjson.AppendJSONString(answer, p.cfg.ClientID)
	answer = append(append(answer, `,"redirect_uris":[`...), text...)
	answer = append(answer, `],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`+"\n"...)
	return &Response{Status: 201, Body: answer, Outcome: metrics.ProxyRegistered}
}
