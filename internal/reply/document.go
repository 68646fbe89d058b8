package reply

import "strings"

// Document returns the response to a GET or HEAD request of a public JSON
// document: 304 if ifNoneMatch, the request's If-None-Match header, names
// entityTag, and 200 otherwise. Pages of any origin may read it.
func Document(document []byte, entityTag, ifNoneMatch string) *Response {
	headers := [][2]string{
		{"cache-control", "public, max-age=3600"},
		{"etag", entityTag},
		{"access-control-allow-origin", AnyOrigin},
	}
	if !noneMatches(ifNoneMatch, entityTag) {
		return &Response{Status: 304, Headers: headers}
	}
	return &Response{Status: 200, Headers: append(headers, [2]string{"content-type", "application/json"}), Body: document}
}

// noneMatches evaluates an If-None-Match header (RFC 9110, section 13.1.2) by
// weak comparison. An entity tag contains no quote between its own, so that no
// other tag of the list contains this one.
func noneMatches(list, entityTag string) bool {
	return list != "*" && !strings.Contains(list, entityTag)
}
