package callout

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
)

const (
	// MinFresh and MaxFresh bound the time for which a response counts as fresh,
	// whatever its headers say.
	MinFresh = time.Minute
	MaxFresh = time.Hour

	maxRetryAfter = 60 // seconds
)

// A Response is the outcome of a request.
type Response struct {
	Err     error // why there is no response; nil if there is one
	Status  int
	Headers [][2]string // names in lower case
	Size    int         // of the body
	Body    []byte      // nil if Size exceeds MaxDocument

	// ContentEncoding names the codings of the body, in a form fit for a log. It
	// is empty if the body has none.
	ContentEncoding string

	// Fresh is how long the response is fresh by its headers, MinFresh to MaxFresh;
	// 0 if they do not say.
	Fresh time.Duration

	// RedirectHost is the host to which a redirect leads, in a form fit for a log.
	// The path and the query, which may hold a secret, are left out.
	RedirectHost string
}

// NewResponse returns the Response with these headers, whose names are in lower
// case, and a body of a size. [Response.SetBody] adds the body.
func NewResponse(headers [][2]string, size int) Response {
	r := Response{Headers: headers, Size: size}
	var cacheControl []byte
	age := ""
	for _, h := range headers {
		switch h[0] {
		case ":status":
			r.Status, _ = strconv.Atoi(h[1])
		case "cache-control":
			cacheControl = append(append(cacheControl, ','), h[1]...)
		case "age":
			age = h[1]
		case "location":
			r.RedirectHost = redirectHost(h[1])
		case "content-encoding":
			r.ContentEncoding = addContentEncoding(r.ContentEncoding, h[1])
		}
	}
	r.Fresh = freshness(string(cacheControl), age)
	return r
}

// SetBody sets the body, without the byte order mark that some servers put before
// JSON (RFC 8259, section 8.1, lets a reader ignore it).
func (r *Response) SetBody(body []byte) {
	r.Body = bytes.TrimPrefix(body, []byte("\ufeff"))
}

// Header returns the first value of a header, empty if there is none.
func (r *Response) Header(name string) string {
	for _, h := range r.Headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// RetryAfter returns the seconds of the Retry-After header (RFC 9110, section
// 10.2.3), 1 to 60; 0 if there is no such header or it has a date.
func (r *Response) RetryAfter() int {
	n, err := strconv.ParseUint(r.Header("retry-after"), 10, 32)
	if err != nil && n == 0 {
		return 0
	}
	return int(min(max(n, 1), maxRetryAfter))
}

// DocumentError returns why the response holds no document; nil if it may hold
// one.
func (r *Response) DocumentError() error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Status >= 300 && r.Status < 400:
		text := "status " + strconv.Itoa(r.Status)
		if r.RedirectHost != "" {
			text += " to " + r.RedirectHost
		}
		return errors.New(text + ": redirects are not followed")
	case r.Status != 200:
		return errors.New("status " + strconv.Itoa(r.Status))
	case r.Size > MaxDocument:
		return errors.New("the document is too large: " + strconv.Itoa(r.Size) + " bytes")
	}
	return r.EncodingError()
}

// EncodingError returns an error if the body has a content coding. The plugin
// decodes none, and requests ask for none.
func (r *Response) EncodingError() error {
	if r.ContentEncoding == "" {
		return nil
	}
	return errors.New("the answer is compressed: content-encoding " + r.ContentEncoding)
}

// addContentEncoding appends the value of a Content-Encoding header to those
// before it. It quotes a value that does not look like a list of codings, which are
// tokens (RFC 9110, section 8.4.1).
func addContentEncoding(before, value string) string {
	value = strings.ToLower(strings.TrimSpace(value[:min(len(value), 100)]))
	if value == "" || value == "identity" {
		return before
	}
	for i := 0; i < len(value); i++ {
		if c := value[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("-_., ", c) < 0 {
			value = strconv.QuoteToASCII(value)
			break
		}
	}
	if before != "" {
		value = before + ", " + value
	}
	return value
}

// freshness returns Response.Fresh by Cache-Control and Age (RFC 9111, sections 5.2.2
// and 5.1): MinFresh for no-store and no-cache, otherwise the shortest max-age less
// the age.
func freshness(cacheControl, age string) time.Duration {
	shortest := int64(-1)
	for cacheControl != "" {
		var directive string
		directive, cacheControl, _ = strings.Cut(cacheControl, ",")
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return MinFresh
		case "max-age":
			if n := deltaSeconds(strings.Trim(value, `"`)); n >= 0 && (shortest < 0 || n < shortest) {
				shortest = n
			}
		}
	}
	if shortest < 0 {
		return 0
	}
	shortest -= max(deltaSeconds(age), 0)
	return min(max(time.Duration(shortest)*time.Second, MinFresh), MaxFresh)
}

// deltaSeconds reads delta-seconds (RFC 9111, section 1.2.2). A number that is too
// large counts as 2^31 - 1, any other text as -1.
func deltaSeconds(s string) int64 {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil && n == 0 {
		return -1
	}
	return int64(n)
}

// redirectHost returns the host in a Location header (RFC 9110, section 10.2.2) in
// a form fit for a log, and "the same host" for a reference without a host.
func redirectHost(location string) string {
	location = strings.ToLower(location)
	for _, prefix := range [...]string{"https://", "http://", "//"} {
		if host, ok := strings.CutPrefix(location, prefix); ok {
			if i := strings.IndexAny(host, `/?#\`); i >= 0 {
				host = host[:i]
			}
			host = host[strings.LastIndexByte(host, '@')+1:]
			return strconv.Quote(host[:min(len(host), 253)])
		}
	}
	return "the same host"
}
