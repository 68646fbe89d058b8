package config

import "strings"

// reservedHeaders have a meaning of their own for HTTP, MCP, browsers or Envoy.
// The gateway removes a configured name from every request before it sets it,
// so none of these may be one. A name that ends in "-" stands for all that
// start with it.
var reservedHeaders = []string{
	"authorization", "host", "cookie", "origin", "forwarded",
	"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "expect",
	"content-", "accept", "accept-", "range", "cache-control", "user-agent", "referer", "date", "via",
	"last-event-id", "mcp-", "access-control-", "sec-", "proxy-",
	"x-mcpauth-", "x-envoy-", "x-request-id",
	"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-client-cert",
}

// header reads the name of a request header (RFC 9110, section 5.1) that the
// gateway may set, and returns it in lower case.
func (v *value) header() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	name := strings.ToLower(s)
	if !isToken(name) {
		v.fail(faultHeaderName)
		return ""
	}
	key := headerKey(name)
	for _, reserved := range reservedHeaders {
		if key == reserved || strings.HasSuffix(reserved, "-") && strings.HasPrefix(key, reserved) {
			v.fail("must not be this header, which has a meaning of its own")
			return ""
		}
	}
	return name
}

// headerKey is what names are compared by: many servers take "_" for "-".
func headerKey(name string) string { return replace(name, '_', '-') }

// headerNames knows which names a resource has given to headers, each with its
// path in the document. They must differ, since each header has one value.
type headerNames map[string]string

func (n headerNames) read(v *value) string {
	name := v.header()
	if name == "" {
		return ""
	}
	if path, twice := n[headerKey(name)]; twice {
		v.fail("is the same header as " + path)
		return ""
	}
	n[headerKey(name)] = v.path
	return name
}

// isToken is token of RFC 9110, section 5.6.2. Pseudo-headers such as :path
// are none.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlpha(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
