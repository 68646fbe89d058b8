package oauthproxy

import (
	"strconv"
	"strings"
)

// allowed reports whether a client may be sent back to a URI. It is compared
// byte for byte, so that nothing in it can be read in two ways; only the port of
// a loopback address may differ (RFC 8252, section 7.3), and what stands behind a
// configured "/*".
func (p *Proxy) allowed(uri string) bool {
	for _, known := range p.how.RedirectURIs {
		if prefix, ok := strings.CutSuffix(known, "*"); ok {
			if below, ok := strings.CutPrefix(uri, prefix); ok && len(uri) <= maxURI && isPlainPath(below) {
				return true
			}
			continue
		}
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

// maxURI bounds a URI behind a configured "/*", as the configuration bounds those
// that stand there whole.
const maxURI = 2048

// isPlainPath reports whether s is segments with slashes between that every parser
// reads the same way: of unreserved characters alone (RFC 3986, section 2.3), and
// none of them a dot segment or empty.
func isPlainPath(s string) bool {
	for rest, more := s, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "." || segment == ".." || !isCode(segment, 1, maxURI) {
			return false
		}
	}
	return true
}

// refused tells the log which redirect URI was refused, and where.
func (p *Proxy) refused(where, uri string) {
	p.notice.Say(where + " the redirect URI " + strconv.QuoteToASCII(uri[:min(len(uri), maxShown)]) +
		" was refused: it is none of oauth_proxy.redirect_uris")
}

// maxShown bounds what is shown of a redirect URI that is refused.
const maxShown = 150

// shown returns a redirect URI in the characters of an error_description (RFC
// 6749, section 5.2), and not all of a long one.
func shown(uri string) string {
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
