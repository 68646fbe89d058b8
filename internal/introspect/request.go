package introspect

import (
	"strings"

	"mcpauth/config"
)

// Credentials are how the gateway authenticates, prepared.
type Credentials struct {
	Authorization string // a header; empty for none
	Parameters    string // at the end of a form
}

// authentication prepares the credentials for an introspection endpoint.
func authentication(i *config.Introspection) (c Credentials) {
	if i.Userinfo != nil {
		return c
	}
	return NewCredentials(i.Auth, i.ClientID, i.Secret)
}

// NewCredentials prepares the credentials of a client; the secret may be a token
// instead.
func NewCredentials(auth config.ClientAuth, client, secret string) (c Credentials) {
	switch auth {
	case config.BearerToken: // RFC 6750, section 2.1
		c.Authorization = "Bearer " + secret
	case config.ClientSecretPost:
		c.Parameters = "&client_id=" + FormEncode(client) + "&client_secret=" + FormEncode(secret)
	default: // RFC 6749, section 2.3.1: both are encoded before they are joined
		c.Authorization = "Basic " + encode(FormEncode(client)+":"+FormEncode(secret), standard)
	}
	return c
}

// Headers returns those of a request for JSON. The host takes the Host header
// from :authority, and a cluster with TLS its SNI, if it has none of its own.
func Headers(method string, u *config.URL) [][2]string {
	return [][2]string{
		{":method", method},
		{":scheme", u.Scheme},
		{":authority", u.Authority()},
		{":path", u.PathQuery()},
		{"accept", "application/json"},
		{"accept-encoding", "identity"}, // without it a server may choose any (RFC 9110, section 12.5.3)
		{"user-agent", "mcpauth"},
	}
}

// request returns the question about a token: a POST (RFC 7662, section 2.1),
// or a GET with the token as its own credentials.
func (c *Checker) request(endpoint *config.URL, token string) (headers [][2]string, body []byte) {
	if u := c.how.Userinfo; u != nil {
		headers = Headers("GET", endpoint)
		for _, h := range u.Headers {
			headers = set(headers, h)
		}
		return append(headers, [2]string{"authorization", "Bearer " + token}), nil
	}
	return c.client.Form(endpoint, "token="+FormEncode(token)+"&token_type_hint=access_token")
}

// Form returns the request that sends a form to an endpoint with the
// credentials.
func (c *Credentials) Form(endpoint *config.URL, form string) (headers [][2]string, body []byte) {
	headers = append(Headers("POST", endpoint), [2]string{"content-type", "application/x-www-form-urlencoded"})
	if c.Authorization != "" {
		headers = append(headers, [2]string{"authorization", c.Authorization})
	}
	return headers, []byte(form + c.Parameters)
}

// set replaces a header, or appends it.
func set(headers [][2]string, h [2]string) [][2]string {
	for i := range headers {
		if headers[i][0] == h[0] {
			headers[i] = h
			return headers
		}
	}
	return append(headers, h)
}

// FormEncode encodes a text for application/x-www-form-urlencoded.
func FormEncode(s string) string {
	const upperHex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// The last characters of base64's alphabets (RFC 4648, sections 4 and 5), and
// whether there is padding.
const (
	standard = "+/="
	urlSafe  = "-_"
)

// Base64URL returns b in base64url without padding.
func Base64URL(b []byte) string { return encode(string(b), urlSafe) }

func encode(s, alphabet string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	digits := letters + alphabet
	b := make([]byte, 0, (len(s)+2)/3*4)
	for ; s != ""; s = s[min(3, len(s)):] {
		var n uint32
		for i := range 3 {
			n <<= 8
			if i < len(s) {
				n |= uint32(s[i])
			}
		}
		for i := range 4 {
			switch {
			case i <= len(s):
				b = append(b, digits[n>>(18-6*i)&63])
			case alphabet == standard:
				b = append(b, '=')
			}
		}
	}
	return string(b)
}
