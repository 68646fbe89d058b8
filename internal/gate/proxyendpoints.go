package gate

import (
	"strconv"
	"strings"

	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/oauthproxy"
	"mcpauth/internal/reply"
	"mcpauth/internal/route"
)

// This file has the endpoints that the gateway serves in place of an
// authorization server. No request to them goes on to a server.

// serveProxyEndpoint serves the endpoint k of the gateway as the issuer of p. Pages of any origin
// may read the responses, except those of the endpoints to which a user's browser
// goes (RFC 9700, section 2.6). The page that asks the user posts its form to the
// authorization endpoint.
func (p *resource) serveProxyEndpoint(k route.Kind, r *Request) Verdict {
	const methods = "POST, OPTIONS"
	switch {
	case k == route.ServerMetadata:
		return p.serveServerMetadata(r)
	case k == route.AuthorizationEndpoint || k == route.CallbackEndpoint:
		switch {
		case r.Method == "GET":
			return p.serveBrowser(k, r)
		case k == route.CallbackEndpoint:
			return respond(reply.MethodNotAllowed("GET", "GET", ""), metrics.Method)
		case r.Method != "POST":
			return respond(reply.MethodNotAllowed("GET or POST", "GET, POST", ""), metrics.Method)
		case r.Upgrade:
			return refuseUpgrade(r)
		}
		return p.postForm(k, r)
	case k == route.RevocationEndpoint && p.proxyServer.Proxy.Ready() && !p.proxyServer.Proxy.Revokes():
		return respond(reply.NotFound(r.allowOrigin()), metrics.NoResource)
	case r.Method == "OPTIONS":
		return respond(reply.Options(methods, r.RequestHeaders), metrics.Preflight)
	case r.Method == "POST" && r.Upgrade:
		return refuseUpgrade(r)
	case r.Method == "POST":
		return p.postForm(k, r)
	}
	return respond(reply.MethodNotAllowed("POST", methods, reply.AnyOrigin), metrics.Method)
}

// serveServerMetadata serves the metadata of an authorization server (RFC 8414):
// of the gateway, if it stands for one, and otherwise of the resource's own
// server, for clients that do not know protected-resource metadata.
func (p *resource) serveServerMetadata(r *Request) Verdict {
	if p.proxyServer != nil {
		if !p.proxyServer.Proxy.Ready() {
			return p.awaitEndpoints(r.Arrived, r.allowOrigin())
		}
		return serveDocument(r, p.proxyServer.Proxy.Document(p.Resource), "")
	}
	text := p.metadataServer.Keys.Metadata()
	if text == "" {
		return awaitMetadata(p.metadataServer.Keys, p.metadataServer.queues.metadata, r.Arrived, r.allowOrigin())
	}
	return serveDocument(r, []byte(text), "")
}

// awaitMetadata returns the verdict on a request that needs the metadata of a
// server while there is none, or none with the endpoints that it needs.
func awaitMetadata(source *keys.Source, q *Queue, arrived UnixMilli, allowOrigin string) Verdict {
	response := reply.NoAuthServer(allowOrigin, source.RetryAfter())
	if source.Metadata() == "" && source.Await(arrived) {
		return waitFor(source, q, response)
	}
	return respond(response, metrics.NoAnswer)
}

// awaitEndpoints returns the verdict on a request that needs the endpoints of the
// provider while they are unknown.
func (p *resource) awaitEndpoints(arrived UnixMilli, allowOrigin string) Verdict {
	if source := p.proxyServer.Proxy.Source(); source != nil {
		return awaitMetadata(source, p.proxyServer.queues.metadata, arrived, allowOrigin)
	}
	return respond(reply.NoAuthServer(allowOrigin, oauthproxy.RetryAfter), metrics.NoAnswer)
}

// serveBrowser asks a user, or sends them to the provider or back to the client.
func (p *resource) serveBrowser(k route.Kind, r *Request) Verdict {
	proxy := p.proxyServer.Proxy
	if !proxy.Ready() {
		return p.awaitEndpoints(r.Arrived, "")
	}
	_, query, _ := strings.Cut(r.Path, "?")
	b := &oauthproxy.BrowserRequest{Query: query, Cookies: r.Cookies, Issuer: p.issuer}
	if k == route.CallbackEndpoint {
		return proxyResponse(proxy.Callback(b), "")
	}
	return p.browserVerdict(proxy.Authorize(b))
}

// browserVerdict returns the verdict that sends a response to a user's browser, or the one
// on a request that waits for the document of its client.
func (p *resource) browserVerdict(a *oauthproxy.Response, wait *oauthproxy.Fetch) Verdict {
	if wait != nil {
		late := proxyResponse(p.proxyServer.Proxy.DocumentBusy(p.issuer), "").response
		return waitFor(&documentWait{wait, late}, p.proxyServer.queues.documents, late)
	}
	return proxyResponse(a, "")
}

// A documentWait is a Wait for the document of a client. A user who waits too long gets a
// page.
type documentWait struct {
	*oauthproxy.Fetch
	late *reply.Response
}

// timedOut returns the verdict on a request that has waited too long for w.
func timedOut(w Wait, allowOrigin string) Verdict {
	if d, ok := w.(*documentWait); ok {
		return respond(d.late, metrics.TimedOut)
	}
	return respond(reply.TokenNotChecked(allowOrigin, w.RetryAfter()), metrics.TimedOut)
}

// postForm returns the verdict on a POST to the endpoint k, which depends on the
// body.
func (p *resource) postForm(k route.Kind, r *Request) Verdict {
	f := &form{
		resource: p,
		endpoint: k,
		form: oauthproxy.FormRequest{
			ContentType: strings.Clone(r.ContentType),
			Issuer:      p.issuer,
			Basic:       isBasic(r.Authorization),
		},
		arrived: r.Arrived,
	}
	if k == route.AuthorizationEndpoint {
		f.cookies, f.origin = strings.Clone(r.Cookies), strings.Clone(r.Origin)
		if r.HasOrigin && r.Origin == "" { // two Origin headers
			f.origin = "none"
		}
	} else {
		f.allowOrigin = r.allowOrigin()
	}
	if !r.HasBody {
		return f.decide(nil)
	}
	b := &Body{MaxBytes: oauthproxy.MaxBody, decide: f.decide, allowOrigin: f.allowOrigin}
	if k == route.TokenEndpoint || k == route.RevocationEndpoint {
		b.Queue = p.proxyServer.queues.forms
	}
	return awaitBody(b)
}

// A form is a POST to an endpoint of the proxy.
type form struct {
	resource    *resource
	endpoint    route.Kind
	form        oauthproxy.FormRequest
	allowOrigin string
	arrived     UnixMilli
	call        *oauthproxy.Call // to the provider; nil before it has begun

	// cookies and origin are headers of a user's browser, for the authorization endpoint.
	cookies, origin string
}

// decide returns the verdict on the body of the form. A registration is answered at once,
// and the answer of a user once the document of the client is known; other forms wait for
// the provider.
func (f *form) decide(body []byte) Verdict {
	proxy := f.resource.proxyServer.Proxy
	if f.endpoint == route.RegistrationEndpoint {
		return proxyResponse(proxy.Register(f.form.ContentType, body, f.form.Issuer), f.allowOrigin)
	}
	if f.endpoint == route.AuthorizationEndpoint {
		if !proxy.Ready() {
			return f.resource.awaitEndpoints(f.arrived, "")
		}
		f.form.Body = string(body)
		return f.resource.browserVerdict(proxy.Decide(&f.form, f.cookies, f.origin))
	}
	if f.call == nil {
		if !proxy.Ready() {
			return f.resource.awaitEndpoints(f.arrived, f.allowOrigin)
		}
		if f.endpoint == route.RevocationEndpoint && !proxy.Revokes() {
			return respond(reply.NotFound(f.allowOrigin), metrics.NoResource)
		}
		if refused := f.begin(proxy, body); refused != nil {
			return proxyResponse(refused, f.allowOrigin)
		}
	}
	if a := f.call.Response(); a != nil {
		return proxyResponse(a, f.allowOrigin)
	}
	return waitFor(f.call, f.resource.proxyServer.queues.forms, reply.NoAuthServer(f.allowOrigin, f.call.RetryAfter()))
}

// begin begins the call to the provider, or returns the response that refuses the
// form.
func (f *form) begin(proxy *oauthproxy.Proxy, body []byte) (refused *oauthproxy.Response) {
	f.form.Body = string(body)
	if f.endpoint == route.RevocationEndpoint {
		refused, f.call = proxy.Revoke(&f.form)
	} else {
		refused, f.call = proxy.Exchange(&f.form)
	}
	f.form.Body = "" // the call has its own copy
	return refused
}

// isBasic reports whether an Authorization header is of HTTP Basic (RFC 7617).
func isBasic(authorization string) bool {
	scheme, _ := cutSpace(trimSpace(authorization))
	return strings.EqualFold(scheme, "Basic")
}

// proxyResponse returns the verdict that sends a response of the proxy.
func proxyResponse(a *oauthproxy.Response, allowOrigin string) Verdict {
	var headers [][2]string
	if a.RetryAfter != "" {
		headers = append(headers, [2]string{"retry-after", a.RetryAfter})
	} else if a.Status == 503 {
		headers = append(headers, [2]string{"retry-after", strconv.Itoa(oauthproxy.RetryAfter)})
	}
	if a.Challenge != "" {
		headers = append(headers, [2]string{"www-authenticate", a.Challenge})
	}
	if a.Code != "" {
		return respond(reply.Error(a.Status, a.Code, a.Description, allowOrigin, headers...), a.Outcome)
	}
	headers = append(headers, [2]string{"cache-control", "no-store"})
	body := a.Body
	switch {
	case a.HTML != nil:
		body = a.HTML
		headers = append(headers, pageHeaders[:]...)
	case body != nil:
		headers = append(headers, [2]string{"content-type", "application/json"})
	}
	if a.Cookie != "" {
		headers = append(headers, [2]string{"set-cookie", a.Cookie})
	}
	if a.Location != "" {
		headers = append(headers, [2]string{"location", a.Location}, [2]string{"referrer-policy", "no-referrer"})
	}
	if allowOrigin != "" {
		headers = append(headers, [2]string{"access-control-allow-origin", allowOrigin})
	}
	return respond(&reply.Response{Status: a.Status, Headers: headers, Body: body}, a.Outcome)
}

// pageHeaders are the headers of a page for a user. No site may show it in a frame.
var pageHeaders = [...][2]string{
	{"content-type", "text/html; charset=utf-8"},
	{"content-security-policy", oauthproxy.ContentSecurityPolicy},
	{"x-frame-options", "DENY"},
	{"x-content-type-options", "nosniff"},
	{"referrer-policy", "no-referrer"},
}
