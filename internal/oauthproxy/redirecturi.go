package oauthproxy

import (
	"strconv"
	"strings"

	"mcpauth/config"
)

// allowsRedirectURI reports whether users may be redirected to a URI. It compares byte
// for byte, so that no two parsers can read the URI in different ways. Only the port of
// a loopback address may differ (RFC 8252, section 7.3), and the path where a
// configured URI ends in "/*".
func (p *Proxy) allowsRedirectURI(uri string) bool {
	for _, known := range p.cfg.RedirectURIs {
		if prefix, ok := strings.CutSuffix(known, "*"); ok {
			if below, ok := strings.CutPrefix(uri, prefix); ok && len(uri) <= maxURI && config.IsPlainPath(below) {
				return true
			}
			continue
		}
		if matchesURI(known, uri) {
			return true
		}
	}
	return false
}

// matchesURI reports whether a URI is the known one, or differs from it in the port of a
// loopback address alone.
func matchesURI(known, uri string) bool {
	if uri == known {
		return uri != ""
	}
	host, rest, loopback := splitLoopback(known)
	if !loopback {
		return false
	}
	other, ok := strings.CutPrefix(uri, host)
	return ok && withoutPort(other) == rest
}

// anyPort returns a redirect URI without the port of a loopback address, and every other
// URI as it is.
func anyPort(uri string) string {
	if host, rest, loopback := splitLoopback(uri); loopback {
		return host + rest
	}
	return uri
}

// maxURI bounds a URI that matches a configured "/*", as the configuration bounds the
// URIs that it names.
const maxURI = 2048

// logRefusedURI tells the log which redirect URI was refused, where, and why.
func (p *Proxy) logRefusedURI(where, uri, why string) {
	p.requestLog.Log(where + " the redirect URI " + strconv.QuoteToASCII(uri[:min(len(uri), maxShown)]) + " was refused: it is none of " + why)
}

// listed is the reason of a redirect URI that the configuration does not allow.
const listed = "oauth_proxy.redirect_uris"

// maxShown bounds the part of a refused redirect URI that the log and the client see.
const maxShown = 150

// describableURI returns a redirect URI in the characters that an error_description may
// have (RFC 6749, section 5.2), cut to maxShown bytes.
func describableURI(uri string) string {
	b := []byte(uri[:min(len(uri), maxShown)])
	for i, c := range b {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			b[i] = '?'
		}
	}
	if len(uri) > maxShown {
		b = append(b, "..."...)
	}
	return string(b)
}

// splitLoopback splits a configured http URI, whose host is a loopback address, into
// its scheme and host, and the part after the port. ok is false for another scheme.
func splitLoopback(uri string) (host, rest string, ok bool) {
	const scheme = "http://"
	authority, ok := strings.CutPrefix(uri, scheme)
	if !ok {
		return "", "", false
	}
	end := len(authority)
	if i := strings.IndexAny(authority, "/?"); i >= 0 {
		end = i
	}
	rest = authority[end:]
	authority = authority[:end]
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		authority = authority[:i]
	}
	return scheme + authority, rest, true
}

// withoutPort returns s without a port at its beginning. A port without leading zeros
// counts alone.
func withoutPort(s string) string {
	if s == "" || s[0] != ':' {
		return s
	}
	end := 1
	for end < len(s) && '0' <= s[end] && s[end] <= '9' {
		end++
	}
	if n, err := strconv.ParseUint(s[1:end], 10, 16); err != nil || n == 0 || s[1] == '0' {
		return s
	}
	return s[end:]
}
