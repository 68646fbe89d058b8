package gate

import (
	"strconv"
	"strings"

	"mcpauth/config"
	"mcpauth/internal/introspect"
	"mcpauth/jwtlite"
)

// headerPrefix begins the names of the headers by which the server learns who
// calls. A client cannot send any header of that prefix through.
const headerPrefix = "x-mcpauth-"

// identity returns the headers that tell the server who calls, from a token
// that was verified, or from what its issuer says about it.
func (p *resource) identity(t *jwtlite.Token, issuer string) [][2]string {
	c := t.Claims()
	names := [...]string{"subject", "client", "scope", "issuer", "expires"}
	expires := ""
	if c.Expires.Set {
		expires = strconv.FormatInt(c.Expires.Unix(), 10)
	}
	values := [...]string{c.Subject, c.ClientID, strings.Join(c.AppendScopes(nil), " "), issuer, expires}
	headers := make([][2]string, 0, len(names)+len(p.ClaimToHeaders)+1)
	for i, name := range names {
		headers = appendHeader(headers, headerPrefix+name, values[i])
	}
	for _, h := range p.ClaimToHeaders {
		if v, ok := c.Lookup(h.ClaimName); ok {
			value := v.Raw
			if v.Kind == jwtlite.KindString {
				value = v.Text
			}
			headers = appendHeader(headers, h.HeaderName, value)
		}
	}
	if p.ForwardPayloadHeader != "" {
		headers = appendHeader(headers, p.ForwardPayloadHeader, encodedPayload(t))
	}
	return headers
}

// encodedPayload returns the payload as it stands in the token: base64url with
// no padding. For a token that is no JWT it is what its issuer says about it.
func encodedPayload(t *jwtlite.Token) string {
	if t.SigningInput() == "" {
		return introspect.Base64URL(t.Payload())
	}
	_, payload, _ := strings.Cut(t.SigningInput(), ".")
	return payload
}

// appendHeader appends a header, unless there is nothing to say.
func appendHeader(headers [][2]string, name, value string) [][2]string {
	if value == "" {
		return headers
	}
	return append(headers, [2]string{name, headerValue(value)})
}

// headerValue returns s as a header value, in memory of its own: bytes other
// than printable ASCII, "%", and a space at either end are percent-encoded, so
// that no claim can end a header and every value can be read back exactly.
func headerValue(s string) string {
	const upperHex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c > '~' || c == '%' || c == ' ' && (i == 0 || i == len(s)-1) {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
			continue
		}
		b = append(b, c)
	}
	return string(b)
}

// reserved holds the names of the headers that only the gate may set, beside
// those that begin with headerPrefix.
type reserved struct {
	names   map[string]bool // with "-" for "_"
	lengths uint64          // bit n: there is a name of n bytes, 63: or more
}

func reservedHeaders(c *config.Config) reserved {
	r := reserved{names: map[string]bool{}}
	add := func(name string) {
		if name != "" {
			r.names[strings.ReplaceAll(strings.ToLower(name), "_", "-")] = true
			r.lengths |= 1 << min(len(name), 63)
		}
	}
	for _, p := range c.Resources {
		add(p.ForwardPayloadHeader)
		for _, h := range p.ClaimToHeaders {
			add(h.HeaderName)
		}
	}
	return r
}

// Reserved reports whether a header of a client's request must be removed on
// every route, because a server could take it for one that the gate set. Many
// servers do not tell "_" from "-" in a name (CGI and its heirs), so neither
// does Reserved. Names come from the host in lower case.
func (g *Gate) Reserved(name string) bool {
	if len(name) >= len(headerPrefix) && name[0] == headerPrefix[0] && hyphened(name[:len(headerPrefix)]) == headerPrefix {
		return true
	}
	if g.reserved.lengths>>min(len(name), 63)&1 == 0 {
		return false
	}
	return g.reserved.names[hyphened(name)]
}

// hyphened returns name with "-" for "_"; most names have none.
func hyphened(name string) string {
	if strings.IndexByte(name, '_') < 0 {
		return name
	}
	return strings.ReplaceAll(name, "_", "-")
}
