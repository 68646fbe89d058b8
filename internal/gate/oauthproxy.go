package gate

import (
	"strconv"
	"strings"

	"mcpauth/internal/callout"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/oauthproxy"
	"mcpauth/internal/route"
)

// own answers at a path that the gateway has at the resource's origin in the
// place of an authorization server. Pages of any origin may read the answers,
// but for those to which users go (RFC 9700, section 2.6).
func (p *resource) own(k route.Kind, r *Request) Verdict {
	methods := "POST, OPTIONS"
	switch {
	case k == route.ServerMetadata:
		return p.serverMetadata(r)
	case k == route.Authorize || k == route.Callback:
		if r.Method == "GET" {
			return p.redirect(k, r)
		}
		return reply(problem(405, codeMethod, "use GET", "", [2]string{"allow", "GET"}), metrics.Method)
	case k == route.Revoke && p.proxy.Ready() && !p.proxy.Revokes():
		return reply(notFound(r), metrics.NoResource)
	case r.Method == "OPTIONS":
		return reply(&Reply{204, append(r.preflightHeaders(anyOrigin, methods), [2]string{"allow", methods}), nil}, metrics.Preflight)
	case r.Method == "POST" && r.Upgrade:
		return r.upgrade()
	case r.Method == "POST":
		decide := p.form(k, r)
		if !r.HasBody {
			return decide(nil, 0)
		}
		b := &Body{Limit: oauthproxy.MaxBody, Decide: decide, origin: r.readers()}
		if k != route.Register {
			b.Queue = p.forms.forms
		}
		return Verdict{Body: b}
	}
	return reply(problem(405, codeMethod, "use POST", anyOrigin, [2]string{"allow", methods}), metrics.Method)
}

// serverMetadata serves the metadata of an authorization server (RFC 8414): of
// the one that the gateway is, or, for clients that know no metadata of
// resources, of the resource's own.
func (p *resource) serverMetadata(r *Request) Verdict {
	if p.proxy != nil {
		if !p.proxy.Ready() {
			return p.noEndpoints(r.Arrived, r.readers())
		}
		return publish(r, p.proxy.Document(p.Resource), "")
	}
	text := p.metadataOf.Metadata()
	if text == "" {
		return noMetadata(p.metadataOf, p.first.metadata, r.Arrived, r.readers())
	}
	return publish(r, []byte(text), "")
}

// noMetadata is the verdict on a request, arrived at a time, that needs the
// metadata of a server while there is none, or none of use.
func noMetadata(of *keys.Source, q *Queue, arrived int64, origin string) Verdict {
	v := reply(noAnswer(origin, of.RetryAfter()), metrics.NoAnswer)
	if of.Metadata() == "" && of.Await(callout.UnixMilli(arrived)) {
		v.Outcome = metrics.NoRoom
		return v.waiting(of, q)
	}
	return v
}

// noEndpoints is the same for the endpoints of the provider.
func (p *resource) noEndpoints(arrived int64, origin string) Verdict {
	if of := p.proxy.Source(); of != nil {
		return noMetadata(of, p.forms.metadata, arrived, origin)
	}
	return reply(noAnswer(origin, oauthproxy.RetryAfter), metrics.NoAnswer)
}

func noAnswer(origin string, seconds int) *Reply {
	return problem(503, codeUnavailable, "the authorization server does not answer", origin, [2]string{"retry-after", strconv.Itoa(seconds)})
}

// redirect sends a user to the provider, or back to the client.
func (p *resource) redirect(k route.Kind, r *Request) Verdict {
	if !p.proxy.Ready() {
		return p.noEndpoints(r.Arrived, "")
	}
	_, query, _ := strings.Cut(r.Path, "?")
	to := p.proxy.Authorize
	if k == route.Callback {
		to = p.proxy.Callback
	}
	return answered(to(query, p.Resource.Resource.Origin()), "")
}

// form returns what decides on the body of r: a registration is answered at
// once, other forms wait for the provider.
func (p *resource) form(k route.Kind, r *Request) func([]byte, int64) Verdict {
	f := oauthproxy.FormRequest{ContentType: strings.Clone(r.ContentType), Issuer: p.Resource.Resource.Origin(), Basic: isBasic(r.Authorization)}
	origin, arrived := r.readers(), r.Arrived
	var call *oauthproxy.Call
	return func(body []byte, _ int64) Verdict {
		if k == route.Register {
			return answered(p.proxy.Register(f.ContentType, body), origin)
		}
		if call == nil {
			if !p.proxy.Ready() {
				return p.noEndpoints(arrived, origin)
			}
			begin := p.proxy.Exchange
			if k == route.Revoke {
				if begin = p.proxy.Revoke; !p.proxy.Revokes() {
					return reply(problem(404, codeNotFound, "nothing is served at this path", origin), metrics.NoResource)
				}
			}
			var refused *oauthproxy.Response
			f.Body = string(body)
			refused, call = begin(&f)
			if f.Body = ""; refused != nil {
				return answered(refused, origin)
			}
		}
		if a := call.Response(); a != nil {
			return answered(a, origin)
		}
		return reply(noAnswer(origin, call.RetryAfter()), metrics.NoRoom).waiting(call, p.forms.forms)
	}
}

// isBasic reports whether an Authorization header is one of HTTP Basic (RFC 7617).
func isBasic(authorization string) bool {
	scheme, _ := cutSpace(trim(authorization))
	return strings.EqualFold(scheme, "Basic")
}

// answered is the verdict that gives an answer of the proxy.
func answered(a *oauthproxy.Response, origin string) Verdict {
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
		return reply(problem(a.Status, a.Code, a.Description, origin, headers...), a.Outcome)
	}
	headers = append(headers, [2]string{"cache-control", "no-store"})
	if a.Body != nil {
		headers = append(headers, [2]string{"content-type", "application/json"})
	}
	if a.Location != "" {
		headers = append(headers, [2]string{"location", a.Location}, [2]string{"referrer-policy", "no-referrer"})
	}
	if origin != "" {
		headers = append(headers, [2]string{"access-control-allow-origin", origin})
	}
	return reply(&Reply{a.Status, headers, a.Body}, a.Outcome)
}
