package config

import (
	"slices"
	"strings"
)

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
func (v value) header() (string, bool) {
	s, ok := v.string()
	if !ok {
		return "", false
	}
	name := strings.ToLower(s)
	switch {
	case !isToken(name):
		v.fail("must be a header name of letters, digits and !#$%&'*+-.^_`|~")
	case slices.ContainsFunc(reservedHeaders, func(r string) bool { return covers(r, name) }):
		v.fail("must not be this header, which has a meaning of its own")
	default:
		return name, true
	}
	return "", false
}

// headerKey is what names are compared by: many servers take "_" for "-".
func headerKey(name string) string { return strings.ReplaceAll(name, "_", "-") }

func covers(reserved, name string) bool {
	key := headerKey(name)
	return key == reserved || strings.HasSuffix(reserved, "-") && strings.HasPrefix(key, reserved)
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
