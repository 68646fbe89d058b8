package gate

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"mcpauth/config"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// An identityHeader is a header that tells the server who calls.
type identityHeader struct {
	name        string // empty if it is not set
	filterState string // see [IdentityHeader.FilterState]
}

// The numbers of a resource's identity headers. The headers of claims follow, in the
// order of the configuration, and the header of the payload is last.
const (
	subjectHeader = iota
	clientHeader
	scopeHeader
	issuerHeader
	expiresHeader
	firstClaimHeader
)

// callerHeaders are the names of the identity headers that every resource has.
var callerHeaders = [firstClaimHeader]string{
	subjectHeader: config.IdentityHeaderPrefix + "subject",
	clientHeader:  config.IdentityHeaderPrefix + "client",
	scopeHeader:   config.IdentityHeaderPrefix + "scope",
	issuerHeader:  config.IdentityHeaderPrefix + "issuer",
	expiresHeader: config.IdentityHeaderPrefix + "expires",
}

// identityHeaders returns the identity headers of a resource by their numbers. audit is
// that of the configuration.
func identityHeaders(r *config.Resource, audit bool) []identityHeader {
	names := slices.Clone(callerHeaders[:])
	for _, h := range r.ClaimToHeaders {
		names = append(names, h.HeaderName)
	}
	names = append(names, r.ForwardPayloadHeader)
	headers := make([]identityHeader, len(names))
	for i, name := range names {
		if i >= firstClaimHeader || slices.Contains(r.IdentityHeaders, name) {
			headers[i].name = name
		}
		if audit && audited(i) || slices.Contains(r.FilterState, name) {
			headers[i].filterState = strings.TrimPrefix(name, "x-")
		}
	}
	return headers
}

// An Identity has the identity headers of one request.
type Identity struct {
	headers []identityHeader // of the resource, by number
	encoded string           // of each header: its number (2 bytes), the size of its value (4 bytes), the value
}

// headerOverhead is the size of an encoded header beside its value.
const headerOverhead = 6

// An IdentityHeader is a header that is set on a request.
type IdentityHeader struct {
	Name, Value string // Name is empty if the value is for FilterState alone

	// FilterState is the name of the filter state that also gets the value; empty
	// if there is none.
	FilterState string
}

// Next removes the first header and returns it; ok is false if there is none left.
func (i *Identity) Next() (h IdentityHeader, ok bool) {
	if len(i.encoded) < headerOverhead {
		return IdentityHeader{}, false
	}
	e := i.encoded
	number := int(e[0]) | int(e[1])<<8
	size := int(e[2]) | int(e[3])<<8 | int(e[4])<<16 | int(e[5])<<24
	i.encoded = e[headerOverhead+size:]
	return IdentityHeader{i.headers[number].name, e[headerOverhead : headerOverhead+size], i.headers[number].filterState}, true
}

// appendIdentity encodes the identity headers of t, which holds a verified JWT or an
// introspection response, from an issuer and with scopes.
func (p *resource) appendIdentity(b []byte, t *jwtlite.Token, issuer string, scopes []string) []byte {
	c := t.Claims()
	b = p.appendCaller(b, subjectHeader, c.Subject)
	b = p.appendCaller(b, clientHeader, c.ClientID)
	b = p.appendCaller(b, scopeHeader, scopes...)
	b = p.appendCaller(b, issuerHeader, issuer)
	if c.Expires.Set {
		var digits [20]byte
		expires := strconv.AppendInt(digits[:0], c.Expires.Unix(), 10)
		b = p.appendCaller(b, expiresHeader, unsafe.String(unsafe.SliceData(expires), len(expires)))
	}
	for i := range p.ClaimToHeaders {
		b = appendHeader(b, firstClaimHeader+i, wellknown.Text(p.claims.claim(i)))
	}
	if p.ForwardPayloadHeader != "" {
		b = appendHeader(b, firstClaimHeader+len(p.ClaimToHeaders), encodedPayload(t))
	}
	return b
}

// encodedPayload returns the payload in base64url without padding. That of a JWT is
// a part of the token; that of an introspection response is encoded here.
func encodedPayload(t *jwtlite.Token) string {
	if t.SigningInput() == "" {
		return base64.RawURLEncoding.EncodeToString(t.Payload())
	}
	_, payload, _ := strings.Cut(t.SigningInput(), ".")
	return payload
}

// appendCaller encodes one of the callerHeaders, unless the configuration has no use for
// it: see appendHeader.
func (p *resource) appendCaller(b []byte, number int, values ...string) []byte {
	if h := &p.identity[number]; h.name == "" && h.filterState == "" {
		return b
	}
	return appendHeader(b, number, values...)
}

// appendHeader encodes the identity header with this number. Its value consists of
// values with a space between any two. appendHeader appends no header that is empty.
func appendHeader(b []byte, number int, values ...string) []byte {
	start := len(b)
	b = append(b, byte(number), byte(number>>8), 0, 0, 0, 0)
	b = appendValue(b, values...)
	size := len(b) - start - headerOverhead
	if size == 0 {
		return b[:start]
	}
	b[start+2], b[start+3], b[start+4], b[start+5] = byte(size), byte(size>>8), byte(size>>16), byte(size>>24)
	return b
}

// appendValue appends a header value. It percent-encodes bytes other than
// printable ASCII, "%", and a space at either end, so that no claim can end a
// header and a server can decode every value exactly.
func appendValue(b []byte, values ...string) []byte {
	const upperHex = "0123456789ABCDEF"
	start := len(b)
	for n, s := range values {
		if s != "" && len(b) > start {
			b = append(b, ' ')
		}
		if isUnencoded(s) {
			b = append(b, s...)
			continue
		}
		first, last := n == 0, n == len(values)-1
		for i := 0; i < len(s); i++ {
			c := s[i]
			if c < ' ' || c > '~' || c == '%' || c == ' ' && (first && i == 0 || last && i == len(s)-1) {
				b = append(b, '%', upperHex[c>>4], upperHex[c&15])
				continue
			}
			b = append(b, c)
		}
	}
	return b
}

// isUnencoded reports whether appendValue leaves s as it is.
func isUnencoded(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' || c == '%' {
			return false
		}
	}
	return true
}
