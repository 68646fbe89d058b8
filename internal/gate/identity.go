package gate

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

// headerPrefix begins the names of the headers by which the server learns who
// calls. A client cannot send any header of that prefix through.
const headerPrefix = config.HeaderPrefix

// An Identity is the headers that tell the server who calls.
type Identity struct {
	names   identityNames
	encoded string // of each header: two bytes, the index of its name; four, the size of its value; the value
}

// identityNames are the names of a resource's identity headers, in the order of
// appendIdentity, and of those that are filter state too.
type identityNames struct{ headers, state []string }

// Next takes the first header off; ok is false if there is none left.
func (i *Identity) Next() (name, value string, ok bool) {
	if len(i.encoded) < identityHead {
		return "", "", false
	}
	e := i.encoded
	size := int(e[2]) | int(e[3])<<8 | int(e[4])<<16 | int(e[5])<<24
	i.encoded = e[identityHead+size:]
	return i.names.headers[int(e[0])|int(e[1])<<8], e[identityHead : identityHead+size], true
}

// State returns the name of the filter state that gets a header's value too:
// that of the header without "x-". ok is false if none does.
//
//go:noinline
func (i *Identity) State(header string) (name string, ok bool) {
	if !slices.Contains(i.names.state, header) {
		return "", false
	}
	return header[len("x-"):], true
}

const identityHead = 6

func newIdentityNames(r *config.Resource) identityNames {
	var names []string
	for _, name := range config.CallerNames {
		names = append(names, headerPrefix+name)
	}
	for _, h := range r.ClaimToHeaders {
		names = append(names, h.HeaderName)
	}
	return identityNames{append(names, r.ForwardPayloadHeader), r.FilterState}
}

// appendIdentity encodes the headers that tell who calls, from a token that was
// verified, or from what its issuer says about it.
func (p *resource) appendIdentity(b []byte, t *jwtlite.Token, issuer string) []byte {
	c := t.Claims()
	b = appendHeader(b, 0, c.Subject)
	b = appendHeader(b, 1, c.ClientID)
	var scopes [16]string
	b = appendHeader(b, 2, c.AppendScopes(scopes[:0])...)
	b = appendHeader(b, 3, issuer)
	if c.Expires.Set {
		var digits [20]byte
		expires := strconv.AppendInt(digits[:0], c.Expires.Unix(), 10)
		b = appendHeader(b, 4, unsafe.String(unsafe.SliceData(expires), len(expires)))
	}
	const named = 5
	if len(p.ClaimToHeaders) > 0 {
		payload := unsafe.String(unsafe.SliceData(t.Payload()), len(t.Payload()))
		for i := range p.ClaimToHeaders {
			b = appendHeader(b, named+i, claimText(payload, &p.ClaimToHeaders[i]))
		}
	}
	if p.ForwardPayloadHeader != "" {
		b = appendHeader(b, named+len(p.ClaimToHeaders), encodedPayload(t))
	}
	return b
}

// encodedPayload returns the payload as it stands in the token: base64url with
// no padding. For a token that is no JWT it is what its issuer says about it.
func encodedPayload(t *jwtlite.Token) string {
	if t.SigningInput() == "" {
		return base64.RawURLEncoding.EncodeToString(t.Payload())
	}
	_, payload, _ := strings.Cut(t.SigningInput(), ".")
	return payload
}

// appendHeader encodes a header whose value is values with a space between any
// two, unless there is nothing to say.
func appendHeader(b []byte, name int, values ...string) []byte {
	start := len(b)
	b = append(b, byte(name), byte(name>>8), 0, 0, 0, 0)
	b = appendValue(b, values...)
	size := len(b) - start - identityHead
	if size == 0 {
		return b[:start]
	}
	b[start+2], b[start+3], b[start+4], b[start+5] = byte(size), byte(size>>8), byte(size>>16), byte(size>>24)
	return b
}

// appendValue appends a header value: bytes other than printable ASCII, "%",
// and a space at either end are percent-encoded, so that no claim can end a
// header and every value can be read back exactly.
func appendValue(b []byte, values ...string) []byte {
	const upperHex = "0123456789ABCDEF"
	start := len(b)
	for n, s := range values {
		if s != "" && len(b) > start {
			b = append(b, ' ')
		}
		if plain(s) {
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

// plain reports whether s has only what appendValue leaves as it is.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' || c == '%' {
			return false
		}
	}
	return true
}

// reserved holds the names of the headers that only the gate may set, beside
// those that begin with headerPrefix.
type reserved struct {
	keys    map[string]bool // see [config.HeaderKey]
	lengths uint64          // bit n: there is a name of n bytes, 63: or more
}

func reservedHeaders(c *config.Config) reserved {
	r := reserved{keys: map[string]bool{}}
	add := func(name string) {
		if name != "" {
			r.keys[config.HeaderKey(name)] = true
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
// servers do not tell "_", "." and other such characters from "-" in a name (CGI
// and its heirs), so neither does Reserved. Names come from the host in lower
// case.
func (g *Gate) Reserved(name string) bool {
	if len(name) >= len(headerPrefix) && name[0] == headerPrefix[0] && hasKey(name[:len(headerPrefix)], headerPrefix) {
		return true
	}
	if g.reserved.lengths>>min(len(name), 63)&1 == 0 {
		return false
	}
	if g.reserved.keys[name] {
		return true
	}
	for i := 0; i < len(name); i++ {
		if isOdd(name[i]) {
			return g.reserved.keys[config.HeaderKey(name)]
		}
	}
	return false
}

// hasKey reports whether key is the key of a name that is as long.
func hasKey(name, key string) bool {
	for i := 0; i < len(key); i++ {
		if c := name[i]; c != key[i] && !(key[i] == '-' && isOdd(c)) {
			return false
		}
	}
	return true
}

// isOdd reports whether c is other than a lower-case letter, a digit or "-".
func isOdd(c byte) bool {
	return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-')
}
