package callout

import (
	"strings"

	"mcpauth/internal/percent"
)

// FormMediaType is the media type of a [Form].
const FormMediaType = "application/x-www-form-urlencoded"

// A Form holds encoded parameters, as the body of a POST request or the query of
// a URL has them.
type Form string

// Add appends a parameter. An empty value adds nothing: a parameter without a
// value counts as omitted (RFC 6749, section 3.1).
func (f *Form) Add(name, value string) {
	if value == "" {
		return
	}
	if *f != "" {
		*f += "&"
	}
	*f += Form(name + "=" + formEncode(value))
}

// AddTo returns a URI with the parameters appended to its query.
func (f Form) AddTo(uri string) string {
	switch {
	case f == "":
	case strings.IndexByte(uri, '?') < 0:
		return uri + "?" + string(f)
	case !strings.HasSuffix(uri, "?"):
		return uri + "&" + string(f)
	}
	return uri + string(f)
}

// formEncode encodes a text for a form. A space becomes "%20" and not "+": every
// server can read that, in a form as well as in a query.
func formEncode(s string) string {
	const upperHex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); i++ {
		if c := s[i]; IsUnreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// IsUnreserved reports whether c is an unreserved character (RFC 3986, section
// 2.3).
func IsUnreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// ParseForm calls f with each parameter of a query or a form, in order and decoded,
// and reports whether f accepted all of them and every percent-encoding was valid.
// Names and values share no memory with text.
func ParseForm(text string, f func(name, value string) bool) bool {
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		encodedName, encodedValue, _ := strings.Cut(pair, "=")
		name, nameOK := formDecode(encodedName)
		value, valueOK := formDecode(encodedValue)
		if !nameOK || !valueOK || !f(name, value) {
			return false
		}
	}
	return true
}

// formDecode decodes a name or a value. The result shares no memory with s.
func formDecode(s string) (string, bool) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			decoded, ok := percent.Decode(s[i:])
			if !ok {
				return "", false
			}
			c = decoded
			i += 2
		}
		b = append(b, c)
	}
	return string(b), true
}

// IsMediaType reports whether a Content-Type header has a media type, whatever its
// parameters.
func IsMediaType(contentType, mediaType string) bool {
	contentType, _, _ = strings.Cut(contentType, ";")
	return strings.EqualFold(strings.Trim(contentType, " \t"), mediaType)
}

// IsJSON reports whether a Content-Type header is application/json or, with suffix, a type
// that ends in "+json" (RFC 6839, section 3.1).
func IsJSON(contentType string, suffix bool) bool {
	contentType, _, _ = strings.Cut(contentType, ";")
	contentType = strings.ToLower(strings.TrimSpace(contentType))
	return contentType == "application/json" || suffix && strings.HasSuffix(contentType, "+json")
}
