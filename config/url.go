package config

import (
	"strings"

	"mcpauth/internal/percent"
)

// maxURLLength is a length that all parties accept in a header.
const (
	maxURLLength = 2048
	maxURLText   = "2048"
)

// URL is an absolute http or https URL, split into its parts.
type URL struct {
	Raw    string // as written in the document
	Scheme string // "http" or "https"
	Host   string // lower case, without port; an IPv6 address in brackets
	Port   string // empty if left out or the scheme's default
	Path   string // as written: empty, or starting with "/"
	Query  string // without "?"; empty if there is none
}

// Authority returns host or host:port, the port only when it is not the
// scheme's default.
func (u *URL) Authority() string {
	if u.Port == "" {
		return u.Host
	}
	return u.Host + ":" + u.Port
}

// Origin returns the scheme and the authority, in the form of an issuer or an Origin
// header.
func (u *URL) Origin() string { return u.Scheme + "://" + u.Authority() }

// PathQuery returns the request target: the path, "/" if it is empty, and "?" and the
// query if there is one.
func (u *URL) PathQuery() string {
	path := u.Path
	if path == "" {
		path = "/"
	}
	if u.Query == "" {
		return path
	}
	return path + "?" + u.Query
}

// IsLoopback reports whether the host is the machine itself: localhost and
// names under it (RFC 6761, section 6.3), 127.0.0.0/8 or [::1].
func (u *URL) IsLoopback() bool {
	return u.Host == "localhost" || strings.HasSuffix(u.Host, ".localhost") ||
		u.Host == "[::1]" || isIPv4(u.Host) && strings.HasPrefix(u.Host, "127.")
}

// fault is a constant error: the linker lays it out, and no code runs at start to make
// it.
type fault string

func (f fault) Error() string { return string(f) }

const (
	faultLength   = "must be a URL of at most " + maxURLText + " bytes"
	faultByte     = "must be a URL without spaces, control characters and non-ASCII characters"
	faultScheme   = "must be an absolute URL that starts with https://"
	faultFragment = "must be a URL without a fragment (#)"
	faultNoQuery  = "must be a URL without an empty query (?)"
	faultQuery    = "must be a URL without a query (?)"
	faultEncoding = "must be a URL with valid percent-encoding and no character that needs it"
	faultUser     = "must be a URL without user information (@)"
)

// ParseURL splits an absolute http or https URL (RFC 3986). It refuses user information,
// a fragment, an empty query, a character that the RFC does not allow at its place,
// invalid percent-encoding, a host that is not in its one accepted form but for case,
// and more than 2048 bytes. The error does not repeat the URL.
func ParseURL(s string) (*URL, error) {
	u := &URL{Raw: s}
	if fault := u.split(); fault != nil {
		return nil, fault
	}
	return u, nil
}

// split fills in the parts of u.Raw.
func (u *URL) split() error {
	s := u.Raw
	if len(s) > maxURLLength {
		return fault(faultLength)
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return fault(faultByte)
		}
	}
	scheme, rest, ok := strings.Cut(s, "://")
	u.Scheme = strings.ToLower(scheme)
	if !ok || u.Scheme != "https" && u.Scheme != "http" {
		return fault(faultScheme)
	}
	if strings.Contains(rest, "#") {
		return fault(faultFragment)
	}
	authority, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery && query == "" {
		return fault(faultNoQuery)
	}
	u.Query = query
	if i := strings.IndexByte(authority, '/'); i >= 0 {
		authority, u.Path = authority[:i], authority[i:]
	}
	if !isURLText(u.Path, "/") || !isURLText(u.Query, "/?") {
		return fault(faultEncoding)
	}
	if strings.Contains(authority, "@") {
		return fault(faultUser)
	}
	var err error
	u.Host, u.Port, err = splitHostPort(authority)
	if u.Scheme == "https" && u.Port == "443" || u.Scheme == "http" && u.Port == "80" {
		u.Port = ""
	}
	return err
}

// isURLText reports whether s consists of pchar (RFC 3986, section 3.3) and extra
// characters.
func isURLText(s, extra string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if _, ok := percent.Decode(s[i:]); !ok {
				return false
			}
			i += 2
		case !isUnreserved(c) && strings.IndexByte("!$&'()*+,;=:@", c) < 0 && strings.IndexByte(extra, c) < 0:
			return false
		}
	}
	return true
}

// isUnreserved reports whether c is an unreserved character (RFC 3986, section 2.3),
// which means the same percent-encoded or not.
func isUnreserved(c byte) bool {
	return isAlpha(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// WithoutQuery returns the URL without its query, which may contain a secret. It is the
// form for logs.
func (u *URL) WithoutQuery() string { return u.Scheme + "://" + u.Authority() + u.Path }
