package gate

import (
	"strings"

	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
	"mcpauth/internal/reply"
)

// UnixMilli is a time in milliseconds since 1970. A [time.Time] in a [Request]
// makes the built file 60 kB larger: the linker keeps all its methods.
type UnixMilli = callout.UnixMilli

// A Request has those parts of a request on which decisions depend. A header that
// is absent is empty here.
type Request struct {
	Method    string // :method
	Authority string // :authority
	Path      string // :path, with the query

	Authorization  string // the first Authorization header
	Authorizations int    // how many there are

	Proof  string // the first DPoP header
	Proofs int    // how many there are

	HasOrigin      bool   // the request has an Origin header
	Origin         string // its value; empty if there are two
	RequestMethod  string // Access-Control-Request-Method
	RequestHeaders string // Access-Control-Request-Headers
	IfNoneMatch    string // the first If-None-Match header
	Accept         string // Accept, several values joined with commas
	Cookies        string // Cookie, several values joined with "; "; empty unless there is oauth_proxy

	// The last X-Forwarded-Client-Cert header, and how many there are; none unless a
	// resource trusts it.
	ForwardedClientCert  string
	ForwardedClientCerts int

	Upgrade         bool   // the request has an Upgrade header
	HasBody         bool   // the headers do not end the request
	ContentEncoding string // Content-Encoding, several values joined with commas
	ContentType     string // Content-Type, joined likewise
	MCP             operation.Headers

	// publicPath is set if the path is public, in every reading.
	publicPath bool

	// scheme is that of the token, as far as the gate has read the credentials.
	scheme scheme

	// respelled is set if a server may take another header for one that holds an
	// operation or a length: see [operation.Respells].
	respelled bool
	// unreadable is set if a server may take another header for a Content-Type or a
	// Content-Encoding which says that the body is not in UTF-8 or is compressed.
	unreadable bool
	// overridden is set if a server may take another method for that of the request.
	overridden bool
	// inSession is set if the request has Mcp-Session-Id, in any spelling.
	inSession bool

	Arrived UnixMilli

	// verifyErr is the error of verifying the signature with version verifyVersion
	// of the key set; nil if that has not been tried. The same version would give
	// the same error again.
	verifyErr     error
	verifyVersion uint64

	// originAllowed is set if the resource restricts origins and allows Origin.
	originAllowed bool
}

// Clone returns a copy that shares no memory with the headers from which r was
// read.
func (r *Request) Clone() *Request {
	c := *r
	for _, s := range c.texts() {
		*s = strings.Clone(*s)
	}
	return &c
}

// texts returns the fields that hold text from the headers.
func (r *Request) texts() [17]*string {
	return [...]*string{&r.Method, &r.Authority, &r.Path, &r.Authorization, &r.Proof, &r.Origin, &r.RequestMethod, &r.RequestHeaders, &r.IfNoneMatch, &r.Accept, &r.Cookies,
		&r.ContentEncoding, &r.ContentType, &r.MCP.Method, &r.MCP.Name, &r.MCP.Version,
		&r.ForwardedClientCert}
}

// placeSize is how many bytes of a waiting request take one place of a [Queue].
const placeSize = 8192

// Places returns how many places of a [Queue] the request takes while it waits.
func (r *Request) Places() int {
	size := 0
	for _, s := range r.texts() {
		size += len(*s)
	}
	return 1 + size/placeSize
}

// TimedOut returns the verdict on a request that has waited too long for w.
func (r *Request) TimedOut(w Wait) Verdict {
	return timedOut(w, r.allowOrigin())
}

// allowOrigin returns the Access-Control-Allow-Origin of a response to r; empty
// if no browser sent it.
func (r *Request) allowOrigin() string {
	switch {
	case !r.HasOrigin:
		return ""
	case r.originAllowed:
		return r.Origin
	}
	return reply.AnyOrigin
}

// An asker has what a response depends on beside its reason: it is all that is left of a
// request in a verdict on the body.
type asker struct {
	allowOrigin string // see Request.allowOrigin
	scheme      scheme // of the token
}

func (r *Request) asker() asker { return asker{r.allowOrigin(), r.scheme} }

// isPreflight reports whether r is a CORS preflight (Fetch, section 3.3.1).
func (r *Request) isPreflight() bool {
	return r.Method == "OPTIONS" && r.HasOrigin && r.RequestMethod != ""
}

// isUpgrade reports whether r asks for another protocol on its connection (RFC
// 9110, sections 7.8 and 9.3.6). Envoy turns the extended CONNECT of HTTP/2 into
// Upgrade.
func (r *Request) isUpgrade() bool { return r.Upgrade || r.Method == "CONNECT" }

// refuseUpgrade returns the verdict on an upgrade where the gate must read the
// body, which would never end.
func refuseUpgrade(r *Request) Verdict {
	return respond(reply.InvalidRequest("an upgrade to another protocol is not allowed here: the gateway checks each request", r.allowOrigin()), metrics.BadHeader)
}
