package gate

import (
	"errors"
	"strings"

	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/internal/percent"
	"mcpauth/jwtlite"
)

var (
	errNoCertificate    = errors.New("the token is bound to a client certificate, and the client presented none")
	errOtherCertificate = errors.New("the token is bound to another client certificate")
	errUnbound          = errors.New("the token is not bound to a client certificate, which is required here")
)

// forwardedClientCert is the name of the header in which a proxy in front of the gateway
// names the client's certificate.
const forwardedClientCert = "x-forwarded-client-cert"

// confirmations returns the kinds of confirmation that the gate checks for p.
func confirmations(p *config.Resource) (kinds jwtlite.Confirmations) {
	if p.MutualTLS != config.BindingOff {
		kinds |= jwtlite.ConfirmsCertificate
	}
	if p.DPoP != config.BindingOff {
		kinds |= jwtlite.ConfirmsKey
	}
	return kinds
}

// confirmCertificate returns nil if the client of r has the certificate with this digest:
// RFC 8705, section 3.
func (g *Gate) confirmCertificate(p *resource, r *Request, digest *[32]byte) (metrics.Outcome, error) {
	presented, ok := g.clientCertificate(p, r)
	switch {
	case !ok:
		return metrics.Certificate, errNoCertificate
	case presented != *digest:
		return metrics.Certificate, errOtherCertificate
	}
	return 0, nil
}

// clientCertificate returns the SHA-256 digest of the certificate, in DER, of the client of
// r. ok is false if the client presented none, or if it is not clear which.
func (g *Gate) clientCertificate(p *resource, r *Request) (digest [32]byte, ok bool) {
	switch {
	case p.TrustForwardedClientCert && r.ForwardedClientCerts == 1:
		return forwardedCertificate(r.ForwardedClientCert)
	case !p.TrustForwardedClientCert && g.PeerCertificate != nil:
		return parseHexDigest(g.PeerCertificate())
	}
	return digest, false
}

// forwardedCertificate returns the digest in an X-Forwarded-Client-Cert header of Envoy: one
// element, which is a list of pairs such as
//
//	Hash=<64 hex digits>;Subject="CN=a,O=\"b\"";URI=
//
// Envoy separates elements, one for each proxy on the way, by commas. Names may have any
// case. A value with a comma, a semicolon or an equals sign is in quotes.
//
// ok is false if there are two elements, if there is not exactly one hash, and if anything
// in the header could be read in another way: white space outside of quotes, or a quote
// within a value.
func forwardedCertificate(header string) (digest [32]byte, ok bool) {
	hashes := 0
	for rest, more := header, true; more; {
		name, value, found := strings.Cut(rest, "=")
		if !found || !isPairName(name) {
			return digest, false
		}
		size, closed := valueSize(value)
		if !closed {
			return digest, false
		}
		if strings.EqualFold(name, "hash") {
			hashes++
			if digest, ok = parseHexDigest(value[:size]); !ok {
				return digest, false
			}
		}
		rest, more = value[size:], size < len(value)
		if more {
			if rest[0] != ';' {
				return digest, false
			}
			rest = rest[1:]
		}
	}
	return digest, hashes == 1
}

// isPairName reports whether s can be the name of a pair: By, Hash, Cert, Chain, Subject,
// URI and DNS are known.
func isPairName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return s != ""
}

// valueSize returns the size of the value that s begins with, with its quotes. The value
// ends with s, before a semicolon, or before a comma. closed is false if quotes do not end,
// or if a character outside of them must be within.
func valueSize(s string) (size int, closed bool) {
	if s == "" || s[0] != '"' {
		for size < len(s) && s[size] != ';' && s[size] != ',' {
			if c := s[size]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
				return 0, false
			}
			size++
		}
		return size, true
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	return 0, false
}

// parseHexDigest decodes 64 hex digits.
func parseHexDigest(s string) (digest [32]byte, ok bool) {
	if len(s) != 2*len(digest) {
		return digest, false
	}
	for i := range digest {
		high, low := s[2*i], s[2*i+1]
		if !percent.IsHexDigit(high) || !percent.IsHexDigit(low) {
			return digest, false
		}
		digest[i] = percent.HexValue(high)<<4 | percent.HexValue(low)
	}
	return digest, true
}
