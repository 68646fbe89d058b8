package oauthproxy

import (
	"strings"

	"mcpauth/internal/introspect"
)

// resourceName is the one parameter that may be there several times: RFC 8707,
// section 2.
const (
	resourceName = "resource"
	maxResources = 8
)

// parse reads a query or a form (application/x-www-form-urlencoded) and returns
// the values of the parameters with these names, empty for those that are not
// there, which mean the same (RFC 6749, section 3.1). Those of [resourceName], if
// that is one of the names, are returned apart, in their order. Others are left
// out. ok is false if a percent-encoding is broken, if another name is there
// twice, or if there are too many resources.
func parse(text string, names []string) (values, resources []string, ok bool) {
	values = make([]string, len(names))
	var seen uint
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		name, value, _ := strings.Cut(pair, "=")
		name, ok := decode(name)
		if !ok {
			return nil, nil, false
		}
		if value, ok = decode(value); !ok {
			return nil, nil, false
		}
		for i := range names {
			if names[i] != name {
				continue
			}
			if name == resourceName {
				if len(resources) == maxResources {
					return nil, nil, false
				}
				if value != "" {
					resources = append(resources, value)
				}
				continue
			}
			if seen>>i&1 != 0 {
				return nil, nil, false
			}
			seen |= 1 << i
			values[i] = value
		}
	}
	return values, resources, true
}

// decode decodes a name or a value. The result shares no memory with s.
func decode(s string) (string, bool) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high|low > 15 {
				return "", false
			}
			c = high<<4 | low
			i += 2
		}
		b = append(b, c)
	}
	return string(b), true
}

// unhex returns the value of a hexadecimal digit, 255 for what is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// appendTo appends a parameter to a query or a form, unless its value is empty.
func appendTo(text, name, value string) string {
	if value == "" {
		return text
	}
	if text != "" && text[len(text)-1] != '?' {
		text += "&"
	}
	return text + name + "=" + introspect.FormEncode(value)
}

// appendAll appends a parameter with each of its values.
func appendAll(text, name string, values []string) string {
	for _, value := range values {
		text = appendTo(text, name, value)
	}
	return text
}

// isMedia reports whether a Content-Type is of a media type, whatever its
// parameters.
func isMedia(contentType, media string) bool {
	contentType, _, _ = strings.Cut(contentType, ";")
	return strings.EqualFold(strings.Trim(contentType, " \t"), media)
}

// isCode reports whether s is made of unreserved characters and of a length, as
// verifiers and challenges of PKCE are (RFC 7636, sections 4.1 and 4.2).
func isCode(s string, low, high int) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0) {
			return false
		}
	}
	return low <= len(s) && len(s) <= high
}
