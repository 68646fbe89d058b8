package keys

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
)

const (
	refreshMin = time.Minute // however soon a server wants to be asked again
	refreshMax = time.Hour   // however long it says that its keys are fresh
)

// A Response is the answer to a Get.
type Response struct {
	Err    error // no answer
	Status int
	Size   int    // of the body
	Body   []byte // at most MaxDocument bytes
	// Encoding is the Content-Encoding, in a form fit for a log; empty if there
	// is none that matters.
	Encoding string

	// Fresh is how long the answer says that it is fresh, refreshMin to
	// refreshMax; 0 if it does not say.
	Fresh time.Duration
	// Location is where a redirect leads: the host, never the path or the
	// query, which may hold a secret.
	Location string
}

// NewResponse reads the headers of an answer, whose names are in lower case;
// the body is added by [Response.Read].
func NewResponse(headers [][2]string, size int) Response {
	r := Response{Size: size}
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
			r.Location = locationHost(h[1])
		case "content-encoding":
			r.Encoding = encoding(r.Encoding, h[1])
		}
	}
	r.Fresh = freshness(string(cacheControl), age)
	return r
}

// Read takes in the body, without the byte order mark that some servers put
// before JSON (RFC 8259, section 8.1, lets a reader ignore it).
func (r *Response) Read(body []byte) {
	r.Body = bytes.TrimPrefix(body, []byte("\ufeff"))
}

// encoding adds a Content-Encoding to those before: codings are named by tokens
// (RFC 9110, section 8.4.1), and anything else is quoted.
func encoding(before, value string) string {
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

// Compressed returns an error if the body is in a coding that cannot be read
// here, though none was asked for.
func (r *Response) Compressed() error {
	if r.Encoding == "" {
		return nil
	}
	return errors.New("the answer is compressed: content-encoding " + r.Encoding)
}

// Fault returns why an answer is no document; nil if it may be one.
func (r Response) Fault() error { return check(r) }

// freshness reads Cache-Control and Age (RFC 9111, sections 5.2.2 and 5.1) as
// far as they matter to a cache of one document: max-age, of several the
// shortest, less the age; and no-store or no-cache.
func freshness(cacheControl, age string) time.Duration {
	shortest := int64(-1)
	for cacheControl != "" {
		var directive string
		directive, cacheControl, _ = strings.Cut(cacheControl, ",")
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return refreshMin
		case "max-age":
			if n := seconds(strings.Trim(value, `"`)); n >= 0 && (shortest < 0 || n < shortest) {
				shortest = n
			}
		}
	}
	if shortest < 0 {
		return 0
	}
	shortest -= max(seconds(age), 0)
	return min(max(time.Duration(shortest)*time.Second, refreshMin), refreshMax)
}

// seconds reads delta-seconds (RFC 9111, section 1.2.2): one that is too large
// counts as 2^31 - 1, what is no number as -1.
func seconds(s string) int64 {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil && n == 0 {
		return -1
	}
	return int64(n)
}

// locationHost returns the host in a Location (RFC 9110, section 10.2.2) in a
// form fit for a log, and "the same host" for a reference that has none.
func locationHost(location string) string {
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
