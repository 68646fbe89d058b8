package config

import (
	"strings"

	"mcpauth/internal/percent"
)

// redirectURI reads a redirect URI (OAuth 2.1, section 2.3.1): https, http on
// loopback, or a private-use scheme (RFC 8252).
func (v *value) redirectURI() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	fault := redirectFault(s)
	if prefix, ok := strings.CutSuffix(s, "/*"); ok && fault == faultWildcard {
		fault = redirectPrefixFault(prefix)
	}
	if fault == "" && hasResponseParameter(s) {
		fault = faultResponseParameter
	}
	if fault != "" {
		v.fail(fault)
		return ""
	}
	return s
}

const faultResponseParameter = "must not have a parameter of an authorization response in its query, such as code, state, iss or error: the client could not tell it from the provider's"

// IsRedirectURI reports whether s is a redirect URI as oauth_proxy.redirect_uris may list
// it, without a wildcard.
func IsRedirectURI(s string) bool { return redirectFault(s) == "" && !hasResponseParameter(s) }

const faultWildcard = "must be a whole URI: there are no wildcards, but loopback URIs stand for any port, " +
	"and an https URI with a path may end in /* to stand for all below it"

// redirectPrefixFault returns the fault of a URI before a final "/*", or "". The
// prefix must be an https URL with at least one path segment that every parser reads
// alike.
func redirectPrefixFault(s string) string {
	u, err := ParseURL(s)
	if strings.IndexByte(s, '*') >= 0 || err != nil || u.Scheme != "https" || u.Query != "" || u.Path == "" || strings.HasSuffix(s, "/") ||
		strings.IndexByte(s, '%') >= 0 || !IsPlainURI(s, false) {
		return faultWildcard
	}
	return ""
}

// responseParameters are the parameters of authorization responses (RFC 6749,
// sections 4.1.2, 4.1.2.1 and 4.2.2; RFC 9207; JARM; OpenID Connect Core).
const responseParameters = " code state iss error error_description error_uri response session_state " +
	"id_token access_token token_type expires_in scope refresh_token "

// hasResponseParameter reports whether the query of a URI has one of
// [responseParameters], or a spelling that some server reads as one: in another case,
// percent-encoded, as an array, or with another character for "_".
func hasResponseParameter(uri string) bool {
	_, query, _ := strings.Cut(uri, "?")
	for query != "" {
		end := strings.IndexAny(query, "&;")
		if end < 0 {
			end = len(query) - 1
		}
		name, _, _ := strings.Cut(strings.TrimRight(query[:end+1], "&;"), "=")
		query = query[end+1:]
		for range 3 {
			name = decodeParameter(name)
		}
		name, _, _ = strings.Cut(name, "[")
		name = strings.ReplaceAll(HeaderKey(strings.TrimSpace(name)), "-", "_")
		if name != "" && strings.Contains(responseParameters, " "+name+" ") {
			return true
		}
	}
	return false
}

// decodeParameter decodes the percent-encodings of a parameter's name once, and "+"
// as a space.
func decodeParameter(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if decoded, ok := percent.Decode(s[i:]); ok {
			c = decoded
			i += 2
		} else if c == '+' {
			c = ' '
		}
		b = append(b, c)
	}
	return string(b)
}

// browserSchemes are the schemes that browsers handle themselves.
const browserSchemes = " javascript data vbscript file blob filesystem about view-source ws wss ftp mailto intent "

// redirectFault returns the fault of a redirect URI without a wildcard, or "".
func redirectFault(s string) string {
	scheme, rest, _ := strings.Cut(s, ":")
	switch {
	case strings.IndexByte(s, '*') >= 0:
		return faultWildcard
	case scheme == "https" || scheme == "http":
		u, err := ParseURL(s)
		if err != nil {
			return err.Error()
		}
		if scheme == "http" && !u.IsLoopback() {
			return "must use https, unless the host is loopback"
		}
		return ""
	case rest == "" || !isScheme(scheme) || len(s) > maxURLLength:
		return "must be an absolute URI of at most " + maxURLText + " bytes, with its scheme in lower case"
	case strings.Contains(browserSchemes, " "+scheme+" "):
		return "must not have a scheme that browsers act on"
	case strings.IndexByte(s, '#') >= 0:
		return faultFragment
	case !isURLText(rest, "/?"):
		return faultEncoding
	}
	return ""
}

// isScheme reports whether s is a scheme (RFC 3986, section 3.1) in lower case.
func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || i > 0 && (isDigit(c) || strings.IndexByte("+-.", c) >= 0)) {
			return false
		}
	}
	return s != ""
}
