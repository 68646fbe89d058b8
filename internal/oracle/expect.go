package oracle

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// An Expectation is what the documentation says about a request.
type Expectation struct {
	// Forward is set if the request may go on to the server.
	Forward bool
	// Refusals are the statuses that the gateway may answer with instead; none if it must
	// let the request on.
	Refusals []int
	// Why has the reasons.
	Why []string

	anyAnswer bool      // it may be answered with any status
	covered   *resource // that covers the request; nil if none does
	caller    *caller   // nil if nobody is known
	token     string
	public    bool   // the request needs no token
	lacks     string // what the request lacks of what all requests need but the public ones
	c         *Case
	s         *settings
}

// refuse forbids the request.
func (e *Expectation) refuse(status int, why string) {
	e.Forward = false
	e.may(status, why)
}

// may lets the gateway refuse the request.
func (e *Expectation) may(status int, why string) {
	e.Refusals = append(e.Refusals, status)
	e.Why = append(e.Why, why)
}

// Expect returns what the documentation says about a case.
func (c *Case) Expect() *Expectation {
	e := &Expectation{Forward: true, c: c, s: allSettings[c.Configuration]}
	t := e.s.target(c.first(":authority"), c.first(":path"))
	if !t.exact {
		e.may(400, "the path or the host has several readings")
		e.may(404, "the path may be refused as one that no resource covers")
	}
	e.anyAnswer = t.document
	switch {
	case len(t.resources) > 1:
		e.refuse(400, "two resources")
		e.anyAnswer = true
	case len(t.resources) == 1:
		e.covered = t.resources[0]
		e.covers(t)
	case e.s.Unmatched == "allow":
		e.public = true
	default:
		e.refuse(404, "no resource")
	}
	return e
}

// covers applies what docs/answers.md has, in its order.
func (e *Expectation) covers(t *target) {
	c, r := e.c, e.covered
	if e.wrongOrigin() {
		return
	}
	if c.first(":method") == "OPTIONS" && c.has("origin") && c.last("access-control-request-method") != "" {
		e.refuse(204, "a preflight")
		return
	}
	upgrade := c.has("upgrade") || c.first(":method") == "CONNECT"
	if upgrade && r.hasRules() {
		e.refuse(400, "an upgrade")
		return
	}
	authorizations := values(c.Headers, "authorization")
	if len(authorizations) == 0 && r.Public != nil {
		session := c.first(":method") == "GET" && strings.Contains(strings.ToLower(strings.Join(values(c.Headers, "accept"), ",")), "text/event-stream") || c.first(":method") == "DELETE"
		if session && !upgrade && !r.isPublicPath(t) { // initialize is public wherever anything is
			e.refuse(405, "the stream or the end of a session")
			return
		}
		e.public = true
		e.lacks = "a token"
		e.open(t, 401, "no token")
		return
	}
	token, status := bearer(authorizations)
	if token == "" {
		e.refuse(status, "no token, or several")
		return
	}
	e.token = token
	if !e.identify(token) {
		return
	}
	if !e.caller.has(r.RequiredClaims) {
		e.lacking(t, lacksClaim)
		return
	}
	for _, scope := range r.RequiredScopes {
		if !r.grants(e.caller.scopes, scope) {
			e.lacking(t, "a required scope")
			return
		}
	}
	e.rules()
}

const lacksClaim = "a required claim"

// lacking applies to a token that lacks what all requests but the public ones need.
func (e *Expectation) lacking(t *target, what string) {
	e.lacks = what
	if e.covered.Public == nil {
		e.refuse(403, what)
		return
	}
	e.open(t, 403, what)
}

var ownOrigin = regexp.MustCompile(`^https://([A-Za-z0-9-]+\.)+example\.com$`)

// wrongOrigin refuses pages of other origins: docs/resources.md, "Web pages". The one list
// in the configurations is that of all hosts below example.com.
func (e *Expectation) wrongOrigin() bool {
	origins := values(e.c.Headers, "origin")
	if e.covered.Origins == nil || len(origins) == 0 {
		return false
	}
	if len(origins) > 1 || !ownOrigin.MatchString(origins[0]) {
		e.refuse(403, "the origin")
		return true
	}
	if origins[0] != strings.ToLower(origins[0]) {
		e.may(403, "the origin in upper case")
	}
	return false
}

// bearer returns the token, or the status of a request without one.
func bearer(authorizations []string) (token string, status int) {
	if len(authorizations) != 1 {
		return "", map[bool]int{true: 401, false: 400}[len(authorizations) == 0]
	}
	value := strings.ReplaceAll(authorizations[0], "\t", " ")
	parts := split(value)
	switch {
	case len(parts) == 0 || !strings.EqualFold(parts[0], "Bearer"):
		for _, part := range strings.Split(value, ",")[1:] {
			if words := split(part); len(words) > 0 && strings.EqualFold(words[0], "Bearer") {
				return "", 400
			}
		}
		return "", 401
	case len(parts) == 1:
		return "", 401
	case len(parts) > 2 || strings.Contains(value, ","):
		return "", 400
	}
	return parts[1], 0
}

// identify sets the caller of a token, or refuses it.
func (e *Expectation) identify(token string) bool {
	r := e.covered
	if len(token) > e.s.MaxTokenBytes {
		e.refuse(401, "the size of the token")
		return false
	}
	who, err := r.verifyJWT(token)
	if v := r.introspector(); v != nil && err != nil && (who == nil || strings.Count(token, ".") != 2) {
		if asked, askErr := r.ask(v, token, &e.c.Answer); !jwtLike.MatchString(token) || strings.Count(token, ".") == 4 {
			if who, err = asked, askErr; strings.Contains(token, ".") {
				e.may(401, "a token that looks like a JWT")
			}
			if errors.Is(err, errUnavailable) {
				e.may(503, err.Error())
			}
			if err != nil && v.Userinfo != nil && e.c.Answer.Status == 403 {
				e.may(403, "the server says that a scope is missing")
			}
		}
	}
	if err != nil {
		e.refuse(401, err.Error())
		return false
	}
	if who.strict {
		e.may(401, "a bound of the token reader")
	}
	e.caller = who
	return true
}

// rules applies docs/rules.md to a request whose token is good.
func (e *Expectation) rules() {
	c, r := e.c, e.covered
	if !r.hasRules() {
		return
	}
	for _, h := range c.Headers {
		for _, name := range []string{"mcp-method", "mcp-name", "mcp-protocol-version", "content-length", "transfer-encoding"} {
			if respells(h[0], name) {
				e.refuse(400, "another spelling of "+name)
			}
		}
	}
	if !c.HasBody {
		return
	}
	h := readMCPHeaders(c.Headers)
	if h.refuse {
		e.refuse(400, "malformed headers of MCP")
	}
	if h.validated && h.hasMethod && !h.refuse {
		mirrored := h.method != "resources/subscribe" && h.method != "resources/unsubscribe"
		if e.needs(&h.message, false) && r.TrustHeaders && mirrored && h.plain && e.Forward {
			return
		}
	}
	e.readable()
	text := c.Body()
	switch {
	case len(text) > r.MaxBody:
		e.refuse(413, "the size of the body")
		return
	case text == "":
		return
	}
	b := readBody(text)
	if b.strict {
		e.may(400, "members that some servers read differently")
	}
	if b.refuse {
		e.refuse(400, "the body")
		return
	}
	e.compare(&h, &b)
	for i := range b.list {
		if b.list[i].hasMethod {
			e.needs(&b.list[i], true)
		}
	}
}

// compare refuses a body that the headers do not describe.
func (e *Expectation) compare(h *mcpHeaders, b *body) {
	if !h.hasMethod && !h.hasName {
		return
	}
	m := &b.list[0]
	switch {
	case b.batch:
		e.refuse(400, "a batch with headers")
	case h.hasMethod && (!m.hasMethod || m.method != h.method):
		e.refuse(400, "another method")
	case h.hasName && slices.Contains(namedMethods, m.method) && (!m.hasName || m.name != h.name):
		e.refuse(400, "another name")
	}
}

// needs refuses a message that needs what the caller does not have, and reports whether it
// is clear what it needs.
func (e *Expectation) needs(m *message, inBody bool) (clear bool) {
	n := e.covered.needOf(m)
	if !plainText(m.method) || n.refuse {
		e.refuse(400, "the method or the name")
		return false
	}
	if n.strict {
		e.may(400, "a URI that some parser may change")
	}
	if n.incomplete {
		if inBody {
			e.refuse(400, "no name")
		}
		return false
	}
	if n.public {
		return true
	}
	if !e.caller.has(n.Claims) {
		e.refuse(403, "a claim for "+m.method)
	}
	for _, s := range n.Scopes {
		if !e.covered.grants(e.caller.scopes, s) {
			e.refuse(403, "the scope "+s)
		}
	}
	return true
}

var (
	utf8Charset = regexp.MustCompile(`(?i)^[^;,]*; *charset="?utf-?8"?$`)
	jsonType    = regexp.MustCompile(`(?i)^application/json[ \t]*(;[^,]*)?$`)
)

// readable refuses a body that is compressed or not in UTF-8.
func (e *Expectation) readable() {
	size := 0
	for _, h := range e.c.Headers {
		size += len(h[1])
		switch headerKey(h[0]) {
		case "content-type":
			lower := strings.ToLower(h[1])
			switch {
			case !strings.Contains(lower, "charset"):
			case !strings.Contains(lower, "utf-8") && !strings.Contains(lower, "utf8"):
				e.refuse(415, "the charset")
			case !utf8Charset.MatchString(h[1]):
				e.may(415, "the charset")
			}
		case "content-encoding":
			if h[1] != "" && !strings.EqualFold(h[1], "identity") {
				e.refuse(415, "a compressed body")
			}
		}
	}
	if size > 1000 || len(values(e.c.Headers, "content-type")) > 1 || len(values(e.c.Headers, "content-encoding")) > 1 {
		e.may(415, "several headers")
	}
}

// open refuses a request with a status unless it is public: docs/rules.md, "Open operations".
func (e *Expectation) open(t *target, status int, why string) {
	c, r := e.c, e.covered
	method := c.first(":method")
	_, query, _ := strings.Cut(c.first(":path"), "?")
	if c.has("upgrade") || method == "CONNECT" {
		e.refuse(status, why)
		return
	}
	if strings.Contains(query, "%") || strings.Contains(strings.ToLower(query), "access_token") {
		e.may(status, why) // a query that may have a token
		if strings.Contains(query, "access_token") {
			e.refuse(status, why)
			return
		}
	}
	if r.isPublicPath(t) && !c.HasBody && (method == "GET" || method == "HEAD") {
		if !t.exact {
			e.may(status, why)
		}
		return
	}
	if !e.publicBody() {
		e.refuse(status, why)
		return
	}
	if len(e.Refusals) > 0 {
		e.may(status, why)
	}
}

// publicBody reports whether the body asks for public operations alone.
func (e *Expectation) publicBody() bool {
	c, r := e.c, e.covered
	types := values(c.Headers, "content-type")
	if c.first(":method") != "POST" || !c.HasBody || len(types) != 1 || !jsonType.MatchString(types[0]) {
		return false
	}
	shadow := *e // with the same rules, but another status
	shadow.Forward, shadow.Refusals = true, nil
	shadow.readable()
	h := readMCPHeaders(c.Headers)
	b := readBody(c.Body())
	if h.refuse || b.refuse || len(c.Body()) > r.MaxBody {
		return false
	}
	for _, header := range c.Headers {
		for _, name := range []string{"mcp-method", "mcp-name", "mcp-protocol-version", "content-length", "transfer-encoding"} {
			if respells(header[0], name) {
				return false
			}
		}
	}
	shadow.compare(&h, &b)
	for i := range b.list {
		n := r.needOf(&b.list[i])
		if !n.public || n.incomplete || n.refuse || b.list[i].response || !plainText(b.list[i].method) {
			return false
		}
	}
	if b.strict || len(shadow.Refusals) > 0 {
		e.may(401, "a body that some servers read differently")
		e.may(403, "a body that some servers read differently")
	}
	return shadow.Forward
}
