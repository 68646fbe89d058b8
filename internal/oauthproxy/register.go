package oauthproxy

import (
	"github.com/tidwall/gjson"

	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
)

// maxRedirectURIs bounds those of one client.
const maxRedirectURIs = 16

// Register answers a registration (RFC 7591, section 3): every client is the one
// that is configured, and gets no secret. Nothing is remembered; the redirect
// URIs are checked each time they are used.
func (p *Proxy) Register(contentType string, body []byte) *Answer {
	if !isMedia(contentType, "application/json") || !wellknown.Valid(body) || !gjson.ParseBytes(body).IsObject() {
		return refuse("invalid_client_metadata", "the body must be a JSON object, application/json")
	}
	uris := gjson.Parse(wellknown.Member(string(body), "redirect_uris"))
	n := 0
	if uris.IsArray() {
		uris.ForEach(func(_, uri gjson.Result) bool {
			n++
			if uri.Type != gjson.String || !p.allowed(uri.Str) {
				n = maxRedirectURIs + 1
			}
			return n <= maxRedirectURIs
		})
	}
	if n == 0 || n > maxRedirectURIs {
		return refuse("invalid_redirect_uri", "redirect_uris must be some of those that are allowed")
	}
	text := append([]byte(nil), `{"client_id":`...)
	text = gjson.AppendJSONString(text, p.how.ClientID)
	text = append(text, `,"redirect_uris":`+uris.Raw+
		`,"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`+"\n"...)
	return &Answer{Status: 201, Body: text, Outcome: metrics.ProxyRegistered}
}
