package config

import (
	"slices"
	"strings"
)

// reservedHeaders have a meaning for HTTP, MCP, browsers, Envoy or widespread servers.
// A claim must not be mapped to one of them, since the gateway removes the header
// from every request before it sets it. A name that ends in "-" stands for all names
// with that prefix.
var reservedHeaders = []string{
	// Credentials and the caller's identity.
	"authorization", "cookie", "cookie2", "set-cookie", "www-authenticate", "proxy-", "origin", "dpop",
	"proxy", "client-cert", "client-cert-", "ssl-client-", "x-ssl-", "signature", "signature-input", "x-mcpauth-",

	// The connection and the framing of the message (RFC 9110, sections 7.6 and
	// 10.1; RFC 9112).
	"host", "connection", "keep-alive", "te", "trailer", "trailers", "transfer-encoding", "upgrade", "http2-settings",
	"expect", "early-data", "max-forwards", "content-", "location",

	// Content negotiation and other properties of the wanted response.
	"accept", "accept-", "a-im", "range", "if", "if-", "cache-control", "pragma", "prefer", "priority",
	"user-agent", "referer", "from", "date", "via", "age", "server", "vary", "etag",
	"destination", "depth", "overwrite", "translate", "last-event-id", "mcp-", "grpc-",
	"access-control-", "sec-", "x-requested-with", "x-csrf-token", "x-xsrf-token",

	// Headers that servers read as the method, the path, the host or the client's
	// address.
	"script-name", "path-info", "x-script-name", "x-forward-", "forwarded-for",
	"x-http-", "x-method-override", "x-method", "x-original-", "x-rewrite-", "x-host", "x-server-name",
	"forwarded", "x-forwarded", "x-forwarded-", "x-scheme", "x-url-scheme", "front-end-https",
	"x-remote-ip", "x-remote-addr", "x-originating-ip", "x-override-url", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "client-ip", "true-client-ip", "cf-connecting-ip",
	"fastly-client-ip", "x-envoy-", "x-accel-", "x-sendfile-type",

	// Tracing.
	"x-request-id", "traceparent", "tracestate", "baggage", "b3", "x-b3-",
}

// allowedHeaders match a reserved prefix but may be set: proxies that know the caller
// commonly set them.
var allowedHeaders = []string{
	"x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-forwarded-preferred-username",
}

// sendableHeaders are the reserved headers that requests to a provider may have.
var sendableHeaders = []string{"accept", "accept-language", "user-agent", "cache-control", "referer", "prefer", "x-requested-with"}

const faultReserved = "must not be this header, which has a meaning of its own"

// header reads the name of a request header (RFC 9110, section 5.1) that the gateway
// may set, and returns the name in lower case.
func (v *value) header() string {
	name := v.headerName()
	if name != "" && isReserved(HeaderKey(name)) {
		v.fail(faultReserved)
		return ""
	}
	return name
}

// headerName reads a header's name and returns it in lower case.
func (v *value) headerName() string {
	s, ok := v.string()
	if ok && !isToken(s) {
		v.fail(faultHeaderName)
		return ""
	}
	return strings.ToLower(s)
}

const faultHeaderName = "must be a header name of letters, digits and !#$%&'*+-.^_`|~"

// isReserved reports whether a header, by its HeaderKey, must not be set.
func isReserved(key string) bool {
	if slices.Contains(allowedHeaders, key) {
		return false
	}
	for _, reserved := range reservedHeaders {
		if key == reserved || strings.HasSuffix(reserved, "-") && strings.HasPrefix(key, reserved) {
			return true
		}
	}
	return false
}

// HeaderKey returns a header's name in the form for comparisons: in lower case, with
// "-" for every character other than a letter or a digit. CGI (RFC 3875, section
// 4.1.18) and its descendants replace "-" by "_", and many of them every other such
// character too, so that different names become one.
func HeaderKey(name string) string {
	b := make([]byte, len(name))
	for i := range b {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case !isAlpha(c) && !isDigit(c):
			c = '-'
		}
		b[i] = c
	}
	return string(b)
}

// headerNames maps the HeaderKey of each header that a resource sets to its path in
// the document. The headers must differ, since each has one value.
type headerNames map[string]string

// read reads the name of a header that no earlier member names.
func (n headerNames) read(v *value) string {
	name := v.header()
	if name == "" {
		return ""
	}
	key := HeaderKey(name)
	if path, twice := n[key]; twice {
		v.fail("is the same header as " + path)
		return ""
	}
	n[key] = v.path
	return name
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2). Pseudo-headers such
// as :path are not tokens.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlpha(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
