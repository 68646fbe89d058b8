package oauthproxy

import (
	"strconv"
	"strings"
)

// allowed reports whether a client may be sent back to a URI. It is compared
// byte for byte, so that nothing in it can be read in two ways; only the port of
// a loopback address may differ (RFC 8252, section 7.3).
func (p *Proxy) allowed(uri string) bool {
	for _, known := range p.how.RedirectURIs {
		if uri == known && uri != "" {
			return true
		}
		host, rest, loopback := splitLoopback(known)
		if !loopback {
			continue
		}
		if other, ok := strings.CutPrefix(uri, host); ok && withoutPort(other) == rest {
			return true
		}
	}
	return false
}

// splitLoopback splits an http URI of the configuration, which is loopback, into
// scheme and host, and what follows the port.
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

// withoutPort returns what follows a port at the beginning of s, in its one
// form, and all of s if there is none.
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
