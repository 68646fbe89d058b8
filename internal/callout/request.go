package callout

import (
	"encoding/base64"

	"mcpauth/config"
)

// A Request is what a [Host] sends to a cluster.
type Request struct {
	Headers [][2]string // names in lower case, those that begin with ":" first
	Body    []byte
}

// newRequest returns a request for JSON. Each of extra replaces the header of its
// name, or is added. Envoy makes :authority the Host header and, in a cluster with TLS
// whose configuration names no server (SNI), the server name too.
func newRequest(method string, u *config.URL, extra ...[2]string) Request {
	headers := [][2]string{
		{":method", method},
		{":scheme", u.Scheme},
		{":authority", u.Authority()},
		{":path", u.PathQuery()},
		{"accept", "application/json"},
		{"accept-encoding", "identity"}, // without this header a server may choose any coding (RFC 9110, section 12.5.3)
		{"user-agent", "mcpauth"},
	}
	for _, h := range extra {
		headers = setHeader(headers, h)
	}
	return Request{Headers: headers}
}

func setHeader(headers [][2]string, h [2]string) [][2]string {
	for i := range headers {
		if headers[i][0] == h[0] {
			headers[i] = h
			return headers
		}
	}
	return append(headers, h)
}

// GetWithToken returns a GET request with a bearer token (RFC 6750, section 2.1) and
// further headers.
func GetWithToken(u *config.URL, token string, extra [][2]string) Request {
	r := newRequest("GET", u, extra...)
	r.Headers = append(r.Headers, [2]string{"authorization", "Bearer " + token})
	return r
}

// Credentials authenticate the gateway to an endpoint. The zero value sends none.
type Credentials struct {
	authorization string // value of the Authorization header; empty for none
	parameters    Form   // appended to a form
}

// NewCredentials returns the credentials of a client. For [config.BearerToken],
// secret is the token and clientID has no meaning.
func NewCredentials(auth config.ClientAuth, clientID, secret string) (c Credentials) {
	switch auth {
	case config.BearerToken: // RFC 6750, section 2.1
		c.authorization = "Bearer " + secret
	case config.ClientSecretPost: // RFC 6749, section 2.3.1
		c.parameters.Add("client_id", clientID)
		c.parameters.Add("client_secret", secret)
	default: // RFC 6749, section 2.3.1: both are encoded before they are joined
		pair := formEncode(clientID) + ":" + formEncode(secret)
		c.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	}
	return c
}

// Post returns the request that posts a form to an endpoint with the credentials.
func (c *Credentials) Post(endpoint *config.URL, form Form) Request {
	r := newRequest("POST", endpoint, [2]string{"content-type", FormMediaType})
	if c.authorization != "" {
		r.Headers = append(r.Headers, [2]string{"authorization", c.authorization})
	}
	if c.parameters != "" {
		form += "&" + c.parameters
	}
	r.Body = []byte(form)
	return r
}
